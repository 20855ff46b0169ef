//! Every setting: its name, type, default, and what it means, one struct per section.
//!
//! Invariant: the doc comments are what users read in the sample file and in the README, so they speak to users; the
//! defaults stand nowhere else. What combinations are wrong is in `check`.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::setting::section;
use super::values::{ByteSize, LogFilter, LogFormat, Pairs, Secret};
use crate::domain::filter::Filter;
use crate::domain::matching::MatchKey;
use crate::domain::schedule::{Schedule as Timed, Zone};
use crate::domain::webhook::Instance;

section! {
    /// Settings outside of tables.
    Root = "" {
        /// Folder for the SQLite database and other local files. It is created if missing.
        data_dir ("DATA_DIR"): PathBuf = PathBuf::from("data");
    }
}

section! {
    /// The web server: receiver, API and pages.
    Server = "server" {
        /// Address and port to serve on.
        listen ("LISTEN"): SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// Address under which ERPNext and browsers reach the server, without a path. With https, cookies go over TLS only.
        public_url ("PUBLIC_URL"): Option<Url> = None => "\"https://sync.example.com\"";
        /// Networks of the reverse proxies in front of the server, whose X-Forwarded-For and X-Forwarded-Proto are believed. Nobody else's are.
        trusted_proxies: Vec<IpNet> = Vec::new() => "[\"10.0.0.0/8\", \"127.0.0.1\"]";
        /// Largest accepted body of a webhook; a larger one gets 413.
        body_limit: ByteSize = ByteSize::mebibytes(1);
        /// How long a client may take to send the headers of a request, and again for its whole body.
        body_timeout: Duration = Duration::from_secs(10);
        /// Memory for all bodies that are being received; above it new ones get 503.
        bodies_in_flight: ByteSize = ByteSize::mebibytes(16);
        /// How long running requests and jobs may take to finish after a stop signal.
        shutdown_timeout: Duration = Duration::from_secs(60);
    }
}

section! {
    /// Who may use API and pages, and how often.
    Access = "access" {
        /// How long somebody stays signed in without doing anything.
        session_idle: Duration = Duration::from_secs(8 * 3600);
        /// How long somebody stays signed in at most.
        session_max: Duration = Duration::from_secs(7 * 24 * 3600);
        /// How often one address may try to sign in within a minute; three times as often under one name.
        sign_ins_per_minute: NonZeroU32 = positive(10);
        /// How many calls one token or user may make within a second, over a while (ten times as many at once).
        calls_per_second: NonZeroU32 = positive(100);
        /// How many calls of one token or user may wait at once: event streams, open pages, and calls that wait for changes, a sync, a link or a run. Four times as many may in all.
        waiting_calls: NonZeroU32 = positive(500);
    }
}

section! {
    /// Where customers are kept.
    Database = "database" {
        /// Address of the database: sqlite://, postgres:// or mariadb:// (also mysql://). Without it an SQLite file in data_dir.
        url ("DATABASE_URL"): Option<Secret> = None => "\"postgres://user:password@localhost/customers\"";
        /// PostgreSQL only: the schema that holds all tables. Without it the server's default.
        schema: Option<String> = None => "\"customer_sync\"";
        /// Most connections that are open at once (SQLite always writes through one).
        max_connections: NonZeroU32 = positive(12);
    }
}

section! {
    /// The ERPNext site that is read.
    Erpnext = "erpnext" {
        /// Address of the site, without a path.
        url ("ERPNEXT_URL", "NEXT_PUBLIC_ERPNEXT_URL"): Option<Url> = None => "\"https://erp.example.com\"";
        /// API key of the user that reads.
        api_key ("ERPNEXT_API_KEY"): Option<Secret> = None => "\"0123456789abcde\"";
        /// API secret of that user.
        api_secret ("ERPNEXT_API_SECRET"): Option<Secret> = None => "\"fedcba987654321\"";
        /// How long to wait for a connection.
        connect_timeout: Duration = Duration::from_secs(5);
        /// How long to wait for a whole answer.
        read_timeout: Duration = Duration::from_secs(30);
        /// Largest accepted answer.
        max_response: ByteSize = ByteSize::mebibytes(64);
        /// Most calls that run at once.
        concurrency: NonZeroUsize = positive_usize(8);
        /// How often a site that refuses the key is asked whether it works again.
        probe_every: Duration = Duration::from_secs(30);
        /// PEM file with a certificate authority to trust beside the system's.
        ca_file: Option<PathBuf> = None => "\"/etc/ssl/our-ca.pem\"";
        /// Proxy to reach the site through. Without it HTTPS_PROXY and its kin count.
        proxy: Option<Secret> = None => "\"http://proxy.example.com:3128\"";
        /// Headers to add to each call, e.g. for an access proxy.
        headers: Pairs<Secret> = Pairs::new() => "{ \"CF-Access-Client-Id\" = \"id\", \"CF-Access-Client-Secret\" = \"secret\" }";
        /// Host header to send, where one address serves several sites.
        host_header: Option<String> = None => "\"erp.example.com\"";
    }
}

