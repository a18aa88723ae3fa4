//! An issue: all occurrences of one bug, and what is counted of them.

use crate::model::event::{EventKind, Level};
use crate::model::ids::{IssueId, ProjectId};

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
}
