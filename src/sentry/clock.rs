//! Times as SDKs write them, and what to do when a client's clock is wrong.
//!
//! Reads no clock itself: the time of receipt is a parameter. Protocol notes, section 3.2.

use crate::model::time::{parse_rfc3339_ns, seconds_to_ns};
use crate::sentry::json::Scalar;

/// Below this a client's clock is believed; SDKs do not correct for the time a request takes.
const DRIFT_MIN_NS: i64 = 55 * 60 * 1_000_000_000;
/// Further ahead than this an event cannot have happened yet.
const FUTURE_MAX_NS: i64 = 60 * 1_000_000_000;

/// The attribute of a span or log whose times were moved: by how many milliseconds.
pub(super) const CLOCK_SHIFT: &str = "trapline.clock_shift_ms";

/// Unix nanoseconds of an RFC 3339 text (`T` required, UTC when it has no zone) or of float seconds. `None` for
/// anything else, numbers in quotes included: Sentry refuses those too.
pub(super) fn time_ns(sent: &Scalar<'_>) -> Option<i64> {
    match sent {
        Scalar::Int(n) => seconds_to_ns(*n as f64),
        Scalar::UInt(n) => seconds_to_ns(*n as f64),
        Scalar::Float(n) => seconds_to_ns(*n),
        Scalar::Text(text) => text_ns(text),
        _ => None,
    }
}

fn text_ns(text: &str) -> Option<i64> {
    // The longest sensible form is 2026-01-01T00:00:00.000000000+00:00.
    if text.len() > 40 || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let has_zone = text.ends_with(['Z', 'z']) || text[11..].contains(['+', '-']);
    if has_zone { parse_rfc3339_ns(text) } else { parse_rfc3339_ns(&format!("{text}Z")) }
}

/// How far to move every time of a payload: the client's clock error, when it is too big to be the time a request took.
pub(super) fn drift_ns(sent_at_ns: Option<i64>, received_ms: i64) -> i64 {
    let Some(sent_at_ns) = sent_at_ns else { return 0 };
    let drift = received_ms.saturating_mul(1_000_000).saturating_sub(sent_at_ns);
    if drift.saturating_abs() >= DRIFT_MIN_NS { drift } else { 0 }
}

/// Whether this instant lies too far after the receipt to be true.
pub(super) fn is_future(time_ns: i64, received_ms: i64) -> bool {
    time_ns > received_ms.saturating_mul(1_000_000).saturating_add(FUTURE_MAX_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<i64> {
        time_ns(&Scalar::Text(text.into()))
    }

    #[test]
    fn times_come_as_text_with_and_without_zone_and_as_seconds() {
        assert_eq!(text("2023-11-14T22:13:20.5Z"), Some(1_700_000_000_500_000_000));
        assert_eq!(text("2023-11-14T22:13:20.5"), Some(1_700_000_000_500_000_000));
        assert_eq!(text("2023-11-14T23:13:20+01:00"), Some(1_700_000_000_000_000_000));
        assert_eq!(time_ns(&Scalar::UInt(1_700_000_000)), Some(1_700_000_000_000_000_000));
        assert_eq!(time_ns(&Scalar::Float(1_700_000_000.25)), Some(1_700_000_000_250_000_000));
    }

    #[test]
    fn other_texts_are_no_times() {
        for wrong in
            ["", "1700000000", "2023-11-14 22:13:20", "2023-11-14", "2023-13-14T22:13:20Z", "äöüäöT", "2023-11-1äT1"]
        {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_large_clock_errors_are_corrected() {
        let minute = 60_000_000_000;
        assert_eq!(drift_ns(None, 1000), 0);
        assert_eq!(drift_ns(Some(0), 54 * 60_000), 0);
        assert_eq!(drift_ns(Some(0), 55 * 60_000), 55 * minute);
        assert_eq!(drift_ns(Some(60 * minute), 0), -60 * minute);
        assert_eq!(drift_ns(Some(i64::MIN), i64::MAX), i64::MAX);
    }

    #[test]
    fn a_minute_ahead_is_still_believed() {
        assert!(!is_future(60_000_000_000, 0));
        assert!(is_future(60_000_000_001, 0));
    }
}
