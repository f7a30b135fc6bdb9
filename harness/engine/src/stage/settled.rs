//! When a set has come to rest.

use super::wait::Seen;
use crate::world::World;
use history::Ordinal;

/// Whether a set has come to rest, as far as its own status and its pods tell.
pub fn settled(world: &World, name: &str) -> Seen {
    let set = world
        .set(name)
        .ok_or_else(|| format!("the set {name} does not exist"))?;
    let (spec, status) = (&set.spec, &set.status);
    if status.observed_generation != Some(spec.generation) {
        return Err(format!("generation {} is not observed yet", spec.generation));
    }
    let members = world.members(name);
    let wanted: Vec<Ordinal> = spec.range().map(Ordinal).collect();
    if !members.keys().copied().eq(wanted) || members.values().any(|state| !state.healthy()) {
        return Err(world.describe_pods());
    }
    let replicas = i64::from(spec.replicas);
    if (status.replicas, status.ready) != (replicas, replicas) {
        return Err(format!(
            "the status says {} replicas and {} ready of {replicas}",
            status.replicas, status.ready
        ));
    }
    let Some(boundary) = spec.boundary() else {
        return Ok(());
    };
    let behind = members.iter().find(|(ordinal, state)| {
        ordinal.0 >= boundary && status.update_revision.is_some() && state.revision != status.update_revision
    });
    match behind {
        Some((ordinal, _)) => Err(format!("{name}-{ordinal} is not at the update revision")),
        None if boundary <= spec.start && status.current_revision != status.update_revision => {
            Err("the current revision is not the update revision yet".into())
        }
        None => Ok(()),
    }
}
