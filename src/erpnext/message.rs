//! ERPNext's own message, out of the several places and formats in which it puts one.
//!
//! Invariant: the result is plain text on one line, at most 500 characters, or nothing. Frappe fills `_server_messages`
//! (a JSON list of JSON texts, with HTML in them), `exception` (class and text) and `_error_message`, each only sometimes.
//! It may name documents, which are often people: it goes to the person who asked, never above debug into the log.

use serde::Deserialize;
use serde_json::Value;

const LONGEST: usize = 500;

/// An error as Frappe's JSON tells it. All keys but `exc_type` are optional there; any of them may be missing here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    exc_type: Value,
    #[serde(default)]
    exception: Value,
    #[serde(default, rename = "_server_messages")]
    server_messages: Value,
    #[serde(default, rename = "_error_message")]
    error_message: Value,
}

impl Failure {
    /// The class of the exception: the mark by which an error is ERPNext's.
    pub(super) fn exc_type(&self) -> Option<String> {
        self.exc_type.as_str().map(str::trim).filter(|class| !class.is_empty()).map(str::to_owned)
    }

    /// What ERPNext says about it.
    pub(super) fn message(&self) -> Option<String> {
        let said = self.server_messages.as_str().map(server_messages);
        let thrown = self.exception.as_str().and_then(|text| text.split_once(": ")).map(|(_, text)| plain(text));
        let noted = self.error_message.as_str().map(plain);
        [said, thrown, noted].into_iter().flatten().find(|text| !text.is_empty()).map(cut)
    }
}

/// The texts of `_server_messages`, each once, joined by `; `.
fn server_messages(encoded: &str) -> String {
    let entries: Vec<Value> = serde_json::from_str(encoded).unwrap_or_default();
    let mut texts: Vec<String> = Vec::new();
    for entry in &entries {
        // Each entry is JSON in a text on real sites; Frappe's documentation also shows plain texts.
        let inner = entry.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let message = inner.as_ref().unwrap_or(entry);
        let text = message.get("message").unwrap_or(message).as_str().map(plain).unwrap_or_default();
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join("; ")
}

/// HTML to one line of text.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        text.push_str(before);
        let is_tag = tag[1..].starts_with(|first: char| first.is_ascii_alphabetic() || first == '/' || first == '!');
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                if separates(&tag[1..end]) {
                    text.push(' ');
                }
                rest = &tag[end + 1..];
            }
            None => {
                text.push('<');
                rest = &tag[1..];
            }
        }
    }
    text.push_str(rest);
    let decoded = html_escape::decode_html_entities(&text);
    decoded
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a tag ends a word, unlike `<strong>`.
fn separates(tag: &str) -> bool {
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    ["br", "p", "div", "li", "ul", "ol", "tr", "td", "th", "table", "h1", "h2", "h3", "h4", "hr", "pre"]
        .iter()
        .any(|block| name.eq_ignore_ascii_case(block))
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failure(json: Value) -> Failure {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_server_messages_come_first_without_html() {
        let said = failure(json!({
            "exc_type": "PermissionError", "exception": "frappe.exceptions.PermissionError: other",
            "_server_messages": json!([json!({"message": "No <b>access</b> to<br>A &amp; B"}).to_string(), json!({"message": "x < 3"}).to_string()]).to_string(),
        }));
        assert_eq!(said.message().unwrap(), "No access to A & B; x < 3");
        assert_eq!(said.exc_type().unwrap(), "PermissionError");
    }

    #[test]
    fn then_the_exception_then_the_error_message() {
        let thrown = failure(
            json!({"exception": "frappe.exceptions.SessionStopped: Session Stopped", "_error_message": "other"}),
        );
        assert_eq!(thrown.message().unwrap(), "Session Stopped");
        let bare =
            failure(json!({"exception": "frappe.exceptions.PermissionError", "_error_message": "No permission"}));
        assert_eq!(bare.message().unwrap(), "No permission");
        assert_eq!(failure(json!({"exc_type": "X"})).message(), None);
    }

    #[test]
    fn odd_shapes_are_survived() {
        for odd in [json!("not json"), json!("{}"), json!("[1, null, \"{\\\"message\\\": 5}\"]"), json!(7), json!(null)]
        {
            assert_eq!(failure(json!({"exc_type": 3, "_server_messages": odd})).message(), None);
        }
        assert_eq!(plain("5 < 6 <"), "5 < 6 <");
        assert_eq!(plain("<é>"), "<é>");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = failure(json!({"_error_message": "ä".repeat(600)})).message().unwrap();
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
