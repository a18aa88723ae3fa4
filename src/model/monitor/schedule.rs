//! When a job is due next: crontab lines and intervals, in a time zone, over daylight saving.
//!
//! Crontab lines follow Vixie cron over daylight saving, as croner has it: a fixed time in the hour that is skipped
//! comes right after it, a fixed time in the hour that repeats comes once, and `*` runs by the clock on the wall.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use thiserror::Error;

/// Characters of a crontab line. The longest sensible ones list every minute of an hour.
const CRONTAB_CHARS_MAX: usize = 255;
/// The number in "every N minutes"; 100 000 minutes are ten weeks, beyond which one counts in days.
const INTERVAL_MAX: u32 = 100_000;

/// 4960-01-01T00:00:00Z
const SEARCH_FROM_S: i64 = 94_355_280_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Five fields or a word such as `@daily`, valid.
    Crontab(String),
    /// Never zero.
    Interval { value: u32, unit: IntervalUnit },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalUnit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl IntervalUnit {
    const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// In the singular or the plural.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let singular = text.strip_suffix('s').unwrap_or(&text);
        Self::ALL.into_iter().find(|unit| unit.as_str() == singular)
    }
}

/// Why a schedule means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScheduleError {
    #[error("\"{0}\" is no crontab schedule: write five fields, such as */5 * * * *, or a word such as @daily")]
    Crontab(String),
    #[error("\"{0}\" never comes: no date fits all five fields")]
    Never(String),
    #[error("an interval must be between 1 and {INTERVAL_MAX}, not {0}")]
    Interval(String),
    #[error("\"{0}\" is no unit: write minute, hour, day, week, month or year")]
    Unit(String),
}

/// A time zone. UTC unless said.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// By its IANA name, in any case; `None` for a name nobody knows.
    pub fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::default()),
            Some(name) => TimeZone::get(name).ok().map(Self),
        }
    }
}

impl Schedule {
    pub fn parse_crontab(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let shown = || text.chars().take(CRONTAB_CHARS_MAX).collect::<String>();
        if text.len() > CRONTAB_CHARS_MAX {
            return Err(ScheduleError::Crontab(shown()));
        }
        let cron = read_crontab(text).ok_or_else(|| ScheduleError::Crontab(shown()))?;
        // The 31st of February is found out here once, not at every tick. croner gives up in the year 5000, and within
        // the forty years before it every date there is comes on every day of the week.
        let start = Timestamp::from_second(SEARCH_FROM_S).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
        match cron.find_next_occurrence(&start, false) {
            Ok(_) => Ok(Self::Crontab(text.split_whitespace().collect::<Vec<_>>().join(" "))),
            Err(_) => Err(ScheduleError::Never(shown())),
        }
    }

    pub fn interval(value: u32, unit: &str) -> Result<Self, ScheduleError> {
        let unit = IntervalUnit::parse(unit).ok_or_else(|| ScheduleError::Unit(unit.chars().take(32).collect()))?;
        if !(1..=INTERVAL_MAX).contains(&value) {
            return Err(ScheduleError::Interval(value.to_string()));
        }
        Ok(Self::Interval { value, unit })
    }

    /// The first time after `after_ms`, in unix milliseconds. `None` when there is none in the calendar.
    pub fn next_ms(&self, after_ms: i64, zone: &Zone) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?.to_zoned(zone.0.clone());
        let next = match self {
            Self::Crontab(text) => read_crontab(text)?.find_next_occurrence(&after, false).ok()?,
            Self::Interval { value, unit } => after.checked_add(span(*value, *unit)).ok()?,
        };
        let next_ms = next.timestamp().as_millisecond();
        (next_ms > after_ms).then_some(next_ms)
    }

    /// `At 03:15`, `Every 2 hours`.
    pub fn words(&self) -> String {
        match self {
            Self::Crontab(text) => read_crontab(text).map(|cron| readable(&cron.describe())).unwrap_or_default(),
            Self::Interval { value: 1, unit } => format!("Every {}", unit.as_str()),
            Self::Interval { value, unit } => format!("Every {value} {}s", unit.as_str()),
        }
    }

    /// `15 3 * * *`, `2 hours`: as it was written.
    pub fn as_written(&self) -> String {
        match self {
            Self::Crontab(text) => text.clone(),
            Self::Interval { value, unit } => {
                format!("{value} {}{}", unit.as_str(), if *value == 1 { "" } else { "s" })
            }
        }
    }
}

/// "At every 5 minutes" is how the parser says it.
fn readable(words: &str) -> String {
    words.strip_prefix("At every").map_or_else(|| words.to_owned(), |rest| format!("Every{rest}"))
}

fn read_crontab(text: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(text).ok()
}

