//! TLS: which certificates are trusted, and what is said about the others.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use customer_sync::erpnext::{Client, ConnectCause, Error, Options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::recordings;
use super::stand_in::{Reaction, StandIn, options};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Answers one request after the other with the logged user; its certificate is for `localhost`. Gives its port.
fn serve() -> u16 {
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that does not trust us ends the handshake with an error; the next one may.
            let _ = answer(Arc::clone(&config), stream.unwrap());
        }
    });
    port
}

fn answer(config: Arc<ServerConfig>, stream: TcpStream) -> std::io::Result<()> {
    let Reaction::Answer { body, .. } = recordings::last("71-logged-user.json") else { unreachable!() };
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let stream = stream.get_mut();
    stream.write_all(&[head.as_bytes(), &body].concat())?;
    stream.conn.send_close_notify();
    stream.flush()
}

async fn cause(options: Options) -> (ConnectCause, String) {
    match Client::new(options).unwrap().logged_user().await.unwrap_err() {
        Error::Connect { cause, site, source } => (cause, format!("{site} {cause} {source:?}")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_authority_from_the_file_is_trusted() {
    let url = format!("https://localhost:{}", serve());
    let trusted = Options { ca_file: Some(file("ca.pem")), ..options(&url) };
    assert_eq!(Client::new(trusted).unwrap().logged_user().await.unwrap(), "sync@example.com");
}

#[tokio::test]
async fn an_unknown_authority_is_named_with_the_remedy() {
    let (cause, text) = cause(options(&format!("https://localhost:{}", serve()))).await;
    assert_eq!(cause, ConnectCause::UnknownAuthority, "{text}");
    assert!(text.contains("ca_file"));
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let url = format!("https://127.0.0.1:{}", serve());
    let (cause, text) = cause(Options { ca_file: Some(file("ca.pem")), ..options(&url) }).await;
    assert_eq!(cause, ConnectCause::WrongHost, "{text}");
}

#[tokio::test]
async fn https_where_only_http_is_spoken() {
    let plain = StandIn::always(Reaction::html(400)).await;
    let (cause, text) = cause(options(&format!("https://localhost:{}", plain.port))).await;
    assert_eq!(cause, ConnectCause::Tls, "{text}");
    assert!(text.contains("http://"));
}
