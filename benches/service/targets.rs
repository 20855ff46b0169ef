//! The targets, and whether a run reached them.
//!
//! Invariant: what is compared was measured in the same run. The nearest product (the *peer*, a receiver of signed
//! webhooks that commits inside the request) was measured once beside our one-INSERT-per-request baseline; its figures are
//! carried over to another machine or moment by that baseline's ratio.

use serde::Serialize;

use super::databases::Kind;
use super::reasons;
use super::scenarios::{drain, during, feed, full_run, idle, ingest, latency, look_up, pace, requests, startup};
use super::sheet::{Figure, Sheet};
use super::table::number;

/// What was measured of the peer and, beside it, of one INSERT per request on PostgreSQL.
struct Peer {
    connections: usize,
    acks: f64,
    p99: f64,
    baseline_acks: f64,
    baseline_p99: f64,
}

const PEER_64: Peer = Peer { connections: 64, acks: 1_999.0, p99: 69.0, baseline_acks: 6_866.0, baseline_p99: 17.0 };
const PEER_256: Peer = Peer { connections: 256, acks: 2_145.0, p99: 321.0, baseline_acks: 5_853.0, baseline_p99: 69.0 };
/// The peer where it fetches each object anew, as the service does; acknowledgements per second at 64 connections.
const PEER_REFETCH: f64 = 1_410.0;
/// The peer's backfill; customers per second.
const PEER_BACKFILL: f64 = 2_094.0;

/// A target that was measured.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Of which figure.
    pub what: String,
    asked: f64,
    measured: f64,
    unit: &'static str,
    at_least: bool,
    reached: bool,
    /// Why it was missed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Target {
    /// Its row of the table.
    pub fn row(&self) -> String {
        let Self { what, asked, measured, unit, at_least, reached, .. } = self;
        let sign = if *at_least { "≥" } else { "≤" };
        let verdict = if *reached {
            "reached".to_owned()
        } else {
            let (wanted, got) = if *at_least { (asked, measured) } else { (measured, asked) };
            format!("**missed** by a factor of {}", number(wanted / got))
        };
        format!("| {what} | {sign} {} {unit} | {} {unit} | {verdict} |\n", number(*asked), number(*measured))
    }

    /// Why it was missed; `None` where it was reached.
    pub fn miss(&self) -> Option<&'static str> {
        (!self.reached).then(|| self.reason.unwrap_or("not explained yet."))
    }
}

/// Collects targets whose figures are there.
struct Judge<'a> {
    sheet: &'a Sheet,
    targets: Vec<Target>,
}

/// Every target whose figures were measured.
pub fn judge(sheet: &Sheet) -> Vec<Target> {
    let mut judge = Judge { sheet, targets: Vec::new() };
    judge.acknowledgements();
    judge.rows();
    judge.full_runs();
    judge.feed();
    judge.look_ups();
    judge.footprint();
    judge.targets
}

