//! Permissions that are taken away and given back while the storm goes on.
//!
//! Invariant: a trouble is lifted completely, whatever was renamed or deleted meanwhile.

use customer_sync::simulator::{Permission, SYNC_USER, Simulator};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// What the sync user may not do for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Lists of that doctype are empty, its documents answer 403.
    Unreadable(&'static str),
    /// The field is above the permission level.
    HiddenField(&'static str, &'static str),
    /// A User Permission hides some customers and what is linked to others.
    HiddenDocuments,
    /// The key is wrong.
    WrongKey,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::None,
    Trouble::None,
    Trouble::Unreadable("Address"),
    Trouble::Unreadable("Contact"),
    Trouble::Unreadable("Customer"),
    Trouble::Unreadable("Deleted Document"),
    Trouble::HiddenField("Customer", "tax_id"),
    Trouble::HiddenField("Address", "city"),
    Trouble::HiddenField("Contact", "email_id"),
    Trouble::HiddenDocuments,
    Trouble::WrongKey,
];

impl Trouble {
    /// Begins one.
    pub fn begin(erpnext: &Simulator, rng: &mut StdRng) -> Self {
        let trouble = *TROUBLES.choose(rng).unwrap();
        match trouble {
            Self::None => {}
            Self::Unreadable(doctype) => erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE)),
            Self::HiddenField(doctype, field) => erpnext.hide_field(doctype, field, true),
            Self::HiddenDocuments => {
                for doctype in ["Customer", "Address", "Contact"] {
                    for name in erpnext.names(doctype) {
                        if rng.random_bool(0.05) {
                            erpnext.hide_document(doctype, &name, true);
                        }
                    }
                }
            }
            Self::WrongKey => erpnext.change_secret(Some("wrong")),
        }
        trouble
    }

    /// Ends it; `secret` is the sync user's right one.
    pub fn lift(self, erpnext: &Simulator, secret: &str) {
        match self {
            Self::None => {}
            Self::Unreadable(doctype) => erpnext.set_permission(SYNC_USER, doctype, None),
            Self::HiddenField(doctype, field) => erpnext.hide_field(doctype, field, false),
            Self::HiddenDocuments => erpnext.show_documents(),
            Self::WrongKey => erpnext.change_secret(Some(secret)),
        }
    }

    /// Whether nothing can be read at all.
    pub fn pauses(self) -> bool {
        matches!(self, Self::WrongKey | Self::Unreadable("Customer"))
    }
}
