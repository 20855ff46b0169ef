//! Messages of the service as people read them.
//!
//! Invariant: nothing is added to what a message says, and nothing left out.

/// A message as a sentence of its own.
pub(super) fn sentence(message: &str) -> String {
    let mut rest = message.chars();
    let Some(first) = rest.next() else { return String::new() };
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("this would remove 11 customers"), "This would remove 11 customers.");
        assert_eq!(sentence("Übrig."), "Übrig.");
        assert_eq!(sentence(""), "");
    }
}
