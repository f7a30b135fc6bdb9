//! Holes in what the watches delivered.

use super::Moment;
use crate::{Event, Gap, Observation};
use std::collections::HashMap;

/// A hole in what a watch delivered.
#[derive(Clone, Debug)]
pub struct Hole {
    /// Place in the true order of the last event that the watch had delivered, if any: what came later may be missing.
    pub after: Option<usize>,
    /// Which watch, and why.
    pub gap: Gap,
}

/// The holes in what the watches delivered. A watch may have been silent for a while when it was given up.
pub(super) fn holes(events: &[Event], order: &[Moment]) -> Vec<Hole> {
    let mut places: Vec<Moment> = order.to_vec();
    places.sort_unstable_by_key(|moment| moment.line);
    let mut holes = Vec::new();
    let mut delivered: HashMap<&str, usize> = HashMap::new();
    for (event, place) in events.iter().zip(places) {
        match &event.what {
            Observation::Watch(watch) => {
                // A watch delivers in order; one that lags is at an earlier place than what others have delivered.
                delivered.insert(&watch.resource, place.index);
            }
            Observation::Gap(gap) => holes.push(Hole {
                after: delivered.get(gap.resource.as_str()).copied(),
                gap: gap.clone(),
            }),
            _ => {}
        }
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Elapsed, History, Ledger, WatchEvent, WatchKind};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn a_hole_begins_where_the_watch_that_was_cut_had_come_to() {
        let delivered = |resource: &str, version: u64| {
            Observation::Watch(WatchEvent {
                kind: WatchKind::Added,
                resource: resource.into(),
                object: Arc::new(
                    json!({"metadata": {"name": resource, "resourceVersion": version.to_string()}}),
                ),
            })
        };
        let cut = |resource: &str| {
            Observation::Gap(Gap {
                resource: resource.into(),
                reason: "410".into(),
            })
        };
        // The watch on sets lags behind that on pods.
        let told = [
            delivered("pods", 120),
            delivered("statefulsets", 110),
            cut("statefulsets"),
            cut("services"),
        ];
        let mut history = History::default();
        for (at, what) in told.into_iter().enumerate() {
            history.push(Event {
                at: Elapsed::from_millis(at as u64),
                what,
            });
        }
        let ledger = Ledger::build(&history);
        let after: Vec<_> = ledger.holes().iter().map(|hole| hole.after).collect();
        assert_eq!(after, [Some(0), None]);
    }
}
