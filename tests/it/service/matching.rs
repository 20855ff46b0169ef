//! Customers that the user's application had before: linked where that is certain, asked about where it is not.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::suggestion::{SuggestionKind, SuggestionState};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::{Database, Kind};

const BY_EMAIL: [(&str, &str); 1] = [("matching.keys", "email")];

/// A customer with a contact that has this e-mail.
fn with_email(name: &str, email: &str) -> Value {
    json!({"customer_name": name, "email_id": email})
}

impl Connected {
    /// A row as the user's application makes it; its id.
    async fn local(&self, name: &str, email: &str, more: &str) -> i64 {
        let (columns, values) =
            if more.is_empty() { ("", String::new()) } else { (", tax_number", format!(", '{more}'")) };
        execute(
            &self.database,
            &format!("INSERT INTO customers (name, email{columns}) VALUES ('{name}', '{email}'{values})"),
        )
        .await;
        self.id_of_name(name).await
    }

    /// An adopted row: it has a name in ERPNext and was never read.
    async fn adopted(&self, erpnext_id: &str, email: &str) -> i64 {
        let row = format!(
            "INSERT INTO customers (name, email, erpnext_id, origin) VALUES ('{erpnext_id}', '{email}', '{erpnext_id}', 'erpnext')"
        );
        execute(&self.database, &row).await;
        self.id_of_name(erpnext_id).await
    }

    async fn id_of_name(&self, name: &str) -> i64 {
        let rows = self.app.customers().await;
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row is called {name}"));
        row["id"].as_i64().unwrap()
    }

    async fn by_id(&self, id: i64) -> Value {
        self.app.get(&format!("/api/customers/{id}")).await["data"].clone()
    }

    async fn sweep_up(&self, names: &[&str], absent: bool) {
        let put = |name: &&str| Put { absent, ..Put::new(DocKey::customer(*name), Lane::Bulk, Cause::Sweep) };
        self.app.store().put(&names.iter().map(put).collect::<Vec<_>>()).await.unwrap();
        self.app.settled().await;
    }

    /// Open questions as (name, row), sorted.
    async fn asked(&self) -> Vec<(String, i64)> {
        let open = self.app.store().suggestions(Some(SuggestionState::Open), 0, 100).await.unwrap();
        let mut pairs: Vec<(String, i64)> = open.into_iter().map(|row| (row.name, row.customer)).collect();
        pairs.sort();
        pairs
    }

    async fn answer(&self, name: &str, row: i64, word: &str) -> StatusCode {
        let all = self.app.store().suggestions(None, 0, 100).await.unwrap();
        let question = all.iter().find(|asked| asked.name == name && asked.customer == row).expect("it was asked");
        let path = format!("/api/suggestions/{}/{word}", question.id);
        let response = self.app.request(Method::POST, &path).send().await.unwrap();
        let status = response.status();
        self.settled().await;
        status
    }

    async fn link(&self, id: i64, name: &str) -> (StatusCode, Value) {
        let request = self.app.request(Method::POST, &format!("/api/customers/{id}/link?wait=30"));
        let response = request.json(&json!({"erpnext_id": name})).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn unlink(&self, id: i64) -> StatusCode {
        let response = self.app.request(Method::POST, &format!("/api/customers/{id}/unlink")).send().await.unwrap();
        let status = response.status();
        self.settled().await;
        status
    }

    async fn newest_change(&self, id: i64) -> (String, Value) {
        let change = self.app.store().changes_of(id, None, 1).await.unwrap().remove(0);
        (change.kind, change.changes)
    }
}

/// Plain SQL, as the user's application does it.
async fn execute(database: &Database, sql: &str) {
    crate::support::sql::execute(database, sql).await;
}

fn value(changes: &Value, field: &str) -> Value {
    let change = changes.as_array().unwrap().iter().find(|change| change["field"] == field);
    change.map_or(Value::Null, |change| change["new"].clone())
}

#[tokio::test]
async fn one_local_row_and_one_document_become_one_and_the_history_says_why() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("matching.keys", "tax_number, email")]).await;
        let by_email = connected.local("Mine", "Info@One.example ", "").await;
        let by_tax = connected.local("Other", "info@one.example.org", "DE 123-456").await;
        connected.erpnext.create_customer(with_email("One", "info@one.example")).unwrap();
        connected.erpnext.create_customer(json!({"customer_name": "Two", "tax_id": "de123456"})).unwrap();
        connected.erpnext.create_customer(json!({"customer_name": "Three", "tax_id": "DE999"})).unwrap();
        connected.settled().await;
        for (id, name, key) in [(by_email, "One", "email"), (by_tax, "Two", "tax_number")] {
            let row = connected.by_id(id).await;
            assert_eq!(
                (&row["erpnext_id"], &row["origin"], &row["name"]),
                (&json!(name), &json!("erpnext"), &json!(name))
            );
            let (kind_of, changes) = connected.newest_change(id).await;
            assert_eq!((kind_of.as_str(), value(&changes, "matched_by")), ("linked", json!(key)), "{kind:?}");
        }
        assert_eq!(connected.app.customers().await.len(), 3, "{kind:?}");
        assert!(connected.asked().await.is_empty());

        // From now on it is a customer like any other.
        connected.erpnext.update("Customer", "One", json!({"website": "https://one.example"})).unwrap();
        connected.settled().await;
        assert_eq!(connected.by_id(by_email).await["website"], "https://one.example", "{kind:?}");
    }
}

