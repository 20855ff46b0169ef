//! One customer: by what ERPNext calls it, or called it; and whether a copy of it is still good.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::Kind;

impl Connected {
    async fn named(&self, name: &str) -> Response {
        self.app.request(Method::GET, "/api/customers/one").query(&[("erpnext_id", name)]).send().await.unwrap()
    }
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_customer_is_found_by_its_name_in_erpnext_and_by_a_former_one() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        for name in ["Acme", "4711", "A/B & \"C\" %2F?", "Ünlü 😀", "1"] {
            erpnext.create_customer(json!({"customer_name": name})).unwrap();
        }
        connected.settled().await;
        for name in ["Acme", "4711", "A/B & \"C\" %2F?", "Ünlü 😀", "1"] {
            let response = connected.named(name).await;
            assert_eq!(response.status(), 200, "{kind:?} {name}");
            let location = header(&response, "content-location").unwrap().to_owned();
            let body: Value = response.json().await.unwrap();
            assert_eq!((&body["data"]["erpnext_id"], &body["former_name"]), (&json!(name), &Value::Null));
            assert_eq!(location, format!("/api/customers/{}", body["data"]["id"]));
            assert_eq!(connected.app.get(&location).await["data"], body["data"]);
        }
        for nobody in ["acme", "Acme ", "Ac_e", "%", "", "unlu 😀"] {
            let response = connected.named(nobody).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{kind:?} {nobody:?}");
            let problem: Value = response.json().await.unwrap();
            assert_eq!(problem["code"], "not_found");
        }
        let id = connected.row("Acme").await["id"].clone();
        erpnext.rename("Customer", "Acme", "Acme New").unwrap();
        connected.settled().await;
        let body: Value = connected.named("Acme").await.json().await.unwrap();
        assert_eq!((&body["data"]["id"], &body["former_name"]), (&id, &json!("Acme")), "{body}");
        assert_eq!(body["data"]["erpnext_id"], "Acme New");
        // Somebody else has the name now.
        let other = erpnext.create_customer(json!({"customer_name": "Acme"})).unwrap();
        connected.settled().await;
        let body: Value = connected.named(&other).await.json().await.unwrap();
        assert_eq!(body["former_name"], Value::Null);
        assert_ne!(body["data"]["id"], id);
    }
}

#[tokio::test]
async fn a_copy_is_good_until_anything_of_the_customer_changes() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let quick = json!({"customer_name": "Acme", "email_id": "a@b.example", "address_line1": "1", "city": "X", "country": "United States"});
        let name = erpnext.create_customer(quick).unwrap();
        connected.settled().await;
        let path = format!("/api/customers/{}", connected.row(&name).await["id"]);
        let ask = async |known: &str| {
            let request = connected.app.request(Method::GET, &path).header("If-None-Match", known);
            request.send().await.unwrap()
        };
        let first = ask("\"nothing\"").await;
        assert_eq!((first.status().as_u16(), header(&first, "cache-control")), (200, Some("no-store")));
        let tag = header(&first, "etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.len() == 66, "strong: {tag}");
        for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let response = ask(&known).await;
            assert_eq!((response.status().as_u16(), header(&response, "etag")), (304, Some(tag.as_str())), "{known}");
            assert!(response.text().await.unwrap().is_empty());
        }
        let by_name = connected.named(&name).await;
        assert_eq!(header(&by_name, "etag"), Some(tag.as_str()));
        // Only a linked document changes.
        let address = erpnext.names("Address").remove(0);
        erpnext.update("Address", &address, json!({"county": "Y"})).unwrap();
        connected.settled().await;
        let response = ask(&tag).await;
        assert_eq!(response.status(), 200, "{kind:?}");
        let second = header(&response, "etag").unwrap().to_owned();
        assert_ne!(second, tag);
        // Nothing of it changes.
        connected.app.hint("on_update", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(ask(&second).await.status(), 304);
    }
}
