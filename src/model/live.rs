//! What a commit tells the open screens: small, topic-scoped, without content that could not be fetched again.

use crate::model::ids::IssueId;

/// Sent after the commit that made it true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveChange {
    /// Issues that got an event.
    pub issues: Vec<IssueId>,
    /// Traces that got spans.
    pub traces: u64,
    /// Log records and metric points that were new.
    pub logs: u64,
    pub metrics: u64,
    /// Messages of people.
    pub feedback: u64,
    /// Environments of monitors that changed.
    pub monitors: u64,
}
