//! What the harness did: where phases begin.

use super::{milestone::Milestone, section::Lives};
use history::{Action, Ledger, Moment, Ordinal};
use serde_json::Value;

/// Something that the harness did.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// What it did, in words.
    pub heading: String,
    /// When it was written down.
    pub moment: Moment,
    /// Place of the first event that it caused, where that is known.
    effect: Option<usize>,
    /// Whether it was written down before it was done, as remarks are; actions are written down when answered.
    ahead: bool,
    /// Whether it says how the step before it is done: what is held, what is released.
    pub detail: bool,
}

impl Deed {
    /// Whether `moment` came after it.
    pub fn precedes(&self, moment: Moment) -> bool {
        match self.effect {
            Some(effect) => moment.index >= effect,
            None if self.ahead => moment.line > self.moment.line,
            // Sent at `at`, answered at `line`; what arrived in the same instant counts by its line.
            None => (moment.at, moment.line) > (self.moment.at, self.moment.line),
        }
    }
}

/// What the harness did to a set, in order.
pub(super) fn deeds(ledger: &Ledger, lives: &Lives<'_>) -> Vec<Deed> {
    let remarks: Vec<Deed> = ledger
        .notes()
        .iter()
        .filter_map(|(moment, note)| {
            let heading = match note.kind.as_str() {
                "step" => note.text.clone(),
                "hold" | "release" => format!("{} {}", note.kind, note.text),
                _ => return None,
            };
            lives.mentioned_in(&note.text).then(|| Deed {
                detail: note.kind != "step",
                ..deed(ledger, &heading, *moment, None, true)
            })
        })
        .collect();
    // A scenario that tells its steps needs no retelling; only what it creates is news.
    let told = ledger.notes().iter().any(|(_, note)| note.kind == "step");
    let actions = ledger.actions().iter().filter_map(|(moment, action)| {
        let target = Target::of(ledger, action)?;
        let creates = action.method == "POST" && target.subresource.is_none();
        if (told && !creates) || !target.concerns(ledger, lives) {
            return None;
        }
        let heading = match action.status {
            0 if action.method == "EXEC" => what(action),
            200..300 => what(action),
            // Nothing lasting came of it, or the harness tried again.
            0 | 409 | 500.. => return None,
            refused => format!("{}: refused with {refused}", what(action)),
        };
        Some(deed(
            ledger,
            &heading,
            *moment,
            target.effect(ledger, *moment, action),
            false,
        ))
    });
    let mut deeds: Vec<Deed> = remarks.into_iter().chain(actions).collect();
    deeds.sort_by_key(|deed| deed.moment.line);
    deeds.dedup_by(|later, earlier| later.heading == earlier.heading && later.effect.is_none());
    deeds
}

fn deed(ledger: &Ledger, heading: &str, moment: Moment, effect: Option<usize>, ahead: bool) -> Deed {
    Deed {
        heading: without_namespace(ledger, heading),
        moment,
        effect,
        ahead,
        detail: false,
    }
}

fn what(action: &Action) -> String {
    if action.name.is_empty() {
        format!("{} {}", action.method, action.path)
    } else {
        action.name.clone()
    }
}

/// A text without the name of the scenario's namespace, which is another one in every run.
pub(super) fn without_namespace(ledger: &Ledger, text: &str) -> String {
    let namespace = &ledger.meta().namespace;
    // What is as short as that may be part of any word.
    if namespace.len() < 4 {
        text.to_owned()
    } else {
        text.replace(namespace.as_str(), "<namespace>")
    }
}

/// The place of the phase that a milestone belongs to: 0 is before all deeds.
pub(super) fn phase_of(deeds: &[Deed], milestone: &Milestone) -> usize {
    deeds
        .iter()
        .rposition(|deed| deed.precedes(milestone.moment))
        .map_or(0, |place| place + 1)
}

