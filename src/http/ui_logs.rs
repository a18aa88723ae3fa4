//! Handlers of `/api/ui/logs`: the list, the volume over time, one log.

use hyper::StatusCode;

use crate::config::search::ASKED_MS_MAX;
use crate::config::{LOG_ROWS, LOG_ROWS_MAX, TRACE_LOGS_MAX};
use crate::model::ids::{ProjectId, TraceId};
use crate::model::log::{LogId, LogLevel};
use crate::model::time::minute_of;
use crate::search::{self, Dataset, Key, written_key, written_value};
use crate::store::{Drawn, LogFilter, LogPosition, LogQuery, LogRow};

use super::error::ApiError;
use super::ui::{Answer, ok, short_id, source_name, variables};
use super::view::log::{LogEventView, LogLevelVolume, LogListView, LogRowView, LogView, LogVolumeView};
use super::view::search::{LogFacetValueView, LogFacetView, LogFacetsView};
use super::{Query, Ready, fit, now_ms, ui_search};

/// Characters of a body in a row: more than fits one line of any screen, and lines of a short dump.
const ROW_CHARS_MAX: usize = 1_000;
/// Error events named beside a log.
const EVENTS_MAX: usize = 5;
/// Bars of the histogram, at most.
const STRETCHES_MAX: i64 = 96;
const DAY_MS: i64 = 86_400_000;

pub(super) async fn logs(ready: &Ready, query: &Query) -> Answer {
    if let Some(trace) = query.get("trace") {
        return trace_logs(ready, trace, query).await;
    }
    let expr = ui_search::asked(ready, query, Dataset::Logs).await?;
    let page = ready
        .store
        .logs(LogQuery {
            filter: filter(ready, query)?,
            expr: expr.clone(),
            before: position(query)?,
            limit: query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(LOG_ROWS).clamp(1, LOG_ROWS_MAX),
            with_details: false,
        })
        .await?;
    let has_any = !page.logs.is_empty() || ready.store.has_logs().await?;
    let is_empty = page.logs.is_empty() && page.searched_to_ns.is_none();
    ok(&LogListView {
        notes: if is_empty { ui_search::notes(ready, Dataset::Logs, &expr).await? } else { Vec::new() },
        logs: page.logs.into_iter().map(row_view).collect(),
        next_cursor: page.next_before.map(cursor),
        searched_to_ms: page.searched_to_ns.map(|time_ns| time_ns as f64 / 1e6),
        omitted: 0,
        has_any,
    })
}

async fn trace_logs(ready: &Ready, trace: &str, query: &Query) -> Answer {
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let limit = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(TRACE_LOGS_MAX);
    let (logs, total) = ready.store.trace_logs(trace_id, limit.clamp(1, TRACE_LOGS_MAX)).await?;
    ok(&LogListView {
        notes: Vec::new(),
        omitted: total - logs.len() as u64,
        has_any: !logs.is_empty() || ready.store.has_logs().await?,
        logs: logs.into_iter().map(row_view).collect(),
        next_cursor: None,
        searched_to_ms: None,
    })
}

pub(super) async fn volume(ready: &Ready, query: &Query) -> Answer {
    let mut filter = filter(ready, query)?;
    let now_ms = now_ms();
    let (from_ms, to_ms) = ui_search::range_ms(query)?;
    let to_ms = to_ms.unwrap_or(now_ms);
    let from_ms = from_ms.unwrap_or(to_ms - DAY_MS).min(to_ms);
    let from_ms = fit::from_ms(ready, query, Drawn::Logs, from_ms, to_ms).await?;
    let (first, last) = (minute_of(filter_ns(from_ms)), minute_of(filter_ns(to_ms)));
    let minutes = ((last - first) / STRETCHES_MAX + 1).max(1);
    // Whole stretches since the epoch, so that a bar does not change its meaning while time goes on.
    let from_minute = first.div_euclid(minutes) * minutes;
    let stretches = ((last - from_minute) / minutes + 1).clamp(1, STRETCHES_MAX + 1) as usize;
    filter.to_ns = i64::MAX;
    let expr = ui_search::asked(ready, query, Dataset::Logs).await?;
    let (volume, searched_to_ns) = ready.store.log_volume(filter, expr, from_minute, minutes, stretches).await?;
    let mut levels: Vec<LogLevelVolume> = Vec::new();
    for level in LogLevel::ALL {
        let mut counts = vec![0; stretches];
        let of_level = volume.counts.iter().filter(|(_, other, _)| *other == level);
        for (place, _, count) in of_level.filter(|(place, ..)| *place < stretches) {
            counts[*place] = *count;
        }
        if counts.iter().any(|count| *count > 0) {
            levels.push(LogLevelVolume { level: level.as_str().to_string(), counts });
        }
    }
    ok(&LogVolumeView {
        from_ms: from_minute * 60_000,
        step_ms: minutes * 60_000,
        levels,
        searched_to_ms: searched_to_ns.map(|ns| ns as f64 / 1e6),
        services: volume.services,
        environments: volume.environments,
    })
}

