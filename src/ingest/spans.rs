//! What a batch of spans says about each trace it touches.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::config::{ATTRIBUTE_DEPTH_MAX, BATCH_TRACES_MAX, TRACE_SERVICES_MAX};
use crate::model::ids::{ProjectId, TraceId};
use crate::model::project::Project;
use crate::model::span::{Attribute, AttributeValue, Span, SpanBatch, SpanKind, SpanSource, SpanStatus};
use crate::model::trace::{RootRank, TraceRoot, TraceSummary};
use crate::scrub::{self, scrub_attributes, scrub_span};
use crate::store::TracePart;

/// Names the service of spans that do not say, cuts attributes nested too deeply to be read again, and scrubs.
pub(super) fn normalise(batch: &mut SpanBatch, project: &Project, rules: &scrub::Rules) {
    for resource in &mut batch.resources {
        if resource.service.is_empty() {
            resource.service.clone_from(&project.slug);
        }
        flatten(&mut resource.attributes);
        scrub_attributes(&mut resource.attributes, rules);
    }
    for span in &mut batch.spans {
        flatten(&mut span.attributes);
        for event in &mut span.events {
            flatten(&mut event.attributes);
        }
        for link in &mut span.links {
            flatten(&mut link.attributes);
        }
        scrub_span(span, rules);
    }
}

pub(super) fn flatten(attributes: &mut [Attribute]) {
    for attribute in attributes {
        limit_depth(&mut attribute.value, ATTRIBUTE_DEPTH_MAX);
    }
}

fn limit_depth(value: &mut AttributeValue, levels: usize) {
    match value {
        AttributeValue::List(values) if levels > 0 => values.iter_mut().for_each(|v| limit_depth(v, levels - 1)),
        AttributeValue::Map(members) if levels > 0 => {
            members.iter_mut().for_each(|member| limit_depth(&mut member.value, levels - 1));
        }
        AttributeValue::List(_) | AttributeValue::Map(_) => {
            *value = AttributeValue::Text("(nested too deeply to keep)".to_string());
        }
        _ => {}
    }
}

/// One part per trace, in the order of first appearance.
pub(super) fn summarise(batch: &SpanBatch, project_id: ProjectId) -> Vec<TracePart> {
    let mut places: HashMap<TraceId, usize> = HashMap::new();
    let mut parts: Vec<TracePart> = Vec::new();
    for span in &batch.spans {
        let service = batch.resources.get(span.resource).map_or("", |resource| resource.service.as_str());
        let place = *places.entry(span.trace_id).or_insert_with(|| {
            parts.push(TracePart { spans_key: 0, summary: summary_of(span, service, project_id) });
            parts.len() - 1
        });
        let part = &mut parts[place];
        // Exclusive or does not mind the order; 47 bits are what six bytes hold of a positive number.
        part.spans_key ^= (xxh3_64(&span.span_id.0) >> 1 & 0x7fff_ffff_ffff) as i64;
        let is_first = part.summary.span_count == 0;
        if is_first {
            part.summary.span_count = 1;
            continue;
        }
        part.summary.start_ns = part.summary.start_ns.min(span.start_ns);
        part.summary.end_ns = part.summary.end_ns.max(span.end_ns);
        let precedence = TraceRoot::precedence_of(span);
        if precedence < part.summary.root.precedence() {
            part.summary.root = root_of(span, service);
        }
        part.summary.span_count += 1;
        part.summary.failed_span_count += u64::from(span.status == SpanStatus::Error);
        part.summary.db_span_count += u64::from(span.is_query());
        part.summary.has_sentry |= span.source == SpanSource::Sentry;
        part.summary.has_otel |= span.source == SpanSource::Otel;
        part.summary.is_request |= is_request(span);
        let services = &mut part.summary.services;
        if services.len() < TRACE_SERVICES_MAX && !services.iter().any(|name| name == service) {
            services.push(service.to_string());
        }
    }
    for part in &mut parts {
        // The same spans by the other protocol have the same key but for this bit.
        part.spans_key = part.spans_key & !1 | i64::from(part.summary.has_otel);
        part.summary.services.sort();
        // Part of something larger that has not come, or never will: nobody could find it where it is hidden.
        part.summary.is_request |= part.summary.root.rank == RootRank::Inner;
    }
    parts
}

