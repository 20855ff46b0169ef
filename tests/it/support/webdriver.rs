//! The few words of WebDriver (<https://www.w3.org/TR/webdriver2/>) that the tests need, over HTTP to a chromedriver.
//!
//! Invariant: an answer that is an error is given to the caller, who knows whether to try again. Rejected: `thirtyfour`
//! (turns on `serde_json/preserve_order` for the program under test, and adds `String + …` everywhere) and `fantoccini` (the
//! licence of what it is made of).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::app::client;

/// Under this key an answer names an element (section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What chromedriver says when something cannot be done.
pub type Refused = Value;

/// A browser that a chromedriver drives.
pub struct WebDriver {
    http: reqwest::Client,
    /// Where the session is.
    url: String,
}

/// How something on a page is found.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    Css(&'a str),
    XPath(&'a str),
}

impl WebDriver {
    /// Starts a browser with these arguments.
    pub async fn start(server: &str, arguments: &[&str]) -> Result<Self, Refused> {
        let http = client();
        let wanted = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}});
        let wanted = json!({"capabilities": {"alwaysMatch": wanted}});
        let session = send(&http, Method::POST, &format!("{server}/session"), wanted).await?;
        let id = session["sessionId"].as_str().ok_or_else(|| session.clone())?;
        Ok(Self { url: format!("{server}/session/{id}"), http })
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Refused> {
        send(&self.http, Method::POST, &format!("{}{path}", self.url), body).await
    }

    async fn get(&self, path: &str) -> Result<Value, Refused> {
        send(&self.http, Method::GET, &format!("{}{path}", self.url), Value::Null).await
    }

    pub async fn goto(&self, url: &str) -> Result<Value, Refused> {
        self.post("/url", json!({"url": url})).await
    }

    pub async fn url(&self) -> Result<String, Refused> {
        Ok(self.get("/url").await?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs the body of a function on the page and gives what it returns, or what its promise comes to.
    pub async fn run(&self, script: &str) -> Result<Value, Refused> {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// A command of Chromium's own protocol.
    pub async fn chromium(&self, command: &str, parameters: Value) -> Result<Value, Refused> {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    async fn find(&self, by: By<'_>) -> Result<String, Refused> {
        let (using, value) = match by {
            By::Css(selector) => ("css selector", selector),
            By::XPath(path) => ("xpath", path),
        };
        Ok(element(&self.post("/element", json!({"using": using, "value": value})).await?))
    }

    pub async fn click(&self, by: By<'_>) -> Result<Value, Refused> {
        let element = self.find(by).await?;
        self.post(&format!("/element/{element}/click"), json!({})).await
    }

    /// Types into a field in place of what is there.
    pub async fn fill(&self, by: By<'_>, text: &str) -> Result<Value, Refused> {
        let element = self.find(by).await?;
        self.post(&format!("/element/{element}/clear"), json!({})).await?;
        self.post(&format!("/element/{element}/value"), json!({"text": text})).await
    }

    /// Types where the focus is; `\t` and `\n` are the keys.
    pub async fn keys(&self, text: &str) -> Result<Value, Refused> {
        let focused = element(&self.get("/element/active").await?);
        let keys = text.replace('\t', "\u{e004}").replace('\n', "\u{e007}");
        self.post(&format!("/element/{focused}/value"), json!({"text": keys})).await
    }

    /// What is seen, as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>, Refused> {
        let image = self.get("/screenshot").await?;
        STANDARD.decode(image.as_str().unwrap_or_default()).map_err(|error| error.to_string().into())
    }

    /// What the browser had to say since it was asked last: objects with `level` and `message`.
    pub async fn log(&self) -> Result<Value, Refused> {
        self.post("/se/log", json!({"type": "browser"})).await
    }

    pub async fn quit(self) -> Result<Value, Refused> {
        send(&self.http, Method::DELETE, &self.url, Value::Null).await
    }
}

fn element(answer: &Value) -> String {
    answer[ELEMENT].as_str().unwrap_or_default().to_owned()
}

async fn send(http: &reqwest::Client, method: Method, url: &str, body: Value) -> Result<Value, Refused> {
    let request = http.request(method, url);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.map_err(|error| Value::from(error.to_string()))?;
    let succeeded = answer.status().is_success();
    let value = answer.json::<Value>().await.map_err(|error| Value::from(error.to_string()))?["value"].take();
    if succeeded { Ok(value) } else { Err(value) }
}
