//! Who may use the service: each file tries to get further than it should.
//!
//! - `table`: no token, a wrong role, a method that is not there, on each route
//! - `tokens`, `first_admin`: expired, revoked, used up, guessed, used by many at once
//! - `sessions`, `people`: cookies that are planted, forged, replayed, too old; what is left after another role or password
//! - `revoked`: answers that were open when access was lost
//! - `csrf`: other sites' pages, forms and scripts
//! - `guessing`: names by text and by time, passwords and links in turn and all at once, forged addresses of clients
//! - `disguise`: what lets in at the wrong place, roles that nobody gave, other protocols and forms of a request
//! - `abuse`, `slow`: too big, too deep, twisted, smuggled, SQL; too slow, or never to its end
//! - `waiting`: more open answers than one may have
//! - `headers`: answers that are kept, framed, guessed at or sent elsewhere; headers made of what was sent
//! - `service::listing` and `web::api::csv`: formulas in the export
//! - `trail`: deeds that leave no trace, secrets that do

mod abuse;
mod csrf;
mod disguise;
mod first_admin;
mod guessing;
mod headers;
mod people;
mod revoked;
mod sessions;
mod slow;
mod table;
mod tokens;
mod trail;
mod waiting;

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::domain::user::UserName;
use customer_sync::sync::passwords::Passwords;
use customer_sync::sync::users;
use customer_sync::web::ListedRoute;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::TestApp;

/// The password of everybody in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// A browser that is signed in: its cookie as it sends it, and what its page sends with changes.
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
    id: i64,
}

impl Browser {
    /// Adds a user of that role and signs in.
    async fn new(app: &TestApp, name: &str, role: Role) -> Self {
        add(app, name, role).await;
        Self::signed_in(app, name, PASSWORD).await
    }

    pub async fn signed_in(app: &TestApp, name: &str, password: &str) -> Self {
        let response = sign_in(app, name, password).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let body: Value = response.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { cookie, csrf: text(&body["data"]["csrf_token"]), id: body["data"]["user"]["id"].as_i64().unwrap() }
    }

    /// As the browser's page sends it.
    fn request(&self, app: &TestApp, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.alone(app, method, path).header("X-CSRF-Token", &self.csrf).header("Sec-Fetch-Site", "same-origin")
    }

    /// With the cookie alone, as any page can make a browser send it.
    fn alone(&self, app: &TestApp, method: Method, path: &str) -> reqwest::RequestBuilder {
        app.http.request(method, format!("{}{path}", app.url)).header("Cookie", &self.cookie)
    }

    pub async fn is_signed_in(&self, app: &TestApp) -> bool {
        answer(self.alone(app, Method::GET, "/api/session")).await.0 == 200
    }
}

pub async fn add(app: &TestApp, name: &str, role: Role) -> i64 {
    let name = UserName::parse(name).unwrap();
    users::add(app.store(), &Passwords::default(), &name, role, PASSWORD).await.unwrap()
}

fn sign_in(app: &TestApp, name: &str, password: &str) -> reqwest::RequestBuilder {
    app.http.post(format!("{}/api/session", app.url)).json(&json!({"name": name, "password": password}))
}

/// Status and body of an answer; a body that is no JSON (a stream that never ends, say) is null.
async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let json = response.headers().get("content-type").is_some_and(|kind| kind.to_str().unwrap().contains("json"));
    (status, if json { response.json().await.unwrap() } else { Value::Null })
}

/// Opens a connection and sends raw bytes.
async fn send(app: &TestApp, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// What comes until the server closes the connection; panics unless it does.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the server ends it").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends raw bytes and leaves the connection open; what comes back until the server closes it.
async fn raw(app: &TestApp, bytes: &str) -> String {
    until_closed(send(app, bytes).await).await
}

/// A path of that route for something that does not exist.
fn somewhere(route: &ListedRoute) -> String {
    route.path.replace("{id}", "999999").replace("{name}", "nothing")
}