#[tokio::test]
async fn a_custom_field_names_the_row() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("matching.keys", "id:customer.custom_shop_id,email")]).await;
        connected.erpnext.add_custom_field("Customer", "custom_shop_id", false);
        let wanted = connected.local("Wanted", "", "").await;
        connected.local("Not this one", "x@y.example", "").await;
        let customer =
            json!({"customer_name": "A", "custom_shop_id": format!(" {wanted} "), "email_id": "x@y.example"});
        connected.erpnext.create_customer(customer).unwrap();
        connected.settled().await;
        assert_eq!(connected.by_id(wanted).await["erpnext_id"], "A", "{kind:?}: the strongest key decides");
    }
}

#[tokio::test]
async fn two_rows_or_two_documents_are_a_question_and_nothing_is_inserted() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &BY_EMAIL).await;
        let (first, second) =
            (connected.local("First", "a@a.example", "").await, connected.local("Second", "A@a.example", "").await);
        let shared = connected.local("Shared", "b@b.example", "").await;
        connected.erpnext.import("Customer", with_email("A", "a@a.example")).unwrap();
        for name in ["B1", "B2"] {
            connected.erpnext.import("Customer", with_email(name, "b@b.example")).unwrap();
        }
        // One after the other and together: what a batch does not see, ERPNext tells.
        connected.sweep_up(&["B1"], false).await;
        connected.sweep_up(&["A", "B1", "B2"], false).await;
        let pair = |name: &str, id| (name.to_owned(), id);
        let expected = [pair("A", first), pair("A", second), pair("B1", shared), pair("B2", shared)];
        assert_eq!(connected.asked().await, expected, "{kind:?}");
        assert_eq!(connected.app.customers().await.len(), 3);
        let ready = connected.app.get("/readyz").await;
        assert!(
            ready["reasons"].as_array().unwrap().iter().any(|reason| reason["code"] == "suggestions_open"),
            "{ready}"
        );

        // A yes links, answers the other questions about both sides, and the other document becomes a new row.
        assert_eq!(connected.answer("B2", shared, "accept").await, StatusCode::ACCEPTED);
        assert_eq!(connected.by_id(shared).await["erpnext_id"], "B2", "{kind:?}");
        assert_eq!(connected.newest_change(shared).await.0, "linked");
        assert!(connected.app.customer("B1").await.is_some(), "{kind:?}");
        assert_eq!(connected.asked().await, expected[..2]);
        assert_eq!(connected.answer("B2", shared, "reject").await, StatusCode::CONFLICT, "decided already");

        // A no rules that pair out; after the last one the document is new.
        assert_eq!(connected.answer("A", first, "reject").await, StatusCode::ACCEPTED);
        assert!(connected.app.customer("A").await.is_none(), "{kind:?}: another question is open");
        assert_eq!(connected.answer("A", second, "reject").await, StatusCode::ACCEPTED);
        let new = connected.row("A").await["id"].as_i64().unwrap();
        assert!(new != first && new != second, "{kind:?}");
        assert!(connected.asked().await.is_empty());
    }
}

#[tokio::test]
async fn a_customer_that_we_hold_or_that_only_erpnext_has_is_a_rival() {
    let connected = Connected::configured(Kind::Sqlite, &BY_EMAIL).await;
    connected.erpnext.create_customer(with_email("Held", "a@a.example")).unwrap();
    connected.settled().await;
    let mine = connected.local("Mine", "a@a.example", "").await;
    connected.erpnext.create_customer(with_email("New", "a@a.example")).unwrap();
    connected.settled().await;
    assert_eq!(connected.asked().await, [("New".to_owned(), mine)]);
}

#[tokio::test]
async fn a_value_that_a_crowd_shares_says_nothing() {
    let connected = Connected::configured(Kind::Sqlite, &BY_EMAIL).await;
    for index in 0..21 {
        connected.local(&format!("Mine {index}"), "none@none.example", "").await;
    }
    connected.erpnext.create_customer(with_email("New", "none@none.example")).unwrap();
    connected.settled().await;
    assert!(connected.app.customer("New").await.is_some() && connected.asked().await.is_empty());
}

#[tokio::test]
async fn nothing_is_linked_by_itself_unless_that_is_configured() {
    let connected = Connected::start(Kind::Sqlite).await;
    let mine = connected.local("Mine", "a@a.example", "").await;
    connected.erpnext.create_customer(with_email("A", "a@a.example")).unwrap();
    connected.settled().await;
    assert_ne!(connected.row("A").await["id"], mine);
}

