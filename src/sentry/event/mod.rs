//! One `event` payload to one [`Event`]: the normalisation that columns, grouping and titles rely on.
//!
//! Knows Sentry's rules (protocol notes, section 3), not how events are grouped, scrubbed or kept. The body stays as
//! sent but for what is too large and the client's address; rules that only change what a reader sees are applied when
//! somebody looks (`crate::sentry::detail`).

mod address;
mod amend;
mod facts;
mod fields;
mod message;
mod stack;

use core::net::IpAddr;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::config::event::EVENT_AGE_DAYS_MAX;

use crate::model::event::{Event, EventKind, Level, Message};
use crate::model::ids::{EventId, SpanId, TraceId};
use crate::model::outcome::Reason;
use crate::sentry::Limits;
use crate::sentry::clock::{drift_ns, is_future, time_ns};
use crate::sentry::csp;
use crate::sentry::json::{Flattened, JsonError, Object, Scalar, flatten, read_object};
use crate::sentry::wire::{WireContexts, WireEvent, WireUser};
pub use address::InferIp;
pub(in crate::sentry) use address::{Address, address_of};
use amend::Note;
pub use facts::read_facts;

pub(super) use fields::{
    TAGS_MAX, TagFault, dist, environment, logger, platform, release, sdk_name, tag_fault, tags, url_without_query,
    user_agent,
};
pub(super) use message::{format_values, read_message};
pub(super) use stack::{exception_type_and_value, paths};

/// What surrounds an item: from the envelope, the receiver and the dice.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// `event_id` of the envelope header, which wins over the payload's own.
    pub header_event_id: Option<EventId>,
    /// `sent_at` of the envelope header, unix nanoseconds by the client's clock.
    pub sent_at_ns: Option<i64>,
    /// Unix milliseconds by our clock.
    pub received_ms: i64,
    /// Whoever sent the request, as far as it is known.
    pub client_ip: Option<IpAddr>,
    /// What the envelope header says of addresses.
    pub infer_ip: Option<InferIp>,
    /// Used when nobody gave the event an id.
    pub fresh_id: EventId,
}

/// Why an item could not be used at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ItemError {
    #[error("payload of {bytes} bytes exceeds the limit of {max}")]
    TooLarge { bytes: usize, max: usize },
    #[error(transparent)]
    Json(#[from] JsonError),
    /// An event item that holds a transaction: decode it as one.
    #[error("payload is a transaction")]
    IsTransaction,
    /// An event item that holds what a person wrote: decode it as feedback.
    #[error("payload is feedback")]
    IsFeedback,
    /// A member without which the item means nothing.
    #[error("{field} is missing or invalid: {found:?}")]
    Field { field: &'static str, found: String },
    /// The spans lie outside what time allows.
    #[error("transaction ends before it starts, by {by_ms} ms")]
    EndsBeforeStart { by_ms: i64 },
}

impl ItemError {
    /// Under which heading it is counted.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::TooLarge,
            _ => Reason::Invalid,
        }
    }
}

/// Reads an event. A field of the wrong type or over its limit costs that field, never the event.
pub fn decode_event(payload: &[u8], arrival: &Arrival, limits: &Limits) -> Result<Event, ItemError> {
    if payload.len() > limits.event_bytes_max {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: limits.event_bytes_max });
    }
    match read_event(payload, arrival, limits.depth_max, None) {
        // Most often one variable or extra, which is not worth the event.
        Err(JsonError::TooDeep { max }) => match flatten(payload, max) {
            Some(flat) => read_event(&flat.json, arrival, max, Some(&flat))?,
            None => Err(JsonError::TooDeep { max }.into()),
        },
        read => read?,
    }
}

