//! Server-sent events: what a commit changed, told to open screens a few times a second.
//!
//! Messages carry no content that could not be fetched again, so a browser that lags is simply told to refetch.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use crate::config::LIVE_BACKLOG;
use crate::model::live::LiveChange;

use super::respond::{Body, set};
use super::view::ingest::IngestRowView;

/// Changes of this long are told at once: at most four messages a second and topic.
const COALESCE: Duration = Duration::from_millis(250);
/// Keeps proxies and sleeping laptops from taking a quiet stream for a dead one.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Rows and ids in one message; more are fetched.
const ENTRIES_MAX: usize = 50;

/// Collects changes and hands them to every open stream.
pub struct LiveHub {
    pending: Mutex<Pending>,
    wake: Notify,
    messages: broadcast::Sender<Bytes>,
    last_id: AtomicU64,
    stopping: watch::Sender<bool>,
}

#[derive(Default)]
struct Pending {
    issues: Vec<String>,
    traces: u64,
    logs: u64,
    metrics: u64,
    feedback: u64,
    monitors: u64,
    rows: Vec<IngestRowView>,
}

impl Default for LiveHub {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
            wake: Notify::new(),
            messages: broadcast::Sender::new(LIVE_BACKLOG),
            last_id: AtomicU64::new(0),
            stopping: watch::Sender::new(false),
        }
    }
}

impl LiveHub {
    /// Called by the store's writer thread after a commit.
    pub fn changed(&self, change: &LiveChange) {
        let mut pending = self.lock();
        for id in &change.issues {
            let id = id.to_string();
            if pending.issues.len() < ENTRIES_MAX && !pending.issues.contains(&id) {
                pending.issues.push(id);
            }
        }
        pending.traces += change.traces;
        pending.logs += change.logs;
        pending.metrics += change.metrics;
        pending.feedback += change.feedback;
        pending.monitors += change.monitors;
        drop(pending);
        self.wake.notify_one();
    }

    /// Copied only for somebody who looks.
    pub fn ingest(&self, row: &IngestRowView) {
        if self.messages.receiver_count() == 0 {
            return;
        }
        let mut pending = self.lock();
        if pending.rows.len() >= ENTRIES_MAX {
            pending.rows.remove(0);
        }
        pending.rows.push(row.clone());
        drop(pending);
        self.wake.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs for ever: sends what has gathered, then gathers again.
    pub async fn run(&self) {
        loop {
            self.wake.notified().await;
            self.flush();
            tokio::time::sleep(COALESCE).await;
        }
    }

    fn flush(&self) {
        let pending = std::mem::take(&mut *self.lock());
        if !pending.issues.is_empty() {
            self.send("issue", &json!({ "ids": pending.issues }));
        }
        if pending.traces > 0 {
            self.send("trace", &json!({ "count": pending.traces }));
        }
        if pending.logs > 0 {
            self.send("log", &json!({ "count": pending.logs }));
        }
        if pending.metrics > 0 {
            self.send("metric", &json!({ "count": pending.metrics }));
        }
        if pending.feedback > 0 {
            self.send("feedback", &json!({ "count": pending.feedback }));
        }
        if pending.monitors > 0 {
            self.send("monitor", &json!({ "count": pending.monitors }));
        }
        if !pending.rows.is_empty() {
            self.send("ingest", &json!(pending.rows));
        }
    }

    fn send(&self, topic: &str, data: &serde_json::Value) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // No receiver means nobody is looking.
        let _ = self.messages.send(Bytes::from(format!("id: {id}\nevent: {topic}\ndata: {data}\n\n")));
    }

    /// Ends every stream, now and later: an open tab must not hold up the end of the process.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// A stream of everything from now on.
    pub fn stream(&self) -> Response<Body> {
        let mut messages = self.messages.subscribe();
        let mut stopping = self.stopping.subscribe();
        let (to_client, from_hub) = mpsc::channel(16);
        tokio::spawn(async move {
            let mut next = Bytes::from_static(b": connected\n\nretry: 2000\n\n");
            while to_client.send(next).await.is_ok() {
                next = tokio::select! {
                    message = messages.recv() => match message {
                        Ok(message) => message,
                        Err(broadcast::error::RecvError::Lagged(_)) => {
                            Bytes::from_static(b"event: resync\ndata: {}\n\n")
                        }
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                    () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b": still here\n\n"),
                };
            }
        });
        let mut response = Response::new(StreamBody(from_hub).boxed_unsync());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        set(headers, "x-accel-buffering", "no");
        response
    }
}

struct StreamBody(mpsc::Receiver<Bytes>);

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::IssueId;

    #[tokio::test]
    async fn changes_of_one_moment_are_one_message() {
        let hub = LiveHub::default();
        let mut messages = hub.messages.subscribe();
        hub.changed(&LiveChange { issues: vec![IssueId(1), IssueId(1)], traces: 2, ..LiveChange::default() });
        hub.changed(&LiveChange { issues: vec![IssueId(2)], traces: 1, logs: 3, feedback: 4, ..LiveChange::default() });
        hub.flush();
        let issue = messages.recv().await.unwrap();
        assert_eq!(&issue[..], b"id: 1\nevent: issue\ndata: {\"ids\":[\"1\",\"2\"]}\n\n");
        let trace = messages.recv().await.unwrap();
        assert_eq!(&trace[..], b"id: 2\nevent: trace\ndata: {\"count\":3}\n\n");
        let log = messages.recv().await.unwrap();
        assert_eq!(&log[..], b"id: 3\nevent: log\ndata: {\"count\":3}\n\n");
        let feedback = messages.recv().await.unwrap();
        assert_eq!(&feedback[..], b"id: 4\nevent: feedback\ndata: {\"count\":4}\n\n");
        assert!(messages.try_recv().is_err());
    }
}
