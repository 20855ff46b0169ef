//! What Linux says about this process, under the names that Prometheus' client libraries share.
//!
//! Invariant: read from `/proc` when it is asked for, which costs microseconds; what cannot be read (another system) is left
//! out. Processor time is a fraction, which the recorder's counters cannot hold, so these lines are written here.
//! What stands where in `/proc`: the manual page proc(5).

use std::fmt::Write;
use std::fs;

use super::table::{
    Metric, PROCESS_CPU, PROCESS_FDS, PROCESS_MAX_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_THREADS,
    PROCESS_VIRTUAL,
};

/// The kernel tells times to programs in hundredths of a second, whatever it counts in itself (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends the metrics of the process.
pub(super) fn render(text: &mut String) {
    let values = [
        (&PROCESS_CPU, cpu_seconds()),
        (&PROCESS_RESIDENT, status_number("VmRSS:").map(|kilobytes| kilobytes * 1024.0)),
        (&PROCESS_VIRTUAL, status_number("VmSize:").map(|kilobytes| kilobytes * 1024.0)),
        (&PROCESS_THREADS, status_number("Threads:")),
        (&PROCESS_FDS, open_files()),
        (&PROCESS_MAX_FDS, most_files()),
        (&PROCESS_START, start_time()),
    ];
    for (metric, value) in values {
        if let Some(value) = value {
            append(text, metric, value);
        }
    }
}

fn append(text: &mut String, metric: &Metric, value: f64) {
    let Metric { name, help, kind, .. } = metric;
    let kind = kind.as_str();
    // Writing to a String cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
}

fn cpu_seconds() -> Option<f64> {
    let (user, system) = (stat_field(14)?, stat_field(15)?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn start_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(booted.trim().parse::<f64>().ok()? + stat_field(22)? / TICKS_PER_SECOND)
}

/// A field of `/proc/self/stat` by its number in the manual page.
fn stat_field(number: usize) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may contain anything; the third follows the last one.
    let (_name, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// A number of `/proc/self/status`, without its unit.
fn status_number(key: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<f64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    // Reading the folder opens one more.
    u32::try_from(open).ok().map(|open| f64::from(open.saturating_sub(1)))
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    soft.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::telemetry::clock;

    #[test]
    fn the_process_is_measured() {
        let mut text = String::new();
        render(&mut text);
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_threads") >= 1.0);
        assert!(value("process_open_fds") >= 3.0 && value("process_open_fds") < value("process_max_fds"));
        assert!(value("process_cpu_seconds_total") >= 0.0);
        let now = clock::unix_millis() as f64 / 1000.0;
        let age = now - value("process_start_time_seconds");
        assert!((-1.0..3600.0).contains(&age), "{age} s old");
    }
}
