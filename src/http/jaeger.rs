//! Jaeger's query API, for tools that read Jaeger: Grafana's data source above all.
//!
//! Every answer is in Jaeger's envelope, errors too. What a search had no time or no room for is told in `errors`
//! beside what it found.

use std::time::{Duration, Instant};

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::error::ApiError;
use super::jaeger_query::{Search, kind_named, known_service, read, trace_id};
use super::respond::Body;
use super::route::Jaeger;
use super::ui::kind_name;
use super::view::jaeger::{Envelope, JaegerTrace, OperationView, Trouble, UNKNOWN_SERVICE};
use super::{Query, Ready, now_ms, respond};
use crate::config::{
    JAEGER_ANSWER_BYTES_MAX, JAEGER_ANSWER_MS, JAEGER_NAMES_MAX, JAEGER_SEARCH_MS, TRACE_SPANS_SHOWN_MAX,
};
use crate::model::ids::TraceId;
use crate::model::time::rfc3339;
use crate::store::{SpanNames, StoreError};

type Answer = Result<Response<Body>, ApiError>;

pub(super) async fn answer(ready: &Ready, route: &Jaeger<'_>, query: &Query) -> Response<Body> {
    let answered = match route {
        Jaeger::Services => services(ready).await,
        Jaeger::OperationNames { service } => operation_names(ready, &decoded(service)).await,
        Jaeger::Operations => operations(ready, query).await,
        Jaeger::Traces => search(ready, query).await,
        Jaeger::Trace { trace } => trace_of(ready, trace).await,
        Jaeger::Dependencies => Ok(dependencies()),
    };
    answered.unwrap_or_else(|error| failed(error.status, error.detail))
}

async fn services(ready: &Ready) -> Answer {
    let mut names = ready.store.span_services().await?;
    names.iter_mut().filter(|name| name.is_empty()).for_each(|name| *name = UNKNOWN_SERVICE.to_string());
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(JAEGER_NAMES_MAX);
    names.truncate(JAEGER_NAMES_MAX);
    let missing =
        (more > 0).then(|| vec![trouble(StatusCode::PAYLOAD_TOO_LARGE, format!("{more} more are not listed"))]);
    Ok(list(names, missing))
}

/// Of every kind, each once.
async fn operation_names(ready: &Ready, service: &str) -> Answer {
    let found = names_of(ready, service).await?;
    let missing = missing_names(&found);
    let mut names: Vec<String> = found.names.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(list(names, missing))
}

async fn operations(ready: &Ready, query: &Query) -> Answer {
    let Some(service) = query.get("service") else {
        return Ok(failed(StatusCode::BAD_REQUEST, "parameter 'service' is required".to_string()));
    };
    let wanted = match query.get("spanKind") {
        None => None,
        Some(name) => match kind_named(name) {
            None => return Ok(failed(StatusCode::BAD_REQUEST, "'spanKind' is none that there is".to_string())),
            kind => kind,
        },
    };
    let found = names_of(ready, service).await?;
    let missing = missing_names(&found);
    let names = found.names.into_iter().filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == *kind));
    let views = names.map(|(name, kind)| OperationView { name, span_kind: kind_name(kind) });
    Ok(list(views.collect(), missing))
}

async fn names_of(ready: &Ready, service: &str) -> Result<SpanNames, StoreError> {
    let time = Duration::from_millis(JAEGER_SEARCH_MS);
    ready.store.span_names(known_service(service).to_string(), JAEGER_NAMES_MAX, time).await
}

fn missing_names(found: &SpanNames) -> Option<Vec<Trouble>> {
    let before = moment(found.searched_to_ns?);
    let what = if found.names.len() >= JAEGER_NAMES_MAX { "there are too many names" } else { "looking took too long" };
    let msg = format!("{what}: those that were only used by traces before {before} are missing");
    Some(vec![trouble(StatusCode::GATEWAY_TIMEOUT, msg)])
}

