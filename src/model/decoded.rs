//! What every protocol decodes into: from here on nobody knows which one it was.

use crate::model::blob::Blob;
use crate::model::client_report::ClientReport;
use crate::model::event::Event;
use crate::model::feedback::Feedback;
use crate::model::log::LogBatch;
use crate::model::metric::MetricBatch;
use crate::model::monitor::CheckIn;
use crate::model::outcome::Reason;
use crate::model::quota::DataGroup;
use crate::model::session::SessionBatch;
use crate::model::span::SpanBatch;

/// The result of decoding one request: what was understood, and what was refused and why. One bad item never
/// costs the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    pub items: Vec<Incoming>,
    pub refused: Vec<Refusal>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Event(Box<Event>),
    Feedback(Box<Feedback>),
    /// Spans of any origin; `transactions` says how many Sentry transactions they came in.
    Spans {
        batch: SpanBatch,
        transactions: u32,
    },
    Sessions(SessionBatch),
    ClientReport(ClientReport),
    /// Bytes to keep: an attachment, a profile, a part of a replay.
    Blob(Box<Blob>),
    /// Log records of any origin.
    Logs(LogBatch),
    /// Metric points of any origin.
    Metrics(MetricBatch),
    /// A job reports.
    CheckIn(Box<CheckIn>),
    /// Understood, answered with success, counted by name and not kept.
    Counted {
        category: String,
        quantity: u64,
    },
    /// Belongs to an event that was not even read, because its group was closed; goes with it.
    Orphan {
        category: String,
        of: DataGroup,
    },
    /// Understood and left out on purpose: noise that no project wants to read.
    Filtered {
        category: String,
        reason: Reason,
        quantity: u64,
    },
}

/// An item that could not be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Item type or signal: `event`, `transaction`, `span`, …
    pub category: String,
    pub reason: Reason,
    /// What was wrong, for people; bounded.
    pub detail: String,
    pub quantity: u64,
}
