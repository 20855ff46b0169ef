//! Webhooks that arrived, as people look at them: who may see what, which customer they are about, and when.

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::Kind;

impl Connected {
    /// Names of the webhooks of a page, in its order, and the page's next one.
    async fn webhooks(&self, path: &str) -> (Vec<String>, Option<String>) {
        let response = self.app.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let next = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        let rows = body["data"].as_array().unwrap();
        (rows.iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect(), next)
    }
}

#[tokio::test]
async fn webhooks_are_listed_filtered_and_shown() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        for name in ["A", "B & C", "A", "Ä/D"] {
            app.hint("on_update", "Customer", name).await;
        }
        app.hint("on_trash", "Supplier", "A").await;
        app.webhook("no json").await;
        connected.settled().await;
        let all = ["-", "A", "Ä/D", "A", "B & C", "A"].map(str::to_owned).to_vec();
        assert_eq!(connected.webhooks("/api/deliveries").await, (all.clone(), None), "{kind:?}");
        let mut path = Some("/api/deliveries?limit=2".to_owned());
        let mut paged = Vec::new();
        while let Some(page) = path {
            let (names, next) = connected.webhooks(&page).await;
            assert!(next.as_ref().is_none_or(|next| next.contains("limit=2")), "{next:?}");
            paged.extend(names);
            path = next;
        }
        assert_eq!(paged, all);
        for (query, count) in [
            ("name=A", 3),
            ("name=a", 0),
            ("name=A&doctype=Customer", 2),
            ("name=B%20%26%20C", 1),
            ("name=%C3%84%2FD", 1),
            ("event=on_trash", 1),
            ("verdict=ignored", 1),
            ("verdict=unusable", 1),
            ("verdict=queued&limit=500", 4),
            ("from=2020-01-01T00:00:00Z", 6),
            ("until=2020-01-01T00:00:00Z", 0),
            ("from=2020-01-01T00:00:00%2B02:00&until=9999-01-01T00:00:00Z&name=A", 3),
            ("from=9000-01-01T00:00:00Z", 0),
        ] {
            let (names, next) = connected.webhooks(&format!("/api/deliveries?{query}")).await;
            assert_eq!((names.len(), next), (count, None), "{kind:?} {query}");
        }
        let ignored = app.get("/api/deliveries?verdict=ignored").await["data"][0].clone();
        assert!(ignored["body"].is_null(), "lists hold no bodies: {ignored}");
        let path = format!("/api/deliveries/{}", ignored["id"].as_str().unwrap());
        let shown = app.get(&path).await["data"].clone();
        let body: Value = serde_json::from_str(shown["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"event": "on_trash", "doctype": "Supplier", "name": "A"}));
        assert_eq!((&shown["received_at"], &shown["verdict"]), (&ignored["received_at"], &json!("ignored")));
        let viewer = tokens::create(app.store(), "reader", Role::Viewer).await.unwrap();
        let as_viewer = async |path: &str| {
            let request = app.http.get(format!("{}{path}", app.url)).bearer_auth(&viewer);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!((as_viewer("/api/deliveries").await, as_viewer(&path).await), (200, 403));
    }
}

#[tokio::test]
async fn the_webhooks_about_a_customer_are_those_of_all_its_documents() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    let quick = json!({"customer_name": "Acme", "email_id": "a@b.example", "address_line1": "1", "city": "X", "country": "United States"});
    let name = erpnext.create_customer(quick).unwrap();
    erpnext.create_customer(json!({"customer_name": "Other"})).unwrap();
    connected.settled().await;
    let id = connected.row(&name).await["id"].clone();
    let address = erpnext.names("Address").remove(0);
    for (doctype, name) in [("Address", address.as_str()), ("Contact", "Nobody"), ("Customer", "Other")] {
        connected.app.hint("on_update", doctype, name).await;
    }
    connected.settled().await;
    let (names, next) = connected.webhooks(&format!("/api/customers/{id}/deliveries")).await;
    assert_eq!((names.first(), next), (Some(&address), None));
    assert!(names.contains(&name) && !names.contains(&"Other".to_owned()) && !names.contains(&"Nobody".to_owned()));
    let (page, next) = connected.webhooks(&format!("/api/customers/{id}/deliveries?limit=1")).await;
    assert_eq!(page, [address]);
    let (page, _) = connected.webhooks(&next.unwrap()).await;
    assert_eq!(page[..], names[1..2]);
    let local = connected.app.store().insert_local(&Default::default(), "test").await.unwrap().row.id;
    assert_eq!(connected.webhooks(&format!("/api/customers/{local}/deliveries")).await, (vec![], None));
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused() {
    let connected = Connected::start(Kind::Sqlite).await;
    for (path, expected) in [
        ("/api/deliveries?verdict=good", 400),
        ("/api/deliveries?from=yesterday", 400),
        ("/api/deliveries?until=2026-01-31", 400),
        ("/api/deliveries?limit=0", 400),
        ("/api/deliveries?colour=red", 400),
        ("/api/deliveries/nothing", 404),
        ("/api/deliveries/'; DROP TABLE customers", 404),
        ("/api/customers/999/deliveries", 404),
        ("/api/customers/abc/deliveries", 404),
        ("/api/customers/1/deliveries?limit=501", 400),
    ] {
        let response = connected.app.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
}