pub(super) async fn facets(ready: &Ready, query: &Query) -> Answer {
    let expr = ui_search::asked(ready, query, Dataset::Logs).await?;
    let found = ready.store.log_facets(filter(ready, query)?, expr).await?;
    let facet = |(key, values): (String, Vec<(String, u64)>)| LogFacetView {
        key: match search::keys::find(&key, Dataset::Logs) {
            Some(info) => info.name.to_string(),
            None => written_key(&Key::Attribute(key)),
        },
        values: values
            .into_iter()
            .map(|(value, count)| LogFacetValueView { insert: written_value(&value), value, count })
            .collect(),
    };
    ok(&LogFacetsView {
        facets: found.facets.into_iter().map(facet).collect(),
        of: found.of,
        searched_to_ms: found.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

pub(super) async fn log(ready: &Ready, id: &str) -> Answer {
    let id = LogId::parse(id).ok_or_else(|| ApiError::not_found("log"))?;
    let LogRow { project_id, received_ms, record, resource, .. } =
        ready.store.log(id).await?.ok_or_else(|| ApiError::not_found("log"))?;
    let (mut events, mut has_spans) = (Vec::new(), false);
    if let Some(trace_id) = record.trace_id {
        has_spans = ready.store.has_trace(trace_id).await?;
        events = ready.store.trace_events(trace_id, 100).await?;
        events.sort_by_key(|(event, _)| (event.timestamp_ms - record.time_ns / 1_000_000).abs());
        events.truncate(EVENTS_MAX);
    }
    let time_ms = record.time_ns as f64 / 1e6;
    ok(&LogView {
        id: id.to_string(),
        time_ms,
        received_ms,
        level: LogLevel::of(record.severity).as_str().to_string(),
        severity: record.severity,
        severity_text: record.severity_text,
        body: record.body,
        template: record.template,
        logger: record.logger,
        trace_id: record.trace_id.map(|id| id.to_string()),
        span_id: record.span_id.map(|id| id.to_string()),
        has_spans,
        project_slug: ready.project(project_id).map(|project| project.slug.clone()).unwrap_or_default(),
        service: resource.service,
        release: resource.release,
        environment: resource.environment,
        sdk: resource.sdk,
        source: source_name(record.source).to_string(),
        attributes: variables(record.attributes),
        resource: variables(resource.attributes),
        dropped: record.dropped,
        events: events
            .into_iter()
            .map(|(event, short_no)| LogEventView {
                event_id: event.event_id.to_string(),
                short_id: short_id(ready, &event, short_no),
                offset_ms: event.timestamp_ms as f64 - time_ms,
                title: event.title,
                level: event.level,
            })
            .collect(),
    })
}

fn row_view(row: LogRow) -> LogRowView {
    let record = row.record;
    let mut characters = record.body.char_indices().skip(ROW_CHARS_MAX);
    let (body, is_cut) = match characters.next() {
        Some((end, _)) => (record.body[..end].to_string(), true),
        None => (record.body, false),
    };
    LogRowView {
        id: row.id.to_string(),
        time_ms: record.time_ns as f64 / 1e6,
        time_ns: record.time_ns.to_string(),
        level: LogLevel::of(record.severity).as_str().to_string(),
        body,
        is_cut,
        service: row.resource.service,
        logger: record.logger,
        trace_id: record.trace_id.map(|id| id.to_string()),
        span_id: record.span_id.map(|id| id.to_string()),
    }
}

fn filter(ready: &Ready, query: &Query) -> Result<LogFilter, ApiError> {
    let level = match query.get("level") {
        Some(text) => LogLevel::parse(text).ok_or_else(|| bad(format!("{text:?} is not a level")))?,
        None => LogLevel::Unknown,
    };
    let (from_ms, to_ms) = ui_search::range_ms(query)?;
    Ok(LogFilter {
        project_id: project(ready, query)?,
        level,
        service: query.get("service").map(str::to_string),
        environment: query.get("environment").map(str::to_string),
        from_ns: from_ms.map_or(0, filter_ns),
        // To the end of the millisecond.
        to_ns: to_ms.map_or(i64::MAX, |ms| filter_ns(ms).saturating_add(999_999)),
    })
}

pub(super) fn project(ready: &Ready, query: &Query) -> Result<Option<ProjectId>, ApiError> {
    let Some(slug) = query.get("project") else { return Ok(None) };
    ready.project_by_slug(slug).map(|project| Some(project.id)).ok_or_else(|| ApiError::not_found("project"))
}

/// A time in unix milliseconds.
pub(super) fn query_ms(query: &Query, key: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(key) else { return Ok(None) };
    let ms: i64 = text.parse().map_err(|_| bad(format!("{key} is a time in unix milliseconds, not {text:?}")))?;
    Ok(Some(ms.clamp(-ASKED_MS_MAX, ASKED_MS_MAX)))
}

fn filter_ns(ms: i64) -> i64 {
    ms.saturating_mul(1_000_000)
}

/// `<time>.<batch>.<place in it>`
pub(super) fn cursor(position: LogPosition) -> String {
    format!("{}.{}.{}", position.time_ns, position.id.batch, position.id.index)
}

pub(super) fn parse_cursor(text: &str) -> Option<LogPosition> {
    let (time_ns, id) = text.split_once('.')?;
    let (batch, index) = id.split_once('.')?;
    let id = LogId { batch: batch.parse().ok()?, index: index.parse().ok()? };
    Some(LogPosition { time_ns: time_ns.parse().ok()?, id })
}

fn position(query: &Query) -> Result<Option<LogPosition>, ApiError> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    parse_cursor(text).map(Some).ok_or_else(|| bad("that is not a cursor: start again without one".to_string()))
}

fn bad(detail: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        let position = LogPosition { time_ns: -5, id: LogId { batch: i64::MAX, index: u32::MAX } };
        assert_eq!(parse_cursor(&cursor(position)), Some(position));
        for text in ["", "1", "1.2", "1.2.x", "1.2.-3"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
