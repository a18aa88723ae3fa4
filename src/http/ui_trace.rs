//! Handlers of what the page of one trace asks for besides its spans: queries, words in attributes, the whole as JSON.

use std::collections::HashMap;

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};

use crate::config::TRACE_SPANS_SHOWN_MAX;
use crate::config::explore::{TRACE_FIND_BYTES_MAX, TRACE_FOUND_MAX, TRACE_JSON_BYTES_MAX};
use crate::model::conventions::Conventions;
use crate::model::detail::Variable;
use crate::model::ids::TraceId;
use crate::model::segment::resolve_segment_names;
use crate::model::span::{AttributeValue, Span};
use crate::perf::{CallSite, Reading, SqlCache};
use crate::store::TraceSpans;

use super::error::ApiError;
use super::ui::{Answer, attribute_json, ok, span_view, trace_errors};
use super::view::trace_parts::{StatementView, TraceFindView, TraceJsonView, TraceSqlView};
use super::{Query, Ready};

/// Values beside a statement that are shown.
const PARAMETERS_SHOWN_MAX: usize = 50;

pub(super) async fn sql(ready: &Ready, trace: &str) -> Answer {
    let found = spans(ready, trace, TRACE_SPANS_SHOWN_MAX).await?;
    ok(&apart(move || queries(&found)).await?)
}

pub(super) async fn find(ready: &Ready, trace: &str, query: &Query) -> Answer {
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let words = query.get("query").unwrap_or_default().trim();
    if words.len() > TRACE_FIND_BYTES_MAX {
        let detail = format!("look for {TRACE_FIND_BYTES_MAX} bytes at most, not {}", words.len());
        return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
    }
    if words.is_empty() {
        return ok(&TraceFindView::default());
    }
    let found = ready.store.find_in_trace(trace_id, words, TRACE_FOUND_MAX).await?;
    ok(&TraceFindView {
        span_ids: found.span_ids.iter().map(ToString::to_string).collect(),
        is_partial: found.is_partial,
    })
}

pub(super) async fn whole(ready: &Ready, trace: &str, query: &Query) -> Answer {
    let limit = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(TRACE_SPANS_SHOWN_MAX);
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let found = ready.store.trace_spans(trace_id, TRACE_SPANS_SHOWN_MAX).await?;
    let errors = trace_errors(ready, trace_id, &found.batch.spans).await?;
    if found.batch.spans.is_empty() && errors.is_empty() {
        return Err(ApiError::not_found("trace"));
    }
    let limit = limit.clamp(1, TRACE_SPANS_SHOWN_MAX);
    let view = apart(move || {
        let TraceSpans { mut batch, mut omitted, .. } = found;
        resolve_segment_names(&mut batch.spans);
        batch.spans.sort_by_key(|span| (span.start_ns, span.span_id));
        let mut bytes = 0;
        let mut views = Vec::new();
        for span in batch.spans {
            bytes += weight(&span);
            if views.len() == limit || bytes > TRACE_JSON_BYTES_MAX {
                omitted += 1;
                continue;
            }
            let resource = batch.resources.get(span.resource).cloned().unwrap_or_default();
            views.push(span_view(span, resource));
        }
        TraceJsonView { trace_id: trace_id.to_string(), spans: views, errors, spans_omitted: omitted }
    });
    let mut answer = ok(&view.await?)?;
    if query.has("download") {
        let name = format!("attachment; filename=\"trace-{trace_id}.json\"");
        if let Ok(name) = HeaderValue::from_str(&name) {
            answer.headers_mut().insert(CONTENT_DISPOSITION, name);
        }
    }
    Ok(answer)
}

/// The spans of a trace that has some.
async fn spans(ready: &Ready, trace: &str, limit: usize) -> Result<TraceSpans, ApiError> {
    let trace_id = TraceId::parse(trace).ok_or_else(|| ApiError::not_found("trace"))?;
    let found = ready.store.trace_spans(trace_id, limit).await?;
    if found.batch.spans.is_empty() {
        return Err(ApiError::not_found("trace"));
    }
    Ok(found)
}

/// Off the async threads: a trace may have 100,000 spans.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a trace could not be read");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the trace could not be read: see the server's log")
    })
}

/// What a span adds to an answer, in bytes, about.
fn weight(span: &Span) -> usize {
    let values = span.attributes.len() + span.events.iter().map(|event| event.attributes.len() + 1).sum::<usize>();
    let texts: usize = span.attributes.iter().map(|attribute| value_bytes(&attribute.value)).sum();
    1_000 + values * 60 + texts + span.name.len() + span.transaction_json.as_ref().map_or(0, Vec::len)
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Bytes(bytes) => bytes.len() * 2,
        AttributeValue::List(values) => values.iter().map(|value| 8 + value_bytes(value)).sum(),
        AttributeValue::Map(members) => members.iter().map(|m| m.key.len() + 8 + value_bytes(&m.value)).sum(),
        _ => 8,
    }
}