section! {
    /// How webhooks are received.
    Webhook = "webhook" {
        /// The Webhook Secret of ERPNext's Webhook documents; several while one replaces another. Without any the receiver is closed.
        secrets ("ERPNEXT_WEBHOOK_SECRET"): Vec<Secret> = Vec::new() => "[\"a long random text\"]";
        /// What the names of this installation's Webhook documents begin with. Give a second one on the same ERPNext (staging) another.
        instance: Instance = Instance::default();
        /// Accept webhooks without a signature. Anybody who reaches the receiver can then make work, so only for trials.
        insecure: bool = false;
        /// Most webhooks that wait to be stored; above it new ones get 503 and ERPNext repeats them.
        channel: NonZeroUsize = positive_usize(2048);
        /// Most webhooks that are stored in one transaction.
        batch: NonZeroUsize = positive_usize(512);
        /// How long a webhook may wait to be stored before it gets 503.
        commit_timeout: Duration = Duration::from_millis(1500);
    }
}

section! {
    /// How the queue is worked off.
    Worker = "worker" {
        /// Most batches that are worked on at once.
        concurrency: NonZeroUsize = positive_usize(4);
        /// Most customers that are read from ERPNext at once, up to 200.
        batch: NonZeroUsize = positive_usize(200);
        /// After this time without a sign of life the work of a crashed process is taken over; more than twice erpnext.read_timeout.
        lease: Duration = Duration::from_secs(120);
        /// Failed attempts after which a job waits for a person or the next webhook.
        attempts: NonZeroU32 = positive(12);
        /// Wait after the first failed attempt; it doubles with each further one.
        backoff_base: Duration = Duration::from_secs(2);
        /// Longest wait between two attempts.
        backoff_max: Duration = Duration::from_secs(15 * 60);
        /// Reads of ERPNext for few customers that go at once after a quiet time.
        burst: NonZeroU32 = positive(10);
        /// Once these are used up: how long due customers gather before they are read together.
        gather: Duration = Duration::from_secs(2);
    }
}

section! {
    /// What is kept, and how much of it may vanish at once.
    Sync = "sync" {
        /// Keeps only the customers that match: Frappe filters as JSON. Leaves out the others, also those that were kept before.
        filter: Option<Filter> = None => "'[[\"customer_group\", \"descendants of (inclusive)\", \"Retail\"]]'";
        /// Share of all customers, in percent, that a sweep may mark as deleted or left out without asking a person (fewer than ten always may).
        max_removed_percent: NonZeroU32 = positive(5);
        /// How long POST /api/customers/sync waits for the end of its run.
        wait_max: Duration = Duration::from_secs(10 * 60);
    }
}

section! {
    /// When the repair of what webhooks missed runs: an interval like "30s", a cron pattern like "0 3 * * *", or "off".
    Schedule = "schedule" {
        /// Asks ERPNext what changed since the last time.
        catch_up: Timed = Timed::Every(Duration::from_secs(30));
        /// How rarely catch-up may come to ask while nothing happens, or where ERPNext limits the rate (not for a cron pattern).
        catch_up_slowest: Duration = Duration::from_secs(5 * 60);
        /// Compares all names with ERPNext's: finds renames, merges and deletions.
        sweep: Timed = Timed::Every(Duration::from_secs(3600));
        /// Reads every customer anew. Unless "off", also at the first start and after the mapping or the site changed.
        full: Timed = nightly();
        /// Forgets old history (see the settings of retention).
        prune: Timed = Timed::Every(Duration::from_secs(600));
        /// Compares some customers with ERPNext, value by value (see the settings of verify); where any differ, a full run is started (unless schedule.full is "off").
        verify: Timed = Timed::Every(Duration::from_secs(6 * 3600));
        /// The time zone of cron patterns.
        time_zone: Zone = Zone::default();
    }
}

