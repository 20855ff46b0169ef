//! The load generator: keep-alive connections that write ready-made requests and wait for each answer (a closed loop).
//!
//! Invariant: it must not be what is measured. It formats, signs and parses nothing: an answer is looked at for its
//! status and its length only. One thread serves all connections; what a request
//! costs it is measured against the cheapest server and stands in the table.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::sheet::{milliseconds, percentile, rate};

/// How long to go on.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// Each request once.
    AllSent,
    /// Over and over for that time, after a tenth of it that does not count.
    Passed(Duration),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Every request that was answered, also those that do not count.
    pub all: u64,
    /// Answers of 2xx.
    acknowledged: u64,
    /// From the first request that counts to the last answer.
    took: Duration,
    /// Time from writing each request to its whole answer, sorted.
    latencies: Vec<Duration>,
}

impl Outcome {
    /// Acknowledgements per second.
    pub fn rate(&self) -> f64 {
        rate(self.acknowledged, self.took)
    }

    /// The share of answers that were no acknowledgement.
    pub fn refused(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let (counted, acknowledged) = (self.latencies.len() as f64, self.acknowledged as f64);
        1.0 - acknowledged / counted.max(1.0)
    }

    /// The latency that this share of all requests stayed below, in milliseconds.
    pub fn latency(&self, share: f64) -> f64 {
        milliseconds(percentile(&self.latencies, share))
    }
}

/// What all connections share.
struct Load {
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    until: Until,
    started: Instant,
}

/// Sends the requests over so many connections.
pub async fn send(to: SocketAddr, requests: Vec<Vec<u8>>, connections: usize, until: Until) -> anyhow::Result<Outcome> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(to, requests, connections, until))
    };
    tokio::task::spawn_blocking(run).await?
}

async fn all(to: SocketAddr, requests: Vec<Vec<u8>>, connections: usize, until: Until) -> anyhow::Result<Outcome> {
    let mut sockets = Vec::new();
    for _connection in 0..connections {
        let socket = TcpStream::connect(to).await.context("the service does not accept connections")?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let load = Arc::new(Load { requests, next: AtomicUsize::new(0), until, started: Instant::now() });
    let mut tasks = JoinSet::new();
    for socket in sockets {
        tasks.spawn(one(socket, Arc::clone(&load)));
    }
    let mut outcome = Outcome { all: 0, acknowledged: 0, took: Duration::ZERO, latencies: Vec::new() };
    while let Some(done) = tasks.join_next().await {
        let connection = done??;
        outcome.all += connection.all;
        outcome.acknowledged += connection.acknowledged;
        outcome.latencies.extend(connection.latencies);
    }
    outcome.took = load.started.elapsed() - load.warm_up();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

impl Load {
    /// What does not count at the beginning.
    fn warm_up(&self) -> Duration {
        match self.until {
            Until::AllSent => Duration::ZERO,
            Until::Passed(time) => time / 10,
        }
    }

    /// The next request; `None` at the end.
    fn next(&self) -> Option<&[u8]> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        match self.until {
            Until::AllSent => self.requests.get(index).map(Vec::as_slice),
            Until::Passed(time) if self.started.elapsed() < time + self.warm_up() => {
                self.requests.get(index % self.requests.len()).map(Vec::as_slice)
            }
            Until::Passed(_) => None,
        }
    }
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    all: u64,
    acknowledged: u64,
    latencies: Vec<Duration>,
}

async fn one(mut socket: TcpStream, load: Arc<Load>) -> anyhow::Result<Seen> {
    let counts_from = load.started + load.warm_up();
    let mut seen = Seen::default();
    let mut buffer = vec![0; 16 * 1_024];
    while let Some(request) = load.next() {
        let sent = Instant::now();
        socket.write_all(request).await?;
        let acknowledged = answer(&mut socket, &mut buffer).await?;
        seen.all += 1;
        if sent >= counts_from {
            seen.latencies.push(sent.elapsed());
            seen.acknowledged += u64::from(acknowledged);
        }
    }
    Ok(seen)
}

/// Reads one whole answer; whether it is a 2xx.
async fn answer(socket: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<bool> {
    let mut filled = 0;
    loop {
        let read = socket.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the service closed a connection");
        filled += read;
        if let Some(length) = length(&buffer[..filled])
            && filled >= length
        {
            return Ok(buffer[9] == b'2');
        }
    }
}

/// The length of the answer that begins there, once its head is whole.
fn length(answer: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b"\r\ncontent-length: ";
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let field = answer[..head].windows(FIELD.len()).position(|found| found.eq_ignore_ascii_case(FIELD))?;
    let digits = answer[field + FIELD.len()..head].iter().take_while(|byte| byte.is_ascii_digit());
    let body = digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    Some(head + 4 + body)
}