/// `flat` when the payload is what is left of one that was too deep.
fn read_event(
    payload: &[u8],
    arrival: &Arrival,
    depth_max: usize,
    flat: Option<&Flattened>,
) -> Result<Result<Event, ItemError>, JsonError> {
    let (event, body) = read_object(payload, depth_max, |text| {
        let wire: Object<WireEvent<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        let contexts: Object<WireContexts<'_>> = parse(wire.contexts);
        Ok(match wire.ty.as_str() {
            Some("transaction") => Err(ItemError::IsTransaction),
            _ if is_feedback(&wire, &contexts) => Err(ItemError::IsFeedback),
            _ => {
                let (mut event, address, mut notes) = normalise(&wire, &contexts, arrival);
                notes.extend(flat.map(|flat| too_deep(flat, depth_max)));
                event.body = amend::amend(text, &wire, &address, notes).unwrap_or_default();
                Ok(event)
            }
        })
    })?;
    Ok(event.map(|mut event| {
        if event.body.is_empty() {
            event.body = body.into_owned();
        }
        event
    }))
}

fn too_deep(flat: &Flattened, depth_max: usize) -> Note {
    let more = if flat.count == 1 { String::new() } else { format!(", in {} places", flat.count) };
    Note {
        ty: "value_too_deep",
        path: flat.name.clone().into(),
        reason: format!("what lies deeper than {depth_max} levels was left out{more}"),
        value: None,
    }
}

/// `capture_event` of sentry-python knows no item of the type `feedback`: there it is an event with the context.
fn is_feedback(wire: &WireEvent<'_>, contexts: &Object<WireContexts<'_>>) -> bool {
    let has_words = || {
        let said = contexts.get().and_then(|contexts| contexts.feedback.get());
        said.is_some_and(|said| said.message.text().is_some())
    };
    match wire.ty.as_str() {
        Some("feedback") => true,
        None | Some("default") => wire.exception.members.is_empty() && has_words(),
        Some(_) => false,
    }
}

/// Everything but the body, and what is to be written into it.
fn normalise(
    wire: &WireEvent<'_>,
    contexts: &Object<WireContexts<'_>>,
    arrival: &Arrival,
) -> (Event, Address, Vec<Note>) {
    let exceptions = stack::exceptions(wire);
    let trace = contexts.get().and_then(|contexts| contexts.trace.get());
    let csp = wire.csp.get().map(csp::read);
    let mut tags = fields::tags(&wire.tags);
    if let Some(csp) = &csp {
        csp::add_tags(csp, &mut tags);
    }
    let user: Object<WireUser<'_>> = parse(wire.user);
    let address = address::address(wire, user.get(), arrival);
    let (user_agent, referer) = wire.request.get().map(fields::agent_and_referer).unwrap_or_default();
    let headers = facts::Headers { user_agent: user_agent.as_deref(), referer: referer.as_deref() };
    let more = facts::more(wire, contexts, user.get(), &address, &headers);
    let mut notes = Vec::new();
    let event = Event {
        event_id: event_id(&wire.event_id, arrival),
        kind: kind(wire, !exceptions.is_empty()),
        timestamp_ms: timestamp_ms(&wire.timestamp, arrival, &mut notes),
        level: level(&wire.level),
        platform: fields::platform(&wire.platform),
        logger: fields::logger(&wire.logger).or_else(|| csp.as_ref().map(|_| "csp".to_owned())),
        message: message::of_event(wire)
            .or_else(|| Some(Message { template: None, formatted: csp::message(csp.as_ref()?) })),
        thread_frames: if exceptions.is_empty() { stack::thread_frames(wire) } else { Vec::new() },
        exceptions,
        transaction: wire.transaction.limited(200),
        culprit: wire.culprit.limited(200).or_else(|| csp.as_ref().and_then(csp::culprit)),
        release: fields::release(&wire.release),
        environment: fields::environment(&wire.environment)
            .or_else(|| fields::environment(wire.tags.get("environment")?)),
        server_name: wire.server_name.limited(200),
        request_url: wire.request.get().and_then(|request| fields::url_without_query(&request.url)),
        user_agent,
        tags: fields::with_site(tags, &wire.site),
        user: fields::user_name(user.get(), &address),
        trace_id: trace.and_then(|trace| trace_id(&trace.trace_id)),
        span_id: trace.and_then(|trace| span_id(&trace.span_id)),
        sdk: wire.sdk.get().and_then(fields::sdk_name),
        more: Some(more),
        fingerprint: wire.fingerprint.and_then(fields::fingerprint),
        checksum: wire.checksum.limited(128),
        template: stack::template(wire),
        csp,
        report: None,
        body: Vec::new(),
    };
    (event, address, notes)
}

