//! Monitors: jobs that are expected to report, what they report, and when that is late.
//!
//! Owns the words (check-in, monitor, environment, incident) and every decision on them: slugs, when a schedule is due,
//! what a result changes. Knows no wire format, no SQL and no clock; the present time is always an argument.

mod incident;
mod schedule;
mod slug;
mod watch;

pub use incident::{Incident, Notice, Tally};
pub use schedule::{IntervalUnit, Schedule, ScheduleError, Zone};
pub use slug::slugify;
pub use watch::{Unwatched, Verdict, judge_missed, judge_timeout};

use crate::model::ids::{CheckInId, TraceId};

/// A monitor nobody named an environment for watches this one.
pub const ENVIRONMENT_DEFAULT: &str = "production";

/// What a monitor is watched by when its code does not say: minutes of lateness and of run time, failures and
/// successes in a row. Sentry's own defaults.
const MARGIN_MIN_DEFAULT: u32 = 1;
const RUNTIME_MIN_DEFAULT: u32 = 30;
const FAILURE_THRESHOLD_DEFAULT: u32 = 1;
const RECOVERY_THRESHOLD_DEFAULT: u32 = 1;
/// Minutes and thresholds sent are cut to these: forty days, and more failures than anybody waits for.
pub const MINUTES_MAX: u32 = 40 * 24 * 60;
pub const THRESHOLD_MAX: u32 = 720;

/// What became of one run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckInStatus {
    InProgress,
    Ok,
    Error,
    /// Nothing came by the time it was due, and its margin.
    Missed,
    /// It began, and did not say within its time that it had ended.
    Timeout,
    /// Nobody can tell: the server was not watching, or the client sent a word of its own.
    Unknown,
}

impl CheckInStatus {
    const ALL: [Self; 6] = [Self::InProgress, Self::Ok, Self::Error, Self::Missed, Self::Timeout, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Missed => "missed",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }

    /// The word as it is kept.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// A client's word: only it knows whether the job runs, went well or failed, and only we whether it is missing.
    pub fn from_client(text: &str) -> Self {
        match text {
            "in_progress" => Self::InProgress,
            "ok" => Self::Ok,
            "error" => Self::Error,
            _ => Self::Unknown,
        }
    }

    pub fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::Missed | Self::Timeout)
    }

    /// The job has said how it ended: nothing that comes later changes it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ok | Self::Error)
    }
}

/// How a monitor is to be watched; every limit resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorConfig {
    /// Without one, nothing is ever missed.
    pub schedule: Option<Schedule>,
    /// How much later than expected a check-in may come, in minutes.
    pub margin_min: u32,
    /// How long a job may run, in minutes.
    pub runtime_min_max: u32,
    /// An IANA name; the schedule is read in it.
    pub timezone: Option<String>,
    /// Failures in a row that make an incident.
    pub failure_threshold: u32,
    /// Successes in a row that end it.
    pub recovery_threshold: u32,
    /// `user:1` or `team:1`, as sent.
    pub owner: Option<String>,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self {
            schedule: None,
            margin_min: MARGIN_MIN_DEFAULT,
            runtime_min_max: RUNTIME_MIN_DEFAULT,
            timezone: None,
            failure_threshold: FAILURE_THRESHOLD_DEFAULT,
            recovery_threshold: RECOVERY_THRESHOLD_DEFAULT,
            owner: None,
        }
    }
}

impl MonitorConfig {
    pub fn margin_ms(&self) -> i64 {
        i64::from(self.margin_min) * 60_000
    }

    pub fn runtime_ms_max(&self) -> i64 {
        i64::from(self.runtime_min_max) * 60_000
    }

    pub fn zone(&self) -> Zone {
        Zone::named(self.timezone.as_deref()).unwrap_or_default()
    }

