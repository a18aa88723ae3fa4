//! Issues as listed and as a page.

use serde::Serialize;

use crate::model::workflow::Standing;

/// `GET /api/ui/issues?project=<slug>&environment=<name>&query=<text>&status=unresolved|all&sort=last_seen|first_seen|events&cursor=<opaque>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueListView {
    pub issues: Vec<IssueRowView>,
    /// Pass back as `cursor` for the next page; `null` at the end.
    pub next_cursor: Option<String>,
    /// All issues that match, not just this page.
    pub total: u64,
    /// Where issues were seen, to choose from.
    pub environments: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueRowView {
    pub id: String,
    /// `DEFAULT-12`; what URLs use.
    pub short_id: String,
    pub project_slug: String,
    pub title: String,
    /// Exception type, when there is one; the list shows it bold before `value`.
    pub ty: Option<String>,
    pub value: Option<String>,
    /// The route or the place in the code.
    pub culprit: String,
    pub filename: Option<String>,
    pub function: Option<String>,
    pub line: Option<u64>,
    /// `fatal`, `error`, `warning`, `info`, `debug`.
    pub level: String,
    pub platform: String,
    /// `unresolved`, `resolved`, `ignored`.
    pub status: String,
    pub is_unhandled: bool,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    pub event_count: u64,
    pub user_count: u64,
    pub first_release: Option<String>,
    pub last_release: Option<String>,
    /// Events per hour of the last 24 hours, oldest first; always 24 numbers.
    pub hours: Vec<u64>,
    /// `new`, `regressed`, `ongoing`; empty for what is not unresolved.
    pub substatus: String,
    /// How it is resolved or ignored.
    pub status_detail: Option<StatusDetailView>,
    pub assignee: Option<String>,
    /// `low`, `medium`, `high`.
    pub priority: String,
    pub is_bookmarked: bool,
    pub comment_count: u64,
    /// Issues that are shown as this one.
    pub merged_count: u64,
    /// When people, or events that reopened it, last changed its status or what people decide; pass back as `seen_ms` of an
    /// action.
    pub changed_ms: i64,
}

/// How an issue is resolved or ignored.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatusDetailView {
    /// `now`, `next_release`, `release`, `forever`, `until_time`, `until_events`, `until_users`.
    pub kind: String,
    /// The release it is resolved in; of `next_release` the one after which it is.
    pub release: Option<String>,
    pub until_ms: Option<i64>,
    /// Events or users to come.
    pub count: Option<u64>,
    /// How many of these have come.
    pub seen: Option<u64>,
    /// Of `until_events`: within how long they must come.
    pub window_minutes: Option<u32>,
    pub by: Option<String>,
    pub at_ms: i64,
}

impl StatusDetailView {
    pub fn of(standing: Standing) -> Self {
        Self {
            kind: standing.kind,
            release: standing.release,
            until_ms: standing.until_ms,
            count: standing.count,
            seen: standing.seen,
            window_minutes: standing.window_minutes,
            by: standing.by,
            at_ms: standing.at_ms,
        }
    }
}

/// `GET /api/ui/issues/<short id or id>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueView {
    pub issue: IssueRowView,
    /// Events per day of the last 30 days, oldest first; always 30 numbers.
    pub days: Vec<u64>,
    /// Messages of people about any of its events.
    pub feedback_count: u64,
    /// Of the oldest event that is still here; `null` when none is: the numbers of an issue outlive its events.
    pub oldest_event_ms: Option<i64>,
    /// How long events are kept; 0: as long as there is room.
    pub keep_days: u32,
}
