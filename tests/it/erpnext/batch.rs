//! Batches: the recorded eight calls and their answers, and what happens where some of it is missing.

use customer_sync::erpnext::{Access, Batch, Canaries, Error, Work};
use serde_json::{Value, json};

use super::recordings;
use super::stand_in::{Reaction, Seen, StandIn};

const FILE: &str = "84-batch-read-post-get_list.json";
const NAMES: [&str; 3] = ["50% Off Outlet 000339", "50% Off Outlet 001072", "A/B Testing 000524"];

fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}

fn body(request: &Seen) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

async fn read(erpnext: &StandIn, canaries: &Canaries) -> Result<Batch, Error> {
    erpnext.client().read_customers(&names(), canaries, None, Work::Interactive).await
}

/// As recorded, but for one doctype (and parent) where `change` decides.
async fn recorded_but(doctype: &'static str, parent: Value, change: Reaction) -> StandIn {
    StandIn::start(move |request| {
        let asked = body(request);
        if asked["doctype"] == doctype && asked["parent"] == parent {
            change.clone()
        } else {
            recordings::answer(FILE, request)
        }
    })
    .await
}

#[tokio::test]
async fn the_recorded_batch_in_exactly_the_recorded_calls() {
    let erpnext = StandIn::start(|request| recordings::answer(FILE, request)).await;
    let batch = read(&erpnext, &Canaries::default()).await.unwrap();

    let mut asked: Vec<String> =
        erpnext.seen().iter().map(|request| recordings::question(&request.body).to_string()).collect();
    let mut recorded: Vec<String> = recordings::exchanges(FILE)
        .iter()
        .map(|exchange| recordings::question(exchange["request"]["body"].as_str().unwrap()).to_string())
        .collect();
    asked.sort();
    recorded.sort();
    assert_eq!(asked, recorded);

    assert_eq!(batch.customers.iter().map(|customer| customer["name"].as_str().unwrap()).collect::<Vec<_>>(), NAMES);
    assert_eq!(batch.customers[2]["customer_details"], "VIP — handle with care");
    assert_eq!(batch.credit_limits[NAMES[1]][0]["credit_limit"], json!(10000.5));
    assert_eq!(batch.address_links[NAMES[0]], ["50% Off Outlet 000339-Billing"]);
    assert_eq!(batch.contact_links[NAMES[1]], ["Łukasz Brown-50% Off Outlet 001072"]);
    assert_eq!(batch.addresses["A/B Testing 000524-Billing"]["city"], "Portland");
    let contact = &batch.contacts["Łukasz Brown-50% Off Outlet 001072"];
    assert_eq!(contact["email_ids"][0]["email_id"], "c1072@customers.example");
    let phones: Vec<&Value> = contact["phone_nos"].as_array().unwrap().iter().map(|row| &row["phone"]).collect();
    assert_eq!(phones, ["+1 555 085 6949", "+1 555 017 8317"]);
    assert_eq!(batch.readable, Default::default());
}

