//! What can go wrong while an ERPNext is connected.
//!
//! Invariant: the text says what was being done, what is wrong, and what to do; what ERPNext says about an administrator's
//! key is told as such, not as if it were the service's own.

use crate::erpnext;
use crate::store::StoreError;

/// Why setting up stopped.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The administrator's key is wrong.
    #[error("ERPNext does not accept the administrator's key: check both halves, KEY:SECRET, as ERPNext showed them")]
    WrongKey {
        /// ERPNext's answer; no `source`, as its advice is about the service's own key.
        answer: erpnext::Error,
    },
    /// The administrator's key may not do this.
    #[error("the administrator's key may not {doing}: take the key of a user with the role System Manager{}", said(.answer))]
    NotAdministrator {
        /// What was tried.
        doing: String,
        /// ERPNext's answer; no `source`, for the same reason.
        answer: erpnext::Error,
    },
    /// ERPNext said no, or nothing.
    #[error("could not {doing}: {source}. Nothing after it was done; run setup again, it goes on from there")]
    Erpnext {
        /// What was tried.
        doing: String,
        /// ERPNext's answer.
        source: erpnext::Error,
    },
    /// A template does not give what the receiver reads.
    #[error(
        "the template of the Webhook {webhook} does not work on this ERPNext: {said}. No Webhook was changed; please \
         report this with your version of ERPNext"
    )]
    Template {
        /// The Webhook's name.
        webhook: String,
        /// What ERPNext made of it, cut.
        said: String,
    },
    /// The proof did not arrive.
    #[error("the round trip failed: {why}")]
    NotReceived {
        /// What is known, and what to do.
        why: String,
    },
    /// Our own database.
    #[error("the database cannot be asked whether the round trip arrived: {0}")]
    Store(#[from] StoreError),
}

impl SetupError {
    /// The error for something that was being done.
    pub(super) fn during(doing: impl Into<String>) -> impl FnOnce(erpnext::Error) -> Self {
        let doing = doing.into();
        move |source| match source {
            erpnext::Error::Unauthorized { .. } => Self::WrongKey { answer: source },
            erpnext::Error::Forbidden { .. } => Self::NotAdministrator { doing, answer: source },
            source => Self::Erpnext { doing, source },
        }
    }
}

fn said(answer: &erpnext::Error) -> String {
    answer.detail().map(|detail| format!(". ERPNext says: {detail}")).unwrap_or_default()
}
