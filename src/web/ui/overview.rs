//! `/`: whether all is in sync, and if not, why.
//!
//! Invariant: it shows read models and decides nothing; each number is bounded in what it costs, whatever the tables hold.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::State;
use super::super::error::Problem;
use super::attention::{self, Link, Point};
use super::chart::{Chart, Value};
use super::checklist::{self, Step};
use super::frame::{Frame, Reader, Section};
use super::number::{grouped, span};
use super::page::render;
use super::settings::schedules::{self, Line};
use super::sync::SyncPanel;
use super::time::{Moment, distance};
use crate::domain::run::RunKind;
use crate::domain::time::iso;
use crate::store::StoreError;
use crate::sync::lately::Hour;
use crate::sync::standing::{self, Standing};
use crate::sync::verify::turn::{self, Verified};

#[derive(Template)]
#[template(path = "overview.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    sync: SyncPanel,
    hero: Hero,
    points: Vec<Point>,
    steps: Vec<Step>,
    tiles: Vec<Tile>,
    charts: Vec<Chart>,
    schedules: Vec<Line>,
}

/// What is asked from the database.
struct Asked {
    /// Why the last webhook was turned away, where none was accepted since.
    refused: Option<&'static str>,
    delivered: Option<i64>,
    verified: Option<Verified>,
    hours: Vec<Hour>,
    schedules: Vec<Line>,
    /// A full run has come to its end at some time.
    filled: bool,
}

/// The answer to the first question.
struct Hero {
    /// Suffix of the style.
    tone: &'static str,
    icon: &'static str,
    headline: String,
}

/// One number.
struct Tile {
    name: &'static str,
    value: String,
    /// What the number means, or is made of.
    about: String,
    /// A moment that belongs to it.
    at: Option<Moment>,
    bad: bool,
    /// Where more is told, or something can be done.
    link: Option<Link>,
}

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request, &state, Some(Section::Overview), "Overview").await?;
    let sync = SyncPanel::of(&request, &state).await?;
    let standing = state.standings.now(&state.context).await;
    let asked = ask(&state).await.map_err(|error| Problem::store(&request, &error))?;
    let steps = checklist::open(&state, asked.filled, asked.delivered.is_some());
    let missed = asked.hours.iter().map(|hour| hour.missed).sum();
    let tiles = vec![
        queue(&standing),
        failed(&standing),
        webhooks(asked.delivered),
        unannounced(missed),
        drift(asked.verified.as_ref()),
    ];
    let charts = charts(&asked.hours);
    let mut points = attention::points(&standing, &asked.schedules, Reader::of(&request)?.role);
    points.extend(asked.refused.map(attention::refused_webhook));
    Ok(render(&Page {
        frame,
        sync,
        hero: hero(&standing, points.len()),
        points,
        steps,
        tiles,
        charts,
        schedules: asked.schedules,
    }))
}

async fn ask(state: &State) -> Result<Asked, StoreError> {
    let store = &state.context.store;
    Ok(Asked {
        refused: state.refused_webhooks.told(store).await?,
        delivered: store.last_delivery().await?,
        verified: turn::last(store).await?,
        hours: state.lately.day(store).await?,
        schedules: schedules::lines(store).await?,
        filled: store.last_success(RunKind::Full).await?.is_some(),
    })
}

