//! The story of one set.

use super::{
    Phase, Section, dns,
    milestone::{Kind, Milestone, Noun, Promise, SetStep, Step},
    order, phases,
    phases::Deed,
    pods,
    revisions::{self, Revisions},
    served,
};
use history::{Ledger, ManagementPolicy, Moment, Ordinal, Set};

/// All lives of the set of one name: a set that was deleted and made again is told as one.
pub(super) struct Lives<'a> {
    /// Name of the set.
    pub name: &'a str,
    /// Whether there is no other set.
    pub alone: bool,
    sets: Vec<&'a Set>,
    others: Vec<&'a str>,
}

impl<'a> Lives<'a> {
    /// All lives, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &'a Set> + '_ {
        self.sets.iter().copied()
    }

    /// Whether one of the lives has this UID.
    pub fn has(&self, uid: &str) -> bool {
        self.with_uid(uid).is_some()
    }

    /// The life with this UID.
    pub fn with_uid(&self, uid: &str) -> Option<&'a Set> {
        self.all().find(|set| set.uid == uid)
    }

    /// The life at a moment; after the last one, that.
    pub fn at(&self, moment: Moment) -> Option<&'a Set> {
        self.all()
            .filter(|set| set.added().index <= moment.index)
            .last()
            .or_else(|| self.all().next())
    }

    /// What the set promised about order at a moment.
    pub fn promise(&self, ledger: &Ledger, moment: Moment) -> Promise {
        self.at(moment)
            .map(|set| promise(ledger, set, moment))
            .unwrap_or_default()
    }

    /// Whether a remark is about this set: it names it or one of its pods, or no set at all.
    pub fn mentioned_in(&self, text: &str) -> bool {
        let names = |set: &str| {
            text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'))
                .any(|word| word == set || Ordinal::of(word, set).is_some())
        };
        self.alone || names(self.name) || !self.others.iter().any(|other| names(other))
    }
}

/// What `set` promised about order at a moment.
pub(super) fn promise(ledger: &Ledger, set: &Set, moment: Moment) -> Promise {
    let state = set.states.at(moment.index).or(set.states.first());
    Promise {
        ordered: state.is_some_and(|(_, state)| state.spec.policy == ManagementPolicy::OrderedReady),
        serial: state.is_some_and(|(_, state)| {
            let unavailable = state
                .object
                .pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
            unavailable.is_none_or(|number| number.as_u64() == Some(1))
        }),
        void: namespace_goes(ledger, moment),
    }
}

/// Whether the set was going or gone at a moment.
pub(super) fn goes(set: &Set, moment: Moment) -> bool {
    set.deleting
        .or(set.gone)
        .is_some_and(|from| from.index <= moment.index)
}

/// Whether the harness had asked for the deletion of the whole namespace.
pub(super) fn namespace_goes(ledger: &Ledger, moment: Moment) -> bool {
    let path = format!("/api/v1/namespaces/{}", ledger.meta().namespace);
    ledger
        .actions()
        .iter()
        .any(|(asked, action)| action.method == "DELETE" && action.path == path && asked.at <= moment.at)
}

/// The stories of all sets, by name.
pub(super) fn all(ledger: &Ledger) -> Vec<Section> {
    let mut names: Vec<&str> = ledger.sets().iter().map(|set| set.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push("");
    }
    names
        .iter()
        .map(|name| {
            let lives = Lives {
                name,
                alone: names.len() == 1,
                sets: ledger.sets().iter().filter(|set| set.name == **name).collect(),
                others: names.iter().copied().filter(|other| other != name).collect(),
            };
            section(ledger, &lives)
        })
        .collect()
}

