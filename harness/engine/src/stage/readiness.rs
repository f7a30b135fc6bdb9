//! Verbs that hold pods unready and release them.

use super::Stage;

impl Stage {
    /// Holds a pod unready: the present one and every later one of that name.
    pub fn hold(&self, pod: &str) {
        self.note("hold", format!("{pod} unready"));
        self.inner.gates.hold(pod);
    }

    /// Holds the next pod of that name unready, and leaves the present one alone.
    pub fn hold_next(&self, pod: &str) {
        self.note("hold", format!("the next {pod} unready"));
        self.inner
            .gates
            .hold_next(pod, self.look(|world| world.uid("pods", pod)));
    }

    /// Holds every pod unready.
    pub fn hold_all(&self) {
        self.note("hold", "every pod unready".into());
        self.inner.gates.hold_all();
    }

    /// Lets a pod become Ready.
    pub fn release(&self, pod: &str) {
        self.note("release", pod.into());
        self.inner.gates.release(pod);
    }

    /// Lets every pod become Ready.
    pub fn release_all(&self) {
        self.note("release", "every pod".into());
        self.inner.gates.release_all();
    }
}
