//! Queries that are a mistake: the same one again and again within one request (N+1), and single ones that take too long.
//!
//! Owns what counts as one and what makes two of them the same cause. Looks at one trace; what was found in others, and
//! whether anybody was told, is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::reading::Reading;
use super::stats::MeasuredKind;
use crate::config::{FINDING_SPANS_MAX, FINDINGS_PER_TRACE_MAX, N_PLUS_ONE_SHARE_PERCENT, Performance};
use crate::model::conventions::Conventions;
use crate::model::ids::{EventId, TraceId};
use crate::model::span::{Span, text_attribute};
use crate::model::sql::Sql;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    NPlusOne,
    SlowQuery,
}

impl FindingKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NPlusOne => "n_plus_one",
            Self::SlowQuery => "slow_query",
        }
    }
}

/// The line of the application that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallSite {
    pub file: String,
    pub line: Option<u64>,
    pub function: Option<String>,
}

impl CallSite {
    pub fn of(span: &Span) -> Option<Self> {
        let known = Conventions::of(&span.attributes);
        let file = known.code_file?.to_owned();
        Some(Self { file, line: known.code_line.map(u64::from), function: known.code_function.map(str::to_owned) })
    }

    /// What stays the same when lines above it come and go.
    fn place(&self) -> String {
        match (&self.function, self.line) {
            (Some(function), _) => format!("{}:{function}", self.file),
            (None, Some(line)) => format!("{}:{line}", self.file),
            (None, None) => self.file.clone(),
        }
    }
}

impl std::fmt::Display for CallSite {
    /// `shop/views.py:12 in books_list`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        self.function.as_ref().map_or(Ok(()), |function| write!(f, " in {function}"))
    }
}

/// Whose request it was, as far as its spans say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asker {
    pub id: Option<String>,
    pub username: Option<String>,
    pub email: Option<String>,
    pub ip_address: Option<String>,
}

impl Asker {
    /// `None` when the span names nobody.
    fn of(span: &Span) -> Option<Self> {
        let text = |names: &[&str]| {
            let text = names.iter().find_map(|name| text_attribute(&span.attributes, name))?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let asker = Self {
            id: text(&["user.id", "enduser.id"]),
            username: text(&["user.username", "user.name"]),
            email: text(&["user.email"]),
            ip_address: text(&["user.ip_address"]),
        };
        (asker != Self::default()).then_some(asker)
    }
}

/// One mistake in one trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: FindingKind,
    #[serde(with = "hex_id")]
    pub trace_id: TraceId,
    /// The queries, in the order they were made; the first of many.
    pub spans: Vec<String>,
    pub count: u64,
    pub total_us: u64,
    /// The request or job, what it is called and how long it took.
    pub within: String,
    pub within_us: u64,
    pub is_task: bool,
    /// Without values.
    pub sql: String,
    pub fingerprint: u64,
    pub operation: String,
    pub table: Option<String>,
    /// As the first one was sent.
    pub example: String,
    pub call_site: Option<CallSite>,
    pub db_system: Option<String>,
    pub service: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub sdk: Option<String>,
    /// End of the last of them, unix milliseconds.
    pub timestamp_ms: i64,
    /// `None` also for what was found before anybody asked.
    #[serde(default)]
    pub asker: Option<Asker>,
}

impl Finding {
    /// Whatever is the same mistake in other traces has the same.
    pub fn cause(&self) -> [String; 4] {
        let place = self.call_site.as_ref().map(CallSite::place).unwrap_or_default();
        [self.kind.as_str().to_owned(), format!("{:016x}", self.fingerprint), place, self.within.clone()]
    }

    pub fn cause_key(&self) -> u64 {
        xxh3_64(self.cause().join("\n").as_bytes())
    }

    /// One for each cause and trace, however often the trace is looked at.
    pub fn event_id(&self) -> EventId {
        let text = format!("{}\n{}", self.trace_id, self.cause().join("\n"));
        EventId(xxh3_128(text.as_bytes()).to_be_bytes())
    }
}

