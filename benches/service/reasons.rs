//! Why a target was missed: what limits, and what would lift it. Written by people, looked up when a report is made.
//!
//! Invariant: a reason belongs to one target, or to all whose description begins so; a missed target without one is
//! reported as unexplained, so that none is overlooked.

/// The beginning of a target's description, and why it may be missed.
const REASONS: &[(&str, &str)] = &[
    ("queue to row, SQLite, one customer", ONE_BY_ONE),
    ("queue to row, PostgreSQL, one customer", ONE_BY_ONE),
    ("queue to row, MariaDB, one customer", ONE_BY_ONE),
    (
        "CPU per ack, SQLite",
        "SQLite works inside the process: its share (pages of the primary key in no order, copied to the WAL with a checksum, \
         then into the file) is another process's on PostgreSQL and MariaDB. With one name, which needs no such pages, the \
         figure is the one of the row \"one name\". A table of jobs that is its own primary key would lift it.",
    ),
    (
        "memory at rest",
        "most of it are pages of the program's file, shared and given up under pressure; what is the service's own is in the \
         table \"start and rest\". A smaller program lifts it: `cargo build --profile ship`, which the benchmark does not use \
         because it takes long to build.",
    ),
    (
        "webhook to visible row",
        "three transactions (webhook, claim, row), of which two wait for the disk, and two rounds of list calls, one after \
         the other because the second asks for what the first found. Reading a lone customer with fewer calls would lift it, \
         at the price of a second read path.",
    ),
];

const ONE_BY_ONE: &str = "the service has one read path, for 1 to 200 customers: eight list calls and one transaction each time, \
     where the peer makes one GET. Only a setting (`worker.batch = 1`) makes it read one by one; by default few customers gather, \
     and then it is the other row that counts. A second read path for single customers would lift it.";

/// The reason for that target.
pub fn of(target: &str) -> Option<&'static str> {
    REASONS.iter().find(|(begin, _)| target.starts_with(begin)).map(|(_, reason)| *reason)
}
