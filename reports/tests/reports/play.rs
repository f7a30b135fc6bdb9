//! Hand-written histories, told in verbs.

use history::{
    Action, Author, DnsAnswer, Elapsed, End, Event, History, HttpAnswer, Ledger, Meta, Note, Observation,
    WatchEvent, WatchKind, Write,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A history that grows. Each event is a millisecond after the one before.
pub(crate) struct Play {
    events: Vec<Event>,
    now: Elapsed,
    version: u64,
    lives: u64,
    objects: BTreeMap<String, Value>,
}

/// The namespace of every play.
pub(crate) const NAMESPACE: &str = "play-7f3a";

impl Play {
    pub(crate) fn new() -> Play {
        let meta = Meta {
            scenario: "play".into(),
            title: "Does what it says.".into(),
            namespace: NAMESPACE.into(),
            ..Meta::default()
        };
        let mut play = Play {
            events: Vec::new(),
            now: Elapsed::ZERO,
            version: 100,
            lives: 0,
            objects: BTreeMap::new(),
        };
        play.push(Observation::Start(Box::new(meta)));
        play
    }

    fn push(&mut self, what: Observation) -> &mut Play {
        self.events.push(Event { at: self.now, what });
        self.now = Elapsed::from_micros(self.now.as_micros() + 1_000);
        self
    }

    fn watch(
        &mut self,
        kind: WatchKind,
        resource: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> &mut Play {
        self.version += 1;
        let key = format!("{resource}/{name}");
        if kind == WatchKind::Added {
            self.lives += 1;
            let object = json!({ "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("uid-{}", self.lives), "generation": 1,
            } });
            self.objects.insert(key.clone(), object);
        }
        let object = self.objects.get_mut(&key).unwrap();
        change(object);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object.clone());
        self.push(Observation::Watch(WatchEvent {
            kind,
            resource: resource.into(),
            object,
        }))
    }

    fn uid(&self, key: &str) -> Value {
        self.objects[key]["metadata"]["uid"].clone()
    }

    pub(crate) fn set(&mut self, name: &str, policy: &str, replicas: u32) -> &mut Play {
        self.watch(WatchKind::Added, "statefulsets", name, |set| {
            set["spec"] = json!({
                "replicas": replicas, "podManagementPolicy": policy, "serviceName": name,
                "template": { "metadata": { "labels": { "app": name } } },
            });
        })
    }

    pub(crate) fn set_modified(&mut self, name: &str, change: impl FnOnce(&mut Value)) -> &mut Play {
        self.watch(WatchKind::Modified, "statefulsets", name, change)
    }

    pub(crate) fn scaled(&mut self, name: &str, replicas: u32) -> &mut Play {
        self.set_modified(name, |set| {
            set["spec"]["replicas"] = json!(replicas);
            set["metadata"]["generation"] = json!(set["metadata"]["generation"].as_i64().unwrap() + 1);
        })
    }

    pub(crate) fn status(&mut self, name: &str, replicas: u32, revision: &str) -> &mut Play {
        self.set_modified(name, |set| {
            set["status"] = json!({
                "observedGeneration": set["metadata"]["generation"], "replicas": replicas, "readyReplicas": replicas,
                "currentRevision": revision, "updateRevision": revision,
            });
        })
    }

    pub(crate) fn set_gone(&mut self, name: &str) -> &mut Play {
        self.watch(WatchKind::Deleted, "statefulsets", name, |_| {})
    }

    pub(crate) fn revision(&mut self, set: &str, name: &str, number: i64) -> &mut Play {
        let owner = self.uid(&format!("statefulsets/{set}"));
        self.watch(WatchKind::Added, "controllerrevisions", name, |revision| {
            revision["revision"] = json!(number);
            revision["metadata"]["ownerReferences"] = json!([{ "uid": owner, "controller": true }]);
        })
    }

    pub(crate) fn pod(&mut self, name: &str, revision: &str) -> &mut Play {
        let (set, _) = name.rsplit_once('-').unwrap();
        let owner = self.uid(&format!("statefulsets/{set}"));
        self.watch(WatchKind::Added, "pods", name, |pod| {
            pod["metadata"]["ownerReferences"] = json!([{ "uid": owner, "controller": true }]);
            pod["metadata"]["labels"] = json!({ "controller-revision-hash": revision });
            pod["status"] = json!({ "phase": "Pending" });
        })
    }

    pub(crate) fn ready(&mut self, name: &str) -> &mut Play {
        let address = format!("10.0.0.{}", self.lives);
        self.watch(WatchKind::Modified, "pods", name, |pod| {
            pod["status"] = json!({
                "phase": "Running", "podIP": address, "conditions": [{ "type": "Ready", "status": "True" }],
            });
        })
    }

    pub(crate) fn unready(&mut self, name: &str) -> &mut Play {
        self.watch(WatchKind::Modified, "pods", name, |pod| {
            pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
        })
    }

    pub(crate) fn deleting(&mut self, name: &str, grace: u32) -> &mut Play {
        self.watch(WatchKind::Modified, "pods", name, |pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        })
    }

    pub(crate) fn gone(&mut self, name: &str) -> &mut Play {
        self.watch(WatchKind::Deleted, "pods", name, |_| {})
    }

    /// The deletion that was seen last was the harness's.
    pub(crate) fn by_harness(&mut self) -> &mut Play {
        let version = Some(self.version);
        self.push(Observation::Write(Write {
            role: Author::Harness,
            version,
            ..Write::default()
        }))
    }

    pub(crate) fn note(&mut self, kind: &str, text: &str) -> &mut Play {
        self.push(Observation::Note(Note {
            kind: kind.into(),
            text: text.into(),
        }))
    }

    /// A request that was answered with the newest version of an object, `before` milliseconds after it was sent.
    pub(crate) fn answered(
        &mut self,
        name: &str,
        method: &str,
        path: &str,
        key: &str,
        before: u64,
    ) -> &mut Play {
        let object = self.objects.get(key).cloned().unwrap_or_default();
        let at = Elapsed::from_micros(self.now.as_micros() - before * 1_000);
        let done = self.now;
        self.push(Observation::Action(Box::new(Action {
            method: method.into(),
            name: name.into(),
            path: format!("/apis/apps/v1/namespaces/{NAMESPACE}/{path}"),
            status: 200,
            object: Arc::new(object),
            done,
            ..Action::default()
        })));
        self.events.last_mut().unwrap().at = at;
        self
    }

    pub(crate) fn resolved(&mut self, name: &str, answers: &[&str]) -> &mut Play {
        self.push(Observation::Dns(DnsAnswer {
            name: format!("{name}.{NAMESPACE}.svc.cluster.local"),
            qtype: "A".into(),
            answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
            ..DnsAnswer::default()
        }))
    }

    pub(crate) fn address(&self, pod: &str) -> String {
        self.objects[&format!("pods/{pod}")]["status"]["podIP"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn http(&mut self, pod: &str, path: &str, body: &str) -> &mut Play {
        self.push(Observation::Http(Box::new(HttpAnswer {
            host: format!("{pod}.web.{NAMESPACE}.svc.cluster.local"),
            method: "GET".into(),
            path: path.into(),
            status: 200,
            body: body.into(),
            ..HttpAnswer::default()
        })))
    }

    /// The story, without its title.
    pub(crate) fn story(&mut self) -> String {
        self.push(Observation::End(End::default()));
        let history: History = self.events.drain(..).collect();
        let story = reports::story(&Ledger::build(&history)).to_string();
        story.split_once("\n\n").unwrap().1.to_owned()
    }
}
