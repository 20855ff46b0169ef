//! Somebody signed in, whose browser asks for pages.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::service::Service;

/// A browser with its session.
pub struct Visitor {
    http: reqwest::Client,
    url: String,
    session: String,
}

impl Visitor {
    /// A viewer, made for this, signs in.
    pub async fn sign_in(service: &Service) -> anyhow::Result<Self> {
        const NAME: &str = "visitor";
        const PASSWORD: &str = "a password for the benchmark";
        let someone = json!({"name": NAME, "role": "viewer", "password": PASSWORD});
        service.client().post("/api/users").json(&someone).send().await?.error_for_status()?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}", service.address()?);
        let credentials = json!({"name": NAME, "password": PASSWORD});
        let entered = http.post(format!("{url}/api/session")).json(&credentials).send().await?.error_for_status()?;
        let cookie = entered.headers().get("set-cookie").context("a session is handed out")?.to_str()?;
        let session = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { http, url, session })
    }

    /// How long the first byte of that page takes to arrive; the page is read to its end.
    pub async fn first_byte(&self, path: &str) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let request = self.http.get(format!("{}{path}", self.url)).header("Cookie", &self.session);
        let mut answer = request.send().await?.error_for_status()?;
        answer.chunk().await?.context("the page is not empty")?;
        let took = began.elapsed();
        while answer.chunk().await?.is_some() {}
        Ok(took)
    }
}