impl Judge<'_> {
    fn at_least(&mut self, what: &str, measured: Option<f64>, of: Option<f64>, asked: f64) {
        self.compare(what, measured.zip(of).map(|(measured, of)| measured / of), asked, "×", true);
    }

    fn at_most(&mut self, what: &str, measured: Option<f64>, asked: f64, unit: &'static str) {
        self.compare(what, measured, asked, unit, false);
    }

    fn compare(&mut self, what: &str, measured: Option<f64>, asked: f64, unit: &'static str, at_least: bool) {
        let Some(measured) = measured else { return };
        let reached = if at_least { measured >= asked } else { measured <= asked };
        let reason = if reached { None } else { reasons::of(what) };
        self.targets.push(Target { what: what.to_owned(), asked, measured, unit, at_least, reached, reason });
    }

    /// A figure of an acknowledging server.
    fn ingest(&self, kind: Kind, server: &str, connections: usize, what: &str) -> Option<f64> {
        self.sheet.value(ingest::NAME, kind.as_str(), &ingest::case(server, connections), what)
    }

    /// The peer's acknowledgements and p99, carried over to this run.
    fn peer(&self, peer: &Peer) -> (Option<f64>, Option<f64>) {
        let baseline = |what| self.ingest(Kind::Postgres, ingest::ONE_COMMIT, peer.connections, what);
        let acks = baseline(ingest::ACKS).map(|acks| peer.acks * acks / peer.baseline_acks);
        (acks, baseline(ingest::P99).map(|p99| peer.p99 * p99 / peer.baseline_p99))
    }

    /// A speed of the peer that was measured in the same hour as [`PEER_64`], carried over to this run.
    fn like_peer(&self, speed: f64) -> Option<f64> {
        self.peer(&PEER_64).0.map(|acks| acks * speed / PEER_64.acks)
    }

    fn acknowledgements(&mut self) {
        for (kind, peer, times, share) in [
            (Kind::Postgres, &PEER_64, 12.0, Some(8.0)),
            (Kind::Postgres, &PEER_256, 13.0, Some(10.0)),
            (Kind::Sqlite, &PEER_64, 10.0, None),
            (Kind::Mariadb, &PEER_64, 8.0, None),
        ] {
            let (peer_acks, peer_p99) = self.peer(peer);
            let at = format!("{}, {} connections", kind.as_str(), peer.connections);
            let acks = self.ingest(kind, ingest::DISTINCT, peer.connections, ingest::ACKS);
            self.at_least(&format!("acks, {at}, against the peer"), acks, peer_acks, times);
            if let (Some(share), Some(peer_p99)) = (share, peer_p99) {
                let p99 = self.ingest(kind, ingest::DISTINCT, peer.connections, ingest::P99);
                self.at_most(&format!("p99, {at}, 1/{share} of the peer's"), p99, peer_p99 / share, "ms");
            }
        }
        let acks = |kind, server| self.ingest(kind, server, 64, ingest::ACKS);
        let (postgres, nothing) = (acks(Kind::Postgres, ingest::DISTINCT), acks(Kind::Postgres, ingest::STORE_NOTHING));
        let (sqlite, one_commit) = (acks(Kind::Sqlite, ingest::DISTINCT), acks(Kind::Sqlite, ingest::ONE_COMMIT));
        self.at_least("acks, PostgreSQL, 64 connections, against storing nothing", postgres, nothing, 0.25);
        self.at_least("acks, SQLite, 64 connections, against one commit per request", sqlite, one_commit, 4.5);
        for kind in Kind::ALL {
            let cpu = self.ingest(kind, ingest::DISTINCT, 64, ingest::CPU);
            self.at_most(&format!("CPU per ack, {}, 64 connections", kind.as_str()), cpu, 35.0, "µs");
            let peak = self.ingest(kind, ingest::DISTINCT, 256, ingest::PEAK);
            self.at_most(&format!("peak memory, {}, 256 connections", kind.as_str()), peak, 40.0, "MB");
            let during = self.sheet.value(during::NAME, kind.as_str(), during::CASE, during::P99);
            self.at_most(&format!("p99 of acks during a first run, {}", kind.as_str()), during, 50.0, "ms");
        }
    }

    fn rows(&mut self) {
        let refetch = self.like_peer(PEER_REFETCH);
        for kind in Kind::ALL {
            for (case, times) in [(drain::SINGLE, 4.0), (drain::BATCHED, 10.0)] {
                let speed = self.sheet.value(drain::NAME, kind.as_str(), case, drain::SPEED);
                self.at_least(
                    &format!("queue to row, {}, {case}, against the peer", kind.as_str()),
                    speed,
                    refetch,
                    times,
                );
            }
        }
        for kind in [Kind::Sqlite, Kind::Postgres] {
            for (what, most) in [(latency::P50, 5.0), (latency::P99, 15.0)] {
                let value = |what| self.sheet.value(latency::NAME, kind.as_str(), latency::IDLE, what);
                let time = value(what).zip(value(latency::ERPNEXT)).map(|(time, erpnext)| time - erpnext);
                let what = format!("webhook to visible row without ERPNext's answers, {}, {what}", kind.as_str());
                self.at_most(&what, time, most, "ms");
            }
        }
        for (case, what, most) in [
            (requests::AT_ONCE, requests::PER_10_000, 450.0),
            (requests::TRICKLING, requests::PER_10_000, 4_500.0),
            (requests::BURST, requests::FETCHES, 1.1),
        ] {
            let measured = self.anywhere(requests::NAME, |figure| figure.case == case && figure.what == what);
            self.at_most(&format!("{case}: {what}"), measured, most, "");
        }
        let idle = self.anywhere(idle::NAME, |figure| figure.what == idle::SERVER_TIME);
        self.at_most("an hour without changes: ERPNext's server time", idle, 10.0, "s");
    }

    /// A figure of a scenario that runs on one database only, whichever it was.
    fn anywhere(&self, scenario: &str, wanted: impl Fn(&Figure) -> bool) -> Option<f64> {
        let found = self.sheet.figures().iter().find(|figure| figure.scenario == scenario && wanted(figure));
        found.map(|figure| figure.value)
    }

    fn full_runs(&mut self) {
        let backfill = self.like_peer(PEER_BACKFILL);
        for kind in Kind::ALL {
            let on = kind.as_str();
            let value = |case, what| self.sheet.value(full_run::NAME, on, case, what);
            let (first, again) = (value(full_run::FIRST, full_run::SPEED), value(full_run::AGAIN, full_run::SPEED));
            let seed = (value(full_run::SEED_FIRST, full_run::SPEED), value(full_run::SEED_AGAIN, full_run::SPEED));
            let (written, peak) = (value(full_run::AGAIN, full_run::WRITTEN), value(full_run::AGAIN, full_run::PEAK));
            self.at_least(&format!("full run, {on}, against the seed's way"), first, seed.0, 20.0);
            self.at_least(&format!("full run with nothing changed, {on}, against the seed's way"), again, seed.1, 40.0);
            self.at_most(&format!("full run with nothing changed, {on}: rows written"), written, 0.0, "");
            self.at_most(&format!("full run, {on}: peak memory"), peak, 64.0, "MB");
            let added = self.sheet.value(pace::NAME, on, pace::FIRST, pace::ADDED);
            self.at_most(&format!("full run, {on}: added to a real ERPNext's own time"), added, 15.0, "%");
            if kind == Kind::Postgres {
                self.at_least(&format!("full run, {on}, against the peer's backfill"), first, backfill, 4.0);
            }
        }
    }

    fn feed(&mut self) {
        for kind in [Kind::Postgres, Kind::Mariadb] {
            let value = |what| self.sheet.value(feed::NAME, kind.as_str(), feed::CASE, what);
            let (speed, missed) = (value(feed::SPEED), value(feed::MISSED));
            let what = format!("change feed to {}, {}", feed::CASE, kind.as_str());
            self.compare(&what, speed, 1_000.0, "/s", true);
            self.at_most(&format!("{what}: missed"), missed, 0.0, "");
        }
    }

    fn look_ups(&mut self) {
        let pages = look_up::PAGES.iter().flat_map(|(_, first, middle)| [(*first, 50.0), (*middle, 50.0)]);
        let searches = look_up::SEARCHES.iter().map(|(_, case)| (*case, 200.0));
        let views = look_up::VIEWS.iter().map(|(_, case)| (*case, 100.0));
        let asked: Vec<(&str, f64)> = pages.chain(searches).chain(views).collect();
        for kind in Kind::ALL {
            for (case, most) in &asked {
                let measured = self.sheet.value(look_up::NAME, kind.as_str(), case, look_up::MEDIAN);
                self.at_most(&format!("{case}, {}", kind.as_str()), measured, *most, "ms");
            }
        }
    }

    fn footprint(&mut self) {
        for kind in Kind::ALL {
            let value = |what| self.sheet.value(startup::NAME, kind.as_str(), startup::EXISTING, what);
            let (ready, idle) = (value(startup::READY), value(startup::IDLE));
            self.at_most(&format!("start to ready, {}", kind.as_str()), ready, 100.0, "ms");
            self.at_most(&format!("memory at rest, {}", kind.as_str()), idle, 20.0, "MB");
        }
    }
}
