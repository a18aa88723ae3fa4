//! Release health: sessions, how they ended, and what a release is known by.
//!
//! Owns the one decision there is: which counter a session stands in, and how a newer word moves it. Knows no clock.

use crate::model::ids::ProjectId;

/// The sessions of one item, all of one release.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionBatch {
    pub release: String,
    /// Empty when the SDK names none.
    pub environment: String,
    /// Single sessions, told of again and again until they end.
    pub updates: Vec<SessionUpdate>,
    /// Sessions counted by the SDK.
    pub buckets: Vec<SessionBucket>,
    /// Tells this delivery from all others, when the request has something to tell it by.
    pub delivery_key: Option<i64>,
}

/// What an SDK says of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionUpdate {
    pub sid: [u8; 16],
    /// Who: the device or user id.
    pub user: Option<String>,
    /// Rises from word to word about the same session; the time in milliseconds when the SDK does not count.
    pub sequence: u64,
    pub timestamp_ms: i64,
    pub started_ms: i64,
    pub fate: SessionFate,
    pub duration_ms: Option<u64>,
}

/// Sessions that started in the same minute.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionBucket {
    pub started_ms: i64,
    pub user: Option<String>,
    pub counts: SessionCounts,
}

/// How a session stands; a later one is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionFate {
    /// Running or ended well, without an error.
    #[default]
    Healthy,
    /// Errors were caught.
    Errored,
    /// An error was not caught, and the process went on.
    Unhandled,
    /// Ended without saying so: a freeze, a kill.
    Abnormal,
    Crashed,
}

/// Sessions by fate; every session stands in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    pub healthy: u64,
    pub errored: u64,
    pub unhandled: u64,
    pub abnormal: u64,
    pub crashed: u64,
}

/// What is known of a single session, and whether a word about it is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    pub sequence: u64,
    pub timestamp_ms: i64,
    pub fate: SessionFate,
    pub duration_ms: Option<u64>,
}

/// A release on one environment in one hour, as counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseHour {
    pub project_id: ProjectId,
    pub release: String,
    pub environment: String,
    pub hour: i64,
    pub event_count: u64,
    pub new_issue_count: u64,
    pub sessions: SessionCounts,
    pub duration_ms_sum: u64,
    pub duration_count: u64,
}

impl SessionFate {
    pub fn code(self) -> i64 {
        self as i64
    }

    pub fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Errored,
            2 => Self::Unhandled,
            3 => Self::Abnormal,
            4 => Self::Crashed,
            _ => Self::Healthy,
        }
    }
}

impl SessionCounts {
    pub fn total(&self) -> u64 {
        self.healthy + self.errored + self.unhandled + self.abnormal + self.crashed
    }

    pub fn add(&mut self, other: &Self) {
        self.healthy += other.healthy;
        self.errored += other.errored;
        self.unhandled += other.unhandled;
        self.abnormal += other.abnormal;
        self.crashed += other.crashed;
    }

    /// The share that did not crash, 0 to 1; `None` without sessions.
    pub fn crash_free_rate(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| 1.0 - self.crashed as f64 / total as f64)
    }
}

impl SessionState {
    /// The last word counts: by sequence, then by time; of two words of the same moment the worse one.
    pub fn is_older_than(&self, other: &Self) -> bool {
        (self.sequence, self.timestamp_ms, self.fate) < (other.sequence, other.timestamp_ms, other.fate)
    }
}

/// The share of users that saw no crash, 0 to 1; `None` without users. Both numbers are estimates.
pub fn crash_free_user_rate(users: u64, crashed_users: u64) -> Option<f64> {
    (users > 0).then(|| (1.0 - crashed_users as f64 / users as f64).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_of_the_same_moment_the_worse() {
        let state = |sequence, timestamp_ms, fate| SessionState { sequence, timestamp_ms, fate, duration_ms: None };
        let ok = state(1, 10, SessionFate::Healthy);
        assert!(ok.is_older_than(&state(2, 5, SessionFate::Healthy)));
        assert!(ok.is_older_than(&state(1, 11, SessionFate::Healthy)));
        assert!(ok.is_older_than(&state(1, 10, SessionFate::Crashed)));
        assert!(!ok.is_older_than(&ok));
        assert!(!state(2, 20, SessionFate::Crashed).is_older_than(&state(1, 30, SessionFate::Healthy)));
    }

    #[test]
    fn fates_come_back_and_rates_need_something_to_divide_by() {
        for fate in [
            SessionFate::Healthy,
            SessionFate::Errored,
            SessionFate::Unhandled,
            SessionFate::Abnormal,
            SessionFate::Crashed,
        ] {
            assert_eq!(SessionFate::from_code(fate.code()), fate);
        }
        assert_eq!(SessionCounts::default().crash_free_rate(), None);
        let counts = SessionCounts { healthy: 3, crashed: 1, ..SessionCounts::default() };
        assert_eq!(counts.crash_free_rate(), Some(0.75));
        assert_eq!((crash_free_user_rate(0, 0), crash_free_user_rate(4, 1)), (None, Some(0.75)));
    }
}