/// Traces, whole, with a span that is asked for.
async fn search(ready: &Ready, query: &Query) -> Answer {
    let began = Instant::now();
    let now_ns = now_ms().saturating_mul(1_000_000);
    let mut missing: Vec<Trouble> = Vec::new();
    let (ids, limit, are_named) = match read(query, now_ns) {
        Err(why) => return Ok(failed(StatusCode::BAD_REQUEST, why)),
        Ok(Search::Traces(ids)) => {
            let limit = ids.len();
            (ids, limit, true)
        }
        Ok(Search::Spans(spans)) => {
            let limit = spans.limit;
            let found = ready.store.find_spans(spans).await?;
            missing.extend(found.searched_to_ns.map(|ns| {
                let msg = format!(
                    "the search took too long: of traces that started before {} some are missing; ask for a shorter time",
                    moment(ns)
                );
                trouble(StatusCode::GATEWAY_TIMEOUT, msg)
            }));
            (found.traces, limit, false)
        }
    };
    let count = ids.len();
    let mut data: Vec<u8> = Vec::new();
    let mut total = 0;
    for (n, id) in ids.into_iter().enumerate() {
        let is_too_late = n > 0 && began.elapsed() > Duration::from_millis(JAEGER_ANSWER_MS);
        if is_too_late || data.len() > JAEGER_ANSWER_BYTES_MAX {
            let what = if is_too_late { "there is no time" } else { "the answer is too large" };
            let msg = format!("{what} for {} more traces that were found; ask for fewer", count - n);
            missing.push(trouble(StatusCode::PAYLOAD_TOO_LARGE, msg));
            break;
        }
        match written(ready, id).await? {
            Some(text) => {
                if total > 0 {
                    data.push(b',');
                }
                data.extend(text);
                total += 1;
            }
            None if are_named => {
                let told = trouble(StatusCode::NOT_FOUND, "trace not found".to_string());
                missing.push(Trouble { trace_id: Some(id.to_string()), ..told });
            }
            // It was dropped since it was found.
            None => {}
        }
    }
    Ok(traces(data, total, limit, (!missing.is_empty()).then_some(missing)))
}

async fn trace_of(ready: &Ready, trace: &str) -> Answer {
    let Some(id) = trace_id(trace) else {
        return Ok(failed(StatusCode::BAD_REQUEST, "that is no trace id".to_string()));
    };
    // `start` and `end`, which Grafana may send along, only help stores that have to look for the trace.
    match written(ready, id).await? {
        Some(text) => Ok(traces(text, 1, 0, None)),
        None => Ok(failed(StatusCode::NOT_FOUND, "trace not found".to_string())),
    }
}

/// Who calls whom is not counted. A 200 with the error inside, because Grafana shows the words of that alone.
fn dependencies() -> Response<Body> {
    let msg = "trapline keeps no counts of calls between services; a trace shows who called whom in it".to_string();
    list(Vec::<String>::new(), Some(vec![trouble(StatusCode::NOT_IMPLEMENTED, msg)]))
}

/// A trace as JSON; none when there is no span of it. Made off the async threads: it may have 100,000 spans.
async fn written(ready: &Ready, id: TraceId) -> Result<Option<Vec<u8>>, ApiError> {
    let found = ready.store.trace_spans(id, TRACE_SPANS_SHOWN_MAX).await?;
    let write = move || {
        let trace = JaegerTrace::of(id, found.batch, found.omitted);
        (!trace.is_empty()).then(|| serde_json::to_vec(&trace)).transpose()
    };
    let failed = |error: String| {
        tracing::error!(error, "a trace could not be written as JSON");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the trace could not be written: see the server's log")
    };
    let written = tokio::task::spawn_blocking(write).await.map_err(|error| failed(error.to_string()))?;
    written.map_err(|error| failed(error.to_string()))
}

fn list<T: Serialize>(data: Vec<T>, errors: Option<Vec<Trouble>>) -> Response<Body> {
    respond::json(StatusCode::OK, &Envelope { total: data.len(), limit: 0, offset: 0, data, errors })
}

/// Around traces that are written already, with commas between.
fn traces(mut data: Vec<u8>, total: usize, limit: usize, errors: Option<Vec<Trouble>>) -> Response<Body> {
    data.insert(0, b'[');
    data.push(b']');
    let envelope = serde_json::to_string(&Envelope { data: (), total, limit, offset: 0, errors }).unwrap_or_default();
    // `{"data":null` and the rest.
    let rest = envelope.strip_prefix(r#"{"data":null"#).unwrap_or("}");
    let mut body = br#"{"data":"#.to_vec();
    body.append(&mut data);
    body.extend(rest.as_bytes());
    let mut response = respond::bytes(StatusCode::OK, "application/json", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn failed(status: StatusCode, msg: String) -> Response<Body> {
    let errors = Some(vec![trouble(status, msg)]);
    respond::json(status, &Envelope { data: (), total: 0, limit: 0, offset: 0, errors })
}

fn trouble(code: StatusCode, msg: String) -> Trouble {
    Trouble { code: code.as_u16(), msg, trace_id: None }
}

fn moment(ns: i64) -> String {
    rfc3339(ns.div_euclid(1_000_000))
}

/// The name of a service as it stands in a path: it may hold slashes, which not every client encodes.
fn decoded(parts: &[&str]) -> String {
    // Reads as the name of a single parameter, without what has a meaning there and none here.
    let text = parts.join("/").replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_read_as_any_client_writes_them() {
        for (parts, expected) in [
            (&["shop"][..], "shop"),
            (&["my%20shop"], "my shop"),
            (&["a%2Fb"], "a/b"),
            (&["a", "b"], "a/b"),
            (&["a+b&c=d"], "a+b&c=d"),
            (&["caf%C3%A9"], "café"),
            (&["100%"], "100%"),
        ] {
            assert_eq!(decoded(parts), expected);
        }
    }
}
