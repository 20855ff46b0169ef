//! The comparison of what is wanted with what is there: what to do, and what a person should know.
//!
//! Invariant: pure; where everything is as wanted there is no action. A Webhook is ours by its name; one of our names that
//! sends elsewhere may be another installation's, so it stands in the way ([`Plan::refused`]) unless taking over was asked
//! for, which gives it our secret, too. Else secrets and keys are left alone: nothing can tell whether they are right.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::found::{Found, User, is_on, text};
use super::{READABLE, Wanted};
use crate::domain::document::Doc;
use crate::domain::webhook::{self, Webhook};

/// One thing to do in ERPNext.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A new role without desk access.
    CreateRole(String),
    /// Take desk access from the role, and enable it.
    RepairRole(String),
    /// Let the role read a doctype.
    Permit {
        /// The doctype.
        doctype: &'static str,
        /// The role.
        role: String,
    },
    /// A new user with that role.
    CreateUser {
        /// Its e-mail address.
        user: String,
        /// The role.
        role: String,
    },
    /// Enable the user and give it these roles.
    RepairUser {
        /// Its e-mail address.
        user: String,
        /// All rows of its table of roles.
        roles: Vec<Value>,
        /// The role that may be missing.
        role: String,
    },
    /// Make an API key.
    GenerateKey {
        /// Whose.
        user: String,
        /// Whether one stops working.
        replaces: bool,
    },
    /// A new Webhook.
    CreateWebhook(Webhook),
    /// Set fields of one of our Webhooks.
    RepairWebhook {
        /// Its name.
        name: String,
        /// The fields that differ, as they shall be.
        fields: Map<String, Value>,
    },
    /// A Webhook cannot change its doctype or event: remove it, create it.
    ReplaceWebhook(Webhook),
    /// One of ours that nobody needs any longer.
    RemoveWebhook(String),
    /// Write our present secret into a Webhook.
    ChangeSecret(String),
    /// Take a permission back.
    Forbid {
        /// The doctype.
        doctype: String,
        /// The role.
        role: String,
    },
    /// Disable the user, then delete it.
    RemoveUser(String),
    /// Delete the role.
    RemoveRole(String),
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Role, permissions, user and key, in this order. In a removal all there is to do.
    pub access: Vec<Action>,
    /// Webhooks, after the templates were checked.
    pub webhooks: Vec<Action>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why nothing may be done.
    pub refused: Vec<String>,
}

impl Plan {
    /// Everything to do, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.access.iter().chain(&self.webhooks)
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions().next().is_none()
    }
}

/// Compares.
#[must_use]
pub fn plan(wanted: &Wanted, found: &Found) -> Plan {
    let mut plan = Plan::default();
    if wanted.user == found.administrator || wanted.user == "Administrator" {
        plan.refused.push(format!(
            "{} is the administrator whose key you gave: the service needs a user of its own, name another with --user",
            wanted.user
        ));
    }
    plan_role(&mut plan, wanted, found);
    match &found.user {
        None => plan_new_user(&mut plan, wanted),
        Some(user) => plan_user(&mut plan, wanted, user),
    }
    for webhook in webhook::wanted(&wanted.instance, &wanted.receiver) {
        plan_webhook(&mut plan, wanted, found, webhook);
    }
    if !wanted.take_over {
        plan_refusals(&mut plan, wanted, found);
    }
    plan_others(&mut plan, wanted, found);
    plan
}

fn plan_role(plan: &mut Plan, wanted: &Wanted, found: &Found) {
    let role = wanted.role.clone();
    match &found.role {
        None => plan.access.push(Action::CreateRole(role)),
        Some(document) if is_on(document, "desk_access") || is_on(document, "disabled") => {
            plan.access.push(Action::RepairRole(role));
        }
        Some(_) => {}
    }
    for doctype in READABLE {
        let reads = found
            .permissions
            .iter()
            .any(|rule| rule.doctype == doctype && rule.permlevel == 0 && rule.read == 1 && rule.if_owner == 0);
        if !reads {
            plan.access.push(Action::Permit { doctype, role: wanted.role.clone() });
        }
    }
}

