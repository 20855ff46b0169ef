//! Whether a text can be the address of a website: other programs make links of it.
//!
//! Invariant: pure, and asked of what people type alone: an address that comes from ERPNext is taken as it is. What is
//! accepted is `http` or `https` as browsers read it (<https://url.spec.whatwg.org>), with or without that word in front, so
//! nothing that a browser would run.

use url::Url;

/// An error is the rest of a sentence about the value.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let lower = text.to_ascii_lowercase();
    let is_whole = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
    if is_whole && Url::parse(text).is_ok() || is_bare(text) {
        return Ok(());
    }
    Err("is no address of a website: write it like https://example.com or www.example.com")
}

/// Like `www.example.com:8080/path`. A host has a dot in it, or else a scheme (`javascript:1`) could be taken for one with a
/// port; a user name (`javascript:1@example.com`) likewise.
fn is_bare(text: &str) -> bool {
    let begins_a_host = text.starts_with(char::is_alphanumeric);
    let Some(address) = Url::parse(&format!("https://{text}")).ok().filter(|_| begins_a_host) else { return false };
    let is_host = |host: &str| host.trim_matches('.').contains('.');
    address.domain().is_some_and(is_host) && address.username().is_empty() && address.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_websites_are_taken() {
        for text in [
            "https://example.com",
            "HTTP://localhost:8080/a?b=c#d",
            "https://10.0.0.1",
            "http://[::1]/",
            "example.com",
            "www.example.com:8080/shop?q=1",
            "m\u{fc}ller.example/\u{fc}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_a_browser_would_run_or_nobody_can_follow_is_refused() {
        for text in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "javascript:1//%0aalert(1)",
            "javascript:1@example.com",
            "javascript://example.com/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://example.com",
            "mailto:a@example.com",
            "anna@example.com",
            "//example.com",
            "/path.html",
            "\\\\example.com",
            "https://",
            "https:example.com",
            "ht tp://example.com",
            "example",
            "not a website.",
            "7",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
