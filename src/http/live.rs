//! Server-sent events: what a commit changed, told to open screens a few times a second.
//!
//! Messages are numbered, and the last of them are kept: a browser whose link was lost says how far it came and gets the
//! rest. They carry no content that could not be fetched again, so one that lags, or comes from before what is kept or
//! from another run of the server, is simply told to refetch.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use crate::config::{LIVE_BACKLOG, LIVE_KEPT_BYTES_MAX, LIVE_LEFT_S};
use crate::model::live::LiveChange;

use super::respond::{Body, set};
use super::view::ingest::IngestRowView;

/// Changes of this long are told at once: at most four messages a second and topic.
const COALESCE: Duration = Duration::from_millis(250);
/// Keeps proxies and sleeping laptops from taking a quiet stream for a dead one. An event and not a comment: scripts do
/// not see comments, and a browser cannot tell a link that died without a word from a quiet one.
const HEARTBEAT: Duration = Duration::from_secs(15);
const BEAT: &[u8] = b"event: beat\ndata: {}\n\n";
const RESYNC: &[u8] = b"event: resync\ndata: {}\n\n";
/// What is told is kept this long for the last who looked.
const LIVE_LEFT: Duration = Duration::from_secs(LIVE_LEFT_S);
/// Rows and ids in one message; more are fetched.
const ENTRIES_MAX: usize = 50;

/// The last message a client saw: as browsers say it when they connect again, else as the address says it.
pub(super) fn cursor(headers: &HeaderMap, after: Option<&str>) -> Option<u64> {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    // One that is no number is of no message of ours: 0 is before all that is kept.
    header.or(after).filter(|id| !id.is_empty()).map(|id| id.parse().unwrap_or(0))
}

/// Collects changes and hands them to every open stream.
pub struct LiveHub {
    pending: Mutex<Pending>,
    wake: Notify,
    messages: broadcast::Sender<Bytes>,
    kept: Mutex<Kept>,
    stopping: watch::Sender<bool>,
    /// When a stream ended last.
    left: Arc<Mutex<Option<Instant>>>,
}

/// The messages told last, for those who come back.
struct Kept {
    last_id: u64,
    /// Everything after this one is here.
    complete_after: u64,
    messages: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Kept {
    /// What follows `after`; `None` when some of it is gone, or was never said by this run of the server.
    fn since(&self, after: u64) -> Option<Vec<Bytes>> {
        if after < self.complete_after || after > self.last_id {
            return None;
        }
        Some(self.messages.iter().filter(|(id, _)| *id > after).map(|(_, message)| message.clone()).collect())
    }

    fn push(&mut self, id: u64, message: Bytes) {
        self.bytes += message.len();
        self.messages.push_back((id, message));
        while self.messages.len() > LIVE_BACKLOG || self.bytes > LIVE_KEPT_BYTES_MAX {
            let Some((id, message)) = self.messages.pop_front() else { return };
            self.complete_after = id;
            self.bytes -= message.len();
        }
    }
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
        // Numbers go on rising over a restart, as long as fewer than a million messages a second were sent.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_after(u64::try_from(now.as_micros()).unwrap_or_default())
    }
}

impl LiveHub {
    fn starting_after(id: u64) -> Self {
        Self {
            pending: Mutex::default(),
            wake: Notify::new(),
            messages: broadcast::Sender::new(LIVE_BACKLOG),
            kept: Mutex::new(Kept { last_id: id, complete_after: id, messages: VecDeque::new(), bytes: 0 }),
            stopping: watch::Sender::new(false),
            left: Arc::default(),
        }
    }

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

