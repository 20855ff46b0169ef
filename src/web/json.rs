//! What a body of JSON may not have although it is JSON: a key twice in one object (RFC 8259 leaves open which one counts, so
//! whoever checks a call in front of us may see another than we do), and a NUL, which not every database can store.
//!
//! Invariant: texts are looked at as they are decoded. What is no JSON is no business of this: whoever reads it says so.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::auth::NUL;

/// What is wrong with a body of JSON; a sentence for the client.
pub(super) fn flaw(body: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<Sound>(body).err()?;
    // What JSON itself forbids is of another category.
    (error.classify() == Category::Data).then(|| error.to_string())
}

/// A value without a flaw. Keeps nothing of it.
struct Sound;

/// A key, which is a text.
#[derive(PartialEq, Eq, Hash)]
struct Key(String);

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        text(&key)?;
        Ok(Self(key))
    }
}

fn text<E: Error>(text: &str) -> Result<Sound, E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(Sound) }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Sound;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Sound, E> {
        text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        while items.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Sound, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<Key>()? {
            if let Some(Key(twice)) = seen.replace(key) {
                let twice: String = twice.chars().take(80).collect();
                return Err(A::Error::custom(format_args!("the key {twice:?} stands twice in one object")));
            }
            entries.next_value::<Sound>()?;
        }
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_named_wherever_it_is() {
        for body in [
            r#"{"name": "A", "name": "B"}"#,
            r#"{"name": "A", "phone": null, "n\u0061me": "A"}"#,
            r#"{"extra": {"name": 1, "name": 1}}"#,
            r#"[{"x": [{"name": 1, "name": {}}]}]"#,
        ] {
            assert!(flaw(body.as_bytes()).is_some_and(|flaw| flaw.contains("\"name\" stands twice")), "{body}");
        }
        let long = "x".repeat(10_000);
        assert!(flaw(format!("{{\"{long}\": 1, \"{long}\": 2}}").as_bytes()).is_some_and(|flaw| flaw.len() < 200));
    }

    #[test]
    fn a_nul_is_one_only_where_it_is_decoded_to_one() {
        for body in [r#""a\u0000b""#, r#"{"a\u0000": 1}"#, r#"{"a": ["\\\u0000"]}"#] {
            assert!(flaw(body.as_bytes()).is_some_and(|flaw| flaw.contains("NUL")), "{body}");
        }
        for body in [r#""C:\\u0000""#, r#"{"C:\\u0000": "\\\\u0000"}"#] {
            assert_eq!(flaw(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_right_or_no_json_is_none_of_its_business() {
        let deep = "[".repeat(100_000);
        for body in ["", "no", r#"{"a": {"b": 1}, "b": {"a": -1.5e300}}"#, "[null, true, \"x\"]", "1e999", &deep] {
            assert_eq!(flaw(body.as_bytes()), None, "{}", &body[..body.len().min(40)]);
        }
    }
}
