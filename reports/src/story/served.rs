//! What pods answered.

use super::{
    milestone::{Kind, Milestone, Noun, Step},
    section::Lives,
};
use history::{HttpAnswer, Ledger, Ordinal};
use std::collections::BTreeMap;

/// Path under which the workload shows its log.
const LOG: &str = "/log";

/// Requests that members answered, and what their logs said. How many there were is told by no one: requests are
/// repeated until they succeed.
pub(super) fn milestones(ledger: &Ledger, lives: &Lives<'_>) -> Vec<Milestone> {
    let mut logs: BTreeMap<Ordinal, &str> = BTreeMap::new();
    let mut told = Vec::new();
    for (moment, answer) in ledger.http() {
        let pod = answer.host.split('.').next().unwrap_or_default();
        let Some(ordinal) = Ordinal::of(pod, lives.name).filter(|_| succeeded(answer)) else {
            continue;
        };
        let predicate = if answer.path == LOG {
            match logs.insert(ordinal, &answer.body) {
                None => "showed the log".to_owned(),
                Some(before) if answer.body.starts_with(before) => "showed the log, nothing lost".to_owned(),
                Some(_) => "showed another log than before".to_owned(),
            }
        } else {
            format!("answered {} {}", answer.method, answer.path)
        };
        told.push(Milestone {
            moment: *moment,
            kind: Kind::Member(ordinal, Step::Served),
            promise: lives.promise(ledger, *moment),
            noun: Noun::Pod,
            subject: pod.to_owned(),
            predicate,
        });
    }
    told
}

fn succeeded(answer: &HttpAnswer) -> bool {
    answer.error.is_none() && (200..300).contains(&answer.status)
}
