//! What can be written, and what comes back.

use crate::model::event::{EventKind, Level};
use crate::model::feedback::FeedbackSource;
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId, TraceId};
use crate::model::issue::IssueTitle;
use crate::model::trace::TraceSummary;

use super::body::CompressedBody;

/// One row to be.
pub enum Write {
    Event(Box<EventWrite>),
    Feedback(Box<FeedbackWrite>),
    Spans(SpansWrite),
    Outcome(OutcomeWrite),
}

/// An event, grouped.
pub struct EventWrite {
    pub project_id: ProjectId,
    pub event_id: EventId,
    pub received_ms: i64,
    pub timestamp_ms: i64,
    pub kind: EventKind,
    pub level: Level,
    pub platform: String,
    pub title: IssueTitle,
    pub is_unhandled: bool,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// Hash of who was affected.
    pub user_hash: Option<u64>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub grouping_version: u32,
    /// In look-up order, never empty: the first that is known names the issue, the others are linked to it.
    pub hashes: Vec<[u8; 16]>,
    pub body: CompressedBody,
}

/// What a person wrote.
pub struct FeedbackWrite {
    pub project_id: ProjectId,
    /// Unique in its project: for a user report it says which earlier one this replaces.
    pub feedback_id: EventId,
    pub received_ms: i64,
    pub timestamp_ms: i64,
    pub source: FeedbackSource,
    pub event_id: Option<EventId>,
    pub message: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub url: Option<String>,
    pub replay_id: Option<EventId>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub body: Option<CompressedBody>,
}

/// The spans of one request.
pub struct SpansWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    /// From [`super::encode_spans`], compressed.
    pub body: CompressedBody,
    /// One per trace in the batch.
    pub parts: Vec<TracePart>,
    /// Sentry transactions among them, for counting.
    pub transactions: u32,
}

/// What one batch says about one trace.
pub struct TracePart {
    /// Hash over the span ids, in any order: the same spans give the same key.
    pub spans_key: i64,
    pub summary: TraceSummary,
}

/// Something to count that is not kept.
pub struct OutcomeWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub category: String,
    pub reason: &'static str,
    pub quantity: u64,
}

impl Write {
    /// Bytes of memory, roughly: what the queue is bounded by.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Event(event) => 512 + event.body.weight(),
            Self::Feedback(feedback) => {
                512 + feedback.message.len() + feedback.body.as_ref().map_or(0, CompressedBody::weight)
            }
            Self::Spans(spans) => 128 + spans.body.weight() + spans.parts.len() * 512,
            Self::Outcome(_) => 128,
        }
    }
}

/// What became of an append.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Appended {
    /// One per event, in order.
    pub events: Vec<EventAppended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventAppended {
    pub issue_id: IssueId,
    pub short_no: u64,
    pub is_new_issue: bool,
    /// The event was there already; nothing was counted.
    pub is_duplicate: bool,
}