section! {
    /// How customers are compared with ERPNext when schedule.verify is due.
    Verify = "verify" {
        /// Customers that are compared each time, chosen at random.
        sample: NonZeroUsize = positive_usize(500);
        /// How long a customer must differ, with no change on either side, to count as drift: longer than webhooks take.
        settle: Duration = Duration::from_secs(60);
    }
}

section! {
    /// Links customers that your application had before to those of ERPNext, instead of adding them a second time.
    Matching = "matching" {
        /// What must be equal, the strongest first: "email", "tax_number", or "id:customer.FIELD" where a custom field of ERPNext holds your id. None: nothing is linked by itself.
        keys: Vec<MatchKey> = Vec::new() => "[\"id:customer.custom_shop_id\", \"tax_number\", \"email\"]";
    }
}

section! {
    /// Which field of ERPNext becomes which column.
    Mapping = "mapping" {
        /// The company whose credit limit counts, where customers have several.
        company: Option<String> = None => "\"Example Ltd\"";
        /// Sources of the columns that shall differ from the default; the first with a value wins. A source is a field
        /// of customer, address or contact; "+" joins fields, "unless contact" or "unless address" skips a source where
        /// one is linked, "not" turns yes into no. A column with an empty list is never written: it is yours.
        fields: Pairs<Vec<String>> = Pairs::new() => "{ phone = [\"contact.phone\", \"contact.mobile_no\"] }";
        /// Custom fields of the Customer to copy into the column "extra", each under a name of your choice.
        extra: Pairs<String> = Pairs::new() => "{ vat_class = \"customer.custom_vat_class\" }";
    }
}

section! {
    /// How long history is kept.
    Retention = "retention" {
        /// Days that received webhooks are kept for inspection.
        deliveries_days: NonZeroU32 = positive(14);
        /// Most received webhooks that are kept.
        deliveries_rows: NonZeroU32 = positive(1_000_000);
        /// Days that the history of customers is kept.
        changes_days: NonZeroU32 = positive(3650);
        /// Most changes of customers that are kept (about).
        changes_rows: NonZeroU32 = positive(50_000_000);
        /// Days that runs are kept; the last one of each kind that came to its end always is.
        runs_days: NonZeroU32 = positive(90);
        /// Most runs of each kind that are kept.
        runs_rows: NonZeroU32 = positive(10_000);
        /// Days after which a customer that was deleted or merged in ERPNext is erased for good; ERPNext cannot bring it back then. Without it: never.
        tombstones_days: Option<NonZeroU32> = None => "365";
        /// Days that the audit log is kept.
        audit_days: NonZeroU32 = positive(730);
    }
}

section! {
    /// What Prometheus reads.
    Metrics = "metrics" {
        /// Address and port for GET /metrics alone, which the main address then has no more. Without it: on server.listen.
        listen: Option<SocketAddr> = None => "\"127.0.0.1:9464\"";
        /// Token that a scrape must bring ("Authorization: Bearer …"), 16 characters at least. Without it anybody who reaches the address may read.
        token: Option<Secret> = None => "\"what-openssl-rand-hex-32-prints\"";
    }
}

section! {
    /// The log, on standard error.
    Log = "log" {
        /// What is logged: a level, or a level with exceptions.
        level ("RUST_LOG"): LogFilter = LogFilter::default() => "\"info,customer_sync=debug\"";
        /// How lines look: "human", "json", or "auto" (human on a terminal, JSON otherwise).
        format: LogFormat = LogFormat::Auto;
    }
}

/// When everybody is asleep. (The pattern can be read: a test loads all defaults.)
fn nightly() -> Timed {
    Timed::parse("0 3 * * *").unwrap_or(Timed::Off)
}

/// A default that is above zero by its spelling.
const fn positive(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// As [`positive`].
const fn positive_usize(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}
