//! How a customer is reached: an e-mail, a number, a website as a link that a browser follows.
//!
//! Invariant: what comes from ERPNext or an application is never a link as it is. A value that is not plainly what it should
//! be is none (`javascript:`, say), and whatever could mean something in a link is encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::search::SEPARATORS;
use crate::domain::website;

/// What stands for itself in the address of a mailbox (RFC 6068, section 2).
const MAILBOX: &AsciiSet = &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'+');
/// Digits of the shortest number.
const SHORTEST: usize = 3;

/// The link of a column, where its value can be one.
pub(super) fn link(column: &str, value: &str) -> Option<String> {
    match column {
        "email" => mail(value),
        "phone" => phone(value),
        "website" => website::address(value).map(Into::into),
        _ => None,
    }
}

/// `mailto:` to one address.
pub(super) fn mail(value: &str) -> Option<String> {
    let (mailbox, domain) = value.split_once('@')?;
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| "@,;<>\"".contains(c) || c.is_whitespace());
    let is_address = plain(mailbox) && plain(domain) && !value.contains(char::is_control);
    is_address.then(|| format!("mailto:{}", utf8_percent_encode(value, MAILBOX)))
}

/// `tel:` to one number.
pub(super) fn phone(value: &str) -> Option<String> {
    let is_number = value.chars().all(|c| c.is_ascii_digit() || SEPARATORS.contains(c));
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let plus = if value.trim_start().starts_with('+') { "+" } else { "" };
    (is_number && digits.len() >= SHORTEST).then(|| format!("tel:{plus}{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plainly_an_address_is_a_link() {
        for (column, value, target) in [
            ("email", "info+x@acme.example", "mailto:info+x@acme.example"),
            ("email", "jürgen@acme.example", "mailto:j%C3%BCrgen@acme.example"),
            ("email", "a?bcc=b@acme.example", "mailto:a%3Fbcc%3Db@acme.example"),
            ("phone", " +49 (30) 12-34", "tel:+49301234"),
            ("phone", "030/1234", "tel:0301234"),
            ("website", "www.acme.example", "https://www.acme.example/"),
            ("website", "HTTP://acme.example/a b", "http://acme.example/a%20b"),
            ("website", "acme.example:8080/x", "https://acme.example:8080/x"),
        ] {
            assert_eq!(link(column, value).as_deref(), Some(target), "{column}: {value}");
        }
    }

    #[test]
    fn anything_else_is_text() {
        for (column, value) in [
            ("email", "nobody"),
            ("email", "a@b@c"),
            ("email", "a@b.example, c@d.example"),
            ("email", "<script>@x"),
            ("phone", "call me"),
            ("phone", "12"),
            ("phone", "+49 30 1234 ext. 5"),
            ("website", "javascript:alert(1)"),
            ("website", "localhost"),
            ("name", "www.acme.example"),
        ] {
            assert_eq!(link(column, value), None, "{column}: {value}");
        }
    }
}
