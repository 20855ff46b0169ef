//! What an HTTP answer means: ERPNext's JSON, ERPNext's error, or somebody else's words.
//!
//! Invariant: only JSON with an `exc_type` is an error of ERPNext's. A 401, 403, 404 or 417 without one comes from what
//! stands before it, or from another site, and must never read like "that document is gone". Pure: no I/O.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};
use url::Url;

use super::errors::Error;
use super::message::Failure;
use super::pacing::Told;
use super::retry_after::{rate_limit, retry_after};

/// Wait after a 429 that names no time.
const DEFAULT_HOLD: Duration = Duration::from_secs(30);
/// Shortest wait after a 429, whatever it says: asking again at once would only be refused again.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);
/// The exception of a document that is not there.
pub(super) const DOES_NOT_EXIST: &str = "DoesNotExistError";

/// A complete answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The top-level object of a success, or what the answer means instead. `call` names it in errors.
    pub(super) fn read<T: DeserializeOwned>(self, call: &'static str) -> Result<T, Error> {
        match self.status {
            200..=299 => self.success(call),
            300..=399 => Err(self.redirect()),
            429 => Err(Error::RateLimited { retry_after: self.hold() }),
            _ => Err(self.failure()),
        }
    }

    fn success<T: DeserializeOwned>(&self, call: &'static str) -> Result<T, Error> {
        if !looks_like_json(&self.body) {
            return Err(self.not_erpnext());
        }
        serde_json::from_slice(&self.body).map_err(|source| {
            let what = match source.classify() {
                Category::Data => "it has an unexpected form",
                Category::Syntax | Category::Eof | Category::Io => "it is not complete JSON",
            };
            Error::Decode { call, what, source: Some(source) }
        })
    }

    fn redirect(&self) -> Error {
        let location = self.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        location.map_or_else(|| self.not_erpnext(), |to| Error::Redirect { to: without_query(to) })
    }

    fn hold(&self) -> Duration {
        let reset = match rate_limit(&self.headers) {
            Some(Told::Limited { reset, .. }) => Some(reset),
            _ => None,
        };
        retry_after(&self.headers).or(reset).unwrap_or(DEFAULT_HOLD).max(SHORTEST_HOLD)
    }

    fn failure(&self) -> Error {
        let failure: Failure = serde_json::from_slice(&self.body).unwrap_or_default();
        let status = self.status;
        let detail = failure.message();
        match (status, failure.exc_type()) {
            (401, Some(exc_type)) => Error::Unauthorized { exc_type, detail },
            (403, Some(exc_type)) => Error::Forbidden { exc_type, detail },
            (404, Some(exc_type)) => Error::Missing { exc_type, detail },
            (503, Some(exc_type)) if exc_type == "SessionStopped" => Error::Maintenance,
            (500.., exc_type) => Error::Server { status, exc_type, detail, retry_after: retry_after(&self.headers) },
            (_, Some(exc_type)) => Error::Invalid { status, exc_type, detail },
            (_, None) => self.not_erpnext(),
        }
    }

    fn not_erpnext(&self) -> Error {
        let what = match self.body.trim_ascii_start().first() {
            None => "an empty answer",
            Some(b'<') => "an HTML page",
            Some(b'{' | b'[') => "JSON without ERPNext's marks",
            Some(_) => "plain text",
        };
        Error::NotErpnext { status: self.status, what }
    }
}

/// The value of a key that a success always has.
pub(super) fn take(mut answer: Map<String, Value>, key: &str) -> Result<Value, Error> {
    required(answer.remove(key))
}

/// What a success always has.
pub(super) fn required<T>(part: Option<T>) -> Result<T, Error> {
    part.ok_or(Error::NotErpnext { status: 200, what: "JSON without ERPNext's marks" })
}

fn looks_like_json(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'{')
}

/// The query of a login page's address may carry tokens.
fn without_query(location: &str) -> String {
    match Url::parse(location) {
        Ok(mut url) if url.has_host() => {
            url.set_query(None);
            url.set_fragment(None);
            // Both fail only for addresses without a host.
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            url.into()
        }
        _ => location.split(['?', '#']).next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
