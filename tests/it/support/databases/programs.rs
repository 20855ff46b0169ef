//! How each server is set up and started: where Debian keeps its programs, with which arguments.
//!
//! Invariant: a server listens on loopback only, in a folder of its own, as durable as in production (a 202 is a
//! promise; the tests measure what users get), with room for many tests at once. Nothing here runs anything.

use std::path::{Path, PathBuf};

use super::Kind;

/// Name and password of the administrator that makes the databases and the users of tests.
pub const ADMIN: (&str, &str) = ("postgres", "admin-secret");

/// MariaDB keeps 128 MiB of its tables in memory unless it is told otherwise, and goes past the system's cache, which the
/// other databases have for the rest. Whoever has a million customers tells it.
const BUFFER: &str = "--innodb-buffer-pool-size=1G";

/// What one server needs.
pub struct Programs {
    /// A file to write into the empty folder first: name and content.
    pub file: (&'static str, String),
    /// Command that makes the data folder, once.
    pub prepare: String,
    /// Command that serves, in the foreground, until a signal.
    pub serve: String,
}

/// Signal for an orderly stop that does not wait for clients.
pub const fn stop_signal(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Postgres) { "INT" } else { "TERM" }
}

/// Signal for an end without any farewell, after which the server has to recover. (SIGKILL would leave PostgreSQL's
/// children behind; SIGQUIT makes all of them drop everything.)
pub const fn crash_signal(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Postgres) { "QUIT" } else { "KILL" }
}

/// The programs of a server in that folder on that port.
pub fn programs(kind: Kind, folder: &Path, port: u16) -> Programs {
    let folder = format!("'{}'", folder.display());
    let (user, password) = ADMIN;
    match kind {
        Kind::Sqlite => unreachable!("SQLite has no server"),
        Kind::Postgres => Programs {
            file: ("password", password.to_owned()),
            prepare: format!(
                "{} -D {folder}/data -U {user} --pwfile={folder}/password -A scram-sha-256 -E UTF8 --locale=C.UTF-8 \
                 --no-sync",
                postgres("initdb").display(),
            ),
            serve: format!(
                "{} -D {folder}/data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
                 -c max_connections=200",
                postgres("postgres").display(),
            ),
        },
        Kind::Mariadb => Programs {
            // Run at every start, hence the IF NOT EXISTS. One statement per line.
            file: (
                "init.sql",
                format!(
                    "CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
                     GRANT ALL ON *.* TO '{user}'@'127.0.0.1' WITH GRANT OPTION;\n"
                ),
            ),
            prepare: format!(
                "{} --no-defaults --datadir={folder}/data --skip-test-db --skip-name-resolve \
                 --auth-root-authentication-method=normal",
                find("mariadb-install-db", &["/usr/bin"]).display(),
            ),
            serve: format!(
                "{} --no-defaults --datadir={folder}/data --port={port} --bind-address=127.0.0.1 \
                 --socket={folder}/socket --skip-name-resolve --max-connections=300 --init-file={folder}/init.sql \
                 {BUFFER}",
                find("mariadbd", &["/usr/sbin"]).display(),
            ),
        },
    }
}

/// A program of the newest PostgreSQL: Debian keeps each major version's in a folder of its own, not in PATH.
fn postgres(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .max_by_key(|(version, _)| *version);
    match newest {
        Some((_, folder)) => folder.join(program),
        None => find(program, &[]),
    }
}

/// A program in these folders or in PATH; panics with what to do where it is not installed.
pub fn find(program: &str, folders: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = folders.iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    candidates.map(|folder| folder.join(program)).find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("{program} is not installed: start the tests with tests/run, which installs what they need")
    })
}