fn queries(found: &TraceSpans) -> TraceSqlView {
    let batch = &found.batch;
    let reading = Reading::of(batch, &mut SqlCache::default());
    let mut order: Vec<usize> = (0..batch.spans.len()).filter(|place| reading.query(*place).is_some()).collect();
    order.sort_by_key(|place| (batch.spans[*place].start_ns, batch.spans[*place].span_id));
    let mut view = TraceSqlView { spans_omitted: found.omitted, ..TraceSqlView::default() };
    let mut statements: HashMap<(u64, &str), u32> = HashMap::new();
    let mut call_sites: HashMap<CallSite, i32> = HashMap::new();
    for place in order {
        let Some(sql) = reading.query(place) else { continue };
        let span = &batch.spans[place];
        let known = Conventions::of_span(span);
        let system = known.db_system.unwrap_or_default();
        let next = view.statements.len() as u32;
        let statement = *statements.entry((sql.fingerprint, system)).or_insert(next);
        if statement == next {
            view.statements.push(StatementView {
                text: sql.text.clone(),
                example: known.db_statement.unwrap_or(&sql.text).to_string(),
                summary: sql.summary(),
                fingerprint: format!("{:016x}", sql.fingerprint),
                system: system.to_string(),
                parameters: parameters(span),
            });
        }
        let call_site = match CallSite::of(span) {
            None => -1,
            Some(call_site) => {
                let next = view.call_sites.len() as i32;
                let text = call_site.to_string();
                let number = *call_sites.entry(call_site).or_insert(next);
                if number == next {
                    view.call_sites.push(text);
                }
                number
            }
        };
        view.span_id.push(span.span_id.to_string());
        view.statement.push(statement);
        view.call_site.push(call_site);
    }
    view
}

/// The values of a statement, where an SDK is told to send them: `db.query.parameter.<name>`, or Sentry's `db.params`.
fn parameters(span: &Span) -> Vec<Variable> {
    let name_of =
        |key: &str| key.strip_prefix("db.query.parameter.").or((key == "db.params").then_some("")).map(str::to_string);
    let named = span.attributes.iter().filter_map(|attribute| Some((name_of(&attribute.key)?, attribute)));
    named
        .take(PARAMETERS_SHOWN_MAX)
        .map(|(name, attribute)| Variable { name, value: attribute_json(attribute.value.clone()) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SpanId;
    use crate::model::span::{Attribute, Resource, SpanBatch, SpanSource};

    fn query(id: u8, start_ns: i64, statement: &str, line: Option<i64>) -> Span {
        let text = |key: &str, value: &str| Attribute { key: key.into(), value: AttributeValue::Text(value.into()) };
        let mut attributes = vec![text("db.system", "postgresql"), text("db.statement", statement)];
        if let Some(line) = line {
            attributes.push(text("code.filepath", "shop/views.py"));
            attributes.push(Attribute { key: "code.lineno".into(), value: AttributeValue::Int(line) });
            attributes.push(text("db.query.parameter.id", "7"));
        }
        Span {
            span_id: SpanId([id; 8]),
            op: "db".into(),
            source: SpanSource::Otel,
            start_ns,
            end_ns: start_ns + 5,
            attributes,
            ..Span::default()
        }
    }

    #[test]
    fn queries_that_differ_in_values_are_one_statement_and_keep_where_they_were_asked() {
        let spans = vec![
            query(1, 30, "SELECT a FROM t WHERE id = 1", Some(7)),
            query(2, 10, "SELECT a FROM t WHERE id = 2", Some(7)),
            query(3, 20, "SELECT a FROM t WHERE id = 3", Some(9)),
            query(4, 40, "DELETE FROM t", None),
            Span { span_id: SpanId([5; 8]), op: "http.server".into(), ..Span::default() },
        ];
        let batch = SpanBatch { resources: vec![Resource::default()], spans };
        let view = queries(&TraceSpans { batch, omitted: 3, ..TraceSpans::default() });
        assert_eq!(view.span_id, [2, 3, 1, 4].map(|id: u8| SpanId([id; 8]).to_string()));
        assert_eq!((view.statement, view.call_site), (vec![0, 0, 0, 1], vec![0, 1, 0, -1]));
        assert_eq!(view.call_sites, ["shop/views.py:7", "shop/views.py:9"]);
        let first = &view.statements[0];
        assert_eq!(first.text, "SELECT a FROM t WHERE id = ?");
        assert_eq!((first.example.as_str(), first.summary.as_str()), ("SELECT a FROM t WHERE id = 2", "SELECT t"));
        assert_eq!((first.system.as_str(), first.parameters[0].name.as_str()), ("postgresql", "id"));
        assert_eq!(view.spans_omitted, 3);
    }
}
