//! What remains of an erased customer: keyed hashes ("marks") of what ERPNext called it, so that it is not filled again.
//!
//! Invariant: a mark tells nothing without the installation's own key, and a customer is recognised by its (name,
//! `creation`) pair, as everywhere (see `sync::identity`): a name alone may be somebody else's by now, and the `creation`
//! of an import belongs to thousands. Marks of a name or a `creation` alone only say that a closer look is needed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::customer::CustomerId;
use super::fields::hex;
use super::job::DocKey;

/// The key of one installation's marks.
#[derive(Clone)]
pub struct MarkKey(Hmac<Sha256>);

impl MarkKey {
    /// The key with that secret. HMAC takes secrets of any length, so this is `None` only in the type.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        Hmac::new_from_slice(secret.as_bytes()).ok().map(Self)
    }

    /// A new secret, as random as the key of a hash can be.
    #[must_use]
    pub fn random_secret() -> String {
        hex(&rand::random::<[u8; 32]>())
    }

    /// Of a Customer's name with its `creation`; an empty `creation` where it was never read.
    #[must_use]
    pub fn pair(&self, name: &str, creation: &str) -> String {
        self.mark(&["pair", name, creation])
    }

    /// Of a `creation` alone.
    #[must_use]
    pub fn creation(&self, creation: &str) -> String {
        self.mark(&["creation", creation])
    }

    /// Of a document's name alone: the customer's own, or of an Address or Contact that it had.
    #[must_use]
    pub fn document(&self, key: &DocKey) -> String {
        self.mark(&["document", key.doctype.as_str(), &key.name])
    }

    /// 64 hex digits. Each part goes with its length, so that no two lists of parts are one text.
    fn mark(&self, parts: &[&str]) -> String {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for MarkKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MarkKey")
    }
}

/// What is to be forgotten because ERPNext still tells of an erased customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forget {
    /// The erased row.
    pub customer: CustomerId,
    /// The document whose hint led there: webhooks about it lose their names and bodies.
    pub key: DocKey,
    /// Marks that are new: it was renamed, or another Address or Contact of it was met.
    pub marks: Vec<String>,
}

/// Who wants a customer erased; kept in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasedBy {
    /// A person, by API or command line.
    Person,
    /// `retention.tombstones_days`.
    Retention,
}

impl ErasedBy {
    /// The value stored in `customer_changes.cause`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Retention => "retention",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_by_key_kind_and_part() {
        let key = MarkKey::new("secret").unwrap();
        let other = MarkKey::new(&MarkKey::random_secret()).unwrap();
        let marks = [
            key.pair("A", "1"),
            key.pair("A1", ""),
            key.pair("", "A1"),
            key.creation("A"),
            key.document(&DocKey::customer("A")),
            other.pair("A", "1"),
        ];
        for (index, mark) in marks.iter().enumerate() {
            assert_eq!(mark.len(), 64);
            assert!(!marks[..index].contains(mark), "{index}");
        }
        assert_eq!(key.pair("A", "1"), marks[0]);
    }
}
