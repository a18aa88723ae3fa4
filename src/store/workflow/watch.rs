//! What more than counting is to be done when an event comes for an issue: one that is resolved or ignored may open again,
//! and one that is merged, or that others are merged into, is counted twice.
//!
//! Owns the look at an issue's row that tells whether it is one of these. For all others nothing is done here.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use super::super::issues::IssueDelta;
use super::super::releases::first_seen_ms;
use super::super::write::EventWrite;
use super::states::{self, State};
use super::{merging, read_sketch};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::workflow::{Arrival, Input, Release, transition};

/// What to do for one issue at the end of a transaction.
pub(in super::super) struct Watch {
    survivor: Option<(IssueId, u64)>,
    has_members: bool,
    project_id: ProjectId,
    /// Whose state it is about is not unresolved.
    is_closed: bool,
    /// In the order they came, when it is closed.
    arrivals: Vec<Arrived>,
}

struct Arrived {
    received_ms: i64,
    timestamp_ms: i64,
    release: Option<String>,
    user_hash: Option<u64>,
}

/// An issue's short number, and what is to be watched of it; `None` when there is no such issue.
pub(in super::super) fn look_at(tx: &Transaction<'_>, id: IssueId) -> Result<Option<(u64, Option<Watch>)>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT short_no, status <> 'unresolved', merged_into, merged_count > 0, project_id FROM issue WHERE id = :id",
    )?;
    let found = statement.query_row(named_params! { ":id": id.0 }, |row| {
        Ok((
            row.get::<_, i64>(0)?.max(0) as u64,
            row.get::<_, bool>(1)?,
            row.get::<_, Option<i64>>(2)?,
            row.get::<_, bool>(3)?,
            row.get::<_, u32>(4)?,
        ))
    });
    let Some((short_no, is_closed, merged_into, has_members, project_id)) = found.optional()? else { return Ok(None) };
    if !is_closed && merged_into.is_none() && !has_members {
        return Ok(Some((short_no, None)));
    }
    let mut watch =
        Watch { survivor: None, has_members, project_id: ProjectId(project_id), is_closed, arrivals: Vec::new() };
    if let Some(survivor) = merged_into {
        let found = survivor_of(tx, survivor)?;
        watch.is_closed = found.is_some_and(|(_, is_closed)| is_closed);
        watch.survivor = found.map(|(survivor_no, _)| (IssueId(survivor), survivor_no));
    }
    Ok(Some((short_no, Some(watch))))
}

fn survivor_of(connection: &Connection, id: i64) -> Result<Option<(u64, bool)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT short_no, status <> 'unresolved' FROM issue WHERE id = :id")?;
    let found = statement
        .query_row(named_params! { ":id": id }, |row| Ok((row.get::<_, i64>(0)?.max(0) as u64, row.get(1)?)))
        .optional()?;
    Ok(found)
}

impl Watch {
    pub(in super::super) fn see(&mut self, event: &EventWrite) {
        if self.is_closed {
            self.arrivals.push(Arrived {
                received_ms: event.received_ms,
                timestamp_ms: event.timestamp_ms,
                release: event.release.clone(),
                user_hash: event.user_hash,
            });
        }
    }

    pub(in super::super) fn shown_as(&self, id: IssueId) -> IssueId {
        self.survivor.map_or(id, |(survivor, _)| survivor)
    }

    pub(in super::super) fn shown_no(&self, own: u64) -> u64 {
        self.survivor.map_or(own, |(_, short_no)| short_no)
    }

    /// Before `delta` is added to the issue's own row.
    pub(in super::super) fn apply(
        &self,
        tx: &Transaction<'_>,
        id: IssueId,
        delta: &IssueDelta,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        if !self.arrivals.is_empty() {
            self.arrive(tx, self.shown_as(id), now_ms)?;
        }
        if self.has_members {
            merging::count_own(tx, id, delta)?;
        }
        if let Some((survivor, _)) = self.survivor {
            merging::count_for_survivor(tx, survivor, delta)?;
        }
        Ok(())
    }

    fn arrive(&self, tx: &Transaction<'_>, id: IssueId, now_ms: i64) -> Result<(), StoreError> {
        let Some(before) = states::read(tx, id)? else { return Ok(()) };
        let mut users = match before.counts_users() {
            true => Some(read_sketch(tx, "SELECT sketch FROM issue_users WHERE issue_id = :id", id)?),
            false => None,
        };
        let bound_seen_ms = self.seen_ms(tx, before.release())?;
        let mut state = before.clone();
        let mut activities = Vec::new();
        for arrived in &self.arrivals {
            // One that is open has nothing more to decide.
            if matches!(state, State::Unresolved(_)) {
                break;
            }
            let is_new_user = match (&mut users, arrived.user_hash) {
                (Some(users), Some(hash)) => users.insert(hash),
                _ => false,
            };
            let release = match (&arrived.release, before.release()) {
                (Some(version), Some(_)) => {
                    // A release that nothing was heard of before is seen now.
                    let seen_ms = self.seen_ms(tx, Some(version))?.unwrap_or(arrived.timestamp_ms);
                    Some(Release { version, first_seen_ms: Some(seen_ms) })
                }
                (version, _) => version.as_ref().map(|version| Release { version, first_seen_ms: None }),
            };
            let arrival = Arrival {
                received_ms: arrived.received_ms,
                timestamp_ms: arrived.timestamp_ms,
                release,
                bound_seen_ms,
                is_new_user,
            };
            let (after, told) = transition(state, &Input::Event(arrival));
            state = after;
            activities.extend(told);
        }
        if state != before {
            states::write(tx, id, &state, (!activities.is_empty()).then_some(now_ms))?;
            states::tell(tx, id, &activities)?;
        }
        Ok(())
    }

    fn seen_ms(&self, tx: &Transaction<'_>, version: Option<&str>) -> Result<Option<i64>, StoreError> {
        match version {
            Some(version) => first_seen_ms(tx, self.project_id, version),
            None => Ok(None),
        }
    }
}
