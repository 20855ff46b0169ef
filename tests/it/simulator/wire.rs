//! Plain HTTP/1.1 over TCP, both ways: asks the stand-in, and receives its webhooks.
//!
//! Invariant: what is written here goes over the wire byte by byte, so paths are not normalised by a URL library and
//! bodies can be checked against their signature.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use customer_sync::simulator::Simulator;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// An HTTP message: status line or request line, headers, body.
#[derive(Debug, Clone)]
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn read_message(stream: &mut TcpStream) -> Option<Message> {
    let mut received = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(received[..end].to_vec()).unwrap();
            let mut lines = head.lines().map(str::to_owned);
            let first = lines.next().unwrap();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
                .collect();
            let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length = length.map_or(0, |(_, value)| value.parse().unwrap());
            if received.len() >= end + 4 + length {
                return Some(Message { first, headers, body: received[end + 4..end + 4 + length].to_vec() });
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
    }
}

fn find<'h>(headers: &'h [(String, String)], wanted: &str) -> Option<&'h str> {
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
}

/// The stand-in's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON, or as a JSON string where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| Value::from(self.body.as_str()))
    }
}

/// A client of a stand-in, as one user.
#[derive(Debug, Clone)]
pub struct Wire {
    address: String,
    authorization: Option<String>,
}

impl Wire {
    pub fn new(simulator: &Simulator, key: &(String, String)) -> Self {
        Self { authorization: Some(format!("token {}:{}", key.0, key.1)), ..Self::anonymous(simulator) }
    }

    pub fn anonymous(simulator: &Simulator) -> Self {
        Self { address: simulator.url().trim_start_matches("http://").to_owned(), authorization: None }
    }

    /// Sends a request; `None` where the connection is refused, or closed without an answer.
    pub async fn try_send(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        let authorization = self.authorization.iter().map(|value| format!("Authorization: {value}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n",
            self.address,
            body.len(),
            authorization.collect::<String>()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body.as_bytes()).await.ok()?;
        let message = read_message(&mut stream).await?;
        let status = message.first.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, body: String::from_utf8(message.body).ok()?, headers: message.headers })
    }

    pub async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_send(method, path, body).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// `frappe.client.get_list` by POST; gives the rows.
    pub async fn list(&self, query: &Value) -> Vec<Value> {
        let answer = self.send("POST", "/api/method/frappe.client.get_list", &query.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["message"].as_array().unwrap().clone()
    }
}

/// One webhook as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub body: String,
    pub at: Instant,
    headers: Vec<(String, String)>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Names of all headers, in order.
    pub fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the signature is that of the secret over the raw body.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(self.body.as_bytes());
        let signature = self.header("x-frappe-webhook-signature").unwrap_or_default();
        BASE64_STANDARD.decode(signature).is_ok_and(|given| mac.verify_slice(&given).is_ok())
    }
}

/// What a receiver answers next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    Status(u16),
    /// Status 302 to that path.
    Redirect(&'static str),
    /// The connection stays open and nothing is said.
    Silence,
}

/// Receives webhooks; answers 200 unless told otherwise.
#[derive(Debug)]
pub struct Receiver {
    pub url: String,
    received: watch::Receiver<Vec<Received>>,
    script: Arc<Mutex<VecDeque<Response>>>,
    /// Ends with the receiver.
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = watch::channel(Vec::new());
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, shared) = (Arc::new(sender), script.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(receive(stream, sender.clone(), shared.clone()));
            }
        });
        Self { url, received, script, _tasks: tasks }
    }

    /// The next webhooks get these answers.
    pub fn answers(&self, responses: impl IntoIterator<Item = Response>) {
        self.script.lock().unwrap().extend(responses);
    }

    /// Waits until so many webhooks came, counted from the beginning.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let waited = tokio::time::timeout(Duration::from_secs(20), received.wait_for(|all| all.len() >= count)).await;
        if waited.is_err() {
            panic!("only {} of {count} webhooks came", self.received.borrow().len());
        }
        self.all()
    }

    pub fn all(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }
}

async fn receive(
    mut stream: TcpStream,
    sender: Arc<watch::Sender<Vec<Received>>>,
    script: Arc<Mutex<VecDeque<Response>>>,
) {
    let at = Instant::now();
    let Some(message) = read_message(&mut stream).await else { return };
    let mut first = message.first.split(' ').map(str::to_owned);
    let webhook = Received {
        method: first.next().unwrap(),
        path: first.next().unwrap(),
        body: String::from_utf8(message.body).unwrap(),
        at,
        headers: message.headers,
    };
    let response = script.lock().unwrap().pop_front().unwrap_or(Response::Status(200));
    let answer = match response {
        Response::Status(status) => Some(format!("HTTP/1.1 {status} X\r\nContent-Length: 11\r\n\r\n{{\"ok\":true}}")),
        Response::Redirect(to) => Some(format!("HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")),
        Response::Silence => None,
    };
    sender.send_modify(|all| all.push(webhook));
    match answer {
        Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
        // Until the sender gives up.
        None => drop(stream.read(&mut [0; 1]).await),
    }
}
