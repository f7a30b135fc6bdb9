//! What the DNS was asked, and what was so at the time.
//!
//! An answer may come from a cache: it describes some state between the question less the age that answers may have,
//! and its arrival. What was so throughout that time must be in the answer; what was never so must not.

use history::{DnsAnswer, Elapsed, Incarnation, Ledger, Moment, PodState, Service};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What a name under a service asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The service itself.
    Service,
    /// One member, by its hostname.
    Member(String),
    /// A port of the service: name and protocol.
    Port(String, String),
}

/// A name `[…].<service>.<namespace>.svc.<zone>`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) question: Question,
    pub(super) service: String,
    pub(super) namespace: String,
    /// The name of the service, in full.
    pub(super) base: String,
}

impl Name {
    /// Reads a full name. Upper and lower case are the same.
    pub(super) fn parse(name: &str) -> Option<Name> {
        let name = name.trim_end_matches('.').to_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let svc = labels
            .iter()
            .position(|label| *label == "svc")
            .filter(|at| *at >= 2)?;
        let (before, base) = labels.split_at(svc - 2);
        let question = match before {
            [] => Question::Service,
            [member] => Question::Member((*member).to_owned()),
            [port, protocol] => Question::Port(
                port.strip_prefix('_')?.to_owned(),
                protocol.strip_prefix('_')?.to_owned(),
            ),
            _ => return None,
        };
        Some(Name {
            question,
            service: (*base.first()?).to_owned(),
            namespace: (*base.get(1)?).to_owned(),
            base: base.join("."),
        })
    }
}

/// An answer about a service that did not change in the time that the answer may describe.
pub(super) struct Answered<'a> {
    ledger: &'a Ledger,
    /// When it arrived.
    pub(super) moment: Moment,
    /// The answer.
    pub(super) answer: &'a DnsAnswer,
    /// What was asked.
    pub(super) name: Name,
    /// The service.
    pub(super) service: Service,
    /// When the service was last changed.
    pub(super) served: Moment,
    /// Places of the pods that it may be about.
    about: Arc<[usize]>,
    /// The oldest state that the answer may describe.
    since: Elapsed,
    /// The newest one. Watch events and answers travel on different ways, so a little after the arrival.
    until: Elapsed,
}

/// The answers of one record type about services that are known.
pub(super) fn answered<'a>(ledger: &'a Ledger, qtype: &'a str) -> impl Iterator<Item = Answered<'a>> {
    let directory = ledger.derived(Directory::of);
    ledger.dns().iter().filter_map(move |(moment, answer)| {
        let told = matches!(answer.rcode.as_str(), "NOERROR" | "NXDOMAIN");
        if answer.qtype != qtype || !told {
            return None;
        }
        let name = Name::parse(&answer.name)?;
        let patience = ledger.patience();
        let asked = answer.asked_ms.unwrap_or(moment.at).min(moment.at);
        let since = asked.before(patience.dns());
        let until = moment.at + patience.staleness();
        let (served, service) = steady(ledger, &name, since, until)?;
        let about = directory.about(&name);
        Some(Answered {
            ledger,
            moment: *moment,
            answer,
            name,
            service,
            served,
            about,
            since,
            until,
        })
    })
}

/// The pods that questions are about, by their place in the ledger. Computed once for all rules.
struct Directory(HashMap<(String, Option<String>), Arc<[usize]>>);

impl Directory {
    /// By namespace; those with a hostname or name also under that.
    fn of(ledger: &Ledger) -> Directory {
        let mut pods: HashMap<(String, Option<String>), Vec<usize>> = HashMap::new();
        for (place, pod) in ledger.pods().iter().enumerate() {
            let mut add = |name: Option<&str>| {
                let key = (pod.namespace.clone(), name.map(str::to_owned));
                pods.entry(key).or_default().push(place);
            };
            let hostname = pod.first().and_then(PodState::hostname);
            add(None);
            add(Some(&pod.name));
            if let Some(hostname) = hostname.filter(|hostname| *hostname != pod.name) {
                add(Some(hostname));
            }
        }
        Directory(pods.into_iter().map(|(key, pods)| (key, pods.into())).collect())
    }

    fn about(&self, name: &Name) -> Arc<[usize]> {
        let member = match &name.question {
            Question::Member(hostname) => Some(hostname.clone()),
            Question::Service | Question::Port(..) => None,
        };
        self.0
            .get(&(name.namespace.clone(), member))
            .cloned()
            .unwrap_or_default()
    }
}

/// The service of a name, if it was there and unchanged all the time.
fn steady(ledger: &Ledger, name: &Name, since: Elapsed, until: Elapsed) -> Option<(Moment, Service)> {
    let life = ledger
        .related_named("services", &name.namespace, &name.service)
        .last()?;
    let states = life.states.entries();
    let from = states
        .partition_point(|(moment, _)| moment.at <= since)
        .checked_sub(1)?;
    let to = states.partition_point(|(moment, _)| moment.at <= until);
    if life.gone.is_some_and(|gone| gone.at <= until) {
        return None;
    }
    let (served, first) = states.get(from)?;
    let service = Service::of(first);
    let unchanged = states
        .get(from..to)?
        .iter()
        .all(|(_, other)| Service::of(other) == service);
    unchanged.then_some((*served, service))
}

