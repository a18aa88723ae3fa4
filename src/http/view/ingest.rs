//! The ledger: every request that tried to send something, refused ones included, with the fix.

use serde::{Deserialize, Serialize};

/// `GET /api/ui/ingest`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IngestView {
    /// Newest first, at most a few hundred, since the server started.
    pub rows: Vec<IngestRowView>,
    /// Totals since the database was made, by item type and what became of it.
    pub outcomes: Vec<OutcomeView>,
    /// What SDKs say they did not send, since the database was made, largest first.
    pub client_discards: Vec<ClientDiscardView>,
}

/// Also sent live, as the data of an `ingest` message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, Default))]
pub struct IngestRowView {
    /// Rises with every request since the server started.
    pub id: u64,
    pub time_ms: i64,
    pub method: String,
    pub path: String,
    pub status: u16,
    /// `sentry`, `otlp` or `other`.
    pub protocol: String,
    /// `event ValueError`, `transaction /books/ · 29 spans`, `512 spans from billing`; empty when nothing was understood.
    pub summary: String,
    /// Bytes as received.
    pub body_bytes: u64,
    /// `sentry.python.django/2.75.0`, as the client calls itself.
    pub client: String,
    /// What was wrong; `null` for a plain success.
    pub problem: Option<String>,
    /// `crawlers: 4 × span, transaction`: what the project's filters dropped; `null` when they dropped nothing.
    pub filtered: Option<String>,
    /// What to change to make it work; `null` when nothing needs to.
    pub fix: Option<String>,
    /// Issue and trace that resulted, for a link: short id of the first event, id of the first trace.
    pub short_id: Option<String>,
    pub trace_id: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OutcomeView {
    /// `event`, `transaction`, `span`, `log`, `session`, …
    pub category: String,
    /// `accepted`, `duplicate`, `folded`, `not_kept`, `invalid`, `too_large`, `too_old`, `filtered`, `rate_limited`.
    pub reason: String,
    pub quantity: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClientDiscardView {
    /// `discarded` (the SDK or its settings), `rate_limited`, `filtered` or `filtered_sampling` (a relay in between).
    pub kind: String,
    /// `before_send`, `sample_rate`, `queue_overflow`, …; SDKs make up their own.
    pub reason: String,
    /// `error`, `transaction`, `span`, …
    pub category: String,
    pub quantity: u64,
}
