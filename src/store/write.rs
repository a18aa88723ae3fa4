//! What can be written, and what comes back.

use crate::model::client_report::ClientDiscard;
use crate::model::event::{EventKind, Level, Report};
use crate::model::facts::Facts;
use crate::model::feedback::FeedbackSource;
use crate::model::ids::{EventId, IssueId, ProjectId, PublicKey, SpanId, TraceId};
use crate::model::issue::IssueTitle;
use crate::model::log::LogLevel;
use crate::model::metric::{MetricKey, MetricMinute};
use crate::model::metric_total::MetricTotal;
use crate::model::monitor::CheckIn;
use crate::model::quota::DataGroup;
use crate::model::session::{SessionCounts, SessionState};
use crate::model::sighting::Sighting;
use crate::model::trace::TraceSummary;

use super::blobs::{BlobPiece, BlobWrite};
use super::body::CompressedBody;
use super::project_changes::{ProjectChange, ProjectChanged};
use super::releases::{ReleaseKey, ReleaseSeen};

/// One row to be.
pub enum Write {
    Event(Box<EventWrite>),
    Feedback(Box<FeedbackWrite>),
    Spans(SpansWrite),
    Sessions(SessionsWrite),
    ClientReport(ClientReportWrite),
    Releases(Vec<ReleaseSeen>),
    Blob(Box<BlobWrite>),
    /// Part of a blob too large for one commit.
    BlobPiece(BlobPiece),
    Logs(LogsWrite),
    Metrics(MetricsWrite),
    Outcome(OutcomeWrite),
    /// As an outcome, and by the name of the filter or limit.
    Dropped(DropWrite),
    KeyUse(KeyUseWrite),
    Project(Box<ProjectChange>),
    CheckIn(Box<CheckInWrite>),
    MonitorTick(MonitorTick),
    NoticeTold(NoticeTold),
    FindingTold(FindingTold),
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
    /// What it is known by among the errors of its trace.
    pub sighting: Option<Sighting>,
    /// Who reports it, when others may report the same error.
    pub report: Option<Report>,
    /// What it is searched by, but for what stands above.
    pub facts: Facts,
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

/// The sessions of one item.
pub struct SessionsWrite {
    pub key: ReleaseKey,
    pub received_ms: i64,
    /// Tells this delivery from all others, when something does.
    pub delivery_key: Option<i64>,
    pub updates: Vec<SessionUpdateWrite>,
    pub buckets: Vec<SessionBucketWrite>,
}

/// A word about one session; only the last one counts.
pub struct SessionUpdateWrite {
    pub sid: [u8; 16],
    pub started_ms: i64,
    pub state: SessionState,
    pub user_hash: Option<u64>,
}

/// Sessions that are only added.
pub struct SessionBucketWrite {
    pub started_ms: i64,
    pub counts: SessionCounts,
    pub user_hash: Option<u64>,
}

/// What an SDK did not send.
pub struct ClientReportWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub delivery_key: Option<i64>,
    pub discards: Vec<ClientDiscard>,
}
/// The log records of one request, or of one hour of it, in the order of time.
pub struct LogsWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    /// Hash of project and content: what comes with a known one is not stored again.
    pub content_key: i64,
    /// From [`super::encode_logs`], compressed.
    pub body: CompressedBody,
    pub record_count: u64,
    pub min_ns: i64,
    /// At most [`crate::config::LOG_BATCH_SPAN_NS`] after `min_ns`.
    pub max_ns: i64,
    /// A set of [`LogLevel::bit`].
    pub levels: i64,
    /// Distinct.
    pub services: Vec<String>,
    /// Distinct, empty for none.
    pub environments: Vec<String>,
    /// Key of the trace and how many of the records are its own.
    pub traces: Vec<(i64, u64)>,
    pub minutes: Vec<LogMinute>,
}

/// Records of one kind in one minute.
pub struct LogMinute {
    /// Minutes since the epoch.
    pub minute: i64,
    pub service: String,
    pub environment: String,
    pub level: LogLevel,
    pub count: u64,
}

/// The metric points of one request.
pub struct MetricsWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    /// Hash of project and content: what comes with a known one is not stored again.
    pub content_key: i64,
    /// From [`super::encode_metrics`], compressed.
    pub body: CompressedBody,
    pub point_count: u64,
    /// One per metric.
    pub parts: Vec<MetricPart>,
}

/// What one batch says about one metric.
pub struct MetricPart {
    pub key: MetricKey,
    pub min_ns: i64,
    pub max_ns: i64,
    /// What it measures, in words; empty when it was not said.
    pub description: String,
    /// Minute since the epoch and what was measured in it, in the order of time.
    pub minutes: Vec<(i64, MetricMinute)>,
    /// Totals, in the order of time: what they add to their minutes is known where the last ones are.
    pub totals: Vec<MetricTotal>,
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

/// A mistake found in a trace has become an event, written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingTold {
    pub event_id: EventId,
    pub project_id: ProjectId,
}

