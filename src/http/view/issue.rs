//! Issues as listed and as a page.

use serde::Serialize;

use crate::model::workflow::Standing;

/// `GET /api/ui/issues?query=<search>&project=<slug>&environment=&release=&range=|from=&to=&sort=last_seen|first_seen|events|users|trend|priority&cursor=<opaque>`
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
    /// The newest, to choose from.
    pub releases: Vec<String>,
    /// Why not everything that matches is among it, when that is so.
    pub partial: Option<String>,
    /// Of an empty list: keys that nothing has.
    pub notes: Vec<String>,
}

/// `GET /api/ui/issues/counts?query=&project=&environment=&…`: how long the lists behind the tabs are, of what is asked for
/// besides the state.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueCountsView {
    pub open: u64,
    pub new: u64,
    pub regressed: u64,
    pub ignored: u64,
    pub resolved: u64,
    pub all: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueRowView {
    pub id: String,
    /// `DEFAULT-12`; what URLs use.
    pub short_id: String,
    pub project_slug: String,
    /// `error`, `default`, `n_plus_one`, `slow_query`, `cron`, `csp`, …: what its events are.
    pub kind: String,
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
    /// Of a list that is narrowed to an environment, a release or a time: of the events within it, as `user_count` and `hours`.
    pub event_count: u64,
    pub user_count: u64,
    /// `user_count` is of all its events, whatever the list is narrowed to: there were too many to look at.
    pub users_in_all: bool,
    pub first_release: Option<String>,
    pub last_release: Option<String>,
    /// Events per hour of the last 24 hours, oldest first: 24 numbers; none where there were too many events to look at.
    pub hours: Vec<u64>,
    /// `new`, `regressed`, `ongoing`; empty for what is not unresolved.
    pub substatus: String,
    /// The release whose event reopened it, of `regressed`; `null` when that event named none.
    pub regressed_release: Option<String>,
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

/// `GET /api/ui/issues/<issue>/events?query=&environment=&release=&range=&cursor=`, newest first.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueEventsView {
    pub events: Vec<EventLineView>,
    pub next_cursor: Option<String>,
    pub total: u64,
    /// Events of before are still being made searchable.
    pub is_partial: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventLineView {
    pub event_id: String,
    pub timestamp_ms: i64,
    pub title: String,
    pub level: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// `id:42`, `email:…`, `ip:…`
    pub user: Option<String>,
    pub trace_id: Option<String>,
    pub transaction: Option<String>,
    pub server_name: Option<String>,
}

/// `GET /api/ui/issues/<issue>/tags?…&compare=rest`, and of one tag alone `…/tags/<key>?cursor=`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueTagsView {
    /// That were counted.
    pub events: u64,
    /// There are more, which were not.
    pub is_partial: bool,
    pub tags: Vec<IssueTagView>,
    /// Other tags, which fewer events have than these.
    pub left_out: u64,
    /// More values of the one tag; `null` in the list of tags.
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueTagView {
    pub key: String,
    /// Different values.
    pub distinct: u64,
    /// Events without it.
    pub missing: u64,
    /// The most frequent first.
    pub values: Vec<TagValueView>,
    /// Events with a value that is not among these.
    pub other: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TagValueView {
    pub value: String,
    pub count: u64,
    pub last_seen_ms: i64,
    /// Share of the project's other events that have it; `null` unless asked for.
    pub rest_share: Option<f64>,
    /// How many times as frequent it is here.
    pub lift: Option<f64>,
}

/// `GET /api/ui/issues/<issue>/history?unit=minute|five_minutes|hour|day`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueHistoryView {
    /// As asked for; `hour` instead of less where not every event that was counted is still here.
    pub unit: String,
    pub start_ms: i64,
    pub step_ms: i64,
    /// Events of each step, zeros included.
    pub counts: Vec<u64>,
    pub releases: Vec<ReleaseMarkView>,
    pub is_partial: bool,
}

/// The first time a release of the project was seen.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReleaseMarkView {
    pub version: String,
    pub at_ms: i64,
}

/// `GET /api/ui/issues/<issue>/users`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueUsersView {
    /// Also of those whose events are gone.
    pub count: u64,
    pub users: Vec<IssueUserView>,
    pub is_partial: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IssueUserView {
    /// `id:42`, `email:…`, `ip:…`
    pub label: String,
    pub count: u64,
    pub last_seen_ms: i64,
}

/// `GET /api/ui/issues/<issue>/changes`: what was different when it began.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChangesView {
    pub since_ms: i64,
    /// What is compared with what, in a sentence.
    pub basis: String,
    /// The most telling first.
    pub items: Vec<ChangeView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChangeView {
    /// `release`, `environment`, `server`, `flag`, `package`, `tag`
    pub kind: String,
    pub key: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub share_before: Option<f64>,
    pub share_after: Option<f64>,
    pub lift: Option<f64>,
    pub sentence: String,
}
