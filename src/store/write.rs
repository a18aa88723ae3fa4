//! What can be written, and what comes back.

use crate::model::event::{EventKind, Level};
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId, TraceId};
use crate::model::issue::IssueTitle;
use crate::model::monitor::CheckIn;
use crate::model::trace::TraceSummary;

use super::body::CompressedBody;

/// One row to be.
pub enum Write {
    Event(Box<EventWrite>),
    Spans(SpansWrite),
    Outcome(OutcomeWrite),
    CheckIn(Box<CheckInWrite>),
    MonitorTick(MonitorTick),
    NoticeTold(NoticeTold),
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

/// A report of a job.
pub struct CheckInWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub check_in: CheckIn,
}

/// One look at all monitors.
#[derive(Clone, Copy, Debug)]
pub struct MonitorTick {
    pub now_ms: i64,
    /// The first look of this process: nobody looked since the last one of the process before.
    pub is_first: bool,
}

/// A monitor's news has been told.
#[derive(Clone, Copy, Debug)]
pub struct NoticeTold {
    pub notice_id: i64,
    pub environment_id: i64,
    /// The event made of it, written before; none for the end of an incident.
    pub event: Option<(ProjectId, EventId)>,
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
            Self::Spans(spans) => 128 + spans.body.weight() + spans.parts.len() * 512,
            Self::Outcome(_) | Self::MonitorTick(_) | Self::NoticeTold(_) => 128,
            Self::CheckIn(_) => 1024,
        }
    }
}

/// What became of an append.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Appended {
    /// One per event, in order.
    pub events: Vec<EventAppended>,
    /// One per check-in, in order.
    pub check_ins: Vec<CheckInAppended>,
}

impl Appended {
    /// Why something was not kept after all.
    pub fn refusal(&self) -> Option<String> {
        self.check_ins.iter().find_map(|check_in| check_in.refused.clone())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventAppended {
    pub issue_id: IssueId,
    pub short_no: u64,
    pub is_new_issue: bool,
    /// The event was there already; nothing was counted.
    pub is_duplicate: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckInAppended {
    /// Why it was not kept.
    pub refused: Option<String>,
}
