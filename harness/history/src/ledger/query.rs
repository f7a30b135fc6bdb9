//! Questions to a ledger.

use super::{
    Author, Claim, Hole, Incarnation, Ledger, Moment, Ordinal, PodState, Related, Revision, Set, Spec,
};
use crate::{Action, DnsAnswer, Elapsed, End, HttpAnswer, Meta, Note, Patience, Subject, Write};

impl Ledger {
    /// What the history says about itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The time limits that apply.
    pub fn patience(&self) -> Patience {
        self.meta.patience
    }

    /// How the candidate's objects differ from `apps/v1`.
    pub fn subject(&self) -> &Subject {
        &self.meta.subject
    }

    /// Every position, in true order.
    pub fn order(&self) -> &[Moment] {
        &self.order
    }

    /// The last position.
    pub fn end(&self) -> Moment {
        self.order.last().copied().unwrap_or_default()
    }

    /// When the history was closed in order, and how the scenario ended.
    pub fn ended(&self) -> Option<&(Moment, End)> {
        self.ended.as_ref()
    }

    /// All sets, in order of appearance.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// All incarnations of all pods, in order of appearance.
    pub fn pods(&self) -> &[Incarnation] {
        &self.pods
    }

    /// Incarnations that the set controlled at some time, in order of appearance.
    pub fn members<'a>(&'a self, set: &Set) -> impl Iterator<Item = &'a Incarnation> + use<'a> {
        self.members
            .get(&set.uid)
            .into_iter()
            .flatten()
            .filter_map(|place| self.pods.get(*place))
    }

    /// The ordinal of a member of a set, `None` if its name is not one the set gives.
    pub fn ordinal(&self, set: &Set, pod: &Incarnation) -> Option<Ordinal> {
        Ordinal::of(&pod.name, &set.name)
    }

    /// Incarnations of one ordinal, in order of appearance.
    pub fn incarnations<'a>(
        &'a self,
        set: &Set,
        ordinal: Ordinal,
    ) -> impl DoubleEndedIterator<Item = &'a Incarnation> + use<'a> {
        self.lanes
            .get(&set.uid)
            .and_then(|lanes| lanes.get(&ordinal))
            .into_iter()
            .flatten()
            .filter_map(|place| self.pods.get(*place))
    }

    /// The ordinals of which the set ever had a member, ascending.
    pub fn ordinals<'a>(&'a self, set: &Set) -> impl DoubleEndedIterator<Item = Ordinal> + use<'a> {
        self.lanes
            .get(&set.uid)
            .into_iter()
            .flat_map(|lanes| lanes.keys().copied())
    }

    /// The member with this ordinal at position `index`. If two exist at once (a violation of SS-ID-11), the newer.
    pub fn member_at<'a>(
        &'a self,
        set: &'a Set,
        ordinal: Ordinal,
        index: usize,
    ) -> Option<(&'a Incarnation, &'a PodState)> {
        self.incarnations(set, ordinal)
            .rev()
            .find_map(|pod| Some((pod, pod.at(index)?)))
    }

    /// All members that exist at position `index`.
    pub fn members_at<'a>(
        &'a self,
        set: &'a Set,
        index: usize,
    ) -> impl Iterator<Item = (Ordinal, &'a Incarnation, &'a PodState)> + 'a {
        self.members(set)
            .filter_map(move |pod| Some((self.ordinal(set, pod)?, pod, pod.at(index)?)))
    }

    /// All claims, in order of appearance.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The lives of the claim of this name, in order.
    pub fn claims_named<'a>(
        &'a self,
        namespace: &str,
        name: &str,
    ) -> impl Iterator<Item = &'a Claim> + use<'a> {
        let key = (namespace.to_owned(), name.to_owned());
        self.claims_by_name
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|place| self.claims.get(*place))
    }

    /// Name of the claim that a template gives to an ordinal: `<template>-<set>-<ordinal>`.
    pub fn claim_name(&self, set: &Set, template: &str, ordinal: Ordinal) -> String {
        format!("{template}-{}-{ordinal}", set.name)
    }

    /// Whether a claim carries a name that the set's claim templates give: its template and ordinal.
    pub fn claim_of<'a>(&self, set: &'a Set, claim: &'a Claim) -> Option<(&'a str, Ordinal)> {
        // Most claims belong to another set: their name alone says so.
        let (rest, _) = claim.name.rsplit_once('-')?;
        if set.namespace != claim.namespace || !rest.ends_with(&set.name) {
            return None;
        }
        set.states
            .entries()
            .iter()
            .rev()
            .flat_map(|(_, state)| &state.spec.claim_templates)
            .find_map(|template| {
                let rest = claim.name.strip_prefix(template.as_str())?.strip_prefix('-')?;
                Some((template.as_str(), Ordinal::of(rest, &set.name)?))
            })
    }

    /// Revisions that the set controlled at some time, in order of appearance.
    pub fn revisions<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = &'a Revision> + 'a {
        self.revisions
            .iter()
            .filter(|revision| revision.was_owned_by(&set.uid))
    }

    /// All revisions, in order of appearance.
    pub fn all_revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The revision of this name at position `index`.
    pub fn revision_at(&self, namespace: &str, name: &str, index: usize) -> Option<&Revision> {
        self.revisions.iter().find(|revision| {
            revision.namespace == namespace && revision.name == name && revision.exists_at(index)
        })
    }

    /// The revision that stores the template of `spec`, at position `index`: what pods at or above the partition
    /// ought to be. `None` until the controller has made it.
    pub fn wanted_revision<'a>(&'a self, set: &'a Set, spec: &Spec, index: usize) -> Option<&'a Revision> {
        self.revisions(set)
            .filter(|revision| revision.exists_at(index) && revision.template == spec.template)
            .max_by_key(|revision| revision.number_at(index))
    }

    /// Other objects of a resource, in order of appearance.
    pub fn related<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a Related> + 'a {
        self.related
            .iter()
            .filter(move |object| object.resource == resource)
    }

    /// The lives of the object of this name, in order.
    pub fn related_named<'a>(
        &'a self,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> impl Iterator<Item = &'a Related> + use<'a> {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.related_by_name
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|place| self.related.get(*place))
    }

    /// API writes with their authors, where the cluster could tell.
    pub fn writes(&self) -> &[(Moment, Write)] {
        &self.writes
    }

    /// What the harness did.
    pub fn actions(&self) -> &[(Moment, Action)] {
        &self.actions
    }

    /// DNS answers.
    pub fn dns(&self) -> &[(Moment, DnsAnswer)] {
        &self.dns
    }

    /// HTTP answers of pods.
    pub fn http(&self) -> &[(Moment, HttpAnswer)] {
        &self.http
    }

    /// Remarks of the scenario.
    pub fn notes(&self) -> &[(Moment, Note)] {
        &self.notes
    }

    /// Holes in what the watches delivered.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Who wrote a version of an object, where that is known.
    pub fn author_of_version(&self, version: u64) -> Author {
        self.authors.get(&version).copied().unwrap_or_default()
    }

    /// Who wrote the version that the watch event at `moment` delivered, where that is known.
    pub fn author_at(&self, moment: Moment) -> Author {
        self.written_by.get(moment.index).copied().unwrap_or_default()
    }

    /// Whether `legal` holds in the state just before `moment`, or held in some state of the staleness window
    /// before it. `legal` is asked about positions; a position stands for the state after its event.
    pub fn recently(&self, moment: Moment, legal: impl Fn(usize) -> bool) -> bool {
        self.positions_within(moment.at.before(self.patience().staleness()), moment.index)
            .any(legal)
    }

    /// Positions whose state was in force at some time from `since` up to just before position `index`, newest first.
    pub fn positions_within(&self, since: Elapsed, index: usize) -> impl Iterator<Item = usize> + '_ {
        let mut opened = false;
        (0..index.min(self.order.len()))
            .rev()
            .take_while(move |position| {
                let take = !opened;
                // The last state before the window was still in force when it opened.
                opened = self.order[*position].at < since;
                take
            })
    }
}
