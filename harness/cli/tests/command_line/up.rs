//! `ordinal cluster up` in another process, and a client for it.

use crate::told::binary;
use kube::{
    Client,
    config::{KubeConfigOptions, Kubeconfig},
};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A cluster in another process; it ends when this is dropped.
pub struct Up {
    /// The process.
    pub child: Child,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// URL of the API server.
    pub url: String,
    _out: BufReader<ChildStdout>,
    /// For whatever a test needs to keep.
    pub folder: TempDir,
}

impl Drop for Up {
    fn drop(&mut self) {
        // Ended already in the tests that end it themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a cluster with these options.
pub fn up(more: &[&str]) -> Up {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let mut child = binary()
        .args(["cluster", "up", "--kubeconfig"])
        .arg(&kubeconfig)
        .args(more)
        // What it leaves when it is killed goes with the folder.
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ordinal starts");
    // Kept open to the end: a program whose output nobody reads any more stops.
    let mut out = BufReader::new(child.stdout.take().expect("stdout"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    let url = first.split_whitespace().nth(1).expect("a URL").to_owned();
    Up {
        child,
        kubeconfig,
        url,
        _out: out,
        folder,
    }
}

/// A client for a kubeconfig.
pub async fn client(kubeconfig: &Path) -> Client {
    let given = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(given, &KubeConfigOptions::default())
        .await
        .expect("usable");
    Client::try_from(config).expect("a client")
}

/// Waits for work on the network, at most a minute.
pub fn on_the_network<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), work)
            .await
            .expect("within a minute")
    })
}
