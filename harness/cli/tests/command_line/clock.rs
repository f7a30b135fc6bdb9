//! The only place where these tests wait for time to pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often is looked.
const BEAT: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see; `None` if there is nothing within `limit`.
pub fn seen_within<T>(limit: Duration, look: impl Fn() -> Option<T>) -> Option<T> {
    let until = Instant::now() + limit;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() > until {
            return seen;
        }
        pass(BEAT);
    }
}

/// Lets time pass.
pub fn pass(time: Duration) {
    thread::sleep(time);
}
