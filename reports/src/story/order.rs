//! Which order is promised, and the one form of all sequences that keep it.

use super::milestone::{Cause, Kind, Milestone, Noun, Promise, SetStep, Step};
use history::Ordinal;

/// Whether the order of two milestones means something. If not, they may be swapped: nothing promises which comes
/// first. Symmetric.
pub(super) fn dependent(a: &Milestone, b: &Milestone) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Set(_), Kind::Set(_)) => true,
        (Kind::Set(set), Kind::Member(_, step)) | (Kind::Member(_, step), Kind::Set(set)) => {
            set_and_member(*set, step, both(a.promise, b.promise))
        }
        (Kind::Member(i, x), Kind::Member(j, y)) if i == j => same_member(x, y),
        (Kind::Member(i, x), Kind::Member(j, y)) => {
            let promise = both(a.promise, b.promise);
            let (low, high) = if i < j {
                ((*i, x), (*j, y))
            } else {
                ((*j, y), (*i, x))
            };
            !promise.void && two_members(promise, low, high)
        }
    }
}

/// What is promised at two moments is what holds at both.
fn both(a: Promise, b: Promise) -> Promise {
    Promise {
        ordered: a.ordered && b.ordered,
        serial: a.serial && b.serial,
        void: a.void || b.void,
    }
}

fn set_and_member(set: SetStep, step: &Step, promise: Promise) -> bool {
    match set {
        // A pod names its revision, and an update knows what it updates to.
        SetStep::Revision => *step == Step::Created || step.decision() == Some(Cause::Replacement),
        SetStep::Deletion => {
            let cascade = match step {
                Step::Created | Step::Owned | Step::Gone(_) => true,
                Step::Deletion(cause) => *cause == Cause::Cascade,
                _ => false,
            };
            cascade && !promise.void
        }
    }
}

fn same_member(x: &Step, y: &Step) -> bool {
    use Step::{ClaimCreated, ClaimDeletion, ClaimGone, Created};
    match (x, y) {
        (
            ClaimCreated(a) | ClaimDeletion(a, _) | ClaimGone(a),
            ClaimCreated(b) | ClaimDeletion(b, _) | ClaimGone(b),
        ) => a == b,
        // A claim goes when its pod is gone, unless both go with the set or somebody else wants it so.
        (ClaimDeletion(_, cause), pod) | (pod, ClaimDeletion(_, cause)) => {
            *cause == Cause::ScaleDown || *pod == Created
        }
        // The protection of a claim ends with the pod's containers, before or after the pod's object is gone.
        (ClaimGone(_), pod) | (pod, ClaimGone(_)) => *pod == Created,
        _ => true,
    }
}

fn two_members(promise: Promise, (i, low): (Ordinal, &Step), (j, high): (Ordinal, &Step)) -> bool {
    match (low.decision(), high.decision()) {
        (Some(a), Some(b)) => promise.ordered || (a == Cause::Replacement && b == Cause::Replacement),
        (Some(cause), None) => decision_waits_for(promise, cause, high, j > i),
        (None, Some(cause)) => decision_waits_for(promise, cause, low, i > j),
        (None, None) => {
            // A pod and its claims come only when all pods below are Ready. Pods below come back on their own.
            let comes = matches!(high, Step::Created | Step::ClaimCreated(_));
            let stands = matches!(
                low,
                Step::Created | Step::Ready | Step::Unready | Step::ClaimCreated(_)
            );
            promise.ordered && comes && stands
        }
    }
}

/// Whether the decision to delete one pod waits for, or is held up by, what happens to another pod.
fn decision_waits_for(promise: Promise, cause: Cause, other: &Step, other_is_higher: bool) -> bool {
    let one_by_one = match cause {
        Cause::Replacement => promise.serial,
        _ => promise.ordered,
    };
    let concerns = match other {
        // Under Parallel, an update waits for the pods above only.
        Step::Created | Step::Ready | Step::Unready => promise.ordered || other_is_higher,
        Step::Gone(_) => other_is_higher,
        _ => false,
    };
    one_by_one && concerns
}

