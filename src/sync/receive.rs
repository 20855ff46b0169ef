//! Reads the hint out of a verified webhook body, whatever shape the Webhook document gives it.
//!
//! Invariant: only event, doctype and name are taken; everything else in the body may be old and is never used.
//! Shapes (all recorded from a real ERPNext): our own template, `webhook_data` rows, the whole document; none of them
//! needs a Content-Type. The signature was checked before, over the raw bytes, by `erpnext::signature`.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::domain::hint::{Delivery, Doctype, Verdict};
use crate::domain::job::{Cause, DocKey, Lane, Put};

/// How much of a body `sync_deliveries` keeps, in bytes.
pub const KEPT_BODY: usize = 16 * 1024;

/// ERPNext's own limit for a document's name, in characters; doctypes are documents too, and events are shorter.
const LONGEST_NAME: usize = 140;

/// What was read, and for an unusable body the sentence that tells what to change in ERPNext.
#[derive(Debug)]
pub struct Hint {
    /// What is stored.
    pub delivery: Delivery,
    /// Set exactly when the verdict is `Unusable`.
    pub advice: Option<String>,
}

/// Reads a verified body. `id` becomes the delivery's id.
#[must_use]
pub fn read_hint(id: String, body: &[u8]) -> Hint {
    match parse(body) {
        Ok(found) => Hint { delivery: found.into_delivery(id, body), advice: None },
        Err(unusable) => Hint {
            delivery: Delivery {
                id,
                verdict: Verdict::Unusable,
                event: unusable.event,
                doctype: unusable.doctype,
                name: None,
                body: kept(body),
                put: None,
            },
            advice: Some(unusable.advice),
        },
    }
}

struct Found {
    event: Option<String>,
    doctype: String,
    name: Option<String>,
}

struct Unusable {
    event: Option<String>,
    doctype: Option<String>,
    advice: String,
}

impl Found {
    fn into_delivery(self, id: String, body: &[u8]) -> Delivery {
        let put = Doctype::parse(&self.doctype).zip(self.name.clone()).map(|(doctype, name)| Put {
            delivery_id: Some(id.clone()),
            absent: self.event.as_deref() == Some("on_trash"),
            ..Put::new(DocKey { doctype, name }, Lane::Fast, Cause::Webhook)
        });
        Delivery {
            id,
            verdict: if put.is_some() { Verdict::Queued } else { Verdict::Ignored },
            event: self.event,
            doctype: Some(self.doctype),
            name: self.name,
            body: kept(body),
            put,
        }
    }
}

