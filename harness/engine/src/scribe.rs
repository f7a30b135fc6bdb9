//! Writes a history to its file on a thread of its own: a disk that takes its time keeps nobody waiting who waits for what
//! was recorded.

use history::Event;
use std::{
    io::{self, Write},
    sync::mpsc::{self, Sender, SyncSender},
    thread::{self, JoinHandle},
};

/// One history's file. Dropped, it waits until everything is written.
pub(crate) struct Scribe {
    /// None when it is being dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

enum Job {
    /// To be written as soon as the disk takes it: what ends the process at once takes no more with it than that.
    Write(Event),
    /// To be told why the file is incomplete, if it is.
    Tell(SyncSender<Option<String>>),
}

impl Scribe {
    /// Begins with an empty file.
    ///
    /// # Errors
    /// What the system says when there can be no further thread.
    pub fn start(file: impl Write + Send + 'static) -> io::Result<Scribe> {
        // Without a bound: all that waits here is part of the history, which is in memory anyway.
        let (jobs, orders) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("scribe".into())
            .spawn(move || work(file, orders))?;
        Ok(Scribe {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Has an event written, after all those before.
    pub fn write(&self, event: Event) {
        if let Some(jobs) = &self.jobs {
            // The thread ends after the last order.
            let _ = jobs.send(Job::Write(event));
        }
    }

    /// Why the file is incomplete, if it is, once all that was ordered is written.
    pub fn error(&self) -> Option<String> {
        let (tell, told) = mpsc::sync_channel(1);
        let jobs = self.jobs.as_ref()?;
        let gone = || Some("the thread that writes it is gone".to_owned());
        match jobs.send(Job::Tell(tell)) {
            Ok(()) => told.recv().unwrap_or_else(|_| gone()),
            Err(_) => gone(),
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What went wrong was for those who asked.
            let _ = thread.join();
        }
    }
}

fn work(mut file: impl Write, orders: mpsc::Receiver<Job>) {
    let mut error: Option<String> = None;
    for order in orders {
        let written = match &order {
            Job::Write(_) if error.is_some() => Ok(()),
            Job::Write(event) => history::write_event(&mut file, event),
            Job::Tell(_) => file.flush(),
        };
        if let Err(why) = written {
            error.get_or_insert(why.to_string());
        }
        if let Job::Tell(tell) = order {
            // Nobody may wait any more.
            let _ = tell.send(error.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Elapsed, Note, Observation};
    use std::{
        sync::{Arc, Mutex, MutexGuard},
        time::Duration,
    };

    /// Takes what is written as long as somebody lets it.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<Vec<u8>>>);

    impl Disk {
        fn held(&self) -> MutexGuard<'_, Vec<u8>> {
            self.0.lock().unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.held().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn note(text: &str) -> Event {
        Event {
            at: Elapsed::ZERO,
            what: Observation::Note(Note {
                kind: "step".into(),
                text: text.into(),
            }),
        }
    }

    #[test]
    fn a_slow_disk_keeps_nobody_waiting_and_loses_nothing() {
        let disk = Disk::default();
        let scribe = Scribe::start(disk.clone()).unwrap();
        let busy = disk.held();
        let (tell, told) = mpsc::channel();
        let recording = thread::spawn(move || {
            for number in 0..100 {
                scribe.write(note(&number.to_string()));
            }
            tell.send(()).unwrap();
            scribe
        });
        told.recv_timeout(Duration::from_secs(20))
            .expect("nobody waits for the disk");
        drop(busy);
        let scribe = recording.join().unwrap();
        assert_eq!(scribe.error(), None);
        let lines = disk.held().iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines, 100);
        scribe.write(note("the last"));
        drop(scribe);
        assert!(String::from_utf8_lossy(&disk.held()).contains("the last"));
    }

    #[test]
    fn a_full_disk_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let scribe = Scribe::start(Full).unwrap();
        scribe.write(note("lost"));
        let why = io::Error::from(io::ErrorKind::StorageFull).to_string();
        assert_eq!(scribe.error(), Some(why));
    }
}