/// Webhooks, how soon they were rows, and all changes, by the hour.
fn charts(hours: &[Hour]) -> Vec<Chart> {
    let of = |size: fn(&Hour) -> u64, text: fn(&Hour) -> String| -> Vec<Value> {
        hours.iter().map(|hour| Value { begins: hour.begins, size: size(hour), text: text(hour) }).collect()
    };
    let sum = |size: fn(&Hour) -> u64| grouped(hours.iter().map(size).sum());
    let mut lags: Vec<Duration> = hours.iter().filter_map(|hour| hour.lag).collect();
    lags.sort_unstable();
    let lag = lags.get(lags.len() / 2).map_or_else(|| "–".to_owned(), |lag| span(*lag));
    let lag_of = |hour: &Hour| u64::try_from(hour.lag.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    vec![
        Chart::new(
            "Webhooks",
            sum(|hour| hour.deliveries),
            "in 24 hours",
            &of(|hour| hour.deliveries, |hour| format!("{} webhooks", grouped(hour.deliveries))),
        ),
        Chart::new(
            "From webhook to row",
            lag,
            "as a rule, in 24 hours",
            &of(lag_of, |hour| hour.lag.map_or_else(|| "no webhooks".to_owned(), span)),
        ),
        Chart::new(
            "Changes",
            sum(|hour| hour.changes),
            "in 24 hours",
            &of(|hour| hour.changes, |hour| format!("{} changes", grouped(hour.changes))),
        ),
    ]
}

/// With so many points that want somebody.
fn hero(standing: &Standing, points: usize) -> Hero {
    let (tone, icon, headline) = match standing.state {
        standing::State::Stopped => ("bad", "stop", "Sync does not go on at the moment".to_owned()),
        _ if points == 1 => ("warn", "warn", "Something needs you".to_owned()),
        _ if points > 1 => ("warn", "warn", format!("{points} things need you")),
        standing::State::Working => ("busy", "sync", format!("Syncing, {} left", grouped(standing.left()))),
        _ => ("good", "check", "Everything is in sync".to_owned()),
    };
    Hero { tone, icon, headline }
}

fn queue(standing: &Standing) -> Tile {
    let depth = &standing.depth;
    let oldest = depth.oldest_fast.max(depth.oldest_bulk);
    let about = match standing.left() {
        0 => "nobody waits".to_owned(),
        _ if depth.fast + depth.bulk == 0 => "tried again later".to_owned(),
        _ if oldest < Duration::from_secs(1) => "since a moment ago".to_owned(),
        _ => format!("the oldest for {}", span(oldest)),
    };
    Tile { name: "Waiting to be read", value: grouped(standing.left()), about, at: None, bad: false, link: None }
}

fn failed(standing: &Standing) -> Tile {
    let dead = standing.depth.dead;
    let about = if dead == 0 { "nothing was given up" } else { "given up until somebody retries" };
    let link = (dead > 0).then(|| to("/activity/failures", "Look at them"));
    Tile { name: "Failed", value: grouped(dead), about: about.to_owned(), at: None, bad: dead > 0, link }
}

fn webhooks(delivered: Option<i64>) -> Tile {
    let name = "Last webhook";
    match delivered {
        Some(at) => Tile {
            name,
            value: String::new(),
            about: "signed and stored".to_owned(),
            at: Some(distance(iso(at))),
            bad: false,
            link: Some(to("/activity/webhooks", "Show webhooks")),
        },
        None => Tile {
            name,
            value: "None yet".to_owned(),
            about: "until then, polling finds changes".to_owned(),
            at: None,
            bad: false,
            link: None,
        },
    }
}

/// A few are normal: catch-up may be quicker than a webhook, and some changes send none.
fn unannounced(missed: u64) -> Tile {
    let about = "changes in 24 hours that polling found".to_owned();
    Tile { name: "Without a webhook", value: grouped(missed), about, at: None, bad: false, link: None }
}

fn drift(verified: Option<&Verified>) -> Tile {
    let name = "Drift";
    match verified {
        Some(verified) => {
            let found: u64 = verified.found.values().sum();
            let about = format!("of {} compared with ERPNext", grouped(verified.checked));
            let link = (found > 0).then(|| to("/settings", "Compare again"));
            Tile { name, value: grouped(found), about, at: None, bad: found > 0, link }
        }
        None => {
            let about = "not compared yet".to_owned();
            Tile { name, value: "–".to_owned(), about, at: None, bad: false, link: None }
        }
    }
}

fn to(address: &str, name: &'static str) -> Link {
    Link { address: address.to_owned(), name }
}
