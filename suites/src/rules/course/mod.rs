//! The course of a set: which spec was in force when and which revision it asked for, who lived at each ordinal, which
//! pods were taken down why, and what the whole looked like after each change. The vocabulary of the rules on updates,
//! claims and status.
//!
//! Dozens of rules ask for it, so what it takes to compute is computed once ([`Chart`]) and kept with the ledger.

mod chart;
mod decisions;
mod epochs;
mod gates;
mod pictures;
mod stretches;

pub(super) use decisions::{Cause, Creation, Decision};
pub(super) use epochs::{Epoch, Standing};
pub(super) use gates::Obstacle;
pub(super) use pictures::Picture;
pub(super) use stretches::Stretch;

use chart::{Chart, Charts};
use history::{Elapsed, Incarnation, Ledger, Moment, Ordinal, PodState, Set, Status};
use std::{ops::Deref, sync::Arc, time::Duration};

/// One set from its first event to its end, indexed for judging.
pub(super) struct Course<'a> {
    /// The history.
    pub(super) ledger: &'a Ledger,
    /// The set.
    pub(super) set: &'a Set,
    chart: Arc<Chart>,
}

impl Deref for Course<'_> {
    type Target = Chart;

    fn deref(&self) -> &Chart {
        &self.chart
    }
}

/// The courses of all sets of a history.
pub(super) fn courses(ledger: &Ledger) -> impl Iterator<Item = Course<'_>> {
    let charts = ledger.derived(Charts::of);
    ledger.sets().iter().enumerate().filter_map(move |(place, set)| {
        Some(Course {
            ledger,
            set,
            chart: charts.get(place)?,
        })
    })
}

impl<'a> Course<'a> {
    /// All ordinals that ever had a pod, lowest first.
    pub(super) fn ordinals(&self) -> impl DoubleEndedIterator<Item = Ordinal> {
        self.chart.lives.keys().copied()
    }

    /// The incarnations of one ordinal, in order of appearance.
    pub(super) fn incarnations(&self, ordinal: Ordinal) -> impl DoubleEndedIterator<Item = &'a Incarnation> {
        let pods = self.ledger.pods();
        let places = self.chart.lives.get(&ordinal).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(move |place| pods.get(*place))
    }

    /// All incarnations of all ordinals.
    pub(super) fn all(&self) -> impl Iterator<Item = (Ordinal, &'a Incarnation)> {
        self.ordinals()
            .flat_map(|ordinal| self.incarnations(ordinal).map(move |pod| (ordinal, pod)))
    }

    /// The member with this ordinal at position `index`, while the set controls it.
    pub(super) fn at(&self, ordinal: Ordinal, index: usize) -> Option<(&'a Incarnation, &'a PodState)> {
        self.incarnations(ordinal)
            .rev()
            .filter(|pod| pod.added().index <= index)
            .filter_map(|pod| Some((pod, pod.at(index)?)))
            .find(|(_, state)| state.owner.as_deref() == Some(self.set.uid.as_str()))
    }

    /// All members at position `index`, lowest ordinal first.
    pub(super) fn all_at(
        &self,
        index: usize,
    ) -> impl Iterator<Item = (Ordinal, &'a Incarnation, &'a PodState)> {
        self.ordinals()
            .filter_map(move |ordinal| self.at(ordinal, index).map(|(pod, state)| (ordinal, pod, state)))
    }

    /// What the controller reported last, at position `index`.
    pub(super) fn status_at(&self, index: usize) -> Option<&'a Status> {
        self.set.states.at(index).map(|(_, state)| &state.status)
    }

    /// The last moment that belongs to the set's ordinary life: its ending, or the end of the history.
    pub(super) fn last(&self) -> Moment {
        self.ending.unwrap_or_else(|| self.ledger.end())
    }

    /// The position that was in force just before `moment`.
    pub(super) fn just_before(&self, moment: Moment) -> usize {
        moment.index.saturating_sub(1)
    }

    /// The position in force at a time.
    pub(super) fn position_at(&self, at: Elapsed) -> usize {
        self.ledger
            .order()
            .partition_point(|moment| moment.at <= at)
            .saturating_sub(1)
    }

    /// The position in force `by` after `from`.
    pub(super) fn position_after(&self, from: Moment, by: Duration) -> usize {
        self.position_at(from.at + by).max(from.index)
    }

    /// Name of the pod with this ordinal.
    pub(super) fn name(&self, ordinal: Ordinal) -> String {
        format!("{}-{ordinal}", self.set.name)
    }
}
