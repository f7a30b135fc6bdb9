//! Whose turn it is: the pods that a controller ought to create or delete next, and for how long that was so.

use history::{Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set, Spec};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Missing ordinals beyond so many are not followed under Parallel.
const FOLLOWED: usize = 10_000;

/// The time during which a step was due.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Whose turn it was.
    pub(super) ordinal: Ordinal,
    /// What made it due.
    pub(super) from: Moment,
    /// The step, or what ended the turn without it; `None` if it was still due at the end of the history.
    pub(super) until: Option<Moment>,
    /// Whether the step was taken.
    pub(super) taken: bool,
    /// The spec at the start of the turn.
    pub(super) spec: Arc<Spec>,
    /// What the controller may take beyond its reaction: the time for which pods have to be Ready before they count,
    /// and, where a stranger had the name, as long again as it had it, because retries come ever more rarely.
    extra: Duration,
}

impl Turn {
    /// How long the step was due.
    pub(super) fn lasted(&self, ledger: &Ledger) -> Duration {
        self.until.unwrap_or(ledger.end()).at.since(self.from.at)
    }

    /// How long it may take.
    pub(super) fn bound(&self, ledger: &Ledger) -> Duration {
        ledger.patience().reaction() + self.extra
    }

    /// Whether the step was due for too long without being taken.
    pub(super) fn missed(&self, ledger: &Ledger) -> bool {
        !self.taken && self.lasted(ledger) >= self.bound(ledger)
    }
}

/// The turns of a set, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Ordinals to be created: the lowest missing one once all below it are Healthy; under Parallel, each missing one.
    pub(super) creations: Vec<Turn>,
    /// Condemned pods to be deleted: the highest one once all wanted ones are Healthy, unless it is unhealthy and not
    /// the only such condemned pod; under Parallel, each.
    pub(super) deletions: Vec<Turn>,
}

/// The turns of all sets: a dozen rules ask for them, so they are computed once and kept with the ledger.
struct Dues(Vec<Arc<Due>>);

impl Dues {
    fn of(ledger: &Ledger) -> Dues {
        Dues(
            ledger
                .sets()
                .iter()
                .map(|set| Arc::new(Due::follow(ledger, set)))
                .collect(),
        )
    }
}

/// Who has the name of an ordinal.
#[derive(Clone, Copy, PartialEq)]
struct Occupant {
    member: bool,
    healthy: bool,
    terminating: bool,
}

enum Change {
    Pod(u32, Option<Occupant>),
    Spec(Arc<Spec>),
}

impl Due {
    /// Follows a set from its creation to the beginning of its end. Turns in which a creation was refused or had to
    /// wait for a claim under deletion are left out: the environment was in the way.
    pub(super) fn of(ledger: &Ledger, set: &Set) -> Arc<Due> {
        let all = ledger.derived(Dues::of);
        let place = ledger.sets().iter().position(|one| one.uid == set.uid);
        place
            .and_then(|place| all.0.get(place))
            .cloned()
            .unwrap_or_default()
    }

    fn follow(ledger: &Ledger, set: &Set) -> Due {
        let ending = ledger.ending(set);
        let mut sweep = Sweep::default();
        for (moment, change) in changes(ledger, set) {
            if ending.is_some_and(|ending| ending.index <= moment.index) {
                break;
            }
            sweep.step(moment, change);
        }
        let mut due = sweep.finish(ending);
        let strangers = Strangers::of(ledger, set);
        for turn in due.creations.iter_mut().chain(&mut due.deletions) {
            turn.extra = available(ledger, set, turn);
        }
        for turn in &mut due.creations {
            turn.extra += strangers.had_the_name(turn);
        }
        let refused = ledger.reported(&set.uid, "FailedCreate");
        due.creations.retain(|turn| {
            let until = turn.until.unwrap_or(ledger.end());
            !during(&refused, turn, until)
                && !claim_ending(ledger, set, turn, until)
                && !strangers.stop_a_batch(turn, until)
        });
        let refused = ledger.reported(&set.uid, "FailedDelete");
        due.deletions
            .retain(|turn| !during(&refused, turn, turn.until.unwrap_or(ledger.end())));
        due
    }
}

/// Whether something was reported during a turn.
fn during(reported: &[Moment], turn: &Turn, until: Moment) -> bool {
    reported
        .iter()
        .any(|at| turn.from.at <= at.at && at.at <= until.at)
}

