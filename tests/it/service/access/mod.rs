//! Who may use the service: each file tries to get further than it should.

mod abuse;
mod csrf;
mod first_admin;
mod guessing;
mod headers;
mod people;
mod sessions;
mod table;
mod tokens;
mod trail;

use customer_sync::domain::role::Role;
use customer_sync::domain::user::UserName;
use customer_sync::sync::passwords::Passwords;
use customer_sync::sync::users;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// The password of everybody in these tests.
const PASSWORD: &str = "correct horse battery";

/// A browser that is signed in: its cookie as it sends it, and what its page sends with changes.
struct Browser {
    cookie: String,
    csrf: String,
    id: i64,
}

impl Browser {
    /// Adds a user of that role and signs in.
    async fn new(app: &TestApp, name: &str, role: Role) -> Self {
        add(app, name, role).await;
        Self::signed_in(app, name, PASSWORD).await
    }

    async fn signed_in(app: &TestApp, name: &str, password: &str) -> Self {
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

    async fn is_signed_in(&self, app: &TestApp) -> bool {
        answer(self.alone(app, Method::GET, "/api/session")).await.0 == 200
    }
}

async fn add(app: &TestApp, name: &str, role: Role) -> i64 {
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