#[tokio::test]
async fn canaries_are_asked_for_along_with_the_others() {
    let erpnext = StandIn::start(|_| Reaction::json(200, r#"{"message":[]}"#)).await;
    let canaries = Canaries { address: Some("Known Address".to_owned()), contact: Some("Known Contact".to_owned()) };
    let batch = read(&erpnext, &canaries).await.unwrap();
    assert!(batch.customers.is_empty() && batch.addresses.is_empty());
    let asked: Vec<Value> = erpnext.seen().iter().map(body).collect();
    let filter = |doctype: &str| asked.iter().find(|body| body["doctype"] == doctype).unwrap()["filters"][0].clone();
    assert_eq!(asked.len(), 8);
    assert_eq!(filter("Address"), json!(["name", "in", ["Known Address"]]));
    assert_eq!(filter("Contact"), json!(["name", "in", ["Known Contact"]]));
}

#[tokio::test]
async fn nothing_is_asked_where_there_is_nothing_to_ask() {
    let erpnext = StandIn::start(|_| Reaction::json(200, r#"{"message":[]}"#)).await;
    read(&erpnext, &Canaries::default()).await.unwrap();
    assert_eq!(erpnext.seen().len(), 4, "without links there is no second round");
    let client = erpnext.client();
    let nobody = client.read_customers(&[String::new()], &Canaries::default(), None, Work::Bulk).await.unwrap();
    assert_eq!(nobody, Batch::default());
    assert_eq!(erpnext.seen().len(), 4);
}

#[tokio::test]
async fn a_primary_address_without_a_link_is_read_all_the_same() {
    let none = Reaction::json(200, r#"{"message":[]}"#);
    let erpnext = recorded_but("Dynamic Link", json!("Address"), none).await;
    let batch = read(&erpnext, &Canaries::default()).await.unwrap();
    assert!(batch.address_links.is_empty());
    assert_eq!(batch.addresses.len(), 3);
}

#[tokio::test]
async fn an_address_of_two_customers_and_a_doubled_link() {
    let links = json!({"message": [
        {"parent": "50% Off Outlet 000339-Billing", "link_name": NAMES[0]},
        {"parent": "50% Off Outlet 000339-Billing", "link_name": NAMES[0]},
        {"parent": "50% Off Outlet 000339-Billing", "link_name": NAMES[1]},
    ]});
    let erpnext = recorded_but("Dynamic Link", json!("Address"), Reaction::json(200, &links.to_string())).await;
    let batch = read(&erpnext, &Canaries::default()).await.unwrap();
    assert_eq!(batch.address_links[NAMES[0]], ["50% Off Outlet 000339-Billing"]);
    assert_eq!(batch.address_links[NAMES[1]], ["50% Off Outlet 000339-Billing"]);
}

#[tokio::test]
async fn what_is_forbidden_is_told_apart_from_what_is_empty() {
    let forbidden = || recordings::last("75-no-permission-403.json");
    let access = async |doctype, parent| {
        let erpnext = recorded_but(doctype, parent, forbidden()).await;
        read(&erpnext, &Canaries::default()).await.unwrap()
    };
    let no = Access::Forbidden;
    assert_eq!(access("Customer Credit Limit", json!("Customer")).await.readable.credit_limits, no);
    assert_eq!(access("Dynamic Link", json!("Address")).await.readable.address_links, no);
    assert_eq!(access("Dynamic Link", json!("Contact")).await.readable.contact_links, no);
    assert_eq!(access("Address", Value::Null).await.readable.addresses, no);
    let contacts = access("Contact", Value::Null).await;
    assert_eq!((contacts.readable.contacts, contacts.readable.addresses), (no, Access::Readable));
    for (doctype, missing, there) in
        [("Contact Email", "email_ids", "phone_nos"), ("Contact Phone", "phone_nos", "email_ids")]
    {
        let batch = access(doctype, json!("Contact")).await;
        assert_eq!(batch.readable.contact_details, no, "{doctype}");
        assert!(batch.contacts.values().all(|contact| !contact.contains_key(missing) && contact.contains_key(there)));
    }
}

#[tokio::test]
async fn any_other_failure_fails_the_batch() {
    let customer = recorded_but("Customer", Value::Null, recordings::last("75-no-permission-403.json")).await;
    assert_eq!(read(&customer, &Canaries::default()).await.unwrap_err().label(), "forbidden");
    let proxy = recorded_but("Address", Value::Null, Reaction::html(403)).await;
    assert_eq!(read(&proxy, &Canaries::default()).await.unwrap_err().label(), "not_erpnext");
    let broken = recorded_but("Contact Phone", json!("Contact"), recordings::last("77-bad-field-417.json")).await;
    assert_eq!(read(&broken, &Canaries::default()).await.unwrap_err().label(), "invalid");
}
