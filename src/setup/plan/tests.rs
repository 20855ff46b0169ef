//! The plan against every state of an ERPNext that it is about.

use serde_json::{Value, json};

use super::super::found::{Found, User};
use super::super::{READABLE, Wanted, removal};
use super::{Action, plan};
use crate::domain::document::Doc;
use crate::domain::webhook::{self, Instance};
use crate::erpnext::admin::Permission;

const RECEIVER: &str = "https://sync.example.com/webhooks/erpnext";
const USER: &str = "customer-sync@example.com";

fn wanted() -> Wanted {
    Wanted {
        role: Wanted::ROLE.to_owned(),
        user: USER.to_owned(),
        instance: Instance::default(),
        receiver: RECEIVER.to_owned(),
        api_key: Some("key".to_owned()),
        rotate_key: false,
        has_secret: true,
        rotate_secret: false,
        take_over: false,
    }
}

fn doc(value: &Value) -> Doc {
    value.as_object().unwrap().clone()
}

/// A Webhook as ERPNext lists it: an empty condition is null there.
fn listed(webhook: &webhook::Webhook) -> Doc {
    let mut document = webhook.fields();
    document["name"] = json!(webhook.name);
    document["condition"] = Value::Null;
    doc(&document)
}

/// An ERPNext that is connected as wanted.
fn connected() -> Found {
    let rule = |doctype: &str| Permission { doctype: doctype.to_owned(), permlevel: 0, read: 1, if_owner: 0 };
    Found {
        administrator: "boss@example.com".to_owned(),
        role: Some(doc(&json!({"name": Wanted::ROLE, "desk_access": 0}))),
        permissions: READABLE.map(rule).into(),
        user: Some(User {
            enabled: true,
            roles: vec![json!({"name": "row1", "role": Wanted::ROLE})],
            api_key: Some("key".to_owned()),
        }),
        users_with_role: vec![USER.to_owned()],
        webhooks: webhook::wanted(&Instance::default(), RECEIVER).iter().map(listed).collect(),
    }
}

fn said(actions: &[Action]) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

#[test]
fn an_untouched_erpnext_needs_everything_in_order() {
    let plan = plan(&wanted(), &Found { administrator: "boss@example.com".to_owned(), ..Found::default() });
    insta::assert_snapshot!(said(&plan.access).join("\n"), @r"
    create the role Customer Sync, without desk access
    let the role Customer Sync read Customer
    let the role Customer Sync read Address
    let the role Customer Sync read Contact
    let the role Customer Sync read Deleted Document
    create the user customer-sync@example.com with the role Customer Sync (no e-mail is sent)
    make an API key for customer-sync@example.com
    ");
    assert_eq!(plan.webhooks.len(), 10);
    assert!(plan.webhooks.iter().all(|action| matches!(action, Action::CreateWebhook(_))));
    assert!(plan.notes[0].contains("Contact \"Customer Sync\""), "{:?}", plan.notes);
    assert!(plan.refused.is_empty());
}

#[test]
fn a_connected_one_needs_nothing() {
    let plan = plan(&wanted(), &connected());
    assert!(plan.is_empty() && plan.notes.is_empty() && plan.refused.is_empty(), "{plan:?}");
}

#[test]
fn every_drift_is_repaired_and_nothing_else() {
    type Change = fn(&mut Found);
    let cases: [(Change, &str); 12] = [
        (|found| found.role = Some(doc(&json!({"desk_access": 1}))), "desk access"),
        (|found| found.role = Some(doc(&json!({"disabled": 1}))), "enable the role"),
        (|found| drop(found.permissions.remove(1)), "read Address"),
        (|found| found.permissions[0].if_owner = 1, "read Customer"),
        (|found| found.permissions[2].permlevel = 1, "read Contact"),
        (|found| found.user.as_mut().unwrap().enabled = false, "enable the user"),
        (|found| found.user.as_mut().unwrap().roles.clear(), "give it the role"),
        (|found| found.user.as_mut().unwrap().api_key = None, "make an API key"),
        (|found| drop(found.webhooks.remove(0)), "create the Webhook"),
        (|found| drop(found.webhooks[3].insert("enabled".to_owned(), json!(0))), "(enabled)"),
        (|found| drop(found.webhooks[3].insert("webhook_json".to_owned(), json!("{}"))), "(webhook_json)"),
        (|found| drop(found.webhooks[3].insert("condition".to_owned(), json!("doc.x"))), "(condition)"),
    ];
    for (change, words) in cases {
        let mut found = connected();
        change(&mut found);
        let plan = plan(&wanted(), &found);
        let said: Vec<String> = plan.actions().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1, "{words}: {said:?}");
        assert!(said[0].contains(words), "{words}: {said:?}");
    }
}

#[test]
fn line_ends_and_blanks_of_the_editor_are_no_drift() {
    let mut found = connected();
    for webhook in &mut found.webhooks {
        let template = webhook["webhook_json"].as_str().unwrap().replace('\n', "\r\n") + "\r\n";
        webhook.insert("webhook_json".to_owned(), json!(template));
    }
    assert!(plan(&wanted(), &found).is_empty());
}

#[test]
fn rows_of_other_roles_stay_and_are_told() {
    let mut found = connected();
    let user = found.user.as_mut().unwrap();
    user.roles = vec![json!({"name": "row7", "role": "Sales User"})];
    let plan = plan(&wanted(), &found);
    let [Action::RepairUser { roles, .. }] = plan.access.as_slice() else { panic!("{plan:?}") };
    assert_eq!(roles, &[json!({"name": "row7", "role": "Sales User"}), json!({"role": "Customer Sync"})]);
    assert!(plan.notes[0].contains("Sales User"));
}

