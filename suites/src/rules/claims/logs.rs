//! What pods wrote to their volumes, read back by the scenario: the workload appends one line per request
//! (`time pod method path status milliseconds`), and `/log` answers the whole log.

use history::{Claim, HttpAnswer, Incarnation, Ledger, Moment, Ordinal, Set};
use std::collections::BTreeMap;

/// One reading of a pod's log.
pub(super) struct Reading<'a> {
    /// When the answer came.
    pub(super) moment: Moment,
    /// The set that the pod belongs to.
    pub(super) set: &'a Set,
    /// The pod's ordinal.
    pub(super) ordinal: Ordinal,
    /// The pod that answered.
    pub(super) pod: &'a Incarnation,
    /// The answer.
    answer: &'a HttpAnswer,
}

impl<'a> Reading<'a> {
    /// The lines of the log.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a str> {
        self.answer.body.lines()
    }

    /// The claims that the pod mounts, as they are at the time.
    pub(super) fn claims(&self, ledger: &'a Ledger) -> Vec<&'a Claim> {
        let Some(state) = self.pod.at(self.moment.index) else {
            return Vec::new();
        };
        state
            .claims()
            .filter_map(|(_, name)| {
                ledger
                    .claims_named(&self.pod.namespace, name)
                    .find(|claim| claim.at(self.moment.index).is_some())
            })
            .collect()
    }

    /// The first line of `earlier` that this reading has not kept in its place.
    pub(super) fn lost_of(&self, earlier: &Reading<'a>) -> Option<&'a str> {
        let mut now = self.lines();
        earlier.lines().find(|line| now.next() != Some(line))
    }
}

/// The path without the query.
fn path(answer: &HttpAnswer) -> &str {
    answer.path.split('?').next().unwrap_or_default()
}

/// The member that gave an answer: named by the host, and at that address.
fn member<'a>(
    ledger: &'a Ledger,
    moment: Moment,
    answer: &HttpAnswer,
) -> Option<(&'a Set, Ordinal, &'a Incarnation)> {
    let name = answer.host.split('.').next()?;
    ledger.sets().iter().find_map(|set| {
        let ordinal = Ordinal::of(name, &set.name)?;
        let pod = ledger.incarnations(set, ordinal).find(|pod| {
            pod.at(moment.index)
                .is_some_and(|state| state.ip.as_deref() == Some(answer.address.as_str()))
        })?;
        Some((set, ordinal, pod))
    })
}

/// Whether the set asks for claims. What its pods write goes with them otherwise, as it does on a cluster that has no volumes
/// to give.
fn has_claims(set: &Set) -> bool {
    let mut specs = set.specs.entries().iter();
    specs.any(|(_, spec)| !spec.claim_templates.is_empty())
}

/// All readings of pods that are to have claims, those of one pod name together, in order.
pub(super) fn readings(ledger: &Ledger) -> BTreeMap<(&str, &str), Vec<Reading<'_>>> {
    let mut readings: BTreeMap<(&str, &str), Vec<Reading<'_>>> = BTreeMap::new();
    for (moment, answer) in ledger.http() {
        if answer.status != 200 || path(answer) != "/log" {
            continue;
        }
        let asked = member(ledger, *moment, answer).filter(|(set, ..)| has_claims(set));
        if let Some((set, ordinal, pod)) = asked {
            readings
                .entry((&pod.namespace, &pod.name))
                .or_default()
                .push(Reading {
                    moment: *moment,
                    set,
                    ordinal,
                    pod,
                    answer,
                });
        }
    }
    readings
}

/// Requests that were sent to a pod of this name after one reading of its log and answered before another was asked
/// for, so that the second has to show them: method and path. Only those that the workload logs.
pub(super) fn answered<'a>(
    ledger: &'a Ledger,
    earlier: &Reading<'_>,
    later: &Reading<'_>,
) -> Vec<(&'a str, &'a str)> {
    ledger
        .http()
        .iter()
        .filter(|(moment, answer)| {
            answer.status == 200
                && !matches!(path(answer), "/log" | "/healthz" | "/ready")
                // Where time stands still, the order of the history tells what came first.
                && answer.asked_ms >= earlier.moment.at
                && moment.index > earlier.moment.index
                && moment.index < later.moment.index
                && moment.at <= later.answer.asked_ms
        })
        .filter(|(moment, answer)| {
            member(ledger, *moment, answer).is_some_and(|(_, _, pod)| pod.name == later.pod.name)
        })
        .map(|(_, answer)| (answer.method.as_str(), path(answer)))
        .collect()
}

/// The logs of two members, and a line in the first that the second wrote.
pub(super) struct Mix<'a> {
    pub(super) of: Reading<'a>,
    pub(super) other: Reading<'a>,
    pub(super) line: Option<&'a str>,
}

/// The last readings of each two members of a set, of which the second has written something.
pub(super) fn mixed_logs(ledger: &Ledger) -> Vec<Mix<'_>> {
    let mut mixes = Vec::new();
    let last: Vec<Reading<'_>> = readings(ledger)
        .into_values()
        .filter_map(|mut all| all.pop())
        .collect();
    for of in &last {
        for other in &last {
            let apart = of.pod.name != other.pod.name && of.set.uid == other.set.uid;
            if !apart || other.lines().next().is_none() {
                continue;
            }
            let writer = |line: &&str| line.split(' ').nth(1) == Some(other.pod.name.as_str());
            mixes.push(Mix {
                line: of.lines().find(writer),
                of: Reading { ..*of },
                other: Reading { ..*other },
            });
        }
    }
    mixes
}

/// Whether the two members write to the same place by the will of whoever made the volumes, or may do so: only
/// volumes that were seen, and that differ, are known to be apart.
pub(super) fn data_is_shared(ledger: &Ledger, mix: &Mix<'_>) -> bool {
    let sources = |reading: &Reading<'_>| -> Vec<_> {
        reading
            .claims(ledger)
            .into_iter()
            .map(|claim| ledger.volume_source(claim, reading.moment.index))
            .collect()
    };
    let (of, other) = (sources(&mix.of), sources(&mix.other));
    of.is_empty() || other.is_empty() || of.iter().any(|source| source.is_none() || other.contains(source))
}
