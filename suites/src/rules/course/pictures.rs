//! What a set looked like after each change that matters to its controller.

use super::chart::Chart;
use super::epochs::{Epoch, Standing};
use history::{Incarnation, Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set};
use std::collections::{BTreeMap, BTreeSet};

/// The members of a set and how they stand to the spec, from one change to the next.
#[derive(Clone, Debug, Default)]
pub(in crate::rules) struct Picture {
    /// What changed last.
    pub(in crate::rules) from: Moment,
    /// Members that exist, terminating ones included.
    pub(in crate::rules) members: usize,
    /// Of these, Ready.
    pub(in crate::rules) ready: usize,
    /// Of these, Ready and not terminating.
    pub(in crate::rules) healthy: usize,
    /// Members at the wanted revision.
    pub(in crate::rules) wanted: usize,
    /// Of these, Healthy.
    pub(in crate::rules) wanted_healthy: usize,
    /// Members at another revision.
    pub(in crate::rules) old: usize,
    /// Members outside the range.
    pub(in crate::rules) outside: usize,
    /// Pods that wait for an update: reached by it, alive, at another revision.
    pub(in crate::rules) due: usize,
    /// The highest of these.
    pub(in crate::rules) top_due: Option<Ordinal>,
    /// The highest ordinal in range that is missing, terminating, or not Ready at a revision that is not old.
    pub(in crate::rules) highest_down: Option<Ordinal>,
    /// The lowest ordinal in range that is not Healthy.
    pub(in crate::rules) lowest_unhealthy: Option<Ordinal>,
    /// The highest pod in range at the wanted revision that has never been Ready in its life.
    pub(in crate::rules) highest_raw: Option<Ordinal>,
    /// The lowest old pod that the partition keeps.
    pub(in crate::rules) lowest_kept: Option<Ordinal>,
    /// Members that are not terminating, by revision (a place in the chart's list).
    alive: Vec<(usize, usize)>,
}

impl Picture {
    /// How many members that are not terminating are at the revision of this place in the chart's list.
    fn alive_at(&self, revision: usize) -> usize {
        self.alive
            .iter()
            .find(|(other, _)| *other == revision)
            .map_or(0, |(_, count)| *count)
    }

    /// Whether every wanted pod is Healthy, and no other member is left.
    pub(in crate::rules) fn all_healthy(&self) -> bool {
        self.lowest_unhealthy.is_none() && self.outside == 0
    }
}

/// What of a pod matters to its controller.
#[derive(Clone, Copy)]
struct Seat<'a> {
    owned: bool,
    ready: bool,
    terminating: bool,
    ended: bool,
    raw: bool,
    revision: Option<&'a str>,
}

