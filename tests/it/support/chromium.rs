//! A headless Chromium, driven over WebDriver by `chromedriver`, as a person would use the pages.
//!
//! Invariant: one chromedriver serves the whole test process, each test has a browser of its own, and all of them go when
//! this process ends, however it ends. A browser that reports a violation of the page's rules (CSP), an error of a script
//! or an answer that nobody expected fails its test.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::app::wait_until;
use super::databases::{Supervisor, find, free_port};
use super::webdriver::{By, WebDriver};

/// How long chromedriver may take to answer: generous, because the machine may be busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The width and height of a screen, in CSS pixels.
pub const WIDE: (u32, u32) = (1280, 900);
/// As [`WIDE`].
pub const PHONE: (u32, u32) = (390, 844);

/// Where the accessibility of pages is judged (axe-core, see its licence beside it).
const AXE: &str = include_str!("../../fixtures/axe/axe.min.js");

/// Without a sandbox, which a container does not allow; only pages of the service are opened.
const ARGUMENTS: [&str; 6] =
    ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US"];

/// A running chromedriver.
struct Driver {
    url: String,
    _supervisor: Supervisor,
}

impl Driver {
    async fn start() -> Self {
        // A port that is free now may be taken a moment later: then another one.
        for _ in 0..5 {
            let supervisor = Supervisor::for_server("TERM");
            let port = free_port();
            let folder = supervisor.folder().display().to_string();
            // Its browsers do not end with chromedriver, but they are in its group.
            let ended = supervisor.run(&format!(
                "env HOME='{folder}' sh -c 'setsid {} --port={port} --silent & group=$!; \
                 trap \"kill -s KILL -- -$group\" TERM; wait $group'",
                find("chromedriver", &["/usr/bin"]).display(),
            ));
            let url = format!("http://127.0.0.1:{port}");
            let http = super::app::client();
            let ready = wait_until("chromedriver is ready", async || {
                http.get(format!("{url}/status")).send().await.is_ok_and(|answer| answer.status().is_success())
            });
            tokio::select! {
                _ = ended => {}
                started = tokio::time::timeout(START_TIMEOUT, ready) => {
                    assert!(started.is_ok(), "chromedriver does not start:\n{}", supervisor.log());
                    return Self { url, _supervisor: supervisor };
                }
            }
        }
        panic!("chromedriver found no free port five times");
    }
}

/// A browser.
pub struct Browser {
    driver: WebDriver,
    base: String,
}

impl Browser {
    /// A fresh one, for the service at that address.
    pub async fn open(base: &str) -> Self {
        static DRIVER: OnceCell<Driver> = OnceCell::const_new();
        let server = DRIVER.get_or_init(Driver::start).await;
        let driver = WebDriver::start(&server.url, &ARGUMENTS).await.unwrap();
        let browser = Self { driver, base: base.to_owned() };
        browser.screen(WIDE).await;
        browser
    }

    /// Gives the page that many CSS pixels.
    pub async fn screen(&self, (width, height): (u32, u32)) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.chromium("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }

    /// Opens a page of the service.
    pub async fn goto(&self, path: &str) {
        self.driver.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// Path and query of the page that is open.
    pub async fn place(&self) -> String {
        let url: url::Url = self.driver.url().await.unwrap().parse().unwrap();
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Waits until the page at that path is open.
    pub async fn at(&self, path: &str) {
        wait_until(&format!("{path} is open"), async || self.place().await == path).await;
    }

    /// What a script on the page gives (`return …`).
    pub async fn script(&self, script: &str) -> Value {
        self.driver.run(script).await.unwrap()
    }

    /// Waits until an expression is true on the page.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        wait_until(expression, async || {
            // A page that is just being left cannot be asked.
            self.driver.run(&script).await.is_ok_and(|answer| answer == json!(true))
        })
        .await;
    }

    /// Waits until the page shows that text.
    pub async fn shows(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Makes every answer come that much later.
    pub async fn slow_down(&self, by: Duration) {
        let latency = u64::try_from(by.as_millis()).unwrap();
        let line = json!({"offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1});
        self.driver.chromium("Network.enable", json!({})).await.unwrap();
        self.driver.chromium("Network.emulateNetworkConditions", line).await.unwrap();
    }

    /// Clicks on what the CSS selector finds, once it can be clicked.
    pub async fn click(&self, selector: &str) {
        wait_until(&format!("{selector} can be clicked"), async || self.driver.click(By::Css(selector)).await.is_ok())
            .await;
    }

    /// Clicks on the button or link that says that, or else on one that says it among other things.
    pub async fn press(&self, text: &str) {
        let text = json!(text);
        let saying = |what| format!("//*[self::button or self::a or self::summary][{what}]");
        let paths = [
            saying(format!("normalize-space(.) = normalize-space({text})")),
            saying(format!("contains(normalize-space(.), {text})")),
        ];
        wait_until(&format!("{text} can be pressed"), async || {
            for path in &paths {
                if self.driver.click(By::XPath(path)).await.is_ok() {
                    return true;
                }
            }
            false
        })
        .await;
    }

    /// Types into the field that the CSS selector finds, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.driver.fill(By::Css(selector), text).await.unwrap();
    }

    /// Types where the focus is; `\t` and `\n` are the keys.
    pub async fn keys(&self, text: &str) {
        self.driver.keys(text).await.unwrap();
    }

    /// Fails where axe-core finds the page hard to use for somebody.
    pub async fn is_accessible(&self, what: &str) {
        let script = format!(
            "{AXE}; return axe.run(document, {{resultTypes: ['violations']}}).then((found) => found.violations)"
        );
        let found = self.script(&script).await;
        let mut report = String::new();
        for violation in found.as_array().unwrap() {
            writeln!(report, "{} ({}): {}", violation["id"], violation["impact"], violation["help"]).unwrap();
            for node in violation["nodes"].as_array().unwrap() {
                writeln!(report, "    {}\n    {}", node["html"], node["failureSummary"]).unwrap();
            }
        }
        assert!(report.is_empty(), "{what}:\n{report}");
    }

    /// Keeps a picture of the whole page in the folder `CUSTOMER_SYNC_SCREENSHOTS`, else `target/screenshots`.
    pub async fn picture(&self, name: &str, (width, height): (u32, u32)) {
        self.screen((width, height)).await;
        let whole = self.script("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        let whole = u32::try_from(whole).unwrap().clamp(height, 6_000);
        self.screen((width, whole)).await;
        let image = self.driver.screenshot().await.unwrap();
        let folder = std::env::var_os("CUSTOMER_SYNC_SCREENSHOTS")
            .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots")), PathBuf::from);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), image).unwrap();
        self.screen(WIDE).await;
    }

    /// What the browser had to complain about since it was asked last.
    pub async fn complaints(&self) -> Vec<String> {
        let said = self.driver.log().await.unwrap();
        let said = said.as_array().unwrap().iter().map(|entry| format!("{}: {}", entry["level"], entry["message"]));
        said.filter(|entry| entry.contains("SEVERE") || entry.contains("WARNING")).collect()
    }

    /// Ends the browser; fails where it had something to complain about. `expected` are parts of complaints that belong to
    /// the test: an answer with a status that it asked for.
    pub async fn close(self, expected: &[&str]) {
        let complaints = self.complaints().await;
        self.driver.quit().await.unwrap();
        let unexpected: Vec<String> =
            complaints.into_iter().filter(|entry| !expected.iter().any(|part| entry.contains(part))).collect();
        assert!(unexpected.is_empty(), "the browser complained:\n{}", unexpected.join("\n"));
    }
}
