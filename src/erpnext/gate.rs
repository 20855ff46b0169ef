//! The way out: each request needs a ticket, which the circuit breaker and the pacing both agree to.
//!
//! Invariant: a ticket always comes back, also where its request is given up half way (dropped future), so neither a
//! probe nor a share of the rate limit can get lost; and each return wakes those who wait for its outcome. Waiting in
//! place matters for parallel calls: were they refused while one of them probes, giving up together they would take the
//! probe with them, for ever. The lock is held for arithmetic only, never across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::breaker::{Breaker, BreakerState, Pass};
use super::errors::Error;
use super::pacing::{Budget, Pacing, Reservation, Told, Work};
use super::refusal::Refusal;

#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever a ticket has come back.
    returned: Notify,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    pacing: Pacing,
}

/// Permission for one request.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Gate,
    pass: Pass,
    /// Taken out when the ticket comes back.
    reservation: Option<Reservation>,
    sent: Instant,
}

impl Gate {
    pub(super) fn new(breaker_failures: u32, breaker_pause: Duration) -> Self {
        let state = State { breaker: Breaker::new(breaker_failures, breaker_pause), pacing: Pacing::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), returned: Notify::new() }))
    }

    /// A ticket, or the error to answer with instead of asking. Waits only for requests that are on their way.
    pub(super) async fn enter(&self, work: Work) -> Result<Ticket, Error> {
        loop {
            // Registered before the look, so that a return in between is not missed.
            let returned = self.0.returned.notified();
            if let Some(ticket) = self.try_enter(work)? {
                return Ok(ticket);
            }
            returned.await;
        }
    }

    /// `None` while a request on its way decides.
    fn try_enter(&self, work: Work) -> Result<Option<Ticket>, Error> {
        let now = now();
        let mut state = self.lock();
        let pass = match state.breaker.admit(now) {
            Ok(pass) => pass,
            Err(Refusal::Undecided) => return Ok(None),
            Err(Refusal::For(retry_after)) => return Err(Error::BreakerOpen { retry_after }),
        };
        match state.pacing.admit(work, now) {
            Ok(reservation) => Ok(Some(Ticket { gate: self.clone(), pass, reservation: Some(reservation), sent: now })),
            Err(refusal) => {
                state.breaker.abandon(&pass);
                match refusal {
                    Refusal::Undecided => Ok(None),
                    Refusal::For(retry_after) => Err(Error::Paced { retry_after }),
                }
            }
        }
    }

    pub(super) fn budget(&self) -> Option<Budget> {
        self.lock().pacing.budget(now())
    }

    pub(super) fn breaker(&self) -> BreakerState {
        self.lock().breaker.state(now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Brings the ticket back with what came of the request.
    pub(super) fn leave(mut self, error: Option<&Error>, told: Told) {
        let Some(reservation) = self.reservation.take() else { return };
        let now = now();
        let mut state = self.gate.lock();
        state.pacing.settle(reservation, told, self.sent, now);
        match error {
            Some(error) if error.is_outage() => {
                if state.breaker.fail(&self.pass, now) {
                    tracing::warn!(
                        last = error.label(),
                        "ERPNext did not answer several times in a row; requests pause"
                    );
                }
            }
            _ => {
                if state.breaker.succeed() {
                    tracing::info!("ERPNext answers again");
                }
            }
        }
        if let Some(Error::RateLimited { retry_after }) = error {
            state.pacing.hold(now + *retry_after);
            tracing::warn!(seconds = retry_after.as_secs(), "ERPNext's rate limit is used up; requests pause");
        }
        drop(state);
        self.gate.0.returned.notify_waiters();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let mut state = self.gate.lock();
            state.breaker.abandon(&self.pass);
            state.pacing.settle(reservation, Told::Nothing, self.sent, now());
            drop(state);
            self.gate.0.returned.notify_waiters();
        }
    }
}

/// Tokio's clock, so that tests can stop it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
