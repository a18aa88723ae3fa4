//! Monitors: jobs that are expected to report, and their check-ins.

use serde::Serialize;

/// `GET /api/ui/monitors?project=<slug>&cursor=<opaque>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MonitorListView {
    /// By slug.
    pub monitors: Vec<MonitorView>,
    pub next_cursor: Option<String>,
    pub total: u64,
}

/// Also `GET /api/ui/monitors/<slug>?project=<slug>`; without a project the first that has a monitor of that slug.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MonitorView {
    pub slug: String,
    /// As the code spells it.
    pub name: String,
    pub project_slug: String,
    /// `crontab` or `interval`; `null` when nobody said, and then nothing is ever missed.
    pub schedule_type: Option<String>,
    /// `15 3 * * *`, `2 hours`: as it was written.
    pub schedule: Option<String>,
    /// `At 03:15`, `Every 2 hours`
    pub schedule_words: Option<String>,
    /// `UTC` unless said.
    pub timezone: String,
    pub margin_min: u32,
    pub runtime_min_max: u32,
    pub failure_threshold: u32,
    pub recovery_threshold: u32,
    pub owner: Option<String>,
    pub created_ms: i64,
    pub environments: Vec<MonitorEnvironmentView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MonitorEnvironmentView {
    pub name: String,
    /// `failing` in an incident, `shaky` with failures too few for one, `ok`, `waiting` before the first result.
    pub state: String,
    /// The newest check-in has not ended.
    pub is_running: bool,
    /// In a row.
    pub failures: u32,
    pub incident_since_ms: Option<i64>,
    /// The issue its failures are events of, when there ever was one.
    pub short_id: Option<String>,
    pub next_expected_ms: Option<i64>,
    /// The end of the margin after that.
    pub overdue_ms: Option<i64>,
    pub last_check_in_ms: Option<i64>,
    /// Of the last run that ended.
    pub last_duration_ms: Option<i64>,
    /// The last ones, newest first.
    pub check_ins: Vec<CheckInView>,
}

/// `GET /api/ui/monitors/<slug>/checkins?project=<slug>&environment=<name>&cursor=<opaque>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckInListView {
    /// Newest first.
    pub check_ins: Vec<CheckInView>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckInView {
    pub check_in_id: String,
    pub environment: String,
    /// `in_progress`, `ok`, `error`, `missed`, `timeout`, `unknown`.
    pub status: String,
    /// When it began; for one that did not come, when it was due.
    pub started_ms: i64,
    pub finished_ms: Option<i64>,
    /// The time of the schedule it stands for.
    pub expected_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    /// Why nobody can tell: nothing could reach the server from here to there.
    pub unwatched_from_ms: Option<i64>,
    pub unwatched_to_ms: Option<i64>,
    pub release: Option<String>,
    pub trace_id: Option<String>,
    /// Spans of that trace are stored, so the link leads somewhere. Only told in `checkins`.
    pub has_trace: bool,
}
