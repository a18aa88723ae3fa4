//! One span of the wire as a span of the model: what both encodings come to, and the conversion from generated types.
//!
//! Owns what makes a span unusable and what is repaired. What its attributes mean is in `semantic`.

use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind as WireKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::model::conventions::{ENDED_BEFORE_START, fingerprint_attribute};
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Attribute, AttributeValue, Span, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus};
use crate::otlp::{Limits, attribute, semantic};

/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK` (trace.proto, since 1.1).
const PARENT_IS_REMOTE: u32 = 0x100 | 0x200;

/// What is read of a span, whoever reads it.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// `None` for ids and times that are missing or cannot be used.
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) start_ns: Option<i64>,
    pub(super) end_ns: Option<i64>,
    pub(super) flags: u32,
    pub(super) name: String,
    pub(super) kind: i32,
    pub(super) status_code: i32,
    // From here on within the limits.
    pub(super) trace_state: String,
    pub(super) status_message: String,
    pub(super) attributes: Vec<Attribute>,
    /// Those without a usable time have 0.
    pub(super) events: Vec<SpanEvent>,
    pub(super) links: Vec<SpanLink>,
    /// What the sender says it left out.
    pub(super) dropped_attributes: u32,
    pub(super) dropped_events: u32,
    pub(super) dropped_links: u32,
    /// What the limits left out.
    pub(super) left_out: u32,
}

/// Converts a span that belongs to the resource at index `resource`; fails as [`Parts::finish`] does.
pub(super) fn convert(wire: WireSpan, resource: usize, limits: &Limits) -> Result<Span, &'static str> {
    let mut left_out = 0;
    let (status_code, status_message) = wire.status.map(|status| (status.code, status.message)).unwrap_or_default();
    Parts {
        trace_id: usable_trace_id(&wire.trace_id),
        span_id: usable_span_id(&wire.span_id),
        parent_span_id: usable_span_id(&wire.parent_span_id),
        start_ns: usable_time(wire.start_time_unix_nano),
        end_ns: usable_time(wire.end_time_unix_nano),
        flags: wire.flags,
        name: wire.name,
        kind: wire.kind,
        status_code,
        trace_state: attribute::cut_bytes(wire.trace_state, limits.attribute_text_bytes_max),
        status_message: attribute::cut_bytes(status_message, limits.attribute_text_bytes_max),
        attributes: attribute::convert_all(wire.attributes, limits, &mut left_out),
        events: convert_events(wire.events, limits, &mut left_out),
        links: convert_links(wire.links, limits, &mut left_out),
        dropped_attributes: wire.dropped_attributes_count,
        dropped_events: wire.dropped_events_count,
        dropped_links: wire.dropped_links_count,
        left_out,
    }
    .finish(resource)
}

impl Parts {
    /// The span, which belongs to the resource at index `resource`; or why it cannot be used: no valid trace or span id,
    /// or no start. Everything else is repaired: an end before the start becomes the start, which an attribute tells of,
    /// an unusable parent none, an event without time gets the start's.
    pub(super) fn finish(self, resource: usize) -> Result<Span, &'static str> {
        let Self { mut attributes, mut events, .. } = self;
        let trace_id = self.trace_id.ok_or("trace id is not 16 bytes or all zero")?;
        let span_id = self.span_id.ok_or("span id is not 8 bytes or all zero")?;
        // A span that is its own parent would be a loop of one.
        let parent_span_id = self.parent_span_id.filter(|parent| *parent != span_id);
        let start_ns = self.start_ns.ok_or("start time is missing or beyond the year 2262")?;
        let sent_end_ns = self.end_ns.unwrap_or(start_ns);
        let end_ns = sent_end_ns.max(start_ns);
        for event in events.iter_mut().filter(|event| event.time_ns == 0) {
            event.time_ns = start_ns;
        }
        let kind = span_kind(self.kind);
        let meaning = semantic::span_meaning(self.name, kind, &attributes);
        attributes.extend(meaning.sql.as_ref().map(fingerprint_attribute));
        if sent_end_ns < start_ns {
            let value = AttributeValue::Int(start_ns.saturating_sub(sent_end_ns));
            attributes.push(Attribute { key: ENDED_BEFORE_START.to_owned(), value });
        }
        if !self.trace_state.is_empty() {
            // The key the Jaeger and Zipkin exporters use for it.
            let value = AttributeValue::Text(self.trace_state);
            attributes.push(Attribute { key: "w3c.tracestate".to_owned(), value });
        }
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            resource,
            source: SpanSource::Otel,
            kind,
            op: meaning.op,
            name: meaning.name,
            status: span_status(self.status_code),
            status_message: self.status_message,
            start_ns,
            end_ns,
            is_local_root: is_local_root(parent_span_id, kind, self.flags),
            http_status: meaning.http_status,
            attributes,
            events,
            links: self.links,
            dropped: self
                .dropped_attributes
                .saturating_add(self.dropped_events)
                .saturating_add(self.dropped_links)
                .saturating_add(self.left_out),
            transaction_json: None,
        })
    }
}

pub(super) fn usable_trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::from_slice(bytes).filter(|id| !id.is_zero())
}

pub(super) fn usable_span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::from_slice(bytes).filter(|id| !id.is_zero())
}

pub(super) fn usable_time(unix_ns: u64) -> Option<i64> {
    i64::try_from(unix_ns).ok().filter(|time| *time > 0)
}

/// Unspecified and unknown kinds are internal, as trace.proto asks.
fn span_kind(kind: i32) -> SpanKind {
    match WireKind::try_from(kind) {
        Ok(WireKind::Server) => SpanKind::Server,
        Ok(WireKind::Client) => SpanKind::Client,
        Ok(WireKind::Producer) => SpanKind::Producer,
        Ok(WireKind::Consumer) => SpanKind::Consumer,
        Ok(WireKind::Internal | WireKind::Unspecified) | Err(_) => SpanKind::Internal,
    }
}

fn span_status(code: i32) -> SpanStatus {
    match StatusCode::try_from(code) {
        Ok(StatusCode::Ok) => SpanStatus::Ok,
        Ok(StatusCode::Error) => SpanStatus::Error,
        Ok(StatusCode::Unset) | Err(_) => SpanStatus::Unset,
    }
}

fn is_local_root(parent: Option<SpanId>, kind: SpanKind, flags: u32) -> bool {
    parent.is_none()
        || matches!(kind, SpanKind::Server | SpanKind::Consumer)
        || flags & PARENT_IS_REMOTE == PARENT_IS_REMOTE
}

fn convert_events(events: Vec<Event>, limits: &Limits, dropped: &mut u32) -> Vec<SpanEvent> {
    let mut out = Vec::with_capacity(events.len().min(limits.events_max));
    for event in events {
        if out.len() == limits.events_max {
            *dropped = dropped.saturating_add(1);
            continue;
        }
        *dropped = dropped.saturating_add(event.dropped_attributes_count);
        out.push(SpanEvent {
            name: attribute::cut_bytes(event.name, limits.attribute_text_bytes_max),
            time_ns: usable_time(event.time_unix_nano).unwrap_or(0),
            attributes: attribute::convert_all(event.attributes, limits, dropped),
        });
    }
    out
}

fn convert_links(links: Vec<Link>, limits: &Limits, dropped: &mut u32) -> Vec<SpanLink> {
    let mut out = Vec::with_capacity(links.len().min(limits.events_max));
    for link in links {
        let ids = usable_trace_id(&link.trace_id).zip(usable_span_id(&link.span_id));
        let (Some((trace_id, span_id)), true) = (ids, out.len() < limits.events_max) else {
            *dropped = dropped.saturating_add(1);
            continue;
        };
        *dropped = dropped.saturating_add(link.dropped_attributes_count);
        let attributes = attribute::convert_all(link.attributes, limits, dropped);
        out.push(SpanLink { trace_id, span_id, attributes });
    }
    out
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::Status;

    use super::*;
    use crate::otlp::testing::{LIMITS, wire_span};

    fn converted(change: impl FnOnce(&mut WireSpan)) -> Result<Span, &'static str> {
        let mut wire = wire_span();
        change(&mut wire);
        convert(wire, 0, &LIMITS)
    }

    fn kept(change: impl FnOnce(&mut WireSpan)) -> Span {
        converted(change).expect("usable")
    }

    #[test]
    fn zero_short_and_missing_ids_and_starts_cost_the_span() {
        assert!(converted(|_| ()).is_ok());
        let changes: [fn(&mut WireSpan); 7] = [
            |span| span.trace_id = vec![0; 16],
            |span| span.trace_id = vec![1; 8],
            |span| span.trace_id.clear(),
            |span| span.span_id = vec![0; 8],
            |span| span.span_id = vec![1; 16],
            |span| span.start_time_unix_nano = 0,
            |span| span.start_time_unix_nano = u64::MAX,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert!(converted(change).is_err(), "change {index}");
        }
    }

    #[test]
    fn an_end_before_the_start_or_missing_becomes_the_start() {
        for end in [0, 1, u64::MAX] {
            let span = kept(|span| span.end_time_unix_nano = end);
            assert_eq!(span.end_ns, span.start_ns, "{end}");
            let told = span
                .attributes
                .iter()
                .find(|attribute| attribute.key == ENDED_BEFORE_START)
                .map(|attribute| attribute.value.clone());
            assert_eq!(told, (end == 1).then_some(AttributeValue::Int(span.start_ns - 1)), "{end}");
        }
    }

    #[test]
    fn unusable_parents_are_none() {
        for parent in [vec![], vec![0; 8], vec![1; 3], wire_span().span_id] {
            let span = kept(|span| span.parent_span_id = parent);
            assert_eq!(span.parent_span_id, None);
            assert!(span.is_local_root);
        }
    }

    #[test]
    fn local_roots_are_known_by_parent_kind_or_flags() {
        let with = |kind: WireKind, flags: u32| {
            kept(|span| {
                span.parent_span_id = vec![9; 8];
                span.kind = kind as i32;
                span.flags = flags;
            })
            .is_local_root
        };
        assert!(with(WireKind::Server, 0));
        assert!(with(WireKind::Consumer, 0));
        assert!(with(WireKind::Internal, 0x301));
        assert!(!with(WireKind::Internal, 0x100));
        assert!(!with(WireKind::Internal, 0x200));
        assert!(!with(WireKind::Client, 0));
        assert!(!with(WireKind::Producer, 0));
    }

    #[test]
    fn kinds_and_statuses_outside_the_enum_are_the_default() {
        let span = kept(|span| {
            span.kind = 77;
            span.status = Some(Status { code: -3, message: "odd".into() });
        });
        assert_eq!((span.kind, span.status), (SpanKind::Internal, SpanStatus::Unset));
        assert_eq!(span.status_message, "odd");
        let span = kept(|span| span.status = Some(Status { code: 2, message: String::new() }));
        assert_eq!(span.status, SpanStatus::Error);
    }

    #[test]
    fn events_without_time_get_the_starts_and_bad_links_are_counted() {
        let span = kept(|span| {
            span.dropped_events_count = 2;
            span.events = vec![Event { name: "exception".into(), ..Event::default() }];
            span.links = vec![Link::default(), Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Link::default() }];
        });
        assert_eq!(span.events[0].time_ns, span.start_ns);
        assert_eq!(span.links.len(), 1);
        assert_eq!(span.dropped, 3);
    }

    #[test]
    fn the_trace_state_is_kept_as_an_attribute() {
        let span = kept(|span| span.trace_state = "a=1".into());
        assert_eq!(crate::model::span::text_attribute(&span.attributes, "w3c.tracestate"), Some("a=1"));
    }
}
