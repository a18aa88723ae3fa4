//! Time as numbers: unix milliseconds for events, unix nanoseconds for spans, both UTC. Reads no clock.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// RFC 3339 with milliseconds and `Z`, as the Sentry web API prints dates. Out of range prints the epoch.
pub fn rfc3339(unix_ms: i64) -> String {
    let time = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The inverse of [`rfc3339`]; any offset is accepted.
pub fn parse_rfc3339_ns(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// Unix seconds with a fraction, as SDKs send them, to nanoseconds. `None` when not finite or out of range.
pub fn seconds_to_ns(seconds: f64) -> Option<i64> {
    // Split first: f64 holds 1.8e9 seconds with only 0.2 us of precision, so round to microseconds.
    if !seconds.is_finite() || seconds.abs() > 9.0e9 {
        return None;
    }
    Some((seconds * 1e6).round() as i64 * 1000)
}

/// The hour an instant falls in, in hours since the epoch: the bucket of the per-issue history.
pub fn hour_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(3_600_000)
}

/// Days since the epoch, UTC.
pub fn day_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(DAY_MS)
}

pub const MINUTE_MS: i64 = 60_000;

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

pub const DAY_MS: i64 = 86_400_000;

/// Start and end of the calendar month an instant falls in, UTC. Out of range gives 30 days from the epoch.
pub fn month_of(unix_ms: i64) -> (i64, i64) {
    let month = || {
        let time = Timestamp::from_millisecond(unix_ms).ok()?.to_zoned(TimeZone::UTC);
        let start = time.first_of_month().ok()?.start_of_day().ok()?;
        let end = start.checked_add(1.month()).ok()?;
        Some((start.timestamp().as_millisecond(), end.timestamp().as_millisecond()))
    };
    month().unwrap_or((0, 30 * DAY_MS))
}

/// The minute an instant falls in, in minutes since the epoch: the bucket of logs and metrics.
pub fn minute_of(unix_ns: i64) -> i64 {
    unix_ns.div_euclid(60_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_with_milliseconds_and_z() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let ms = |text: &str| parse_rfc3339_ns(text).unwrap() / 1_000_000;
        let february = (ms("2028-02-01T00:00:00Z"), ms("2028-03-01T00:00:00Z"));
        for inside in ["2028-02-01T00:00:00Z", "2028-02-29T23:59:59.999Z"] {
            assert_eq!(month_of(ms(inside)), february, "{inside}");
        }
        assert_eq!(month_of(i64::MAX), (0, 30 * DAY_MS));
    }

    #[test]
    fn dates_with_offsets_are_read() {
        assert_eq!(parse_rfc3339_ns("2023-11-14T23:13:20.000001+01:00"), Some(1_700_000_000_000_001_000));
        assert_eq!(parse_rfc3339_ns("yesterday"), None);
    }

    #[test]
    fn float_seconds_keep_microseconds() {
        assert_eq!(seconds_to_ns(1_700_000_000.123_456), Some(1_700_000_000_123_456_000));
        assert_eq!(seconds_to_ns(f64::NAN), None);
        assert_eq!(seconds_to_ns(1e300), None);
    }
}
