//! Handlers of `/api/ui/`: what the web app reads.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::config::explore::TRACE_SPANS_AT_ONCE;
use crate::config::{PAGE_ROWS, PAGE_ROWS_MAX, SERVICES_SHOWN_MAX, SPAN_PLACE_MS, TRACE_SPANS_SHOWN_MAX};
use crate::model::conventions::Conventions;
use crate::model::detail::Variable;
use crate::model::ids::{EventId, IssueId, SpanId, TraceId};
use crate::model::issue::Issue;
use crate::model::segment::resolve_segment_names;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanKind, SpanSource, SpanStatus};
use crate::model::time::hour_of;
use crate::model::trace::{RootRank, TraceRoot, TraceSummary};
use crate::model::waterfall::{Placed, arrange, clock_shifts, enclosing};
use crate::model::workflow::{Open, State};
use crate::search::{Dataset, Expr, Key, Known};
use crate::store::{
    EventFilter, EventQuery, EventRow, EventSearch, EventSummary, IssueHistory, IssueOrder, SpanPlace, TracePosition,
    TraceQuery,
};

use super::blobs;
use super::error::ApiError;
use super::ledger::Ledger;
use super::respond::{Body, json};
use super::view::event::{EventNavView, EventReportView, EventTraceView, EventView};
use super::view::ingest::{ClientDiscardView, IngestView, OutcomeView};
use super::view::issue::{IssueRowView, IssueView, StatusDetailView};
use super::view::trace::{
    QueryView, ServiceListView, SpanColumns, SpanEventView, SpanLinkView, SpanPlaceView, SpanView, TraceErrorView,
    TraceListView, TraceRowView, TraceView,
};
use super::view::trace_parts::PackedSpans;
use super::view::{BootView, ProjectView};
use super::{Query, Ready, feedback, grouping, missing, now_ms, ui_logs, ui_performance, ui_search, ui_traces};

/// Error events drawn in one trace.
const TRACE_ERRORS_MAX: usize = 500;
/// Reasons SDKs gave for not sending something; the largest are shown.
const CLIENT_DISCARDS_SHOWN_MAX: usize = 100;
const HOURS_SHOWN: usize = 24;
const DAYS_SHOWN: usize = 30;

pub(super) type Answer = Result<Response<Body>, ApiError>;

pub(super) async fn boot(ready: &Ready) -> Answer {
    let (has_events, has_traces) = ready.store.has_data().await?;
    let projects = ready
        .projects
        .iter()
        .map(|project| ProjectView {
            id: project.id.to_string(),
            slug: project.slug.clone(),
            name: project.name.clone(),
            public_key: project.public_key.to_string(),
        })
        .collect();
    ok(&BootView {
        version: env!("CARGO_PKG_VERSION").to_string(),
        projects,
        database_path: ready.store.path().display().to_string(),
        has_events,
        has_traces,
        now_ms: now_ms(),
    })
}

pub(super) async fn issue(ready: &Ready, issue: &str) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let last_hour = hour_of(now_ms());
    // Whole days back from now, so that the last bar is the last 24 hours.
    let histories = ready.store.issue_histories(vec![issue.id], last_hour, DAYS_SHOWN * 24).await?;
    let days = histories.first().map_or(&[][..], |history| &history.hours).chunks(24).map(|day| day.iter().sum());
    let days = days.collect();
    let feedback_count = ready.store.issue_feedback_count(issue.project_id, issue.id).await?;
    let oldest_event_ms = ready.store.oldest_event_ms(issue.id).await?;
    let row = issue_rows(ready, vec![issue]).await?.pop().ok_or_else(|| ApiError::not_found("issue"))?;
    ok(&IssueView { issue: row, days, feedback_count, oldest_event_ms, keep_days: ready.store.keep().errors })
}

pub(super) async fn event(ready: &Ready, event: &str) -> Answer {
    let id = EventId::parse(event).ok_or_else(|| ApiError::not_found("event"))?;
    let Some(row) = ready.store.event(EventQuery::ById(id)).await? else { return Err(missing::event(ready).await) };
    let search = EventSearch::all(row.summary.issue_id);
    event_view(ready, row, search).await
}

