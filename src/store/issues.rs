//! Issues: what is counted of events, and one issue by its name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::workflow::{self, Watch};
use super::write::EventWrite;
use super::{Store, StoreError};
use crate::model::event::{EventKind, Level};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::{Issue, IssueStatus, IssueTitle, Priority};
use crate::model::sketch::UserSketch;
use crate::model::time::hour_of;
use crate::model::workflow::State;

/// Events per hour, for drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueHistory {
    pub issue_id: IssueId,
    /// Oldest first, zeros included.
    pub hours: Vec<u64>,
}

/// What one transaction adds to issues; written once per issue at its end.
#[derive(Default)]
pub(super) struct IssueDeltas(BTreeMap<IssueId, IssueDelta>);

pub(super) struct IssueDelta {
    short_no: u64,
    /// What more there is to do than to count, which for most issues is nothing.
    watch: Option<Watch>,
    pub(super) event_count: u64,
    pub(super) hours: BTreeMap<i64, u64>,
    /// Events, first and last seen.
    pub(super) environments: BTreeMap<String, (u64, i64, i64)>,
    pub(super) user_hashes: Vec<u64>,
    pub(super) first_seen_ms: i64,
    pub(super) last_seen_ms: i64,
    pub(super) is_unhandled: bool,
    /// The newest event decides wording and level.
    pub(super) newest_ms: i64,
    level: Level,
    title: IssueTitle,
    pub(super) release: Option<String>,
    /// Of the event that happened first.
    pub(super) first_release: Option<String>,
}

impl IssueDeltas {
    /// Counts one new event; makes the issue when there is none. Returns its short number and whether it is new.
    pub(super) fn add(
        &mut self,
        tx: &Transaction<'_>,
        issue_id: IssueId,
        event: &EventWrite,
    ) -> Result<(u64, bool), StoreError> {
        let (delta, is_new) = self.of(tx, issue_id, event)?;
        delta.event_count += 1;
        *delta.hours.entry(hour_of(event.timestamp_ms)).or_default() += 1;
        let at = event.timestamp_ms;
        let environment = event.environment.as_deref().unwrap_or_default();
        match delta.environments.get_mut(environment) {
            Some((count, first, last)) => (*count, *first, *last) = (*count + 1, at.min(*first), at.max(*last)),
            None => drop(delta.environments.insert(environment.to_owned(), (1, at, at))),
        }
        delta.tell(event, event.timestamp_ms);
        if let Some(watch) = &mut delta.watch {
            watch.see(event);
            return Ok((watch.shown_no(delta.short_no), is_new));
        }
        Ok((delta.short_no, is_new))
    }

    /// Takes over what a better report says of an event that was counted with the time `counted_ms`.
    pub(super) fn tell_again(
        &mut self,
        tx: &Transaction<'_>,
        issue_id: IssueId,
        event: &EventWrite,
        counted_ms: i64,
    ) -> Result<(), StoreError> {
        self.of(tx, issue_id, event)?.0.tell(event, event.timestamp_ms.max(counted_ms));
        Ok(())
    }

    /// What is gathered of an issue, which is made when there is none; and whether it is new.
    fn of(
        &mut self,
        tx: &Transaction<'_>,
        issue_id: IssueId,
        event: &EventWrite,
    ) -> Result<(&mut IssueDelta, bool), StoreError> {
        let mut is_first_here = false;
        let delta = match self.0.entry(issue_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = workflow::look_at(tx, issue_id)?;
                is_first_here = known.is_none();
                let (short_no, watch) = match known {
                    Some(known) => known,
                    None => (insert_issue(tx, issue_id, event)?, None),
                };
                place.insert(IssueDelta { watch, ..IssueDelta::new(short_no, event) })
            }
        };
        Ok((delta, is_first_here))
    }

    /// As they are shown: an issue that is merged into another one is not.
    pub(super) fn ids(&self) -> Vec<IssueId> {
        self.0.iter().map(|(id, delta)| delta.watch.as_ref().map_or(*id, |watch| watch.shown_as(*id))).collect()
    }

    pub(super) fn apply(self, tx: &Transaction<'_>, now_ms: i64) -> Result<(), StoreError> {
        for (issue_id, delta) in self.0 {
            // Before it is counted who was met.
            if let Some(watch) = &delta.watch {
                watch.apply(tx, issue_id, &delta, now_ms)?;
            }
            let new_users =
                if delta.user_hashes.is_empty() { None } else { merge_users(tx, issue_id, &delta.user_hashes)? };
            update_issue(tx, issue_id, &delta, new_users)?;
            delta.add_to_hours(tx, "issue_hour", issue_id)?;
            delta.add_to_environments(tx, "issue_environment", issue_id)?;
        }
        Ok(())
    }
}

