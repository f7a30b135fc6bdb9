//! What the cluster's DNS said at the end of a phase.
//!
//! An answer may be old, so the way from one answer to the next is not told, and an answer that was old when the
//! phase ended is left out. Answers tell addresses; the story tells whose.

use super::section::{Lives, Span};
use history::{DnsAnswer, Ledger, Moment, Ordinal, PodState};
use std::collections::{BTreeMap, BTreeSet};

/// What was told of each name so far.
#[derive(Default)]
pub(super) struct Names {
    told: BTreeMap<Question, BTreeSet<String>>,
}

type Question = (String, String);

impl Names {
    /// What has changed since it was told last: one line per name.
    pub fn at_the_end_of(&mut self, ledger: &Ledger, lives: &Lives<'_>, span: &Span<'_>) -> Vec<String> {
        let mut last: BTreeMap<Question, (Moment, &DnsAnswer)> = BTreeMap::new();
        for (moment, answer) in ledger.dns().iter().filter(|(moment, _)| span.holds(*moment)) {
            last.insert(
                (answer.name.to_lowercase(), answer.qtype.clone()),
                (*moment, answer),
            );
        }
        let mut news: BTreeMap<String, News> = BTreeMap::new();
        for (question, (moment, answer)) in last {
            let Some(name) = Name::of(ledger, lives, &question.0) else {
                continue;
            };
            let there = name.members(ledger, lives, moment);
            let Some(pods) = pods_of(answer, &there) else {
                continue;
            };
            // Old answers differ from cluster to cluster.
            if pods != there.keys().cloned().collect() {
                continue;
            }
            let uids: BTreeSet<String> = there.values().map(|(uid, _)| uid.clone()).collect();
            if self.told.insert(question.clone(), uids.clone()).as_ref() == Some(&uids) {
                continue;
            }
            let news = news.entry(question.1).or_default();
            match (name.pod, pods.is_empty()) {
                (Some(ordinal), false) => news.own.push((ordinal, name.short)),
                (ordinal, true) => news.nothing.push((ordinal, name.short)),
                (None, false) => {
                    let pods: Vec<String> = pods.into_iter().map(|(_, pod)| pod).collect();
                    news.services
                        .push(format!("{} names {}", name.short, pods.join(", ")));
                }
            }
        }
        news.into_iter()
            .map(|(record, news)| format!("DNS {record}: {}", news.in_words()))
            .collect()
    }
}

/// What names answer now, and did not when it was told last.
#[derive(Default)]
struct News {
    services: Vec<String>,
    own: Vec<(Ordinal, String)>,
    nothing: Vec<(Option<Ordinal>, String)>,
}

impl News {
    fn in_words(mut self) -> String {
        self.own.sort();
        self.nothing.sort();
        let own: Vec<String> = self.own.into_iter().map(|(_, name)| name).collect();
        let nothing: Vec<String> = self.nothing.into_iter().map(|(_, name)| name).collect();
        let mut words = self.services;
        words.extend(phrase(&own, "names its pod", "name their pods"));
        words.extend(phrase(&nothing, "names nothing", "name nothing"));
        words.join("; ")
    }
}

fn phrase(names: &[String], one: &str, many: &str) -> Option<String> {
    let verb = match names.len() {
        0 => return None,
        1 => one,
        _ => many,
    };
    Some(format!("{} {verb}", names.join(", ")))
}

/// The name of a governing service or of a pod behind it.
struct Name {
    /// Without the part that every name of the namespace ends in.
    short: String,
    pod: Option<Ordinal>,
    publishes_unready: bool,
}

/// Members by ordinal and name, each with its UID and address.
type Members = BTreeMap<(Ordinal, String), (String, String)>;

impl Name {
    fn of(ledger: &Ledger, lives: &Lives<'_>, name: &str) -> Option<Name> {
        let namespace = &ledger.meta().namespace;
        let (short, _) = name
            .trim_end_matches('.')
            .split_once(&format!(".{namespace}.svc"))?;
        // SRV: _port._protocol.service
        let labels: Vec<&str> = short.split('.').filter(|label| !label.starts_with('_')).collect();
        let (pod, service) = match labels.as_slice() {
            [service] => (None, *service),
            [pod, service] => (Some(Ordinal::of(pod, lives.name)?), *service),
            _ => return None,
        };
        let governs = lives.all().any(|set| {
            set.states
                .entries()
                .iter()
                .any(|(_, state)| state.spec.service_name == service)
        });
        let publishes_unready = ledger
            .related_named("services", namespace, service)
            .any(|service| {
                let last = service.states.last();
                last.and_then(|(_, object)| object.pointer("/spec/publishNotReadyAddresses")?.as_bool())
                    .unwrap_or_default()
            });
        governs.then(|| Name {
            short: short.to_owned(),
            pod,
            publishes_unready,
        })
    }

    /// The members that the name stands for at a moment.
    fn members(&self, ledger: &Ledger, lives: &Lives<'_>, moment: Moment) -> Members {
        let stands = |state: &PodState| {
            if self.publishes_unready {
                !state.ended()
            } else {
                state.healthy()
            }
        };
        lives
            .all()
            .flat_map(|set| ledger.members_at(set, moment.index))
            .filter(|(ordinal, _, state)| self.pod.is_none_or(|pod| pod == *ordinal) && stands(state))
            .filter_map(|(ordinal, pod, state)| {
                Some(((ordinal, pod.name.clone()), (pod.uid.clone(), state.ip.clone()?)))
            })
            .collect()
    }
}

/// Which of the members an answer names; `None` if it names something else.
fn pods_of(answer: &DnsAnswer, members: &Members) -> Option<BTreeSet<(Ordinal, String)>> {
    answer
        .answers
        .iter()
        .map(|record| {
            let target = record.split_whitespace().last().unwrap_or_default();
            let host = target.split('.').next().unwrap_or_default();
            let is_meant = |((_, name), (_, address)): &(&(Ordinal, String), &(String, String))| {
                *address == target || name == host
            };
            members.iter().find(is_meant).map(|(member, _)| member.clone())
        })
        .collect()
}