#[tokio::test]
async fn an_adopted_name_in_another_spelling_is_the_same_customer() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (abc, umlaut) = (connected.adopted("abc gmbh", "").await, connected.adopted("MÜLLER ag", "").await);
        for name in ["ABC GmbH", "Müller AG"] {
            connected.erpnext.import("Customer", json!({"customer_name": name})).unwrap();
        }
        connected.sweep_up(&["ABC GmbH", "Müller AG"], false).await;
        assert_eq!(connected.by_id(abc).await["erpnext_id"], "ABC GmbH", "{kind:?}");
        assert_eq!(connected.by_id(umlaut).await["erpnext_id"], "Müller AG", "{kind:?}");
        assert_eq!(connected.app.customers().await.len(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn an_adopted_row_whose_document_is_missing_is_asked_about_and_takes_part_in_the_matching() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &BY_EMAIL).await;
        let (lost, living) =
            (connected.adopted("Lost", "l@l.example").await, connected.adopted("Living", "v@v.example").await);
        connected.erpnext.import("Customer", with_email("Living", "v@v.example")).unwrap();
        connected.sweep_up(&["Lost"], true).await;
        assert_eq!(connected.asked().await, [("Lost".to_owned(), lost)], "{kind:?}");
        assert!(connected.by_id(lost).await["deleted_at"].is_null(), "never a tombstone");
        connected.sweep_up(&["Lost"], true).await;
        assert_eq!(connected.asked().await.len(), 1);
        assert_eq!(connected.answer("Lost", lost, "accept").await, StatusCode::CONFLICT, "there is nothing to link");

        // Another document with its e-mail, and one with that of a row whose own document is there.
        for (name, email) in [("Found", "l@l.example"), ("Another", "v@v.example")] {
            connected.erpnext.import("Customer", with_email(name, email)).unwrap();
        }
        connected.sweep_up(&["Found", "Another"], false).await;
        assert_eq!(connected.by_id(lost).await["erpnext_id"], "Found", "{kind:?}");
        assert!(connected.asked().await.is_empty(), "{kind:?}: a later match answers the question");
        assert_ne!(connected.row("Another").await["id"], living, "{kind:?}: that row is somebody else's");
        connected.sweep_up(&["Living"], false).await;
        assert_eq!(connected.row("Living").await["id"], living);
    }
}

#[tokio::test]
async fn a_person_links_and_unlinks() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let mine = connected.local("Mine", "", "").await;
        let other = connected.local("Other", "", "").await;
        connected.erpnext.import("Customer", json!({"customer_name": "Theirs", "email_id": "t@t.example"})).unwrap();

        assert_eq!(connected.link(mine, "Nobody").await.0, StatusCode::CONFLICT);
        assert_eq!(connected.link(4711, "Theirs").await.0, StatusCode::NOT_FOUND);
        let (status, answer) = connected.link(mine, "theirs").await;
        assert_eq!((status, &answer["data"]["effect"]), (StatusCode::OK, &json!("linked")), "{kind:?}: {answer}");
        assert_eq!(connected.by_id(mine).await["erpnext_id"], "Theirs", "the true spelling");
        assert_eq!(value(&connected.newest_change(mine).await.1, "matched_by"), "person");
        let (status, answer) = connected.link(other, "Theirs").await;
        assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("already_linked")));
        assert!(answer["detail"].as_str().unwrap().contains(&mine.to_string()), "{answer}");
        assert_eq!(connected.link(mine, "Theirs").await.1["code"], "not_linkable");

        // Unlinked: the row stays as it is, the document becomes a row of its own, and nothing links them again.
        assert_eq!(connected.unlink(mine).await, StatusCode::OK);
        let row = connected.by_id(mine).await;
        assert_eq!(
            (&row["erpnext_id"], &row["origin"], &row["name"]),
            (&Value::Null, &json!("local"), &json!("Theirs"))
        );
        assert_eq!(row["contacts"].as_array().unwrap().len(), 1, "{kind:?}: what belonged to it is kept");
        assert_eq!(connected.newest_change(mine).await.0, "unlinked");
        let new = connected.row("Theirs").await["id"].as_i64().unwrap();
        assert_ne!(new, mine, "{kind:?}");
        assert_eq!(connected.unlink(mine).await, StatusCode::CONFLICT);

        // And linked again, once nobody else has the document.
        assert_eq!(connected.link(mine, "Theirs").await.1["code"], "already_linked");
        execute(&connected.database, &format!("DELETE FROM customers WHERE id = {new}")).await;
        assert_eq!(connected.link(mine, "Theirs").await.1["data"]["effect"], "linked", "{kind:?}");
        assert_eq!(connected.row("Theirs").await["id"], mine);
        let done = connected.app.store().suggestions(Some(SuggestionState::Done), 0, 10).await.unwrap();
        assert_eq!(done.iter().map(|row| row.kind).collect::<Vec<_>>(), [SuggestionKind::Asked]);
    }
}
