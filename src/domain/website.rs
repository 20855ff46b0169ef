//! Whether a text is the address of a website, which pages and other programs make links of.
//!
//! Invariant: pure. What is accepted is `http` or `https` as browsers read it (<https://url.spec.whatwg.org>), with or
//! without that word in front, so nothing that a browser would run; and no address with a user name, which only makes it look
//! like another one.

use url::Url;

/// The address that a browser would open for that text; `None` for anything else.
#[must_use]
pub fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let is_whole = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
    let url = if is_whole { Url::parse(text).ok()? } else { bare(text)? };
    (url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Like `www.example.com:8080/path`. A host has a dot in it, or else a scheme (`javascript:1`) could be taken for one with a
/// port.
fn bare(text: &str) -> Option<Url> {
    let url = Url::parse(&format!("https://{text}")).ok().filter(|_| text.starts_with(char::is_alphanumeric))?;
    let has_dot = url.domain().is_some_and(|host| host.trim_matches('.').contains('.'));
    has_dot.then_some(url)
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
            assert!(address(text).is_some(), "{text}");
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
            " JaVaScRiPt:alert(1)//example.com",
            "https://bank.example@evil.example",
            "<img src=x onerror=alert(1)>",
            "",
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
            assert_eq!(address(text), None, "{text}");
        }
    }
}
