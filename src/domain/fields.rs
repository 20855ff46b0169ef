//! Canonical form, content hash and diff of records and documents.
//!
//! Invariant: equal content gives equal text, hence equal hash: serde_json keeps object keys sorted (its default map),
//! structs serialise in declaration order, decimals are normalised before they get here.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::change::FieldChange;
use super::customer::Record;

/// SHA-256 of the canonical JSON, as 64 lower-case hex digits.
///
/// # Errors
/// Only where a value cannot be JSON, which the types of `domain` rule out.
pub fn content_hash<T: Serialize + ?Sized>(content: &T) -> Result<String, serde_json::Error> {
    Ok(bytes_hash(&serde_json::to_vec(content)?))
}

/// SHA-256 of bytes, as 64 lower-case hex digits.
#[must_use]
pub fn bytes_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Identifies a stored document together with the mapping that was applied to it (its fingerprint): while it stays the same,
/// so does everything that is made of the document. 64 lower-case hex digits.
#[must_use]
pub fn document_hash(mapping: &str, document: &str) -> String {
    hex(&Sha256::new_with_prefix(mapping).chain_update("\n").chain_update(document).finalize())
}

/// Bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 0x0f] {
            hex.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }));
        }
        hex
    })
}

/// The record as one flat object: columns of `customers`, then `addresses` and `contacts`.
///
/// # Errors
/// As [`content_hash`].
pub fn flatten(record: &Record) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = match serde_json::to_value(&record.customer)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("addresses".to_owned(), serde_json::to_value(&record.addresses)?);
    fields.insert("contacts".to_owned(), serde_json::to_value(&record.contacts)?);
    Ok(fields)
}

/// The fields that differ, sorted by name. A field that one side lacks counts as null there.
#[must_use]
pub fn diff(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<FieldChange> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let before = old.get(name).unwrap_or(&Value::Null);
            let after = new.get(name).unwrap_or(&Value::Null);
            (before != after).then(|| FieldChange { field: name.clone(), old: before.clone(), new: after.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hashes_are_sha256_in_hex_and_ignore_the_order_of_keys() {
        assert_eq!(bytes_hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let left: Value = serde_json::from_str(r#"{"a":1,"b":2}"#).unwrap();
        let right: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap();
        assert_eq!(content_hash(&left).unwrap(), content_hash(&right).unwrap());
    }

    #[test]
    fn a_document_counts_as_another_one_under_another_mapping() {
        let hash = document_hash("mapping", "document");
        assert_eq!(hash, document_hash("mapping", "document"));
        assert_ne!(hash, document_hash("other", "document"));
        assert_ne!(hash, document_hash("mapping", "other"));
        assert_ne!(hash, document_hash("map", "ping\ndocument"));
    }

    #[test]
    fn a_diff_names_what_differs() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let old = object(json!({"a": 1, "b": 2, "gone": 3}));
        let new = object(json!({"a": 1, "b": null, "new": "x", "empty": null}));
        let fields: Vec<String> = diff(&old, &new).into_iter().map(|change| change.field).collect();
        assert_eq!(fields, ["b", "gone", "new"]);
    }

    #[test]
    fn a_flat_record_has_the_columns_and_the_lists() {
        let flat = flatten(&Record::default()).unwrap();
        assert_eq!(flat["addresses"], json!([]));
        assert_eq!(flat["is_active"], json!(false));
    }
}
