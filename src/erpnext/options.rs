//! What the client is built from, and the hook through which it reports its calls.
//!
//! Invariant: `Debug` shows no secret: neither the key's secret, nor header values (access proxies put tokens there),
//! nor the proxy's address (it may carry a password). Default values do not live here: they are `config`'s.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

/// Everything that the client needs to know.
#[derive(Clone)]
pub struct Options {
    /// The site's address, e.g. `https://erp.example.com`, without `/app`.
    pub url: Url,
    /// API key of ERPNext's user.
    pub api_key: String,
    /// API secret of ERPNext's user.
    pub api_secret: String,
    /// Time for name look-up, TCP and TLS.
    pub connect_timeout: Duration,
    /// Time for the whole answer once connected.
    pub read_timeout: Duration,
    /// An answer longer than this (decompressed) is given up.
    pub max_response_bytes: usize,
    /// Requests at the same time; bulk work leaves one of them free where there is more than one.
    pub concurrency: usize,
    /// PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Address of a proxy, `none` to use none; unset: what the environment says, except for loopback addresses.
    pub proxy: Option<String>,
    /// Further headers of each request, e.g. for an access proxy.
    pub headers: Vec<(String, String)>,
    /// `Host` header, where it differs from the address (a bench with several sites).
    pub host_header: Option<String>,
    /// Connection failures in a row that open the circuit breaker (at least 1).
    pub breaker_failures: u32,
    /// Time that the breaker stays open before one request may probe.
    pub breaker_pause: Duration,
    /// Told of every call; `None` for nobody.
    pub observer: Option<Observer>,
}

/// Receives every call when it ends. Called on the async threads: must not block.
pub type Observer = Arc<dyn Fn(&Call) + Send + Sync>;

/// One call that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What was asked: `list`, `get`, `logged_user`, `count`, `visible_count`, `doctype` or `history`.
    pub name: &'static str,
    /// `ok`, or the error's label.
    pub outcome: &'static str,
    /// From the moment that a connection slot was free to the last byte of the answer; zero if nothing was sent.
    pub duration: Duration,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("url", &self.url.as_str())
            .field("api_key", &self.api_key)
            .field("api_secret", &"…")
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("concurrency", &self.concurrency)
            .field("ca_file", &self.ca_file)
            .field("proxy", &self.proxy.as_ref().map(|_| "…"))
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("host_header", &self.host_header)
            .field("breaker_failures", &self.breaker_failures)
            .field("breaker_pause", &self.breaker_pause)
            .finish_non_exhaustive()
    }
}