/// The steps of a phase: each milestone as early as those that it depends on and that came before it allow. Every
/// sequence that differs only in the order of independent milestones gives the same steps.
///
/// `milestones` are in the order in which they happened.
pub(super) fn steps(milestones: &[&Milestone]) -> Vec<Vec<String>> {
    let mut levels: Vec<usize> = Vec::with_capacity(milestones.len());
    for (place, milestone) in milestones.iter().enumerate() {
        let level = milestones[..place]
            .iter()
            .zip(&levels)
            .filter(|(earlier, _)| dependent(earlier, milestone))
            .map(|(_, level)| level + 1)
            .max()
            .unwrap_or_default();
        levels.push(level);
    }
    let depth = levels.iter().max().map_or(0, |deepest| deepest + 1);
    let mut steps: Vec<Vec<&Milestone>> = vec![Vec::new(); depth];
    for (milestone, level) in milestones.iter().zip(levels) {
        steps[level].push(milestone);
    }
    steps.into_iter().map(side_by_side).collect()
}

/// What happens side by side, in one order: by ordinal and kind; the same of several in one breath.
fn side_by_side(mut step: Vec<&Milestone>) -> Vec<String> {
    fn key(milestone: &Milestone) -> (Option<Ordinal>, Option<&Step>, Noun, &str, &str) {
        let (ordinal, step) = match &milestone.kind {
            Kind::Set(_) => (None, None),
            Kind::Member(ordinal, step) => (Some(*ordinal), Some(step)),
        };
        (
            ordinal,
            step,
            milestone.noun,
            &milestone.subject,
            &milestone.predicate,
        )
    }
    step.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut groups: Vec<(Noun, &str, Vec<&str>)> = Vec::new();
    for milestone in step {
        let same = |(noun, predicate, _): &&mut (Noun, &str, Vec<&str>)| {
            *noun == milestone.noun && *predicate == milestone.predicate
        };
        match groups.iter_mut().find(same) {
            Some((_, _, subjects)) => subjects.push(&milestone.subject),
            None => groups.push((milestone.noun, &milestone.predicate, vec![&milestone.subject])),
        }
    }
    groups
        .into_iter()
        .map(|(noun, predicate, subjects)| format!("{} {predicate}", noun.with(&subjects)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Elapsed, Moment};
    use proptest::prelude::*;

    fn milestone(place: usize, ordinal: u32, step: Step, promise: Promise) -> Milestone {
        Milestone {
            moment: Moment {
                index: place,
                at: Elapsed::ZERO,
                line: place + 1,
            },
            predicate: format!("{step:?} #{place}"),
            kind: Kind::Member(Ordinal(ordinal), step),
            promise,
            noun: Noun::Pod,
            subject: format!("web-{ordinal}"),
        }
    }

    fn told(milestones: &[Milestone]) -> Vec<Vec<String>> {
        steps(&milestones.iter().collect::<Vec<_>>())
    }

    const ORDERED: Promise = Promise {
        ordered: true,
        serial: true,
        void: false,
    };

    /// Whether the order of `low` at pod 0 and `high` at pod 1 means something.
    fn matters(promise: Promise, low: Step, high: Step) -> bool {
        let (low, high) = (milestone(0, 0, low, promise), milestone(1, 1, high, promise));
        assert_eq!(dependent(&low, &high), dependent(&high, &low));
        dependent(&low, &high)
    }

    #[test]
    fn ordered_pods_come_after_those_below() {
        assert!(matters(ORDERED, Step::Ready, Step::Created));
        assert!(matters(
            ORDERED,
            Step::Ready,
            Step::ClaimCreated("www-web-1".into())
        ));
        assert!(matters(ORDERED, Step::Created, Step::Created));
        // Nothing makes a lower pod wait for a higher one, nor the nodes for each other.
        assert!(!matters(ORDERED, Step::Created, Step::Ready));
        assert!(!matters(ORDERED, Step::Ready, Step::Ready));
        assert!(!matters(ORDERED, Step::Gone(None), Step::Gone(None)));
    }

    #[test]
    fn ordered_pods_go_one_by_one_from_the_top() {
        for cause in [Cause::ScaleDown, Cause::Replacement] {
            assert!(
                matters(ORDERED, Step::Deletion(cause), Step::Gone(None)),
                "{cause:?}"
            );
            assert!(
                matters(ORDERED, Step::Deletion(cause), Step::Deletion(cause)),
                "{cause:?}"
            );
            assert!(matters(ORDERED, Step::Deletion(cause), Step::Ready), "{cause:?}");
            assert!(
                !matters(ORDERED, Step::Gone(None), Step::Deletion(cause)),
                "{cause:?}"
            );
        }
        for cause in [Cause::Harness, Cause::Cascade] {
            assert!(
                !matters(ORDERED, Step::Deletion(cause), Step::Gone(None)),
                "{cause:?}"
            );
            assert!(
                !matters(ORDERED, Step::Deletion(cause), Step::Deletion(cause)),
                "{cause:?}"
            );
        }
    }

    #[test]
    fn a_pod_that_vanishes_at_once_counts_as_decided() {
        let gone = Step::Gone(Some(Cause::ScaleDown));
        assert!(matters(ORDERED, gone.clone(), gone));
    }

    #[test]
    fn parallel_pods_wait_for_nobody_except_in_updates() {
        let parallel = Promise {
            ordered: false,
            ..ORDERED
        };
        assert!(!matters(parallel, Step::Ready, Step::Created));
        assert!(!matters(
            parallel,
            Step::Deletion(Cause::ScaleDown),
            Step::Gone(None)
        ));
        let update = Step::Deletion(Cause::Replacement);
        assert!(matters(parallel, update.clone(), Step::Ready));
        assert!(matters(parallel, update.clone(), update.clone()));
        // Not for the pods below (SS-PAR-06).
        assert!(!matters(parallel, Step::Ready, update));
    }

    #[test]
    fn several_unavailable_pods_come_back_in_any_order() {
        let several = Promise {
            serial: false,
            ..ORDERED
        };
        let update = Step::Deletion(Cause::Replacement);
        assert!(!matters(several, update.clone(), Step::Ready));
        assert!(matters(several, update.clone(), update));
    }

    #[test]
    fn what_happens_to_one_pod_has_an_order_and_what_its_node_does_to_claims_has_none() {
        let claim = || "www-web-0".to_owned();
        assert!(same_member(&Step::Created, &Step::Ready));
        assert!(same_member(&Step::ClaimCreated(claim()), &Step::Created));
        assert!(!same_member(&Step::ClaimGone(claim()), &Step::Gone(None)));
        assert!(same_member(
            &Step::ClaimDeletion(claim(), Cause::ScaleDown),
            &Step::Gone(None)
        ));
        assert!(!same_member(
            &Step::ClaimDeletion(claim(), Cause::Cascade),
            &Step::Gone(None)
        ));
        assert!(!same_member(
            &Step::ClaimCreated(claim()),
            &Step::ClaimCreated("logs-web-0".into())
        ));
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::ClaimCreated("www".into())),
            Just(Step::ClaimGone("www".into())),
            Just(Step::Created),
            Just(Step::Ready),
            Just(Step::Unready),
            Just(Step::Served),
            Just(Step::Deletion(Cause::Replacement)),
            Just(Step::Deletion(Cause::ScaleDown)),
            Just(Step::Deletion(Cause::Harness)),
            Just(Step::Deletion(Cause::Cascade)),
            Just(Step::Gone(None)),
            Just(Step::Gone(Some(Cause::ScaleDown))),
        ]
    }

    proptest! {
        /// The point of it all: two sequences have the same form exactly if the one can be had from the other by
        /// swapping neighbours whose order means nothing.
        #[test]
        fn neighbours_may_be_swapped_exactly_if_their_order_means_nothing(
            members in prop::collection::vec((0..4u32, any_step()), 2..24),
            ordered in any::<bool>(),
            serial in any::<bool>(),
        ) {
            let promise = Promise { ordered, serial, void: false };
            let milestones: Vec<Milestone> = members
                .into_iter()
                .enumerate()
                .map(|(place, (ordinal, step))| milestone(place, ordinal, step, promise))
                .collect();
            for place in 1..milestones.len() {
                let mut swapped = milestones.clone();
                swapped.swap(place - 1, place);
                let means = dependent(&milestones[place - 1], &milestones[place]);
                prop_assert_eq!(told(&milestones) != told(&swapped), means, "{}", place);
            }
        }
    }
}
