//! Folders for temporary files. They are removed at the end, and those of a process that was killed can be told and swept.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// What names of folders begin with.
const PREFIX: &str = "ordinal-";
/// A file in each folder that its process has locked for as long as it lives: the system lets go of it, however it ends.
const ALIVE: &str = ".alive";

/// A folder for temporary files that is removed when this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _alive: File,
}

impl Folder {
    /// Makes a folder whose name tells what it is for; for things of a run that is the id of the run too.
    ///
    /// # Errors
    /// When the folder for temporary files cannot be written to; the path is that folder.
    pub fn make(purpose: &str) -> Result<Folder, FolderError> {
        let parent = std::env::temp_dir();
        Self::make_in(&parent, purpose).map_err(|source| FolderError { path: parent, source })
    }

    fn make_in(parent: &Path, purpose: &str) -> io::Result<Folder> {
        // It gets its name when it is locked: nobody takes it for one that was left.
        let unnamed = tempfile::Builder::new().prefix(".ordinal-").tempdir_in(parent)?;
        let alive = File::create(unnamed.path().join(ALIVE))?;
        alive.lock()?;
        let random = unnamed.path().file_name().unwrap_or_default().to_string_lossy();
        let random = random.trim_start_matches(".ordinal-");
        // Absolute, also if `parent` is not.
        let path = unnamed
            .path()
            .with_file_name(format!("{PREFIX}{purpose}-{random}"));
        fs::rename(unnamed.path(), &path)?;
        // There is nothing left under that name.
        let _ = unnamed.keep();
        Ok(Folder { path, _alive: alive })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a folder for temporary files is left");
        }
    }
}

/// A folder could not be made.
#[derive(Debug, thiserror::Error)]
#[error("making a folder in {} failed: {source}", path.display())]
pub struct FolderError {
    /// Where.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Removes the folders of processes that are no more: those of run `run`, or all. Returns how many there were.
///
/// # Errors
/// When the folder for temporary files cannot be read; what cannot be removed is told in the log.
pub fn sweep(run: Option<&str>) -> Result<usize, FolderError> {
    let parent = std::env::temp_dir();
    sweep_in(&parent, run).map_err(|source| FolderError { path: parent, source })
}

fn sweep_in(parent: &Path, run: Option<&str>) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !is_of(run, &name) || !is_left(&entry.path()) {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(path = %entry.path().display(), %error, "it could not be removed"),
        }
    }
    Ok(removed)
}

/// Whether a folder of that name is one of the run, or of any.
fn is_of(run: Option<&str>, name: &str) -> bool {
    let Some(name) = name.strip_prefix(PREFIX) else {
        return false;
    };
    // What it is for, the run if it is of one, and what makes the name unique.
    let id = name
        .split_once('-')
        .and_then(|(_, rest)| Some(rest.rsplit_once('-')?.0));
    run.is_none_or(|run| id == Some(run))
}

/// Whether it is a folder of ours whose process is no more.
fn is_left(folder: &Path) -> bool {
    let Ok(alive) = File::open(folder.join(ALIVE)) else {
        return false;
    };
    match alive.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(path = %folder.display(), %error, "whether it is still in use cannot be told");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder whose process was killed.
    fn left(parent: &Path, purpose: &str) -> PathBuf {
        let mut folder = std::mem::ManuallyDrop::new(Folder::make_in(parent, purpose).unwrap());
        // As the system does when a process ends.
        folder._alive = File::open(parent).unwrap();
        folder.path.clone()
    }

    #[test]
    fn folders_of_the_living_stay_and_go_with_them() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::make_in(parent.path(), "k3s-abcd").unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(sweep_in(parent.path(), None).unwrap(), 0);
        let path = folder.path().to_owned();
        assert!(path.is_dir());
        drop(folder);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn folders_of_the_dead_are_swept_by_run_or_all() {
        let parent = tempfile::tempdir().unwrap();
        let (one, other) = (left(parent.path(), "k3s-abcd"), left(parent.path(), "run-wxyz"));
        for stranger in ["run", "k3s", "abc", ""] {
            assert_eq!(sweep_in(parent.path(), Some(stranger)).unwrap(), 0, "{stranger}");
        }
        assert_eq!(sweep_in(parent.path(), Some("abcd")).unwrap(), 1);
        assert!(!one.exists() && other.is_dir());
        assert_eq!(sweep_in(parent.path(), None).unwrap(), 1);
        assert!(!other.exists());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        // A log that a failed start left to be read, and a folder that somebody calls by such a name.
        fs::write(parent.path().join("ordinal-k3s-abcd.log"), "x").unwrap();
        fs::create_dir(parent.path().join("ordinal-notes")).unwrap();
        assert_eq!(sweep_in(parent.path(), None).unwrap(), 0);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
    }
}
