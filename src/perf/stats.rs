//! What is counted of requests, jobs and queries, and from which spans.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::call_sites::CallSites;
use super::find::CallSite;
use super::histogram::{Histogram, read_varint, write_varint};
use super::reading::Reading;
use crate::model::ids::TraceId;
use crate::model::span::SpanStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MeasuredKind {
    /// Requests to one route.
    Endpoint,
    /// Runs of a job: Celery, cron, any transaction that is no request.
    Task,
    /// A statement without its values.
    Query,
}

impl MeasuredKind {
    pub const ALL: [Self; 3] = [Self::Endpoint, Self::Task, Self::Query];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Task => "task",
            Self::Query => "query",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn code(self) -> i64 {
        self as i64
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The same for every route, job or statement of that name, in every project and store.
    pub fn key(self, name: &str) -> i64 {
        let text = format!("{}\n{name}", self.as_str());
        // Positive, and no larger than what a browser's numbers hold.
        (xxh3_64(text.as_bytes()) >> 11) as i64
    }
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RollupKey {
    pub kind: MeasuredKind,
    pub name: String,
    /// Of a query: the request or job that made it, when it is known.
    pub within: Option<(MeasuredKind, String)>,
    pub service: String,
    pub environment: String,
    pub release: String,
}

/// Sums that add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub count: u64,
    pub total_us: u64,
    /// Queries made within, and their time.
    pub sql_count: u64,
    pub sql_us: u64,
    /// Of all.
    pub histogram: Histogram,
    /// Of those that failed.
    pub failures: Histogram,
    pub slowest: Option<Slowest>,
}

/// The one that took longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    pub us: u64,
    pub trace_id: TraceId,
}

/// Of the bytes below.
const FORMAT: u8 = 2;
/// The same with buckets alone.
const FIRST_FORMAT: u8 = 1;

impl Stats {
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.total_us = self.total_us.saturating_add(other.total_us);
        self.sql_count = self.sql_count.saturating_add(other.sql_count);
        self.sql_us = self.sql_us.saturating_add(other.sql_us);
        self.histogram.merge(&other.histogram);
        self.failures.merge(&other.failures);
        let key = |slowest: &Slowest| (slowest.us, slowest.trace_id.0);
        self.slowest = match (self.slowest, other.slowest) {
            (Some(one), Some(two)) => Some(if key(&two) > key(&one) { two } else { one }),
            (one, two) => one.or(two),
        };
    }

    pub fn failed(&self) -> u64 {
        self.failures.count()
    }

    /// Satisfied users, and half of those who tolerate up to four times the threshold, of all; a failure satisfies nobody.
    pub fn apdex(&self, threshold_us: u64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        // Both by the same measure: a failure is taken off where it was counted.
        let within = |us| match self.histogram.is_exact() && self.failures.is_exact() {
            true => self.histogram.exact_within_us(us).saturating_sub(self.failures.exact_within_us(us)),
            false => self.histogram.count_within_us(us).saturating_sub(self.failures.count_within_us(us)),
        };
        let satisfied = within(threshold_us);
        let tolerating = within(threshold_us.saturating_mul(4)).saturating_sub(satisfied);
        Some((satisfied as f64 + tolerating as f64 / 2.0) / self.count as f64)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        for number in [self.count, self.total_us, self.sql_count, self.sql_us] {
            write_varint(&mut out, number);
        }
        self.histogram.write(&mut out);
        self.failures.write(&mut out);
        if let Some(slowest) = self.slowest {
            write_varint(&mut out, slowest.us);
            out.extend_from_slice(&slowest.trace_id.0);
        }
        out
    }

    /// `None` for bytes of something else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let (format, rest) = bytes.split_first()?;
        *bytes = rest;
        let mut number = || read_varint(bytes);
        let (count, total_us, sql_count, sql_us) = (number()?, number()?, number()?, number()?);
        let read = if *format == FIRST_FORMAT { Histogram::read_first_format } else { Histogram::read };
        let (mut histogram, mut failures) = (read(bytes)?, read(bytes)?);
        let slowest = match bytes.is_empty() {
            true => None,
            false => Some(Slowest { us: read_varint(bytes)?, trace_id: TraceId::from_slice(bytes)? }),
        };
        if let (FIRST_FORMAT, Some(slowest)) = (*format, slowest) {
            histogram.is_within_us(slowest.us);
            failures.is_within_us(slowest.us);
        }
        matches!(*format, FORMAT | FIRST_FORMAT).then_some(Self {
            count,
            total_us,
            sql_count,
            sql_us,
            histogram,
            failures,
            slowest,
        })
    }
}

