//! Which settings are refused, and in which words.

use std::io::Write;

use super::*;
use crate::erpnext::options::Options;

fn options(url: &str) -> Options {
    Options {
        url: Url::parse(url).unwrap(),
        api_key: "key".to_owned(),
        api_secret: "top-secret".to_owned(),
        connect_timeout: std::time::Duration::from_secs(5),
        read_timeout: std::time::Duration::from_secs(30),
        max_response_bytes: 1 << 20,
        concurrency: 8,
        ca_file: None,
        proxy: None,
        headers: Vec::new(),
        host_header: None,
        breaker_failures: 5,
        breaker_pause: std::time::Duration::from_secs(10),
        observer: None,
    }
}

fn refused(options: &Options) -> String {
    http_client(options).expect_err("it should have been refused").to_string()
}

#[test]
fn addresses_that_people_paste() {
    for (url, word) in [
        ("https://erp.example.com/app/customer", "/app"),
        ("https://erp.example.com/api/resource", "/api"),
        ("https://erp.example.com/?x=1", "`?`"),
        ("https://me:pw@erp.example.com", "password"),
        ("ftp://erp.example.com", "https://"),
        ("mailto:me@example.com", "https://"),
    ] {
        let text = refused(&options(url));
        assert!(text.contains("ERPNEXT_URL") && text.contains(word) && !text.contains("pw@"), "{url}: {text}");
    }
    for url in ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:8000", "http://127.0.0.1/erp/"] {
        assert!(http_client(&options(url)).is_ok(), "{url}");
    }
}

#[test]
fn keys_that_cannot_be_keys() {
    let site = "http://127.0.0.1:1";
    let empty = Options { api_key: String::new(), ..options(site) };
    assert!(refused(&empty).contains("ERPNEXT_API_KEY"));
    for bad in ["two\nlines", "a b", "ключ", " padded"] {
        let text = refused(&Options { api_secret: bad.to_owned(), ..options(site) });
        assert!(text.contains("ERPNEXT_API_SECRET") && !text.contains(bad), "{text}");
    }
}

#[test]
fn headers_that_cannot_be_sent() {
    let with = |name: &str, value: &str| Options {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..options("http://127.0.0.1:1")
    };
    assert!(refused(&with("Authorization", "Basic eA==")).contains("ERPNext's own key"));
    assert!(refused(&with("host", "x")).contains("host_header"));
    assert!(refused(&with("two words", "x")).contains("`two words`"));
    assert!(!refused(&with("x-token", "hidden\nvalue")).contains("hidden"));
    assert!(http_client(&with("CF-Access-Client-Id", "abc")).is_ok());
    for host in ["", "two\nlines"] {
        let options = Options { host_header: Some(host.to_owned()), ..options("http://127.0.0.1:1") };
        assert!(refused(&options).contains("host_header"));
    }
}

#[test]
fn certificate_files() {
    let with = |path: &std::path::Path| Options { ca_file: Some(path.to_owned()), ..options("http://127.0.0.1:1") };
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    assert!(refused(&with(&missing)).contains("missing.pem cannot be read"));
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"this is not a certificate").unwrap();
    assert!(refused(&with(empty.path())).contains("no PEM certificate"));
}

#[test]
fn proxies() {
    let with = |proxy: &str| Options { proxy: Some(proxy.to_owned()), ..options("http://127.0.0.1:1") };
    assert!(refused(&with("http://")).contains("proxy in [erpnext]"));
    assert!(http_client(&with("none")).is_ok());
}

#[test]
fn nothing_secret_is_shown() {
    let options = Options {
        proxy: Some("http://user:pass-word@proxy:3128".to_owned()),
        headers: vec![("x-token".to_owned(), "hidden".to_owned())],
        ..options("https://erp.example.com")
    };
    let shown = format!("{options:?}");
    for secret in ["top-secret", "pass-word", "hidden"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("x-token") && shown.contains("erp.example.com"));
}
