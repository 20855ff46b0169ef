//! Addresses with a query, as links and forms have them.
//!
//! Invariant: whatever a word holds, it stays that one word (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

use url::form_urlencoded::Serializer;

/// The path with these words as its query; those without a value are left out.
pub(super) fn address(path: &str, words: &[(&str, &str)]) -> String {
    let words: Vec<_> = words.iter().filter(|(_word, value)| !value.is_empty()).collect();
    if words.is_empty() {
        return path.to_owned();
    }
    let mut query = Serializer::new(String::new());
    for (word, value) in words {
        query.append_pair(word, value);
    }
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_a_value_are_left_out() {
        assert_eq!(address("/a", &[("state", "")]), "/a");
        assert_eq!(address("/a", &[("q", "x & <y>"), ("state", ""), ("n", "ä/b")]), "/a?q=x+%26+%3Cy%3E&n=%C3%A4%2Fb");
    }
}