mod hex_id {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use crate::model::ids::TraceId;

    pub(super) fn serialize<S: Serializer>(id: &TraceId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TraceId, D::Error> {
        let text = String::deserialize(deserializer)?;
        TraceId::parse(&text).ok_or_else(|| Error::custom("no trace id"))
    }
}

/// The mistakes in a trace, the ones that cost most first.
pub fn find(trace: &Reading<'_>, limits: &Performance) -> Vec<Finding> {
    let mut queries: Vec<usize> = (0..trace.batch.spans.len()).filter(|place| is_asking(trace, *place)).collect();
    queries.sort_by_key(|place| (trace.span(*place).start_ns, trace.span(*place).span_id.0));
    // Queries of one request that are the same.
    let mut alike: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    for place in &queries {
        if let (Some(sql), Some(segment)) = (trace.query(*place), trace.segment(*place)) {
            alike.entry((segment, sql.fingerprint)).or_default().push(*place);
        }
    }
    let mut found = Vec::new();
    let mut told: Vec<usize> = Vec::new();
    for ((segment, _), places) in alike {
        for (call_site, places) in loops_of(trace, &places) {
            let in_turn = in_sequence(trace, &places);
            if is_n_plus_one(trace, segment, &in_turn, limits) {
                let finding = finding(trace, FindingKind::NPlusOne, segment, &in_turn, call_site);
                found.extend(finding.map(|finding| (finding, segment)));
                told.extend(places);
            }
        }
    }
    // A query that is slow over and over in one request is one cause, too.
    let mut slow: BTreeMap<(usize, u64, Option<CallSite>), Vec<usize>> = BTreeMap::new();
    for place in queries.into_iter().filter(|place| !told.contains(place)) {
        let is_slow = duration_us(trace, place) >= limits.slow_query_ms.saturating_mul(1_000);
        if let (true, Some(sql)) = (is_slow, trace.query(place)) {
            let segment = trace.segment(place).unwrap_or(place);
            let call_site = CallSite::of(trace.span(place));
            slow.entry((segment, sql.fingerprint, call_site)).or_default().push(place);
        }
    }
    for ((segment, _, call_site), places) in slow {
        let finding = finding(trace, FindingKind::SlowQuery, segment, &places, call_site);
        found.extend(finding.map(|finding| (finding, segment)));
    }
    found.sort_by(|(a, _), (b, _)| (b.total_us, a.cause_key()).cmp(&(a.total_us, b.cause_key())));
    let mut causes = std::collections::HashSet::new();
    found.retain(|(finding, _)| causes.insert(finding.cause_key()));
    found.truncate(FINDINGS_PER_TRACE_MAX);
    let told = found.into_iter().map(|(finding, segment)| Finding { asker: asker_of(trace, segment), ..finding });
    told.collect()
}

/// As the span of the request says it, or else the first within it: a framework's span below that of the server, or what
/// another SDK told of the same request.
fn asker_of(trace: &Reading<'_>, segment: usize) -> Option<Asker> {
    let within = (0..trace.batch.spans.len()).filter(|place| trace.segment(*place) == Some(segment));
    std::iter::once(segment).chain(within).find_map(|place| Asker::of(trace.span(place)))
}

/// Statements that fetch or change rows: opening a transaction often is no N+1.
fn is_asking(trace: &Reading<'_>, place: usize) -> bool {
    let asks = |sql: &Arc<Sql>| {
        matches!(sql.operation.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "CALL" | "EXECUTE")
    };
    trace.kind(place) == Some(MeasuredKind::Query) && trace.query(place).is_some_and(asks)
}

/// Equal queries apart by where they are asked: by the line of code, when all of them tell it, else by what they are
/// under. A line that some tell and some do not, as when only slow queries are looked up, would make two causes of one.
fn loops_of(trace: &Reading<'_>, places: &[usize]) -> Vec<(Option<CallSite>, Vec<usize>)> {
    let sites: Option<Vec<CallSite>> = places.iter().map(|place| CallSite::of(trace.span(*place))).collect();
    if let Some(sites) = sites {
        let mut by_site: BTreeMap<String, (CallSite, Vec<usize>)> = BTreeMap::new();
        for (site, place) in sites.into_iter().zip(places) {
            by_site.entry(site.place()).or_insert_with(|| (site, Vec::new())).1.push(*place);
        }
        return by_site.into_values().map(|(site, places)| (Some(site), places)).collect();
    }
    let mut by_parent: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for place in places {
        by_parent.entry(trace.parent(*place)).or_default().push(*place);
    }
    by_parent.into_values().map(|places| (None, places)).collect()
}

/// Those that wait for each other: queries at the same time are no loop.
fn in_sequence(trace: &Reading<'_>, places: &[usize]) -> Vec<usize> {
    let mut last_end_ns = i64::MIN;
    let mut kept = Vec::with_capacity(places.len());
    for place in places {
        let span = trace.span(*place);
        // Clocks of SDKs are good for a microsecond or so.
        if span.start_ns >= last_end_ns.saturating_sub(1_000) {
            kept.push(*place);
            last_end_ns = span.end_ns;
        }
    }
    kept
}

fn is_n_plus_one(trace: &Reading<'_>, segment: usize, places: &[usize], limits: &Performance) -> bool {
    if (places.len() as u64) < limits.n_plus_one_queries.max(2) {
        return false;
    }
    let total_us: u64 = places.iter().map(|place| duration_us(trace, *place)).sum();
    // A local SQLite answers within microseconds: there it is the share of the request that tells.
    let is_much = total_us.saturating_mul(100) >= duration_us(trace, segment).saturating_mul(N_PLUS_ONE_SHARE_PERCENT);
    total_us >= limits.n_plus_one_ms.saturating_mul(1_000) || is_much
}

fn finding(
    trace: &Reading<'_>,
    kind: FindingKind,
    segment: usize,
    places: &[usize],
    call_site: Option<CallSite>,
) -> Option<Finding> {
    let first = trace.span(*places.first()?);
    let sql = trace.query(*places.first()?)?;
    let known = Conventions::of_span(first);
    let resource = trace.resource(*places.first()?);
    let end_ns = places.iter().map(|place| trace.span(*place).end_ns).max()?;
    let segment_kind = trace.kind(segment);
    let within = match segment_kind {
        Some(MeasuredKind::Endpoint | MeasuredKind::Task) => trace.segment_name(segment),
        _ => String::new(),
    };
    Some(Finding {
        kind,
        trace_id: first.trace_id,
        spans: places.iter().take(FINDING_SPANS_MAX).map(|place| trace.span(*place).span_id.to_string()).collect(),
        count: places.len() as u64,
        total_us: places.iter().map(|place| duration_us(trace, *place)).sum(),
        within,
        within_us: duration_us(trace, segment),
        is_task: segment_kind == Some(MeasuredKind::Task),
        sql: sql.text.clone(),
        fingerprint: sql.fingerprint,
        operation: sql.operation.clone(),
        table: sql.table.clone(),
        example: known.db_statement.unwrap_or(&first.name).to_owned(),
        call_site,
        db_system: known.db_system.map(str::to_owned),
        service: resource.map(|resource| resource.service.clone()).unwrap_or_default(),
        release: resource.and_then(|resource| resource.release.clone()),
        environment: resource.and_then(|resource| resource.environment.clone()),
        sdk: resource.and_then(|resource| resource.sdk.clone()),
        timestamp_ms: end_ns.div_euclid(1_000_000),
        asker: None,
    })
}

fn duration_us(trace: &Reading<'_>, place: usize) -> u64 {
    (trace.span(place).duration_ns() / 1_000).max(0) as u64
}