/// Batches of so many traces that one is written within a slice. No trace is divided, so that its spans are known again
/// when they come again.
pub(super) fn divide(batch: SpanBatch, parts: Vec<TracePart>) -> Vec<(SpanBatch, Vec<TracePart>)> {
    if parts.len() <= BATCH_TRACES_MAX {
        return vec![(batch, parts)];
    }
    let places: HashMap<TraceId, usize> =
        parts.iter().enumerate().map(|(place, part)| (part.summary.trace_id, place / BATCH_TRACES_MAX)).collect();
    let mut divided: Vec<(SpanBatch, Vec<TracePart>)> = Vec::new();
    divided.resize_with(parts.len().div_ceil(BATCH_TRACES_MAX), Default::default);
    for (place, part) in parts.into_iter().enumerate() {
        divided[place / BATCH_TRACES_MAX].1.push(part);
    }
    // Each batch has the resources of its own spans.
    let mut renamed: HashMap<(usize, usize), usize> = HashMap::new();
    for mut span in batch.spans {
        let Some(place) = places.get(&span.trace_id).copied() else { continue };
        let resources = &mut divided[place].0.resources;
        span.resource = *renamed.entry((place, span.resource)).or_insert_with(|| {
            resources.push(batch.resources.get(span.resource).cloned().unwrap_or_default());
            resources.len() - 1
        });
        divided[place].0.spans.push(span);
    }
    divided
}

fn summary_of(span: &Span, service: &str, project_id: ProjectId) -> TraceSummary {
    TraceSummary {
        trace_id: span.trace_id,
        project_id,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        root: root_of(span, service),
        // The caller counts the span itself.
        span_count: 0,
        failed_span_count: u64::from(span.status == SpanStatus::Error),
        db_span_count: u64::from(span.is_query()),
        has_sentry: span.source == SpanSource::Sentry,
        has_otel: span.source == SpanSource::Otel,
        is_request: is_request(span),
        services: vec![service.to_string()],
        error_count: 0,
    }
}

fn root_of(span: &Span, service: &str) -> TraceRoot {
    TraceRoot {
        rank: RootRank::of(span),
        tie: TraceRoot::tie_of(span.span_id),
        name: span.name.clone(),
        op: span.op.clone(),
        service: service.to_string(),
        kind: span.kind,
        source: span.source,
        status: span.status,
        http_status: span.http_status,
        start_ns: span.start_ns,
        duration_ns: span.duration_ns(),
    }
}

