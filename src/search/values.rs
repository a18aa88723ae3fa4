//! Numbers, durations, sizes and times as people write them.
//!
//! Pure readers of one value each, and how each is written so that it is read back. Know no keys.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::model::time::rfc3339;

/// 1 ns to a week; the first name is the one that is written. `m` is a minute here.
const UNITS: [(&[&str], i64); 8] = [
    (&["w", "wk", "week", "weeks"], 604_800_000_000_000),
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["h", "hr", "hour", "hours"], 3_600_000_000_000),
    (&["min", "m", "minute", "minutes"], 60_000_000_000),
    (&["s", "sec", "second", "seconds"], 1_000_000_000),
    (&["ms"], 1_000_000),
    (&["us", "µs", "μs"], 1_000),
    (&["ns"], 1),
];

const SIZES: [(&str, f64); 9] = [
    ("b", 1.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
];

/// `1.5`, `-3`, `1e6`: nothing else that Rust would take for a number.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse().ok().filter(|number: &f64| is_number && number.is_finite())
}

/// Digits and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !(char.is_ascii_digit() || matches!(char, '.' | '-' | '+'))).unwrap_or(text.len());
    text.split_at(end)
}

/// With `k`, `m` or `b`: thousands, millions, billions.
pub(super) fn number(text: &str) -> Option<f64> {
    if let Some(number) = plain_number(text) {
        return Some(number);
    }
    let (digits, unit) = split_unit(text);
    let factor = match unit {
        "k" | "K" => 1e3,
        "m" | "M" => 1e6,
        "b" | "B" => 1e9,
        _ => return None,
    };
    Some(plain_number(digits)? * factor).filter(|number| number.is_finite())
}

/// In bytes, with its unit: `10mb`, `4KiB`.
pub(super) fn size(text: &str) -> Option<f64> {
    let (digits, unit) = split_unit(text);
    let (_, bytes) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some(plain_number(digits)? * bytes).filter(|number| number.is_finite())
}

/// With its unit: `300ms`, `1.5s`, `2min`, also `1h30m`.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, behind) = split_unit(rest);
        let len = behind.find(|char: char| char.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, after) = behind.split_at(len);
        if digits.starts_with(['-', '+']) {
            return None;
        }
        let (_, ns) = UNITS.iter().find(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(unit)))?;
        let part = match digits.parse::<i64>() {
            Ok(whole) => whole.checked_mul(*ns)?,
            Err(_) => {
                let exact = plain_number(digits)? * *ns as f64;
                if exact >= i64::MAX as f64 {
                    return None;
                }
                exact.round() as i64
            }
        };
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// In the largest unit of which it is a whole number.
pub(super) fn written_duration(ns: i64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| ns != 0 && ns % unit == 0);
    match unit {
        Some((names, unit)) => format!("{}{}", ns / unit, names[0]),
        None => "0ms".to_string(),
    }
}

/// `-24h` and `+7d`: how long ago, and whether what is older is meant.
pub(super) fn relative_ns(text: &str) -> Option<(bool, i64)> {
    let (is_older, rest) = match text.split_at_checked(1)? {
        ("-", rest) => (false, rest),
        ("+", rest) => (true, rest),
        _ => return None,
    };
    Some((is_older, duration_ns(rest)?))
}

/// Earliest and latest time taken: the years 1970 to 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// The stretch a written time stands for, its end excluded: a day, a minute, a second or a millisecond. Without an offset
/// UTC is meant. Numbers are unix seconds or milliseconds.
pub(super) fn stretch_ms(text: &str) -> Option<(i64, i64)> {
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let (from, step) = if text.len() <= 11 { (number.checked_mul(1_000)?, 1_000) } else { (number, 1) };
        return (from <= TIME_MS_MAX).then_some((from, from + step));
    }
    let (date, time) = match text.split_at_checked(10)? {
        (date, "") => (date, None),
        (date, time) => (date, Some(time.strip_prefix(['T', 't', ' '])?)),
    };
    let mut numbers = date.split('-').map(|part| part.parse::<i16>().ok().filter(|number| *number >= 0));
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() {
        return None;
    }
    let (clock, offset_s) = split_offset(time.unwrap_or("00:00"))?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i8>().ok().filter(|number| *number >= 0));
    let hour = parts.next()??;
    let minute = parts.next()??;
    let second = parts.next();
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    let step = match (time, second, fraction) {
        (None, ..) => 86_400_000,
        (_, None, "") => 60_000,
        (_, Some(_), "") => 1_000,
        (_, Some(_), _) => 1,
        _ => return None,
    };
    let second = match second {
        Some(second) => second?,
        None => 0,
    };
    let millis: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let local = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let from = Offset::from_seconds(offset_s).ok()?.to_timestamp(local).ok()?.as_millisecond() + millis;
    (0..=TIME_MS_MAX).contains(&from).then_some((from, from + step))
}

