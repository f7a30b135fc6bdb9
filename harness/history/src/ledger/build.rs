//! From events to a ledger.

use super::{
    Author, Claim, ClaimState, Deletion, Incarnation, Ledger, Moment, Ordinal, PodState, Related, Revision,
    RevisionState, Set, SetState, Spec, Status, Timeline, attribution, canonical_template, describe, holes,
    pod::controller_uid,
};
use crate::field::Field;
use crate::{Event, History, Observation, WatchEvent, WatchKind};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

impl Ledger {
    /// Indexes a history. Works on any history: what is missing or odd is simply not there to be judged.
    pub fn build(history: &History) -> Ledger {
        let mut builder = Builder {
            ledger: Ledger {
                meta: history.meta().cloned().unwrap_or_default(),
                ..Ledger::default()
            },
            live: HashMap::new(),
        };
        builder.ledger.authors = attribution::authors(history.events());
        for (line, event) in in_true_order(history.events()) {
            let moment = Moment {
                index: builder.ledger.order.len(),
                at: event.at,
                line,
            };
            builder.ledger.order.push(moment);
            let by = match &event.what {
                Observation::Watch(watch) => builder.author(watch),
                _ => Author::Unknown,
            };
            builder.ledger.written_by.push(by);
            builder.ledger.texts.push(describe::Subject::of(event));
            builder.take(moment, event);
        }
        builder.ledger.holes = holes::holes(history.events(), &builder.ledger.order);
        builder.finish()
    }
}

/// Watch events by version, everything else where it arrived. Each with its line number.
fn in_true_order(events: &[Event]) -> Vec<(usize, &Event)> {
    let mut watched: Vec<(u64, usize)> = Vec::new();
    let mut others: Vec<(usize, usize)> = Vec::new();
    let mut newest = 0;
    for (position, event) in events.iter().enumerate() {
        match &event.what {
            Observation::Watch(watch) => {
                // An object without a usable version stays where it arrived.
                let version = watch.resource_version().unwrap_or(newest);
                newest = newest.max(version);
                watched.push((version, position));
            }
            _ => others.push((watched.len(), position)),
        }
    }
    watched.sort_unstable();
    let mut ordered = Vec::with_capacity(events.len());
    let mut others = others.into_iter().peekable();
    for (place, (_, position)) in watched.iter().enumerate() {
        while let Some((_, other)) = others.next_if(|(after, _)| *after <= place) {
            ordered.push(other);
        }
        ordered.push(*position);
    }
    ordered.extend(others.map(|(_, position)| position));
    ordered
        .into_iter()
        .map(|position| (position + 1, &events[position]))
        .collect()
}

