//! Who made which change.

use super::{Author, Ledger};
use crate::{Event, Observation, field::Field};
use serde_json::Value;
use std::{collections::HashMap, time::Duration};

/// How long after the answer to a request an event may still arrive that the request caused.
pub(super) const DELIVERY: Duration = Duration::from_millis(250);

/// Who made which version: by the audit, and by the answers to the harness's own requests.
///
/// The first to answer with a version has made it. Later ones changed nothing, or took the last finalizer off and so
/// ended the object: they answer with the version that was there.
pub(super) fn authors(events: &[Event]) -> HashMap<u64, Author> {
    let mut authors = HashMap::new();
    for event in events {
        if let Observation::Write(write) = &event.what
            && let Some(version) = write.version
        {
            authors.entry(version).or_insert(write.role);
        }
    }
    for event in events {
        if let Observation::Action(action) = &event.what
            && (200..300).contains(&action.status)
            && action.method != "GET"
            && let Some(version) = action
                .object
                .field("/metadata/resourceVersion")
                .and_then(Value::as_str)
            && let Ok(version) = version.parse()
        {
            authors.entry(version).or_insert(Author::Harness);
        }
    }
    authors
}

/// Deletions that the harness asked for by a request whose answer names no version: evictions, collections,
/// and pods that vanish at once.
pub(super) fn requested_deletions(ledger: &mut Ledger) {
    let asked: Vec<(String, Option<String>, crate::Elapsed, crate::Elapsed)> = ledger
        .actions
        .iter()
        .filter(|(_, action)| (200..300).contains(&action.status))
        .filter_map(|(moment, action)| {
            let path = action.path.split('?').next().unwrap_or_default();
            let mut parts = path.trim_start_matches("/api/v1/namespaces/").split('/');
            let (namespace, resource, name, sub) = (parts.next()?, parts.next()?, parts.next(), parts.next());
            let deletes = matches!(
                (action.method.as_str(), sub),
                ("DELETE", None) | ("POST", Some("eviction"))
            );
            (deletes && resource == "pods").then(|| {
                (
                    namespace.to_owned(),
                    name.map(str::to_owned),
                    moment.at,
                    action.done + DELIVERY,
                )
            })
        })
        .collect();
    for pod in &mut ledger.pods {
        let Some(deletion) = pod
            .deletion
            .as_mut()
            .filter(|deletion| deletion.by == Author::Unknown)
        else {
            continue;
        };
        let at = deletion.moment.at;
        let was_asked = asked.iter().any(|(namespace, name, from, to)| {
            *namespace == pod.namespace
                && name.as_ref().is_none_or(|name| *name == pod.name)
                && *from <= at
                && at <= *to
        });
        if was_asked {
            deletion.by = Author::Harness;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Elapsed, Write};
    use serde_json::json;
    use std::sync::Arc;

    fn event(what: Observation) -> Event {
        Event {
            at: Elapsed::ZERO,
            what,
        }
    }

    fn write(version: u64, role: Author) -> Event {
        event(Observation::Write(Write {
            version: Some(version),
            role,
            ..Write::default()
        }))
    }

    #[test]
    fn the_first_write_of_a_version_has_made_it() {
        let no_change = event(Observation::Action(Box::new(Action {
            method: "PATCH".into(),
            status: 200,
            object: Arc::new(json!({"metadata": {"resourceVersion": "8"}})),
            ..Action::default()
        })));
        let authors = authors(&[
            no_change,
            write(7, Author::Candidate),
            write(7, Author::Cluster),
            write(8, Author::Candidate),
        ]);
        assert_eq!(authors[&7], Author::Candidate);
        assert_eq!(authors[&8], Author::Candidate);
    }
}
