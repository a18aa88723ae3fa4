//! A trace as listed: one line for all spans that share a trace id, whoever sent them.

use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::span::{SpanKind, SpanSource, SpanStatus};

/// The summary of a trace. Every field merges (min, max, sum, best root), so batches may come in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSummary {
    pub trace_id: TraceId,
    pub project_id: ProjectId,
    pub start_ns: i64,
    pub end_ns: i64,
    pub root: TraceRoot,
    pub span_count: u64,
    pub failed_span_count: u64,
    pub db_span_count: u64,
    pub has_sentry: bool,
    pub has_otel: bool,
    /// Distinct service names, sorted, at most a handful.
    pub services: Vec<String>,
    /// Error events with this trace id.
    pub error_count: u64,
}

/// The span that names the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRoot {
    pub rank: RootRank,
    pub span_id: SpanId,
    pub name: String,
    pub op: String,
    pub service: String,
    pub kind: SpanKind,
    pub source: SpanSource,
    pub status: SpanStatus,
    pub http_status: Option<u16>,
    pub start_ns: i64,
    pub duration_ns: i64,
}

/// How well a span names its trace; smaller is better, ties go to the earlier start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootRank {
    /// No parent anywhere.
    Root = 0,
    /// A server, consumer or transaction whose parent is in another process.
    Entry = 1,
    /// Anything else: its real root has not arrived, or never will.
    Inner = 2,
}