/// A value of a known shape; its default when something else was sent.
fn parse<'a, T: serde::Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The header's id, else the payload's, else a fresh one.
pub(super) fn event_id(sent: &Scalar<'_>, arrival: &Arrival) -> EventId {
    let own = || sent.as_str().and_then(EventId::parse).filter(|id| !id.is_zero());
    arrival.header_event_id.or_else(own).unwrap_or(arrival.fresh_id)
}

/// `None` for other lengths, other letters and all zeros.
pub(super) fn trace_id(sent: &Scalar<'_>) -> Option<TraceId> {
    sent.as_str().and_then(TraceId::parse).filter(|id| !id.is_zero())
}

/// `None` for other lengths, other letters and all zeros.
pub(super) fn span_id(sent: &Scalar<'_>) -> Option<SpanId> {
    sent.as_str().and_then(SpanId::parse).filter(|id| !id.is_zero())
}

fn kind(wire: &WireEvent<'_>, has_exception: bool) -> EventKind {
    if has_exception {
        EventKind::Error
    } else if wire.csp.get().is_some() {
        EventKind::Csp
    } else {
        wire.ty
            .as_str()
            .and_then(EventKind::parse)
            .filter(|kind| *kind != EventKind::Error)
            .unwrap_or(EventKind::Default)
    }
}

/// As of an event, by nobody told what was odd about it.
pub(super) fn time_ms(sent: &Scalar<'_>, arrival: &Arrival) -> i64 {
    timestamp_ms(sent, arrival, &mut Vec::new())
}

/// When it happened by our clock; the time of receipt when the client does not say or cannot know.
fn timestamp_ms(sent: &Scalar<'_>, arrival: &Arrival, notes: &mut Vec<Note>) -> i64 {
    let mut note = |ty: &'static str, reason: &str, value: String| {
        notes.push(Note { ty, path: "timestamp".into(), reason: reason.to_owned(), value: Some(value) });
    };
    let shown = || serde_json::to_string(&sent.limited(64)).unwrap_or_else(|_| "null".to_owned());
    let Some(time) = time_ns(sent) else {
        if *sent != Scalar::Absent {
            note("invalid_data", "not a time; the time of receipt stands in for it", shown());
        }
        return arrival.received_ms;
    };
    let drift = drift_ns(arrival.sent_at_ns, arrival.received_ms);
    if drift != 0 {
        // The reader moves breadcrumbs by as much.
        note(CLOCK_DRIFT, &drift_words(drift), (drift / 1_000_000).to_string());
    }
    let time = time.saturating_add(drift);
    let time_ms = time.div_euclid(1_000_000);
    if is_future(time, arrival.received_ms) {
        note("future_timestamp", "later than its receipt, which stands in for it", shown());
    } else if time_ms < arrival.received_ms.saturating_sub(EVENT_AGE_DAYS_MAX * 86_400_000) {
        note("past_timestamp", "over 30 days before its receipt, which stands in for it", shown());
    } else {
        return time_ms;
    }
    arrival.received_ms
}

/// `all times were moved forward by 3 h 20 min 5 s, the error of the client's clock`
fn drift_words(drift_ns: i64) -> String {
    let seconds = drift_ns.unsigned_abs() / 1_000_000_000;
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    let way = if drift_ns < 0 { "back" } else { "forward" };
    format!("all times were moved {way} by {}, the error of the client's clock", parts.join(" "))
}

/// The name of the remark that a client's clock was wrong; its value says by how many milliseconds.
pub(super) const CLOCK_DRIFT: &str = "clock_drift";

/// Sentry's words, two synonyms and Python's numbers; whatever else is sent is an error.
fn level(sent: &Scalar<'_>) -> Level {
    match sent {
        Scalar::Text(text) => match text.as_ref() {
            "critical" => Level::Fatal,
            "log" => Level::Info,
            text => Level::parse(text).unwrap_or(Level::Error),
        },
        _ => match sent.unsigned() {
            Some(10) => Level::Debug,
            Some(20) => Level::Info,
            Some(30) => Level::Warning,
            Some(50) => Level::Fatal,
            _ => Level::Error,
        },
    }
}

#[cfg(test)]
mod tests;