fn plan_new_user(plan: &mut Plan, wanted: &Wanted) {
    let user = wanted.user.clone();
    plan.access.push(Action::CreateUser { user: user.clone(), role: wanted.role.clone() });
    plan.access.push(Action::GenerateKey { user, replaces: false });
    plan.notes.push(format!(
        "ERPNext makes a Contact \"{}\" for the user by itself; it belongs to no customer and can stay",
        Wanted::FIRST_NAME
    ));
}

fn plan_user(plan: &mut Plan, wanted: &Wanted, user: &User) {
    let has_role = user.role_names().any(|role| role == wanted.role);
    if !user.enabled || !has_role {
        let mut roles = user.roles.clone();
        if !has_role {
            roles.push(json!({"role": wanted.role}));
        }
        plan.access.push(Action::RepairUser { user: wanted.user.clone(), roles, role: wanted.role.clone() });
    }
    let others: Vec<&str> = user.role_names().filter(|role| *role != wanted.role).collect();
    if !others.is_empty() {
        plan.notes.push(format!(
            "{} also has the roles {}: the service needs none of them",
            wanted.user,
            others.join(", ")
        ));
    }
    match &user.api_key {
        None => plan.access.push(Action::GenerateKey { user: wanted.user.clone(), replaces: false }),
        Some(_) if wanted.rotate_key => {
            plan.access.push(Action::GenerateKey { user: wanted.user.clone(), replaces: true });
        }
        Some(key) if wanted.api_key.as_ref() != Some(key) => plan.notes.push(format!(
            "{} has an API key, but it is not the one in ERPNEXT_API_KEY. ERPNext does not show its secret again: if \
             you do not have it, run setup with --rotate-key, which ends the present one",
            wanted.user
        )),
        Some(_) => {}
    }
}

fn plan_webhook(plan: &mut Plan, wanted: &Wanted, found: &Found, webhook: Webhook) {
    let Some(document) = found.webhooks.iter().find(|document| text(document, "name") == webhook.name) else {
        return plan.webhooks.push(Action::CreateWebhook(webhook));
    };
    let fixed = [("webhook_doctype", &webhook.doctype), ("webhook_docevent", &webhook.event)];
    if fixed.into_iter().any(|(field, value)| text(document, field) != value) {
        return plan.webhooks.push(Action::ReplaceWebhook(webhook));
    }
    let fields = differences(&webhook, document);
    if !fields.is_empty() {
        plan.webhooks.push(Action::RepairWebhook { name: webhook.name.clone(), fields });
    }
    if wanted.rotate_secret || wanted.take_over {
        plan.webhooks.push(Action::ChangeSecret(webhook.name));
    }
}

/// Webhooks of our names that another installation may need: a sentence for each reason.
fn plan_refusals(plan: &mut Plan, wanted: &Wanted, found: &Found) {
    let mut elsewhere: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for webhook in webhook::wanted(&wanted.instance, "") {
        let Some(document) = found.webhooks.iter().find(|document| text(document, "name") == webhook.name) else {
            continue;
        };
        if is_elsewhere(wanted, document) {
            elsewhere.entry(text(document, "request_url").trim()).or_default().push(text(document, "name"));
        } else if !wanted.has_secret {
            unknown.push(text(document, "name"));
        }
    }
    for (url, names) in elsewhere {
        plan.refused.push(format!(
            "{} to {url}: another installation may need that. Give this one a name of its own (--instance), or add \
             --take-over to let them send here",
            some(&names, "sends", "send")
        ));
    }
    if !unknown.is_empty() {
        plan.refused.push(format!(
            "{} here, with a secret that is not in ERPNEXT_WEBHOOK_SECRET: set it to what the service has. If that secret \
             is lost, add --take-over, which writes a new one into them",
            some(&unknown, "sends", "send")
        ));
    }
}

