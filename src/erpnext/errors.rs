//! Everything that can go wrong between us and ERPNext.
//!
//! Invariant: the text of each error tells a person what is wrong and what to do, and contains neither secrets nor
//! addresses with document names; ERPNext's own words are in [`Error::detail`] and, being meant for people, at the end of
//! the text. What to do about it automatically is [`Error::disposition`]; attempts are counted in `worker`.

use std::time::Duration;

use super::connect::ConnectCause;

/// How long to leave a site alone that does not let us in, before it is probed again.
const PROBE_PAUSE: Duration = Duration::from_secs(30);
/// How long to leave a site alone that says it is under maintenance.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(30);
/// How long to wait for a free connection slot again.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// What ERPNext, or what stands before it, did instead of answering.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: key or secret is wrong.
    #[error(
        "ERPNext does not accept the API key (401 {exc_type}). Check ERPNEXT_API_KEY and ERPNEXT_API_SECRET; \
         a key stops working when new keys are generated for its user{}",
        said(detail.as_deref())
    )]
    Unauthorized {
        /// Class of ERPNext's exception.
        exc_type: String,
        /// ERPNext's own message.
        detail: Option<String>,
    },
    /// 403: the key's user may not see this.
    #[error("ERPNext does not permit this to the API key's user (403 {exc_type}). Give the user a role with read permission on Customer, Address and Contact{}", said(detail.as_deref()))]
    Forbidden {
        /// Class of ERPNext's exception.
        exc_type: String,
        /// ERPNext's own message.
        detail: Option<String>,
    },
    /// 404 for something that must be there (a document that is missing is `Ok(None)`).
    #[error("ERPNext does not have what was asked for (404 {exc_type}). Check that ERPNEXT_URL is the site with ERPNext installed{}", said(detail.as_deref()))]
    Missing {
        /// Class of ERPNext's exception.
        exc_type: String,
        /// ERPNext's own message.
        detail: Option<String>,
    },
    /// 417 and other refusals of a request as such.
    #[error("ERPNext refused the request ({status} {exc_type}){}", said(detail.as_deref()))]
    Invalid {
        /// HTTP status.
        status: u16,
        /// Class of ERPNext's exception.
        exc_type: String,
        /// ERPNext's own message.
        detail: Option<String>,
    },
    /// 503 SessionStopped: the site is being maintained.
    #[error("ERPNext is in maintenance mode. Work goes on by itself when it is over")]
    Maintenance,
    /// 5xx.
    #[error("ERPNext failed ({status}{}). Look into ERPNext's Error Log{}", class(exc_type.as_deref()), said(detail.as_deref()))]
    Server {
        /// HTTP status.
        status: u16,
        /// Class of ERPNext's exception; `None` where the answer is not from ERPNext itself (a gateway's 502).
        exc_type: Option<String>,
        /// ERPNext's own message.
        detail: Option<String>,
        /// What `Retry-After` says.
        retry_after: Option<Duration>,
    },
    /// 429.
    #[error("ERPNext's rate limit is used up; asking again in {} s", retry_after.as_secs())]
    RateLimited {
        /// Until requests are let through again.
        retry_after: Duration,
    },
    /// Not asked, to leave ERPNext's rate limit to its people.
    #[error("Our share of ERPNext's rate limit is used up; asking again in {} s", retry_after.as_secs())]
    Paced {
        /// Until the next window, or shorter.
        retry_after: Duration,
    },
    /// Not asked, because ERPNext did not answer before.
    #[error("ERPNext did not answer several times in a row; trying again in {} s", retry_after.as_secs())]
    BreakerOpen {
        /// Until the next try.
        retry_after: Duration,
    },
    /// Not asked, because no connection slot became free in time.
    #[error(
        "All connections to ERPNext are busy. It answers slowly; if it can bear more, raise concurrency in [erpnext]"
    )]
    Busy,
    /// No answer in time.
    #[error("{site} did not answer in time. Check whether it is overloaded, or raise read_timeout in [erpnext]")]
    Timeout {
        /// Scheme, host and port.
        site: String,
        /// The library's error.
        source: reqwest::Error,
    },
    /// No connection, or it broke off.
    #[error("Cannot talk to {site}: {cause}")]
    Connect {
        /// Scheme, host and port.
        site: String,
        /// What stood in the way.
        cause: ConnectCause,
        /// The library's error.
        source: reqwest::Error,
    },
    /// 3xx: this is not the site's own address.
    #[error("ERPNEXT_URL leads to a redirect to {to}. Set it to the address that answers itself")]
    Redirect {
        /// The target without its query.
        to: String,
    },
    /// An answer without ERPNext's marks: a proxy's, a login page's, or another site's.
    #[error(
        "The answer is not ERPNext's ({status}, {what}). Check that ERPNEXT_URL is ERPNext's own address, that no login \
         page or firewall stands before it, and on a bench with several sites the host_header in [erpnext]"
    )]
    NotErpnext {
        /// HTTP status.
        status: u16,
        /// What came instead.
        what: &'static str,
    },
    /// The answer is longer than we take.
    #[error("ERPNext's answer is longer than {limit} bytes. Raise max_response in [erpnext] if that is right")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer looks like ERPNext's but cannot be read.
    #[error(
        "ERPNext's answer to `{call}` cannot be read: {what}. If it comes again, this version of ERPNext may be unknown to us"
    )]
    Decode {
        /// The call.
        call: &'static str,
        /// What is wrong with it.
        what: &'static str,
        /// The parser's error.
        source: Option<serde_json::Error>,
    },
    /// No document can have this name: empty, or over 140 characters.
    #[error("A document cannot have this name: it is empty or longer than 140 characters")]
    ImpossibleName,
}