/// `search` says among which events it stands.
pub(super) async fn event_view(ready: &Ready, row: EventRow, search: EventSearch) -> Answer {
    let EventRow { summary, short_no, body } = row;
    let around = ready.store.event_nav(search, summary.id).await?;
    let detail = grouping::shown(ready, &summary, &body);
    let trace = match detail.trace_id {
        Some(trace_id) => Some(EventTraceView {
            trace_id: trace_id.to_string(),
            span_id: detail.span_id.map(|id| id.to_string()),
            has_spans: ready.store.has_trace(trace_id).await?,
            span_count: ready.store.trace_size(trace_id).await?,
            log_count: ready.store.trace_log_count(trace_id).await?,
        }),
        None => None,
    };
    let attachments = blobs::attachment_views(ready, summary.project_id, summary.event_id).await?;
    let replays = blobs::event_replays(ready, summary.event_id, &detail).await?;
    let reports = ready.store.event_reports(summary.id).await?;
    ok(&EventView {
        event_id: summary.event_id.to_string(),
        issue_id: summary.issue_id.to_string(),
        short_id: short_id(ready, &summary, short_no),
        nav: EventNavView {
            first: around.first.unwrap_or(summary.event_id).to_string(),
            previous: around.previous.map(|id| id.to_string()),
            next: around.next.map(|id| id.to_string()),
            latest: around.latest.unwrap_or(summary.event_id).to_string(),
            recommended: around.recommended.map(|id| id.to_string()),
            total: Some(around.total),
            position: around.position,
        },
        title: summary.title,
        culprit: summary.culprit,
        level: summary.level,
        platform: summary.platform,
        timestamp_ms: summary.timestamp_ms,
        received_ms: summary.received_ms,
        trace,
        reports: reports
            .into_iter()
            .map(|report| EventReportView {
                source: report.source.as_str().to_string(),
                timestamp_ms: report.timestamp_ms,
                span_id: report.span_id.map(|id| id.to_string()),
                label: report.label,
            })
            .collect(),
        body_bytes: body.len() as u64,
        attachments,
        replays,
        feedback: feedback::of_event(ready, summary.project_id, summary.event_id).await?,
        detail,
    })
}

/// What one span of a trace must meet: what was typed, and what was chosen beside it but for the time, which is the trace's.
pub(super) async fn spans_asked(ready: &Ready, query: &Query) -> Result<Expr, ApiError> {
    let mut expr = ui_search::asked(ready, query, Dataset::Spans).await?;
    if let Some(environment) = query.get("environment") {
        expr = Expr::and([expr, Expr::equals(Key::Known(Known::Environment), environment)]);
    }
    Ok(expr)
}

