//! ControllerRevisions: one for each template, numbered, kept as long as they are used (specification 1.8).

mod made;
mod pruned;
mod reported;
mod returned;

pub use made::{SS_REV_01, SS_REV_02, SS_REV_03};
pub use pruned::SS_REV_05;
pub use reported::{SS_REV_06, SS_REV_09, SS_REV_10, SS_REV_13};
pub use returned::SS_REV_04;

pub(super) use pruned::may_be_pruned;

use crate::rules::course::Course;
use history::{Moment, Revision};
use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_REV_01, &SS_REV_02, &SS_REV_03, &SS_REV_04, &SS_REV_05, &SS_REV_06, &SS_REV_09, &SS_REV_10,
    &SS_REV_13,
];

/// One more than the highest number of the set's other revisions at position `index`.
fn next_number(course: &Course<'_>, revision: &Revision, index: usize) -> i64 {
    let others = course
        .ledger
        .revisions(course.set)
        .filter(|other| other.uid != revision.uid);
    others
        .filter_map(|other| other.number_at(index))
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}

/// Who needs a revision at position `index`, and since when.
fn named_by(course: &Course<'_>, revision: &Revision, index: usize) -> Option<(String, Moment)> {
    let name = Some(revision.name.as_str());
    let (reported, state) = course.set.states.at(index)?;
    if state.status.current_revision.as_deref() == name {
        return Some(("status.currentRevision".into(), *reported));
    }
    if state.status.update_revision.as_deref() == name {
        return Some(("status.updateRevision".into(), *reported));
    }
    course
        .all_at(index)
        .find(|(_, _, state)| state.revision.as_deref() == name)
        .map(|(_, pod, _)| (format!("pod {}", pod.name), pod.added()))
}

/// The revisions that were deleted while the set was to live, and when; the harness's own deletions are none.
fn deleted<'a>(course: &Course<'a>) -> impl Iterator<Item = (&'a Revision, Moment)> {
    let (ledger, set, ending) = (course.ledger, course.set, course.ending);
    ledger.revisions(set).filter_map(move |revision| {
        let gone = revision.gone?;
        let ended = ending.is_some_and(|ending| ending <= gone);
        let asked = ledger.asked_to_delete("controllerrevisions", &set.namespace, &revision.name, gone);
        (!ended && !asked).then_some((revision, gone))
    })
}
