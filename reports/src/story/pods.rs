//! The milestones of members and their claims.

use super::{
    milestone::{Cause, Kind, Milestone, Noun, Step},
    revisions::Revisions,
    section::{self, Lives},
};
use history::{Author, Claim, Incarnation, Ledger, Moment, Ordinal, Set};

/// Everything that is told of the pods of a set.
pub(super) fn milestones(ledger: &Ledger, lives: &Lives<'_>, revisions: &Revisions) -> Vec<Milestone> {
    let mut told: Vec<Milestone> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for set in lives.all() {
        for pod in ledger.members(set) {
            // A pod that was handed from one life of the set to the next is a member of both.
            if seen.contains(&pod.uid.as_str()) {
                continue;
            }
            seen.push(&pod.uid);
            if let Some(ordinal) = ledger.ordinal(set, pod) {
                Member {
                    ledger,
                    lives,
                    revisions,
                    pod,
                    ordinal,
                }
                .tell(&mut told);
            }
        }
    }
    told
}

struct Member<'a> {
    ledger: &'a Ledger,
    lives: &'a Lives<'a>,
    revisions: &'a Revisions,
    pod: &'a Incarnation,
    ordinal: Ordinal,
}

impl Member<'_> {
    fn tell(&self, told: &mut Vec<Milestone>) {
        let mut say = |moment: Moment, step: Step, predicate: String| {
            told.push(Milestone {
                moment,
                kind: Kind::Member(self.ordinal, step),
                promise: self.lives.promise(self.ledger, moment),
                noun: Noun::Pod,
                subject: self.pod.name.clone(),
                predicate,
            });
        };
        let (mut owner, mut ready, mut ended, mut was_ready) = (None, false, false, false);
        for (place, (moment, state)) in self.pod.states.entries().iter().enumerate() {
            let owned = state.owner.as_ref().is_some_and(|uid| self.lives.has(uid));
            if place == 0 {
                if self.pod.seen_added {
                    let at = state
                        .revision
                        .as_deref()
                        .map(|name| format!(" at {}", self.revisions.call(name)));
                    let by = if owned { "" } else { ", owned by nobody" };
                    say(
                        *moment,
                        Step::Created,
                        format!("created{}{by}", at.unwrap_or_default()),
                    );
                } else {
                    ready = state.ready;
                }
            } else if owner != Some(owned) {
                say(
                    *moment,
                    Step::Owned,
                    if owned { "adopted" } else { "released" }.into(),
                );
            }
            owner = Some(owned);
            // What a pod looks like on its way out is the node's business.
            if state.terminating {
                continue;
            }
            if state.ready && !ready {
                let claims = if was_ready { "" } else { self.claims(moment) };
                say(*moment, Step::Ready, format!("Ready{claims}"));
                was_ready = true;
            }
            if state.ended() && !ended {
                say(*moment, Step::Ended, state.phase.clone());
            } else if !state.ready && ready && !state.ended() {
                say(*moment, Step::Unready, "no longer Ready".into());
            }
            (ready, ended) = (state.ready, state.ended());
        }
        let decided = self
            .pod
            .deletion
            .as_ref()
            .map(|deletion| (deletion.moment, deletion.grace, self.cause(deletion.moment)));
        let at_once = decided.is_some_and(|(_, grace, _)| grace.is_none_or(|seconds| seconds == 0));
        if let Some((moment, _, cause)) = decided.filter(|_| !at_once) {
            let why = match cause {
                Cause::Replacement | Cause::ScaleDown => "deletion decided",
                Cause::Harness => "deleted by the harness",
                Cause::Cascade => "deleted along with the set",
            };
            say(moment, Step::Deletion(cause), why.into());
        }
        if let Some(gone) = self.pod.gone {
            let cause = decided.filter(|_| at_once).map(|(_, _, cause)| cause);
            say(gone, Step::Gone(cause), "gone".into());
        }
    }

    fn cause(&self, moment: Moment) -> Cause {
        let by_harness = self
            .pod
            .deletion
            .as_ref()
            .is_some_and(|deletion| deletion.by == Author::Harness);
        // The owner decides, not the author: evidence of grade B does not tell the garbage collector apart.
        let owner = self
            .pod
            .at(moment.index)
            .or(self.pod.last())
            .and_then(|state| state.owner.as_deref());
        match owner.and_then(|uid| self.lives.with_uid(uid)) {
            _ if by_harness => Cause::Harness,
            _ if section::namespace_goes(self.ledger, moment) => Cause::Cascade,
            None => Cause::Cascade,
            Some(set) if section::goes(set, moment) => Cause::Cascade,
            Some(set) => match set.spec_at(moment.index) {
                Some(spec) if !spec.in_range(self.ordinal) => Cause::ScaleDown,
                _ => Cause::Replacement,
            },
        }
    }

    /// What became of the claims of the pod when it turned Ready for the first time.
    fn claims(&self, moment: &Moment) -> &'static str {
        let Some(set) = self.lives.at(*moment) else {
            return "";
        };
        let templates = set
            .spec_at(moment.index)
            .map_or(&[][..], |spec| &spec.claim_templates);
        if templates.is_empty() {
            return "";
        }
        let before = self
            .predecessor(set)
            .and_then(|pod| pod.gone.or(Some(pod.added())));
        let mut same = before.is_some();
        for template in templates {
            let name = self.ledger.claim_name(set, template, self.ordinal);
            let at = |index| claim_at(self.ledger, set, &name, index);
            match at(moment.index) {
                Some(claim) if is_bound(claim, moment.index) => {
                    let earlier = before.and_then(|moment| at(moment.index));
                    same &= earlier.is_some_and(|earlier| earlier.uid == claim.uid);
                }
                _ => return ", claims not bound",
            }
        }
        if same {
            " on the same claims"
        } else {
            " on new claims"
        }
    }

    /// The incarnation before this one.
    fn predecessor(&self, set: &Set) -> Option<&Incarnation> {
        let earlier = |pod: &&Incarnation| pod.added().index < self.pod.added().index;
        self.lives
            .all()
            .filter(|life| life.name == set.name)
            .flat_map(|life| self.ledger.members(life))
            .filter(|pod| pod.name == self.pod.name)
            .filter(earlier)
            .max_by_key(|pod| pod.added())
    }
}

