//! A stand-in ERPNext 15 over HTTP: for the demo, the tests and the benches. It answers like the recordings.
//!
//! Invariant: a client cannot tell it from the recorded site by what it asks and does; where the two differ, the
//! replays in `tests/it/simulator` fail. Nothing of the service depends on it.
//!
//! ```text
//! server/   HTTP: paths, who is asking, faults       query/    lists: filters, order, columns
//! work      one unit of work and its webhooks        edits, parties, rename, deletes: what saving does
//! site      all documents, packed into tables        delivery  background workers, payload, template
//! ```
//!
//! Not here: pages, files, sessions, doctypes beyond those the service meets, and anything that recordings do not show.

mod accounts;
mod clock;
mod collation;
mod control;
mod deletes;
mod delivery;
mod documents;
mod edits;
mod faults;
mod http_client;
mod json;
mod naming;
mod packed;
mod parties;
mod payload;
mod query;
mod rate_limit;
mod refusal;
mod rename;
mod requests;
mod schema;
mod seed;
mod server;
mod shared;
mod site;
mod table;
mod template;
mod webhooks;
mod work;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot};

pub use accounts::{ADMINISTRATOR, Permission, SYNC_USER};
pub use faults::{Fault, Faults, Maintenance, WebhookFault};
pub use naming::Naming;
pub use rate_limit::{Pace, RateLimit};
pub use refusal::Refusal;
pub use requests::{Request, Requests};
pub use webhooks::{Template, Webhook};

use server::Order;
use shared::Shared;
use site::Site;

/// How a stand-in is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The site's zone, which `creation` and `modified` are in.
    pub time_zone: String,
    /// Makes names and seeded customers repeatable.
    pub seed: u64,
    /// How new customers are named.
    pub naming: Naming,
    /// The budget of server time, if there is one.
    pub rate_limit: Option<RateLimit>,
    /// Takes as long as a real site; `None` answers at once.
    pub pace: Option<Pace>,
    /// How long after the commit a webhook is sent.
    pub delivery_delay: Duration,
    /// Background workers; with more than one, quick events may arrive inverted.
    pub webhook_workers: usize,
    /// Factor on the waits between attempts (0, 1 and 5 s) and on the time-out of webhooks.
    pub retry_scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            time_zone: "America/New_York".to_owned(),
            seed: 1,
            naming: Naming::CustomerName,
            rate_limit: None,
            pace: None,
            delivery_delay: Duration::ZERO,
            webhook_workers: 2,
            retry_scale: 1.0,
        }
    }
}

/// Why a stand-in cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address cannot be used.
    #[error("the simulated ERPNext cannot listen there: {0}; choose another address or port 0")]
    Listen(#[source] io::Error),
    /// The zone is not known on this machine.
    #[error("the time zone {name} is not known here ({source}); install tzdata or name another zone")]
    TimeZone {
        /// As given.
        name: String,
        /// What the look-up said.
        source: jiff::Error,
    },
    /// No thread or runtime.
    #[error("the simulated ERPNext cannot start its thread: {0}")]
    Thread(#[source] io::Error),
    /// It has been stopped.
    #[error("the simulated ERPNext has been stopped; start a new one")]
    Stopped,
}

/// A running stand-in. Clones are handles on the same one; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    address: SocketAddr,
}

impl Simulator {
    /// Starts a stand-in with the masters that customers link to, and without customers.
    ///
    /// # Errors
    /// Where the address, the time zone or the thread cannot be had.
    pub async fn start(options: Options) -> Result<Self, SimulatorError> {
        let zone = TimeZone::get(&options.time_zone)
            .map_err(|source| SimulatorError::TimeZone { name: options.time_zone.clone(), source })?;
        let listener = TcpListener::bind(options.listen).map_err(SimulatorError::Listen)?;
        let address = listener.local_addr().map_err(SimulatorError::Listen)?;
        let mut site = Site::new(&options.time_zone, zone, options.naming, options.seed);
        site.url = format!("http://{address}");
        site.add_masters();
        let (queue, jobs) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(options, site, queue));
        let orders = server::start(shared.clone(), listener, jobs).await?;
        Ok(Self { shared, orders, address })
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it for good; returns when the port is closed.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).is_ok() {
            drop(stopped.await);
        }
    }

    /// Takes ERPNext down: connections are cut and refused, documents stay.
    pub async fn take_down(&self) {
        let (done, down) = oneshot::channel();
        if self.orders.send(Order::Down(done)).is_ok() {
            drop(down.await);
        }
    }

    /// Brings it back on the same port.
    ///
    /// # Errors
    /// Where the port is taken meanwhile, or the stand-in was stopped.
    pub async fn bring_up(&self) -> Result<(), SimulatorError> {
        let (done, up) = oneshot::channel();
        self.orders.send(Order::Up(done)).map_err(|_| SimulatorError::Stopped)?;
        up.await.map_err(|_| SimulatorError::Stopped)?
    }

    /// The script of misfortunes.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What it was asked.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.shared.requests
    }

    /// Uses up server time of the present window, as other people's requests do.
    pub fn spend(&self, time: Duration) {
        self.shared.meter.spend(time);
    }

    /// Sets, changes or lifts the rate limit; what was spent is forgotten.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        self.shared.meter.set(limit);
    }
}