/// A time of day and its offset in seconds.
fn split_offset(time: &str) -> Option<(&str, i32)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, offset) = time.split_at(at);
    let digits: String = offset[1..].chars().filter(|char| *char != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let seconds = hours * 3_600 + minutes * 60;
    Some((clock, if offset.starts_with('-') { -seconds } else { seconds }))
}

/// So long before now, no further back than times go.
pub(super) fn before(now_ms: i64, ago_ns: i64) -> i64 {
    now_ms.saturating_sub(ago_ns / 1_000_000).clamp(0, TIME_MS_MAX)
}

pub(super) fn written_time(ms: i64) -> String {
    rfc3339(ms.clamp(0, TIME_MS_MAX))
}

pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_suffixes() {
        for (text, expected) in [
            ("5", Some(5.0)),
            ("-1.5", Some(-1.5)),
            ("1e6", Some(1e6)),
            ("5k", Some(5_000.0)),
            ("1.5M", Some(1.5e6)),
            ("2b", Some(2e9)),
            ("", None),
            ("k", None),
            ("5x", None),
            ("inf", None),
            ("nan", None),
            ("1e999", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!((size("10mb"), size("4KiB"), size("7")), (Some(1e7), Some(4096.0), None));
    }

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("300ms", Some(300_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2min", Some(120_000_000_000)),
            ("2m", Some(120_000_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1w", Some(604_800_000_000_000)),
            ("20µs", Some(20_000)),
            ("5", None),
            ("", None),
            ("ms", None),
            ("-5s", None),
            ("99999999999w", None),
            ("1e9d", None),
        ] {
            assert_eq!(duration_ns(text), expected, "{text}");
        }
        for ns in [0, 1, 1_000, 300_000_000, 90_000_000_000, 604_800_000_000_000, i64::MAX] {
            assert_eq!(duration_ns(&written_duration(ns)), Some(ns));
        }
        assert_eq!(
            (relative_ns("-24h"), relative_ns("+1s")),
            (Some((false, 86_400_000_000_000)), Some((true, 1_000_000_000)))
        );
        assert_eq!((relative_ns("24h"), relative_ns(""), relative_ns("é")), (None, None, None));
    }

    #[test]
    fn times_stand_for_as_much_as_they_say() {
        let day = 1_793_491_200_000; // 2026-11-01
        for (text, expected) in [
            ("2026-11-01", Some((day, day + 86_400_000))),
            ("2026-11-01T10:00", Some((day + 36_000_000, day + 36_060_000))),
            ("2026-11-01 10:00:00", Some((day + 36_000_000, day + 36_001_000))),
            ("2026-11-01T10:00:00.5Z", Some((day + 36_000_500, day + 36_000_501))),
            ("2026-11-01T10:00:00.123456+02:00", Some((day + 28_800_123, day + 28_800_124))),
            ("2026-11-01T10:00:00-0130", Some((day + 41_400_000, day + 41_401_000))),
            ("1793491200", Some((day, day + 1_000))),
            ("1793491200000", Some((day, day + 1))),
            ("2026-13-01", None),
            ("2026-11-31", None),
            ("2026-11-01T25:00", None),
            ("2026-11-01T10", None),
            ("2026-11-01X10:00", None),
            ("2026-11-01T10:00.5", None),
            ("1969-12-31", None),
            ("yesterday", None),
            ("2026-11-0é", None),
            ("", None),
        ] {
            assert_eq!(stretch_ms(text), expected, "{text}");
        }
        assert_eq!(stretch_ms(&written_time(day + 123)), Some((day + 123, day + 124)));
        assert_eq!(before(5, i64::MAX), 0);
    }
}
