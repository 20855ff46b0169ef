//! From settings to a ready HTTP client, or to the name of the setting that is wrong.
//!
//! Invariant: redirects are never followed (ERPNext never redirects its API, so one means a wrong address, and the key
//! must not travel there), cookies are not kept, and every request carries the key. Nothing is sent here.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Proxy, redirect};
use url::{Host, Url};

use super::options::Options;

/// The value of `proxy` that means none at all.
const NO_PROXY: &str = "none";

/// A setting that no client can be built from.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address.
    #[error("ERPNEXT_URL is not usable: {0}")]
    Url(&'static str),
    /// Key or secret.
    #[error("{setting} is empty or contains characters that no ERPNext key has (spaces, line breaks, accents)")]
    Credential {
        /// The environment variable.
        setting: &'static str,
    },
    /// The file cannot be read.
    #[error("ca_file in [erpnext]: {} cannot be read", path.display())]
    CaFileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there but holds no certificate.
    #[error("ca_file in [erpnext]: {} holds no PEM certificate (-----BEGIN CERTIFICATE-----)", path.display())]
    CaFileFormat {
        /// The file.
        path: PathBuf,
        /// Why, where the parser says so.
        source: Option<reqwest::Error>,
    },
    /// The proxy's address.
    #[error("proxy in [erpnext] is not an address like http://proxy.example.com:3128 (or `none`)")]
    Proxy {
        /// Why.
        source: reqwest::Error,
    },
    /// One of the further headers.
    #[error("headers in [erpnext]: `{name}` cannot be sent: {why}")]
    Header {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The `Host` header.
    #[error("host_header in [erpnext] is not a host name")]
    HostHeader,
    /// The TLS library.
    #[error(
        "TLS cannot be set up. Install the system's CA certificates (package ca-certificates), or check ca_file in [erpnext]"
    )]
    Tls {
        /// Why.
        source: reqwest::Error,
    },
}

/// Checks the settings and builds the HTTP client.
pub(super) fn http_client(options: &Options) -> Result<reqwest::Client, BuildError> {
    check_url(&options.url)?;
    install_tls();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("customer-sync/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(options)?)
        .redirect(redirect::Policy::none())
        .referer(false)
        .gzip(true)
        .connect_timeout(options.connect_timeout)
        .timeout(options.connect_timeout + options.read_timeout)
        .pool_max_idle_per_host(options.concurrency.max(1));
    let builder = with_proxy(builder, options)?;
    let builder = with_certificates(builder, options)?;
    builder.build().map_err(|source| BuildError::Tls { source })
}

/// A client without a key, for one request to another address than ERPNext's.
pub(super) fn bare_client(url: &Url, within: Duration) -> Result<reqwest::Client, reqwest::Error> {
    install_tls();
    let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(within);
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build()
}

fn install_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster: then there is one too.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

fn check_url(url: &Url) -> Result<(), BuildError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(BuildError::Url("it must begin with https:// (or http://) and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::Url("take user and password out of it; the key goes into ERPNEXT_API_KEY and _SECRET"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BuildError::Url("take out everything from `?` or `#` on"));
    }
    let first = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    if matches!(first, "app" | "api" | "desk" | "login") {
        return Err(BuildError::Url("give the site's address only, without /app, /desk, /login or /api"));
    }
    Ok(())
}

fn headers(options: &Options) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &options.headers {
        let wrong = |why| BuildError::Header { name: name.clone(), why };
        let parsed = HeaderName::try_from(name.as_str()).map_err(|_| wrong("that is not a header name"))?;
        if parsed == AUTHORIZATION {
            return Err(wrong("it is needed for ERPNext's own key"));
        }
        if parsed == HOST {
            return Err(wrong("use host_header"));
        }
        let mut value =
            HeaderValue::try_from(value.as_str()).map_err(|_| wrong("its value has line breaks or the like"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    if let Some(host) = &options.host_header {
        let host = HeaderValue::try_from(host.as_str()).map_err(|_| BuildError::HostHeader)?;
        if host.is_empty() {
            return Err(BuildError::HostHeader);
        }
        headers.insert(HOST, host);
    }
    headers.insert(AUTHORIZATION, authorization(options)?);
    Ok(headers)
}

fn authorization(options: &Options) -> Result<HeaderValue, BuildError> {
    let parts = [("ERPNEXT_API_KEY", &options.api_key), ("ERPNEXT_API_SECRET", &options.api_secret)];
    for (setting, part) in parts {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BuildError::Credential { setting });
        }
    }
    let mut value = HeaderValue::try_from(format!("token {}:{}", options.api_key, options.api_secret))
        .map_err(|_| BuildError::Credential { setting: "ERPNEXT_API_SECRET" })?;
    value.set_sensitive(true);
    Ok(value)
}

fn with_proxy(builder: ClientBuilder, options: &Options) -> Result<ClientBuilder, BuildError> {
    match options.proxy.as_deref() {
        Some(NO_PROXY) => Ok(builder.no_proxy()),
        Some(address) => Ok(builder.proxy(Proxy::all(address).map_err(|source| BuildError::Proxy { source })?)),
        None if is_loopback(&options.url) => Ok(builder.no_proxy()),
        None => Ok(builder),
    }
}

fn with_certificates(builder: ClientBuilder, options: &Options) -> Result<ClientBuilder, BuildError> {
    let mut certificates = Vec::new();
    if let Some(path) = &options.ca_file {
        let pem = std::fs::read(path).map_err(|source| BuildError::CaFileUnreadable { path: path.clone(), source })?;
        certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|source| BuildError::CaFileFormat { path: path.clone(), source: Some(source) })?;
        if certificates.is_empty() {
            return Err(BuildError::CaFileFormat { path: path.clone(), source: None });
        }
    }
    // Without TLS on the way the system's certificates are not loaded: a small container may have none.
    let plain =
        options.url.scheme() == "http" && (options.proxy.as_deref() == Some(NO_PROXY) || is_loopback(&options.url));
    Ok(if plain { builder.tls_certs_only(certificates) } else { builder.tls_certs_merge(certificates) })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
