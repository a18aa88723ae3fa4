//! What people do to issues, as they send it, and what is told of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::issue::IssueRowView;

/// `POST /api/ui/issues/actions`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
pub struct IssueActions {
    /// Ids or short ids, at most 1000.
    pub ids: Vec<String>,
    /// Who does it.
    pub by: Option<String>,
    /// `changed_ms` as it was shown: whoever changed an issue since is told of in `problems`.
    pub seen_ms: Option<i64>,
    #[cfg_attr(test, ts(type = "IssueAction"))]
    pub action: Value,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
pub enum IssueAction {
    Resolve {
        #[serde(rename = "in")]
        place: Option<ResolvePlace>,
        release: Option<String>,
    },
    Ignore {
        until: Option<IgnoreUntil>,
        until_ms: Option<i64>,
        /// Of events or users.
        count: Option<u64>,
        /// Within how long so many events must come.
        window_minutes: Option<u64>,
    },
    Unresolve,
    Assign {
        /// Nobody without.
        to: Option<String>,
    },
    Priority {
        /// `low`, `medium`, `high`.
        priority: String,
    },
    Bookmark {
        on: bool,
    },
    Merge {
        into: String,
    },
    Unmerge {
        from: String,
    },
    Delete,
    Discard,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ResolvePlace {
    Now,
    NextRelease,
    Release,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum IgnoreUntil {
    Forever,
    Time,
    Events,
    Users,
}

/// The answer to an action.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActedView {
    /// Issues that are not as they were.
    pub changed: u64,
    /// What it can be undone by, for ten minutes.
    pub undo: Option<String>,
    pub problems: Vec<ActionProblemView>,
}

/// Why an issue was left as it was, or what somebody else had done to it meanwhile.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActionProblemView {
    /// As it was sent.
    pub id: String,
    pub detail: String,
}

/// `POST /api/ui/issues/undo`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UndoRequest {
    pub token: String,
}

/// The answer to undoing something.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UndoneView {
    pub changed: u64,
    pub problems: Vec<ActionProblemView>,
}

/// `GET /api/ui/people`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PeopleView {
    /// Whoever was active last first.
    pub names: Vec<String>,
}

/// `GET /api/ui/issues/<id>/activity`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActivityListView {
    /// Newest first.
    pub entries: Vec<ActivityView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActivityView {
    pub id: String,
    pub at_ms: i64,
    /// `null` for what events and time do.
    pub by: Option<String>,
    /// `first_seen`, `resolved`, `unresolved`, `regressed`, `ignored`, `unignored`, `assigned`, `priority`, `bookmarked`,
    /// `merged`, `unmerged`, `comment`, `deleted`.
    pub kind: String,
    /// Of a comment, as it was written.
    pub text: Option<String>,
    pub edited_ms: Option<i64>,
    /// An object, by kind.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub detail: Value,
}

/// `POST /api/ui/issues/<id>/comments`, `PUT /api/ui/issues/<id>/comments/<comment>`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
pub struct CommentRequest {
    pub text: String,
    pub by: Option<String>,
}

/// `GET /api/ui/issues/<id>/merged`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MergedListView {
    pub members: Vec<MergedView>,
}

/// An issue that is shown as another one, and what it counts by itself.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MergedView {
    pub id: String,
    pub short_id: String,
    pub title: String,
    pub event_count: u64,
    pub last_seen_ms: i64,
    /// One of its grouping hashes, 32 hex characters.
    pub hash: String,
}

/// `GET /api/ui/issues/<id>/similar`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SimilarListView {
    /// The most alike first.
    pub issues: Vec<SimilarView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SimilarView {
    pub row: IssueRowView,
    /// 0 to 1.
    pub score: f64,
    /// What is alike, the most telling first.
    pub reasons: Vec<String>,
}

/// `GET /api/ui/discarded?project=<slug>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiscardListView {
    pub discarded: Vec<DiscardView>,
}

/// A bug nobody wants to hear of again. Lifted by `POST /api/ui/discarded/<id>/lift`.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiscardView {
    pub id: String,
    pub project_slug: String,
    /// Of the issue that was deleted then.
    pub short_id: String,
    pub title: String,
    pub culprit: String,
    pub by: Option<String>,
    pub at_ms: i64,
    /// Events dropped since, and when the last of them came.
    pub event_count: u64,
    pub last_ms: Option<i64>,
}
