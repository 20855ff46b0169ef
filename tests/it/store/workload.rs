//! Receivers and workers on one database, with an ERPNext in the small behind them.
//!
//! Invariant: an edit raises a customer's version *before* its hint is accepted, and a worker reads the version *after*
//! it claimed the job; so when the queue is empty, every row shows its customer's last version, or a hint was lost.
//! What may go wrong meanwhile (nothing, or a database that comes and goes) is the caller's [`Weather`].

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use customer_sync::domain::hint::Delivery;
use customer_sync::domain::job::{Cause, Claim, DocKey, Put};
use customer_sync::domain::plan::{Applied, Seen, Unit};
use customer_sync::store::{Disposition, Store, StoreError};
use tokio::task::JoinSet;

use super::make::{CREATION, LEASE, address, delivery, record, unit, upsert};

/// What the database does during the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Every call succeeds.
    Fair,
    /// Calls may fail in a way that says "try again"; leases are short, because some get lost.
    Storm,
}

/// The customers, what is being worked on, and who still sends.
pub struct Workload {
    weather: Weather,
    versions: Vec<AtomicU64>,
    held: Mutex<HashSet<DocKey>>,
    expanded: Mutex<HashSet<(usize, u64)>>,
    sending: AtomicU64,
    accepted: AtomicU64,
}

impl Workload {
    /// Runs two receivers (each with that many batches of hints) and four workers, spread over the stores as over so
    /// many processes, until every hint is worked off.
    pub async fn run(weather: Weather, stores: &[Store], customers: usize, batches: u64) -> Arc<Self> {
        let workload = Arc::new(Self {
            weather,
            versions: (0..customers).map(|_| AtomicU64::new(0)).collect(),
            held: Mutex::default(),
            expanded: Mutex::default(),
            sending: AtomicU64::new(2),
            accepted: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for (number, store) in (0..2).zip(stores.iter().cycle()) {
            tasks.spawn(Arc::clone(&workload).receive(store.clone(), number, batches));
        }
        for store in stores.iter().cycle().take(4) {
            tasks.spawn(Arc::clone(&workload).work(store.clone()));
        }
        tasks.join_all().await;
        workload
    }

    /// How many hints were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Name and final version of each customer, as `customers.notes` must show it, in the order of names.
    pub fn expected(&self) -> Vec<[Option<String>; 2]> {
        let versions = self.versions.iter().map(|version| version.load(Ordering::SeqCst)).enumerate();
        let mut rows: Vec<_> = versions
            .filter(|(_, version)| *version > 0)
            .map(|(customer, version)| [Some(name(customer)), Some(version.to_string())])
            .collect();
        rows.sort();
        rows
    }

    async fn receive(self: Arc<Self>, store: Store, number: u64, batches: u64) {
        for batch in 0..batches {
            // Names overlap between receivers and come in no order.
            let customers: Vec<usize> =
                (0..8).map(|step| pick(number * 1_000_000 + batch * 100 + step, self.versions.len())).collect();
            for customer in &customers {
                self.versions[*customer].fetch_add(1, Ordering::SeqCst);
            }
            let deliveries: Vec<Delivery> = customers
                .iter()
                .enumerate()
                .map(|(step, customer)| delivery(&format!("{number}-{batch}-{step}"), &name(*customer)))
                .collect();
            while let Err(error) = store.accept(&deliveries).await {
                self.failed(error).await;
            }
            self.accepted.fetch_add(deliveries.len() as u64, Ordering::SeqCst);
        }
        self.sending.fetch_sub(1, Ordering::SeqCst);
    }

    async fn work(self: Arc<Self>, store: Store) {
        let lease = match self.weather {
            Weather::Fair => LEASE,
            Weather::Storm => Duration::from_secs(3),
        };
        loop {
            let all_sent = self.sending.load(Ordering::SeqCst) == 0;
            match self.one_round(&store, lease).await {
                Ok(0) if all_sent && store.queue().await.is_ok_and(|queue| queue.next_due_in.is_none()) => return,
                Ok(0) => tokio::time::sleep(Duration::from_millis(2)).await,
                Ok(_) => (),
                Err(error) => self.failed(error).await,
            }
        }
    }

    /// Claims, reads, writes; the number of jobs.
    async fn one_round(&self, store: &Store, lease: Duration) -> Result<usize, StoreError> {
        let claims = store.claim(16, 16, lease).await?;
        if self.weather == Weather::Fair {
            let mut held = self.held.lock().unwrap();
            for claim in &claims {
                assert!(held.insert(claim.key.clone()), "{:?} was claimed twice", claim.key);
            }
        }
        let names: Vec<String> = claims.iter().map(|claim| claim.key.name.clone()).collect();
        let held = store.held(&names, &[]).await?;
        let units: Vec<Unit> = claims
            .iter()
            .map(|claim| {
                let target = held.iter().find(|held| held.seen.erpnext_id.as_ref() == Some(&claim.key.name));
                self.unit(claim, target.map(|held| held.seen.clone()))
            })
            .collect();
        {
            // Given back before the transaction that settles them; after its commit others may hold them.
            let mut held = self.held.lock().unwrap();
            held.retain(|key| !claims.iter().any(|claim| claim.key == *key));
        }
        let count = units.len();
        for applied in store.apply(&units).await? {
            if self.weather == Weather::Fair {
                assert!(!matches!(applied, Applied::LeaseLost), "somebody else held the job as well");
            }
        }
        Ok(count)
    }

    fn unit(&self, claim: &Claim, target: Option<Seen>) -> Unit {
        let customer: usize = claim.key.name.rsplit(' ').next().unwrap().parse().unwrap();
        let version = self.versions[customer].load(Ordering::SeqCst);
        let mut record = record(&claim.key.name);
        record.customer.notes = Some(version.to_string());
        record.addresses = vec![address(&format!("Address {}", customer % 7)), address(&format!("Address {version}"))];
        record.addresses.sort_by(|one, other| one.erpnext_id.cmp(&other.erpnext_id));
        record.addresses.dedup();
        let mut unit = unit(claim.clone(), vec![upsert(target, record, CREATION)]);
        // Some work finds more work, as an Address does; once, so that it comes to an end.
        let other = pick(version, self.versions.len());
        let known = self.versions[other].load(Ordering::SeqCst) > 0;
        if version.is_multiple_of(4) && known && self.expanded.lock().unwrap().insert((customer, version)) {
            let put = claim.inherit(DocKey::customer(name(other)));
            unit.puts = vec![Put { cause: Cause::Person, delivery_id: None, ..put }];
        }
        unit
    }

    async fn failed(&self, error: StoreError) {
        // A busy machine may make one wait too long for a connection; a conflict must never come out.
        assert!(self.weather == Weather::Storm || matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert_eq!(error.disposition(), Disposition::Retry, "{error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn name(customer: usize) -> String {
    format!("Customer {customer}")
}

/// One of so many, in no order, the same in every run.
fn pick(number: u64, of: usize) -> usize {
    let scattered =
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
    usize::try_from(scattered % of as u64).unwrap()
}
