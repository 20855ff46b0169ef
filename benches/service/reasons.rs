//! Why a target was missed: what limits, and what would lift it. Written by people, looked up when a report is made.
//!
//! Invariant: a reason belongs to one target, or to all whose description begins so; a missed target without one is
//! reported as unexplained, so that none is overlooked.

/// The beginning of a target's description, and why it may be missed.
const REASONS: &[(&str, &str)] = &[
    ("acks, SQLite, 64 connections, against the peer", PEER),
    ("acks, MariaDB, 64 connections, against the peer", PEER),
    ("acks, PostgreSQL, 64 connections, against the peer", PEER),
    ("acks, PostgreSQL, 256 connections, against the peer", PEER),
    ("p99, PostgreSQL", PEER),
    (
        "acks, PostgreSQL, 64 connections, against storing nothing",
        "two cores are shared by load, service and server; the server's own work for a delivery and a job is the limit. Fewer \
         indexes on the deliveries would lift it.",
    ),
    (
        "p99 of acks during a first run",
        "an acknowledgement waits while a batch of 200 customers is written, and both share two cores with the server. A \
         smaller `worker.batch` lifts it and makes the run slower.",
    ),
    ("queue to row, SQLite, up to 200", RUN),
    ("queue to row, PostgreSQL, up to 200", RUN),
    ("queue to row, MariaDB, up to 200", RUN),
    ("full run, SQLite, against", RUN),
    ("full run, PostgreSQL, against", RUN),
    ("full run, MariaDB, against", RUN),
    ("full run with nothing changed", RUN),
    (
        "full run, SQLite: peak memory",
        "each batch holds its documents with all that is linked to them, and SQLite its pages, in this process. Smaller batches \
         (`worker.batch`) lift it.",
    ),
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
        "search: two frequent words that nobody has together, MariaDB",
        "InnoDB's full-text index collects all rows of a word before it looks at the next one, so both lists are read to their \
         ends, in memory; PostgreSQL and SQLite intersect first.",
    ),
    (
        "webhook to visible row",
        "three transactions (webhook, claim, row), of which two wait for the disk, and two rounds of list calls, one after \
         the other because the second asks for what the first found. Reading a lone customer with fewer calls would lift it, \
         at the price of a second read path.",
    ),
];

const PEER: &str = "the peer's figure is carried over by the one-INSERT server, which this machine's quick disk makes almost twice as \
     fast as where the peer ran, while group commits wait for processors and not for the disk. Itself the peer made 1,999 acks/s \
     with a p99 of 69 ms at 64 connections there, and 2,145 with 321 ms at 256. Fewer indexes on deliveries and jobs would lift it.";

const RUN: &str = "every customer is a job of its own that survives a crash: put, claimed, read with eight lists, compared, written with \
     its history and bookkeeping, settled. On two cores shared by service, server and stand-in these are about 0.3 to 0.4 ms of \
     processor time for each new customer, of which the SQL server's is the larger half. The row by row way of this bench keeps \
     nothing but the row and meets a quick disk (through the Prisma of the design that this replaces it was 458/s elsewhere, and \
     the peer's backfill 2,094/s). Multiple rows bound as arrays instead of JSON, and a job row that is rewritten less often, \
     would lift it.";

const ONE_BY_ONE: &str = "the service has one read path, for 1 to 200 customers: eight list calls and one transaction each time, \
     where the peer makes one GET. Only a setting (`worker.batch = 1`) makes it read one by one; by default few customers gather, \
     and then it is the other row that counts. A second read path for single customers would lift it.";

/// The reason for that target.
pub fn of(target: &str) -> Option<&'static str> {
    REASONS.iter().find(|(begin, _)| target.starts_with(begin)).map(|(_, reason)| *reason)
}
