//! How many calls of a kind may be open at once: those that wait (event streams, and calls that wait for a change, a sync, a
//! link or a run), and exports.
//!
//! Invariant: a place is given back when its [`Place`] is dropped, which is when the call is over or its client is found to
//! be gone. Counts are of this process; how often somebody may come is in `rates`.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::CallerId;

/// How many times as many calls as one caller's may wait in all.
const CALLERS: u32 = 4;

/// The places of one process for calls of a kind.
pub(super) struct Places {
    each: u32,
    taken: Arc<Mutex<Taken>>,
}

/// A call that is open.
pub(super) struct Place {
    caller: CallerId,
    taken: Arc<Mutex<Taken>>,
}

/// Why a call may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// Too many calls of this caller do.
    #[error("{0} calls of yours are waiting already, event streams included; end some, or try again later")]
    Caller(u32),
    /// Too many calls of all callers do.
    #[error("too many calls are waiting at the moment; try again later, or without waiting")]
    All,
}

#[derive(Default)]
struct Taken {
    all: u32,
    by: HashMap<CallerId, u32>,
}

impl Places {
    /// So many for each caller.
    pub(super) fn new(each: NonZeroU32) -> Self {
        Self { each: each.get(), taken: Arc::default() }
    }

    /// A place for one more call of that caller.
    pub(super) fn take(&self, caller: CallerId) -> Result<Place, Full> {
        let mut taken = lock(&self.taken);
        if taken.by.get(&caller).is_some_and(|taken| *taken >= self.each) {
            return Err(Full::Caller(self.each));
        }
        if taken.all >= self.each.saturating_mul(CALLERS) {
            return Err(Full::All);
        }
        taken.all += 1;
        *taken.by.entry(caller).or_default() += 1;
        Ok(Place { caller, taken: self.taken.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by.get_mut(&self.caller) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by.remove(&self.caller);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_for_one_and_for_all_and_come_back() {
        let places = Places::new(NonZeroU32::new(2).expect("above zero"));
        let take = |user| places.take(CallerId::User(user));
        let mut held: Vec<Place> = [1, 1, 2, 2, 3, 3, 4].into_iter().map(|user| take(user).expect("free")).collect();
        assert_eq!(take(1).err(), Some(Full::Caller(2)));
        held.push(places.take(CallerId::Token(1)).expect("a token is not the user of its number"));
        assert_eq!(take(5).err(), Some(Full::All));
        assert_eq!(take(1).err(), Some(Full::Caller(2)), "what the caller itself can change is told first");
        held.clear();
        assert!(lock(&places.taken).by.is_empty(), "nothing is kept of who has left");
        assert!((0..2).map(|_| take(1)).collect::<Result<Vec<_>, _>>().is_ok());
    }
}
