//! Time inside a history.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ops, time::Duration};

/// Time since the start of the scenario on the observer's monotonic clock, in microseconds.
///
/// Written as milliseconds with up to three decimals, the unit of the recorded histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Elapsed(u64);

impl Elapsed {
    /// The start of the scenario.
    pub const ZERO: Elapsed = Elapsed(0);

    /// From whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Elapsed(micros)
    }

    /// From whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Elapsed(millis * 1_000)
    }

    /// Whole microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The time since `earlier`, zero if `earlier` is later.
    pub const fn since(self, earlier: Elapsed) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This moment moved back by `by`, not before the start.
    pub fn before(self, by: Duration) -> Elapsed {
        Elapsed(self.0.saturating_sub(micros(by)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl From<Duration> for Elapsed {
    fn from(duration: Duration) -> Self {
        Elapsed(micros(duration))
    }
}

impl From<Elapsed> for Duration {
    fn from(elapsed: Elapsed) -> Self {
        Duration::from_micros(elapsed.0)
    }
}

impl ops::Add<Duration> for Elapsed {
    type Output = Elapsed;
    fn add(self, by: Duration) -> Elapsed {
        Elapsed(self.0.saturating_add(micros(by)))
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}

impl Serialize for Elapsed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1_000) {
            serializer.serialize_u64(self.0 / 1_000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1_000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Elapsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        if !millis.is_finite() || millis < 0.0 {
            return Err(serde::de::Error::custom(
                "a time is a number of milliseconds, zero or more",
            ));
        }
        Ok(Elapsed((millis * 1_000.0).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_survive_a_round_trip_to_the_microsecond() {
        for micros in [0, 1, 999, 1_000, 12_345_678, 86_400_000_001] {
            let text = serde_json::to_string(&Elapsed(micros)).unwrap();
            assert_eq!(
                serde_json::from_str::<Elapsed>(&text).unwrap(),
                Elapsed(micros),
                "{text}"
            );
        }
    }

    #[test]
    fn negative_time_is_refused() {
        assert!(serde_json::from_str::<Elapsed>("-1").is_err());
    }
}
