//! How a document's name travels in an address.
//!
//! Invariant: every byte is percent-encoded exactly once, so that any name ERPNext allows arrives unchanged. A name that
//! a path cannot carry (URL libraries normalise `.` and `..` away, ERPNext drops a trailing `/`) goes into the query
//! instead. Measured on ERPNext 15; names have at most 140 characters there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// All but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The longest name that ERPNext stores, in characters.
pub const MAX_CHARS: usize = 140;

/// Encodes one path segment.
#[must_use]
pub fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, RESERVED).to_string()
}

/// Whether `/api/resource/<doctype>/<name>` would reach another address than that of this name.
#[must_use]
pub fn breaks_path(name: &str) -> bool {
    name.is_empty() || name == "." || name == ".." || name.ends_with('/')
}

/// Whether ERPNext can have a document of this name at all.
#[must_use]
pub fn is_possible(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_CHARS
}

/// The address below `base` (which may have a path of its own) of these segments, each encoded here.
#[must_use]
pub fn join(base: &Url, segments: &[&str]) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for segment in segments {
        path.push('/');
        path.push_str(&encode(segment));
    }
    let mut url = base.clone();
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn site() -> Url {
        Url::parse("https://erp.example.com/").unwrap()
    }

    #[test]
    fn special_characters_are_encoded_once() {
        let path = |name| join(&site(), &["api", "resource", "Customer", name]).path().to_owned();
        assert_eq!(path("A/B Testing"), "/api/resource/Customer/A%2FB%20Testing");
        assert_eq!(path("50% Off"), "/api/resource/Customer/50%25%20Off");
        assert_eq!(path("C++ & Co"), "/api/resource/Customer/C%2B%2B%20%26%20Co");
        assert_eq!(path("why?#1"), "/api/resource/Customer/why%3F%231");
        assert_eq!(path("Łukasz"), "/api/resource/Customer/%C5%81ukasz");
        assert_eq!(path("%2F"), "/api/resource/Customer/%252F");
        assert_eq!(path("../Customer"), "/api/resource/Customer/..%2FCustomer");
    }

    #[test]
    fn names_that_a_path_would_change_are_told_apart() {
        for name in ["", ".", "..", "a/", "/"] {
            assert!(breaks_path(name), "{name:?}");
        }
        for name in ["a", "...", "a/b", "/a", "..a", "a.", "%2E%2E"] {
            assert!(!breaks_path(name), "{name:?}");
        }
    }

    #[test]
    fn a_path_of_the_site_is_kept() {
        let base = Url::parse("https://example.com/erp/").unwrap();
        assert_eq!(join(&base, &["api", "x y"]).as_str(), "https://example.com/erp/api/x%20y");
    }

    #[test]
    fn impossible_names() {
        assert!(!is_possible(" "));
        assert!(!is_possible(&"ä".repeat(141)));
        assert!(is_possible(&"ä".repeat(140)));
    }

    proptest! {
        #[test]
        fn any_name_round_trips(name in "\\PC{1,140}") {
            prop_assume!(!breaks_path(&name));
            let url = join(&site(), &["api", "resource", "Customer", &name]);
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 4);
            prop_assert_eq!(percent_decode_str(segments[3]).decode_utf8().unwrap(), name.as_str());
            prop_assert!(url.query().is_none() && url.fragment().is_none());
        }

        #[test]
        fn any_name_round_trips_in_a_query(name in "\\PC{0,140}") {
            let mut url = site();
            url.query_pairs_mut().append_pair("name", &name);
            let reparsed = Url::parse(url.as_str()).unwrap();
            let (_, value) = reparsed.query_pairs().next().unwrap();
            prop_assert_eq!(value, name.as_str());
        }
    }
}