/// The fields of a body that count; of one that comes twice, the last. A whole document has a hundred others, which are
/// skipped without being kept.
struct Fields {
    event: Option<Value>,
    doctype: Option<Value>,
    name: Option<Value>,
    /// Whether there is no field at all.
    none: bool,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Event,
    Doctype,
    Name,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

/// Reads [`Fields`].
struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields { event: None, doctype: None, name: None, none: true };
        while let Some(field) = map.next_key()? {
            fields.none = false;
            match field {
                Field::Event => fields.event = Some(map.next_value()?),
                Field::Doctype => fields.doctype = Some(map.next_value()?),
                Field::Name => fields.name = Some(map.next_value()?),
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

fn parse(body: &[u8]) -> Result<Found, Unusable> {
    let unusable = |advice: &str| Unusable { event: None, doctype: None, advice: advice.to_owned() };
    let fields: Fields = match serde_json::from_slice(body) {
        Ok(fields) => fields,
        Err(error) if error.is_data() => return Err(unusable(NOT_AN_OBJECT)),
        Err(error) => return Err(unusable(&format!("{NOT_JSON} ({error})"))),
    };
    let event = fields.event.and_then(text).map(cut);
    let doctype = fields.doctype.and_then(text).map_or_else(|| Doctype::Customer.as_str().to_owned(), cut);
    let name = fields.name.and_then(text);
    if Doctype::parse(&doctype).is_none() {
        return Ok(Found { event, doctype, name: name.map(cut) });
    }
    match name {
        None if fields.none => Err(Unusable { event, doctype: None, advice: EMPTY_BODY.to_owned() }),
        None => Err(Unusable { event, doctype: Some(doctype), advice: NO_NAME.to_owned() }),
        Some(name) if !usable_name(&name) => {
            Err(Unusable { event, doctype: Some(doctype), advice: BAD_NAME.to_owned() })
        }
        name => Ok(Found { event, doctype, name }),
    }
}

const EMPTY_BODY: &str = "the body is {}, so nobody can know which document changed: in ERPNext's Webhook document \
    choose Request Structure \"JSON\" and paste the template that `customer-sync setup` shows into \
    JSON Request Body";
const NO_NAME: &str = "the body has no \"name\": add \"name\": {{ doc.name | tojson }} to the Webhook document's JSON \
    Request Body (or a row with fieldname and key \"name\" to its Webhook Data)";
const BAD_NAME: &str = "\"name\" is not a name that ERPNext can give a document (empty, over 140 characters, or with \
    control characters, < or >): the Webhook document's JSON Request Body must say {{ doc.name | tojson }}";
const NOT_AN_OBJECT: &str = "the body is JSON but not an object: the Webhook document's JSON Request Body must be an \
    object like the template that `customer-sync setup` shows";
const NOT_JSON: &str = "the body is not JSON: in the Webhook document write each value as {{ … | tojson }}, without \
    quotes around it";

/// A non-empty text, trimmed as Frappe trims names.
fn text(value: Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    match text.trim() {
        "" => None,
        trimmed if trimmed.len() == text.len() => Some(text),
        trimmed => Some(trimmed.to_owned()),
    }
}

/// What only people read is cut rather than refused, so that every database can store it.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _char)) => text[..end].to_owned(),
        None => text,
    }
}

fn usable_name(name: &str) -> bool {
    name.chars().count() <= LONGEST_NAME && !name.chars().any(|char| char.is_control() || matches!(char, '<' | '>'))
}

/// The body as text, cut to the limit on a character boundary, without NUL (PostgreSQL stores none).
fn kept(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut end = text.len().min(KEPT_BODY);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Hint {
        read_hint("d1".to_owned(), body.as_bytes())
    }

    #[test]
    fn our_template_makes_a_job_for_the_named_document() {
        let hint = read(r#"{"event": "on_update", "doctype": "Address", "name": "A-Billing", "customers": ["A"]}"#);
        let put = hint.delivery.put.unwrap();
        assert_eq!(put.key, DocKey { doctype: Doctype::Address, name: "A-Billing".into() });
        assert!(!put.absent);
        assert_eq!(put.delivery_id.as_deref(), Some("d1"));
    }

    #[test]
    fn a_body_without_doctype_is_about_a_customer_and_trash_means_absent() {
        let put = read(r#"{"event": "on_trash", "name": " Łukasz \"Q\" "}"#).delivery.put.unwrap();
        assert_eq!(put.key, DocKey::customer("Łukasz \"Q\""));
        assert!(put.absent);
    }

    #[test]
    fn other_doctypes_are_noted_and_ignored() {
        let hint = read(r#"{"doctype": "Sales Invoice", "name": "SI-1"}"#);
        assert_eq!(hint.delivery.verdict, Verdict::Ignored);
        assert!(hint.delivery.put.is_none());
        assert!(hint.advice.is_none());
    }

    #[test]
    fn what_cannot_be_used_says_what_to_change() {
        let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(141));
        for (body, word) in [
            ("{}", "Request Structure"),
            (r#"{"doctype": "Customer"}"#, "doc.name"),
            (r#"{"name": 7}"#, "doc.name"),
            (r#"{"name": "  "}"#, "doc.name"),
            (r#"{"name": "a<b>"}"#, "140"),
            (r#"{"name": "a\u0000b"}"#, "140"),
            (long.as_str(), "140"),
            ("[1]", "object"),
            ("name=Acme", "tojson"),
            ("", "tojson"),
        ] {
            let hint = read(body);
            assert_eq!(hint.delivery.verdict, Verdict::Unusable, "{body}");
            assert!(hint.advice.as_deref().unwrap_or_default().contains(word), "{body}: {:?}", hint.advice);
        }
    }

    #[test]
    fn overlong_words_are_cut_so_that_they_can_be_stored() {
        let body = format!(r#"{{"event": "{0}", "doctype": "{0}", "name": "{0}"}}"#, "ü".repeat(500));
        let delivery = read(&body).delivery;
        assert_eq!(delivery.verdict, Verdict::Ignored);
        for text in [delivery.event, delivery.doctype, delivery.name] {
            assert_eq!(text.unwrap().chars().count(), LONGEST_NAME);
        }
    }

    #[test]
    fn a_long_body_is_kept_in_part() {
        let body = format!(r#"{{"name": "A", "x": "{}"}}"#, "ü".repeat(KEPT_BODY));
        let kept = read(&body).delivery.body;
        assert!(kept.len() <= KEPT_BODY && kept.len() > KEPT_BODY - 4);
    }
}
