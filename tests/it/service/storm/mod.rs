//! A storm: thousands of mixed changes at ERPNext, whose webhooks are all lost, or come late, twice and out of order.
//!
//! Invariant: within two catch-ups, one sweep and one full run nothing differs any more, and no customer has lost its id
//! or was marked deleted without being gone. Every failure names its seed; `CUSTOMER_SYNC_STORM_SEED` repeats it.

mod checks;
mod operations;
mod troubles;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::{Naming, Options, Simulator, WebhookFault};
use customer_sync::store::{JobFilter, States};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::operations::People;
use self::troubles::Trouble;
use crate::support::app::{SECRET, TestApp, wait_until};
use crate::support::databases::{Database, Kind, fresh};

/// Overrides the seed of every storm.
const SEED: &str = "CUSTOMER_SYNC_STORM_SEED";
/// Operations after which it is waited until the service has looked.
const BURST: u32 = 250;

/// What becomes of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Webhooks {
    Lost,
    /// Late, twice, in the wrong order, and now and then lost.
    Unreliable,
}

struct Storm {
    app: TestApp,
    erpnext: Simulator,
    kind: Kind,
    naming: Naming,
    webhooks: Webhooks,
    seed: u64,
    secret: String,
    _database: Database,
}

impl fmt::Display for Storm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, naming, webhooks, seed, .. } = self;
        write!(formatter, "{SEED}={seed} ({kind:?}, {naming:?}, webhooks {webhooks:?})")
    }
}

impl Storm {
    async fn prepare(kind: Kind, naming: Naming, webhooks: Webhooks) -> Self {
        let seed = match std::env::var_os(SEED) {
            Some(seed) => seed.to_str().and_then(|seed| seed.parse().ok()).expect("a seed is a number"),
            None => rand::random_range(0..1_000_000),
        };
        let options = Options { seed, naming, retry_scale: 0.01, webhook_workers: 6, ..Options::default() };
        let erpnext = Simulator::start(options).await.unwrap();
        let database = fresh(kind).await;
        let settings = [
            ("schedule.catch_up", "100ms"),
            ("sync.max_removed_percent", "100"),
            ("worker.attempts", "100"),
            ("worker.backoff_max", "1s"),
        ];
        let app = TestApp::configured(&database, &erpnext, &settings).await;
        erpnext.register_webhooks(&app.webhook_url(), SECRET).unwrap();
        let secret = erpnext.key().1;
        let storm = Self { app, erpnext, kind, naming, webhooks, seed, secret, _database: database };
        println!("{storm}");
        storm
    }

    /// `phases` times `operations`, each time until all is calm again.
    async fn rage(&self, phases: u32, customers: u32, operations: u32) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut fortune = StdRng::seed_from_u64(self.seed + 1);
        let mut people = People::new(&self.erpnext, &mut rng);
        people.settle(customers);
        self.full_run().await;
        let mut known = self.check(&people.ended, &BTreeMap::new()).await;
        for _phase in 0..phases {
            let mut left = operations;
            while left > 0 {
                let burst = left.min(BURST);
                left -= burst;
                self.burst(&mut people, &mut fortune, burst).await;
            }
            self.calm_down().await;
            known = self.check(&people.ended, &known).await;
        }
        for (operation, (done, refused)) in &people.done {
            assert!(*done > 0 || *refused < 20, "{self}: {operation:?} was refused {refused} times and never done");
        }
    }

    /// Some operations, most of them while something is not permitted.
    async fn burst(&self, people: &mut People<'_>, fortune: &mut StdRng, operations: u32) {
        let faults = self.erpnext.faults();
        faults.clear();
        match self.webhooks {
            Webhooks::Lost => faults.webhooks(WebhookFault::Drop, usize::MAX),
            Webhooks::Unreliable => {
                for _webhook in 0..operations {
                    let fault = match fortune.random_range(0..8) {
                        0 => WebhookFault::Drop,
                        1 | 2 => WebhookFault::Duplicate,
                        3 | 4 => WebhookFault::Reorder,
                        _ => WebhookFault::Delay(Duration::from_millis(fortune.random_range(0..60))),
                    };
                    faults.webhooks(fault, fortune.random_range(1..6));
                }
            }
        }
        people.work(operations / 2);
        let trouble = Trouble::begin(&self.erpnext, fortune);
        if trouble.pauses() {
            wait_until("the site is paused", async || self.app.get("/readyz").await.to_string().contains("paused"))
                .await;
        } else {
            self.caught_up(1).await;
        }
        people.work(operations - operations / 2);
        if !trouble.pauses() {
            self.caught_up(1).await;
        }
        trouble.lift(&self.erpnext, &self.secret);
    }

    /// All that the service does by itself: two catch-ups, a sweep and a full run.
    async fn calm_down(&self) {
        self.erpnext.webhooks_settled().await;
        self.caught_up(2).await;
        self.app.settled().await;
        self.run(RunKind::Sweep).await;
        self.app.settled().await;
        self.full_run().await;
        self.app.settled().await;
        let dead = JobFilter { state: States::Dead, ..JobFilter::default() };
        let dead = self.app.store().jobs(&dead, None, 10).await.unwrap();
        assert!(dead.is_empty(), "{self}: dead jobs: {dead:#?}");
    }

    /// Waits until so many catch-ups have begun from now on and ended.
    async fn caught_up(&self, times: u32) {
        let store = self.app.store();
        let catch_up = async || {
            let schedules = store.schedules().await.unwrap();
            schedules.into_iter().find(|schedule| schedule.name == "catch_up").unwrap()
        };
        for _time in 0..times {
            let from = store.now().await.unwrap();
            wait_until("a catch-up has looked", async || {
                let row = catch_up().await;
                !row.busy && row.last_started_at >= Some(from) && row.last_finished_at >= row.last_started_at
            })
            .await;
        }
    }

    async fn full_run(&self) {
        self.run(RunKind::Full).await;
    }

    async fn run(&self, kind: RunKind) {
        let store = self.app.store();
        let run = store.start_run(kind, RunCause::Person).await.unwrap().run;
        let row = async || store.run(run).await.unwrap().unwrap();
        wait_until("the run is over", async || row().await.state != RunState::Running).await;
        let row = row().await;
        assert_eq!(row.state, RunState::Succeeded, "{self}: {kind:?}: {:?}", row.message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_on_sqlite() {
    Storm::prepare(Kind::Sqlite, Naming::CustomerName, Webhooks::Lost).await.rage(2, 600, 2_500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_on_postgres() {
    Storm::prepare(Kind::Postgres, Naming::Series, Webhooks::Lost).await.rage(2, 600, 2_500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_on_mariadb() {
    Storm::prepare(Kind::Mariadb, Naming::CustomerName, Webhooks::Lost).await.rage(2, 600, 2_500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_late_doubled_and_reordered_webhooks() {
    for (kind, naming) in
        [(Kind::Sqlite, Naming::Series), (Kind::Postgres, Naming::CustomerName), (Kind::Mariadb, Naming::Series)]
    {
        Storm::prepare(kind, naming, Webhooks::Unreliable).await.rage(1, 200, 600).await;
    }
}