impl IssueDelta {
    /// `table` is `issue_hour` or one of its shape.
    pub(super) fn add_to_hours(&self, tx: &Transaction<'_>, table: &str, id: IssueId) -> Result<(), StoreError> {
        let mut statement = tx.prepare_cached(&format!(
            "INSERT INTO {table} (issue_id, hour, event_count) VALUES (:issue_id, :hour, :count)
             ON CONFLICT (issue_id, hour) DO UPDATE SET event_count = event_count + :count"
        ))?;
        for (hour, count) in &self.hours {
            statement.execute(named_params! { ":issue_id": id.0, ":hour": hour, ":count": *count as i64 })?;
        }
        Ok(())
    }

    /// `table` is `issue_environment` or one of its shape.
    pub(super) fn add_to_environments(
        &self,
        tx: &Transaction<'_>,
        table: &str,
        issue_id: IssueId,
    ) -> Result<(), StoreError> {
        let mut statement = tx.prepare_cached(&format!(
            "INSERT INTO {table} (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
             VALUES (:issue_id, :environment, :first_ms, :last_ms, :count)
             ON CONFLICT (environment, issue_id) DO UPDATE SET
                 first_seen_ms = min(first_seen_ms, :first_ms),
                 last_seen_ms = max(last_seen_ms, :last_ms),
                 event_count = event_count + :count"
        ))?;
        for (environment, (count, first_ms, last_ms)) in &self.environments {
            statement.execute(named_params! {
                ":issue_id": issue_id.0,
                ":environment": environment,
                ":first_ms": first_ms,
                ":last_ms": last_ms,
                ":count": *count as i64,
            })?;
        }
        Ok(())
    }
}

impl IssueDelta {
    /// Everything but the counts.
    fn tell(&mut self, event: &EventWrite, at_ms: i64) {
        self.user_hashes.extend(event.user_hash);
        // Of events of one moment the first that came and has one.
        let is_earlier = event.timestamp_ms < self.first_seen_ms;
        if is_earlier || event.timestamp_ms == self.first_seen_ms && self.first_release.is_none() {
            self.first_release.clone_from(&event.release);
        }
        self.first_seen_ms = self.first_seen_ms.min(event.timestamp_ms);
        self.last_seen_ms = self.last_seen_ms.max(event.timestamp_ms);
        self.is_unhandled |= event.is_unhandled;
        if at_ms >= self.newest_ms {
            self.newest_ms = at_ms;
            self.level = event.level;
            self.title = event.title.clone();
            self.release = event.release.clone().or(self.release.take());
        }
    }

    fn new(short_no: u64, event: &EventWrite) -> Self {
        Self {
            short_no,
            watch: None,
            event_count: 0,
            hours: BTreeMap::new(),
            environments: BTreeMap::new(),
            user_hashes: Vec::new(),
            first_seen_ms: event.timestamp_ms,
            last_seen_ms: event.timestamp_ms,
            is_unhandled: false,
            newest_ms: i64::MIN,
            level: event.level,
            title: event.title.clone(),
            release: None,
            first_release: None,
        }
    }
}

pub(super) fn read_short_no(connection: &Connection, issue_id: IssueId) -> Result<Option<u64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT short_no FROM issue WHERE id = :id")?;
    let short_no: Option<i64> =
        statement.query_row(named_params! { ":id": issue_id.0 }, |row| row.get(0)).optional()?;
    Ok(short_no.map(|short_no| short_no.max(0) as u64))
}

