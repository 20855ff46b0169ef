//! The real binary as a user starts it: in a folder of its own, with no variable of this machine.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Nothing runs by itself unless a test wants it.
const QUIET: [(&str, &str); 4] = [
    ("CUSTOMER_SYNC__SCHEDULE__CATCH_UP", "off"),
    ("CUSTOMER_SYNC__SCHEDULE__SWEEP", "off"),
    ("CUSTOMER_SYNC__SCHEDULE__FULL", "off"),
    ("CUSTOMER_SYNC__SCHEDULE__VERIFY", "off"),
];

/// A command of the binary, in that folder, with these variables and none of this machine.
pub fn command(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_customer-sync"));
    command.args(arguments).current_dir(folder).env_clear().envs(QUIET).envs(environment.iter().copied());
    command
}

/// Runs it to its end.
pub fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(folder, arguments, environment).stdin(Stdio::null()).output().unwrap()
}

/// What it said on standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running `serve`; killed when dropped.
pub struct Serving {
    pub url: String,
    /// What it said on standard error until it served.
    pub said: Vec<String>,
    child: Child,
    /// What it says on standard error, line by line.
    log: Receiver<String>,
}

impl Serving {
    /// Starts it on a free port and waits until it says where it serves.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::with_flags(folder, &[], environment)
    }

    /// As `start`, with further flags.
    pub fn with_flags(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], flags].concat();
        let mut command = command(folder, &arguments, environment);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let mut serving = Self { url: String::new(), said: Vec::new(), child, log };
        let reader = BufReader::new(serving.child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        while serving.url.is_empty() {
            let line = serving.log.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|error| panic!("{error}: {:#?}", serving.said));
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if entry["message"] == "serving" {
                serving.url = format!("http://{}", entry["address"].as_str().unwrap());
            }
            serving.said.push(line);
        }
        serving
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
