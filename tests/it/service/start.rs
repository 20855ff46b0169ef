//! What a new user is told when ERPNext cannot be read: at once, in words, and not only after the first webhook.

use customer_sync::app::App;
use customer_sync::simulator::{Options, Simulator};
use serde_json::Value;

use crate::support::app::{client, config, wait_until};
use crate::support::databases::{Kind, fresh};

/// Starts the service on that site with that key and waits until `/readyz` says what is wanted.
async fn says(erpnext: &str, key: (&str, &str), wanted: &str) {
    let database = fresh(Kind::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&database.url, erpnext, key.0, key.1, folder.path().to_owned(), &[]);
    let app = App::start(&config, false).await.unwrap();
    let http = client();
    let url = format!("http://{}/readyz", app.address());
    wait_until(wanted, async || {
        let answer = http.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "a load balancer must not turn webhooks away");
        answer.json::<Value>().await.unwrap()["reasons"].to_string().contains(wanted)
    })
    .await;
    app.tasks().begin_stop();
}

#[tokio::test]
async fn a_wrong_address_key_or_role_is_told_before_the_first_webhook() {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    let (key, secret) = erpnext.key();
    says(&erpnext.url(), (&key, "wrong"), "ERPNEXT_API_SECRET").await;
    let (nobody, nobodys_secret) = erpnext.add_user("nobody@example.com", &[]);
    says(&erpnext.url(), (&nobody, &nobodys_secret), "read permission on Customer").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    says(&format!("http://{closed}"), (&key, &secret), "nothing listens there").await;
    erpnext.faults().requests(customer_sync::simulator::Fault::Html(200), 1000);
    says(&erpnext.url(), (&key, &secret), "not ERPNext's").await;
}

#[tokio::test]
async fn trouble_ends_by_itself_when_erpnext_is_there() {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    erpnext.take_down().await;
    let database = fresh(Kind::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let (key, secret) = erpnext.key();
    let config = config(&database.url, &erpnext.url(), &key, &secret, folder.path().to_owned(), &[]);
    let app = App::start(&config, false).await.unwrap();
    let (http, url) = (client(), format!("http://{}/readyz", app.address()));
    let status = async || http.get(&url).send().await.unwrap().json::<Value>().await.unwrap()["status"].clone();
    wait_until("degraded", async || status().await == "degraded").await;
    erpnext.bring_up().await.unwrap();
    wait_until("ready", async || status().await == "ready").await;
    for path in ["livez", "readyz"] {
        let head = http.head(url.replace("readyz", path)).send().await.unwrap();
        assert_eq!(head.status(), 200, "load balancers ask by HEAD");
    }
    assert_eq!(http.post(url.replace("readyz", "livez")).send().await.unwrap().status(), 405);
    app.tasks().begin_stop();
}
