//! Proxy, further headers, host header, and addresses that redirect.

use customer_sync::erpnext::{Client, Error, Options};

use super::recordings;
use super::stand_in::{Reaction, StandIn, options};

async fn good() -> StandIn {
    StandIn::always(recordings::last("71-logged-user.json")).await
}

#[tokio::test]
async fn further_headers_and_the_host_header_are_sent() {
    let erpnext = good().await;
    let options = Options {
        headers: vec![("CF-Access-Client-Id".to_owned(), "abc".to_owned())],
        host_header: Some("erp.example.com".to_owned()),
        ..erpnext.options()
    };
    Client::new(options).unwrap().logged_user().await.unwrap();
    let seen = &erpnext.seen()[0];
    assert_eq!(seen.header("cf-access-client-id"), Some("abc"));
    assert_eq!(seen.header("host"), Some("erp.example.com"));
}

#[tokio::test]
async fn a_proxy_gets_the_request() {
    let proxy = good().await;
    let options =
        Options { proxy: Some(format!("http://127.0.0.1:{}", proxy.port)), ..options("http://erp.example.com") };
    Client::new(options).unwrap().logged_user().await.unwrap();
    assert_eq!(proxy.seen()[0].path, "http://erp.example.com/api/method/frappe.auth.get_logged_user");
}

#[tokio::test]
async fn a_site_below_a_path() {
    let erpnext = good().await;
    let client = Client::new(options(&format!("http://127.0.0.1:{}/erp/", erpnext.port))).unwrap();
    client.logged_user().await.unwrap();
    assert_eq!(erpnext.seen()[0].path, "/erp/api/method/frappe.auth.get_logged_user");
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let elsewhere = good().await;
    let target = format!("http://127.0.0.1:{}/login", elsewhere.port);
    let erpnext = StandIn::always(Reaction::html(301).with("Location", &format!("{target}?token=abc"))).await;
    let error = erpnext.client().logged_user().await.unwrap_err();
    assert!(matches!(&error, Error::Redirect { to } if *to == target), "{error:?}");
    assert!(elsewhere.seen().is_empty());
}
