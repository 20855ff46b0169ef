//! A minimal HTTP/1.1 client for webhooks: `http://` only, one connection per request, like Python's `requests`.
//!
//! Invariant: an exchange ends within its time-out or as an error that says which of Python's errors it would be.
//! A redirect is followed as a GET without a body, which is what `requests` does and why a receiver behind one loses
//! everything silently.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::payload::Payload;

/// The receiver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    location: Option<String>,
}

const MAX_REDIRECTS: usize = 30;

/// Sends a payload and gives the last answer.
///
/// # Errors
/// A line in the words of Python's `requests` for a connection that fails, a time-out, or an unusable address.
pub(super) async fn send(payload: &Payload, timeout: Duration) -> Result<Answer, String> {
    let mut payload = payload.clone();
    for _ in 0..=MAX_REDIRECTS {
        let url = Url::parse(&payload.url).map_err(|error| format!("requests.exceptions.InvalidURL: {error}"))?;
        let answer = tokio::time::timeout(timeout, exchange(&url, &payload)).await.map_err(|_| {
            format!("requests.exceptions.ReadTimeout: Read timed out. (read timeout={})", timeout.as_secs_f64())
        })?;
        let answer = answer.map_err(|error| format!("requests.exceptions.ConnectionError: {error}"))?;
        let Some(location) = answer.location.as_deref().filter(|_| (300..400).contains(&answer.status)) else {
            return Ok(answer);
        };
        payload.url = url.join(location).map_err(|error| format!("requests.exceptions.InvalidURL: {error}"))?.into();
        if answer.status < 307 {
            payload.method = "GET".to_owned();
            payload.body.clear();
        }
    }
    Err("requests.exceptions.TooManyRedirects: Exceeded 30 redirects.".to_owned())
}

async fn exchange(url: &Url, payload: &Payload) -> std::io::Result<Answer> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(head(url, payload, &format!("{host}:{port}")).as_bytes()).await?;
    stream.flush().await?;
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(answer) = parse(&received, false) {
            return Ok(answer);
        }
        match stream.read(&mut buffer).await? {
            0 => break,
            length => received.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
    }
    let closed =
        || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "Remote end closed connection without response");
    parse(&received, true).ok_or_else(closed)
}

fn head(url: &Url, payload: &Payload, authority: &str) -> String {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!(
        "{} {}{query} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: python-requests/2.32.5\r\n\
         Accept-Encoding: gzip, deflate, br\r\nAccept: */*\r\nConnection: keep-alive\r\n",
        payload.method,
        url.path(),
    );
    for (name, value) in &payload.headers {
        // A header cannot break out of its line.
        let clean = |text: &str| text.replace(['\r', '\n'], " ");
        head.push_str(&format!("{}: {}\r\n", clean(name), clean(value)));
    }
    if !payload.body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", payload.body.len()));
    }
    head.push_str("\r\n");
    head.push_str(&payload.body);
    head
}

/// The answer, once it is complete; `closed` says that nothing more will come.
fn parse(received: &[u8], closed: bool) -> Option<Answer> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(received.get(..end)?).into_owned();
    let body = received.get(end + 4..)?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    };
    let complete = match header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None if header("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
        None => status == 204 || status == 304,
    };
    (complete || closed).then(|| Answer {
        status,
        body: String::from_utf8_lossy(body).into_owned(),
        location: header("location"),
    })
}
