//! Releases and their health, as listed.

use serde::Serialize;

/// `GET /api/ui/releases?project=<slug>&environment=<name>&query=<text>&period=24h|7d|30d`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReleaseListView {
    /// Seen in the period, the most recently seen first.
    pub releases: Vec<ReleaseRowView>,
    /// All that match, not just those listed: a row for each environment.
    pub total: u64,
    /// All that match, each release once.
    pub version_count: u64,
    /// Of any release; empty texts left out.
    pub environments: Vec<String>,
    /// Sessions of any release that matches were counted in the period.
    pub has_sessions: bool,
    /// Where the first bucket starts, and how long each one is.
    pub start_ms: i64,
    pub bucket_ms: i64,
}

/// A release in one environment of one project; all counts are of the period.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReleaseRowView {
    pub project_slug: String,
    pub version: String,
    /// `null` when the SDK names none.
    pub environment: Option<String>,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    pub event_count: u64,
    /// Issues whose first event was of this release.
    pub new_issue_count: u64,
    pub session_count: u64,
    pub errored_count: u64,
    /// Crashed sessions; `abnormal` and `unhandled` ones stand in `errored_count`.
    pub crashed_count: u64,
    /// 0 to 1; `null` without sessions.
    pub crash_free_sessions: Option<f64>,
    /// Distinct users with a session, estimated; 0 when the SDK does not name them.
    pub user_count: u64,
    /// 0 to 1; `null` without users.
    pub crash_free_users: Option<f64>,
    /// This release's part of all sessions of its project and environment, 0 to 1; `null` without sessions.
    pub adoption: Option<f64>,
    /// `null` when no session said how long it took.
    pub duration_ms_mean: Option<f64>,
    /// Sessions, or events of a release without sessions, oldest first.
    pub buckets: Vec<u64>,
}
