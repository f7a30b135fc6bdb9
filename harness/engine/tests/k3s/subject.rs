//! What the provider is tried with: a stand-in, and k3s itself where this host has it.
//!
//! `ORDINAL_TEST_K3S_IMAGE` names another image of k3s than the one that Ordinal starts by itself, `ORDINAL_TEST_K3S_IMPORT`
//! archives of the images that it needs where it reaches no registry (one or more paths, separated as in `PATH`), and
//! `ORDINAL_K3S_UNPRIVILEGED=true` says of the engine that it needs no privileges for it.

use super::skipped;
use engine::{
    ClusterChoice,
    cluster::k3s::{IMAGE, K3sOptions, VERSION, docker::Engine},
    image::{Image, ImageFile},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const NAME: &str = "ordinal-k3s-stand-in";
/// k3s itself takes so many times as long.
const REAL: u32 = 5;

/// An image that a cluster is made of.
pub struct Subject {
    name: String,
    tag: String,
    /// It is removed at the end.
    ours: bool,
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.ours {
            let _ = Command::new("docker")
                .args(["image", "rm", "--force", &self.reference()])
                .output();
        }
    }
}

/// The stand-in, and k3s itself if it is here. None, and said, where no engine answers.
pub async fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<Subject> = stand_in("").await.into_iter().collect();
    if !subjects.is_empty() {
        subjects.extend(real().await);
    }
    subjects
}

async fn real() -> Option<Subject> {
    let named = std::env::var("ORDINAL_TEST_K3S_IMAGE")
        .ok()
        .filter(|name| !name.is_empty());
    let reference = named.clone().unwrap_or_else(|| format!("{IMAGE}:{VERSION}"));
    let engine = Engine::connect().await.expect("the engine");
    if !engine.has_image(&reference).await.expect("asked") {
        assert!(named.is_none(), "ORDINAL_TEST_K3S_IMAGE: {reference} is not here");
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            skipped(&format!(
                "k3s itself: {reference} is not here; the stand-in is tried alone"
            ));
        });
        return None;
    }
    let (name, tag) = reference.rsplit_once(':').expect("a name and a tag");
    Some(Subject {
        name: name.to_owned(),
        tag: tag.to_owned(),
        ours: false,
    })
}

/// The stand-in, as an image of this host's engine. `None`, and said, where no engine answers.
pub async fn stand_in(fails: &str) -> Option<Subject> {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => {
            skipped(&error);
            return None;
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("image.tar");
    let subject = Subject {
        name: NAME.into(),
        tag: tag(fails),
        ours: true,
    };
    let mut write = Command::new(built().join("examples/k3s_stand_in"));
    write.arg("--write-image").arg(&archive).arg(subject.reference());
    if !fails.is_empty() {
        write.arg(fails);
    }
    assert!(write.status().expect("the example starts").success());
    engine.load(&archive).await.expect("loaded");
    assert!(engine.has_image(&subject.reference()).await.expect("asked"));
    Some(subject)
}

/// Docker images are shared by everybody on this host, and removed by each test when it ends: so each has its own tag.
fn tag(fails: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let fails = if fails.is_empty() { "whole" } else { fails };
    format!("{fails}-{}-{number}", std::process::id())
}

/// Where the programs of this build are.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let debug = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("the target folder");
    debug.to_owned()
}

impl Subject {
    /// Name and tag.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    /// Whether it only behaves like k3s.
    pub fn is_stand_in(&self) -> bool {
        self.ours
    }

    /// The id of a run on it.
    pub fn run(&self, id: &str) -> String {
        match self.ours {
            true => format!("t{id}"),
            false => format!("r{id}"),
        }
    }

    /// What takes the stand-in so long at most.
    pub fn patience(&self, seconds: u64) -> Duration {
        let patience = Duration::from_secs(seconds);
        if self.ours { patience } else { patience * REAL }
    }

    /// How a cluster is made of it, in at most so many seconds of the stand-in.
    pub fn options(&self, seconds: u64) -> K3sOptions {
        let unprivileged = std::env::var("ORDINAL_K3S_UNPRIVILEGED").is_ok_and(|value| value == "true");
        let imports = std::env::var_os("ORDINAL_TEST_K3S_IMPORT").unwrap_or_default();
        // An empty variable holds an empty path.
        let imports =
            std::env::split_paths(&imports).filter(|path| !self.ours && !path.as_os_str().is_empty());
        K3sOptions {
            image: self.name.clone(),
            tag: self.tag.clone(),
            patience: self.patience(seconds),
            imports: imports.collect(),
            // The stand-in needs no privileges, so that it can be tested in engines that forbid them.
            privileged: !self.ours && !unprivileged,
            ..K3sOptions::default()
        }
    }

    /// The same with what plays the samples' images, which for the stand-in may be any file.
    pub fn with_workload(&self, options: K3sOptions, file: &Path) -> K3sOptions {
        if self.ours {
            let workload = Some(image("ordinal.local/workload:test", file));
            return K3sOptions { workload, ..options };
        }
        let program = built().join("workload");
        let choice = ClusterChoice::K3s(Box::new(options)).with_workload(&program);
        let Ok(ClusterChoice::K3s(options)) = choice else {
            panic!("{} is no workload", program.display());
        };
        *options
    }
}

/// An image with this file alone.
pub fn image(reference: &str, file: &Path) -> Image {
    Image {
        reference: reference.into(),
        entrypoint: vec!["/program".into()],
        files: vec![ImageFile {
            path: "/program".into(),
            from: file.into(),
            mode: 0o755,
        }],
        ..Image::default()
    }
}
