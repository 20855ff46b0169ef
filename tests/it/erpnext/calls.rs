//! Each call: what goes out, and what a recorded answer becomes.

use std::sync::{Arc, Mutex};

use customer_sync::erpnext::{Call, Client, List, Options, Work};
use serde_json::{Value, json};

use super::recordings;
use super::stand_in::{Reaction, StandIn};

const WORK: Work = Work::Interactive;

fn list() -> List<'static> {
    List {
        doctype: "Customer",
        parent: None,
        fields: &["name", "modified"],
        filters: json!([["modified", ">=", "2026-11-22"]]),
        or_filters: Value::Null,
        order_by: "modified asc, name asc",
        limit: 500,
    }
}

#[tokio::test]
async fn every_request_carries_key_and_agent_and_keeps_its_connection() {
    let erpnext = StandIn::always(recordings::last("71-logged-user.json")).await;
    let client = erpnext.client();
    assert_eq!(client.logged_user().await.unwrap(), "sync@example.com");
    let seen = &erpnext.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/api/method/frappe.auth.get_logged_user"));
    assert_eq!(seen.header("authorization"), Some("token the-key:the-secret"));
    assert_eq!(seen.header("user-agent"), Some(concat!("customer-sync/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert!(seen.header("accept-encoding").unwrap().contains("gzip"));
}

#[tokio::test]
async fn a_list_goes_by_post_and_leaves_out_what_is_not_asked() {
    let erpnext = StandIn::always(Reaction::json(200, r#"{"message":[{"name":"A"},{"name":"B"}]}"#)).await;
    let client = erpnext.client();
    let rows = client.list(&list(), WORK).await.unwrap();
    assert_eq!(rows.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["A", "B"]);
    client
        .list(&List { parent: Some("Customer"), or_filters: json!([["name", ">", "A"]]), limit: 0, ..list() }, WORK)
        .await
        .unwrap();
    let seen = erpnext.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/api/method/frappe.client.get_list"));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    let body = |index: usize| serde_json::from_str::<Value>(&seen[index].body).unwrap();
    assert_eq!(
        body(0),
        json!({"doctype": "Customer", "fields": ["name", "modified"], "filters": [["modified", ">=", "2026-11-22"]],
               "order_by": "modified asc, name asc", "limit_page_length": 500})
    );
    assert_eq!(body(1)["or_filters"], json!([["name", ">", "A"]]));
    assert_eq!((&body(1)["parent"], &body(1)["limit_page_length"]), (&json!("Customer"), &json!(0)));
}

#[tokio::test]
async fn a_document_is_read_by_path_or_where_that_breaks_by_query() {
    let erpnext = StandIn::start(|request| match request.path.starts_with("/api/resource/") {
        true => Reaction::json(200, r#"{"data":{"name":"by path"}}"#),
        false => Reaction::json(200, r#"{"message":{"name":"by query"}}"#),
    })
    .await;
    let client = erpnext.client();
    let method = "/api/method/frappe.client.get?doctype=Customer&name=";
    for (name, path) in [
        ("A/B Testing 100%", "/api/resource/Customer/A%2FB%20Testing%20100%25".to_owned()),
        ("C+?#", "/api/resource/Customer/C%2B%3F%23".to_owned()),
        ("Łódź", "/api/resource/Customer/%C5%81%C3%B3d%C5%BA".to_owned()),
        ("Ends/", format!("{method}Ends%2F")),
        ("..", format!("{method}..")),
        (".", format!("{method}.")),
    ] {
        let document = client.get("Customer", name, WORK).await.unwrap().unwrap();
        let expected = if path.starts_with(method) { "by query" } else { "by path" };
        assert_eq!(document["name"], expected);
        assert_eq!(erpnext.seen().last().unwrap().path, path, "{name}");
    }
}

#[tokio::test]
async fn names_that_no_document_can_have_are_not_asked_for() {
    let erpnext = StandIn::always(Reaction::json(200, r#"{"data":[]}"#)).await;
    for name in ["", "  ", &"x".repeat(141)] {
        assert_eq!(erpnext.client().get("Customer", name, WORK).await.unwrap_err().label(), "impossible_name");
        assert_eq!(erpnext.client().history("Customer", name).await.unwrap_err().label(), "impossible_name");
    }
    assert!(erpnext.seen().is_empty());
}

#[tokio::test]
async fn only_erpnexts_own_404_means_that_a_document_is_gone() {
    let gone = StandIn::always(recordings::last("72-get-missing-404.json")).await;
    assert_eq!(gone.client().get("Customer", "Nope Not Here", WORK).await.unwrap(), None);
    assert_eq!(gone.client().list(&list(), WORK).await.unwrap_err().label(), "missing");
    for other in [
        Reaction::html(404),
        Reaction::json(404, "{}"),
        Reaction::json(404, r#"{"errors":[{"type":"DoesNotExistError"}]}"#),
    ] {
        let elsewhere = StandIn::always(other).await;
        assert_eq!(elsewhere.client().get("Customer", "A", WORK).await.unwrap_err().label(), "not_erpnext");
    }
    let page = StandIn::always(Reaction::json(404, r#"{"exc_type":"PageDoesNotExistError"}"#)).await;
    assert_eq!(page.client().get("Customer", "A", WORK).await.unwrap_err().label(), "missing");
}

#[tokio::test]
async fn a_document_that_is_none_is_an_error() {
    for body in [r#"{"data":[]}"#, r#"{"data":{}}"#, r#"{"data":{"name":""}}"#, r#"{"data":null}"#] {
        let erpnext = StandIn::always(Reaction::json(200, body)).await;
        assert_eq!(erpnext.client().get("Customer", "A", WORK).await.unwrap_err().label(), "decode", "{body}");
    }
    let rows = StandIn::always(Reaction::json(200, r#"{"message":[["A"]]}"#)).await;
    assert_eq!(rows.client().list(&list(), WORK).await.unwrap_err().label(), "decode");
}

#[tokio::test]
async fn the_two_counts_of_a_user_without_permission() {
    let file = "86-two-counts-without-permission.json";
    let erpnext = StandIn::start(move |request| recordings::answer(file, request)).await;
    let client = erpnext.client();
    assert_eq!(client.count("Customer").await.unwrap(), 2216);
    assert_eq!(client.visible_count("Customer").await.unwrap_err().label(), "forbidden");
    assert_eq!(client.count("Address").await.unwrap(), 1931);
    assert_eq!(client.visible_count("Address").await.unwrap(), 0);
}

#[tokio::test]
async fn the_history_of_a_merge() {
    let file = "87-merge-traces.json";
    let erpnext = StandIn::start(move |request| recordings::answer(file, request)).await;
    let history = erpnext.client().history("Customer", "Merge Target Ltd").await.unwrap();
    assert_eq!(history, ["merged <strong>Merge Source Ltd</strong> into <strong>Merge Target Ltd</strong>"]);
    let gone = StandIn::always(recordings::last("72-get-missing-404.json")).await;
    assert!(gone.client().history("Customer", "A").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_columns_of_a_doctype() {
    let docs = r#"{"docs":[{"name":"Customer","fields":[{"fieldname":"tax_id","fieldtype":"Data","permlevel":1}]}]}"#;
    let erpnext = StandIn::always(Reaction::json(200, docs)).await;
    assert_eq!(erpnext.client().doctype("Customer").await.unwrap().columns["tax_id"], 1);
    assert_eq!(erpnext.seen()[0].path, "/api/method/frappe.desk.form.load.getdoctype?doctype=Customer");
}

#[tokio::test]
async fn every_call_is_reported() {
    let erpnext = StandIn::start(|request| match request.method.as_str() {
        "POST" => recordings::last("77-bad-field-417.json"),
        _ => recordings::last("71-logged-user.json"),
    })
    .await;
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let log = Arc::clone(&calls);
    let observer = Arc::new(move |call: &Call| log.lock().unwrap().push(*call));
    let client = Client::new(Options { observer: Some(observer), ..erpnext.options() }).unwrap();
    client.logged_user().await.unwrap();
    client.list(&list(), WORK).await.unwrap_err();
    let calls = calls.lock().unwrap();
    assert_eq!(
        calls.iter().map(|call| (call.name, call.outcome)).collect::<Vec<_>>(),
        [("logged_user", "ok"), ("list", "invalid")]
    );
    assert!(calls.iter().all(|call| !call.duration.is_zero()));
}
