//! What the kernel knows about a process: its CPU time and its memory.
//!
//! Invariant: reads `/proc` only (proc(5)); the process that is measured does nothing for it.

use std::time::Duration;

use anyhow::{Context, anyhow};

/// Ticks of `/proc/PID/stat` per second: USER_HZ, 100 on every Linux that Rust's standard library supports.
const TICKS: u32 = 100;

/// User and system time so far.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = read(pid, "stat")?;
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th field after it.
    let (_name, fields) = stat.rsplit_once(')').ok_or_else(|| anyhow!("/proc/{pid}/stat has no name"))?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(Duration::from_secs(ticks.into()) / TICKS)
}

/// Most memory that it has had, in MB.
pub fn peak_memory(pid: u32) -> anyhow::Result<f64> {
    memory(pid, "VmHWM:")
}

/// Memory that it has now, in MB.
pub fn present_memory(pid: u32) -> anyhow::Result<f64> {
    memory(pid, "VmRSS:")
}

/// The part of it that is its own and not of the program's file, in MB.
pub fn own_memory(pid: u32) -> anyhow::Result<f64> {
    memory(pid, "RssAnon:")
}

fn memory(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.ok_or_else(|| anyhow!("/proc/{pid}/status has no {field}"))?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1_024.0 / 1_000_000.0)
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| format!("process {pid} is gone"))
}