fn section(ledger: &Ledger, lives: &Lives<'_>) -> Section {
    let revisions = Revisions::of(ledger, &lives.all().collect::<Vec<_>>());
    let mut milestones = pods::milestones(ledger, lives, &revisions);
    milestones.extend(pods::claim_milestones(ledger, lives));
    milestones.extend(served::milestones(ledger, lives));
    for set in lives.all() {
        milestones.extend(revisions::milestones(ledger, set, &revisions));
        milestones.extend(deletion(ledger, set));
    }
    milestones.sort_by_key(|milestone| milestone.moment.index);

    let deeds = phases::deeds(ledger, lives);
    let mut members: Vec<Vec<&Milestone>> = vec![Vec::new(); deeds.len() + 1];
    for milestone in &milestones {
        members[phases::phase_of(&deeds, milestone)].push(milestone);
    }
    let mut names = dns::Names::default();
    let mut told = Vec::new();
    for (place, mut milestones) in members.into_iter().enumerate() {
        // Asking once more is no news.
        let mut asked: Vec<(&Kind, &str)> = Vec::new();
        milestones.retain(|milestone| match &milestone.kind {
            Kind::Member(_, Step::Served) => {
                let question = (&milestone.kind, milestone.predicate.as_str());
                let news = !asked.contains(&question);
                asked.push(question);
                news
            }
            Kind::Member(ordinal, _) => {
                asked.retain(|(kind, _)| !matches!(kind, Kind::Member(other, _) if other == ordinal));
                true
            }
            Kind::Set(_) => true,
        });
        let span = Span {
            from: place.checked_sub(1).and_then(|place| deeds.get(place)),
            to: deeds.get(place),
        };
        let mut settled: Vec<String> = lives
            .all()
            .filter_map(|set| status(ledger, set, &revisions, &span, &milestones))
            .collect();
        settled.extend(names.at_the_end_of(ledger, lives, &span));
        let phase = Phase {
            heading: span.from.map(|deed| deed.heading.clone()),
            steps: order::steps(&milestones),
            settled,
        };
        let detail = span.from.is_some_and(|deed| deed.detail);
        match told
            .last_mut()
            .filter(|step: &&mut Phase| detail && step.heading.is_some() && step.is_empty())
        {
            Some(step) => (step.steps, step.settled) = (phase.steps, phase.settled),
            None if phase.heading.is_none() && phase.is_empty() => {}
            None => told.push(phase),
        }
    }
    Section {
        set: lives.name.to_owned(),
        phases: told,
    }
}

fn deletion(ledger: &Ledger, set: &Set) -> Vec<Milestone> {
    let tell = |moment: Moment, predicate: &str| Milestone {
        moment,
        kind: Kind::Set(SetStep::Deletion),
        promise: promise(ledger, set, moment),
        noun: Noun::Set,
        subject: set.name.clone(),
        predicate: predicate.into(),
    };
    let decided = set
        .deleting
        .filter(|moment| set.gone != Some(*moment))
        .map(|moment| tell(moment, "to be deleted"));
    decided
        .into_iter()
        .chain(set.gone.map(|moment| tell(moment, "gone")))
        .collect()
}

/// The time between two deeds.
pub(super) struct Span<'a> {
    /// The deed that begins it.
    pub from: Option<&'a Deed>,
    /// The deed that ends it.
    pub to: Option<&'a Deed>,
}

impl Span<'_> {
    /// Whether `moment` lies in it.
    pub fn holds(&self, moment: Moment) -> bool {
        self.from.is_none_or(|deed| deed.precedes(moment))
            && !self.to.is_some_and(|deed| deed.precedes(moment))
    }
}

/// The status in which a set settled in this span. A scenario that waits for it says so; in other histories a set
/// counts as settled if it was quiet for long enough, and its status true.
fn status(
    ledger: &Ledger,
    set: &Set,
    revisions: &Revisions,
    span: &Span<'_>,
    milestones: &[&Milestone],
) -> Option<String> {
    let waited = ledger.notes().iter().any(|(_, note)| note.kind == "step");
    let until = if waited {
        let goal = format!("{} settled", set.name);
        let reached = ledger.notes().iter().rfind(|(moment, note)| {
            note.kind == "reached" && note.text.starts_with(&goal) && span.holds(*moment)
        });
        reached?.0.index
    } else {
        let end = span.to.map_or(ledger.end().at, |deed| deed.moment.at);
        let last = milestones.iter().map(|milestone| milestone.moment.at).max()?;
        if end.since(last) < ledger.patience().settle() {
            return None;
        }
        // The last position at or before that time.
        ledger
            .order()
            .partition_point(|moment| moment.at <= end)
            .checked_sub(1)?
    };
    let state = set.at(until)?;
    if set.deleting.is_some_and(|from| from.index <= until) {
        return None;
    }
    let (mut exist, mut ready) = (0, 0);
    for pod in ledger.members(set) {
        if let Some(pod_state) = pod.at(until) {
            exist += 1;
            ready += i64::from(pod_state.ready);
        }
    }
    let status = &state.status;
    let is_true = status.observed_generation == Some(state.spec.generation)
        && status.replicas == exist
        && status.ready == ready;
    if !is_true {
        return None;
    }
    let call = |name: &Option<String>| {
        name.as_deref()
            .map_or_else(|| "no revision".into(), |name| revisions.call(name))
    };
    let (current, update) = (call(&status.current_revision), call(&status.update_revision));
    let at = if current == update {
        format!("at {current}")
    } else {
        format!("current {current}, update {update}")
    };
    Some(format!(
        "{} settled: {} of {} replicas Ready, {at}",
        set.name, status.ready, status.replicas
    ))
}
