//! One request and its answer: slot, ticket, send, read, judge, report.
//!
//! Invariant: no call outlasts [`Transport::call_limit`], no answer outgrows the limit in memory, and no error carries an
//! address (it may name a document). Only what reads is repeated (below): a write that was not answered may have been done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::answer::Reply;
use super::build::{BuildError, http_client};
use super::connect::ConnectCause;
use super::errors::Error;
use super::gate::{Gate, Ticket};
use super::options::{Call, Observer, Options};
use super::pacing::{Told, Work};
use super::retry_after::{date, rate_limit};

/// A pooled connection that the server closed while it was idle fails at once; later than this it is something else.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// What to send.
pub(super) enum Ask {
    Get(Url),
    /// A question that does not fit an address.
    Post(Url, Vec<u8>),
    /// Changes something in ERPNext: `POST`, `PUT` or `DELETE`. Only `admin` does.
    Write(Method, Url, Vec<u8>),
}

const JSON: &str = "application/json";

type Slots<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);

pub(super) struct Transport {
    http: reqwest::Client,
    pub(super) base: Url,
    pub(super) gate: Gate,
    slots: Semaphore,
    /// Bulk work takes one of these first, so that a slot stays for those who wait.
    bulk_slots: Semaphore,
    site: String,
    max_response_bytes: usize,
    answer_limit: Duration,
    observer: Option<Observer>,
}

impl Transport {
    pub(super) fn new(options: Options) -> Result<Arc<Self>, BuildError> {
        let slots = options.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Arc::new(Self {
            http: http_client(&options)?,
            gate: Gate::new(options.breaker_failures, options.breaker_pause),
            slots: Semaphore::new(slots),
            bulk_slots: Semaphore::new((slots - 1).max(1)),
            site: options.url.origin().ascii_serialization(),
            base: options.url,
            max_response_bytes: options.max_response_bytes,
            answer_limit: options.connect_timeout + options.read_timeout,
            observer: options.observer,
        }))
    }

    /// The longest that one call can take: waiting for its turn, a repetition on a fresh connection, the answer.
    pub(super) fn call_limit(&self) -> Duration {
        self.answer_limit * 2 + STALE_WITHIN
    }

    /// Asks, and gives the answer's top-level object.
    pub(super) async fn call<T: DeserializeOwned>(&self, name: &'static str, ask: Ask, work: Work) -> Result<T, Error> {
        let admitted = tokio::time::timeout(self.answer_limit, self.admit(work)).await.unwrap_or(Err(Error::Busy));
        let (_slots, ticket) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return self.report(name, Duration::ZERO, Err(error)),
        };
        let started = tokio::time::Instant::now();
        let (result, told) = self.exchange(name, ask).await;
        ticket.leave(result.as_ref().err(), told);
        self.report(name, started.elapsed(), result)
    }

    /// A slot, then a ticket: the ticket's time counts as ERPNext's where it names none.
    async fn admit(&self, work: Work) -> Result<(Slots<'_>, Ticket), Error> {
        // Closed semaphores would be an error; these never are.
        let bulk = match work {
            Work::Interactive => None,
            Work::Bulk => Some(self.bulk_slots.acquire().await.map_err(|_| Error::Busy)?),
        };
        let slot = self.slots.acquire().await.map_err(|_| Error::Busy)?;
        Ok(((bulk, slot), self.gate.enter(work).await?))
    }

    /// The clock of whoever answers, by the `Date` of the answer, whatever that says; `None` where it has none.
    pub(super) async fn date(&self, url: Url) -> Result<Option<Timestamp>, Error> {
        let response = self.send(Ask::Get(url)).await.map_err(|source| self.no_answer(source))?;
        Ok(date(response.headers()))
    }

    async fn exchange<T: DeserializeOwned>(&self, name: &'static str, ask: Ask) -> (Result<T, Error>, Told) {
        let response = match self.send(ask).await {
            Ok(response) => response,
            Err(source) => {
                let told = if source.is_connect() { Told::Unreached } else { Told::Nothing };
                return (Err(self.no_answer(source)), told);
            }
        };
        let limited = rate_limit(response.headers());
        let result = match self.receive(response).await {
            Ok(reply) => reply.read(name),
            Err(error) => Err(error),
        };
        let told = limited.unwrap_or(if result.is_ok() { Told::Unlimited } else { Told::Nothing });
        (result, told)
    }

    async fn send(&self, ask: Ask) -> Result<reqwest::Response, reqwest::Error> {
        let writes = matches!(ask, Ask::Write(..));
        let request = match ask {
            Ask::Get(url) => self.http.get(url),
            Ask::Post(url, body) => self.http.post(url).header(CONTENT_TYPE, JSON).body(body),
            Ask::Write(method, url, body) => self.http.request(method, url).header(CONTENT_TYPE, JSON).body(body),
        };
        let started = Instant::now();
        let again = if writes { None } else { request.try_clone() };
        match (request.send().await, again) {
            (Err(error), Some(again)) if is_stale(&error) && started.elapsed() < STALE_WITHIN => again.send().await,
            (result, _) => result,
        }
    }

    async fn receive(&self, mut response: reqwest::Response) -> Result<Reply, Error> {
        let too_large = || Error::TooLarge { limit: self.max_response_bytes };
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > self.max_response_bytes {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(|source| self.no_answer(source))? {
            if body.len() + chunk.len() > self.max_response_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status: response.status().as_u16(), headers: std::mem::take(response.headers_mut()), body })
    }

    fn no_answer(&self, source: reqwest::Error) -> Error {
        let source = source.without_url();
        let site = self.site.clone();
        if source.is_timeout() {
            return if source.is_connect() {
                Error::Connect { site, cause: ConnectCause::TimedOut, source }
            } else {
                Error::Timeout { site, source }
            };
        }
        let cause = match ConnectCause::of(&source) {
            ConnectCause::Other if !source.is_connect() => ConnectCause::Broken,
            cause => cause,
        };
        Error::Connect { site, cause, source }
    }

    fn report<T>(&self, name: &'static str, duration: Duration, result: Result<T, Error>) -> Result<T, Error> {
        let outcome = result.as_ref().err().map_or("ok", Error::label);
        tracing::debug!(call = name, outcome, ms = duration.as_millis(), "asked ERPNext");
        if let Some(observer) = &self.observer {
            observer(&Call { name, outcome, duration });
        }
        result
    }
}

/// Whether the connection died before an answer began.
fn is_stale(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}