pub(super) async fn traces(ready: &Ready, query: &Query) -> Answer {
    let time = ui_traces::time(query, None)?;
    let expr = spans_asked(ready, query).await?;
    let page = ready
        .store
        .traces(TraceQuery {
            requests_only: query.get("kind") != Some("all"),
            project_id: ui_logs::project(ready, query)?,
            service: query.get("service").map(str::to_string),
            expr: expr.clone(),
            start_ns: time.map(|(from_ms, to_ms)| from_ms.saturating_mul(1_000_000)..to_ms.saturating_mul(1_000_000)),
            duration_ns: ui_traces::durations(query)?,
            before: trace_position(query)?,
            limit: page_rows(query),
        })
        .await?;
    let is_empty = page.traces.is_empty() && page.searched_to_ns.is_none();
    ok(&TraceListView {
        notes: if is_empty { ui_search::notes(ready, Dataset::Spans, &expr).await? } else { Vec::new() },
        traces: page.traces.into_iter().map(trace_row).collect(),
        next_cursor: page.next_before.map(|position| position.0.to_string()),
        background_hidden: page.hidden,
        searched_to_ms: page.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

pub(super) async fn services(ready: &Ready) -> Answer {
    ok(&ServiceListView { services: ready.store.trace_services(SERVICES_SHOWN_MAX).await? })
}

pub(super) async fn trace(ready: &Ready, trace: &str, query: &Query) -> Answer {
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let is_packed = query.has("packed");
    let is_rest = query.get("part") == Some("rest");
    let rest_later = is_packed && !is_rest && ready.store.trace_size(trace_id).await? > TRACE_SPANS_AT_ONCE;
    let found = match rest_later {
        true => ready.store.trace_outline(trace_id, TRACE_SPANS_SHOWN_MAX).await?,
        false => ready.store.trace_spans(trace_id, TRACE_SPANS_SHOWN_MAX).await?,
    };
    let events = ready.store.trace_events(trace_id, TRACE_ERRORS_MAX).await?;
    let log_count = ready.store.trace_log_count(trace_id).await?;
    if found.batch.spans.is_empty() && events.is_empty() && log_count == 0 {
        return Err(missing::trace(ready).await);
    }
    let spans = &found.batch.spans;
    let placed = arrange(spans);
    let shifts = clock_shifts(spans, &placed);
    let drawn: Vec<i64> =
        placed.iter().zip(&shifts).map(|(place, shift)| spans[place.span].start_ns.saturating_add(*shift)).collect();
    let ends = placed.iter().zip(&drawn).map(|(place, start)| start.saturating_add(spans[place.span].duration_ns()));
    let first_event_ns = events.iter().map(|(event, _)| event.timestamp_ms * 1_000_000).min();
    let mut start_ns = drawn.iter().copied().min().or(first_event_ns).unwrap_or(0);
    if spans.is_empty() && events.is_empty() {
        let (logs, _) = ready.store.trace_logs(trace_id, 1).await?;
        start_ns = logs.first().map_or(0, |log| log.record.time_ns);
    }
    let end_ns = ends.max().unwrap_or(start_ns);
    let service_of = |span: &Span| found.batch.resources.get(span.resource).map_or("", |r| r.service.as_str());
    let services: BTreeSet<&str> = spans.iter().map(service_of).collect();
    let services: Vec<String> = services.into_iter().map(str::to_string).collect();

    let mut columns = SpanColumns::default();
    for ((place, drawn_ns), shift_ns) in placed.iter().zip(&drawn).zip(&shifts) {
        let span = &spans[place.span];
        let service = services.binary_search_by(|name| name.as_str().cmp(service_of(span))).unwrap_or(0);
        columns.span_id.push(span.span_id.to_string());
        columns.parent.push(place.parent.map_or(-1, |parent| parent as i32));
        columns.depth.push(place.depth);
        columns.start_ns.push(drawn_ns - start_ns);
        columns.duration_ns.push(span.duration_ns());
        columns.name.push(span.name.clone());
        columns.op.push(span.op.clone());
        columns.service.push(service as u32);
        columns.kind.push(kind_name(span.kind).to_string());
        columns.status.push(status_name(span.status).to_string());
        columns.source.push(source_name(span.source).to_string());
        columns.is_orphan.push(place.is_orphan);
        columns.clock_shift_ns.push(*shift_ns);
    }
    let errors = error_views(ready, events, spans, &placed, &shifts, start_ns);
    let (mut profiles, mut findings) = (Vec::new(), Vec::new());
    if !rest_later {
        profiles = blobs::profile_views(ready, trace_id, spans).await?;
        findings = ui_performance::findings(ready, &found.batch, &columns.span_id).await?;
    }
    let replays = blobs::trace_replays(ready, trace_id).await?;
    let drawn = (is_packed || is_rest).then(|| std::mem::take(&mut columns));
    let packed = drawn.filter(|_| !is_rest).map(PackedSpans::of);
    // As in the list, whatever else stands in front for having no parent either.
    let root = spans.iter().min_by_key(|span| TraceRoot::precedence_of(span));
    ok(&TraceView {
        trace_id: trace_id.to_string(),
        name: root.map(|span| span.name.clone()).unwrap_or_default(),
        op: root.map(|span| span.op.clone()).unwrap_or_default(),
        service: root.map(|span| service_of(span).to_string()).unwrap_or_default(),
        start_ns: start_ns.to_string(),
        start_ms: start_ns as f64 / 1e6,
        duration_ns: end_ns - start_ns,
        has_sentry: found.has_sentry,
        has_otel: found.has_otel,
        spans: columns,
        packed,
        rest_later,
        errors,
        findings,
        log_count,
        spans_omitted: found.omitted,
        profiles,
        replays,
        services,
    })
}

/// The errors of a trace whose spans are read already, as [`trace`] draws them.
pub(super) async fn trace_errors(
    ready: &Ready,
    trace_id: TraceId,
    spans: &[Span],
) -> Result<Vec<TraceErrorView>, ApiError> {
    let events = ready.store.trace_events(trace_id, TRACE_ERRORS_MAX).await?;
    let placed = arrange(spans);
    let shifts = clock_shifts(spans, &placed);
    let starts = placed.iter().zip(&shifts).map(|(place, shift)| spans[place.span].start_ns.saturating_add(*shift));
    let first_event_ns = events.iter().map(|(event, _)| event.timestamp_ms * 1_000_000).min();
    let start_ns = starts.min().or(first_event_ns).unwrap_or(0);
    Ok(error_views(ready, events, spans, &placed, &shifts, start_ns))
}

fn error_views(
    ready: &Ready,
    events: Vec<(EventSummary, u64)>,
    spans: &[Span],
    placed: &[Placed],
    shifts: &[i64],
    start_ns: i64,
) -> Vec<TraceErrorView> {
    let wanted: HashSet<SpanId> = events.iter().filter_map(|(event, _)| event.span_id).collect();
    let named = placed.iter().enumerate().map(|(at, place)| (spans[place.span].span_id, at));
    let places: HashMap<SpanId, usize> = named.filter(|(id, _)| wanted.contains(id)).collect();
    let view = |(event, short_no): (EventSummary, u64)| {
        let mut time_ns = event.timestamp_ms * 1_000_000;
        let named = event.span_id.and_then(|id| places.get(&id).copied());
        let span = named.or_else(|| enclosing(spans, placed, time_ns));
        time_ns += span.map_or(0, |place| shifts[place]);
        TraceErrorView {
            event_id: event.event_id.to_string(),
            issue_id: event.issue_id.to_string(),
            short_id: short_id(ready, &event, short_no),
            title: event.title,
            level: event.level,
            time_ns: time_ns - start_ns,
            span: span.map_or(-1, |place| place as i32),
            is_placed_by_time: named.is_none() && span.is_some(),
        }
    };
    events.into_iter().map(view).collect()
}

pub(super) async fn span(ready: &Ready, trace: &str, span: &str) -> Answer {
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let span_id = SpanId::parse(span).ok_or_else(|| ApiError::not_found("span"))?;
    let mut found = ready.store.trace_spans(trace_id, usize::MAX).await?.batch;
    resolve_segment_names(&mut found.spans);
    let place = found.spans.iter().position(|span| span.span_id == span_id);
    let span = found.spans.swap_remove(place.ok_or_else(|| ApiError::not_found("span"))?);
    let resource = found.resources.swap_remove(span.resource);
    ok(&span_view(span, resource))
}

pub(super) async fn span_place(ready: &Ready, span: &str) -> Answer {
    let span_id = SpanId::parse(span).ok_or_else(|| ApiError::not_found("span"))?;
    match ready.store.span_place(span_id, Duration::from_millis(SPAN_PLACE_MS)).await? {
        SpanPlace::Found { trace_id, name } => {
            ok(&SpanPlaceView { trace_id: trace_id.to_string(), span_id: span_id.to_string(), name })
        }
        SpanPlace::Nowhere => Err(ApiError::not_found("span")),
        SpanPlace::SearchedTo { .. } => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the span is not among the newest ones, and there are too many to look through all: ask with its trace",
        )),
    }
}

pub(super) async fn ingest(ready: &Ready, ledger: &Ledger) -> Answer {
    let outcomes = ready
        .store
        .outcome_totals()
        .await?
        .into_iter()
        .map(|outcome| OutcomeView { category: outcome.category, reason: outcome.reason, quantity: outcome.quantity })
        .collect();
    let client_discards = ready
        .store
        .discard_totals()
        .await?
        .into_iter()
        .take(CLIENT_DISCARDS_SHOWN_MAX)
        .map(|row| ClientDiscardView {
            kind: row.kind.unwrap_or_default(),
            reason: row.reason,
            category: row.category,
            quantity: row.quantity,
        })
        .collect();
    ok(&IngestView { rows: ledger.rows(), outcomes, client_discards })
}

/// `DEFAULT-12`, in any case, or the id.
pub(super) async fn find_issue(ready: &Ready, text: &str) -> Result<Issue, ApiError> {
    let (mut project, mut number) = (None, None);
    let found = match text.rsplit_once('-') {
        None => match text.parse() {
            Ok(id) => ready.store.issue(IssueId(id)).await?,
            Err(_) => None,
        },
        Some((slug, short_no)) => {
            project = ready.projects.iter().find(|project| project.slug.eq_ignore_ascii_case(slug));
            number = short_no.parse::<u32>().ok().map(u64::from);
            match (project, number) {
                (Some(project), Some(number)) => ready.store.issue_by_short_no(project.id, number).await?,
                _ => None,
            }
        }
    };
    // One that is merged is shown as the issue it is merged into.
    let found = match found.as_ref().and_then(|issue| issue.merged_into) {
        Some(survivor) => ready.store.issue(survivor).await?,
        None => found,
    };
    match found.filter(|issue| issue.deleted_ms.is_none()) {
        Some(issue) => Ok(issue),
        None => Err(missing::issue(ready, project, number).await),
    }
}

pub(super) async fn issue_rows(ready: &Ready, issues: Vec<Issue>) -> Result<Vec<IssueRowView>, ApiError> {
    let ids = issues.iter().map(|issue| issue.id).collect();
    let histories = ready.store.issue_histories(ids, hour_of(now_ms()), HOURS_SHOWN).await?;
    let regressed = |issue: &&Issue| issue.state == State::Unresolved(Open::Regressed);
    let ids: Vec<IssueId> = issues.iter().filter(regressed).map(|issue| issue.id).collect();
    let releases = if ids.is_empty() { Vec::new() } else { ready.store.regressed_in(ids.clone()).await? };
    let mut releases: HashMap<IssueId, Option<String>> = ids.into_iter().zip(releases).collect();
    let row = |(issue, history): (Issue, IssueHistory)| {
        let regressed_release = releases.remove(&issue.id).flatten();
        IssueRowView { regressed_release, ..issue_row(ready, issue, history.hours) }
    };
    Ok(issues.into_iter().zip(histories).map(row).collect())
}

/// As [`issue_rows`], counted within what the list is narrowed to.
pub(super) async fn scoped_issue_rows(
    ready: &Ready,
    issues: Vec<Issue>,
    filter: EventFilter,
    order: IssueOrder,
) -> Result<Vec<IssueRowView>, ApiError> {
    if filter.is_empty() || issues.is_empty() {
        return issue_rows(ready, issues).await;
    }
    let bars = (hour_of(now_ms()), HOURS_SHOWN);
    let counts = ready.store.scoped_counts(&issues, filter, order, bars).await?;
    let mut rows = issue_rows(ready, issues).await?;
    for (row, counts) in rows.iter_mut().zip(counts) {
        row.event_count = counts.events;
        row.users_in_all = counts.users.is_none();
        row.user_count = counts.users.unwrap_or(row.user_count);
        row.hours = counts.hours.unwrap_or_default();
    }
    Ok(rows)
}

fn issue_row(ready: &Ready, issue: Issue, hours: Vec<u64>) -> IssueRowView {
    let project = ready.project(issue.project_id);
    let substatus = issue.substatus(now_ms()).to_string();
    IssueRowView {
        id: issue.id.to_string(),
        short_id: project.map_or_else(|| issue.id.to_string(), |project| project.short_id(issue.short_no)),
        project_slug: project.map(|project| project.slug.clone()).unwrap_or_default(),
        kind: issue.kind.as_str().to_string(),
        title: issue.title.title,
        ty: issue.title.ty,
        value: issue.title.value,
        culprit: issue.title.culprit,
        filename: issue.title.filename,
        function: issue.title.function,
        line: issue.title.line,
        level: issue.level.as_str().to_string(),
        platform: issue.platform,
        status: issue.status.as_str().to_string(),
        is_unhandled: issue.is_unhandled,
        first_seen_ms: issue.first_seen_ms,
        last_seen_ms: issue.last_seen_ms,
        event_count: issue.event_count,
        user_count: issue.user_count,
        users_in_all: false,
        first_release: issue.first_release,
        last_release: issue.last_release,
        hours,
        substatus,
        regressed_release: None,
        status_detail: issue.state.standing().map(StatusDetailView::of),
        assignee: issue.assignee,
        priority: issue.priority.as_str().to_string(),
        is_bookmarked: issue.is_bookmarked,
        comment_count: issue.comment_count,
        merged_count: issue.merged_count,
        changed_ms: issue.changed_ms,
    }
}

fn trace_row(trace: TraceSummary) -> TraceRowView {
    TraceRowView {
        trace_id: trace.trace_id.to_string(),
        start_ms: trace.start_ns as f64 / 1e6,
        duration_ns: trace.end_ns - trace.start_ns,
        name: trace.root.name,
        op: trace.root.op,
        service: trace.root.service,
        services: trace.services,
        span_count: trace.span_count,
        db_span_count: trace.db_span_count,
        failed_span_count: trace.failed_span_count,
        error_count: trace.error_count,
        status: status_name(trace.root.status).to_string(),
        http_status: trace.root.http_status,
        has_sentry: trace.has_sentry,
        has_otel: trace.has_otel,
        is_partial: trace.root.rank == RootRank::Inner,
    }
}

pub(super) fn span_view(span: Span, resource: Resource) -> SpanView {
    let duration_ns = span.duration_ns();
    let query = Conventions::of_span(&span).sql().filter(|_| span.is_query()).map(|sql| QueryView {
        summary: sql.summary(),
        fingerprint: format!("{:016x}", sql.fingerprint),
        text: sql.text,
    });
    SpanView {
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        parent_span_id: span.parent_span_id.map(|id| id.to_string()),
        name: span.name,
        op: span.op,
        kind: kind_name(span.kind).to_string(),
        service: resource.service,
        source: source_name(span.source).to_string(),
        status: status_name(span.status).to_string(),
        status_message: span.status_message,
        start_ms: span.start_ns as f64 / 1e6,
        duration_ns,
        http_status: span.http_status,
        query,
        release: resource.release,
        environment: resource.environment,
        sdk: resource.sdk,
        attributes: variables(span.attributes),
        resource: variables(resource.attributes),
        events: span
            .events
            .into_iter()
            .map(|event| SpanEventView {
                name: event.name,
                time_ns: event.time_ns - span.start_ns,
                attributes: variables(event.attributes),
            })
            .collect(),
        links: span
            .links
            .into_iter()
            .map(|link| SpanLinkView {
                trace_id: link.trace_id.to_string(),
                span_id: link.span_id.to_string(),
                attributes: variables(link.attributes),
            })
            .collect(),
        dropped: span.dropped,
        transaction: span.transaction_json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or(Value::Null),
    }
}

pub(super) fn variables(attributes: Vec<Attribute>) -> Vec<Variable> {
    attributes.into_iter().map(|a| Variable { name: a.key, value: attribute_json(a.value) }).collect()
}

/// As a reader expects it: numbers as numbers, bytes as hex, what JSON cannot hold as text.
pub(super) fn attribute_json(value: AttributeValue) -> Value {
    match value {
        AttributeValue::Empty => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(value),
        // Beyond 2^53 a JavaScript number would silently become another one.
        AttributeValue::Int(value) if value.unsigned_abs() > 1 << 53 => Value::String(value.to_string()),
        AttributeValue::Int(value) => Value::from(value),
        AttributeValue::Double(value) => {
            serde_json::Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
        }
        AttributeValue::Text(value) => Value::String(value),
        AttributeValue::Bytes(bytes) => Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        AttributeValue::List(values) => Value::Array(values.into_iter().map(attribute_json).collect()),
        AttributeValue::Map(members) => {
            Value::Object(members.into_iter().map(|member| (member.key, attribute_json(member.value))).collect())
        }
    }
}

pub(super) fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

pub(super) fn status_name(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    }
}