/// The longest time for which pods had to be Ready before they counted, of all specs of a turn.
fn available(ledger: &Ledger, set: &Set, turn: &Turn) -> Duration {
    let until = turn.until.unwrap_or(ledger.end());
    let later = set
        .spec_changes()
        .into_iter()
        .filter(|(moment, _)| *moment > turn.from && *moment <= until)
        .map(|(_, spec)| spec.min_ready_seconds);
    Duration::from_secs(later.fold(turn.spec.min_ready_seconds, u32::max).into())
}

/// Pods that have the name of a member and belong to somebody else, to a former set of the same name, or to nobody any
/// more: since when, and until when.
struct Strangers(Vec<(Ordinal, Moment, Option<Moment>)>);

impl Strangers {
    fn of(ledger: &Ledger, set: &Set) -> Strangers {
        let named = ledger.pods().iter().filter(|pod| pod.namespace == set.namespace);
        let strangers = named.filter_map(|pod| {
            let ordinal = ledger.ordinal(set, pod)?;
            let entries = pod.states.entries().iter().rev();
            let released = entries.take_while(|(_, state)| state.owner.as_deref() != Some(&set.uid));
            Some((ordinal, released.last()?.0, pod.gone))
        });
        Strangers(strangers.collect())
    }

    /// For how long the name had been a stranger's when the turn began by its end.
    fn had_the_name(&self, turn: &Turn) -> Duration {
        self.0
            .iter()
            .find(|(ordinal, _, gone)| *ordinal == turn.ordinal && *gone == Some(turn.from))
            .map_or(Duration::ZERO, |(_, since, _)| turn.from.at.since(since.at))
    }

    /// Whether a stranger had some wanted name of a Parallel set during the turn: the refusal ends a batch, and the
    /// members of later batches wait.
    fn stop_a_batch(&self, turn: &Turn, until: Moment) -> bool {
        turn.spec.policy == ManagementPolicy::Parallel
            && self.0.iter().any(|(ordinal, since, gone)| {
                turn.spec.in_range(*ordinal) && *since <= until && gone.is_none_or(|gone| gone >= turn.from)
            })
    }
}

/// Everything that can begin or end a turn, in order.
fn changes(ledger: &Ledger, set: &Set) -> Vec<(Moment, Change)> {
    let mut changes = Vec::new();
    for (moment, spec) in set.spec_changes() {
        changes.push((moment, Change::Spec(spec)));
    }
    for pod in ledger.pods() {
        let Some(ordinal) = ledger
            .ordinal(set, pod)
            .filter(|_| pod.namespace == set.namespace)
        else {
            continue;
        };
        let occupant = |state: &PodState| {
            let member = state.owner.as_deref() == Some(&set.uid);
            Occupant {
                member,
                healthy: member && state.healthy(),
                terminating: state.terminating,
            }
        };
        let mut last = None;
        for (moment, state) in pod.states.entries() {
            let now = Some(occupant(state));
            if now != last {
                changes.push((*moment, Change::Pod(ordinal.0, now)));
                last = now;
            }
        }
        if let Some(gone) = pod.gone {
            changes.push((gone, Change::Pod(ordinal.0, None)));
        }
    }
    changes.sort_by_key(|(moment, _)| moment.index);
    changes
}

/// Whether a claim of the pod was under deletion during the turn.
fn claim_ending(ledger: &Ledger, set: &Set, turn: &Turn, until: Moment) -> bool {
    turn.spec.claim_templates.iter().any(|template| {
        let name = ledger.claim_name(set, template, turn.ordinal);
        ledger.claims_named(&set.namespace, &name).any(|claim| {
            let from = claim
                .deletion
                .is_some_and(|(moment, _)| moment.index <= until.index);
            from && claim.gone.is_none_or(|gone| gone.index >= turn.from.index)
        })
    })
}

#[derive(Default)]
struct Sweep {
    spec: Option<Arc<Spec>>,
    occupied: BTreeMap<u32, Occupant>,
    /// The lowest wanted ordinal that is not Healthy.
    first: u32,
    creations: Turns,
    deletions: Turns,
}

impl Sweep {
    fn step(&mut self, moment: Moment, change: Change) {
        match change {
            Change::Spec(spec) => {
                self.first = spec.start;
                self.spec = Some(spec.clone());
                self.advance();
                match spec.policy {
                    ManagementPolicy::OrderedReady => self.refresh_ordered(moment, &spec),
                    ManagementPolicy::Parallel => {
                        let mut touched: Vec<u32> = spec.range().take(FOLLOWED).collect();
                        touched.extend(self.occupied.keys());
                        touched.extend(self.creations.open.keys());
                        self.refresh_parallel(moment, &spec, &touched);
                    }
                }
            }
            Change::Pod(ordinal, occupant) => {
                match occupant {
                    Some(occupant) => self.occupied.insert(ordinal, occupant),
                    None => self.occupied.remove(&ordinal),
                };
                let Some(spec) = self.spec.clone() else { return };
                if spec.range().contains(&ordinal) && ordinal < self.first {
                    self.first = ordinal;
                }
                self.advance();
                match spec.policy {
                    ManagementPolicy::OrderedReady => self.refresh_ordered(moment, &spec),
                    ManagementPolicy::Parallel => self.refresh_parallel(moment, &spec, &[ordinal]),
                }
            }
        }
    }