fn claim_at<'a>(ledger: &'a Ledger, set: &Set, name: &str, index: usize) -> Option<&'a Claim> {
    ledger
        .claims_named(&set.namespace, name)
        .filter(|claim| claim.at(index).is_some())
        .last()
}

fn is_bound(claim: &Claim, index: usize) -> bool {
    claim.at(index).is_some_and(|state| state.phase == "Bound")
}

/// Everything that is told of the claims of a set.
pub(super) fn claim_milestones(ledger: &Ledger, lives: &Lives<'_>) -> Vec<Milestone> {
    let mut told = Vec::new();
    for claim in ledger.claims() {
        let Some((_, ordinal)) = lives.all().find_map(|set| ledger.claim_of(set, claim)) else {
            continue;
        };
        let mut say = |moment: Moment, step: Step, predicate: &str| {
            told.push(Milestone {
                moment,
                kind: Kind::Member(ordinal, step),
                promise: lives.promise(ledger, moment),
                noun: Noun::Claim,
                subject: claim.name.clone(),
                predicate: predicate.into(),
            });
        };
        if claim.seen_added {
            say(claim.added(), Step::ClaimCreated(claim.name.clone()), "created");
        }
        // A claim that is not protected is gone in the moment of the decision.
        if let Some((moment, by)) = claim.deletion
            && claim.gone != Some(moment)
        {
            let cause = if by == Author::Harness {
                Cause::Harness
            } else if section::namespace_goes(ledger, moment)
                || lives.at(moment).is_none_or(|set| section::goes(set, moment))
            {
                Cause::Cascade
            } else {
                Cause::ScaleDown
            };
            say(
                moment,
                Step::ClaimDeletion(claim.name.clone(), cause),
                "to be deleted",
            );
        }
        if let Some(gone) = claim.gone {
            say(gone, Step::ClaimGone(claim.name.clone()), "gone");
        }
    }
    told
}
