//! What on the overview wants somebody: each with where to do something about it.
//!
//! Invariant: every reason of `sync::report` is shown, also one that is not known here, in its own words unless those tell what to
//! do without the pages; a link leads only where its reader may go. What is wrong is found out there, not here.

use super::number::grouped;
use super::settings::schedules::Line;
use super::text::sentence;
use crate::domain::role::Role;
use crate::domain::run::RunState;
use crate::sync::report::Reason;
use crate::sync::standing::Standing;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// What is wrong.
    pub(super) text: String,
    /// What helps, where a link does not say it.
    pub(super) advice: &'static str,
    pub(super) link: Option<Link>,
}

/// Where to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) address: String,
    pub(super) name: &'static str,
}

/// All points, the most important first.
pub(super) fn points(standing: &Standing, schedules: &[Line], reader: Role) -> Vec<Point> {
    let reasons = standing.reasons.iter().map(|reason| of_reason(reason, standing, reader));
    let paused = schedules.iter().filter(|schedule| schedule.state == "paused").map(|schedule| Point {
        text: format!("“{}” is paused: it does not run until somebody resumes it.", schedule.title),
        advice: "",
        link: link("/settings", if reader >= Role::Operator { "Resume it" } else { "Show the schedules" }),
    });
    reasons.chain(paused).collect()
}

/// A webhook that was turned away, and none was accepted since.
pub(super) fn refused_webhook(reason: &str) -> Point {
    Point {
        text: format!("A webhook was turned away. {}", sentence(reason)),
        advice: "Until webhooks are accepted, polling finds what changes.",
        link: None,
    }
}

fn of_reason(reason: &Reason, standing: &Standing, reader: Role) -> Point {
    let point = |advice, link| Point { text: sentence(&reason.message), advice, link };
    let site = || link("/settings/configuration#erpnext", "How ERPNext is reached").filter(|_| reader >= Role::Admin);
    match reason.code {
        "paused" => point("Sync goes on by itself as soon as that is put right.", site()),
        "erpnext_unreadable" | "breaker_open" => {
            point("Check that ERPNext is up and can be reached from here. It is tried again by itself.", site())
        }
        "suggestions_open" => point("", link("/activity/links", "Decide")),
        "not_permitted" => point("", link("/customers?show=problems", "Show these customers")),
        "run_held" => held(standing).unwrap_or_else(|| point("", link("/activity", "Look at its list"))),
        "failed_jobs" => failed(standing.depth.dead),
        _ => point("", None),
    }
}

fn held(standing: &Standing) -> Option<Point> {
    let run = standing.runs.iter().find(|run| run.state == RunState::Held)?;
    let customers = grouped(run.candidates);
    Some(Point {
        text: format!("A sweep would remove {customers} customers, so many that an admin has to agree."),
        advice: "",
        link: link(format!("/activity/runs/{}", run.id), "Look at its list"),
    })
}

fn failed(number: u64) -> Point {
    let what = if number == 1 { "1 document".to_owned() } else { format!("{} documents", grouped(number)) };
    Point {
        text: format!("{what} could not be synced."),
        advice: "",
        link: link("/activity/failures?state=dead", "Look at the failures"),
    }
}

fn link(address: impl Into<String>, name: &'static str) -> Option<Link> {
    Some(Link { address: address.into(), name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Depth;
    use crate::sync::standing::State;

    fn told(code: &'static str, reader: Role) -> Point {
        let reasons = vec![Reason { code, message: "something is wrong".to_owned() }];
        let standing = Standing { state: State::Attention, reasons, depth: Depth::default(), runs: Vec::new() };
        points(&standing, &[], reader).remove(0)
    }

    #[test]
    fn each_leads_to_where_something_can_be_done() {
        let place = |code| told(code, Role::Viewer).link.map(|link| link.address);
        assert_eq!(place("failed_jobs").as_deref(), Some("/activity/failures?state=dead"));
        assert_eq!(place("suggestions_open").as_deref(), Some("/activity/links"));
        assert_eq!(place("run_held").as_deref(), Some("/activity"));
        let unknown = told("something_new", Role::Admin);
        assert_eq!((unknown.text.as_str(), unknown.link), ("Something is wrong.", None));
    }

    #[test]
    fn nobody_is_led_to_what_is_refused() {
        assert_eq!(told("paused", Role::Operator).link, None);
        assert!(told("paused", Role::Admin).link.is_some());
    }
}
