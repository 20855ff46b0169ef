//! A reader of the change feed that does little itself: it looks for the numbers and some of the times of what it is given.
//!
//! Invariant: it goes on behind the last change that it was given, and stops at the one that is known to be the last.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::Timestamp;

use super::service::Client;

const SEQ: &[u8] = b"\"seq\":";
const CHANGED_AT: &[u8] = b"\"changed_at\":\"";
/// Of so many changes one is timed.
const TIMED: i64 = 16;

/// A reader, and what it has seen.
pub struct Reader {
    client: Client,
    seen: i64,
    until: i64,
    missed: u64,
    delays: Vec<Duration>,
    first: Option<Instant>,
    took: Duration,
}

impl Reader {
    /// Reads what comes behind `after`, up to `until`.
    pub fn new(client: Client, after: i64, until: i64) -> Self {
        Self { client, seen: after, until, missed: 0, delays: Vec::new(), first: None, took: Duration::ZERO }
    }

    /// By calls that wait.
    pub async fn wait(mut self) -> anyhow::Result<Self> {
        while self.seen < self.until {
            let path = format!("/api/changes?after={}&wait=30&limit=500", self.seen);
            let page = self.client.get(&path).send().await?.error_for_status()?.bytes().await?;
            self.take(&page)?;
        }
        Ok(self)
    }

    /// By a stream.
    pub async fn stream(mut self) -> anyhow::Result<Self> {
        let path = format!("/api/events?after={}", self.seen);
        let mut stream = self.client.get(&path).send().await?.error_for_status()?;
        let mut events = Vec::new();
        while self.seen < self.until {
            events.extend_from_slice(&stream.chunk().await?.context("a stream ended")?);
            // An event ends with an empty line; what stands behind the last one has not all come yet.
            let whole = events.windows(2).rposition(|two| two == b"\n\n").map_or(0, |end| end + 2);
            self.take(&events[..whole])?;
            events.drain(..whole);
        }
        Ok(self)
    }

    /// Changes that were left out, or came out of order.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// From the first change to the last one.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How long some of the changes were under way.
    pub fn delays(&self) -> impl Iterator<Item = Duration> {
        self.delays.iter().copied()
    }

    fn take(&mut self, mut text: &[u8]) -> anyhow::Result<()> {
        let (now, before) = (Timestamp::now(), self.seen);
        while let Some(place) = find(text, SEQ) {
            text = &text[place + SEQ.len()..];
            let seq = digits(text);
            ensure!(seq > 0, "a change without a number");
            self.missed += seq.abs_diff(self.seen + 1);
            self.seen = seq;
            if seq % TIMED == 0 {
                let place = find(text, CHANGED_AT).context("a change has its time")? + CHANGED_AT.len();
                let end = find(&text[place..], b"\"").context("a time has an end")?;
                let changed: Timestamp = std::str::from_utf8(&text[place..place + end])?.parse()?;
                self.delays.push(now.duration_since(changed).try_into().unwrap_or_default());
            }
        }
        if self.seen > before {
            self.took = self.first.get_or_insert_with(Instant::now).elapsed();
        }
        Ok(())
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|found| found == what)
}

fn digits(text: &[u8]) -> i64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}
