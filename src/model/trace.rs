//! A trace as listed: one line for all spans that share a trace id, whoever sent them.

use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::span::{Span, SpanKind, SpanSource, SpanStatus};

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
    /// A request or a job, rather than a lone database or client call outside of any.
    pub is_request: bool,
    /// Distinct service names, sorted, at most a handful.
    pub services: Vec<String>,
    /// Error events with this trace id.
    pub error_count: u64,
}

/// The span that names the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRoot {
    pub rank: RootRank,
    /// Of two roots that are otherwise as good: see [`TraceRoot::tie_of`].
    pub tie: u16,
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

impl TraceSummary {
    /// Adds what another batch says about the same trace. The order of merging does not matter, as long as there are
    /// no more services than are kept.
    pub fn merge(&mut self, other: Self, services_max: usize) {
        self.start_ns = self.start_ns.min(other.start_ns);
        self.end_ns = self.end_ns.max(other.end_ns);
        if other.root.precedence() < self.root.precedence() {
            self.root = other.root;
            // The project of the root is where the trace is at home.
            self.project_id = other.project_id;
        }
        self.span_count += other.span_count;
        self.failed_span_count += other.failed_span_count;
        self.db_span_count += other.db_span_count;
        self.has_sentry |= other.has_sentry;
        self.has_otel |= other.has_otel;
        self.is_request |= other.is_request;
        self.services.extend(other.services);
        self.services.sort();
        self.services.dedup();
        self.services.truncate(services_max);
    }
}

impl TraceRoot {
    /// Smaller names the trace better. The span id only breaks ties, so that any order gives the same answer.
    pub fn precedence(&self) -> (RootRank, i64, u16) {
        (self.rank, self.start_ns, self.tie)
    }

    /// The same of a span, before it names anything.
    pub fn precedence_of(span: &Span) -> (RootRank, i64, u16) {
        (RootRank::of(span), span.start_ns, Self::tie_of(span.span_id))
    }

    /// As much of a span's id as is kept of it.
    pub fn tie_of(span_id: SpanId) -> u16 {
        u16::from_be_bytes([span_id.0[0], span_id.0[1]])
    }
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

impl RootRank {
    pub fn of(span: &Span) -> Self {
        match (span.is_local_root, span.parent_span_id) {
            (true, None) => Self::Root,
            (true, Some(_)) => Self::Entry,
            (false, _) => Self::Inner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(rank: RootRank, start_ns: i64, service: &str) -> TraceSummary {
        TraceSummary {
            trace_id: TraceId([1; 16]),
            project_id: ProjectId(1),
            start_ns,
            end_ns: start_ns + 10,
            root: TraceRoot {
                rank,
                tie: start_ns as u16,
                name: service.to_string(),
                op: String::new(),
                service: service.to_string(),
                kind: SpanKind::Server,
                source: SpanSource::Otel,
                status: SpanStatus::Unset,
                http_status: None,
                start_ns,
                duration_ns: 10,
            },
            span_count: 2,
            failed_span_count: 1,
            db_span_count: 1,
            has_sentry: rank == RootRank::Root,
            has_otel: rank != RootRank::Root,
            is_request: true,
            services: vec![service.to_string()],
            error_count: 0,
        }
    }

    #[test]
    fn merging_gives_the_same_in_any_order() {
        let parts =
            [summary(RootRank::Inner, 1, "c"), summary(RootRank::Root, 5, "a"), summary(RootRank::Entry, 3, "b")];
        let mut forwards = parts[0].clone();
        forwards.merge(parts[1].clone(), 16);
        forwards.merge(parts[2].clone(), 16);
        let mut backwards = parts[2].clone();
        backwards.merge(parts[1].clone(), 16);
        backwards.merge(parts[0].clone(), 16);
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.root.name, "a");
        assert_eq!((forwards.start_ns, forwards.end_ns, forwards.span_count), (1, 15, 6));
        assert_eq!(forwards.services, ["a", "b", "c"]);
    }
}
