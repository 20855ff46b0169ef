//! `customer-sync setup` with the real binary, against the stand-in and a running service.
//!
//! Invariant: what is asserted is what ERPNext has afterwards and whether webhooks arrive, not only what was printed.

mod connect;
mod refusals;
mod rotation;

use customer_sync::simulator::{Options, Simulator};
use serde_json::{Value, json};

use crate::support::app::{SECRET, TestApp};
use crate::support::binary::run;
use crate::support::databases::{Database, Kind, fresh};

/// The user that `setup` makes where nobody names another.
const USER: &str = "customer-sync@127.0.0.1";

/// An ERPNext to connect, with an administrator, and a folder to run `setup` in.
struct Office {
    erpnext: Simulator,
    folder: tempfile::TempDir,
}

/// What `setup` said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Office {
    /// One with a customer that has an Address and a Contact.
    async fn open() -> Self {
        let erpnext = Simulator::start(Options { retry_scale: 0.01, ..Options::default() }).await.unwrap();
        let customer = json!({
            "customer_name": "Acme \"Q\" Ltd", "email_id": "a@acme.example", "address_line1": "1 Road", "city": "Town",
            "country": "United States",
        });
        erpnext.create_customer(customer).unwrap();
        Self { erpnext, folder: tempfile::tempdir().unwrap() }
    }

    /// A System Manager's key, as `setup` takes it.
    fn admin_key(&self) -> String {
        let (key, secret) = self.erpnext.add_user("boss@example.com", &["System Manager"]);
        format!("{key}:{secret}")
    }

    /// Runs `setup` with these flags and variables; ERPNext's address is always set.
    async fn setup(&self, flags: &[&str], variables: &[(&str, &str)]) -> Said {
        let folder = self.folder.path().to_owned();
        let arguments: Vec<String> = std::iter::once("setup").chain(flags.iter().copied()).map(str::to_owned).collect();
        let mut environment: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.push(("ERPNEXT_URL".to_owned(), self.erpnext.url()));
        let output = tokio::task::spawn_blocking(move || {
            let environment: Vec<(&str, &str)> = environment.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            run(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &environment)
        })
        .await
        .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let said = Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }

    /// Its Webhooks by name.
    fn webhooks(&self) -> Vec<String> {
        self.erpnext.names("Webhook")
    }

    fn webhook(&self, name: &str) -> Value {
        Value::Object(self.erpnext.document("Webhook", name).unwrap_or_default())
    }

    /// Errors in the Webhook Request Log.
    fn failed_deliveries(&self) -> Vec<String> {
        let logged = self.erpnext.names("Webhook Request Log").into_iter();
        let errors = logged.filter_map(|name| {
            let row = self.erpnext.document("Webhook Request Log", &name)?;
            Some(row.get("error")?.as_str()?.to_owned())
        });
        errors.filter(|error| !error.is_empty()).collect()
    }
}

/// A service that runs, on a database that `setup` shares with it.
struct Running {
    app: TestApp,
    database: Database,
}

impl Running {
    async fn start(office: &Office, secrets: &str) -> Self {
        let database = fresh(Kind::Sqlite).await;
        let app = TestApp::configured(&database, &office.erpnext, &[("webhook.secrets", secrets)]).await;
        Self { app, database }
    }

    /// `setup` for this service.
    async fn setup(&self, office: &Office, key: &str, secrets: &str, flags: &[&str]) -> Said {
        let listen = self.app.url.trim_start_matches("http://");
        let variables = [
            ("ERPNEXT_ADMIN_KEY", key),
            ("ERPNEXT_WEBHOOK_SECRET", secrets),
            ("PUBLIC_URL", self.app.url.as_str()),
            ("LISTEN", listen),
            ("DATABASE_URL", self.database.url.as_str()),
        ];
        office.setup(flags, &variables).await
    }

    /// The same with the usual secret, agreed to.
    async fn connect(&self, office: &Office, key: &str, flags: &[&str]) -> Said {
        self.setup(office, key, SECRET, &[flags, &["--yes"]].concat()).await
    }
}