impl<'a> Answered<'a> {
    /// The state of a pod at each time that the answer may describe, `None` where it did not exist.
    fn states(&self, pod: &'a Incarnation) -> impl Iterator<Item = Option<&'a PodState>> + use<'a> {
        let entries = pod.states.entries();
        let from = entries.partition_point(|(moment, _)| moment.at <= self.since);
        let to = entries.partition_point(|(moment, _)| moment.at <= self.until);
        let not_yet = (from == 0 && pod.seen_added).then_some(None);
        let alive = if pod.gone.is_some_and(|gone| gone.at <= self.since) {
            0..0
        } else {
            from.saturating_sub(1)..to
        };
        let alive = entries
            .get(alive)
            .into_iter()
            .flatten()
            .map(|(_, state)| Some(state));
        let no_more = pod.gone.filter(|gone| gone.at <= self.until).map(|_| None);
        not_yet.into_iter().chain(alive).chain(no_more)
    }

    /// Whether something was true of a pod all the time.
    pub(super) fn always(&self, pod: &'a Incarnation, is_true: impl Fn(&PodState) -> bool) -> bool {
        let mut states = self.states(pod).peekable();
        states.peek().is_some() && states.all(|state| state.is_some_and(&is_true))
    }

    /// Whether something was true of a pod at some time.
    pub(super) fn ever(&self, pod: &'a Incarnation, is_true: impl Fn(&PodState) -> bool) -> bool {
        self.states(pod).flatten().any(is_true)
    }

    /// The addresses that the pods had at some time while something was true of them.
    pub(super) fn addresses(&self, is_true: impl Fn(&PodState) -> bool) -> HashSet<&'a str> {
        self.pods()
            .flat_map(|pod| self.states(pod).flatten())
            .filter(|state| is_true(state))
            .filter_map(|state| state.ip.as_deref())
            .collect()
    }

    /// The address that a pod had all the time while something was true of it.
    pub(super) fn steady_address(
        &self,
        pod: &'a Incarnation,
        is_true: impl Fn(&PodState) -> bool,
    ) -> Option<&'a str> {
        let address = pod.last()?.ip.as_deref()?;
        self.always(pod, |state| {
            state.ip.as_deref() == Some(address) && is_true(state)
        })
        .then_some(address)
    }

    /// The pods that the question may be about and that lived at some time that the answer may describe: those of the
    /// hostname or name that it asks for, or all of the namespace.
    pub(super) fn pods(&self) -> impl Iterator<Item = &'a Incarnation> + '_ {
        let pods = self
            .about
            .iter()
            .filter_map(|place| self.ledger.pods().get(*place));
        pods.filter(|pod| pod.added().at <= self.until && pod.gone.is_none_or(|gone| gone.at >= self.since))
    }

    /// Whether the answer holds this record.
    pub(super) fn holds(&self, record: &str) -> bool {
        self.answer.answers.iter().any(|answer| answer == record)
    }

    /// The event that shows a pod as it was when the answer arrived.
    pub(super) fn shown(&self, pod: &Incarnation) -> Moment {
        pod.states
            .before(self.moment.index)
            .map_or(pod.added(), |(moment, _)| *moment)
    }

    /// Whether the question was asked in letters of both cases.
    pub(super) fn mixed_case(&self) -> bool {
        self.answer.name.bytes().any(|byte| byte.is_ascii_uppercase())
    }
}

/// Whether the pod carries this hostname under the service.
pub(super) fn named(service: &Service, hostname: &str, state: &PodState) -> bool {
    state.hostname() == Some(hostname) && state.subdomain() == Some(&service.name)
}

/// How old an answer may be in the tests of this area: long enough for the histories to be clear.
#[cfg(test)]
pub(super) fn told_by_dns() -> crate::rules::story::Story {
    use serde_json::json;
    crate::rules::story::Story::new()
        .patience(|patience| {
            patience.dns_ms = 10_000;
            patience.staleness_ms = 500;
        })
        .object_added(
            "services",
            json!({
                "metadata": {"name": "web-svc"},
                "spec": {
                    "clusterIP": "None", "selector": {"app": "web"},
                    "ports": [{"name": "web", "port": 80, "targetPort": "web", "protocol": "TCP"}],
                },
            }),
        )
        .set("web", 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        let base = "web-svc.n.svc.cluster.local";
        let question = |name: &str| Name::parse(name).map(|name| (name.question, name.base));
        assert_eq!(question(base), Some((Question::Service, base.into())));
        assert_eq!(
            question("WEB-0.web-svc.n.svc.Cluster.Local."),
            Some((Question::Member("web-0".into()), base.into()))
        );
        assert_eq!(
            question("_web._tcp.web-svc.n.svc.cluster.local"),
            Some((Question::Port("web".into(), "tcp".into()), base.into()))
        );
        assert_eq!(question("example.com"), None);
        assert_eq!(question("a.b.web-svc.n.svc.cluster.local"), None);
    }
}