#[test]
fn a_webhook_of_ours_that_sends_elsewhere_stops_everything_unless_it_is_taken_over() {
    let mut found = connected();
    found.webhooks[0].insert("request_url".to_owned(), json!("https://production.example.com/webhooks/erpnext"));
    let stopped = plan(&wanted(), &found);
    assert!(stopped.refused[0].contains("production.example.com") && stopped.refused[0].contains("--instance"));
    let taken = plan(&Wanted { take_over: true, ..wanted() }, &found);
    assert!(taken.refused.is_empty());
    assert_eq!(
        said(&taken.webhooks)[..2],
        [
            "correct the Webhook \"customer-sync: Customer after_insert\" (request_url)",
            "write our secret into the Webhook \"customer-sync: Customer after_insert\"",
        ]
    );
    assert_eq!(taken.webhooks.len(), 1 + 10, "nobody knows which secret the others sign with");
}

#[test]
fn webhooks_with_a_secret_that_nobody_gave_us_stop_everything_unless_they_are_taken_over() {
    let without = Wanted { has_secret: false, ..wanted() };
    let stopped = plan(&without, &connected());
    assert_eq!(stopped.refused.len(), 1, "{stopped:?}");
    for words in ["and 9 more send here", "ERPNEXT_WEBHOOK_SECRET", "--take-over"] {
        assert!(stopped.refused[0].contains(words), "{words}: {}", stopped.refused[0]);
    }
    let taken = plan(&Wanted { take_over: true, ..without.clone() }, &connected());
    assert!(taken.refused.is_empty() && taken.webhooks.len() == 10);
    assert!(taken.webhooks.iter().all(|action| matches!(action, Action::ChangeSecret(_))));
    let new = plan(&without, &Found { webhooks: Vec::new(), ..connected() });
    assert!(new.refused.is_empty() && new.webhooks.len() == 10);
}

#[test]
fn another_instance_on_the_same_erpnext_is_left_alone() {
    let staging = Wanted {
        instance: Instance::parse("staging").unwrap(),
        receiver: "https://staging.example.com/webhooks/erpnext".to_owned(),
        ..wanted()
    };
    let plan = plan(&staging, &connected());
    assert!(plan.access.is_empty() && plan.refused.is_empty() && plan.notes.is_empty());
    assert!(plan.webhooks.iter().all(|action| matches!(action, Action::CreateWebhook(_))));
}

#[test]
fn what_cannot_be_changed_is_replaced_and_what_is_not_wanted_removed() {
    let mut found = connected();
    found.webhooks[0].insert("webhook_docevent".to_owned(), json!("on_submit"));
    found.webhooks.push(doc(&json!({"name": "customer-sync: round trip 1", "request_url": RECEIVER, "enabled": 1})));
    found.webhooks.push(doc(&json!({"name": "Customer on_update", "request_url": RECEIVER, "enabled": 1})));
    let plan = plan(&wanted(), &found);
    assert!(matches!(&plan.webhooks[0], Action::ReplaceWebhook(webhook) if webhook.name.ends_with("after_insert")));
    assert_eq!(plan.webhooks[1], Action::RemoveWebhook("customer-sync: round trip 1".to_owned()));
    assert_eq!(plan.webhooks.len(), 2);
    assert!(plan.notes[0].contains("\"Customer on_update\""));
}

#[test]
fn keys_and_secrets_change_only_on_demand() {
    let other = Wanted { api_key: Some("another".to_owned()), ..wanted() };
    let told = plan(&other, &connected());
    assert!(told.is_empty() && told.notes[0].contains("--rotate-key"));
    let rotated = plan(&Wanted { rotate_key: true, ..other }, &connected());
    assert!(said(&rotated.access)[0].contains("stops working"));
    let secrets = plan(&Wanted { rotate_secret: true, ..wanted() }, &connected());
    assert_eq!(secrets.webhooks.len(), 10);
    assert!(secrets.webhooks.iter().all(|action| matches!(action, Action::ChangeSecret(_))));
}

#[test]
fn an_administrator_is_never_the_user() {
    for user in ["boss@example.com", "Administrator"] {
        let wanted = Wanted { user: user.to_owned(), rotate_key: true, ..wanted() };
        assert!(plan(&wanted, &connected()).refused[0].contains("--user"));
        assert!(!removal(&wanted, &connected()).refused.is_empty());
    }
}

#[test]
fn a_removal_takes_what_is_ours_and_leaves_what_others_use() {
    let all = removal(&wanted(), &connected());
    let said: Vec<String> = said(&all.access);
    assert_eq!(said.len(), 10 + 1 + 4 + 1);
    assert!(said[0].starts_with("disable and delete the Webhook"), "webhooks go first: {said:?}");
    assert!(said[10].contains("the user") && said[15].contains("delete the role"));

    let mut shared = connected();
    shared.users_with_role.push("other@example.com".to_owned());
    let plan = removal(&wanted(), &shared);
    assert_eq!(plan.access.len(), 11);
    assert!(plan.notes.iter().any(|note| note.contains("other@example.com")));

    let mut elsewhere = connected();
    elsewhere.webhooks[0].insert("request_url".to_owned(), json!("https://production.example.com/x"));
    let plan = removal(&wanted(), &elsewhere);
    assert_eq!(plan.access.len(), 9, "the user stays too");
    assert_eq!(removal(&wanted(), &Found::default()).access, []);
}
