//! Who may do what: permissions of a role, the users that have it, and API keys.
//!
//! Invariant: only reading (with export) is ever given. That `add` and `remove` leave everybody else's permissions alone
//! was measured; `get_permissions` and `get_users_with_role` are in the same file of Frappe
//! (frappe/core/page/permission_manager/permission_manager.py) and, like them, for System Managers only.

use serde::Deserialize;
use serde_json::json;

use super::super::answer::take;
use super::super::client::decode;
use super::super::errors::Error;
use super::Admin;

/// A rule of the Role Permissions Manager.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Permission {
    /// The doctype that it is about.
    #[serde(rename = "parent")]
    pub doctype: String,
    /// The permission level; 0 is what every reader sees.
    #[serde(default)]
    pub permlevel: u8,
    /// 1 where it lets read.
    #[serde(default)]
    pub read: u8,
    /// 1 where it counts only for documents that the user made.
    #[serde(default)]
    pub if_owner: u8,
}

/// An API key as ERPNext tells it, once.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Keys {
    /// The public half, which stays the same when the secret is made anew.
    pub api_key: String,
    /// The secret half, which cannot be read again.
    pub api_secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

const MANAGER: &str = "frappe.core.page.permission_manager.permission_manager";

impl Admin {
    /// The rules of a role; none for a role that does not exist.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn permissions(&self, role: &str) -> Result<Vec<Permission>, Error> {
        self.0.ask("permissions", &format!("{MANAGER}.get_permissions"), &[("role", role)]).await
    }

    /// Lets a role read and export a doctype. Doing it twice changes nothing.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn permit(&self, doctype: &str, role: &str) -> Result<(), Error> {
        let rule = json!({"parent": doctype, "role": role, "permlevel": 0});
        self.run("permit", &format!("{MANAGER}.add"), &rule).await.map(drop)
    }

    /// Takes that back.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn forbid(&self, doctype: &str, role: &str) -> Result<(), Error> {
        let rule = json!({"doctype": doctype, "role": role, "permlevel": 0, "if_owner": 0});
        self.run("forbid", &format!("{MANAGER}.remove"), &rule).await.map(drop)
    }

    /// The enabled users that have a role.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn users_with_role(&self, role: &str) -> Result<Vec<String>, Error> {
        self.0.ask("users_with_role", &format!("{MANAGER}.get_users_with_role"), &[("role", role)]).await
    }

    /// Makes an API key for a user, or a new secret where it has one: the running one stops working at once.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn generate_keys(&self, user: &str) -> Result<Keys, Error> {
        let method = "frappe.core.doctype.user.user.generate_keys";
        decode("generate_keys", take(self.run("generate_keys", method, &json!({"user": user})).await?, "message")?)
    }
}
