//! Where and when a run was made, for the head of its report.
//!
//! Invariant: no name of the machine or of a person, only what makes figures comparable.

use std::fs::read_to_string;

use serde::Serialize;

/// The machine and the moment.
#[derive(Debug, Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    memory_gb: u64,
    system: String,
    date: String,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Self {
        let first = |file: &str, field: &str| {
            let text = read_to_string(file).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(field)?.split_once(':'));
            value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory: u64 = first("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
        let system = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: first("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gb: memory * 1_024 / 1_000_000_000,
            system: format!("Linux {}", system.trim()),
            date: jiff::Timestamp::now().strftime("%F").to_string(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, memory_gb, system, date } = self;
        write!(formatter, "{date}, {cores} cores of {processor}, {memory_gb} GB, {system}")
    }
}
