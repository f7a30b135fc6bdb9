//! A cluster in another process, and the kubectl that talks to it.

use super::program;
use crate::{
    skipped::skipped,
    up::{Up, up},
};
use std::{
    ffi::OsString,
    fs,
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

/// A headless service and a set of two.
pub const SET: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: 'nginx:1.25', ports: [{containerPort: 80}]}
";

/// The program, or why there is none.
static KUBECTL: LazyLock<Result<OsString, String>> = LazyLock::new(program::find);

/// A cluster and the kubectl that talks to it.
pub struct Kubectl {
    up: Up,
    program: OsString,
}

/// None, said on stderr: there is no kubectl.
pub fn kubectl() -> Option<Kubectl> {
    match KUBECTL.as_ref() {
        Ok(program) => Some(Kubectl {
            up: up(&["--nodes", "2"]),
            program: program.clone(),
        }),
        Err(reason) => {
            skipped(format!(
                "no kubectl ({reason}); install kubernetes-client or set KUBECTL"
            ));
            None
        }
    }
}

impl Kubectl {
    /// A command with these arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--request-timeout=15s")
            .args(arguments)
            .env("KUBECONFIG", &self.up.kubeconfig)
            .env("HOME", self.up.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, line: &str) -> Output {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.command(&words).output().expect("kubectl starts")
    }

    /// What a command prints. It has to succeed.
    #[track_caller]
    pub fn says(&self, line: &str) -> String {
        let done = self.run(line);
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        assert!(
            done.status.success(),
            "kubectl {line}: {}\n{out}{err}",
            done.status
        );
        out
    }

    /// Asserts that what a command prints contains all of `wanted`.
    #[track_caller]
    pub fn shows(&self, line: &str, wanted: &[&str]) {
        let said = self.says(line);
        for wanted in wanted {
            assert!(
                said.contains(wanted),
                "kubectl {line} does not say {wanted:?}:\n{said}"
            );
        }
    }

    /// The exit code of a command, and what it complains of.
    pub fn fails(&self, line: &str) -> (Option<i32>, String) {
        let done = self.run(line);
        (done.status.code(), text(&done.stderr))
    }

    /// Writes a manifest and gives its path.
    pub fn manifest(&self, name: &str, text: &str) -> String {
        let path = self.up.folder.path().join(name);
        fs::write(&path, text).expect("the manifest is written");
        path.display().to_string()
    }

    /// A running set of two.
    pub fn with_set() -> Option<(Kubectl, String)> {
        let kubectl = kubectl()?;
        let path = kubectl.manifest("set.yaml", SET);
        kubectl.says(&format!("apply -f {path}"));
        kubectl.shows(
            "rollout status sts/web --timeout=15s",
            &["2 new pods have been updated"],
        );
        Some((kubectl, path))
    }
}

/// What was said, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
