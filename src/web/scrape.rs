//! `GET /metrics`: on the main address, or alone on one of its own; for everybody, or for who knows the token.
//!
//! Invariant: the token is compared in constant time, as a hash, so that timing tells neither how much of a guess was right
//! nor how long the token is. What is rendered asks neither the database nor ERPNext.

use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::auth::bearer;
use super::error::{Code, Problem, not_found, only};
use super::{headers, request_id, unended};
use crate::telemetry::metrics::Exporter;

/// How long a scrape under way may take when stopping, in seconds.
const STOP_WITHIN: u64 = 1;

/// What a scrape gets, and who may. Cheap to clone.
#[derive(Clone)]
pub struct Scrape {
    exporter: Exporter,
    token: Option<[u8; 32]>,
}

impl Scrape {
    /// For everybody where there is no token.
    #[must_use]
    pub fn new(exporter: Exporter, token: Option<&str>) -> Self {
        Self { exporter, token: token.map(hash) }
    }

    fn lets_in(&self, given: Option<&str>) -> bool {
        match (&self.token, given) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(token), Some(given)) => token.ct_eq(&hash(given)).into(),
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Adds `/metrics` to a server.
pub(super) fn routes(config: &mut ServiceConfig, scrape: &Scrape) {
    config.app_data(Data::new(scrape.clone()));
    config.service(
        web::resource("/metrics")
            .route(web::get().to(answer))
            .route(web::head().to(answer))
            .default_service(only("GET, HEAD")),
    );
}

/// A server with `/metrics` and nothing else; it runs while awaited and stops by its handle.
///
/// # Errors
/// The operating system's.
pub fn serve(scrape: Scrape, listener: TcpListener) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(request_id::assign))
            .wrap(from_fn(headers::add))
            .wrap(from_fn(unended::keep))
            .configure(|config| routes(config, &scrape))
            .default_service(web::to(not_found))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(STOP_WITHIN)
    .listen(listener)?
    .run();
    Ok(server)
}

/// Metrics, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "show_metrics",
    tag = "service",
    security((), ("metrics" = [])),
    responses(
        (status = 200, description = "Metrics", content_type = "text/plain", body = String),
        (status = 401, description = "`unauthorized`: it wants the token of the setting `metrics.token`"),
    ),
)]
pub(super) async fn answer(request: HttpRequest, scrape: Data<Scrape>) -> Result<HttpResponse, Problem> {
    if scrape.lets_in(bearer(&request)) {
        let text = scrape.exporter.render();
        return Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text));
    }
    let detail = "send the token of metrics.token as \"Authorization: Bearer …\"; in Prometheus' scrape configuration \
                  that is authorization.credentials or credentials_file";
    Err(Problem::new(&request, Code::Unauthorized, detail))
}
