//! A look at our own receiver's public address, from here: whether it redirects, and whether it is us who answer.
//! ERPNext follows a redirect without the body and takes the answer for success, so one would lose every webhook.
//!
//! Invariant: nothing is followed and no key is sent. That the address cannot be reached from here proves nothing (ERPNext may
//! stand elsewhere): only a delivery does.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::LOCATION;
use serde_json::Value;
use url::Url;

use super::build::bare_client;
use super::names;

/// How long the receiver may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// A refusal by the receiver is a small JSON document; anything longer is not it.
const LONGEST: u64 = 64 * 1024;

/// The header in which a receiver tells which database it writes to.
pub const INSTALLATION: &str = "X-Customer-Sync";

/// What the public address answered to a GET, which the receiver does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// A receiver of this service refused it, as it should.
    Receiver {
        /// Which database it writes to (see `sync::installation`); `None` from an older version.
        installation: Option<String>,
    },
    /// It leads elsewhere.
    Redirect {
        /// Where to.
        to: String,
    },
    /// Somebody else answered, with that status.
    Other {
        /// HTTP status.
        status: u16,
    },
    /// Nobody answered.
    Nobody {
        /// Why, in a sentence.
        why: String,
    },
}

impl Reached {
    /// Asks the receiver's address with a GET.
    pub async fn ask(address: &Url) -> Self {
        let answer = match bare_client(address, WITHIN) {
            Ok(client) => client.get(address.clone()).send().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => read(answer).await,
            Err(error) => Self::Nobody { why: reason(&error.without_url()) },
        }
    }
}

async fn read(answer: reqwest::Response) -> Reached {
    let status = answer.status().as_u16();
    let installation = answer.headers().get(INSTALLATION).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if (300..400).contains(&status) {
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("an unnamed place");
        return Reached::Redirect { to: to.to_owned() };
    }
    let short = answer.content_length().is_some_and(|length| length <= LONGEST);
    let body = if short { answer.text().await.unwrap_or_default() } else { String::new() };
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    // Our errors are problem documents with a code; see `web::error`.
    match problem.get("code").and_then(Value::as_str) {
        Some("method_not_allowed") if status == 405 => Reached::Receiver { installation },
        _ => Reached::Other { status },
    }
}

/// What a service of ours says at `/readyz` of that address; a sentence where nobody does.
///
/// # Errors
/// Why there is no answer of the service.
pub async fn readiness(address: &Url, within: Duration) -> Result<Value, String> {
    let ask = async {
        let answer = bare_client(address, within)?.get(names::join(address, &["readyz"])).send().await?;
        answer.text().await
    };
    let text = ask.await.map_err(|error: reqwest::Error| {
        let chain = std::iter::successors(error.source(), |cause| (*cause).source());
        chain.last().map_or_else(|| "no answer".to_owned(), ToString::to_string)
    })?;
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    match said.get("status") {
        Some(_) => Ok(said),
        None => Err("something that is not Customer Sync answers there".to_owned()),
    }
}

fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