    fn advance(&mut self) {
        let end = self.spec.as_ref().map_or(0, |spec| spec.range().end);
        while self.first < end
            && self
                .occupied
                .get(&self.first)
                .is_some_and(|occupant| occupant.healthy)
        {
            self.first = self.first.saturating_add(1);
        }
    }

    fn refresh_ordered(&mut self, moment: Moment, spec: &Arc<Spec>) {
        let wanted = spec.range();
        let creation =
            (wanted.contains(&self.first) && !self.occupied.contains_key(&self.first)).then_some(self.first);
        let deletion = (self.first >= wanted.end)
            .then(|| self.top_condemned(spec))
            .flatten();
        self.creations.only(moment, spec, creation, |ordinal| {
            self.occupied
                .get(&ordinal)
                .is_some_and(|occupant| occupant.member)
        });
        self.deletions.only(moment, spec, deletion, |ordinal| {
            self.occupied
                .get(&ordinal)
                .is_none_or(|occupant| occupant.terminating)
        });
    }

    /// The highest condemned pod, if nothing holds its deletion back.
    fn top_condemned(&self, spec: &Spec) -> Option<u32> {
        let wanted = spec.range();
        let mut condemned = self
            .occupied
            .iter()
            .rev()
            .filter(|(ordinal, occupant)| occupant.member && !wanted.contains(ordinal));
        let (ordinal, top) = condemned.next()?;
        let free = top.healthy || condemned.all(|(_, other)| other.healthy);
        (free && !top.terminating).then_some(*ordinal)
    }

    fn refresh_parallel(&mut self, moment: Moment, spec: &Arc<Spec>, touched: &[u32]) {
        for &ordinal in touched {
            let wanted = spec.range().contains(&ordinal);
            let occupant = self.occupied.get(&ordinal);
            let create = wanted && occupant.is_none();
            let delete = !wanted && occupant.is_some_and(|occupant| occupant.member && !occupant.terminating);
            let created = occupant.is_some_and(|occupant| occupant.member);
            let deleted = occupant.is_none_or(|occupant| occupant.terminating);
            self.creations.set(moment, spec, ordinal, create, created);
            self.deletions.set(moment, spec, ordinal, delete, deleted);
        }
    }

    fn finish(mut self, ending: Option<Moment>) -> Due {
        Due {
            creations: self.creations.finish(ending),
            deletions: self.deletions.finish(ending),
        }
    }
}

/// Turns of one kind of step: those still open, and those that are over.
#[derive(Default)]
struct Turns {
    open: BTreeMap<u32, Turn>,
    over: Vec<Turn>,
}

impl Turns {
    /// It is the turn of this ordinal and of no other.
    fn only(&mut self, moment: Moment, spec: &Arc<Spec>, due: Option<u32>, taken: impl Fn(u32) -> bool) {
        let others: Vec<u32> = self
            .open
            .keys()
            .copied()
            .filter(|open| Some(*open) != due)
            .collect();
        for ordinal in others {
            self.set(moment, spec, ordinal, false, taken(ordinal));
        }
        if let Some(ordinal) = due {
            self.set(moment, spec, ordinal, true, false);
        }
    }

    fn set(&mut self, moment: Moment, spec: &Arc<Spec>, ordinal: u32, due: bool, taken: bool) {
        if due {
            self.open.entry(ordinal).or_insert_with(|| Turn {
                ordinal: Ordinal(ordinal),
                from: moment,
                until: None,
                taken: false,
                spec: spec.clone(),
                extra: Duration::ZERO,
            });
        } else if let Some(turn) = self.open.remove(&ordinal) {
            self.over.push(Turn {
                until: Some(moment),
                taken,
                ..turn
            });
        }
    }

    fn finish(&mut self, ending: Option<Moment>) -> Vec<Turn> {
        let mut all = std::mem::take(&mut self.over);
        let open = std::mem::take(&mut self.open);
        all.extend(open.into_values().map(|turn| Turn {
            until: ending,
            ..turn
        }));
        all.sort_by_key(|turn| (turn.from.index, turn.ordinal));
        all
    }
}