/// A lone client span (a query or a call outside of any request) is a root too, but nothing to list by default:
/// 169 of 194 spans of a captured Django session were such.
fn is_request(span: &Span) -> bool {
    span.is_local_root && span.kind != SpanKind::Client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SpanId;
    use crate::model::span::Resource;

    fn span(trace: u8, id: u8, parent: Option<u8>, start_ns: i64) -> Span {
        Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([id; 8]),
            parent_span_id: parent.map(|id| SpanId([id; 8])),
            is_local_root: parent.is_none(),
            start_ns,
            end_ns: start_ns + 100,
            name: format!("span {id}"),
            ..Span::default()
        }
    }

    fn batch(spans: Vec<Span>) -> SpanBatch {
        SpanBatch { resources: vec![Resource { service: "shop".into(), ..Resource::default() }], spans }
    }

    #[test]
    fn a_batch_of_many_traces_is_divided_between_traces_and_says_the_same() {
        let few = batch(vec![span(1, 2, Some(1), 50)]);
        let parts = summarise(&few, ProjectId(1));
        assert_eq!(divide(few.clone(), parts)[0].0, few);
        let traces = 2 * BATCH_TRACES_MAX + 1;
        let of = |n: usize, id| Span {
            trace_id: TraceId((n as u128).to_be_bytes()),
            resource: n % 2,
            ..span(0, id, None, n as i64)
        };
        let mut many = batch((0..traces).flat_map(|n| [of(n, 1), of(n, 2)]).collect());
        many.resources.push(Resource { service: "cart".into(), ..Resource::default() });
        // Spans of a trace may lie apart.
        many.spans.push(of(0, 3));
        let whole = summarise(&many, ProjectId(1));
        let divided = divide(many.clone(), summarise(&many, ProjectId(1)));
        assert_eq!(divided.iter().map(|(_, parts)| parts.len()).collect::<Vec<_>>(), [500, 500, 1]);
        let spans: usize = divided.iter().map(|(batch, _)| batch.spans.len()).sum();
        assert_eq!(spans, many.spans.len());
        let again = divided.iter().flat_map(|(batch, _)| summarise(batch, ProjectId(1)));
        for (again, whole) in again.zip(&whole) {
            assert_eq!((again.spans_key, &again.summary), (whole.spans_key, &whole.summary));
        }
        assert_eq!(divided[2].0.resources.len(), 1);
    }

    #[test]
    fn each_trace_of_a_batch_gets_one_part_named_by_its_root() {
        let parts = summarise(
            &batch(vec![span(1, 2, Some(1), 50), span(1, 1, None, 60), span(2, 9, Some(8), 10)]),
            ProjectId(1),
        );
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].summary.root.name, "span 1");
        assert_eq!((parts[0].summary.start_ns, parts[0].summary.end_ns), (50, 160));
        assert_eq!(parts[0].summary.span_count, 2);
        assert_eq!(parts[1].summary.root.rank, RootRank::Inner);
    }

    #[test]
    fn the_same_spans_in_another_order_are_the_same_part() {
        let one = summarise(&batch(vec![span(1, 1, None, 0), span(1, 2, Some(1), 1)]), ProjectId(1));
        let two = summarise(&batch(vec![span(1, 2, Some(1), 1), span(1, 1, None, 0)]), ProjectId(1));
        let other = summarise(&batch(vec![span(1, 3, Some(1), 1), span(1, 1, None, 0)]), ProjectId(1));
        assert_eq!(one[0].spans_key, two[0].spans_key);
        assert_ne!(one[0].spans_key, other[0].spans_key);
    }

    #[test]
    fn a_lone_client_span_is_not_a_request() {
        let mut lone = span(1, 1, None, 0);
        lone.kind = SpanKind::Client;
        lone.op = "db".to_string();
        let parts = summarise(&batch(vec![lone]), ProjectId(1));
        assert!(!parts[0].summary.is_request);
        assert_eq!(parts[0].summary.db_span_count, 1);
    }

    #[test]
    fn a_call_whose_root_is_missing_is_part_of_a_request() {
        let mut inner = span(1, 2, Some(1), 0);
        inner.kind = SpanKind::Client;
        assert!(summarise(&batch(vec![inner.clone()]), ProjectId(1))[0].summary.is_request);
        let mut root = span(1, 1, None, 0);
        root.kind = SpanKind::Client;
        assert!(!summarise(&batch(vec![inner, root]), ProjectId(1))[0].summary.is_request, "a call within a call");
    }

    #[test]
    fn attributes_nested_without_end_are_cut() {
        let mut value = AttributeValue::Int(1);
        for _ in 0..60 {
            value = AttributeValue::List(vec![value]);
        }
        limit_depth(&mut value, ATTRIBUTE_DEPTH_MAX);
        let mut depth = 0;
        let mut inner = &value;
        while let AttributeValue::List(values) = inner {
            depth += 1;
            inner = &values[0];
        }
        assert_eq!(depth, ATTRIBUTE_DEPTH_MAX);
        assert!(matches!(inner, AttributeValue::Text(_)));
    }
}
