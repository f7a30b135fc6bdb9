//! What is worth telling.

use history::{Moment, Ordinal};

/// One thing worth telling.
#[derive(Clone, Debug)]
pub(super) struct Milestone {
    /// When it was seen.
    pub moment: Moment,
    /// What it is.
    pub kind: Kind,
    /// What the set promised about order at that moment.
    pub promise: Promise,
    /// What it is told of: a pod, if nothing else.
    pub noun: Noun,
    /// Its name: `web-0`.
    pub subject: String,
    /// What is told: `created at r1`.
    pub predicate: String,
}

/// What something is, where its name does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Noun {
    /// A set.
    Set,
    /// A revision.
    Revision,
    /// A claim.
    Claim,
    /// A pod: needs no noun.
    Pod,
}

impl Noun {
    /// `claim data-web-0`, `claims data-web-0, data-web-1`, `web-0, web-1`.
    pub fn with(self, names: &[&str]) -> String {
        let noun = match self {
            Noun::Set => "set",
            Noun::Revision => "revision",
            Noun::Claim => "claim",
            Noun::Pod => return names.join(", "),
        };
        let plural = if names.len() > 1 { "s" } else { "" };
        format!("{noun}{plural} {}", names.join(", "))
    }
}

/// What a set promises about the order of its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Promise {
    /// Pods come and go one after another: OrderedReady.
    pub ordered: bool,
    /// Updates take down one pod at a time: `maxUnavailable` is absent or 1.
    pub serial: bool,
    /// The namespace is being deleted: everything goes at once.
    pub void: bool,
}

/// What a milestone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something about the set itself.
    Set(SetStep),
    /// Something about the member with this ordinal or its claims.
    Member(Ordinal, Step),
}

/// What can happen to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SetStep {
    /// A revision appeared, or its number was raised, or it was removed.
    Revision,
    /// The set is to be deleted, or it is gone.
    Deletion,
}

/// What can happen to a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Its claim of this name appeared.
    ClaimCreated(String),
    /// Its claim of this name is to be deleted.
    ClaimDeletion(String, Cause),
    /// Its claim of this name is gone.
    ClaimGone(String),
    /// The pod appeared.
    Created,
    /// The set took over the pod, or let go of it.
    Owned,
    /// The pod turned Ready.
    Ready,
    /// The pod is no longer Ready, though nobody deleted it.
    Unready,
    /// The pod answered a request.
    Served,
    /// The pod ended, though nobody deleted it.
    Ended,
    /// The pod is to be deleted.
    Deletion(Cause),
    /// The pod is gone. With a cause if this is also the decision.
    Gone(Option<Cause>),
}

/// Why something is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The controller replaces a member.
    Replacement,
    /// The controller removes a member that is no longer wanted.
    ScaleDown,
    /// The harness asked for it.
    Harness,
    /// The set, its owner, is going or gone.
    Cascade,
}

impl Step {
    /// Whether it is the controller's decision to delete the pod, and why.
    pub fn decision(&self) -> Option<Cause> {
        match self {
            Step::Deletion(cause) | Step::Gone(Some(cause)) => {
                Some(*cause).filter(|cause| matches!(cause, Cause::Replacement | Cause::ScaleDown))
            }
            _ => None,
        }
    }
}
