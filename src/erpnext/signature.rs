//! The signature of a webhook: HMAC-SHA256 over the raw body, in standard base64 with padding.
//!
//! Invariant: every secret is tried on every call and each comparison is in constant time, so timing tells neither which
//! secret fits nor how much of a forged signature was right. The body is never parsed or re-serialised before.
//! Frappe sends the signature in `X-Frappe-Webhook-Signature`, without prefix, time or delivery id.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub const HEADER: &str = "X-Frappe-Webhook-Signature";

/// Checks signatures against one or several secrets (several while a secret is being changed).
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Hmac<Sha256>>,
}

impl Verifier {
    /// Empty secrets are left out: anyone could sign with them. Without any secret nothing verifies.
    #[must_use]
    pub fn new(secrets: Vec<String>) -> Self {
        Self { keys: secrets.into_iter().filter(|secret| !secret.is_empty()).filter_map(|s| key(&s)).collect() }
    }

    /// Whether there is no secret to check against.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether `header` signs `body` with one of the secrets.
    #[must_use]
    pub fn verify(&self, header: &[u8], body: &[u8]) -> bool {
        let Ok(given) = STANDARD.decode(header) else { return false };
        self.keys.iter().fold(false, |fits, key| {
            let mut mac = key.clone();
            mac.update(body);
            mac.verify_slice(&given).is_ok() | fits
        })
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Verifier({} secrets)", self.keys.len())
    }
}

/// Signs as ERPNext does; for the simulator and tests.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    key(secret)
        .map(|mut mac| {
            mac.update(body);
            STANDARD.encode(mac.finalize().into_bytes())
        })
        .unwrap_or_default()
}

/// HMAC takes keys of any length, so this is `None` only in the type.
fn key(secret: &str) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    const SECRET: &str = "test-webhook-secret";

    /// Its template contains `now()`, and Frappe renders templates twice, once to sign and once to send: its signature
    /// is that of another body. No receiver can verify such a webhook.
    const RENDERED_TWICE: &str = "38-webhook-template-site-time-zone.json";

    /// (file, signature, body) of every signed webhook among the recordings.
    fn signed_recordings() -> Vec<(String, String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/erpnext");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let recording: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let exchanges = recording["exchanges"].as_array().cloned().unwrap_or_else(|| vec![recording.clone()]);
            for request in exchanges.iter().map(|exchange| &exchange["request"]) {
                let headers = request["headers"].as_array().cloned().unwrap_or_default();
                let signature = headers.iter().find(|header| header[0] == HEADER);
                if let (Some(signature), Some(body)) = (signature, request["body_base64"].as_str()) {
                    let file = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.push((file, signature[1].as_str().unwrap().to_owned(), STANDARD.decode(body).unwrap()));
                }
            }
        }
        found
    }

    #[test]
    fn every_signed_recording_verifies_and_no_altered_one_does() {
        let recordings = signed_recordings();
        assert_eq!(recordings.len(), 40, "another recording? then raise this number");
        let verifier = Verifier::new(vec![SECRET.to_owned()]);
        for (file, signature, body) in recordings {
            assert_eq!(verifier.verify(signature.as_bytes(), &body), file != RENDERED_TWICE, "{file}");
            assert_eq!(sign(SECRET, &body) == signature, file != RENDERED_TWICE, "{file}");
            let mut altered = body.clone();
            altered.push(b' ');
            assert!(!verifier.verify(signature.as_bytes(), &altered), "{file}");
        }
    }

    #[test]
    fn either_secret_serves_during_a_rotation() {
        let verifier = Verifier::new(vec!["old".to_owned(), "new".to_owned()]);
        assert!(verifier.verify(sign("old", b"{}").as_bytes(), b"{}"));
        assert!(verifier.verify(sign("new", b"{}").as_bytes(), b"{}"));
        assert!(!verifier.verify(sign("other", b"{}").as_bytes(), b"{}"));
    }

    #[test]
    fn garbage_never_verifies() {
        let verifier = Verifier::new(vec![SECRET.to_owned()]);
        let good = sign(SECRET, b"{}");
        let unpadded = good.trim_end_matches('=');
        for header in ["", "=", "nonsense", "sha256=abc", unpadded, &good[..20]] {
            assert!(!verifier.verify(header.as_bytes(), b"{}"), "{header:?}");
        }
        assert!(!verifier.verify(b"\xff\xfe", b"{}"));
    }

    #[test]
    fn no_secret_and_an_empty_secret_verify_nothing() {
        assert!(Verifier::new(vec![]).is_empty());
        let empty = Verifier::new(vec![String::new()]);
        assert!(empty.is_empty());
        assert!(!empty.verify(sign("", b"{}").as_bytes(), b"{}"));
        assert!(!format!("{:?}", Verifier::new(vec![SECRET.to_owned()])).contains(SECRET));
    }
}
