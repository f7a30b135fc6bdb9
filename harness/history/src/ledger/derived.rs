//! What was computed from a ledger and is asked for again.

use super::Ledger;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Values computed from a ledger, one of each type.
#[derive(Default)]
pub(super) struct Derived(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Clone for Derived {
    /// A copy computes anew.
    fn clone(&self) -> Self {
        Derived::default()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

impl Ledger {
    /// A value that `make` computes from the ledger: computed once for each type, then shared. For indices that
    /// many rules need; a ledger never changes, so neither do they.
    pub fn derived<T: Any + Send + Sync>(&self, make: impl FnOnce(&Ledger) -> T) -> Arc<T> {
        let key = TypeId::of::<T>();
        let known = |derived: &HashMap<TypeId, Arc<dyn Any + Send + Sync>>| {
            derived.get(&key).cloned().and_then(|value| value.downcast().ok())
        };
        if let Some(value) = known(&self.derived.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return value;
        }
        // Not under the lock: `make` may itself ask for something derived.
        let value = Arc::new(make(self));
        let mut derived = self.derived.0.lock().unwrap_or_else(PoisonError::into_inner);
        derived.insert(key, value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    #[test]
    fn computed_once_for_each_type() {
        let ledger = Ledger::build(&History::new());
        let mut times = 0;
        for _ in 0..3 {
            let length = ledger.derived(|ledger| {
                times += 1;
                ledger.order().len()
            });
            assert_eq!(*length, 0);
        }
        assert_eq!(*ledger.derived(|_| "another type"), "another type");
        assert_eq!(times, 1);
    }
}
