//! Customers that people make, change and delete by hand, while ERPNext goes on.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::Kind;

/// A column without sources is not ERPNext's.
const OWN_NOTES: [(&str, &str); 1] = [("mapping.fields", "notes=")];

/// What the service answered.
struct Answer {
    status: u16,
    tag: Option<String>,
    body: Value,
}

async fn read(response: Response) -> Answer {
    let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    Answer { status: response.status().as_u16(), tag, body: response.json().await.unwrap() }
}

impl Connected {
    async fn add(&self, fields: &Value) -> Answer {
        read(self.app.request(Method::POST, "/api/customers").json(fields).send().await.unwrap()).await
    }

    async fn change(&self, id: &Value, fields: &Value, version: Option<&str>) -> Answer {
        let request = self.app.request(Method::PATCH, &format!("/api/customers/{id}")).json(fields);
        let request = version.map_or(request.try_clone().unwrap(), |version| request.header("If-Match", version));
        read(request.send().await.unwrap()).await
    }

    async fn delete(&self, id: &Value, version: Option<&str>) -> Answer {
        let request = self.app.request(Method::DELETE, &format!("/api/customers/{id}"));
        let request = version.map_or(request.try_clone().unwrap(), |version| request.header("If-Match", version));
        read(request.send().await.unwrap()).await
    }

    /// What happened to a customer, oldest first: kind, cause and actor.
    async fn told_of(&self, id: &Value) -> Vec<String> {
        let page = self.app.get(&format!("/api/customers/{id}/changes")).await;
        let word = |change: &Value, key: &str| change[key].as_str().unwrap_or("-").to_owned();
        let told = |change: &Value| ["kind", "cause", "actor"].map(|key| word(change, key)).join(" ");
        page["data"].as_array().unwrap().iter().rev().map(told).collect()
    }

    async fn last_change(&self) -> i64 {
        self.app.store().last_change().await.unwrap()
    }
}

#[tokio::test]
async fn a_local_customer_is_made_changed_and_deleted() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let fields =
            json!({"name": " Local Ltd ", "email": "a@b.example", "credit_limit": "12.50", "extra": {"tier": 1}});
        let response = connected.app.request(Method::POST, "/api/customers").json(&fields).send().await.unwrap();
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let added = read(response).await;
        let customer = &added.body["data"];
        let id = customer["id"].clone();
        assert_eq!((added.status, location), (201, format!("/api/customers/{id}")), "{kind:?}");
        assert_eq!(connected.app.get(&format!("/api/customers/{id}")).await["data"], *customer);
        assert_eq!((&customer["origin"], &customer["erpnext_id"]), (&json!("local"), &Value::Null));
        assert_eq!((&customer["name"], &customer["credit_limit"]), (&json!("Local Ltd"), &json!("12.5")));
        assert_eq!(customer["is_active"], true);

        let tag = added.tag.unwrap();
        let changed = connected.change(&id, &json!({"email": null, "extra": {"new": true}}), Some(&tag)).await;
        assert_eq!((changed.status, &changed.body["data"]["email"]), (200, &Value::Null));
        assert_eq!(changed.body["data"]["extra"], json!({"tier": 1, "new": true}));
        assert_eq!(changed.body["data"]["name"], "Local Ltd", "what is not named stays");

        let seq = connected.last_change().await;
        let same = connected.change(&id, &json!({"email": "", "name": "Local Ltd"}), None).await;
        assert_eq!((same.status, &same.tag), (200, &changed.tag));
        assert_eq!(same.body["data"]["updated_at"], changed.body["data"]["updated_at"]);
        assert_eq!(connected.last_change().await, seq, "nothing changed, so nothing is told");

        let late = connected.change(&id, &json!({"city": "Ulm"}), Some(&tag)).await;
        assert_eq!((late.status, &late.body["code"]), (412, &json!("outdated")));
        assert_eq!((&late.tag, late.body["etag"].as_str()), (&changed.tag, changed.tag.as_deref()));
        assert_eq!(connected.delete(&id, Some(&tag)).await.status, 412);
        for odd in ["", "nonsense", "W/\"x\"", &format!("W/{}", changed.tag.as_ref().unwrap())] {
            assert_eq!(connected.change(&id, &json!({"city": "Ulm"}), Some(odd)).await.status, 412, "{odd:?}");
        }

        let deleted = connected.delete(&id, changed.tag.as_deref()).await;
        assert_eq!(deleted.status, 200, "{}", deleted.body);
        assert!(deleted.body["data"]["deleted_at"].is_string());
        let seq = connected.last_change().await;
        assert_eq!(connected.delete(&id, None).await.body, deleted.body, "that was so before");
        // Reading it anew would not help, so that is no reason to be told to.
        for version in [None, changed.tag.as_deref()] {
            let gone = connected.change(&id, &json!({"city": "Ulm"}), version).await;
            assert_eq!((gone.status, &gone.body["code"]), (409, &json!("customer_deleted")));
        }
        assert_eq!(connected.last_change().await, seq);
        let by = |kind: &str| format!("{kind} person token:test");
        assert_eq!(connected.told_of(&id).await, ["created", "updated", "deleted"].map(by));
    }
}

