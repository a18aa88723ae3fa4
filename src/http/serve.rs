//! The connection loop: HTTP/1.1 and HTTP/2 (prior knowledge, as gRPC exporters speak it) on the same ports, with limits,
//! until told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::config::{DRAIN_S, HEADER_BYTES_MAX, HEADERS_MAX};

use super::http2;
use super::peer::Peer;
use super::{Server, handle};

/// Between two looks at a connection that has sent one byte.
const PEEK_PAUSE: Duration = Duration::from_millis(10);
/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Between two lines in the log about it.
const ACCEPT_COMPLAINT_PAUSE: Duration = Duration::from_secs(5);

/// Accepts on every listener until `stop` turns true, then lets requests in flight finish.
pub async fn serve(server: Arc<Server>, listeners: Vec<TcpListener>, stop: watch::Receiver<bool>) {
    let graceful = Arc::new(GracefulShutdown::new());
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(server.clone(), listener, stop.clone(), graceful.clone()));
    }
    while accepting.join_next().await.is_some() {}
    server.live.stop();
    if let Some(graceful) = Arc::into_inner(graceful) {
        let drained = tokio::time::timeout(Duration::from_secs(DRAIN_S), graceful.shutdown()).await;
        if drained.is_err() {
            tracing::info!("connections still open after {DRAIN_S} s were cut");
        }
    }
}

async fn accept(
    server: Arc<Server>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    graceful: Arc<GracefulShutdown>,
) {
    let header_timeout = Duration::from_secs(server.settings.header_timeout_s);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    http2::limit(&mut builder);
    let mut complained: Option<tokio::time::Instant> = None;
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, address)) => (stream, Peer(address.ip())),
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() > ACCEPT_COMPLAINT_PAUSE) {
                    tracing::warn!(%error, "cannot accept a connection, trying again: is the limit of open files reached?");
                    complained = Some(tokio::time::Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small answers must not wait for more to send.
        let _ = stream.set_nodelay(true);
        let server = server.clone();
        let answer = move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            handle(server.clone(), request)
        };
        let builder = builder.clone();
        let watcher = graceful.watcher();
        let mut stop = stop.clone();
        tokio::spawn(async move {
            let spoken = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                spoken = first_words(&stream, header_timeout) => spoken,
            };
            match spoken {
                None => {}
                Some(Version::Http1) => {
                    let service = service_fn(move |request| {
                        let answered = answer(request);
                        async move { Ok::<_, Infallible>(answered.await) }
                    });
                    let connection = builder.http1_only().serve_connection(TokioIo::new(stream), service).into_owned();
                    if let Err(error) = watcher.watch(connection).await {
                        tracing::debug!(%error, "connection ended");
                    }
                }
                Some(Version::Http2) => {
                    http2::run(builder, stream, header_timeout, stop, answer).await;
                    // Held until here: the server waits for those who watch.
                    drop(watcher);
                }
            }
        });
    }
}

enum Version {
    Http1,
    Http2,
}

/// Waits for the client to say what it speaks, without taking a byte. `None` when it says nothing in time or leaves.
///
/// HTTP/2 with prior knowledge begins with `PRI *`, and no method of HTTP/1.1 with `PR`. hyper's own look at the
/// version has no time limit, so a connection that says nothing, or only `P`, would stay for ever.
async fn first_words(stream: &TcpStream, patience: Duration) -> Option<Version> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut start = [0; 2];
    loop {
        let length = tokio::time::timeout_at(deadline, stream.peek(&mut start)).await.ok()?.ok()?;
        match &start[..length] {
            [] => return None,
            b"PR" => return Some(Version::Http2),
            // A single byte: the rest comes in the next packet, and peeking again would return at once.
            b"P" if tokio::time::Instant::now() < deadline => tokio::time::sleep(PEEK_PAUSE).await,
            b"P" => return None,
            _ => return Some(Version::Http1),
        }
    }
}
