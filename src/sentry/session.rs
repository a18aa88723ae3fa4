//! `session` and `sessions` items: one session told of as it goes, or many counted by the SDK.
//!
//! Knows Sentry's shapes (protocol notes, section 3.6). A session without a release says nothing about any release and is
//! refused; a bucket that cannot be used costs that bucket.

use crate::config::{SESSION_AGE_MAX_DAYS, SESSION_BUCKET_COUNT_MAX, SESSION_BUCKETS_MAX, SESSIONS_BYTES_MAX};
use crate::model::decoded::Refusal;
use crate::model::ids::EventId;
use crate::model::outcome::Reason;
use crate::model::session::{SessionBatch, SessionBucket, SessionCounts, SessionFate, SessionUpdate};
use crate::sentry::Limits;
use crate::sentry::clock::{drift_ns, is_future, time_ns};
use crate::sentry::event::{Arrival, ItemError, environment, release};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Listed, Object, Scalar, read_object, wire_object};

/// Characters of a device or user id; it is only hashed.
const USER_CHARS_MAX: usize = 256;
const DAY_MS: i64 = 24 * 3_600_000;
/// A session that seems to have run for longer than its state is kept is one with a broken clock.
const DURATION_MAX_S: f64 = (SESSION_AGE_MAX_DAYS * 24 * 3600) as f64;

/// What an item held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionsDecoded {
    /// Without a delivery key; the caller knows the request.
    pub batch: SessionBatch,
    pub refused: Vec<Refusal>,
}

wire_object! {
    WireSession {
        sid: Scalar<'a> = "sid",
        did: Scalar<'a> = "did",
        seq: Scalar<'a> = "seq",
        timestamp: Scalar<'a> = "timestamp",
        started: Scalar<'a> = "started",
        status: Scalar<'a> = "status",
        errors: Scalar<'a> = "errors",
        duration: Scalar<'a> = "duration",
        attrs: Object<WireAttributes<'a>> = "attrs",
    }
}

wire_object! {
    WireSessions {
        attrs: Object<WireAttributes<'a>> = "attrs",
        aggregates: Listed<WireBucket<'a>, SESSION_BUCKETS_MAX, 0> = "aggregates",
    }
}

wire_object! {
    WireAttributes {
        release: Scalar<'a> = "release",
        environment: Scalar<'a> = "environment",
    }
}

wire_object! {
    WireBucket {
        started: Scalar<'a> = "started",
        did: Scalar<'a> = "did",
        exited: Scalar<'a> = "exited",
        errored: Scalar<'a> = "errored",
        unhandled: Scalar<'a> = "unhandled",
        abnormal: Scalar<'a> = "abnormal",
        crashed: Scalar<'a> = "crashed",
    }
}

/// Reads a `session` item.
pub fn decode_session(payload: &[u8], arrival: &Arrival, limits: &Limits) -> Result<SessionsDecoded, ItemError> {
    check_size(payload, limits)?;
    let (decoded, _) = read_object(payload, limits.depth_max, |text| {
        let wire: Object<WireSession<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        Ok(empty_batch(&wire.attrs).and_then(|mut decoded| {
            match session(&wire, arrival)? {
                Some(update) => decoded.batch.updates.push(update),
                None => refuse_old(&mut decoded, 1),
            }
            Ok(decoded)
        }))
    })?;
    decoded
}

/// Reads a `sessions` item.
pub fn decode_sessions(payload: &[u8], arrival: &Arrival, limits: &Limits) -> Result<SessionsDecoded, ItemError> {
    check_size(payload, limits)?;
    let (decoded, _) = read_object(payload, limits.depth_max, |text| {
        let wire: Object<WireSessions<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        Ok(empty_batch(&wire.attrs).map(|mut decoded| {
            for bucket in &wire.aggregates.members {
                let counts = counts(bucket);
                match started_ms(&bucket.started, arrival) {
                    Some(started_ms) if is_recent(started_ms, arrival) => {
                        // A bucket of nothing says nothing.
                        if counts.total() > 0 {
                            decoded.batch.buckets.push(SessionBucket { started_ms, user: user(&bucket.did), counts });
                        }
                    }
                    Some(_) => refuse_old(&mut decoded, counts.total().max(1)),
                    None => {
                        refuse(&mut decoded, Reason::Invalid, "started is missing or invalid", counts.total().max(1))
                    }
                }
            }
            if wire.aggregates.omitted > 0 {
                refuse(&mut decoded, Reason::TooLarge, "more buckets than one item may have", wire.aggregates.omitted);
            }
            decoded
        }))
    })?;
    decoded
}

/// Tells a delivery from all others by what its envelope says of itself. Python's session envelopes say nothing: there
/// the same bytes may well be the next process with the same counts.
pub(super) fn delivery_key(payload: &[u8], event_id: Option<EventId>, sent_at_ns: Option<i64>) -> Option<i64> {
    if event_id.is_none() && sent_at_ns.is_none() {
        return None;
    }
    let mut named = Vec::with_capacity(24 + payload.len());
    named.extend_from_slice(&event_id.unwrap_or(EventId([0; 16])).0);
    named.extend_from_slice(&sent_at_ns.unwrap_or(0).to_le_bytes());
    named.extend_from_slice(payload);
    Some(xxhash_rust::xxh3::xxh3_64(&named).cast_signed())
}

