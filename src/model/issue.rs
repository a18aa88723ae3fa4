//! An issue: all occurrences of one bug, and what is counted of them.

use crate::model::event::{EventKind, Level};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::time::DAY_MS;
use crate::model::workflow::{Open, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueStatus {
    Unresolved,
    Resolved,
    Ignored,
}

impl IssueStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Unresolved, Self::Resolved, Self::Ignored].into_iter().find(|status| status.as_str() == text)
    }
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Low,
    #[default]
    Medium,
    High,
}

impl Priority {
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Until a person says otherwise: what broke a request or a process comes first, what was only told of last.
    pub fn of(level: Level, is_unhandled: bool) -> Self {
        match level {
            Level::Fatal => Self::High,
            _ if is_unhandled => Self::High,
            Level::Error | Level::Warning => Self::Medium,
            Level::Info | Level::Debug => Self::Low,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text)
    }

    /// As it is kept; sorts as it should.
    pub fn code(self) -> i64 {
        self as i64
    }

    pub fn from_code(code: i64) -> Self {
        Self::ALL.into_iter().find(|priority| priority.code() == code).unwrap_or_default()
    }
}

/// What an issue is called. Decided anew by every event, so the newest wording is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IssueTitle {
    /// `ValueError: Invalid voucher BF26`
    pub title: String,
    /// `/checkout/{cart_id}/`: the route, or the place in the code.
    pub culprit: String,
    /// Exception type, when there is one.
    pub ty: Option<String>,
    /// First line of the exception value, when there is one.
    pub value: Option<String>,
    /// File and function of the frame the title is about: the last in-app frame.
    pub filename: Option<String>,
    pub function: Option<String>,
    pub line: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    pub id: IssueId,
    pub project_id: ProjectId,
    /// Counts from 1 within the project; shown as `SHOP-12`.
    pub short_no: u64,
    pub kind: EventKind,
    pub title: IssueTitle,
    pub level: Level,
    pub platform: String,
    pub status: IssueStatus,
    pub is_unhandled: bool,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    pub event_count: u64,
    /// Distinct users, estimated above a few hundred.
    pub user_count: u64,
    pub first_release: Option<String>,
    pub last_release: Option<String>,
    /// What `status` is short for.
    pub state: State,
    pub assignee: Option<String>,
    pub priority: Priority,
    pub is_bookmarked: bool,
    pub comment_count: u64,
    /// The issue it is shown as.
    pub merged_into: Option<IssueId>,
    /// How many are merged into it.
    pub merged_count: u64,
    pub deleted_ms: Option<i64>,
    /// When people, or the events that reopened it, last changed any of this.
    pub changed_ms: i64,
}

/// How long an issue is called new that nobody has decided anything about.
pub const NEW_MS: i64 = DAY_MS;

impl Issue {
    /// `new`, `regressed` or `ongoing`; empty for what is not unresolved.
    pub fn substatus(&self, now_ms: i64) -> &'static str {
        match self.state {
            State::Unresolved(Open::Regressed) => "regressed",
            State::Unresolved(Open::Undecided) if self.first_seen_ms > now_ms - NEW_MS => "new",
            State::Unresolved(Open::Undecided | Open::Reopened) => "ongoing",
            State::Resolved(..) | State::Ignored(..) => "",
        }
    }
}
