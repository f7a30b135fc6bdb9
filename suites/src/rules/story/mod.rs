//! Hand-written histories for the tests of rules.
//!
//! A [`Story`] is told in the order in which things happen. Every event comes one millisecond after the one before,
//! unless [`Story::wait`] or [`Story::at`] says otherwise, and carries the next resourceVersion. Objects are complete
//! and right, as a correct controller makes them, until the story says otherwise.
//!
//! ```ignore
//! let judgement = Story::new()
//!     .set("web", 2)
//!     .pod("web-0").running()          // the verbs speak of the pod named last
//!     .wait(5_000)
//!     .pod("web-1").by(Author::Candidate)
//!     .judge(&RULE);
//! ```

mod answers;
mod objects;
mod pods;
mod sets;
mod verdicts;

use history::{Author, Elapsed, Event, Evidence, Meta, Observation, Patience, WatchEvent, WatchKind, Write};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// The namespace of every story.
pub(crate) const NAMESPACE: &str = "n";

/// A hand-written history.
#[derive(Clone)]
pub(crate) struct Story {
    meta: Meta,
    events: Vec<Event>,
    now: u64,
    version: u64,
    objects: HashMap<(String, String), Value>,
    /// Sets, oldest first.
    sets: Vec<String>,
    /// The set and the pod that verbs speak of.
    set: String,
    pod: String,
    /// Name and template of each revision, oldest first.
    revisions: Vec<(String, Value)>,
    ended: bool,
}

/// A merge patch as RFC 7386 has it: objects are merged, null removes, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().shift_remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

/// The wall clock of stories, in whole seconds as the API writes it.
fn timestamp(ms: u64) -> String {
    let s = ms / 1_000;
    format!("2026-01-01T{:02}:{:02}:{:02}Z", s / 3_600, s / 60 % 60, s % 60)
}

impl Story {
    /// Nothing has happened yet. Ordinary patience: 2 s staleness, 10 s reaction.
    pub(crate) fn new() -> Story {
        Story {
            meta: Meta {
                scenario: "story".into(),
                namespace: NAMESPACE.into(),
                ..Meta::default()
            },
            events: Vec::new(),
            now: 0,
            version: 100,
            objects: HashMap::new(),
            sets: Vec::new(),
            set: String::new(),
            pod: String::new(),
            revisions: Vec::new(),
            ended: false,
        }
    }

    /// Other time limits.
    pub(crate) fn patience(mut self, change: impl FnOnce(&mut Patience)) -> Story {
        change(&mut self.meta.patience);
        self
    }

    /// Every write is attributed: what nobody claims with [`Story::by`] stays unknown.
    pub(crate) fn evidence_a(mut self) -> Story {
        self.meta.evidence = Evidence::A;
        self
    }

    /// The next event comes at `ms`.
    pub(crate) fn at(mut self, ms: u64) -> Story {
        assert!(
            ms >= self.now,
            "a story is told in order: {ms} is before {}",
            self.now
        );
        self.now = ms;
        self
    }

    /// Nothing happens for `ms`.
    pub(crate) fn wait(mut self, ms: u64) -> Story {
        self.now += ms;
        self
    }

    fn push(&mut self, what: Observation) {
        self.events.push(Event {
            at: Elapsed::from_millis(self.now),
            what,
        });
        self.now += 1;
    }

    fn watch(&mut self, kind: WatchKind, resource: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = (
            resource.to_owned(),
            object["metadata"]["name"].as_str().unwrap().to_owned(),
        );
        if kind == WatchKind::Deleted {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, object.clone());
        }
        self.push(Observation::Watch(WatchEvent {
            kind,
            resource: resource.into(),
            object: Arc::new(object),
        }));
    }

    fn object(&self, resource: &str, name: &str) -> Value {
        self.objects
            .get(&(resource.to_owned(), name.to_owned()))
            .unwrap_or_else(|| panic!("there is no {resource} {name} in this story"))
            .clone()
    }

    /// Who made the change that the last watch event shows.
    pub(crate) fn by(mut self, role: Author) -> Story {
        let (resource, name) = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                Observation::Watch(watch) => Some((watch.resource.clone(), watch.name().to_owned())),
                _ => None,
            })
            .unwrap();
        let version = Some(self.version);
        self.push(Observation::Write(Write {
            author: format!("{role:?}"),
            verb: "write".into(),
            resource,
            namespace: Some(NAMESPACE.into()),
            name,
            code: 200,
            version,
            role,
            ..Write::default()
        }));
        self.now -= 1;
        self
    }
}

fn owner_reference(set: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "controller": true, "blockOwnerDeletion": true,
        "name": set["metadata"]["name"], "uid": set["metadata"]["uid"],
    })
}

#[test]
fn a_story_becomes_the_ledger_it_tells() {
    let ledger = Story::new()
        .set("web", 2)
        .revision("web-a")
        .pod("web-0")
        .by(Author::Candidate)
        .ready()
        .wait(100)
        .delete_pod("web-0")
        .by(Author::Harness)
        .gone()
        .ledger();
    let set = &ledger.sets()[0];
    let pod = ledger.members(set).next().unwrap();
    assert_eq!(pod.created_by, Author::Candidate);
    assert_eq!(pod.deletion.as_ref().unwrap().by, Author::Harness);
    assert_eq!(pod.deletion.as_ref().unwrap().grace, Some(30));
    assert_eq!(pod.first().unwrap().revision.as_deref(), Some("web-a"));
    assert!(pod.gone.is_some() && pod.healthy_from(0).is_some());
    assert_eq!(
        ledger
            .wanted_revision(set, set.spec_at(99).unwrap(), 99)
            .unwrap()
            .name,
        "web-a"
    );
}
