//! Answers that take long: whether whoever was let in with the request still would be, and that they are not too many.
//!
//! Invariant: nothing is told on the strength of a look that is older than [`AGAIN`], whichever process revoked the token,
//! ended the session, or changed or removed the user: the database is asked. Where it cannot be asked, the answer ends. An
//! answer that goes on is no use of a session, so a page that is left open is signed out like any other.

use std::pin::pin;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;

use super::{Caller, Counts, identify, unauthorized};
use crate::web::State;
use crate::web::error::Problem;
use crate::web::places::Place;

/// How long a look is good for.
pub(in crate::web) const AGAIN: Duration = Duration::from_secs(5);

/// That somebody may have an answer, for the moment.
pub(in crate::web) struct Permit {
    request: HttpRequest,
    caller: Caller,
    looked: Instant,
    _place: Place,
}

impl Permit {
    /// As the guard has just found; an error where too many calls wait already.
    pub(in crate::web) fn of(request: &HttpRequest, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(request)?;
        let place = state.places.take(caller.who.id()).map_err(|full| Problem::no_place(request, full))?;
        Ok(Self { request: request.clone(), caller, looked: Instant::now(), _place: place })
    }

    /// Waits, for as long as the caller may know what comes of it.
    pub(in crate::web) async fn hold<T>(
        &mut self,
        state: &State,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Problem> {
        let mut waiting = pin!(waiting);
        loop {
            let came = tokio::time::timeout(AGAIN, &mut waiting).await;
            self.renew(state).await?;
            if let Ok(came) = came {
                return Ok(came);
            }
        }
    }

    /// Looks again if the last look is too old; an error where the same one would not be let in as before.
    pub(in crate::web) async fn renew(&mut self, state: &State) -> Result<(), Problem> {
        if self.looked.elapsed() < AGAIN {
            return Ok(());
        }
        let began = Instant::now();
        if identify(&self.request, state, Counts::NotAsUse).await? != self.caller {
            return Err(unauthorized(&self.request));
        }
        self.looked = began;
        Ok(())
    }
}