/// What an action is directed at.
struct Target<'a> {
    resource: &'a str,
    name: &'a str,
    subresource: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// `None` for what changes nothing, and for cluster-wide objects of other scenarios.
    fn of(ledger: &Ledger, action: &'a Action) -> Option<Target<'a>> {
        match action.method.as_str() {
            "GET" | "HEAD" => return None,
            // A command in a pod; the scenario knows what for.
            "EXEC" => {
                return Some(Target {
                    resource: "pods",
                    name: "",
                    subresource: None,
                });
            }
            _ => {}
        }
        let path = action.path.split('?').next().unwrap_or_default();
        let rest = path.strip_prefix("/api/").or_else(|| {
            path.strip_prefix("/apis/")
                .and_then(|path| path.split_once('/'))
                .map(|(_, path)| path)
        })?;
        let (_, rest) = rest.split_once('/')?;
        let mut parts = rest.split('/');
        let mut resource = parts.next()?;
        let mut name = parts.next();
        if resource == "namespaces"
            && let Some(inner) = parts.next()
        {
            resource = inner;
            name = parts.next();
        }
        let own_name = || action.body.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.or_else(own_name).unwrap_or_default();
        let subresource = parts.next();
        // Readiness gates are opened and closed all the time; the scenario says when it means it.
        if resource == "pods" && subresource == Some("status") {
            return None;
        }
        let ours = path.contains(&format!("/namespaces/{}", ledger.meta().namespace))
            || name.contains(&ledger.meta().namespace);
        ours.then_some(Target {
            resource,
            name,
            subresource,
        })
    }

    fn concerns(&self, ledger: &Ledger, lives: &Lives<'_>) -> bool {
        match self.resource {
            "namespaces" => true,
            resource if resource == ledger.subject().resource => {
                self.name.is_empty() || self.name == lives.name
            }
            "pods" => self.name.is_empty() || Ordinal::of(self.name, lives.name).is_some() || lives.alone,
            "persistentvolumeclaims" => {
                let of_set = |(place, _): (usize, &str)| {
                    self.name
                        .get(place + 1..)
                        .is_some_and(|rest| Ordinal::of(rest, lives.name).is_some())
                };
                lives.alone || self.name.match_indices('-').any(of_set)
            }
            "services" => {
                lives.alone
                    || lives.all().any(|set| {
                        set.states
                            .entries()
                            .iter()
                            .any(|(_, state)| state.spec.service_name == self.name)
                    })
            }
            _ => lives.alone,
        }
    }

    /// Place of the event by which the watches showed what the action did.
    fn effect(&self, ledger: &Ledger, moment: Moment, action: &Action) -> Option<usize> {
        let version: Option<u64> = action
            .object
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        let shows = |seen: Moment, object: &Value| {
            let of = object
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok());
            (version.is_some() && version == of && seen.at >= moment.at).then_some(seen.index)
        };
        let went = |seen: Option<Moment>| seen.filter(|seen| seen.at >= moment.at).map(|seen| seen.index);
        let deletes = action.method == "DELETE" || self.subresource == Some("eviction");
        match self.resource {
            "pods" => {
                let pods = ledger
                    .pods()
                    .iter()
                    .filter(|pod| self.name.is_empty() || pod.name == self.name);
                pods.filter_map(|pod| {
                    pod.states
                        .entries()
                        .iter()
                        .find_map(|(seen, state)| shows(*seen, &state.object))
                        .or_else(|| {
                            went(
                                pod.deletion
                                    .as_ref()
                                    .filter(|_| deletes)
                                    .map(|deletion| deletion.moment),
                            )
                        })
                })
                .min()
            }
            resource if resource == ledger.subject().resource => {
                let sets = ledger.sets().iter().filter(|set| set.name == self.name);
                sets.filter_map(|set| {
                    set.states
                        .entries()
                        .iter()
                        .find_map(|(seen, state)| shows(*seen, &state.object))
                        .or_else(|| went(set.deleting.or(set.gone).filter(|_| deletes)))
                })
                .min()
            }
            _ => None,
        }
    }
}
