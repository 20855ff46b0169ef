//! HTTP: the receiver of webhooks, the API, and what operators ask a service.
//!
//! Invariant: this module translates and checks, it decides nothing: use cases are in `sync`, acceptance in `inbox`.
//! Only `error` knows which status code a failure has.

mod api;
mod auth;
mod body;
mod client;
mod error;
mod headers;
mod json;
mod openapi;
mod ops;
mod places;
mod rates;
mod receiver;
mod refused_webhooks;
mod request_id;
mod routes;
mod scrape;
mod ui;
mod unended;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use places::Places;
use rates::Rates;
use refused_webhooks::RefusedWebhooks;

use crate::config::Effective;
use crate::inbox::{Inbox, Wake};
use crate::lifecycle::Tasks;
use crate::store::SessionLife;
use crate::sync::Context;
use crate::sync::feed::Feed;
use crate::sync::lately::Lately;
use crate::sync::passwords::Passwords;
use crate::sync::progress::Progress;
use crate::sync::standing::Standings;
use crate::telemetry::Throttle;

pub use api::listed_routes;
pub use client::Trust;
pub use openapi::document as openapi;
pub use rates::Quotas;
pub use receiver::Gate;
pub use routes::ListedRoute;
pub use scrape::{Scrape, serve as serve_metrics};
pub use ui::listed_pages;

/// Bounds of the receiver.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest body, in bytes; beyond it 413.
    pub body: usize,
    /// Deadline for the headers of a request, and again for its whole body.
    pub body_within: Duration,
    /// Bytes of all bodies in flight; beyond it 503.
    pub in_flight: usize,
    /// How long a caller waits at most for the end of a run.
    pub run_wait: Duration,
    /// How long requests under way may take when stopping.
    pub stop_within: Duration,
}

/// Who may use the API, and how often.
#[derive(Debug, Clone)]
pub struct Access {
    /// Whose word about a client counts.
    pub trust: Trust,
    /// How often somebody may come.
    pub quotas: Quotas,
    /// How long somebody stays signed in.
    pub session_life: SessionLife,
}

/// What is configured for the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds of the receiver.
    pub limits: Limits,
    /// Who may use the API.
    pub access: Access,
    /// Every setting of the service, to be shown.
    pub all: Arc<[Effective]>,
}

/// What the handlers share.
pub struct State {
    context: Context,
    feed: Feed,
    progress: Progress,
    standings: Standings,
    lately: Lately,
    inbox: Inbox,
    wake: Wake,
    gate: Gate,
    limits: Limits,
    in_flight: Semaphore,
    /// For bodies of calls of the API, which so cannot keep webhooks out.
    call_bodies: Semaphore,
    trust: Trust,
    rates: Rates,
    places: Places,
    /// For exports, each of which keeps a connection of the database busy for as long as its reader takes what it gets.
    exports: Places,
    session_life: SessionLife,
    passwords: Passwords,
    turned_away: Throttle,
    refused_webhooks: RefusedWebhooks,
    settings: Arc<[Effective]>,
    stopping: CancellationToken,
}

impl State {
    /// Puts together what the handlers need.
    #[must_use]
    pub fn new(
        context: Context,
        inbox: Inbox,
        wake: Wake,
        gate: Gate,
        settings: Settings,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        let Settings { limits, access, all } = settings;
        let in_flight = Semaphore::new(limits.in_flight);
        let turned_away = Throttle::new(Duration::from_secs(10));
        let Access { trust, quotas, session_life } = access;
        let feed = Feed::new(context.store.clone());
        Arc::new(Self {
            context,
            feed,
            progress: Progress::default(),
            standings: Standings::default(),
            lately: Lately::default(),
            inbox,
            wake,
            gate,
            limits,
            in_flight,
            call_bodies: Semaphore::new(limits.in_flight),
            trust,
            rates: Rates::new(quotas),
            places: Places::new(quotas.waiting_calls),
            exports: Places::new(NonZeroU32::MIN),
            session_life,
            passwords: Passwords::default(),
            turned_away,
            refused_webhooks: RefusedWebhooks::default(),
            settings: all,
            stopping,
        })
    }
}

/// Binds the address; separate from [`serve`], so that a port in use is told before anything else starts.
///
/// # Errors
/// The operating system's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

/// The server on that listener, with `/metrics` if `scrape` is given; it runs while awaited and stops by its handle.
///
/// # Errors
/// The operating system's.
pub fn serve(state: Arc<State>, scrape: Option<Scrape>, listener: TcpListener, tasks: &Tasks) -> io::Result<Server> {
    tasks.spawn("change feed", state.feed.clone().keep(tasks.stop()));
    tasks.spawn("progress of runs", state.progress.clone().keep(state.context.clone(), tasks.stop()));
    start(state, listener, tasks, move |config| {
        config.configure(receiver::routes).configure(ops::routes);
        if let Some(scrape) = &scrape {
            scrape::routes(config, scrape);
        }
        config.configure(api::register).configure(ui::register);
    })
}

/// As [`serve`], but with the receiver alone: nothing can be read or started through it.
///
/// # Errors
/// The operating system's.
pub fn serve_receiver(state: Arc<State>, listener: TcpListener, tasks: &Tasks) -> io::Result<Server> {
    start(state, listener, tasks, receiver::routes)
}

fn start(
    state: Arc<State>,
    listener: TcpListener,
    tasks: &Tasks,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let stop_within = state.limits.stop_within.as_secs().max(1);
    let headers_within = state.limits.body_within;
    let data = Data::from(state);
    let tasks = tasks.clone();
    let server = HttpServer::new(move || {
        App::new()
            // Made once in each of the server's threads.
            .app_data(Data::new(data.inbox.on_this_thread(&tasks)))
            .app_data(data.clone())
            .app_data(error::query_config())
            .app_data(error::json_config())
            .wrap(from_fn(request_id::assign))
            .wrap(from_fn(headers::add))
            .wrap(from_fn(unended::keep))
            .default_service(web::to(error::not_found))
            .configure(&routes)
    })
    .disable_signals()
    .client_request_timeout(headers_within)
    .shutdown_timeout(stop_within)
    .listen(listener)?
    .run();
    Ok(server)
}