/// What is counted in one minute or hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    pub stats: Stats,
    /// Of a query.
    pub call_sites: CallSites,
}

impl Counted {
    pub fn merge(&mut self, other: &Self) {
        self.stats.merge(&other.stats);
        self.call_sites.merge(&other.call_sites);
    }
}

/// By minute since the epoch and what is counted together.
pub type Rollup = HashMap<(i64, RollupKey), Counted>;

/// Adds what a trace says: every request, job and query for which `counts` holds.
pub fn roll_up(trace: &Reading<'_>, counts: impl Fn(usize) -> bool, into: &mut Rollup) {
    let size = trace.batch.spans.len();
    // Queries by their request: they may have come in another batch than it.
    let mut made: HashMap<usize, (u64, u64)> = HashMap::new();
    for place in 0..size {
        if let (Some(_), Some(segment)) = (trace.query(place), trace.segment(place)) {
            let (count, us) = made.entry(segment).or_default();
            *count += 1;
            *us = us.saturating_add(duration_us(trace, place));
        }
    }
    for place in (0..size).filter(|place| counts(*place)) {
        let Some(kind) = trace.kind(place) else { continue };
        let span = trace.span(place);
        let segment = trace.segment(place);
        let (name, within) = match trace.query(place) {
            Some(sql) => {
                (sql.text.clone(), segment.and_then(|place| Some((trace.kind(place)?, trace.segment_name(place)))))
            }
            None => (trace.segment_name(place), None),
        };
        let resource = trace.resource(place);
        let key = RollupKey {
            kind,
            name,
            within,
            service: resource.map(|resource| resource.service.clone()).unwrap_or_default(),
            environment: resource.and_then(|resource| resource.environment.clone()).unwrap_or_default(),
            release: resource.and_then(|resource| resource.release.clone()).unwrap_or_default(),
        };
        // Work is counted when it is done, and a query with the request it is part of.
        let minute = crate::model::time::minute_of(trace.span(segment.unwrap_or(place)).end_ns);
        let us = duration_us(trace, place);
        let (sql_count, sql_us) = match kind {
            MeasuredKind::Query => (0, 0),
            _ => made.get(&place).copied().unwrap_or_default(),
        };
        let is_failed = span.status == SpanStatus::Error
            || kind == MeasuredKind::Endpoint && span.http_status.is_some_and(|status| status >= 500);
        let counted = into.entry((minute, key)).or_default();
        if let (MeasuredKind::Query, Some(call_site)) = (kind, CallSite::of(span)) {
            counted.call_sites.add(&call_site, minute);
        }
        let stats = &mut counted.stats;
        stats.count += 1;
        stats.total_us = stats.total_us.saturating_add(us);
        stats.sql_count = stats.sql_count.saturating_add(sql_count);
        stats.sql_us = stats.sql_us.saturating_add(sql_us);
        stats.histogram.add(us);
        if is_failed {
            stats.failures.add(us);
        }
        let slower = Slowest { us, trace_id: span.trace_id };
        if stats.slowest.is_none_or(|slowest| (slower.us, slower.trace_id.0) > (slowest.us, slowest.trace_id.0)) {
            stats.slowest = Some(slower);
        }
    }
}

fn duration_us(trace: &Reading<'_>, place: usize) -> u64 {
    (trace.span(place).duration_ns() / 1_000).max(0) as u64
}