fn insert_issue(tx: &Transaction<'_>, issue_id: IssueId, event: &EventWrite) -> Result<u64, StoreError> {
    let short_no: i64 = tx.query_row(
        "UPDATE project SET last_short_no = last_short_no + 1 WHERE id = :id RETURNING last_short_no",
        named_params! { ":id": event.project_id.0 },
        |row| row.get(0),
    )?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO issue (id, project_id, short_no, kind, title, culprit, ty, value, filename, function, line,
             level, platform, status, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count,
             first_release, last_release, priority)
         VALUES (:id, :project_id, :short_no, :kind, :title, :culprit, :ty, :value, :filename, :function, :line,
             :level, :platform, :status, :is_unhandled, :timestamp_ms, :timestamp_ms, 0, 0, :release, :release,
             :priority)",
    )?;
    statement.execute(named_params! {
        ":id": issue_id.0,
        ":project_id": event.project_id.0,
        ":short_no": short_no,
        ":kind": event.kind.as_str(),
        ":title": event.title.title,
        ":culprit": event.title.culprit,
        ":ty": event.title.ty,
        ":value": event.title.value,
        ":filename": event.title.filename,
        ":function": event.title.function,
        ":line": event.title.line.map(|line| line as i64),
        ":level": event.level.as_str(),
        ":platform": event.platform,
        ":status": IssueStatus::Unresolved.as_str(),
        ":is_unhandled": event.is_unhandled,
        ":timestamp_ms": event.timestamp_ms,
        ":release": event.release,
        ":priority": Priority::of(event.level, event.is_unhandled).code(),
    })?;
    Ok(short_no.max(0) as u64)
}

fn update_issue(
    tx: &Transaction<'_>,
    issue_id: IssueId,
    delta: &IssueDelta,
    user_count: Option<u64>,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE issue SET
             title = iif(:newest_ms >= last_seen_ms, :title, title),
             culprit = iif(:newest_ms >= last_seen_ms, :culprit, culprit),
             ty = iif(:newest_ms >= last_seen_ms, :ty, ty),
             value = iif(:newest_ms >= last_seen_ms, :value, value),
             filename = iif(:newest_ms >= last_seen_ms, :filename, filename),
             function = iif(:newest_ms >= last_seen_ms, :function, function),
             line = iif(:newest_ms >= last_seen_ms, :line, line),
             level = iif(:newest_ms >= last_seen_ms, :level, level),
             first_release = iif(:first_seen_ms < first_seen_ms, coalesce(:first_release, first_release), first_release),
             last_release = iif(:newest_ms >= last_seen_ms, coalesce(:release, last_release), last_release),
             is_unhandled = is_unhandled OR :is_unhandled,
             first_seen_ms = min(first_seen_ms, :first_seen_ms),
             last_seen_ms = max(last_seen_ms, :last_seen_ms),
             event_count = event_count + :event_count,
             user_count = coalesce(:user_count, user_count)
         WHERE id = :id",
    )?;
    statement.execute(named_params! {
        ":id": issue_id.0,
        ":newest_ms": delta.newest_ms,
        ":title": delta.title.title,
        ":culprit": delta.title.culprit,
        ":ty": delta.title.ty,
        ":value": delta.title.value,
        ":filename": delta.title.filename,
        ":function": delta.title.function,
        ":line": delta.title.line.map(|line| line as i64),
        ":level": delta.level.as_str(),
        ":release": delta.release,
        ":first_release": delta.first_release,
        ":is_unhandled": delta.is_unhandled,
        ":first_seen_ms": delta.first_seen_ms,
        ":last_seen_ms": delta.last_seen_ms,
        ":event_count": delta.event_count as i64,
        ":user_count": user_count.map(|count| count as i64),
    })?;
    Ok(())
}

/// Adds users to the issue's sketch; the new estimate when it changed.
pub(super) fn merge_users(tx: &Transaction<'_>, issue_id: IssueId, hashes: &[u64]) -> Result<Option<u64>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT sketch FROM issue_users WHERE issue_id = :issue_id")?;
    let stored: Option<Vec<u8>> =
        statement.query_row(named_params! { ":issue_id": issue_id.0 }, |row| row.get(0)).optional()?;
    let mut sketch = match stored {
        None => UserSketch::default(),
        Some(bytes) => UserSketch::from_bytes(&bytes)
            .ok_or_else(|| StoreError::BadBody(format!("user sketch of issue {issue_id}")))?,
    };
    let mut changed = false;
    for hash in hashes {
        changed |= sketch.insert(*hash);
    }
    if !changed {
        return Ok(None);
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO issue_users (issue_id, sketch) VALUES (:issue_id, :sketch)
         ON CONFLICT (issue_id) DO UPDATE SET sketch = :sketch",
    )?;
    statement.execute(named_params! { ":issue_id": issue_id.0, ":sketch": sketch.to_bytes() })?;
    Ok(Some(sketch.estimate()))
}

impl Store {
    pub async fn issue(&self, id: IssueId) -> Result<Option<Issue>, StoreError> {
        self.readers.run(move |connection| read_issue(connection, BY_ID, id.0, 0)).await
    }

