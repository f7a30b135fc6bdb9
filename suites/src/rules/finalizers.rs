//! Whose finalizers a pod carries.

use history::{Author, Incarnation, Ledger, PodState, Set};

/// Whether the candidate added this finalizer of its own accord: no template of the set asks for it. Such a one is the
/// candidate's to take off again, in time.
pub(super) fn is_of_candidate(ledger: &Ledger, set: &Set, pod: &Incarnation, finalizer: &str) -> bool {
    let asked_for = || {
        let mut specs = set.specs.entries().iter();
        specs.any(|(_, spec)| spec.template_finalizers().any(|asked| asked == finalizer))
    };
    added_by(ledger, pod, finalizer) == Author::Candidate && !asked_for()
}

/// A finalizer of the candidate's own that a pod still carries.
pub(super) fn of_candidate<'a>(
    ledger: &Ledger,
    set: &Set,
    pod: &Incarnation,
    state: &'a PodState,
) -> Option<&'a str> {
    state
        .finalizers()
        .find(|finalizer| is_of_candidate(ledger, set, pod, finalizer))
}

fn added_by(ledger: &Ledger, pod: &Incarnation, finalizer: &str) -> Author {
    let states = pod.states.entries();
    match states
        .iter()
        .position(|(_, state)| state.has_finalizer(finalizer))
    {
        Some(0) => pod.created_by,
        Some(place) => states
            .get(place)
            .map_or(Author::Unknown, |(moment, _)| ledger.author_at(*moment)),
        None => Author::Unknown,
    }
}