/// What to do about an error without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Burn an attempt; wait at least as long as given, else the usual back-off.
    RetryAfter(Option<Duration>),
    /// Wait that long; no attempt is burned, because the work itself is not to blame.
    Snooze(Duration),
    /// Trying again cannot help.
    Permanent,
    /// A batch: halve it, no attempt burned. A single document: an attempt, or dead where ERPNext refused it ([`Error::Invalid`]).
    Split,
}

impl Error {
    /// A short stable word for metrics and filters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Missing { .. } => "missing",
            Self::Invalid { .. } => "invalid",
            Self::Maintenance => "maintenance",
            Self::Server { .. } => "server_error",
            Self::RateLimited { .. } => "rate_limited",
            Self::Paced { .. } => "paced",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Busy => "busy",
            Self::Timeout { .. } => "timeout",
            Self::Connect { .. } => "connect",
            Self::Redirect { .. } => "redirect",
            Self::NotErpnext { .. } => "not_erpnext",
            Self::TooLarge { .. } => "too_large",
            Self::Decode { .. } => "decode",
            Self::ImpossibleName => "impossible_name",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Disposition::Snooze(PROBE_PAUSE),
            Self::Maintenance => Disposition::Snooze(MAINTENANCE_PAUSE),
            Self::RateLimited { retry_after } | Self::Paced { retry_after } | Self::BreakerOpen { retry_after } => {
                Disposition::Snooze(*retry_after)
            }
            Self::Busy => Disposition::Snooze(BUSY_PAUSE),
            // A gateway that is told to turn everybody away: smaller requests would fare no better.
            Self::Server { status: 503, exc_type: None, retry_after, .. } => Disposition::RetryAfter(*retry_after),
            Self::Invalid { .. } | Self::Server { .. } | Self::TooLarge { .. } => Disposition::Split,
            Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Redirect { .. }
            | Self::NotErpnext { .. }
            | Self::Missing { .. }
            | Self::Decode { .. } => Disposition::RetryAfter(None),
            Self::ImpossibleName => Disposition::Permanent,
        }
    }

    /// ERPNext's own message: plain text, at most 500 characters. May name people: not for the log above debug.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { detail, .. }
            | Self::Forbidden { detail, .. }
            | Self::Missing { detail, .. }
            | Self::Invalid { detail, .. }
            | Self::Server { detail, .. } => detail.as_deref(),
            _ => None,
        }
    }

    /// The text without ERPNext's own words: for the log, where names of people must not appear.
    #[must_use]
    pub fn without_detail(&self) -> String {
        let text = self.to_string();
        text.strip_suffix(&said(self.detail())).unwrap_or(&text).to_owned()
    }

    /// Whether it speaks for a site that is down rather than for one that has an opinion.
    pub(super) const fn is_outage(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Connect { .. } | Self::Server { exc_type: None, .. })
    }
}

fn said(detail: Option<&str>) -> String {
    detail.map(|text| format!(". ERPNext says: {text}")).unwrap_or_default()
}

fn class(exc_type: Option<&str>) -> String {
    exc_type.map(|class| format!(" {class}")).unwrap_or_default()
}
