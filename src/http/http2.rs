//! HTTP/2: its limits, and the end of connections that nobody uses.
//!
//! gRPC exporters keep one connection for as long as they live, and hyper keeps what is open: so each is asked whether
//! anybody is there, and let go in good order when no request came for long. Knows nothing of requests but when they run.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{
    DRAIN_S, HEADER_BYTES_MAX, HTTP2_ERROR_RESETS_MAX, HTTP2_IDLE_S, HTTP2_PENDING_RESETS_MAX, HTTP2_PING_ANSWER_S,
    HTTP2_PING_S, HTTP2_SEND_BYTES_MAX, HTTP2_STREAMS_MAX, HTTP2_WINDOW_BYTES,
};

use super::respond::Body;

/// Sets every limit of HTTP/2.
pub(super) fn limit(builder: &mut Builder<TokioExecutor>) {
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .initial_connection_window_size(HTTP2_WINDOW_BYTES)
        .initial_stream_window_size(HTTP2_WINDOW_BYTES)
        .max_send_buf_size(HTTP2_SEND_BYTES_MAX)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(HTTP2_ERROR_RESETS_MAX)
        .keep_alive_interval(Duration::from_secs(HTTP2_PING_S))
        .keep_alive_timeout(Duration::from_secs(HTTP2_PING_ANSWER_S));
}

/// When requests ran on a connection.
struct Activity {
    opened: Instant,
    running: AtomicUsize,
    /// Since `opened`, in milliseconds; 0 before the first request.
    last_ms: AtomicU64,
    /// How long the first request may take to come.
    patience: Duration,
}

impl Activity {
    fn new(patience: Duration) -> Self {
        Self { opened: Instant::now(), running: AtomicUsize::new(0), last_ms: AtomicU64::new(0), patience }
    }

    /// A request runs until the value is dropped.
    fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// Whether no request ever came.
    fn is_unused(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0 && self.last_ms.load(Ordering::Relaxed) == 0
    }

    /// When it has been idle for too long, should nothing happen until then.
    fn idle_at(&self) -> Instant {
        if self.running.load(Ordering::Relaxed) > 0 {
            return Instant::now() + Duration::from_secs(HTTP2_IDLE_S);
        }
        match self.last_ms.load(Ordering::Relaxed) {
            0 => self.opened + self.patience,
            last_ms => self.opened + Duration::from_millis(last_ms) + Duration::from_secs(HTTP2_IDLE_S),
        }
    }
}

struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        let elapsed_ms = self.0.opened.elapsed().as_millis().max(1) as u64;
        self.0.last_ms.store(elapsed_ms, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a connection to its end: the client's, ours when it is idle, or that of the server. The first request may take
/// `patience` to come.
pub(super) async fn run<A, F>(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let activity = Arc::new(Activity::new(patience));
    let service = service_fn(|request| {
        let (running, answered) = (activity.begin(), answer(request));
        async move {
            let response = answered.await;
            drop(running);
            Ok::<_, Infallible>(response)
        }
    });
    let builder = builder.http2_only();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Once it is told to end: requests that run still have this long.
    let mut cut_at: Option<Instant> = None;
    loop {
        let look_at = cut_at.unwrap_or_else(|| activity.idle_at());
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = tokio::time::sleep_until(look_at) => {
                if cut_at.is_some() {
                    return;
                }
                if activity.idle_at() > Instant::now() {
                    continue;
                }
                // There is nobody to take leave of.
                if activity.is_unused() {
                    return;
                }
            }
            _ = stop.wait_for(|stop| *stop), if cut_at.is_none() => {}
        }
        connection.as_mut().graceful_shutdown();
        cut_at = Some(Instant::now() + Duration::from_secs(DRAIN_S));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_some_time_after_its_last_request() {
        let activity = Arc::new(Activity::new(Duration::from_secs(60)));
        assert_eq!(activity.idle_at(), activity.opened + Duration::from_secs(60));
        let running = activity.begin();
        assert!(activity.idle_at() >= activity.opened + Duration::from_secs(HTTP2_IDLE_S));
        drop(running);
        let idle_at = activity.idle_at();
        assert!(idle_at > activity.opened + Duration::from_secs(HTTP2_IDLE_S));
        assert_eq!(activity.idle_at(), idle_at);
    }
}
