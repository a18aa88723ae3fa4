//! The state of an issue as its row has it, and the lines of what happened.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use crate::model::ids::IssueId;
pub(super) use crate::model::workflow::State;
use crate::model::workflow::{Activity, ActivityKind, Decided, Decision, Input, Resolution, transition};

pub(super) fn read(connection: &Connection, id: IssueId) -> Result<Option<State>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT status, substatus, status_json FROM issue WHERE id = :id")?;
    let found = statement.query_row(named_params! { ":id": id.0 }, |row| {
        let (status, substatus): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(State::parse(&status, &substatus, row.get::<_, Option<String>>(2)?.as_deref()))
    });
    Ok(found.optional()?)
}

/// `changed_ms` when more has changed than what is counted.
pub(super) fn write(
    tx: &Transaction<'_>,
    id: IssueId,
    state: &State,
    changed_ms: Option<i64>,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE issue SET status = :status, substatus = :substatus, status_json = :standing, wake_ms = :wake_ms,
             changed_ms = max(changed_ms, coalesce(:changed_ms, changed_ms))
         WHERE id = :id",
    )?;
    statement.execute(named_params! {
        ":id": id.0,
        ":status": state.status().as_str(),
        ":substatus": state.substatus(),
        ":standing": state.standing_json(),
        ":wake_ms": state.wake_ms(),
        ":changed_ms": changed_ms,
    })?;
    Ok(())
}

/// Writes lines of what happened; the id of the last one.
pub(super) fn tell(tx: &Transaction<'_>, id: IssueId, activities: &[Activity]) -> Result<Option<i64>, StoreError> {
    let mut last = None;
    for activity in activities {
        let mut statement = tx.prepare_cached(
            "INSERT INTO issue_activity (issue_id, at_ms, by_name, kind, detail)
             VALUES (:issue_id, :at_ms, :by, :kind, :detail)",
        )?;
        last = Some(statement.insert(named_params! {
            ":issue_id": id.0,
            ":at_ms": activity.at_ms,
            ":by": activity.by,
            ":kind": activity.kind.as_str(),
            ":detail": activity.detail.to_string(),
        })?);
    }
    Ok(last)
}

pub(super) fn activity(kind: ActivityKind, decided: &Decided, detail: serde_json::Value) -> Activity {
    Activity { kind, by: decided.by.clone(), at_ms: decided.at_ms, detail }
}

/// The issue that another one is shown as: itself, unless it is merged.
pub(in super::super) fn root_of(connection: &Connection, id: IssueId) -> Result<Option<IssueId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(merged_into, id) FROM issue WHERE id = :id")?;
    Ok(statement.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional()?.map(IssueId))
}

/// What nobody in particular decides: a job that failed has recovered.
pub(in super::super) fn resolve_if_open(tx: &Transaction<'_>, id: IssueId, now_ms: i64) -> Result<(), StoreError> {
    let Some(before @ State::Unresolved(_)) = read(tx, id)? else { return Ok(()) };
    let decided = Decided { by: None, at_ms: now_ms };
    let (state, activities) = transition(before, &Input::Person(Decision::Resolve(Resolution::Now), decided));
    write(tx, id, &state, Some(now_ms))?;
    tell(tx, id, &activities)?;
    Ok(())
}
