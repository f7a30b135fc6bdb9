//! Records all that is observed, in order, and tells waiters that something arrived.

use crate::{clock::Stopwatch, world::World};
use history::{Event, History, Meta, Observation};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The history of one scenario while it grows. Cheap to clone; all clones record into the same history.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
    arrived: watch::Sender<usize>,
    changed: watch::Sender<usize>,
    stopwatch: Stopwatch,
}

struct Inner {
    history: History,
    world: World,
    file: Option<Box<dyn Write + Send>>,
    file_error: Option<io::Error>,
}

impl Recorder {
    /// Begins a history. Every observation also goes to `file` at once, so that nothing recorded is lost.
    pub fn start(meta: Meta, file: Option<Box<dyn Write + Send>>) -> Recorder {
        let inner = Inner {
            history: History::new(),
            world: World::new(meta.subject.clone()),
            file,
            file_error: None,
        };
        let recorder = Recorder {
            inner: Arc::new(Mutex::new(inner)),
            arrived: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            stopwatch: Stopwatch::start(),
        };
        recorder.record(Observation::Start(Box::new(meta)));
        recorder
    }

    /// The clock of the history.
    pub fn stopwatch(&self) -> Stopwatch {
        self.stopwatch
    }

    /// Appends an observation that was made now.
    pub fn record(&self, what: Observation) {
        // The time is taken under the lock, so that it never goes back from one line to the next.
        self.append(|stopwatch| Event {
            at: stopwatch.elapsed(),
            what,
        });
    }

    /// Appends an observation that was made before.
    pub fn record_at(&self, event: Event) {
        self.append(|_| event);
    }

    fn append(&self, event: impl FnOnce(Stopwatch) -> Event) {
        let (len, changes) = {
            let mut inner = self.lock();
            let event = event(self.stopwatch);
            if let Observation::Watch(watch) = &event.what {
                inner.world.take(watch);
            }
            if let Some(file) = &mut inner.file
                && let Err(error) = history::write_event(file, &event)
            {
                inner.file = None;
                inner.file_error = Some(error);
            }
            inner.history.push(event);
            (inner.history.len(), inner.world.changes())
        };
        self.arrived.send_replace(len);
        // Several may record at once: the one that comes last here must not take the number back.
        self.changed.send_if_modified(|known| {
            let newer = changes > *known;
            *known = changes.max(*known);
            newer
        });
    }

    /// Reads the present state.
    pub fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.lock().world)
    }

    /// Tells when something was recorded; the value is the number of observations.
    pub fn arrivals(&self) -> watch::Receiver<usize> {
        self.arrived.subscribe()
    }

    /// Tells when the world changed, which few observations do; the value is how often it has.
    pub fn changes(&self) -> watch::Receiver<usize> {
        self.changed.subscribe()
    }

    /// Hands the history over; what is recorded from then on begins another one.
    pub fn take_history(&self) -> History {
        std::mem::take(&mut self.lock().history)
    }

    /// Why the history file is incomplete, if it is; told once. The history in memory is not affected.
    pub fn file_error(&self) -> Option<io::Error> {
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file
            && let Err(error) = file.flush()
        {
            inner.file_error = Some(error);
        }
        inner.file_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