struct Builder {
    ledger: Ledger,
    /// (resource, uid) to its place in the list of its kind.
    live: HashMap<(String, String), usize>,
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.field(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Builder {
    fn take(&mut self, moment: Moment, event: &Event) {
        let ledger = &mut self.ledger;
        match &event.what {
            Observation::Start(_) => {}
            Observation::End(end) => {
                ledger.meta.patience = ledger.meta.patience.stretched(end.lag_ms);
                ledger.ended = Some((moment, end.clone()));
            }
            Observation::Write(write) => ledger.writes.push((moment, write.clone())),
            Observation::Action(action) => ledger.actions.push((moment, action.as_ref().clone())),
            Observation::Dns(answer) => ledger.dns.push((moment, answer.clone())),
            Observation::Http(answer) => ledger.http.push((moment, answer.as_ref().clone())),
            Observation::Note(note) => ledger.notes.push((moment, note.clone())),
            // What is missing does not stand anywhere (see `holes`).
            Observation::Gap(_) => {}
            Observation::Watch(watch) => self.watched(moment, watch),
        }
    }

    fn watched(&mut self, moment: Moment, watch: &WatchEvent) {
        if watch.resource == self.ledger.meta.subject.resource {
            return self.set(moment, watch);
        }
        match watch.resource.as_str() {
            "pods" => self.pod(moment, watch),
            "persistentvolumeclaims" => self.claim(moment, watch),
            "controllerrevisions" => self.revision(moment, watch),
            _ => self.related(moment, watch),
        }
    }

    /// Who wrote the version that a watch event shows.
    fn author(&self, watch: &WatchEvent) -> Author {
        watch
            .resource_version()
            .and_then(|version| self.ledger.authors.get(&version).copied())
            .unwrap_or_default()
    }

    /// Finds the life that an event belongs to, or starts one with `new`.
    fn place(&mut self, watch: &WatchEvent, next: usize) -> (usize, bool) {
        let uid = text(&watch.object, "/metadata/uid");
        // Objects without a UID are told apart by name.
        let uid = if uid.is_empty() { watch.name() } else { uid };
        let key = (watch.resource.clone(), uid.to_owned());
        let mut new = false;
        let place = *self.live.entry(key).or_insert_with(|| {
            new = true;
            next
        });
        (place, new)
    }

    fn set(&mut self, moment: Moment, watch: &WatchEvent) {
        let (place, new) = self.place(watch, self.ledger.sets.len());
        if new {
            self.ledger.sets.push(Set {
                name: watch.name().into(),
                namespace: text(&watch.object, "/metadata/namespace").into(),
                uid: text(&watch.object, "/metadata/uid").into(),
                states: Timeline::default(),
                specs: Timeline::default(),
                deleting: None,
                gone: None,
            });
        }
        let set = &mut self.ledger.sets[place];
        if watch.kind == WatchKind::Deleted {
            set.gone = Some(moment);
            return;
        }
        let generation = watch.object.field("/metadata/generation");
        let spec = match set.states.last() {
            // The generation moves exactly when the spec does, so an equal one saves the comparison.
            Some((_, old))
                if generation.is_some() && old.object.field("/metadata/generation") == generation =>
            {
                old.spec.clone()
            }
            _ => Arc::new(Spec::of(&watch.object)),
        };
        let terminating = watch
            .object
            .field("/metadata/deletionTimestamp")
            .is_some_and(|at| !at.is_null());
        if terminating && set.deleting.is_none() {
            set.deleting = Some(moment);
        }
        if set
            .specs
            .last()
            .is_none_or(|(_, known)| !Arc::ptr_eq(known, &spec) && *known != spec)
        {
            set.specs.push(moment, spec.clone());
        }
        let status = Status::of(&watch.object);
        set.states.push(
            moment,
            SetState {
                object: watch.object.clone(),
                spec,
                status,
                terminating,
            },
        );
    }

    fn pod(&mut self, moment: Moment, watch: &WatchEvent) {
        let by = self.ledger.author_at(moment);
        let (place, new) = self.place(watch, self.ledger.pods.len());
        if new {
            self.ledger.pods.push(Incarnation {
                name: watch.name().into(),
                namespace: text(&watch.object, "/metadata/namespace").into(),
                uid: text(&watch.object, "/metadata/uid").into(),
                states: Timeline::default(),
                seen_added: watch.kind == WatchKind::Added,
                created_by: by,
                deletion: None,
                gone: None,
            });
        }
        let mut state = PodState::of(watch.object.clone(), &self.ledger.meta.subject.labels.revision);
        let pod = &mut self.ledger.pods[place];
        if let Some((_, before)) = pod.states.last() {
            state.relabelled = !before.labels().eq(state.labels());
        }
        let decided = state.terminating || watch.kind == WatchKind::Deleted;
        if decided && pod.deletion.is_none() {
            let grace = watch
                .object
                .field("/metadata/deletionGracePeriodSeconds")
                .and_then(Value::as_i64);
            pod.deletion = Some(Deletion {
                moment,
                grace: grace.filter(|_| state.terminating),
                by,
            });
        }
        if watch.kind == WatchKind::Deleted {
            pod.gone = Some(moment);
        } else {
            pod.states.push(moment, state);
        }
    }

    fn claim(&mut self, moment: Moment, watch: &WatchEvent) {
        let by = self.ledger.author_at(moment);
        let (place, new) = self.place(watch, self.ledger.claims.len());
        if new {
            self.ledger.claims.push(Claim {
                name: watch.name().into(),
                namespace: text(&watch.object, "/metadata/namespace").into(),
                uid: text(&watch.object, "/metadata/uid").into(),
                states: Timeline::default(),
                seen_added: watch.kind == WatchKind::Added,
                created_by: by,
                deletion: None,
                gone: None,
            });
        }
        let state = ClaimState::of(watch.object.clone());
        let claim = &mut self.ledger.claims[place];
        if (state.terminating || watch.kind == WatchKind::Deleted) && claim.deletion.is_none() {
            claim.deletion = Some((moment, by));
        }
        if watch.kind == WatchKind::Deleted {
            claim.gone = Some(moment);
        } else {
            claim.states.push(moment, state);
        }
    }

    fn revision(&mut self, moment: Moment, watch: &WatchEvent) {
        let by = self.ledger.author_at(moment);
        let (place, new) = self.place(watch, self.ledger.revisions.len());
        if new {
            let template = watch.object.field("/data/spec/template").unwrap_or(&Value::Null);
            self.ledger.revisions.push(Revision {
                name: watch.name().into(),
                namespace: text(&watch.object, "/metadata/namespace").into(),
                uid: text(&watch.object, "/metadata/uid").into(),
                template: Arc::new(canonical_template(template)),
                states: Timeline::default(),
                seen_added: watch.kind == WatchKind::Added,
                created_by: by,
                gone: None,
            });
        }
        let revision = &mut self.ledger.revisions[place];
        if watch.kind == WatchKind::Deleted {
            revision.gone = Some(moment);
        } else {
            let number = watch
                .object
                .get("revision")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            revision.states.push(
                moment,
                RevisionState {
                    object: watch.object.clone(),
                    number,
                    owner: controller_uid(&watch.object).map(str::to_owned),
                },
            );
        }
    }

    fn related(&mut self, moment: Moment, watch: &WatchEvent) {
        let (place, new) = self.place(watch, self.ledger.related.len());
        if new {
            self.ledger.related.push(Related {
                resource: watch.resource.clone(),
                namespace: text(&watch.object, "/metadata/namespace").into(),
                name: watch.name().into(),
                uid: text(&watch.object, "/metadata/uid").into(),
                states: Timeline::default(),
                first_kind: watch.kind,
                gone: None,
            });
        }
        let object = &mut self.ledger.related[place];
        if watch.kind == WatchKind::Deleted {
            object.gone = Some(moment);
        } else {
            object.states.push(moment, watch.object.clone());
        }
    }

    fn finish(mut self) -> Ledger {
        attribution::requested_deletions(&mut self.ledger);
        let ledger = &mut self.ledger;
        for (place, pod) in ledger.pods.iter().enumerate() {
            let mut owners: Vec<&str> = Vec::new();
            for (_, state) in pod.states.entries() {
                if let Some(owner) = &state.owner
                    && !owners.contains(&owner.as_str())
                {
                    owners.push(owner);
                }
            }
            for owner in owners {
                ledger.members.entry(owner.to_owned()).or_default().push(place);
            }
        }
        for set in &ledger.sets {
            let lanes = ledger.lanes.entry(set.uid.clone()).or_default();
            for place in ledger.members.get(&set.uid).into_iter().flatten() {
                if let Some(ordinal) = Ordinal::of(&ledger.pods[*place].name, &set.name) {
                    lanes.entry(ordinal).or_default().push(*place);
                }
            }
        }
        for (place, claim) in ledger.claims.iter().enumerate() {
            let key = (claim.namespace.clone(), claim.name.clone());
            ledger.claims_by_name.entry(key).or_default().push(place);
        }
        for (place, object) in ledger.related.iter().enumerate() {
            let key = (
                object.resource.clone(),
                object.namespace.clone(),
                object.name.clone(),
            );
            ledger.related_by_name.entry(key).or_default().push(place);
        }
        self.ledger
    }
}
