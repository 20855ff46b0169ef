//! A TCP proxy that stands for the network between the service and a database (or an ERPNext).
//!
//! Invariant: its own port stays the same in every state, so the service's configuration stays right. It breaks
//! connections as networks do (cut, silent); what servers do when they stop or crash is `databases::Server`'s part.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the network does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// Everything passes.
    Up,
    /// Open connections are closed, new ones are closed at once.
    Cut,
    /// Nothing passes and nothing is closed, like a firewall that drops packets.
    Silent,
}

/// A proxy on a free port of 127.0.0.1; it ends when dropped.
pub struct TcpProxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    _task: JoinSet<()>,
}

impl TcpProxy {
    /// Forwards to that port of 127.0.0.1.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (network, state) = watch::channel(Network::Up);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, port, state));
        Self { address, network, _task: task }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes all connections, and every new one at once.
    pub fn cut(&self) {
        self.network.send_replace(Network::Cut);
    }

    /// Lets nothing pass and closes nothing.
    pub fn silence(&self) {
        self.network.send_replace(Network::Silent);
    }

    /// Everything passes again: new connections after a cut, and those that fell silent.
    pub fn restore(&self) {
        self.network.send_replace(Network::Up);
    }
}

async fn accept(listener: TcpListener, port: u16, network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *network.borrow() != Network::Cut {
            connections.spawn(forward(client, port, network.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Both directions of one connection, until either side closes it or the network is cut.
async fn forward(client: TcpStream, port: u16, network: watch::Receiver<Network>) {
    let mut cut = network.clone();
    let pass = async {
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        tokio::select! {
            () = one_way(&client, &server, network.clone()) => (),
            () = one_way(&server, &client, network.clone()) => (),
        }
    };
    tokio::select! {
        () = pass => (),
        _ = cut.wait_for(|network| *network == Network::Cut) => (),
    }
}

async fn one_way(from: &TcpStream, to: &TcpStream, mut network: watch::Receiver<Network>) {
    let mut buffer = vec![0; 16 * 1024];
    while from.readable().await.is_ok() {
        if network.wait_for(|network| *network == Network::Up).await.is_err() {
            return;
        }
        let mut rest = match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => &buffer[..length],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        while !rest.is_empty() {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => (),
                Err(_) => return,
            }
        }
    }
}