impl<'a> Seat<'a> {
    fn of(state: &'a PodState, set: &Set, raw: bool) -> Seat<'a> {
        Seat {
            owned: state.owner.as_deref() == Some(set.uid.as_str()),
            ready: state.ready,
            terminating: state.terminating,
            ended: state.ended(),
            raw,
            revision: state.revision.as_deref(),
        }
    }

    /// Whether `state` shows the same, without building it.
    fn shows(&self, state: &PodState, set: &Set, raw: bool) -> bool {
        self.ready == state.ready
            && self.terminating == state.terminating
            && self.raw == raw
            && self.ended == state.ended()
            && self.revision == state.revision.as_deref()
            && self.owned == (state.owner.as_deref() == Some(set.uid.as_str()))
    }
}

/// One change.
enum Change<'a> {
    /// A pod (by place in the ledger's list) became so; `None` if it is gone.
    Pod(Ordinal, usize, Option<Seat<'a>>),
    /// The epoch of this place began.
    Epoch(usize),
}

/// The pictures of a set, up to its ending.
pub(super) fn of(ledger: &Ledger, set: &Set, chart: &Chart) -> Vec<Picture> {
    let mut changes: Vec<(Moment, Change<'_>)> = Vec::new();
    for (place, epoch) in chart.epochs.iter().enumerate() {
        changes.push((epoch.from, Change::Epoch(place)));
    }
    for (ordinal, places) in &chart.lives {
        for place in places {
            if let Some(pod) = ledger.pods().get(*place) {
                seats(pod, *ordinal, *place, set, &mut changes);
            }
        }
    }
    if let Some(ending) = chart.ending {
        changes.retain(|(moment, _)| *moment < ending);
    }
    changes.sort_by_key(|(moment, _)| *moment);
    let mut walk = Walk::new(chart);
    changes
        .into_iter()
        .map(|(moment, change)| {
            match change {
                Change::Epoch(place) => walk.begin(place),
                Change::Pod(ordinal, place, seat) => walk.sit(ordinal, place, seat),
            }
            walk.picture(moment)
        })
        .collect()
}

fn seats<'a>(
    pod: &'a Incarnation,
    ordinal: Ordinal,
    place: usize,
    set: &Set,
    changes: &mut Vec<(Moment, Change<'a>)>,
) {
    let mut former: Option<Seat<'a>> = None;
    let mut raw = true;
    for (moment, state) in pod.states.entries() {
        raw = raw && !state.healthy();
        if former
            .as_ref()
            .is_some_and(|former| former.shows(state, set, raw))
        {
            continue;
        }
        let seat = Seat::of(state, set, raw);
        changes.push((*moment, Change::Pod(ordinal, place, Some(seat))));
        former = Some(seat);
    }
    if let Some(gone) = pod.gone {
        changes.push((gone, Change::Pod(ordinal, place, None)));
    }
}

/// Goes through the changes and keeps the counts.
struct Walk<'c, 'a> {
    chart: &'c Chart,
    epoch: Option<&'c Epoch>,
    /// Who is there at each ordinal, by place: the last one counts.
    seats: BTreeMap<Ordinal, Vec<(usize, Seat<'a>)>>,
    now: Picture,
    due: BTreeSet<Ordinal>,
    down: BTreeSet<Ordinal>,
    unhealthy: BTreeSet<Ordinal>,
    raw: BTreeSet<Ordinal>,
    kept: BTreeSet<Ordinal>,
    /// The lowest and the highest ordinal in range that never has a pod.
    never: Option<(Ordinal, Ordinal)>,
}

impl<'c, 'a> Walk<'c, 'a> {
    fn new(chart: &'c Chart) -> Walk<'c, 'a> {
        Walk {
            chart,
            epoch: None,
            seats: BTreeMap::new(),
            now: Picture::default(),
            due: BTreeSet::new(),
            down: BTreeSet::new(),
            unhealthy: BTreeSet::new(),
            raw: BTreeSet::new(),
            kept: BTreeSet::new(),
            never: None,
        }
    }

    fn begin(&mut self, place: usize) {
        self.epoch = self.chart.epochs.get(place);
        self.now = Picture {
            alive: std::mem::take(&mut self.now.alive),
            ..Picture::default()
        };
        self.now.alive.clear();
        for set in [
            &mut self.due,
            &mut self.down,
            &mut self.unhealthy,
            &mut self.raw,
            &mut self.kept,
        ] {
            set.clear();
        }
        self.never = self.epoch.and_then(|epoch| never(self.chart, epoch));
        let ordinals: Vec<Ordinal> = self.chart.lives.keys().copied().collect();
        for ordinal in ordinals {
            self.count(ordinal, true);
        }
    }

    fn sit(&mut self, ordinal: Ordinal, place: usize, seat: Option<Seat<'a>>) {
        self.count(ordinal, false);
        let there = self.seats.entry(ordinal).or_default();
        let known = there.iter().position(|(other, _)| *other == place);
        match (seat, known) {
            (Some(seat), Some(known)) => {
                if let Some(entry) = there.get_mut(known) {
                    entry.1 = seat;
                }
            }
            (Some(seat), None) => there.push((place, seat)),
            (None, Some(known)) => {
                there.remove(known);
            }
            (None, None) => {}
        }
        self.count(ordinal, true);
    }

    /// Adds an ordinal to the counts, or takes it out.
    fn count(&mut self, ordinal: Ordinal, add: bool) {
        let Some(epoch) = self.epoch else { return };
        let seat = self
            .seats
            .get(&ordinal)
            .and_then(|there| there.iter().rev().find(|(_, seat)| seat.owned))
            .map(|(_, seat)| *seat);
        let in_range = epoch.spec.in_range(ordinal);
        let put = |set: &mut BTreeSet<Ordinal>, is_in: bool| match (is_in, add) {
            (true, true) => {
                set.insert(ordinal);
            }
            (true, false) => {
                set.remove(&ordinal);
            }
            _ => {}
        };
        let now = &mut self.now;
        let tally = |count: &mut usize, is_in: bool| match (is_in, add) {
            (true, true) => *count += 1,
            (true, false) => *count = count.saturating_sub(1),
            _ => {}
        };
        let Some(seat) = seat else {
            put(&mut self.down, in_range);
            put(&mut self.unhealthy, in_range);
            return;
        };
        let revision = seat.revision.and_then(|revision| self.chart.place_of(revision));
        let standing = match seat.revision {
            Some(name) if epoch.wants(name) => Standing::Wanted,
            Some(_) if revision.is_some() => Standing::Old,
            _ => Standing::Unknown,
        };
        let healthy = seat.ready && !seat.terminating;
        let (wanted, old) = (standing == Standing::Wanted, standing == Standing::Old);
        tally(&mut now.members, true);
        tally(&mut now.ready, seat.ready);
        tally(&mut now.healthy, healthy);
        tally(&mut now.wanted, wanted);
        tally(&mut now.wanted_healthy, wanted && healthy);
        tally(&mut now.old, old);
        tally(&mut now.outside, !in_range);
        put(&mut self.due, old && !seat.terminating && epoch.updates(ordinal));
        put(
            &mut self.down,
            in_range && (seat.terminating || (!seat.ready && !old)),
        );
        put(&mut self.unhealthy, in_range && !healthy);
        put(&mut self.raw, in_range && wanted && seat.raw);
        put(&mut self.kept, old && !seat.terminating && epoch.keeps(ordinal));
        if let Some(revision) = revision.filter(|_| !seat.terminating) {
            match now.alive.iter_mut().find(|(other, _)| *other == revision) {
                Some((_, count)) if add => *count += 1,
                Some((_, count)) => *count = count.saturating_sub(1),
                None if add => now.alive.push((revision, 1)),
                None => {}
            }
            now.alive.retain(|(_, count)| *count > 0);
        }
    }

    fn picture(&self, from: Moment) -> Picture {
        let never_lowest = self.never.map(|(lowest, _)| lowest);
        let never_highest = self.never.map(|(_, highest)| highest);
        Picture {
            from,
            due: self.due.len(),
            top_due: self.due.last().copied(),
            highest_down: self.down.last().copied().max(never_highest),
            lowest_unhealthy: [self.unhealthy.first().copied(), never_lowest]
                .into_iter()
                .flatten()
                .min(),
            highest_raw: self.raw.last().copied(),
            lowest_kept: self.kept.first().copied(),
            ..self.now.clone()
        }
    }
}

/// The lowest and the highest ordinal in range that never has a pod.
fn never(chart: &Chart, epoch: &Epoch) -> Option<(Ordinal, Ordinal)> {
    let range = epoch.spec.range();
    let lived = |ordinal: &u32| !chart.lives.contains_key(&Ordinal(*ordinal));
    let lowest = range.clone().find(lived)?;
    let highest = range.rev().find(lived)?;
    Some((Ordinal(lowest), Ordinal(highest)))
}

impl super::Course<'_> {
    /// What the set looked like at position `index`. `None` before its first spec.
    pub(in crate::rules) fn picture_at(&self, index: usize) -> Option<&Picture> {
        let pictures = &self.pictures;
        let after = pictures.partition_point(|picture| picture.from.index <= index);
        pictures.get(after.checked_sub(1)?)
    }

    /// How many members that are not terminating are at this revision in a picture. `None` if no revision of this name
    /// was seen.
    pub(in crate::rules) fn alive_at(&self, picture: &Picture, revision: &str) -> Option<usize> {
        Some(picture.alive_at(self.place_of(revision)?))
    }

    /// Whether lower pods block an update at position `index`.
    pub(in crate::rules) fn ordered_at(&self, index: usize) -> bool {
        self.epoch_at(index)
            .is_some_and(|epoch| epoch.spec.policy == ManagementPolicy::OrderedReady)
    }
}
