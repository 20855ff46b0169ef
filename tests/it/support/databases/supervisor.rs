//! One supervised command and its folder: the Rust end of `supervise.sh`.
//!
//! Invariant: whatever happens to this process (return, panic, `kill -9`), the command ends and the folder goes,
//! because both hang on a pipe that only this process holds open. Belongs to no async runtime: a server started by one
//! test is used by others, each with a runtime of its own. What runs here is `programs`' business.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use tokio::sync::watch;

/// The user `nobody` and its group on Debian: PostgreSQL refuses to run as root, MariaDB wants to be asked.
const NOBODY: u32 = 65534;

/// A folder that goes with this process, and at most one running command in it.
pub struct Supervisor {
    folder: PathBuf,
    orders: Mutex<Option<ChildStdin>>,
    ends: watch::Receiver<Ends>,
    shell: Mutex<Child>,
}

/// How many commands have ended, and the last one's exit status.
#[derive(Clone, Copy, Default)]
struct Ends {
    count: u64,
    status: i32,
}

impl Supervisor {
    /// For a server: as root the folder belongs to `nobody`, who then runs the commands. `farewell` is the signal that
    /// ends a command at once and with all its children.
    pub fn for_server(farewell: &str) -> Self {
        let root = fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0;
        Self::start(farewell, root.then_some(NOBODY))
    }

    /// For files of this process itself.
    pub fn for_files() -> Self {
        Self::start("KILL", None)
    }

    fn start(farewell: &str, user: Option<u32>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("customer-sync-test-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .expect("a temporary folder can be made")
            .keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", include_str!("supervise.sh"), "supervise"]).arg(&folder).arg(farewell);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own: Ctrl-C on the terminal must not end the one that cleans up.
        shell.process_group(0).current_dir("/");
        // MariaDB deletes at its start what looks like temporary tables, also those of another server in the same place.
        shell.env("TMPDIR", &folder);
        if let Some(user) = user {
            chown(&folder, Some(user), Some(user)).expect("root may give a folder away");
            shell.uid(user).gid(user);
        }
        let mut shell = shell.spawn().expect("sh can be started");
        let orders = shell.stdin.take().expect("standard input was asked for");
        let answers = BufReader::new(shell.stdout.take().expect("standard output was asked for"));
        let (report, ends) = watch::channel(Ends::default());
        std::thread::spawn(move || {
            for line in answers.lines().map_while(Result::ok) {
                if let Some(status) = line.strip_prefix("exited ").and_then(|status| status.parse().ok()) {
                    report.send_modify(|ends| *ends = Ends { count: ends.count + 1, status });
                }
            }
        });
        Self { folder, orders: Mutex::new(Some(orders)), ends, shell: Mutex::new(shell) }
    }

    /// Where the command keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the commands have written so far, for the message of a failure.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Starts a command (words of a shell; quote what needs it). The answer waits for its end and gives its status.
    pub fn run(&self, command: &str) -> impl Future<Output = i32> + Send + 'static + use<> {
        let mut ends = self.ends.clone();
        let before = ends.borrow().count;
        self.order(&format!("run {command}"));
        async move {
            let ended =
                ends.wait_for(|ends| ends.count > before).await.expect("the supervisor lives while it is owned");
            ended.status
        }
    }

    /// Sends the running command a signal (`TERM`, `KILL` …) and waits for its end.
    pub async fn end(&self, signal: &str) {
        let mut ends = self.ends.clone();
        let before = ends.borrow().count;
        self.order(&format!("signal {signal}"));
        ends.wait_for(|ends| ends.count > before).await.expect("the supervisor lives while it is owned");
    }

    fn order(&self, line: &str) {
        let mut orders = self.orders.lock().expect("no test panics with this lock");
        let pipe = orders.as_mut().expect("orders are only closed by drop");
        writeln!(pipe, "{line}").expect("the supervisor reads its orders");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.get_mut().map(Option::take));
        // Reaps the shell; it ends by itself once its standard input is closed.
        if let Ok(shell) = self.shell.get_mut() {
            drop(shell.wait());
        }
    }
}