pub(super) fn source_name(source: SpanSource) -> &'static str {
    match source {
        SpanSource::Sentry => "sentry",
        SpanSource::Otel => "otel",
    }
}

pub(super) fn short_id(ready: &Ready, event: &EventSummary, short_no: u64) -> String {
    ready.project(event.project_id).map_or_else(|| event.issue_id.to_string(), |project| project.short_id(short_no))
}

fn trace_position(query: &Query) -> Result<Option<TracePosition>, ApiError> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, "that is not a cursor: start again without one");
    text.parse().map(|id| Some(TracePosition(id))).map_err(|_| invalid())
}

/// Two numbers with a dot between, as handed out in `next_cursor`.
pub(super) fn cursor(query: &Query) -> Result<Option<(i64, i64)>, ApiError> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let parsed = text.split_once('.').and_then(|(value, id)| Some((value.parse().ok()?, id.parse().ok()?)));
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, "that is not a cursor: start again without one");
    parsed.map(Some).ok_or_else(invalid)
}

pub(super) fn page_rows(query: &Query) -> usize {
    query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(PAGE_ROWS).clamp(1, PAGE_ROWS_MAX)
}

pub(super) fn ok(view: &impl serde::Serialize) -> Answer {
    Ok(json(StatusCode::OK, view))
}
