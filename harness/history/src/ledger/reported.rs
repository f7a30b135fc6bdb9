//! What controllers reported in Event objects.

use super::{Ledger, Moment};
use crate::field::Field;
use serde_json::Value;

impl Ledger {
    /// When an Event with this reason about the object with this UID was seen, or counted up. Oldest first.
    pub fn reported(&self, uid: &str, reason: &str) -> Vec<Moment> {
        let about =
            |object: &Value, pointer: &str| object.field(pointer).and_then(Value::as_str) == Some(uid);
        let mut moments: Vec<Moment> = self
            .related("events")
            .flat_map(|event| event.states.entries())
            .filter(|(_, event)| {
                event.get("reason").and_then(Value::as_str) == Some(reason)
                    && (about(event, "/involvedObject/uid") || about(event, "/regarding/uid"))
            })
            .map(|(moment, _)| *moment)
            .collect();
        moments.sort_unstable();
        moments
    }
}

#[cfg(test)]
mod tests {
    use crate::{Elapsed, Event, History, Ledger, Observation, WatchEvent, WatchKind};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn only_the_reason_about_the_object_counts() {
        let event = |uid: &str, reason: &str, name: &str| Event {
            at: Elapsed::ZERO,
            what: Observation::Watch(WatchEvent {
                kind: WatchKind::Added,
                resource: "events".into(),
                object: Arc::new(json!({
                    "metadata": {"name": name, "uid": name}, "reason": reason, "involvedObject": {"uid": uid},
                })),
            }),
        };
        let history: History = [
            event("a", "FailedCreate", "1"),
            event("a", "SuccessfulCreate", "2"),
            event("b", "FailedCreate", "3"),
        ]
        .into_iter()
        .collect();
        let found = Ledger::build(&history).reported("a", "FailedCreate");
        assert_eq!(found.iter().map(|moment| moment.line).collect::<Vec<_>>(), [1]);
    }
}
