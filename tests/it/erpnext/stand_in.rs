//! A tiny HTTP/1.1 server that does what a test tells it.
//!
//! Invariant: it remembers every request as it came, byte for byte in path and body. It stops when it is dropped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use customer_sync::erpnext::{Client, Options};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub method: String,
    /// Path and query, still encoded.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What the stand-in does about a request.
#[derive(Debug, Clone)]
pub enum Reaction {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Never answers.
    Silence,
    /// Closes without a word.
    HangUp,
    /// Announces more than it sends, then closes.
    Half,
}

impl Reaction {
    pub fn json(status: u16, body: &str) -> Self {
        Self::answer(status, "application/json", body)
    }

    pub fn html(status: u16) -> Self {
        Self::answer(status, "text/html", "<html><h1>Bad Gateway</h1></html>")
    }

    fn answer(status: u16, content_type: &str, body: &str) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self::Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    pub fn with(mut self, name: &str, value: &impl ToString) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_string()));
        }
        self
    }
}

type Script = dyn Fn(&Seen) -> Reaction + Send + Sync;

pub struct StandIn {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Aborts all it runs when dropped.
    _tasks: JoinSet<()>,
}

impl StandIn {
    pub async fn start(script: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { port, seen, _tasks: tasks }
    }

    /// Answers every request alike.
    pub async fn always(reaction: Reaction) -> Self {
        Self::start(move |_| reaction.clone()).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Options that reach it, with short time-outs.
    pub fn options(&self) -> Options {
        options(&format!("http://127.0.0.1:{}", self.port))
    }

    pub fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }
}

pub fn options(url: &str) -> Options {
    Options {
        url: url.parse().unwrap(),
        api_key: "the-key".to_owned(),
        api_secret: "the-secret".to_owned(),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(10),
        max_response_bytes: 1 << 20,
        concurrency: 8,
        ca_file: None,
        proxy: None,
        headers: Vec::new(),
        host_header: None,
        breaker_failures: 100,
        breaker_pause: Duration::from_secs(10),
        observer: None,
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>, log: Arc<Mutex<Vec<Seen>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        log.lock().unwrap().push(request.clone());
        match script(&request) {
            Reaction::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await?;
            }
            Reaction::Silence => std::future::pending().await,
            Reaction::HangUp => return Ok(()),
            Reaction::Half => {
                return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message\"").await;
            }
        }
    }
    Ok(())
}

/// The next request of a connection; `None` when it is closed.
async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut request = Seen { method: words.next().unwrap(), path: words.next().unwrap(), ..Seen::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        request.headers.push((name.to_owned(), value.to_owned()));
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    request.body = String::from_utf8(body).unwrap();
    Ok(Some(request))
}