#[tokio::test]
async fn what_erpnext_owns_is_changed_there() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &OWN_NOTES).await;
        let erpnext = &connected.erpnext;
        let name = erpnext.create_customer(json!({"customer_name": "A/B Ltd", "tax_id": "7"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        let seq = connected.last_change().await;
        let refused = connected.change(&id, &json!({"tax_number": "8", "notes": "mine", "city": "Ulm"}), None).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("owned_by_erpnext")), "{kind:?}");
        assert_eq!(refused.body["fields"], json!(["city", "tax_number"]));
        let address = format!("{}/app/customer/A%2FB%20Ltd", erpnext.url().trim_end_matches('/'));
        assert_eq!(refused.body["erpnext_address"], address);
        assert!(refused.body["detail"].as_str().unwrap().contains("change it in ERPNext"), "{}", refused.body);
        assert_eq!(connected.change(&id, &json!({"extra": {"a": 1}}), None).await.status, 409);
        let kept = connected.delete(&id, None).await;
        assert_eq!((kept.status, &kept.body["erpnext_address"]), (409, &json!(address)));
        assert_eq!(connected.last_change().await, seq);

        // What the mapping does not write is a person's, and stays so.
        let noted = connected.change(&id, &json!({"tax_number": "7", "notes": "mine"}), None).await;
        assert_eq!((noted.status, &noted.body["data"]["notes"]), (200, &json!("mine")));
        erpnext.update("Customer", &name, json!({"tax_id": "9", "customer_details": "theirs"})).unwrap();
        connected.settled().await;
        let row = connected.row(&name).await;
        assert_eq!((&row["tax_number"], &row["notes"]), (&json!("9"), &json!("mine")));
        connected.app.hint("on_update", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(connected.row(&name).await, row);
        assert_eq!(
            connected.told_of(&id).await,
            ["created webhook -", "updated person token:test", "updated webhook -"]
        );
    }
}

#[tokio::test]
async fn of_two_who_edit_one_version_one_is_told_to_look_again() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let added = connected.add(&json!({"name": "Both"})).await;
        let (id, mut tag) = (added.body["data"]["id"].clone(), added.tag.unwrap());
        for round in 0..5 {
            let (one, two) = (json!({"city": format!("one {round}")}), json!({"city": format!("two {round}")}));
            let version = Some(tag.as_str());
            let answers = tokio::join!(connected.change(&id, &one, version), connected.change(&id, &two, version));
            let (won, lost) = if answers.0.status == 200 { (answers.0, answers.1) } else { (answers.1, answers.0) };
            assert_eq!((won.status, lost.status), (200, 412), "{kind:?} {round}");
            assert_eq!(won.tag, lost.tag, "the loser is told the winner's version");
            tag = won.tag.unwrap();
        }
        assert_eq!(connected.told_of(&id).await.len(), 6);
    }
}

