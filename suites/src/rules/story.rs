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

use history::{
    Action, Author, DnsAnswer, Elapsed, End, Event, Evidence, Gap, History, HttpAnswer, Ledger, Meta, Note,
    Observation, Patience, WatchEvent, WatchKind, Write,
};
use judging::{Judgement, Rule};
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

    // ---- time

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

    // ---- who did it

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

    // ---- sets

    /// A set is ADDED: OrderedReady, RollingUpdate, no claims, service `<name>-svc`. Later verbs speak of it.
    pub(crate) fn set(self, name: &str, replicas: u32) -> Story {
        self.set_with(name, replicas, json!({}))
    }

    /// A set with claim templates of these names.
    pub(crate) fn set_with_claims(self, name: &str, replicas: u32, templates: &[&str]) -> Story {
        let templates: Vec<Value> = templates
            .iter()
            .map(|name| {
                json!({
                    "metadata": {"name": name},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                })
            })
            .collect();
        self.set_with(
            name,
            replicas,
            json!({"spec": {"volumeClaimTemplates": templates}}),
        )
    }

    /// A set that differs from the usual one by a merge patch.
    pub(crate) fn set_with(mut self, name: &str, replicas: u32, patch: Value) -> Story {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "generation": 1, "creationTimestamp": timestamp(self.now),
            },
            "spec": {
                "replicas": replicas,
                "serviceName": format!("{name}-svc"),
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {
                        "terminationGracePeriodSeconds": 30,
                        "containers": [{"name": "app", "image": "app:1", "ports": [{"name": "web", "containerPort": 80}]}],
                    },
                },
            },
            "status": {"replicas": 0},
        });
        merge(&mut object, &patch);
        self.set = name.into();
        self.sets.push(name.into());
        self.watch(WatchKind::Added, "statefulsets", object);
        self
    }

    /// Later verbs speak of this set.
    pub(crate) fn on_set(mut self, name: &str) -> Story {
        self.set = name.into();
        self
    }

    /// The set is changed by a merge patch; its generation moves if the spec does.
    pub(crate) fn change(mut self, patch: Value) -> Story {
        let mut object = self.object("statefulsets", &self.set);
        let before = object["spec"].clone();
        merge(&mut object, &patch);
        if object["spec"] != before {
            object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        }
        self.watch(WatchKind::Modified, "statefulsets", object);
        self
    }

    /// Other replicas are asked for.
    pub(crate) fn scale(self, replicas: u32) -> Story {
        self.change(json!({"spec": {"replicas": replicas}}))
    }

    /// Another image is asked for. The revision that stores it comes with [`Story::revision`].
    pub(crate) fn image(self, image: &str) -> Story {
        self.change(json!({"spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": image, "ports": [{"name": "web", "containerPort": 80}]},
        ]}}}}))
    }

    /// Another partition is asked for.
    pub(crate) fn partition(self, partition: u32) -> Story {
        self.change(json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}}))
    }

    /// The controller reports: fields of the status, merged into what it reported before.
    pub(crate) fn status(self, status: Value) -> Story {
        self.change(json!({"status": status}))
    }

    /// The set gets its deletionTimestamp.
    pub(crate) fn delete_set(self) -> Story {
        let now = timestamp(self.now);
        self.change(json!({"metadata": {"deletionTimestamp": now}}))
    }

    /// The set is gone.
    pub(crate) fn set_gone(mut self) -> Story {
        let object = self.object("statefulsets", &self.set);
        self.watch(WatchKind::Deleted, "statefulsets", object);
        self
    }

    // ---- revisions

    /// The set's template is stored in a new ControllerRevision with the next number. Pods made later carry it.
    pub(crate) fn revision(self, name: &str) -> Story {
        self.revision_with(name, json!({}))
    }

    /// A revision that differs from the right one by a merge patch.
    pub(crate) fn revision_with(mut self, name: &str, patch: Value) -> Story {
        let set = self.object("statefulsets", &self.set);
        let mut template = set["spec"]["template"].clone();
        template["$patch"] = json!("replace");
        let number = self.revisions.len() + 1;
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "labels": set["spec"]["template"]["metadata"]["labels"].clone(),
                "ownerReferences": [owner_reference(&set)],
            },
            "data": {"spec": {"template": template}},
            "revision": number,
        });
        let hash = name.rsplit('-').next().unwrap_or(name);
        object["metadata"]["labels"]["controller.kubernetes.io/hash"] = json!(hash);
        merge(&mut object, &patch);
        self.revisions
            .push((name.into(), set["spec"]["template"].clone()));
        self.watch(WatchKind::Added, "controllerrevisions", object);
        self
    }

    /// Pods made later carry this revision.
    pub(crate) fn use_revision(mut self, name: &str) -> Story {
        let place = self
            .revisions
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("there is no revision {name}"));
        let used = self.revisions.remove(place);
        self.revisions.push(used);
        self
    }

    // ---- pods

    /// A member is ADDED, as its set and the newest revision ask for it: Pending, not scheduled.
    pub(crate) fn pod(self, name: &str) -> Story {
        self.pod_with(name, json!({}))
    }

    /// A member that was there before the history began, Ready.
    pub(crate) fn initial_pod(mut self, name: &str) -> Story {
        let mut object = self.member(name);
        merge(&mut object, &ready_status(true, self.now));
        self.pod = name.into();
        self.watch(WatchKind::Initial, "pods", object);
        self
    }

    /// A member that differs from the right one by a merge patch.
    pub(crate) fn pod_with(mut self, name: &str, patch: Value) -> Story {
        let mut object = self.member(name);
        merge(&mut object, &patch);
        self.pod = name.into();
        self.watch(WatchKind::Added, "pods", object);
        self
    }

    /// Members `<set>-0` to `<set>-(n-1)`, one after another and each Ready before the next.
    pub(crate) fn ready_pods(mut self, n: u32) -> Story {
        let set = self.set.clone();
        for ordinal in 0..n {
            self = self.pod(&format!("{set}-{ordinal}")).ready();
        }
        self
    }

    fn member(&self, name: &str) -> Value {
        let set = self
            .sets
            .iter()
            .filter(|set| {
                name.strip_prefix(set.as_str()).is_some_and(|rest| {
                    rest.strip_prefix('-')
                        .is_some_and(|ordinal| !ordinal.contains('-'))
                })
            })
            .max_by_key(|set| set.len())
            .unwrap_or(&self.set);
        let set = self.object("statefulsets", set);
        let set_name = set["metadata"]["name"].as_str().unwrap();
        let (revision, template) = self
            .revisions
            .last()
            .cloned()
            .unwrap_or_else(|| (format!("{set_name}-none"), set["spec"]["template"].clone()));
        let ordinal = name.rsplit('-').next().unwrap_or_default();
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "generateName": format!("{set_name}-"),
                "uid": format!("{name}-uid-{}", self.version), "creationTimestamp": timestamp(self.now),
                "labels": template["metadata"]["labels"].clone(),
                "ownerReferences": [owner_reference(&set)],
            },
            "spec": template["spec"].clone(),
            "status": {"phase": "Pending"},
        });
        if let Some(annotations) = template["metadata"].get("annotations") {
            object["metadata"]["annotations"] = annotations.clone();
        }
        let labels = &mut object["metadata"]["labels"];
        labels["controller-revision-hash"] = json!(revision);
        labels["statefulset.kubernetes.io/pod-name"] = json!(name);
        labels["apps.kubernetes.io/pod-index"] = json!(ordinal);
        object["spec"]["hostname"] = json!(name);
        object["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
        let volumes: Vec<Value> = set["spec"]["volumeClaimTemplates"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|template| template["metadata"]["name"].as_str())
            .map(|claim| {
                json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{name}")}})
            })
            .collect();
        if !volumes.is_empty() {
            object["spec"]["volumes"] = json!(volumes);
        }
        object
    }

    /// The verbs speak of this pod from here on.
    pub(crate) fn on(mut self, name: &str) -> Story {
        self.pod = name.into();
        self
    }

    /// The pod changes by a merge patch.
    pub(crate) fn modify(mut self, patch: Value) -> Story {
        let mut object = self.object("pods", &self.pod);
        merge(&mut object, &patch);
        self.watch(WatchKind::Modified, "pods", object);
        self
    }

    /// The pod is bound to a node.
    pub(crate) fn scheduled(self, node: &str) -> Story {
        self.modify(json!({"spec": {"nodeName": node}}))
    }

    /// The pod runs with an address and is not Ready.
    pub(crate) fn running(self) -> Story {
        let patch = ready_status(false, self.now);
        let address = self.address();
        self.modify(patch).address_of_last(&address)
    }

    /// The pod is Running and Ready, with an address.
    pub(crate) fn ready(self) -> Story {
        let patch = ready_status(true, self.now);
        let address = self.address();
        self.modify(patch).address_of_last(&address)
    }

    /// The pod is no longer Ready, but still Running.
    pub(crate) fn unready(self) -> Story {
        let patch = ready_status(false, self.now);
        self.modify(patch)
    }

    /// The pod ends in phase Failed.
    pub(crate) fn failed(self) -> Story {
        let mut patch = ready_status(false, self.now);
        patch["status"]["phase"] = json!("Failed");
        self.modify(patch)
    }

    /// Address of the pod: stays once given.
    fn address(&self) -> String {
        let pod = self.object("pods", &self.pod);
        match pod["status"]["podIP"].as_str() {
            Some(address) => address.into(),
            None => format!("10.0.0.{}", self.version % 250 + 1),
        }
    }

    /// Puts the address into the event that was just told.
    fn address_of_last(mut self, address: &str) -> Story {
        let Some(Observation::Watch(watch)) = self.events.last_mut().map(|event| &mut event.what) else {
            return self;
        };
        let object = Arc::make_mut(&mut watch.object);
        object["status"]["podIP"] = json!(address);
        let key = ("pods".to_owned(), self.pod.clone());
        self.objects.insert(key, object.clone());
        self
    }

    /// The decision to delete the pod: deletionTimestamp, with the pod's own grace period.
    pub(crate) fn delete_pod(self, name: &str) -> Story {
        let pod = self.object("pods", name);
        let grace = pod["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(30);
        self.delete_pod_with_grace(name, grace)
    }

    /// The decision to delete the pod, with another grace period.
    pub(crate) fn delete_pod_with_grace(self, name: &str, grace: i64) -> Story {
        let at = timestamp(self.now + grace.unsigned_abs() * 1_000);
        self.on(name).modify(
            json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": grace, "generation": 2}}),
        )
    }

    /// The pod that the verbs speak of is DELETED.
    pub(crate) fn gone(mut self) -> Story {
        let object = self.object("pods", &self.pod);
        self.watch(WatchKind::Deleted, "pods", object);
        self
    }

    /// The decision to delete the pod, and its end right after. [`Story::by`] would speak of the end: to say who
    /// decided, tell `delete_pod`, `by`, `gone`.
    pub(crate) fn remove_pod(self, name: &str) -> Story {
        self.delete_pod(name).gone()
    }

    // ---- claims

    /// A claim is ADDED and Bound.
    pub(crate) fn claim(self, name: &str) -> Story {
        self.claim_with(name, json!({}))
    }

    /// A claim that differs from the right one by a merge patch.
    pub(crate) fn claim_with(mut self, name: &str, patch: Value) -> Story {
        let labels = self
            .objects
            .get(&("statefulsets".to_owned(), self.set.clone()))
            .map_or(Value::Null, |set| set["spec"]["selector"]["matchLabels"].clone());
        let mut object = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "labels": labels,
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": format!("pv-{name}"),
            },
            "status": {"phase": "Bound"},
        });
        merge(&mut object, &patch);
        self.watch(WatchKind::Added, "persistentvolumeclaims", object);
        self
    }

    /// A claim changes by a merge patch.
    pub(crate) fn modify_claim(self, name: &str, patch: Value) -> Story {
        self.modify_object("persistentvolumeclaims", name, patch)
    }

    /// The decision to delete a claim.
    pub(crate) fn delete_claim(self, name: &str) -> Story {
        let at = timestamp(self.now);
        self.modify_claim(name, json!({"metadata": {"deletionTimestamp": at}}))
    }

    /// A claim is DELETED.
    pub(crate) fn claim_gone(self, name: &str) -> Story {
        self.object_gone("persistentvolumeclaims", name)
    }

    // ---- anything else

    /// Any other object is ADDED. `metadata.name` is all it needs.
    pub(crate) fn object_added(mut self, resource: &str, mut object: Value) -> Story {
        if !matches!(resource, "nodes" | "persistentvolumes" | "namespaces") {
            merge(&mut object, &json!({"metadata": {"namespace": NAMESPACE}}));
        }
        if object["metadata"].get("uid").is_none() {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            object["metadata"]["uid"] = json!(format!("{name}-uid-{}", self.version));
        }
        self.watch(WatchKind::Added, resource, object);
        self
    }

    /// An object without a namespace is ADDED.
    pub(crate) fn cluster_object_added(mut self, resource: &str, mut object: Value) -> Story {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        object["metadata"]["uid"] = json!(format!("{name}-uid-{}", self.version));
        self.watch(WatchKind::Added, resource, object);
        self
    }

    /// Any object changes by a merge patch.
    pub(crate) fn modify_object(mut self, resource: &str, name: &str, patch: Value) -> Story {
        let mut object = self.object(resource, name);
        merge(&mut object, &patch);
        self.watch(WatchKind::Modified, resource, object);
        self
    }

    /// Any object is DELETED.
    pub(crate) fn object_gone(mut self, resource: &str, name: &str) -> Story {
        let object = self.object(resource, name);
        self.watch(WatchKind::Deleted, resource, object);
        self
    }

    /// UID of an object of the story, as it is now.
    pub(crate) fn uid(&self, resource: &str, name: &str) -> String {
        self.object(resource, name)["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Address of a pod of the story, as it is now.
    pub(crate) fn ip(&self, pod: &str) -> String {
        self.object("pods", pod)["status"]["podIP"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    // ---- answers, actions, remarks

    /// The DNS answers with these records.
    pub(crate) fn dns(mut self, name: &str, qtype: &str, answers: &[&str]) -> Story {
        let mut answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        answers.sort();
        let asked_ms = Some(Elapsed::from_millis(self.now));
        self.push(Observation::Dns(DnsAnswer {
            name: name.into(),
            qtype: qtype.into(),
            rcode: "NOERROR".into(),
            answers,
            ttl: Some(5),
            same_answers_before: 0,
            asked_ms,
        }));
        self
    }

    /// The DNS says that there is no such name.
    pub(crate) fn nxdomain(mut self, name: &str, qtype: &str) -> Story {
        let asked_ms = Some(Elapsed::from_millis(self.now));
        self.push(Observation::Dns(DnsAnswer {
            name: name.into(),
            qtype: qtype.into(),
            rcode: "NXDOMAIN".into(),
            asked_ms,
            ..DnsAnswer::default()
        }));
        self
    }

    /// A pod answers an HTTP GET.
    pub(crate) fn http(mut self, host: &str, path: &str, status: u16, body: &str) -> Story {
        let asked_ms = Elapsed::from_millis(self.now);
        self.push(Observation::Http(Box::new(HttpAnswer {
            host: host.into(),
            address: "10.0.0.1".into(),
            port: 80,
            method: "GET".into(),
            path: path.into(),
            status,
            body: body.into(),
            error: None,
            asked_ms,
        })));
        self
    }

    /// The harness sends a request, which is granted.
    pub(crate) fn action(mut self, method: &str, path: &str) -> Story {
        let done = Elapsed::from_millis(self.now + 1);
        self.push(Observation::Action(Box::new(Action {
            method: method.into(),
            name: format!("{method} {path}"),
            path: path.into(),
            status: 200,
            done,
            ..Action::default()
        })));
        self
    }

    /// The harness sends a request, which is answered with this object.
    pub(crate) fn answered(self, method: &str, path: &str, object: Value) -> Story {
        let mut story = self.action(method, path);
        if let Some(Observation::Action(action)) = story.events.last_mut().map(|event| &mut event.what) {
            action.object = Arc::new(object);
        }
        story
    }

    /// The audit shows a write, whether it changed anything or not.
    pub(crate) fn write(mut self, write: Write) -> Story {
        self.push(Observation::Write(write));
        self
    }

    /// The scenario remarks something.
    pub(crate) fn note(mut self, kind: &str, text: &str) -> Story {
        self.push(Observation::Note(Note {
            kind: kind.into(),
            text: text.into(),
        }));
        self
    }

    /// A watch is cut and cannot be resumed.
    pub(crate) fn gap(mut self, resource: &str) -> Story {
        self.push(Observation::Gap(Gap {
            resource: resource.into(),
            reason: "410 Gone".into(),
        }));
        self
    }

    /// The history ends here with this outcome. Without it, it ends `completed` where the story does.
    pub(crate) fn end(mut self, outcome: &str) -> Story {
        self.ended = true;
        self.push(Observation::End(End {
            outcome: outcome.into(),
            ..End::default()
        }));
        self
    }

    // ---- judging

    /// The ledger of the story.
    pub(crate) fn ledger(self) -> Ledger {
        let story = if self.ended { self } else { self.end("completed") };
        let start = Event {
            at: Elapsed::ZERO,
            what: Observation::Start(Box::new(story.meta)),
        };
        let history: History = std::iter::once(start).chain(story.events).collect();
        Ledger::build(&history)
    }

    /// What a rule finds in the story.
    pub(crate) fn judge(self, rule: &Rule) -> Judgement {
        judging::judge(rule, &self.ledger())
    }

    /// The rule finds an opportunity, and that it was kept.
    #[track_caller]
    pub(crate) fn keeps(self, rule: &Rule) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        assert!(
            found.stalls.is_empty(),
            "{} says stalled: {:#?}",
            rule.id,
            found.stalls
        );
        assert!(found.opportunities > 0, "{} was not exercised", rule.id);
    }

    /// The rule is broken; the witness has two to six events and its sentence contains `words`.
    #[track_caller]
    pub(crate) fn breaks(self, rule: &Rule, words: &str) {
        let found = self.judge(rule);
        assert!(found.opportunities > 0, "{} counted no opportunity", rule.id);
        let witness = found
            .violations
            .first()
            .unwrap_or_else(|| panic!("{} finds nothing wrong", rule.id));
        assert!(
            witness.sentence.contains(words),
            "{}: {}",
            rule.id,
            witness.sentence
        );
        assert!(
            (2..=6).contains(&witness.events.len()),
            "{}: {witness:#?}",
            rule.id
        );
    }

    /// The rule says that a goal was not reached; the sentence contains `words`.
    #[track_caller]
    pub(crate) fn stalls(self, rule: &Rule, words: &str) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        let witness = found
            .stalls
            .first()
            .unwrap_or_else(|| panic!("{} finds nothing stalled", rule.id));
        assert!(
            witness.sentence.contains(words),
            "{}: {}",
            rule.id,
            witness.sentence
        );
    }

    /// The trigger of the rule did not occur, and nothing was found.
    #[track_caller]
    pub(crate) fn does_not_exercise(self, rule: &Rule) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        assert!(
            found.stalls.is_empty(),
            "{} says stalled: {:#?}",
            rule.id,
            found.stalls
        );
        assert_eq!(found.opportunities, 0, "{} counted an opportunity", rule.id);
    }
}

fn owner_reference(set: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "controller": true, "blockOwnerDeletion": true,
        "name": set["metadata"]["name"], "uid": set["metadata"]["uid"],
    })
}

fn ready_status(ready: bool, now: u64) -> Value {
    json!({"status": {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": timestamp(now)},
        ],
    }})
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