fn check_size(payload: &[u8], limits: &Limits) -> Result<(), ItemError> {
    let max = SESSIONS_BYTES_MAX.min(limits.item_bytes_max);
    if payload.len() > max { Err(ItemError::TooLarge { bytes: payload.len(), max }) } else { Ok(()) }
}

fn empty_batch(attrs: &Object<WireAttributes<'_>>) -> Result<SessionsDecoded, ItemError> {
    let none = WireAttributes::default();
    let attrs = attrs.get().unwrap_or(&none);
    let release = release(&attrs.release).ok_or_else(|| missing("attrs.release", &attrs.release))?;
    let environment = environment(&attrs.environment).unwrap_or_default();
    Ok(SessionsDecoded { batch: SessionBatch { release, environment, ..SessionBatch::default() }, refused: Vec::new() })
}

/// `None` when it started too long ago.
fn session(wire: &WireSession<'_>, arrival: &Arrival) -> Result<Option<SessionUpdate>, ItemError> {
    let sid = wire.sid.as_str().and_then(EventId::parse).filter(|sid| !sid.is_zero());
    let sid = sid.ok_or_else(|| missing("sid", &wire.sid))?.0;
    let said_ms = started_ms(&wire.timestamp, arrival);
    let timestamp_ms = said_ms.unwrap_or(arrival.received_ms);
    let started_ms = started_ms(&wire.started, arrival).or(said_ms).ok_or_else(|| missing("started", &wire.started))?;
    if !is_recent(started_ms, arrival) {
        return Ok(None);
    }
    Ok(Some(SessionUpdate {
        sid,
        user: user(&wire.did),
        sequence: wire.seq.unsigned().unwrap_or_else(|| timestamp_ms.max(0) as u64).min(i64::MAX as u64),
        timestamp_ms,
        started_ms,
        fate: fate(&wire.status, &wire.errors),
        duration_ms: duration_ms(&wire.duration),
    }))
}

fn fate(status: &Scalar<'_>, errors: &Scalar<'_>) -> SessionFate {
    match status.as_str().unwrap_or("ok") {
        "crashed" => SessionFate::Crashed,
        "abnormal" => SessionFate::Abnormal,
        "unhandled" => SessionFate::Unhandled,
        "errored" => SessionFate::Errored,
        _ if errors.unsigned().unwrap_or(0) > 0 => SessionFate::Errored,
        _ => SessionFate::Healthy,
    }
}

fn counts(bucket: &WireBucket<'_>) -> SessionCounts {
    let count = |sent: &Scalar<'_>| sent.unsigned().unwrap_or(0).min(SESSION_BUCKET_COUNT_MAX);
    SessionCounts {
        healthy: count(&bucket.exited),
        errored: count(&bucket.errored),
        unhandled: count(&bucket.unhandled),
        abnormal: count(&bucket.abnormal),
        crashed: count(&bucket.crashed),
    }
}

fn user(sent: &Scalar<'_>) -> Option<String> {
    sent.limited(USER_CHARS_MAX)
}

/// Seconds with a fraction.
fn duration_ms(sent: &Scalar<'_>) -> Option<u64> {
    let seconds = match sent {
        Scalar::Int(n) => *n as f64,
        Scalar::UInt(n) => *n as f64,
        Scalar::Float(n) => *n,
        _ => return None,
    };
    (0.0..=DURATION_MAX_S).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

/// By the server's clock; what has not happened yet happens now.
fn started_ms(sent: &Scalar<'_>, arrival: &Arrival) -> Option<i64> {
    let time = time_ns(sent)?.saturating_add(drift_ns(arrival.sent_at_ns, arrival.received_ms));
    Some(if is_future(time, arrival.received_ms) { arrival.received_ms } else { time / 1_000_000 })
}

fn is_recent(started_ms: i64, arrival: &Arrival) -> bool {
    started_ms >= arrival.received_ms.saturating_sub(SESSION_AGE_MAX_DAYS * DAY_MS)
}

fn refuse_old(decoded: &mut SessionsDecoded, quantity: u64) {
    let problem = format!("started more than {SESSION_AGE_MAX_DAYS} days ago");
    refuse(decoded, Reason::TooOld, &problem, quantity);
}

fn refuse(decoded: &mut SessionsDecoded, reason: Reason, problem: &str, quantity: u64) {
    match decoded.refused.iter_mut().find(|refusal| refusal.detail == problem) {
        Some(refusal) => refusal.quantity = refusal.quantity.saturating_add(quantity),
        None => {
            let (category, detail) = ("session".to_owned(), problem.to_owned());
            decoded.refused.push(Refusal { category, reason, detail, quantity });
        }
    }
}

fn missing(field: &'static str, found: &Scalar<'_>) -> ItemError {
    ItemError::Field { field, found: found.text().map(|text| cut(&text, 64)).unwrap_or_default() }
}

#[cfg(test)]
mod tests;
