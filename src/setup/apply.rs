//! Doing one action of a plan.
//!
//! Invariant: each action can be done again after it failed half-way; a plan made then tells what is left. A new key is
//! handed out as soon as ERPNext told it, because it is told only once.

use serde_json::json;

use super::plan::Action;
use super::{SetupError, Wanted};
use crate::erpnext::admin::{Admin, Keys};
use crate::erpnext::{self};

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// What it says.
    AsPlanned,
    /// A key was made: this one.
    Key(Keys),
    /// It is switched off, but ERPNext does not let it be deleted.
    Kept(String),
}

/// Does it. `secret` is what Webhooks sign with.
///
/// # Errors
/// [`SetupError`], saying which action it was.
pub async fn apply(admin: &Admin, action: &Action, secret: &str) -> Result<Done, SetupError> {
    attempt(admin, action, secret).await.map_err(SetupError::during(action.to_string()))
}

async fn attempt(admin: &Admin, action: &Action, secret: &str) -> Result<Done, erpnext::Error> {
    match action {
        Action::CreateRole(role) => {
            admin.create("Role", &json!({"role_name": role, "desk_access": 0})).await?;
        }
        Action::RepairRole(role) => admin.update("Role", role, &json!({"desk_access": 0, "disabled": 0})).await?,
        Action::Permit { doctype, role } => admin.permit(doctype, role).await?,
        Action::CreateUser { user, role } => {
            let document = json!({
                "email": user, "first_name": Wanted::FIRST_NAME, "send_welcome_email": 0, "roles": [{"role": role}],
            });
            admin.create("User", &document).await?;
        }
        Action::RepairUser { user, roles, .. } => {
            admin.update("User", user, &json!({"enabled": 1, "roles": roles})).await?;
        }
        Action::GenerateKey { user, .. } => return admin.generate_keys(user).await.map(Done::Key),
        Action::CreateWebhook(webhook) => admin.create_webhook(webhook, secret).await?,
        Action::RepairWebhook { name, fields } => admin.update("Webhook", name, &json!(fields)).await?,
        Action::ReplaceWebhook(webhook) => {
            admin.remove_webhook(&webhook.name).await?;
            admin.create_webhook(webhook, secret).await?;
        }
        Action::RemoveWebhook(name) => admin.remove_webhook(name).await?,
        Action::ChangeSecret(name) => admin.update("Webhook", name, &json!({"webhook_secret": secret})).await?,
        Action::Forbid { doctype, role } => admin.forbid(doctype, role).await?,
        Action::RemoveUser(user) => {
            admin.update("User", user, &json!({"enabled": 0})).await?;
            return unless_linked(admin.delete("User", user).await);
        }
        Action::RemoveRole(role) => return unless_linked(admin.delete("Role", role).await),
    }
    Ok(Done::AsPlanned)
}

/// ERPNext does not delete what other documents link to; then it stays, switched off.
fn unless_linked(deleted: Result<(), erpnext::Error>) -> Result<Done, erpnext::Error> {
    match deleted {
        Ok(()) => Ok(Done::AsPlanned),
        Err(error @ erpnext::Error::Invalid { .. }) => {
            Ok(Done::Kept(error.detail().unwrap_or("other documents link to it").to_owned()))
        }
        Err(error) => Err(error),
    }
}
