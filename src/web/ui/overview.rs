//! `/`: whether all is in sync, and if not, why.
//!
//! Invariant: it shows read models and decides nothing; each number is bounded in what it costs, whatever the tables hold.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::State;
use super::super::error::Problem;
use super::frame::{Frame, Section};
use super::number::{grouped, span};
use super::page::render;
use super::sync::SyncPanel;
use super::time::{Moment, distance, moment};
use crate::domain::time::iso;
use crate::store::StoreError;
use crate::sync::schedule::{self, Shown, Task};
use crate::sync::standing::{self, Standing};
use crate::sync::verify::turn::{self, Verified};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    sync: SyncPanel,
    hero: Hero,
    tiles: Vec<Tile>,
    standing: std::sync::Arc<Standing>,
    schedules: Vec<Shown>,
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
}

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request, &state, Some(Section::Overview), "Overview").await?;
    let sync = SyncPanel::of(&request, &state).await?;
    let standing = state.standings.now(&state.context).await;
    let asked = asked(&state, &standing).await;
    let (tiles, schedules) = asked.map_err(|error| Problem::store(&request, &error))?;
    Ok(render(&Page { frame, sync, hero: hero(&standing), tiles, standing, schedules }))
}

async fn asked(state: &State, standing: &Standing) -> Result<(Vec<Tile>, Vec<Shown>), StoreError> {
    let store = &state.context.store;
    let verified = turn::last(store).await?;
    let delivered = store.last_delivery().await?;
    Ok((vec![queue(standing), failed(standing), webhooks(delivered), drift(verified)], schedule::list(store).await?))
}

fn hero(standing: &Standing) -> Hero {
    let (tone, icon, headline) = match standing.state {
        standing::State::InSync => ("good", "check", "Everything is in sync".to_owned()),
        standing::State::Working => ("busy", "sync", format!("Syncing, {} left", grouped(standing.left()))),
        standing::State::Attention if standing.reasons.len() == 1 => ("warn", "warn", "Something needs you".to_owned()),
        standing::State::Attention => ("warn", "warn", format!("{} things need you", standing.reasons.len())),
        standing::State::Stopped => ("bad", "stop", "Sync does not go on at the moment".to_owned()),
    };
    Hero { tone, icon, headline }
}

fn queue(standing: &Standing) -> Tile {
    let oldest = standing.depth.oldest_fast.max(standing.depth.oldest_bulk);
    let about =
        if oldest == Duration::ZERO { "nobody waits".to_owned() } else { format!("the oldest for {}", span(oldest)) };
    Tile { name: "Waiting to be read", value: grouped(standing.left()), about, at: None, bad: false }
}

fn failed(standing: &Standing) -> Tile {
    let dead = standing.depth.dead;
    let about = if dead == 0 { "nothing was given up" } else { "given up until somebody retries" };
    Tile { name: "Failed", value: grouped(dead), about: about.to_owned(), at: None, bad: dead > 0 }
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
        },
        None => Tile {
            name,
            value: "None yet".to_owned(),
            about: "until then, polling finds changes".to_owned(),
            at: None,
            bad: false,
        },
    }
}

fn drift(verified: Option<Verified>) -> Tile {
    let name = "Drift";
    match verified {
        Some(verified) => {
            let found: u64 = verified.found.values().sum();
            let about = format!("of {} compared with ERPNext", grouped(verified.checked));
            Tile { name, value: grouped(found), about, at: None, bad: found > 0 }
        }
        None => Tile { name, value: "–".to_owned(), about: "not compared yet".to_owned(), at: None, bad: false },
    }
}

/// What a schedule does, for people.
fn task(name: &str) -> &'static str {
    match Task::parse(name) {
        Some(Task::CatchUp) => "Look for changes",
        Some(Task::Sweep) => "Compare all names",
        Some(Task::Full) => "Read everything anew",
        Some(Task::Prune) => "Forget old history",
        Some(Task::Verify) => "Compare values",
        None => "Something else",
    }
}
