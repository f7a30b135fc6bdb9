//! What happened in a scenario: its milestones in the order that is guaranteed.
//!
//! The same scenario on another correct cluster, or with another correct candidate, gives the same story to the
//! letter; a broken order gives another one. That takes four things:
//!
//! * A phase begins with something that the harness does. A milestone belongs to the last phase that it came after.
//! * Inside a phase, two milestones whose order nothing promises ([`order`]) may be swapped freely. Each comes as early
//!   as those that it must follow allow, so that every permitted sequence of events ends up in the same form (the
//!   Foata normal form of the trace). One line is one step; what stands in one line happens side by side.
//! * Nothing is named that differs from cluster to cluster: no times, UIDs, addresses or hashes. Revisions are called
//!   r1, r2, … in the order in which they appeared.
//! * Status, DNS and whatever else is right only eventually is told at the end of a phase, and only where it had
//!   become right.

mod dns;
mod milestone;
mod order;
mod phases;
mod pods;
mod revisions;
mod section;
mod served;

use history::Ledger;
use serde::Serialize;
use std::fmt;

/// What happened in a scenario. `Display` writes it as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// Name of the scenario.
    pub scenario: String,
    /// What it does.
    pub title: String,
    /// One section per set, by name; one without a name if there is no set.
    pub sections: Vec<Section>,
    /// What held at the end.
    pub ending: Vec<String>,
}

/// What happened to one set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Name of the set.
    pub set: String,
    /// What happened, divided by what the harness did.
    pub phases: Vec<Phase>,
}

/// What followed from something that the harness did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// What the harness did; nothing in the first phase.
    pub heading: Option<String>,
    /// What followed, step by step; each step holds what happened side by side.
    pub steps: Vec<Vec<String>>,
    /// What had become right at the end of the phase: settled status, DNS.
    pub settled: Vec<String>,
}

impl Phase {
    fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.settled.is_empty()
    }
}

/// Tells the story of a history.
pub fn story(ledger: &Ledger) -> Story {
    let meta = ledger.meta();
    let mut story = Story {
        scenario: meta.scenario.clone(),
        title: meta.title.clone(),
        sections: section::all(ledger),
        ending: daemon_sets(ledger),
    };
    if let Some((_, end)) = ledger.ended()
        && !end.outcome.is_empty()
    {
        let how = if end.outcome == "completed" {
            "completed"
        } else {
            "not completed"
        };
        story.ending.push(format!("the scenario is {how}"));
    }
    story
}

/// DaemonSets that run on every node they should. Their pods have neither stable names nor an order.
fn daemon_sets(ledger: &Ledger) -> Vec<String> {
    let mut lines: Vec<String> = ledger
        .related("daemonsets")
        .filter(|set| set.gone.is_none())
        .filter_map(|set| {
            let (_, object) = set.states.last()?;
            let count = |field: &str| object.get("status")?.get(field)?.as_i64();
            let wanted = count("desiredNumberScheduled").filter(|wanted| *wanted > 0)?;
            let complete =
                count("numberReady") == Some(wanted) && count("updatedNumberScheduled") == Some(wanted);
            complete.then(|| format!("{} has a Ready pod on every node it wants", set.name))
        })
        .collect();
    lines.sort();
    lines
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.scenario, self.title)?;
        for section in &self.sections {
            writeln!(f)?;
            if self.sections.len() > 1 {
                writeln!(f, "[{}]", section.set)?;
            }
            for phase in &section.phases {
                if let Some(heading) = &phase.heading {
                    writeln!(f, "{heading}")?;
                }
                for step in &phase.steps {
                    writeln!(f, "  {}", step.join("; "))?;
                }
                for line in &phase.settled {
                    writeln!(f, "  = {line}")?;
                }
            }
        }
        if !self.ending.is_empty() {
            writeln!(f)?;
        }
        self.ending.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
