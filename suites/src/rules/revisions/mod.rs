//! ControllerRevisions: one for each template, numbered, kept as long as they are used (specification 1.8).

mod made;
mod reported;
mod returned;

pub use made::{SS_REV_01, SS_REV_02, SS_REV_03};
pub use reported::{SS_REV_06, SS_REV_09, SS_REV_10, SS_REV_13};
pub use returned::SS_REV_04;

use crate::rules::course::Course;
use history::Revision;
use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_REV_01, &SS_REV_02, &SS_REV_03, &SS_REV_04, &SS_REV_06, &SS_REV_09, &SS_REV_10, &SS_REV_13,
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