    /// When the next check-in is due after one that came at `last_ms` (unix milliseconds). One that comes within
    /// `early_ms` before it was due was meant for it.
    pub fn next_expected_ms(&self, last_ms: i64, expected_ms: Option<i64>, early_ms: i64) -> Option<i64> {
        let schedule = self.schedule.as_ref()?;
        let base_ms = match expected_ms {
            Some(due) if last_ms < due && due - last_ms <= early_ms => due,
            _ => last_ms,
        };
        schedule.next_ms(base_ms, &self.zone())
    }
}

/// What a client says about a monitor; where it says nothing there is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentConfig {
    pub schedule: Option<Schedule>,
    pub margin_min: Option<u32>,
    pub runtime_min_max: Option<u32>,
    pub timezone: Option<String>,
    pub failure_threshold: Option<u32>,
    pub recovery_threshold: Option<u32>,
    pub owner: Option<String>,
}

impl SentConfig {
    /// The monitor as it is from now on. With a schedule the client speaks for the whole of it, so that a line taken
    /// out of the code goes back to its default; without one it changes only what it names.
    pub fn applied_to(&self, known: &MonitorConfig) -> MonitorConfig {
        let fallback = if self.schedule.is_some() { &MonitorConfig::default() } else { known };
        MonitorConfig {
            schedule: self.schedule.clone().or_else(|| known.schedule.clone()),
            margin_min: self.margin_min.unwrap_or(fallback.margin_min),
            runtime_min_max: self.runtime_min_max.unwrap_or(fallback.runtime_min_max),
            timezone: self.timezone.clone().or_else(|| fallback.timezone.clone()),
            failure_threshold: self.failure_threshold.unwrap_or(fallback.failure_threshold),
            recovery_threshold: self.recovery_threshold.unwrap_or(fallback.recovery_threshold),
            owner: self.owner.clone().or_else(|| fallback.owner.clone()),
        }
    }
}

/// One report of a job, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckIn {
    /// `None`: the run in progress, else a new one.
    pub id: Option<CheckInId>,
    pub slug: String,
    /// As the client wrote it.
    pub name: String,
    pub status: CheckInStatus,
    pub duration_ms: Option<i64>,
    pub environment: String,
    pub release: Option<String>,
    pub trace_id: Option<TraceId>,
    pub config: Option<SentConfig>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_says_that_something_is_missing() {
        assert_eq!(CheckInStatus::from_client("ok"), CheckInStatus::Ok);
        for word in ["missed", "timeout", "unknown", "OK", ""] {
            assert_eq!(CheckInStatus::from_client(word), CheckInStatus::Unknown, "{word}");
        }
        for status in CheckInStatus::ALL {
            assert_eq!(CheckInStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn a_schedule_brings_the_defaults_back_and_a_part_leaves_the_rest() {
        let known = MonitorConfig { margin_min: 9, failure_threshold: 3, ..MonitorConfig::default() };
        let schedule = Schedule::parse_crontab("0 3 * * *").unwrap();
        let whole = SentConfig { schedule: Some(schedule.clone()), ..SentConfig::default() };
        assert_eq!(whole.applied_to(&known), MonitorConfig { schedule: Some(schedule), ..MonitorConfig::default() });
        let part = SentConfig { failure_threshold: Some(5), ..SentConfig::default() };
        assert_eq!(part.applied_to(&known), MonitorConfig { failure_threshold: 5, ..known });
    }

    #[test]
    fn a_check_in_a_little_early_is_the_one_that_was_due() {
        let every_hour = SentConfig { schedule: Schedule::parse_crontab("0 * * * *").ok(), ..SentConfig::default() };
        let config = every_hour.applied_to(&MonitorConfig::default());
        const HOUR: i64 = 3_600_000;
        assert_eq!(config.next_expected_ms(HOUR - 20_000, Some(HOUR), 30_000), Some(2 * HOUR));
        assert_eq!(config.next_expected_ms(HOUR - 40_000, Some(HOUR), 30_000), Some(HOUR));
        assert_eq!(config.next_expected_ms(HOUR + 40_000, Some(HOUR), 30_000), Some(2 * HOUR));
        assert_eq!(MonitorConfig::default().next_expected_ms(0, None, 0), None);
    }
}
