//! What to take away again: the Webhooks of this installation, its user and its role.
//!
//! Invariant: only what is ours by name goes, and of Webhooks only those that send to us (unless taking over was asked
//! for). A role that other users have stays, with its permissions.

use super::Wanted;
use super::found::{Found, text};
use super::plan::{Action, Plan, is_elsewhere};

/// The plan of `setup --remove`.
#[must_use]
pub fn removal(wanted: &Wanted, found: &Found) -> Plan {
    let mut plan = Plan::default();
    let prefix = wanted.instance.prefix();
    for document in found.webhooks.iter().filter(|document| text(document, "name").starts_with(&prefix)) {
        let name = text(document, "name");
        if is_elsewhere(wanted, document) && !wanted.take_over {
            plan.notes.push(format!(
                "the Webhook \"{name}\" sends to {} and stays: another installation may need it (--take-over removes it)",
                text(document, "request_url")
            ));
        } else {
            plan.access.push(Action::RemoveWebhook(name.to_owned()));
        }
    }
    if !plan.notes.is_empty() {
        plan.notes.push(format!("{} and its role stay too, as that installation may use them", wanted.user));
        return plan;
    }
    if wanted.user == found.administrator || wanted.user == "Administrator" {
        plan.refused.push(format!("{} is the administrator whose key you gave; it is not removed", wanted.user));
    }
    if found.user.is_some() {
        plan.access.push(Action::RemoveUser(wanted.user.clone()));
        plan.notes.push(format!("the Contact \"{}\" that ERPNext made for the user stays", Wanted::FIRST_NAME));
    }
    remove_role(&mut plan, wanted, found);
    plan
}

fn remove_role(plan: &mut Plan, wanted: &Wanted, found: &Found) {
    let others: Vec<&str> =
        found.users_with_role.iter().map(String::as_str).filter(|user| *user != wanted.user).collect();
    if !others.is_empty() {
        plan.notes.push(format!("the role {} stays: {} have it too", wanted.role, others.join(", ")));
        return;
    }
    let rules = found.permissions.iter().map(|rule| rule.doctype.clone());
    plan.access.extend(rules.map(|doctype| Action::Forbid { doctype, role: wanted.role.clone() }));
    if found.role.is_some() {
        plan.access.push(Action::RemoveRole(wanted.role.clone()));
    }
}
