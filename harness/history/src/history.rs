//! The append-only list of observations.

use crate::{Event, Meta, Observation};

/// All that was observed during one scenario, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one observation.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The observations in order of arrival. Position `i` is line `i + 1` of the file.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many observations there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What the history says about itself, if it begins as it should.
    pub fn meta(&self) -> Option<&Meta> {
        self.events.iter().find_map(|event| match &event.what {
            Observation::Start(meta) => Some(meta.as_ref()),
            _ => None,
        })
    }
}

impl FromIterator<Event> for History {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        History {
            events: events.into_iter().collect(),
        }
    }
}