    /// Copied only for somebody who looks, or looked a moment ago and may come back.
    pub fn ingest(&self, row: &IngestRowView) {
        if !self.is_watched() {
            // A message that nobody can be told: who comes back from before it reads again.
            let mut kept = lock(&self.kept);
            kept.last_id += 1;
            kept.complete_after = kept.last_id;
            kept.messages.clear();
            kept.bytes = 0;
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

    fn is_watched(&self) -> bool {
        self.messages.receiver_count() > 0 || lock(&self.left).is_some_and(|left| left.elapsed() < LIVE_LEFT)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
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
        // Kept and sent under one lock, so that who subscribes gets each message once: from here or from there.
        let mut kept = lock(&self.kept);
        kept.last_id += 1;
        let id = kept.last_id;
        let message = Bytes::from(format!("id: {id}\nevent: {topic}\ndata: {data}\n\n"));
        kept.push(id, message.clone());
        // No receiver means nobody is looking.
        let _ = self.messages.send(message);
    }

    /// The messages from now on, and what is sent before them: what was missed or the word that it is gone, and the
    /// number to come back with.
    fn subscribe(&self, after: Option<u64>) -> (broadcast::Receiver<Bytes>, Bytes) {
        let kept = lock(&self.kept);
        let messages = self.messages.subscribe();
        let mut first = b": connected\n\nretry: 2000\n\n".to_vec();
        if let Some(after) = after {
            match kept.since(after) {
                Some(missed) => missed.iter().for_each(|message| first.extend_from_slice(message)),
                None => first.extend_from_slice(RESYNC),
            }
        }
        first.extend_from_slice(format!("id: {}\nevent: hello\ndata: {{}}\n\n", kept.last_id).as_bytes());
        (messages, Bytes::from(first))
    }

    /// The number of the newest message: who comes back with it misses nothing since.
    pub fn last_id(&self) -> u64 {
        lock(&self.kept).last_id
    }

    /// Ends every stream, now and later: an open tab must not hold up the end of the process.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// A stream of everything from now on, and before that of what came after the message that the client saw last.
    pub fn stream(&self, after: Option<u64>) -> Response<Body> {
        let (mut messages, first) = self.subscribe(after);
        let mut stopping = self.stopping.subscribe();
        let presence = Presence(self.left.clone());
        let (to_client, from_hub) = mpsc::channel(16);
        tokio::spawn(async move {
            let _presence = presence;
            let mut next = first;
            while to_client.send(next).await.is_ok() {
                next = tokio::select! {
                    message = messages.recv() => match message {
                        Ok(message) => message,
                        Err(broadcast::error::RecvError::Lagged(_)) => Bytes::from_static(RESYNC),
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                    () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(BEAT),
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

/// Notes when a stream ended.
struct Presence(Arc<Mutex<Option<Instant>>>);

impl Drop for Presence {
    fn drop(&mut self) {
        *lock(&self.0) = Some(Instant::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        let hub = LiveHub::starting_after(0);
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
    fn told(hub: &LiveHub, traces: u64) {
        hub.changed(&LiveChange { traces, ..LiveChange::default() });
        hub.flush();
    }

    /// What a client that comes back is sent first.
    fn greeting(hub: &LiveHub, after: Option<u64>) -> String {
        String::from_utf8(hub.subscribe(after).1.to_vec()).unwrap()
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_once() {
        let hub = LiveHub::starting_after(100);
        assert!(greeting(&hub, None).ends_with("id: 100\nevent: hello\ndata: {}\n\n"));
        told(&hub, 1);
        told(&hub, 2);
        told(&hub, 3);
        let missed = greeting(&hub, Some(101));
        assert!(
            !missed.contains("id: 101\n") && missed.contains("id: 102\nevent: trace\ndata: {\"count\":2}"),
            "{missed}"
        );
        assert!(missed.contains("id: 103\nevent: trace") && missed.ends_with("id: 103\nevent: hello\ndata: {}\n\n"));
        assert!(!greeting(&hub, Some(103)).contains("event: trace"));
        assert!(!missed.contains("resync"));
        let (mut messages, first) = hub.subscribe(Some(102));
        told(&hub, 4);
        assert_eq!(first.windows(11).filter(|part| part == b"event: trac").count(), 1);
        assert!(messages.try_recv().unwrap().starts_with(b"id: 104\n"));
        assert!(messages.try_recv().is_err());
    }

    #[test]
    fn who_was_away_too_long_reads_again() {
        let hub = LiveHub::starting_after(100);
        // Of an earlier run of the server, and of one that never was.
        assert!(greeting(&hub, Some(7)).contains("event: resync\n"));
        assert!(greeting(&hub, Some(101)).contains("event: resync\n"));
        for n in 0..LIVE_BACKLOG as u64 + 1 {
            told(&hub, n + 1);
        }
        assert!(greeting(&hub, Some(100)).contains("event: resync\n"));
        let all_that_is_kept = greeting(&hub, Some(101));
        assert_eq!(all_that_is_kept.matches("event: trace\n").count(), LIVE_BACKLOG);
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes() {
        let hub = LiveHub::starting_after(0);
        let mut kept = lock(&hub.kept);
        for id in 1..=10 {
            kept.push(id, Bytes::from(vec![b'x'; LIVE_KEPT_BYTES_MAX / 4]));
        }
        assert_eq!(kept.messages.len(), 4);
        assert_eq!(kept.complete_after, 6);
        assert!(kept.bytes <= LIVE_KEPT_BYTES_MAX);
    }

    #[test]
    fn rows_nobody_saw_are_a_gap() {
        let hub = LiveHub::starting_after(100);
        told(&hub, 1);
        hub.ingest(&IngestRowView::default());
        assert!(greeting(&hub, Some(101)).contains("event: resync\n"));
        // While somebody looks, and for a while after, they are kept.
        let (messages, _) = hub.subscribe(None);
        hub.ingest(&IngestRowView::default());
        hub.flush();
        drop(messages);
        *lock(&hub.left) = Some(Instant::now());
        hub.ingest(&IngestRowView::default());
        hub.flush();
        let missed = greeting(&hub, Some(102));
        assert_eq!(missed.matches("event: ingest\n").count(), 2, "{missed}");
        assert!(!missed.contains("resync"));
    }
}
