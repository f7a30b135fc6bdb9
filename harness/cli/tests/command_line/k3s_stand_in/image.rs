//! The images that are tried: a stand-in, and k3s itself where this host has it.
//!
//! `ORDINAL_TEST_K3S_IMAGE` names another image of k3s than the one that Ordinal starts by itself, `ORDINAL_TEST_K3S_IMPORT`
//! archives of the images that it needs where it reaches no registry (one or more paths, separated as in `PATH`), and
//! `ORDINAL_K3S_UNPRIVILEGED=true` says of the engine that it needs no privileges for it.

use crate::skipped::skipped;
use engine::cluster::k3s::{IMAGE, VERSION};
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, Once, PoisonError, Weak},
};

const NAME: &str = "ordinal-k3s-stand-in";

/// An image in this host's engine. If it is a stand-in, it is removed when the last test that has it ends.
pub struct Image {
    name: String,
    tag: String,
    ours: bool,
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.ours {
            docker(&["image", "rm", "--force", &self.reference()]);
        }
    }
}

/// What `docker` prints; nothing if there is no engine.
pub fn docker(arguments: &[&str]) -> Option<String> {
    let done = Command::new("docker").args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    done.status.success().then_some(said)
}

/// The stand-in, and k3s itself if it is here. None, and said, where no engine answers.
pub fn images() -> Vec<Arc<Image>> {
    let mut images: Vec<Arc<Image>> = stand_in().into_iter().collect();
    if !images.is_empty() {
        images.extend(real().map(Arc::new));
    }
    images
}

fn real() -> Option<Image> {
    let named = env::var("ORDINAL_TEST_K3S_IMAGE")
        .ok()
        .filter(|name| !name.is_empty());
    let reference = named.clone().unwrap_or_else(|| format!("{IMAGE}:{VERSION}"));
    if docker(&["image", "inspect", "--format", "{{.Id}}", &reference]).is_none() {
        assert!(named.is_none(), "ORDINAL_TEST_K3S_IMAGE: {reference} is not here");
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            skipped(format!(
                "k3s itself: {reference} is not here; the stand-in is tried alone"
            ));
        });
        return None;
    }
    let (name, tag) = reference.rsplit_once(':').expect("a name and a tag");
    Some(Image {
        name: name.to_owned(),
        tag: tag.to_owned(),
        ours: false,
    })
}

/// The stand-in. All tests of this program share it.
pub fn stand_in() -> Option<Arc<Image>> {
    static SHARED: Mutex<Weak<Image>> = Mutex::new(Weak::new());
    if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
        skipped("no Docker engine answers, or there is no command `docker`");
        return None;
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(image) = shared.upgrade() {
        return Some(image);
    }
    let image = Arc::new(Image::of_tag(format!("command-line-{}", std::process::id())));
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("image.tar");
    image.write(&archive);
    let loaded = docker(&["load", "--input", archive.to_str().expect("a path")]);
    assert!(loaded.is_some(), "the engine does not load the stand-in");
    *shared = Arc::downgrade(&image);
    Some(image)
}

impl Image {
    /// A stand-in that may not be here yet.
    pub fn of_tag(tag: String) -> Image {
        Image {
            name: NAME.into(),
            tag,
            ours: true,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Name and tag.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    /// Whether it only behaves like k3s.
    pub fn is_stand_in(&self) -> bool {
        self.ours
    }

    /// What `certify` is told of it.
    pub fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = ["--k3s-image", &self.name, "--k3s-version", &self.tag]
            .map(OsString::from)
            .to_vec();
        let unprivileged = env::var("ORDINAL_K3S_UNPRIVILEGED").is_ok_and(|value| value == "true");
        // The stand-in needs no privileges, so that it can be tested in engines that forbid them.
        if self.ours || unprivileged {
            options.push("--k3s-unprivileged".into());
        }
        let imports = env::var_os("ORDINAL_TEST_K3S_IMPORT").unwrap_or_default();
        // An empty variable holds an empty path.
        let given = |path: &PathBuf| !self.ours && !path.as_os_str().is_empty();
        for import in env::split_paths(&imports).filter(given) {
            options.extend(["--k3s-import".into(), import.into()]);
        }
        options
    }

    /// Writes an archive with the stand-in.
    pub fn write(&self, archive: &Path) {
        let example = Path::new(env!("CARGO_BIN_EXE_ordinal")).with_file_name("examples/k3s_stand_in");
        let mut write = Command::new(&example);
        write.arg("--write-image").arg(archive).arg(self.reference());
        let written = write.status();
        assert!(
            written.is_ok_and(|status| status.success()),
            "{} writes no image; `cargo test --workspace` builds it",
            example.display()
        );
    }
}
