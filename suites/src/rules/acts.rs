//! What the candidate did: the pods it created, and the pods it decided to delete.

use super::{
    gates::{Scope, Step},
    window::Window,
};
use history::{Author, Incarnation, Ledger, Moment, Ordinal, PodState, Set};

/// A pod that the candidate created, or may have created.
#[derive(Clone, Copy)]
pub(super) struct Creation<'a> {
    /// When.
    pub(super) moment: Moment,
    /// The pod.
    pub(super) pod: &'a Incarnation,
    /// As it was created.
    pub(super) state: &'a PodState,
    /// Its ordinal, if its name is one the set gives.
    pub(super) ordinal: Option<Ordinal>,
}

/// The pods that the candidate created for a set, before the set or its namespace began to end, oldest first.
pub(super) fn creations<'a>(ledger: &'a Ledger, set: &'a Set) -> impl Iterator<Item = Creation<'a>> {
    let ending = ledger.ending(set);
    ledger.members(set).filter_map(move |pod| {
        let (moment, state) = pod.states.first()?;
        let by_candidate = pod.seen_added && pod.created_by.may_be_candidate();
        let in_time = ending.is_none_or(|ending| moment.index < ending.index);
        (by_candidate && in_time && state.owner.as_deref() == Some(&set.uid)).then_some(Creation {
            moment: *moment,
            pod,
            state,
            ordinal: ledger.ordinal(set, pod),
        })
    })
}

/// The created pods that carry a name the set gives.
pub(super) fn members_created<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
) -> impl Iterator<Item = (Ordinal, Creation<'a>)> {
    creations(ledger, set).filter_map(|creation| Some((creation.ordinal?, creation)))
}

/// A pod that the candidate decided to delete, or may have decided to.
#[derive(Clone, Copy)]
pub(super) struct Deed<'a> {
    /// When deletionTimestamp appeared.
    pub(super) moment: Moment,
    /// The pod.
    pub(super) pod: &'a Incarnation,
    /// As it was just before.
    pub(super) state: &'a PodState,
    /// When it became so.
    pub(super) state_since: Moment,
    /// Its ordinal.
    pub(super) ordinal: Ordinal,
    /// The grace period that was given, in seconds.
    pub(super) grace: Option<i64>,
}

/// The members that the candidate decided to delete before the set or its namespace began to end, oldest first.
/// What the cluster itself takes away (eviction, preemption, a lost node) is left out where nobody knows the author.
pub(super) fn deletions<'a>(ledger: &'a Ledger, set: &'a Set) -> Vec<Deed<'a>> {
    let ending = ledger.ending(set);
    let mut deeds: Vec<Deed<'a>> = ledger
        .members(set)
        .filter_map(|pod| {
            let deletion = pod.deletion.as_ref()?;
            let (state_since, state) = pod.states.before(deletion.moment.index)?;
            let in_time = ending.is_none_or(|ending| deletion.moment.index < ending.index);
            let decided = match deletion.by {
                Author::Candidate => true,
                Author::Unknown => !taken_by_the_cluster(ledger, pod, deletion.moment),
                Author::Harness | Author::Cluster => false,
            };
            (decided && in_time && state.owner.as_deref() == Some(&set.uid)).then_some(Deed {
                moment: deletion.moment,
                pod,
                state,
                state_since: *state_since,
                ordinal: ledger.ordinal(set, pod)?,
                grace: deletion.grace,
            })
        })
        .collect();
    deeds.sort_by_key(|deed| deed.moment.index);
    deeds
}

/// The deletions of scale-downs under OrderedReady: of members that no spec within the staleness window wanted, or that
/// the newest does not want while nothing but that explains the deletion.
pub(super) fn condemned<'a>(ledger: &'a Ledger, set: &'a Set) -> Vec<Deed<'a>> {
    let mut deeds = deletions(ledger, set);
    deeds.retain(|deed| {
        let window = Window::before(ledger, set, deed.moment);
        let newest_condemns = window
            .spec()
            .is_some_and(|(_, spec)| !spec.in_range(deed.ordinal));
        window.ordered()
            && (window.condemns(deed.ordinal) || newest_condemns && !wanted_gone(ledger, set, window, deed))
    });
    deeds
}

/// Whether an older spec of the window explains a deletion: it wanted the member, but at another revision, or in place
/// of one that had ended.
fn wanted_gone(ledger: &Ledger, set: &Set, window: Window<'_>, deed: &Deed<'_>) -> bool {
    let mut wanting = window.specs().filter(|spec| spec.in_range(deed.ordinal));
    wanting.any(|spec| {
        let wanted = ledger.wanted_revision(set, spec, deed.moment.index);
        deed.state.ended()
            || deed.state.revision.is_none()
            || wanted.is_none_or(|wanted| deed.state.revision.as_deref() != Some(&wanted.name))
    })
}

impl Deed<'_> {
    /// The deletion as a step that the members above may hold back.
    pub(super) fn below_others(&self) -> Step {
        Step {
            moment: self.moment,
            scope: Scope::Above(self.ordinal),
        }
    }
}

/// Whether the cluster had a reason of its own to take the pod away: it says so, or the node is gone.
pub(super) fn taken_by_the_cluster(ledger: &Ledger, pod: &Incarnation, moment: Moment) -> bool {
    let disrupted = [pod.states.before(moment.index), pod.states.at(moment.index)];
    if disrupted
        .into_iter()
        .flatten()
        .any(|(_, state)| state.disrupted())
    {
        return true;
    }
    let node = pod
        .states
        .before(moment.index)
        .and_then(|(_, state)| state.node.as_deref());
    node.is_some_and(|node| {
        let mut lives = ledger.related_named("nodes", "", node).peekable();
        lives.peek().is_some() && !lives.any(|life| life.at(moment.index).is_some())
    })
}
