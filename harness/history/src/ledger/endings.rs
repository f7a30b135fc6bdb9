//! How sets, and objects at the hands of others, come to their end.

use super::{Ledger, Moment, Set, attribution::DELIVERY};
use crate::field::Field;

impl Ledger {
    /// When the end of a set began: its deletionTimestamp, its DELETED event, or the deletion of its namespace.
    /// From here on others (garbage collector, namespace deletion) take its objects away, in any order.
    pub fn ending(&self, set: &Set) -> Option<Moment> {
        [set.deleting, set.gone, self.namespace_deletion(&set.namespace)]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the deletion of a namespace began, as far as it was seen: the harness asked for it, or the namespace
    /// carries a deletionTimestamp.
    pub fn namespace_deletion(&self, namespace: &str) -> Option<Moment> {
        let path = format!("/api/v1/namespaces/{namespace}");
        let asked = self
            .actions()
            .iter()
            .filter(|(_, action)| action.method == "DELETE" && action.path.split('?').next() == Some(&path))
            .map(|(moment, _)| *moment);
        let marked = self
            .related_named("namespaces", "", namespace)
            .filter_map(|object| {
                let marked = object.states.entries().iter().find(|(_, object)| {
                    object
                        .field("/metadata/deletionTimestamp")
                        .is_some_and(|at| !at.is_null())
                });
                marked.map(|(moment, _)| *moment).or(object.gone)
            });
        asked.chain(marked).min()
    }

    /// Whether the harness asked for the deletion of this object, or of all objects of the resource, so shortly
    /// before `seen` that the request explains what was seen then.
    pub fn asked_to_delete(&self, resource: &str, namespace: &str, name: &str, seen: Moment) -> bool {
        self.asked(resource, namespace, seen, |method, of| {
            method == "DELETE" && (of.is_empty() || of == name)
        })
    }

    /// Whether the harness asked for a change of this object so shortly before `seen` that the request explains
    /// what was seen then.
    pub fn asked_to_change(&self, resource: &str, namespace: &str, name: &str, seen: Moment) -> bool {
        self.asked(resource, namespace, seen, |method, of| {
            method != "GET" && of == name
        })
    }

    /// `fits` is asked about the method and the name in the path, empty for requests to the collection.
    fn asked(
        &self,
        resource: &str,
        namespace: &str,
        seen: Moment,
        fits: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let collection = format!("/namespaces/{namespace}/{resource}");
        self.actions().iter().any(|(sent, action)| {
            let path = action.path.split('?').next().unwrap_or_default();
            let of = path.split_once(&collection).and_then(|(_, rest)| match rest {
                "" => Some(""),
                rest => rest.strip_prefix('/')?.split('/').next(),
            });
            sent.at <= seen.at
                && seen.at <= action.done + DELIVERY
                && of.is_some_and(|of| fits(&action.method, of))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Action, Elapsed, Event, History, Ledger, Observation};

    fn asked(method: &str, path: &str) -> Ledger {
        let history: History = [Event {
            at: Elapsed::from_millis(10),
            what: Observation::Action(Box::new(Action {
                method: method.into(),
                path: path.into(),
                status: 200,
                done: Elapsed::from_millis(20),
                ..Action::default()
            })),
        }]
        .into_iter()
        .collect();
        Ledger::build(&history)
    }

    fn at(ms: u64) -> crate::Moment {
        crate::Moment {
            at: Elapsed::from_millis(ms),
            ..crate::Moment::default()
        }
    }

    #[test]
    fn a_request_explains_what_follows_shortly_and_nothing_else() {
        let ledger = asked("DELETE", "/api/v1/namespaces/n/persistentvolumeclaims/data-web-0");
        let asked = |name, ms| ledger.asked_to_delete("persistentvolumeclaims", "n", name, at(ms));
        assert!(asked("data-web-0", 15) && asked("data-web-0", 200));
        assert!(!asked("data-web-0", 5) && !asked("data-web-0", 900) && !asked("data-web-1", 15));
        assert!(!ledger.asked_to_delete("pods", "n", "data-web-0", at(15)));
    }

    #[test]
    fn the_deletion_of_a_namespace_is_seen_in_the_request() {
        assert!(
            asked("DELETE", "/api/v1/namespaces/n")
                .namespace_deletion("n")
                .is_some()
        );
        assert!(
            asked("DELETE", "/api/v1/namespaces/n/pods/x")
                .namespace_deletion("n")
                .is_none()
        );
        assert!(
            asked("GET", "/api/v1/namespaces/n")
                .namespace_deletion("n")
                .is_none()
        );
    }
}
