//! Answers, actions, remarks, and the end.

use super::Story;
use history::{Action, DnsAnswer, Elapsed, End, Gap, HttpAnswer, Note, Observation, Write};
use serde_json::Value;
use std::sync::Arc;

impl Story {
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
            asked_ms,
            ..DnsAnswer::default()
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
}
