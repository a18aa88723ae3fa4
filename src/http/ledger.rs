//! The ledger: the last requests that tried to send something, refused ones included, in memory.
//!
//! It answers "is it even working?" and "why not?" without a log file.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;
use hyper::header::{HeaderMap, USER_AGENT};

use crate::config::LEDGER_ROWS_MAX;
use crate::model::ids::ProjectId;
use crate::model::outcome::RequestReason;
use crate::scrub::{self, scrub_line};

use super::error::ApiError;
use super::live::LiveHub;
use super::refused::Refused;
use super::view::ingest::IngestRowView;

const PATH_CHARS_MAX: usize = 160;
const CLIENT_CHARS_MAX: usize = 80;

#[derive(Default)]
pub struct Ledger {
    rows: Mutex<VecDeque<IngestRowView>>,
    last_id: AtomicU64,
    /// For what is said of requests whose project, and with it its rules, nobody knows; a second look at all others.
    rules: scrub::Rules,
    pub(super) refused: Refused,
}

/// What is known of a request before it is answered.
pub struct Arrival {
    pub time_ms: i64,
    pub method: String,
    pub path: String,
    pub protocol: &'static str,
    pub client: String,
    /// As the address says; it may not exist.
    pub project: Option<ProjectId>,
}

impl Arrival {
    pub fn new(method: &hyper::Method, path: &str, protocol: &'static str, headers: &HeaderMap, time_ms: i64) -> Self {
        Self {
            time_ms,
            method: method.as_str().chars().take(10).collect(),
            path: path.chars().take(PATH_CHARS_MAX).collect(),
            protocol,
            client: client_name(headers),
            project: project_of(path),
        }
    }
}

/// How a request ended.
#[derive(Default)]
pub struct Ending {
    pub status: StatusCode,
    pub body_bytes: u64,
    pub summary: String,
    /// As the payload calls its SDK, better than the user agent.
    pub client: Option<String>,
    pub problem: Option<String>,
    pub fix: Option<String>,
    /// What the project's filters dropped.
    pub filtered: Option<String>,
    pub short_id: Option<String>,
    pub trace_id: Option<String>,
    /// For requests of which no item was counted.
    pub refused: Option<RequestReason>,
}

impl Ending {
    pub fn refused(error: &ApiError, body_bytes: u64) -> Self {
        let problem = match error.causes.last() {
            Some(cause) => format!("{}: {cause}", error.detail),
            None => error.detail.clone(),
        };
        let refused = Some(reason_of(error.status));
        let fix = error.fix.clone();
        Self { status: error.status, body_bytes, problem: Some(problem), fix, refused, ..Self::default() }
    }
}

/// A request that is being worked on. Who sent it may go away, and then nobody goes on with it: that is told, too.
pub struct Unanswered<'a> {
    ledger: &'a Ledger,
    live: &'a LiveHub,
    arrival: Option<Arrival>,
}

impl Unanswered<'_> {
    pub fn end(mut self, ending: Ending) {
        if let Some(arrival) = self.arrival.take() {
            self.ledger.record(arrival, ending, self.live);
        }
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(arrival) = self.arrival.take() else { return };
        let ending = Ending {
            status: StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::REQUEST_TIMEOUT),
            problem: Some("the client went away before it was answered; what had come whole is stored".to_owned()),
            fix: Some("give the SDK or exporter more time, or let it send less at a time".to_owned()),
            ..Ending::default()
        };
        self.ledger.record(arrival, ending, self.live);
    }
}

/// What nginx writes into its log for it; nobody is answered that.
const CLIENT_GONE: u16 = 499;

impl Ledger {
    /// The request ends in the ledger, whatever becomes of it.
    pub fn begin<'a>(&'a self, arrival: Arrival, live: &'a LiveHub) -> Unanswered<'a> {
        Unanswered { ledger: self, live, arrival: Some(arrival) }
    }

    pub fn record(&self, arrival: Arrival, ending: Ending, live: &LiveHub) {
        if let Some(reason) = ending.refused {
            self.refused.add(arrival.project, reason, 1);
        }
        let scrubbed = |mut text: String| {
            scrub_line(&mut text, &self.rules);
            text
        };
        let row = IngestRowView {
            id: self.last_id.fetch_add(1, Ordering::Relaxed) + 1,
            time_ms: arrival.time_ms,
            method: arrival.method,
            path: arrival.path,
            status: ending.status.as_u16(),
            protocol: arrival.protocol.to_string(),
            summary: ending.summary,
            body_bytes: ending.body_bytes,
            client: ending.client.map_or(arrival.client, |client| client.chars().take(CLIENT_CHARS_MAX).collect()),
            problem: ending.problem.map(scrubbed),
            fix: ending.fix,
            filtered: ending.filtered,
            short_id: ending.short_id,
            trace_id: ending.trace_id,
        };
        live.ingest(&row);
        let mut rows = self.rows.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        rows.push_front(row);
        rows.truncate(LEDGER_ROWS_MAX);
    }

    /// Newest first.
    pub fn rows(&self) -> Vec<IngestRowView> {
        self.rows.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter().cloned().collect()
    }
}

/// `1` of `/any/prefix/api/1/envelope/`.
fn project_of(path: &str) -> Option<ProjectId> {
    let mut parts = path.split('/').skip_while(|part| *part != "api").skip(1);
    parts.next().and_then(ProjectId::parse)
}

fn reason_of(status: StatusCode) -> RequestReason {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RequestReason::BadKey,
        StatusCode::PAYLOAD_TOO_LARGE => RequestReason::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => RequestReason::UnknownEncoding,
        StatusCode::REQUEST_TIMEOUT => RequestReason::TooSlow,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            RequestReason::Busy
        }
        StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::MISDIRECTED_REQUEST
        | StatusCode::NOT_IMPLEMENTED => RequestReason::WrongAddress,
        status if status.is_server_error() => RequestReason::ServerError,
        _ => RequestReason::Undecodable,
    }
}

/// `sentry_client` of the auth header, else the user agent.
fn client_name(headers: &HeaderMap) -> String {
    let auth = headers.get("x-sentry-auth").and_then(|auth| auth.to_str().ok()).unwrap_or("");
    let from_auth = auth
        .split([',', ' '])
        .find_map(|part| part.trim().strip_prefix("sentry_client="))
        .filter(|name| !name.is_empty());
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    from_auth.unwrap_or(agent).chars().filter(|c| !c.is_control()).take(CLIENT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_rows_make_room_for_new_ones() {
        let ledger = Ledger::default();
        let live = LiveHub::default();
        for _ in 0..LEDGER_ROWS_MAX + 5 {
            let arrival = Arrival::new(&hyper::Method::POST, "/api/1/envelope/", "sentry", &HeaderMap::new(), 0);
            ledger.record(arrival, Ending::default(), &live);
        }
        let rows = ledger.rows();
        assert_eq!(rows.len(), LEDGER_ROWS_MAX);
        assert_eq!(rows[0].id, LEDGER_ROWS_MAX as u64 + 5);
    }

    #[test]
    fn the_sdk_is_named_by_its_auth_header() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, "python-requests/2".parse().unwrap());
        assert_eq!(client_name(&headers), "python-requests/2");
        let auth = "Sentry sentry_key=abc, sentry_version=7, sentry_client=sentry.python/2.75.0";
        headers.insert("x-sentry-auth", auth.parse().unwrap());
        assert_eq!(client_name(&headers), "sentry.python/2.75.0");
    }
}
