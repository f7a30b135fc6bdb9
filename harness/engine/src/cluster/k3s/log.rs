//! What the log of a k3s container says about its start.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// What a line of the log means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The process gives up: k3s logs with the level `fatal` before it exits.
    Fatal,
    /// The API server answers on its port.
    ApiServer,
    /// The server's own components run.
    Up,
    /// The kubelet registered its node.
    Node,
    /// Nothing that matters to the start.
    Other,
}

/// What a line means.
pub fn classify(line: &str) -> Line {
    let says = |needle: &str| line.contains(needle);
    if says("level=fatal") {
        Line::Fatal
    } else if says("Kube API server is now running") {
        Line::ApiServer
    } else if says("k3s is up and running") {
        Line::Up
    } else if says("Successfully registered node") {
        Line::Node
    } else {
        Line::Other
    }
}

/// How many lines are remembered for messages.
const REMEMBERED: usize = 50;

/// The log of a cluster's containers while it is written. Clones share it.
#[derive(Clone, Debug)]
pub struct Log {
    last: Arc<Mutex<VecDeque<String>>>,
    fatal: watch::Sender<Option<String>>,
    file: Option<Arc<File>>,
    /// Name of the node whose lines are taken; empty for the server.
    node: String,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            last: Arc::default(),
            fatal: watch::Sender::new(None),
            file: None,
            node: String::new(),
        }
    }
}

impl Log {
    /// A log that is kept in a file as well, if the file can be written.
    pub fn to(path: &Path) -> Log {
        let file = File::create(path).inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "the log of k3s is not kept");
        });
        Log {
            file: file.ok().map(Arc::new),
            ..Log::default()
        }
    }

    /// The same log for the lines of an agent, which begin with its name.
    pub fn of(&self, node: &str) -> Log {
        Log {
            node: format!("{node}: "),
            ..self.clone()
        }
    }

    /// Takes a line.
    pub fn take(&self, line: &str) {
        let line = &format!("{}{}", self.node, line.trim_end());
        if let Some(mut file) = self.file.as_deref() {
            // A full disk is no reason to stop.
            let _ = writeln!(file, "{line}");
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == REMEMBERED {
            last.pop_front();
        }
        last.push_back(line.to_owned());
        drop(last);
        if classify(line) == Line::Fatal {
            self.fatal.send_if_modified(|known| {
                let first = known.is_none();
                known.get_or_insert_with(|| line.to_owned());
                first
            });
        }
    }

    /// The first fatal line; waits for it.
    pub async fn fatal(&self) -> String {
        let mut fatal = self.fatal.subscribe();
        // The sender lives as long as this log, so the wait ends with a line or not at all.
        match fatal.wait_for(Option::is_some).await {
            Ok(line) => line.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_start_are_told_apart() {
        let line = |message: &str| format!("time=\"2026-11-21T10:00:00Z\" level=info msg=\"{message}\"");
        assert_eq!(classify(&line("Kube API server is now running")), Line::ApiServer);
        assert_eq!(classify(&line("k3s is up and running")), Line::Up);
        assert_eq!(
            classify(&line("Successfully registered node server-0")),
            Line::Node
        );
        assert_eq!(classify(&line("Starting k3s v1.36.2+k3s1")), Line::Other);
        assert_eq!(classify("time=\"x\" level=fatal msg=\"cgroup\""), Line::Fatal);
        // A component that speaks of fatal things has not given up.
        assert_eq!(classify(&line("this is not fatal")), Line::Other);
    }

    #[tokio::test]
    async fn the_first_fatal_line_is_the_reason_and_the_end_is_remembered() {
        let log = Log::default();
        for number in 0..60 {
            log.take(&format!("line {number}\n"));
        }
        log.take("level=fatal msg=\"first\"");
        log.take("level=fatal msg=\"second\"");
        assert!(log.fatal().await.contains("first"));
        let tail = log.tail();
        assert_eq!((tail.len(), tail[0].as_str()), (REMEMBERED, "line 12"));
    }

    #[tokio::test]
    async fn what_an_agent_says_bears_its_name() {
        let log = Log::default();
        log.take("level=info msg=\"Starting k3s\"");
        log.of("agent-1").take("level=fatal msg=\"token\"\n");
        assert_eq!(log.fatal().await, "agent-1: level=fatal msg=\"token\"");
        assert_eq!(log.tail().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_fatal_line_the_wait_goes_on() {
        let log = Log::default();
        log.take("level=error msg=\"never mind\"");
        assert!(
            crate::clock::within(std::time::Duration::from_secs(9), log.fatal())
                .await
                .is_none()
        );
    }
}
