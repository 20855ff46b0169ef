//! The HTTP side: one thread of its own with the listener, the answers and the delivery workers.
//!
//! Invariant: the stand-in shares no runtime with the service under test, so neither can starve or stop the other.
//! While it is down, connections are refused; it comes back on the same port.

mod methods;
mod reply;
mod resource;
mod routes;
mod setup;

use std::any::Any;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Extensions, ServerHandle};
use actix_web::{App, HttpServer, web};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::SimulatorError;
use super::delivery::{self, Job};
use super::shared::Shared;

/// Orders to the thread; each is answered when it is carried out.
#[derive(Debug)]
pub(super) enum Order {
    Down(oneshot::Sender<()>),
    Up(oneshot::Sender<Result<(), SimulatorError>>),
    Stop(oneshot::Sender<()>),
}

/// Starts the thread; returns when it answers.
pub(super) async fn start(
    shared: Arc<Shared>,
    listener: TcpListener,
    jobs: mpsc::UnboundedReceiver<Job>,
) -> Result<mpsc::UnboundedSender<Order>, SimulatorError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SimulatorError::Thread)?;
    let (orders, received) = mpsc::unbounded_channel();
    let (ready, started) = oneshot::channel();
    std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || runtime.block_on(run(shared, listener, jobs, received, ready)))
        .map_err(SimulatorError::Thread)?;
    started.await.map_err(|_| SimulatorError::Stopped)??;
    Ok(orders)
}

async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    jobs: mpsc::UnboundedReceiver<Job>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    ready: oneshot::Sender<Result<(), SimulatorError>>,
) {
    let jobs = Arc::new(Mutex::new(jobs));
    let mut tasks = JoinSet::new();
    for _ in 0..shared.options.webhook_workers.max(1) {
        tasks.spawn(delivery::work(shared.clone(), jobs.clone()));
    }
    let address = listener.local_addr();
    let mut serving = None;
    let started = serve(&shared, listener, &mut tasks).map(|handle| serving = Some(handle));
    // Whoever started it may have stopped waiting.
    let _ = ready.send(started);
    while let Some(order) = orders.recv().await {
        match order {
            Order::Down(done) => {
                take_down(&shared, &mut serving).await;
                // Whoever gave the order may have stopped waiting.
                let _ = done.send(());
            }
            Order::Up(done) => {
                let up = match serving {
                    Some(_) => Ok(()),
                    None => {
                        rebind(&address).await.and_then(|listener| serve(&shared, listener, &mut tasks)).map(|handle| {
                            serving = Some(handle);
                        })
                    }
                };
                drop(done.send(up));
            }
            Order::Stop(done) => {
                take_down(&shared, &mut serving).await;
                // Whoever gave the order may have stopped waiting.
                let _ = done.send(());
                return;
            }
        }
    }
    take_down(&shared, &mut serving).await;
}

async fn take_down(shared: &Shared, serving: &mut Option<ServerHandle>) {
    if let Some(handle) = serving.take() {
        handle.stop(false).await;
        shared.cut_connections();
    }
}

/// The port may still be held for a moment after the listener was closed.
async fn rebind(address: &std::io::Result<SocketAddr>) -> Result<TcpListener, SimulatorError> {
    let Ok(address) = address else { return Err(SimulatorError::Stopped) };
    let mut bound = TcpListener::bind(address);
    for _ in 0..100 {
        if bound.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        bound = TcpListener::bind(address);
    }
    bound.map_err(SimulatorError::Listen)
}

fn serve(shared: &Arc<Shared>, listener: TcpListener, tasks: &mut JoinSet<()>) -> Result<ServerHandle, SimulatorError> {
    let data = web::Data::from(shared.clone());
    let connected = shared.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
            .default_service(web::to(routes::answer))
    })
    .on_connect(move |connection, extensions| remember(&connected, connection, extensions))
    .workers(2)
    .keep_alive(Duration::from_secs(75))
    .disable_signals()
    .listen(listener)
    .map_err(SimulatorError::Listen)?
    .run();
    let handle = server.handle();
    tasks.spawn(async move { drop(server.await) });
    Ok(handle)
}

/// Keeps a second handle on the socket, so that a fault can cut the connection.
fn remember(shared: &Shared, connection: &dyn Any, extensions: &mut Extensions) {
    let socket = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
    if let Some(Ok(socket)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) {
        let socket = Arc::new(TcpStream::from(socket));
        shared.remember(&socket);
        extensions.insert(socket);
    }
}
