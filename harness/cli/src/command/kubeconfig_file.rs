//! The administrator's kubeconfig as a file: only its owner can read it, and nobody's clusters are lost for it.

use crate::exit::Usage;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// First line of a file that `cluster up` wrote. Programs that change kubeconfigs, such as kubectl, leave comments out: then it
/// is somebody else's.
const OURS: &str = "# Written by `ordinal cluster up`, which may replace it.\n";

/// Where a kubeconfig is to be written.
pub struct KubeconfigFile {
    path: PathBuf,
}

impl KubeconfigFile {
    /// The file at a path, if nothing is there or a former one of ours.
    ///
    /// # Errors
    /// When something else is there, or what is there cannot be told.
    pub fn at(path: &Path) -> Result<KubeconfigFile, Usage> {
        let path = std::path::absolute(path).map_err(|error| unwritable(path, &error))?;
        match is_ours(&path) {
            Ok(true) => Ok(KubeconfigFile { path }),
            Ok(false) => Err(Usage(format!(
                "{} is there and was not written by `ordinal cluster up`, so it is not overwritten; give another \
                 --kubeconfig, or remove it",
                path.display()
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KubeconfigFile { path }),
            Err(error) => Err(unwritable(&path, &error)),
        }
    }

    /// Where it is, from the root on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written, or somebody else's file is there by now.
    pub fn write(&self, text: &str) -> Result<(), Usage> {
        let whole = || {
            let folder = self.path.parent().unwrap_or(Path::new("/"));
            // Made so that only its owner can read it.
            let mut file = tempfile::Builder::new()
                .prefix(".kubeconfig-")
                .tempfile_in(folder)?;
            file.write_all(OURS.as_bytes())?;
            file.write_all(text.as_bytes())?;
            let placed = match is_ours(&self.path) {
                Ok(true) => file.persist(&self.path),
                _ => file.persist_noclobber(&self.path),
            };
            placed.map(drop).map_err(|error| error.error)
        };
        whole().map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Usage {
    Usage(format!(
        "the kubeconfig {} cannot be written: {error}; give another --kubeconfig",
        path.display()
    ))
}

fn is_ours(path: &Path) -> io::Result<bool> {
    // A link would be replaced by a file, and of a pipe nobody may ever write.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    let longest = OURS.len().try_into().unwrap_or(u64::MAX);
    File::open(path)?.take(longest).read_to_end(&mut start)?;
    Ok(start == OURS.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn refused(path: &Path) -> String {
        KubeconfigFile::at(path).err().expect("refused").to_string()
    }

    #[test]
    fn only_its_own_files_are_replaced_and_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        for text in ["first", "second"] {
            KubeconfigFile::at(&path).unwrap().write(text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{OURS}{text}"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_somebody_else_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let early = KubeconfigFile::at(&path).unwrap();
        fs::write(&path, "their clusters").unwrap();
        assert!(refused(&path).contains("another --kubeconfig, or remove it"));
        assert!(early.write("ours").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "their clusters");
        let link = folder.path().join("link");
        symlink("nowhere", &link).unwrap();
        assert!(refused(&link).contains("link"));
        assert!(refused(folder.path()).contains("remove it"));
    }
}
