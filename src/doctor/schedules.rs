//! What runs by itself: switched off, paused by a person, or overdue because nobody is there to do it.
//!
//! Invariant: times are compared by the database's clock alone.

use super::Patient;
use super::deliveries::ago;
use super::finding::{Finding, Severity};
use crate::store::ScheduleRow;
use crate::sync::schedule::{Task, Timetable};

/// A turn may be so late, in milliseconds, where somebody is there.
const LATE: i64 = 5 * 60 * 1000;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let timetable = Timetable::new(patient.config.schedule.clone());
    let mut findings: Vec<Finding> = Task::ALL.into_iter().filter(|task| !timetable.is_on(*task)).map(off).collect();
    let Some(store) = &patient.store else {
        findings.push(Finding::skipped("when they ran", "the database cannot be used"));
        return findings;
    };
    let rows = match store.schedules().await {
        Ok(rows) => rows,
        Err(error) => return vec![Finding::of_error(Severity::Problem, "database_error", &error)],
    };
    if rows.is_empty() {
        findings.push(Finding::warning(
            "never_served",
            "no service has run on this database yet, so nothing happens by itself",
            "start customer-sync serve",
        ));
        return findings;
    }
    let of_known = rows.iter().filter(|row| Task::parse(&row.name).is_some_and(|task| timetable.is_on(task)));
    findings.extend(of_known.map(judge));
    findings
}

fn off(task: Task) -> Finding {
    let what = match task {
        Task::CatchUp => "catch_up is off: what webhooks miss is not noticed",
        Task::Sweep => "sweep is off: renames and deletions that webhooks miss are not noticed",
        Task::Full => "full is off: what nothing announces (renamed masters, SQL edits) is not noticed",
        _ => "an upkeep task is off: old history is kept, or drift is not looked for",
    };
    Finding::warning(
        "schedule_off",
        what,
        format!("remove schedule.{} = \"off\" from the configuration", task.as_str()),
    )
}

fn judge(row: &ScheduleRow) -> Finding {
    let name = &row.name;
    if row.paused {
        let to_do = format!("run customer-sync schedules resume {name} when it shall go on");
        return Finding::warning("schedule_paused", format!("{name} is paused by a person"), to_do);
    }
    let late = row.next_at.map_or(0, |next_at| row.now - next_at);
    if !row.busy && late > LATE {
        return Finding::problem(
            "schedule_overdue",
            format!("{name} has been due for {}, and nobody does it", ago(late)),
            "start customer-sync serve; if it runs, see its log",
        );
    }
    let last = match (row.last_finished_at, &row.last_result) {
        (Some(at), Some(result)) => format!("last {} ago: {result}", ago(row.now - at)),
        _ => "has not run yet".to_owned(),
    };
    Finding::ok("schedule", format!("{name} ({}): {last}", row.spec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_overdue_only_where_nobody_is_at_it() {
        let row = ScheduleRow {
            name: "sweep".to_owned(),
            spec: "1h".to_owned(),
            paused: false,
            next_at: Some(0),
            now: LATE + 1,
            busy: false,
            abandoned: false,
            idle: 0,
            last_started_at: None,
            last_finished_at: None,
            last_result: None,
            succeeded_at: None,
        };
        assert_eq!(judge(&row).code, "schedule_overdue");
        assert_eq!(judge(&ScheduleRow { busy: true, ..row.clone() }).code, "schedule");
        assert_eq!(judge(&ScheduleRow { now: LATE, ..row.clone() }).code, "schedule");
        assert_eq!(judge(&ScheduleRow { paused: true, ..row }).code, "schedule_paused");
    }
}
