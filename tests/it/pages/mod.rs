//! The pages. `acting`, `away`, `clicks`, `customer`, `customers`, `hostile` and `overview` use them in a real Chromium, `looks`
//! takes pictures there and has axe-core judge them; the others ask by HTTP, as a browser without scripts.
//!
//! A new page gets a line in `looks` and its clicks in a file of its own.

mod acting;
mod activity;
mod away;
mod clicks;
mod customer;
mod customer_looks;
mod customers;
mod failures;
mod files;
mod hostile;
mod looks;
mod overview;
mod reference;
mod renewals;
mod routes;
mod settings;
mod signing_in;

use customer_sync::domain::role::Role;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::domain::user::UserName;
use customer_sync::simulator::{Options, Simulator};
use customer_sync::sync::passwords::Passwords;
use customer_sync::sync::users;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::app::{SECRET, TestApp, client, wait_until};
use crate::support::chromium::Browser;
use crate::support::databases::{Database, Kind, fresh};
use crate::support::sql::execute;

/// The password of everybody in these tests.
const PASSWORD: &str = "correct horse battery";

/// Service and stand-in.
struct Site {
    app: TestApp,
    erpnext: Simulator,
    database: Database,
}

impl Site {
    async fn start() -> Self {
        Self::configured(&[]).await
    }

    async fn configured(settings: &[(&'static str, &str)]) -> Self {
        let erpnext = Simulator::start(Options { retry_scale: 0.01, ..Options::default() }).await.unwrap();
        let database = fresh(Kind::Sqlite).await;
        let settings = [&[("access.sign_ins_per_minute", "1000")], settings].concat();
        let app = TestApp::configured(&database, &erpnext, &settings).await;
        erpnext.register_webhooks(&app.webhook_url(), SECRET).unwrap();
        Self { app, erpnext, database }
    }

    /// Documents that ERPNext cannot give: their jobs are dead.
    async fn fail(&self, names: &[&str]) {
        // Were nobody well, the site would be paused instead.
        self.erpnext.import("Customer", json!({"customer_name": "Sound"})).unwrap();
        for name in names {
            self.erpnext.import("Customer", json!({"customer_name": name})).unwrap();
            self.erpnext.faults().poison(name, 417);
            self.app.hint("on_update", "Customer", name).await;
        }
        self.app.settled().await;
    }

    /// Has that be the error of a document that failed.
    async fn complain(&self, name: &str, error: &str) {
        let error = error.replace('\'', "''");
        execute(&self.database, &format!("UPDATE sync_jobs SET last_error = '{error}' WHERE name = '{name}'")).await;
    }

    /// A sweep that would remove 12 of 20 customers, and waits for a person; its id.
    async fn hold(&self) -> i64 {
        let others = self.erpnext.names("Customer");
        self.erpnext.seed_customers(20);
        let run = self.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
        self.run_is(run, RunState::Succeeded).await;
        let seeded = self.erpnext.names("Customer").into_iter().filter(|name| !others.contains(name));
        for name in seeded.take(12) {
            self.erpnext.sql_delete("Customer", &name);
        }
        let run = self.app.store().start_run(RunKind::Sweep, RunCause::Person).await.unwrap().run;
        self.run_is(run, RunState::Held).await;
        run
    }

    async fn run_is(&self, run: i64, state: RunState) {
        wait_until(&format!("run {run} is {}", state.as_str()), async || {
            self.app.store().run(run).await.unwrap().unwrap().state == state
        })
        .await;
        self.app.settled().await;
    }

    /// Two rows of the application that a document of ERPNext may belong to: two questions. The rows' ids.
    async fn ask(&self, names: [&str; 2]) -> [i64; 2] {
        let mut ids = [0; 2];
        for (id, name) in ids.iter_mut().zip(names) {
            let row = json!({"name": name, "email": "info@two.example"});
            let request = self.app.request(Method::POST, "/api/customers").json(&row);
            let made: Value = request.send().await.unwrap().json().await.unwrap();
            *id = made["data"]["id"].as_i64().unwrap();
        }
        let customer = json!({"customer_name": "Two Ltd", "email_id": "info@two.example", "tax_id": "TAX 2"});
        self.erpnext.create_customer(customer).unwrap();
        wait_until("two questions are asked", async || self.app.store().open_suggestions().await.unwrap() == 2).await;
        ids
    }

    async fn add(&self, name: &str, role: Role) {
        let name = UserName::parse(name).unwrap();
        users::add(self.app.store(), &Passwords::default(), &name, role, PASSWORD).await.unwrap();
    }

    /// Somebody of that role, signed in at the overview.
    async fn browser(&self, name: &str, role: Role) -> Browser {
        self.browser_at(&self.app.url, name, role).await
    }

    /// The same, where the service is reached at that address.
    async fn browser_at(&self, address: &str, name: &str, role: Role) -> Browser {
        self.add(name, role).await;
        let browser = Browser::open(address).await;
        browser.goto("/").await;
        browser.fill("[name=name]", name).await;
        browser.fill("[name=password]", PASSWORD).await;
        browser.press("Sign in").await;
        browser.at("/").await;
        browser
    }

    /// Ends all sessions of somebody, as another process may.
    async fn sign_out_everywhere(&self, name: &str) {
        let users = self.app.store().users().await.unwrap();
        let id = users.iter().find(|user| user.name == name).unwrap().id;
        self.app.store().end_sessions(id).await.unwrap();
    }

    fn visitor(&self) -> Visitor {
        // Made first, because it sees to it that TLS can be had.
        drop(client());
        let http = reqwest::Client::builder().no_proxy().no_gzip().redirect(Policy::none()).build().unwrap();
        Visitor { http, url: self.app.url.clone(), cookies: Vec::new() }
    }

    /// Somebody of that role who is signed in.
    async fn signed_in(&self, name: &str, role: Role) -> Visitor {
        self.add(name, role).await;
        let mut visitor = self.visitor();
        let answer = visitor.send("/sign-in", &[("name", name), ("password", PASSWORD), ("next", "/")]).await;
        assert_eq!((answer.status().as_u16(), place(&answer)), (303, "/"));
        visitor
    }
}

/// A browser without scripts: it keeps cookies, follows nothing by itself and sends forms.
struct Visitor {
    http: reqwest::Client,
    url: String,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("{}{path}", self.url)).header("Accept", "text/html");
        let request = request.header("Sec-Fetch-Site", "same-origin");
        if cookies.is_empty() { request } else { request.header("Cookie", cookies.join("; ")) }
    }

    async fn answer(&mut self, request: RequestBuilder) -> Response {
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Response {
        self.answer(self.request(Method::GET, path)).await
    }

    async fn page(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// Bytes on the wire, as browsers ask for them.
    async fn weight(&self, path: &str) -> usize {
        let request = self.request(Method::GET, path).header("Accept-Encoding", "gzip, br");
        request.send().await.unwrap().bytes().await.unwrap().len()
    }

    /// Sends a form as it is.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.answer(form(self.request(Method::POST, path), fields)).await
    }

    /// Sends a form with the proof that a page of the service has.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.page("/account").await;
        let proof = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        self.send(path, &[&[("csrf", proof.as_str())], fields].concat()).await
    }

    fn is_signed_in(&self) -> bool {
        self.cookies.iter().any(|(name, _)| name == "customer_sync")
    }
}

/// The request with these fields, as a form sends them.
fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

/// Where an answer leads.
fn place(answer: &Response) -> &str {
    answer.headers().get("location").map_or("", |place| place.to_str().unwrap())
}
