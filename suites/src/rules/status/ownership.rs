//! Who may write what of a set.

use crate::rules::course::{Course, courses};
use history::{Author, Evidence, Ledger};
use judging::{Judge, Kind, Level, Profile, Rule};

/// The status is the controller's, the rest is the user's.
pub static SS_ST_09: Rule = Rule {
    id: "SS-ST-09",
    sentence: "The controller writes only the status of the set: spec, labels, annotations and generation never change \
               by its hand",
    why: "A controller that writes the whole object overwrites what the user wrote a moment before.",
    source: "reference implementation: all writes to the set go through its status subresource",
    fix: "Use the status subresource for every write to the set.",
    profile: Profile::Status,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            match ledger.meta().evidence {
                Evidence::A => audited(ledger, &course, judge),
                Evidence::B => unasked(ledger, &course, judge),
            }
        }
    },
};

/// Every write is known with its author.
fn audited(ledger: &Ledger, course: &Course<'_>, judge: &mut Judge<'_>) {
    for (moment, write) in ledger.writes() {
        let ours = write.role == Author::Candidate
            && write.resource == ledger.subject().resource
            && write.name == course.set.name
            && write.namespace.as_deref() == Some(course.set.namespace.as_str());
        let lives = course.set.added() < *moment && course.set.gone.is_none_or(|gone| *moment < gone);
        if ours && lives && (200..300).contains(&write.code) {
            judge.expect(
                write.subresource.as_deref() == Some("status"),
                || {
                    format!(
                        "the candidate sent `{}` for set {} itself, not for its status",
                        write.verb, write.name
                    )
                },
                [course.set.added(), *moment],
            );
        }
    }
}

/// Nobody but the harness has business with the spec; what it did not ask for was the candidate.
fn unasked(ledger: &Ledger, course: &Course<'_>, judge: &mut Judge<'_>) {
    if !course.set.status_changes().is_empty() {
        judge.opportunity();
    }
    for epoch in course.epochs.iter().skip(1) {
        let by = ledger.author_at(epoch.from);
        let set = course.set;
        let asked = ledger.asked_to_change(&ledger.subject().resource, &set.namespace, &set.name, epoch.from);
        if by.may_be_candidate() && !asked {
            judge.violation(
                format!(
                    "the spec of set {} changed (generation {}), and the harness had not asked for it",
                    set.name, epoch.spec.generation
                ),
                [set.added(), epoch.from],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    #[test]
    fn only_the_status_is_written() {
        let attributed = || Story::new().evidence_a().set("web", 1).by(Author::Harness);
        let write = |subresource: Option<&str>| history::Write {
            verb: "update".into(),
            resource: "statefulsets".into(),
            subresource: subresource.map(str::to_owned),
            namespace: Some("n".into()),
            name: "web".into(),
            code: 200,
            role: Author::Candidate,
            ..history::Write::default()
        };
        attributed().write(write(Some("status"))).keeps(&SS_ST_09);
        attributed()
            .write(write(None))
            .breaks(&SS_ST_09, "`update` for set web itself");
        attributed()
            .scale(2)
            .by(Author::Harness)
            .does_not_exercise(&SS_ST_09);
    }

    #[test]
    fn without_authors_a_change_nobody_asked_for_tells() {
        let set = || {
            Story::new()
                .set("web", 1)
                .status(json!({"observedGeneration": 1}))
        };
        set().wait(5_000).scale(2).breaks(&SS_ST_09, "generation 2");
        set()
            .wait(5_000)
            .action("PATCH", "/apis/apps/v1/namespaces/n/statefulsets/web/scale")
            .scale(2)
            .keeps(&SS_ST_09);
    }
}
