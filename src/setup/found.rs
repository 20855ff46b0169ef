//! What is there already.
//!
//! Invariant: it only reads. What is missing is an empty place here, never an error; an error means that it could not be told.

use serde_json::Value;

use super::{SetupError, Wanted};
use crate::domain::document::Doc;
use crate::erpnext::admin::{Admin, Permission};

/// The part of an ERPNext that matters for a connection.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Whom the administrator's key belongs to.
    pub administrator: String,
    /// The role's document.
    pub role: Option<Doc>,
    /// Its rules.
    pub permissions: Vec<Permission>,
    /// The user.
    pub user: Option<User>,
    /// Enabled users that have the role.
    pub users_with_role: Vec<String>,
    /// All Webhooks, also other people's.
    pub webhooks: Vec<Doc>,
}

/// The user that reads.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// Whether it may log in.
    pub enabled: bool,
    /// Rows of its table of roles, as they are.
    pub roles: Vec<Value>,
    /// The public half of its key, where it has one.
    pub api_key: Option<String>,
}

impl Found {
    /// Looks at everything that [`Wanted`] is about.
    ///
    /// # Errors
    /// [`SetupError`]; also where the key's user is no System Manager.
    pub async fn look(admin: &Admin, wanted: &Wanted) -> Result<Self, SetupError> {
        let looking = |what: &str| SetupError::during(format!("look at {what}"));
        let administrator = admin.client().logged_user().await.map_err(looking("whose key it is"))?;
        let webhooks = admin.webhooks().await.map_err(looking("the Webhooks"))?;
        let role = admin.get("Role", &wanted.role).await.map_err(looking("the role"))?;
        let permissions = admin.permissions(&wanted.role).await.map_err(looking("the role's permissions"))?;
        let users_with_role = admin.users_with_role(&wanted.role).await.map_err(looking("the role's users"))?;
        let user = admin.get("User", &wanted.user).await.map_err(looking("the user"))?;
        Ok(Self { administrator, role, permissions, user: user.map(|doc| User::of(&doc)), users_with_role, webhooks })
    }
}

impl User {
    fn of(document: &Doc) -> Self {
        let roles = document.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
        let api_key = document.get("api_key").and_then(Value::as_str).filter(|key| !key.is_empty());
        Self { enabled: is_on(document, "enabled"), roles, api_key: api_key.map(str::to_owned) }
    }

    /// The names of its roles.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().filter_map(|row| row.get("role")?.as_str())
    }
}

/// A text field; empty where there is none.
pub(super) fn text<'d>(document: &'d Doc, field: &str) -> &'d str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is ticked.
pub(super) fn is_on(document: &Doc, field: &str) -> bool {
    document.get(field).and_then(Value::as_i64).is_some_and(|number| number != 0)
}