/// Names the first of some Webhooks, and how many there are.
fn some(names: &[&str], one: &str, many: &str) -> String {
    match names {
        [] => String::new(),
        [name] => format!("the Webhook \"{name}\" {one}"),
        [name, others @ ..] => format!("the Webhook \"{name}\" and {} more {many}", others.len()),
    }
}

/// Ours that are not wanted any longer, and others that send to us.
fn plan_others(plan: &mut Plan, wanted: &Wanted, found: &Found) {
    let names: Vec<String> = webhook::wanted(&wanted.instance, "").into_iter().map(|webhook| webhook.name).collect();
    let prefix = wanted.instance.prefix();
    let mut doubled = Vec::new();
    for document in found.webhooks.iter().filter(|document| !is_elsewhere(wanted, document)) {
        let name = text(document, "name");
        if name.starts_with(&prefix) && !names.iter().any(|wanted| wanted == name) {
            plan.webhooks.push(Action::RemoveWebhook(name.to_owned()));
        } else if !name.starts_with(&prefix) && is_on(document, "enabled") {
            doubled.push(format!("\"{name}\""));
        }
    }
    if !doubled.is_empty() {
        plan.notes.push(format!(
            "these Webhooks send here too: {}. That does no harm; disable and delete them if nobody needs them",
            doubled.join(", ")
        ));
    }
}

/// Whether a Webhook sends to another address than ours.
pub(super) fn is_elsewhere(wanted: &Wanted, document: &Doc) -> bool {
    text(document, "request_url").trim() != wanted.receiver
}

/// The fields in which a Webhook is not as it should be. Nothing, null, 0 and the empty text are the same to ERPNext.
fn differences(webhook: &Webhook, document: &Doc) -> Map<String, Value> {
    let wanted = webhook.fields();
    let fields = wanted.as_object().into_iter().flatten();
    let differs = |(field, value): &(&String, &Value)| {
        let present = document.get(field.as_str()).unwrap_or(&Value::Null);
        match value {
            Value::String(text) => normal(present.as_str().unwrap_or_default()) != normal(text),
            number => present.as_i64().unwrap_or_default() != number.as_i64().unwrap_or_default(),
        }
    };
    fields.filter(differs).map(|(field, value)| (field.clone(), value.clone())).collect()
}

/// ERPNext's editor changes line ends and trims.
fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRole(role) => write!(formatter, "create the role {role}, without desk access"),
            Self::RepairRole(role) => write!(formatter, "enable the role {role} and take its desk access away"),
            Self::Permit { doctype, role } => write!(formatter, "let the role {role} read {doctype}"),
            Self::CreateUser { user, role } => {
                write!(formatter, "create the user {user} with the role {role} (no e-mail is sent)")
            }
            Self::RepairUser { user, role, .. } => {
                write!(formatter, "enable the user {user} and give it the role {role}")
            }
            Self::GenerateKey { user, replaces: false } => write!(formatter, "make an API key for {user}"),
            Self::GenerateKey { user, replaces: true } => {
                write!(formatter, "make a new API secret for {user}; the present one stops working at once")
            }
            Self::CreateWebhook(webhook) => write!(formatter, "create the Webhook \"{}\"", webhook.name),
            Self::RepairWebhook { name, fields } => {
                let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
                write!(formatter, "correct the Webhook \"{name}\" ({})", fields.join(", "))
            }
            Self::ReplaceWebhook(webhook) => {
                write!(formatter, "replace the Webhook \"{}\", which is about something else", webhook.name)
            }
            Self::RemoveWebhook(name) => write!(formatter, "disable and delete the Webhook \"{name}\""),
            Self::ChangeSecret(name) => write!(formatter, "write our secret into the Webhook \"{name}\""),
            Self::Forbid { doctype, role } => write!(formatter, "stop the role {role} from reading {doctype}"),
            Self::RemoveUser(user) => write!(formatter, "disable and delete the user {user}, and with it its API key"),
            Self::RemoveRole(role) => write!(formatter, "delete the role {role}"),
        }
    }
}

#[cfg(test)]
mod tests;
