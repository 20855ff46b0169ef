//! What acknowledgements are compared with: servers that verify a webhook as the service does, then store nothing, or
//! commit one INSERT for each request.
//!
//! Invariant: a baseline is a process of its own (this benchmark, started once more), as the service is; it has the
//! service's web server, signature check and drivers, no log, no metrics, no queue.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;
use customer_sync::erpnext::signature::{HEADER, Verifier};
use serde_json::Value;

use super::hooks::SECRET;
use super::sql::Sql;

/// Stores nothing.
pub const NOTHING: &str = "nothing";

const CREATE: &str = "CREATE TABLE baseline_deliveries (name VARCHAR(140) NOT NULL, body TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO baseline_deliveries (name, body) VALUES (?, ?)";

/// A running baseline; it ends when dropped.
pub struct Baseline {
    pub address: SocketAddr,
    child: Child,
}

impl Baseline {
    /// Starts one at that database, or one that stores [`NOTHING`].
    pub fn start(database: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["--baseline", database]).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("standard output was asked for")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().context("the baseline says where it serves")?;
        Ok(Self { address, child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        // It may be gone already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

struct State {
    verifier: Verifier,
    sql: Option<Sql>,
}

/// The server's whole life: says on standard output where it serves, and serves until it is killed.
pub fn serve(database: &str) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let sql = if database == NOTHING { None } else { Some(Sql::open(database).await?) };
        if let Some(sql) = &sql {
            sql.execute(CREATE, &[]).await?;
        }
        let state = Data::new(State { verifier: Verifier::new(vec![SECRET.to_owned()]), sql });
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).route("/webhooks/erpnext", web::post().to(receive))
        });
        let server = server.bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            println!("{address}");
        }
        Ok(server.run().await?)
    })
}

async fn receive(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let signature = request.headers().get(HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if !state.verifier.verify(signature, &body) {
        return HttpResponse::Unauthorized().finish();
    }
    let Some(sql) = &state.sql else { return HttpResponse::Accepted().finish() };
    let (Ok(text), Ok(hint)) = (std::str::from_utf8(&body), serde_json::from_slice::<Value>(&body)) else {
        return HttpResponse::UnprocessableEntity().finish();
    };
    match sql.execute(INSERT, &[hint["name"].as_str().unwrap_or_default(), text]).await {
        Ok(_) => HttpResponse::Accepted().finish(),
        Err(error) => HttpResponse::ServiceUnavailable().body(error.to_string()),
    }
}