#[tokio::test]
async fn edits_and_syncs_of_one_customer_do_not_lose_each_other() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &OWN_NOTES).await;
        let erpnext = &connected.erpnext;
        let name = erpnext.create_customer(json!({"customer_name": "Busy"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        let edits = async {
            for round in 0..20 {
                let edited = connected.change(&id, &json!({"notes": format!("note {round}")}), None).await;
                assert_eq!(edited.status, 200, "{}", edited.body);
            }
        };
        let syncs = async {
            for round in 0..20 {
                erpnext.update("Customer", &name, json!({"tax_id": format!("tax {round}")})).unwrap();
                let path = format!("/api/customers/{id}/sync?wait=30");
                assert!(connected.app.request(Method::POST, &path).send().await.unwrap().status().is_success());
            }
        };
        tokio::join!(edits, syncs);
        connected.settled().await;
        let row = connected.row(&name).await;
        assert_eq!((&row["notes"], &row["tax_number"]), (&json!("note 19"), &json!("tax 19")), "{kind:?}");
        let by_hand = connected.told_of(&id).await.iter().filter(|told| told.ends_with("test")).count();
        assert_eq!(by_hand, 20, "each edit is told once");
    }
}

#[tokio::test]
async fn a_customer_made_here_is_linked_like_any_other_also_while_somebody_edits_it() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("matching.keys", "email")]).await;
        let erpnext = &connected.erpnext;
        for round in 0..5 {
            let email = format!("a{round}@b.example");
            let added = connected.add(&json!({"name": "Local", "email": email})).await;
            let id = &added.body["data"]["id"];
            let name = erpnext.create_customer(json!({"customer_name": format!("Theirs {round}"), "email_id": email}));
            let mut by_hand = 1;
            for city in ["Ulm", "Bonn", "Hof"] {
                let edited = connected.change(id, &json!({"city": city}), None).await;
                match edited.status {
                    200 => by_hand += 1,
                    409 => assert_eq!(edited.body["code"], "owned_by_erpnext", "linked meanwhile: {}", edited.body),
                    other => panic!("{other}: {}", edited.body),
                }
            }
            connected.settled().await;
            let row = connected.row(&name.unwrap()).await;
            assert_eq!((&row["id"], &row["origin"], &row["city"]), (id, &json!("erpnext"), &Value::Null), "{kind:?}");
            let history = connected.told_of(id).await;
            assert_eq!(history.iter().filter(|told| told.ends_with("test")).count(), by_hand, "{history:?}");
            assert!(history.contains(&"linked webhook -".to_owned()), "{history:?}");
        }
        assert_eq!(connected.app.customers().await.len(), 5);
    }
}

#[tokio::test]
async fn who_waited_for_a_deleted_customer_gets_a_row_of_its_own() {
    let connected = Connected::configured(Kind::Sqlite, &[("matching.keys", "email")]).await;
    let twin = json!({"name": "Twin", "email": "a@b.example"});
    let ids = [connected.add(&twin).await, connected.add(&twin).await].map(|added| added.body["data"]["id"].clone());
    let name =
        connected.erpnext.create_customer(json!({"customer_name": "Theirs", "email_id": "a@b.example"})).unwrap();
    connected.settled().await;
    assert!(connected.app.customer(&name).await.is_none(), "two rows have its e-mail: a person is asked");
    for id in &ids {
        assert_eq!(connected.delete(id, None).await.status, 200);
    }
    connected.settled().await;
    assert!(!ids.contains(&connected.row(&name).await["id"]));
    assert_eq!(connected.app.get("/api/suggestions").await["data"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_field_by_field() {
    let connected = Connected::start(Kind::Sqlite).await;
    let wrong = json!({"nmae": "x", "email": 7, "credit_limit": "1,000", "is_active": 1, "id": 3, "extra": {"a": []}});
    let id = connected.add(&json!({"name": "Acme"})).await.body["data"]["id"].clone();
    let seq = connected.last_change().await;
    for answer in [connected.add(&wrong).await, connected.change(&id, &wrong, None).await] {
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("invalid_fields")));
        let errors = answer.body["errors"].as_array().unwrap();
        let fields: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        for field in ["nmae", "email", "credit_limit", "is_active", "id", "extra.a"] {
            assert!(fields.contains(&field), "{field}: {errors:?}");
        }
        assert!(
            errors.iter().all(|error| !error["message"].as_str().unwrap().contains("1,000")),
            "no value is repeated"
        );
    }
    for body in ["", "{", "[]", "7", "null", "\"name\"", "{\"name\": \"a\\u0000b\"}"] {
        for (method, path) in
            [(Method::POST, "/api/customers".to_owned()), (Method::PATCH, format!("/api/customers/{id}"))]
        {
            let request = connected.app.request(method.clone(), &path).body(body);
            let answer = read(request.send().await.unwrap()).await;
            assert_eq!((answer.status, &answer.body["code"]), (400, &json!("bad_request")), "{method} {body:?}");
        }
    }
    for (id, expected) in [(json!(999), 404), (json!("abc"), 404), (json!(-1), 404)] {
        assert_eq!(connected.change(&id, &json!({"name": "x"}), None).await.status, expected);
        assert_eq!(connected.delete(&id, None).await.status, expected);
    }
    assert_eq!(connected.last_change().await, seq);
}