fn span(value: u32, unit: IntervalUnit) -> Span {
    let value = i64::from(value);
    match unit {
        IntervalUnit::Minute => value.minutes(),
        IntervalUnit::Hour => value.hours(),
        IntervalUnit::Day => value.days(),
        IntervalUnit::Week => value.weeks(),
        IntervalUnit::Month => value.months(),
        // A span holds no more; the calendar ends before.
        IntervalUnit::Year => value.min(9_000).years(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[track_caller]
    fn assert_next(schedule: &Schedule, zone: &str, after: &str, expected: &str) {
        let next = schedule.next_ms(ms(after), &Zone::named(Some(zone)).unwrap());
        let next = next.map(|next| Timestamp::from_millisecond(next).unwrap().to_string());
        assert_eq!(next.as_deref(), Some(expected), "{schedule:?} in {zone} after {after}");
    }

    #[test]
    fn crontab_lines_are_read_in_their_zone_and_over_daylight_saving() {
        let berlin = "Europe/Berlin";
        for (line, zone, after, expected) in [
            ("*/5 * * * *", "UTC", "2026-11-21T13:04:59Z", "2026-11-21T13:05:00Z"),
            ("*/5 * * * *", "UTC", "2026-11-21T13:05:00Z", "2026-11-21T13:10:00Z"),
            ("15 3 * * *", berlin, "2026-11-21T13:00:00Z", "2026-11-22T02:15:00Z"),
            ("15 3 * * *", berlin, "2026-07-01T13:00:00Z", "2026-07-02T01:15:00Z"),
            ("0 9 * * MON-FRI", "America/New_York", "2026-11-20T15:00:00Z", "2026-11-23T14:00:00Z"),
            ("0 0 * * 0", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("0 0 * * 7", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            // Day of month or day of week, as Vixie cron has it.
            ("0 0 13 * 5", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z"),
            ("0 0 13 * 5", "UTC", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("@daily", "UTC", "2026-11-21T13:00:00Z", "2026-11-22T00:00:00Z"),
            // 29 March 2026: 02:00 becomes 03:00. A fixed time in the gap comes right after it, on the same day.
            ("30 2 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("30 2 * * *", berlin, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
            ("*/30 * * * *", berlin, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
            // 25 October 2026: 03:00 becomes 02:00. A fixed time comes once, every half hour comes twice.
            ("30 2 * * *", berlin, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("30 2 * * *", berlin, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            ("*/30 * * * *", berlin, "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
            ("*/30 * * * *", berlin, "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
        ] {
            assert_next(&Schedule::parse_crontab(line).unwrap(), zone, after, expected);
        }
    }

    #[test]
    fn days_are_days_of_the_calendar_and_hours_are_hours() {
        let berlin = "Europe/Berlin";
        for (value, unit, after, expected) in [
            (1, "day", "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"),
            (24, "hour", "2026-03-28T08:00:00Z", "2026-03-29T08:00:00Z"),
            (10, "minutes", "2026-03-28T08:00:30Z", "2026-03-28T08:10:30Z"),
            (2, "week", "2026-10-20T08:00:00Z", "2026-11-03T09:00:00Z"),
            (1, "month", "2026-01-31T08:00:00Z", "2026-02-28T08:00:00Z"),
            (1, "year", "2028-02-29T08:00:00Z", "2029-02-28T08:00:00Z"),
        ] {
            assert_next(&Schedule::interval(value, unit).unwrap(), berlin, after, expected);
        }
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for line in ["", "* * * *", "* * * * * *", "60 * * * *", "a b c d e", "@sometimes", &"*".repeat(5_000)] {
            assert!(matches!(Schedule::parse_crontab(line), Err(ScheduleError::Crontab(_))), "{line}");
        }
        assert!(matches!(Schedule::parse_crontab("0 0 31 2 *"), Err(ScheduleError::Never(_))));
        assert!(matches!(Schedule::interval(0, "day"), Err(ScheduleError::Interval(_))));
        assert!(matches!(Schedule::interval(u32::MAX, "day"), Err(ScheduleError::Interval(_))));
        assert!(matches!(Schedule::interval(5, "second"), Err(ScheduleError::Unit(_))));
        assert!(Zone::named(Some("Mars/Base")).is_none());
    }

    #[test]
    fn times_beyond_the_calendar_are_none() {
        for unit in IntervalUnit::ALL {
            let schedule = Schedule::interval(INTERVAL_MAX, unit.as_str()).unwrap();
            let _ = schedule.next_ms(0, &Zone::default());
            assert_eq!(schedule.next_ms(i64::MAX, &Zone::default()), None);
            assert_eq!(schedule.next_ms(ms("9999-12-30T00:00:00Z"), &Zone::default()), None, "{unit:?}");
        }
        assert_eq!(Schedule::parse_crontab("0 0 1 1 *").unwrap().next_ms(i64::MAX, &Zone::default()), None);
    }

    #[test]
    fn no_line_takes_long_to_search() {
        let started = std::time::Instant::now();
        for line in
            ["0 0 31 2 *", "0 0 30 2 MON#5", "59 23 29 2 *", "0 0 31 4,6,9,11 *", "0 0 L 2 MON#5", "0 0 31W 2 *"]
        {
            let _ = Schedule::parse_crontab(line);
        }
        // Forty years are searched, not three thousand: an envelope may carry five hundred of these.
        assert!(started.elapsed() < std::time::Duration::from_millis(600), "{:?}", started.elapsed());
        assert!(Schedule::parse_crontab("0 0 29 2 *").is_ok());
        assert_eq!(Timestamp::from_second(SEARCH_FROM_S).unwrap().to_string(), "4960-01-01T00:00:00Z");
    }

    #[test]
    fn schedules_are_said_in_words() {
        let words = |line: &str| Schedule::parse_crontab(line).unwrap().words();
        assert_eq!(words("15 3 * * *"), "At 03:15.");
        assert!(words("*/5 * * * *").starts_with("Every 5 minutes"), "{}", words("*/5 * * * *"));
        assert_eq!(Schedule::interval(1, "hour").unwrap().words(), "Every hour");
        let two = Schedule::interval(2, "days").unwrap();
        assert_eq!((two.words().as_str(), two.as_written().as_str()), ("Every 2 days", "2 days"));
    }
}