/// Something to count that is not kept.
pub struct OutcomeWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub category: String,
    pub reason: &'static str,
    pub quantity: u64,
}

/// Something that a filter or limit of the project dropped.
pub struct DropWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub category: String,
    pub reason: &'static str,
    /// Name of the filter or limit.
    pub detail: String,
    pub quantity: u64,
}

/// What a key was let in with.
pub struct KeyUseWrite {
    pub project_id: ProjectId,
    pub public_key: PublicKey,
    pub received_ms: i64,
    pub group: DataGroup,
    pub quantity: u64,
}

impl Write {
    /// Bytes of memory, roughly: what the queue is bounded by.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Event(event) => 512 + event.body.weight() + event.facts.as_bytes().len(),
            Self::Feedback(feedback) => {
                512 + feedback.message.len() + feedback.body.as_ref().map_or(0, CompressedBody::weight)
            }
            Self::Spans(spans) => 128 + spans.body.weight() + spans.parts.len() * 512,
            Self::Sessions(sessions) => 512 + sessions.updates.len() * 128 + sessions.buckets.len() * 96,
            Self::ClientReport(report) => 128 + report.discards.len() * 160,
            Self::Releases(seen) => seen.len() * 384,
            Self::Blob(blob) => 512 + blob.body.weight(),
            Self::BlobPiece(piece) => 128 + piece.weight(),
            Self::Outcome(_) | Self::Dropped(_) | Self::KeyUse(_) => 128,
            Self::Project(change) => 512 + change.weight(),
            Self::Logs(logs) => 256 + logs.body.weight() + logs.traces.len() * 16 + logs.minutes.len() * 96,
            Self::Metrics(metrics) => {
                let parts = metrics.parts.iter().map(|part| 256 + part.minutes.len() * 512 + part.totals.len() * 512);
                128 + metrics.body.weight() + parts.sum::<usize>()
            }
            Self::MonitorTick(_) | Self::NoticeTold(_) | Self::FindingTold(_) => 128,
            Self::CheckIn(_) => 1024,
        }
    }
}

impl Write {
    /// The heading its loss is counted under, and how much of it there is.
    pub(super) fn what(&self) -> (&str, u64) {
        match self {
            Self::Event(_) => ("event", 1),
            Self::Feedback(feedback) => (feedback.source.as_str(), 1),
            Self::Spans(spans) => ("span", spans.parts.iter().map(|part| part.summary.span_count).sum()),
            Self::Sessions(sessions) => {
                let counted: u64 = sessions.buckets.iter().map(|bucket| bucket.counts.total()).sum();
                ("session", sessions.updates.len() as u64 + counted)
            }
            Self::ClientReport(_) => ("client_report", 1),
            Self::Blob(blob) => (&blob.category, 1),
            Self::BlobPiece(_) => ("attachment", 1),
            Self::Logs(logs) => ("log", logs.record_count),
            Self::Metrics(metrics) => ("trace_metric", metrics.point_count),
            Self::CheckIn(_) => ("check_in", 1),
            Self::Releases(seen) => ("release", seen.len() as u64),
            Self::Outcome(outcome) => (&outcome.category, outcome.quantity),
            Self::Dropped(drop) => (&drop.category, drop.quantity),
            Self::KeyUse(_) => ("key_use", 1),
            Self::Project(_) => ("project", 1),
            Self::MonitorTick(_) => ("monitor_tick", 1),
            Self::NoticeTold(_) => ("monitor_notice", 1),
            Self::FindingTold(_) => ("finding", 1),
        }
    }

    /// Whose loss it is, for what is counted when it is lost: what somebody sent, not our own bookkeeping.
    pub(super) fn project_id(&self) -> Option<ProjectId> {
        match self {
            Self::Event(event) => Some(event.project_id),
            Self::Feedback(feedback) => Some(feedback.project_id),
            Self::Spans(spans) => Some(spans.project_id),
            Self::Sessions(sessions) => Some(sessions.key.project_id),
            Self::ClientReport(report) => Some(report.project_id),
            Self::Blob(blob) => Some(blob.project_id),
            Self::Logs(logs) => Some(logs.project_id),
            Self::Metrics(metrics) => Some(metrics.project_id),
            Self::CheckIn(check_in) => Some(check_in.project_id),
            _ => None,
        }
    }
}

/// What became of an append.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Appended {
    /// One per event, in order.
    pub events: Vec<EventAppended>,
    /// Of a change of a project.
    pub changed: Option<ProjectChanged>,
    /// One per check-in, in order.
    pub check_ins: Vec<CheckInAppended>,
}

impl Appended {
    pub(super) fn extend(&mut self, other: Self) {
        self.events.extend(other.events);
        self.changed = self.changed.take().or(other.changed);
        self.check_ins.extend(other.check_ins);
    }

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
    /// People do not want to hear of this bug again: nothing was stored, and `short_no` is 0.
    pub is_discarded: bool,
    /// The event was there already, or another report of the same error; nothing was counted.
    pub is_duplicate: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckInAppended {
    /// Why it was not kept.
    pub refused: Option<String>,
}
