//! The list of customers over HTTP: its words, its links, and what it says to wrong ones. What is found is tested with the store.

use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::sql::execute;

impl Connected {
    /// Status, body and links by relation of a GET.
    async fn page(&self, path: &str) -> (u16, Value, Vec<(String, String)>) {
        let response = self.app.request(Method::GET, path).send().await.unwrap();
        let links = response.headers().get_all("link").iter().map(|link| {
            let link = link.to_str().unwrap();
            let parts: Vec<&str> = link.split(['<', '>', '"']).collect();
            (parts[3].to_owned(), parts[1].to_owned())
        });
        let links = links.collect();
        (response.status().as_u16(), response.json().await.unwrap_or_default(), links)
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn links_lead_forwards_and_back_and_keep_the_question() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        for name in ["Ümit & Co", "Anna Co", "Zoë Co", "Somebody Else", "Berg Co"] {
            connected.erpnext.create_customer(json!({"customer_name": name})).unwrap();
        }
        connected.settled().await;
        let (status, first, links) = connected.page("/api/customers?q=co&show=synced&sort=name&limit=2").await;
        assert_eq!((status, names(&first)), (200, vec!["Anna Co", "Berg Co"]), "{kind:?}");
        let [(relation, next)] = &links[..] else { panic!("{links:?}") };
        assert_eq!(relation, "next");
        let (_status, second, links) = connected.page(next).await;
        assert_eq!(names(&second).len(), 2, "{next}");
        let [(relation, previous)] = &links[..] else { panic!("{links:?}") };
        assert_eq!(relation, "prev");
        let (_status, again, links) = connected.page(previous).await;
        assert_eq!(again, first, "{previous}");
        assert_eq!(links.iter().map(|link| link.0.as_str()).collect::<Vec<_>>(), ["next"]);
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_with_what_there_is() {
    let connected = Connected::start(Kind::Sqlite).await;
    for (query, says) in [
        ("show=gone", "to_link"),
        ("sort=colour", "updated"),
        ("sort=name&after=7", "Link"),
        ("after=x", "id of a customer"),
        ("after=1&before=2", "not both"),
        ("limit=0", "1 to 500"),
        ("colour=red", "colour"),
        ("q=a&q=b", "q"),
        (&format!("q={}", "x".repeat(201)), "200"),
        ("q=%00", "NUL"),
    ] {
        let (status, problem, _links) = connected.page(&format!("/api/customers?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &"bad_request".into()), "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{query}: {problem}");
    }
    let (status, page, links) = connected.page("/api/customers?q=%F0%9F%98%80&show=problems&sort=-updated").await;
    assert_eq!((status, page, links.len()), (200, json!({"data": []}), 0));
}

#[tokio::test]
async fn the_export_is_the_whole_list_without_formulas_and_stands_in_the_audit_log() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        connected.erpnext.create_customer(json!({"customer_name": "=HYPERLINK(\"x\")", "tax_id": "@SUM(1)"})).unwrap();
        connected.erpnext.create_customer(json!({"customer_name": "Berg, \"Söhne\" & Co"})).unwrap();
        connected.settled().await;
        let many: Vec<String> = (0..1_200).map(|row| format!("('Many {row}')")).collect();
        execute(&connected.database, &format!("INSERT INTO customers (name) VALUES {}", many.join(", "))).await;

        let response = connected.app.request(Method::GET, "/api/customers.csv").send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-disposition"), "attachment; filename=\"customers.csv\"");
        assert!(header("content-type").starts_with("text/csv; charset=utf-8") && header("cache-control") == "no-store");
        let text = response.text().await.unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let name = reader.headers().unwrap().iter().position(|column| column == "name").unwrap();
        let names: Vec<String> = reader.records().map(|record| record.unwrap()[name].to_owned()).collect();
        assert_eq!(names.len(), 1_202, "{kind:?}");
        assert!(names.contains(&"'=HYPERLINK(\"x\")".to_owned()) && names.contains(&"Berg, \"Söhne\" & Co".to_owned()));
        assert!(text.contains("'@SUM(1)"), "{kind:?}");

        let few = connected.app.request(Method::GET, "/api/customers.csv?q=berg&show=synced").send().await.unwrap();
        assert_eq!(few.text().await.unwrap().lines().count(), 2);
        for unknown in ["limit=5", "sort=name"] {
            let (status, _problem, _links) = connected.page(&format!("/api/customers.csv?{unknown}")).await;
            assert_eq!(status, 400, "there are no pages in it, and no order");
        }
        let log = connected.app.admin(Method::GET, "/api/audit?limit=500").await.send().await.unwrap();
        let log: Value = log.json().await.unwrap();
        let exports = log["data"].as_array().unwrap().iter().filter(|entry| entry["action"] == "customers_export");
        assert_eq!(exports.count(), 4, "{log}");
    }
}

#[tokio::test]
async fn somebody_makes_one_export_at_a_time() {
    let connected = Connected::start(Kind::Sqlite).await;
    execute(
        &connected.database,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO customers (name, notes) SELECT 'Many ' || i, printf('%01000d', i) FROM n",
    )
    .await;
    let export = async || connected.app.request(Method::GET, "/api/customers.csv").send().await.unwrap();
    // Nobody reads it, so that it is not at its end.
    let unread = export().await;
    let refused = export().await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    let another = connected.app.admin(Method::GET, "/api/customers.csv").await.send().await.unwrap();
    assert_eq!((unread.status().as_u16(), another.status().as_u16()), (200, 200), "somebody else has a turn");
    drop(unread);
    wait_until("another one may begin", async || export().await.status() == 200).await;
}