    /// By project and number, as in `SHOP-12`.
    pub async fn issue_by_short_no(&self, project: ProjectId, short_no: u64) -> Result<Option<Issue>, StoreError> {
        self.readers
            .run(move |connection| read_issue(connection, BY_SHORT_NO, i64::from(project.0), short_no as i64))
            .await
    }

    /// Events per hour of each issue for the `hours` hours that end with `last_hour`, in the order given.
    pub async fn issue_histories(
        &self,
        ids: Vec<IssueId>,
        last_hour: i64,
        hours: usize,
    ) -> Result<Vec<IssueHistory>, StoreError> {
        self.readers
            .run(move |connection| ids.iter().map(|id| read_history(connection, *id, last_hour, hours)).collect())
            .await
    }
}

pub(super) const ISSUE_COLUMNS: &str =
    "id, project_id, short_no, kind, title, culprit, ty, value, filename, function, line,
    level, platform, status, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count, first_release,
    last_release, substatus, status_json, assignee, priority, is_bookmarked, comment_count, merged_into, merged_count,
    deleted_ms, changed_ms";

pub(super) const BY_ID: &str = "id = ?1 AND ?2 = 0";
pub(super) const BY_SHORT_NO: &str = "project_id = ?1 AND short_no = ?2";

/// One issue; `condition` is one of the two above.
pub(super) fn issue_sql(condition: &str) -> String {
    format!("SELECT {ISSUE_COLUMNS} FROM issue WHERE {condition}")
}

fn read_issue(connection: &Connection, condition: &str, first: i64, second: i64) -> Result<Option<Issue>, StoreError> {
    let mut statement = connection.prepare_cached(&issue_sql(condition))?;
    Ok(statement.query_row((first, second), issue_from_row).optional()?)
}

fn read_history(
    connection: &Connection,
    issue_id: IssueId,
    last_hour: i64,
    hours: usize,
) -> Result<IssueHistory, StoreError> {
    let first_hour = last_hour - hours as i64 + 1;
    let mut counts = vec![0; hours];
    let mut statement = connection.prepare_cached(
        "SELECT hour, event_count FROM issue_hour
         WHERE issue_id = :issue_id AND hour BETWEEN :first_hour AND :last_hour",
    )?;
    let rows = statement.query_map(
        named_params! { ":issue_id": issue_id.0, ":first_hour": first_hour, ":last_hour": last_hour },
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    for row in rows {
        let (hour, count) = row?;
        if let Some(slot) = counts.get_mut((hour - first_hour) as usize) {
            *slot = count.max(0) as u64;
        }
    }
    Ok(IssueHistory { issue_id, hours: counts })
}

pub(super) fn issue_from_row(row: &Row<'_>) -> rusqlite::Result<Issue> {
    let kind: String = row.get(3)?;
    let level: String = row.get(11)?;
    let status: String = row.get(13)?;
    Ok(Issue {
        id: IssueId(row.get(0)?),
        project_id: ProjectId(row.get(1)?),
        short_no: row.get::<_, i64>(2)?.max(0) as u64,
        kind: EventKind::parse(&kind).unwrap_or(EventKind::Default),
        title: IssueTitle {
            title: row.get(4)?,
            culprit: row.get(5)?,
            ty: row.get(6)?,
            value: row.get(7)?,
            filename: row.get(8)?,
            function: row.get(9)?,
            line: row.get::<_, Option<i64>>(10)?.map(|line| line.max(0) as u64),
        },
        level: Level::parse(&level).unwrap_or(Level::Error),
        platform: row.get(12)?,
        status: IssueStatus::parse(&status).unwrap_or(IssueStatus::Unresolved),
        is_unhandled: row.get(14)?,
        first_seen_ms: row.get(15)?,
        last_seen_ms: row.get(16)?,
        event_count: row.get::<_, i64>(17)?.max(0) as u64,
        user_count: row.get::<_, i64>(18)?.max(0) as u64,
        first_release: row.get(19)?,
        last_release: row.get(20)?,
        state: State::parse(&status, &row.get::<_, String>(21)?, row.get::<_, Option<String>>(22)?.as_deref()),
        assignee: row.get(23)?,
        priority: Priority::from_code(row.get(24)?),
        is_bookmarked: row.get(25)?,
        comment_count: row.get::<_, i64>(26)?.max(0) as u64,
        merged_into: row.get::<_, Option<i64>>(27)?.map(IssueId),
        merged_count: row.get::<_, i64>(28)?.max(0) as u64,
        deleted_ms: row.get(29)?,
        changed_ms: row.get(30)?,
    })
}
