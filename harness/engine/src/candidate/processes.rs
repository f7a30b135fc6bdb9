//! The processes that a run has started, for whoever ends it without waiting.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The process groups of candidates that are at work. Cheap to clone; all clones share them.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    groups: Arc<Mutex<Vec<Pid>>>,
}

impl Processes {
    /// Kills all of them, with everything that they started.
    pub fn kill(&self) {
        self.lock().drain(..).for_each(kill);
    }

    /// Counts a group in. It is killed when what comes back is dropped.
    pub(super) fn add(&self, group: Pid) -> Group {
        self.lock().push(group);
        Group {
            group,
            among: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kill(group: Pid) {
    // None is left if all of them have ended by themselves.
    let _ = killpg(group, Signal::SIGKILL);
}

/// A candidate's process and all that it started, which must not outlive the run.
pub(super) struct Group {
    group: Pid,
    among: Processes,
}

impl Drop for Group {
    fn drop(&mut self) {
        let mut groups = self.among.lock();
        // Killed once, under the lock: a number that is free again may soon be that of somebody else.
        if let Some(place) = groups.iter().position(|group| *group == self.group) {
            kill(groups.swap_remove(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command},
    };

    fn sleeper() -> (Child, Pid) {
        let mut command = Command::new("sleep");
        let child = command.arg("600").process_group(0).spawn().unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
        (child, group)
    }

    #[test]
    fn whoever_does_not_wait_kills_them_all() {
        let processes = Processes::default();
        let (mut one, first) = sleeper();
        let (mut other, second) = sleeper();
        let groups = [first, second].map(|group| processes.add(group));
        processes.clone().kill();
        for child in [&mut one, &mut other] {
            assert_eq!(child.wait().unwrap().signal(), Some(9));
        }
        drop(groups);
    }

    #[test]
    fn a_group_that_is_dropped_is_killed_and_forgotten() {
        let processes = Processes::default();
        let (mut child, group) = sleeper();
        drop(processes.add(group));
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(processes.lock().is_empty());
    }
}
