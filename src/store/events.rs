//! Events: one row each, written once, read by id, by issue and by trace.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::bodies::Bodies;
use super::dictionaries::expand_event;
use super::issues::read_short_no;
use super::releases::ReleaseKey;
use super::reports;
use super::write::{EventAppended, EventWrite};
use super::writer::Batch;
use super::{Store, StoreError, workflow};
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId, TraceId};
use crate::model::outcome::Reason;

/// An event without its body: what lists show.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSummary {
    pub id: i64,
    pub project_id: ProjectId,
    pub event_id: EventId,
    pub issue_id: IssueId,
    pub timestamp_ms: i64,
    pub received_ms: i64,
    /// `error`, `default`, …
    pub kind: String,
    pub level: String,
    pub platform: String,
    pub title: String,
    pub culprit: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub span_id: Option<SpanId>,
}

/// An event with its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    pub summary: EventSummary,
    pub short_no: u64,
    pub body: Vec<u8>,
}

/// Which event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventQuery {
    /// In any project.
    ById(EventId),
    InProject(ProjectId, EventId),
    InIssue(IssueId, EventId),
    Latest(IssueId),
    First(IssueId),
}

impl EventQuery {
    fn event_id(self) -> Option<EventId> {
        match self {
            Self::ById(event) | Self::InProject(_, event) | Self::InIssue(_, event) => Some(event),
            Self::Latest(_) | Self::First(_) => None,
        }
    }

    fn with_event_id(self, event: EventId) -> Self {
        match self {
            Self::ById(_) => Self::ById(event),
            Self::InProject(project, _) => Self::InProject(project, event),
            Self::InIssue(issue, _) => Self::InIssue(issue, event),
            other => other,
        }
    }
}

/// Event ids around one event, within its issue, by time received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventNeighbours {
    pub first: EventId,
    pub previous: Option<EventId>,
    pub next: Option<EventId>,
    pub latest: EventId,
}

/// A page of an issue's events, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueEvents {
    pub events: Vec<EventSummary>,
    /// Pass as `before` for the next page.
    pub next_before: Option<i64>,
}

const SUMMARY_COLUMNS: &str = "event.id, event.project_id, event.event_id, event.issue_id, event.timestamp_ms,
    event.received_ms, event.kind, event.level, event.platform, event.title, event.culprit, event.release,
    event.environment, event.span_id";

/// The same with the issue it is shown as, which is another one when its own is merged into that.
const SHOWN_COLUMNS: &str = "event.id, event.project_id, event.event_id, issue.id, event.timestamp_ms,
    event.received_ms, event.kind, event.level, event.platform, event.title, event.culprit, event.release,
    event.environment, event.span_id";

const SHOWN_AS: &str = "FROM event CROSS JOIN issue AS own ON own.id = event.issue_id
    CROSS JOIN issue ON issue.id = coalesce(own.merged_into, own.id)";

/// Inserts an event that is not there yet; derived counts go to the batch.
pub(super) fn insert_event(
    tx: &Transaction<'_>,
    event: &EventWrite,
    batch: &mut Batch<'_>,
) -> Result<EventAppended, StoreError> {
    if let Some(told) = reports::fold(tx, event, batch)? {
        return Ok(told);
    }
    let (issue_id, deleted, unknown_hashes) = match find_issue(tx, event)? {
        Home::Issue { id, deleted, unknown } => (id, deleted, unknown),
        Home::Discarded(discard_id) => {
            batch.outcomes.add(event.project_id, event.received_ms, "event", Reason::Discarded.as_str(), 1);
            batch.discards.add(discard_id, event.received_ms);
            let issue_id = IssueId(0);
            return Ok(EventAppended {
                issue_id,
                short_no: 0,
                is_new_issue: false,
                is_discarded: true,
                is_duplicate: false,
            });
        }
    };
    let row = batch.ids.next(batch.now_ms);
    let mut statement = tx.prepare_cached(
        "INSERT INTO event (id, project_id, event_id, issue_id, timestamp_ms, received_ms, kind, level, platform,
             title, culprit, release, environment, trace_id, span_id, grouping_version, body_bytes, body_codec, body)
         VALUES (:id, :project_id, :event_id, :issue_id, :timestamp_ms, :received_ms, :kind, :level, :platform,
             :title, :culprit, :release, :environment, :trace_id, :span_id, :grouping_version, :body_bytes,
             :body_codec, :body)
         ON CONFLICT (event_id, project_id) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": row,
        ":project_id": event.project_id.0,
        ":event_id": &event.event_id.0[..],
        ":issue_id": issue_id.0,
        ":timestamp_ms": event.timestamp_ms,
        ":received_ms": event.received_ms,
        ":kind": event.kind.as_str(),
        ":level": event.level.as_str(),
        ":platform": event.platform,
        ":title": event.title.title,
        ":culprit": event.title.culprit,
        ":release": event.release,
        ":environment": event.environment,
        ":trace_id": event.trace_id.as_ref().map(|id| &id.0[..]),
        ":span_id": event.span_id.as_ref().map(|id| &id.0[..]),
        ":grouping_version": event.grouping_version,
        ":body_bytes": event.body.expanded_bytes as i64,
        ":body_codec": event.body.codec,
        ":body": event.body.bytes,
    })?;
    if inserted == 0 {
        batch.outcomes.add(event.project_id, event.received_ms, "event", Reason::Duplicate.as_str(), 1);
        return read_duplicate(tx, event);
    }
    reports::remember(tx, row, event)?;
    batch.facts.add(row, issue_id, event);
    if let Some(deleted) = deleted {
        workflow::lead_on(tx, deleted, issue_id)?;
    }
    for hash in unknown_hashes {
        let mut statement = tx.prepare_cached(
            "INSERT INTO issue_hash (project_id, hash, issue_id) VALUES (:project_id, :hash, :issue_id)
             ON CONFLICT (project_id, hash) DO NOTHING",
        )?;
        statement.execute(named_params! {
            ":project_id": event.project_id.0, ":hash": &hash[..], ":issue_id": issue_id.0,
        })?;
    }
    batch.outcomes.add(event.project_id, event.received_ms, "event", Reason::Accepted.as_str(), 1);
    let (short_no, is_new_issue) = batch.issues.add(tx, issue_id, event)?;
    if let Some(key) = ReleaseKey::of(event.project_id, event.release.as_deref(), event.environment.as_deref()) {
        batch.releases.add_event(key, event.timestamp_ms, is_new_issue);
    }
    Ok(EventAppended { issue_id, short_no, is_new_issue, is_discarded: false, is_duplicate: false })
}

/// Where an event belongs.
enum Home<'e> {
    Issue {
        id: IssueId,
        /// The issue that was deleted and that this one begins anew, when its hashes still lead there.
        deleted: Option<IssueId>,
        /// Hashes to be linked to it.
        unknown: Vec<&'e [u8; 16]>,
    },
    /// Nowhere, by this discard.
    Discarded(i64),
}

/// The issue of the first known hash, else the one computed from the first hash.
fn find_issue<'e>(tx: &Transaction<'_>, event: &'e EventWrite) -> Result<Home<'e>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT issue_id, is_deleted, discard_id FROM issue_hash WHERE project_id = :project_id AND hash = :hash",
    )?;
    let mut found: Option<(i64, bool, Option<i64>)> = None;
    let mut unknown = Vec::new();
    for hash in &event.hashes {
        let known = statement
            .query_row(named_params! { ":project_id": event.project_id.0, ":hash": &hash[..] }, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        match known {
            Some(known) => found = found.or(Some(known)),
            None => unknown.push(hash),
        }
    }
    Ok(match found {
        Some((.., Some(discard_id))) => Home::Discarded(discard_id),
        Some((id, true, _)) => {
            let deleted = IssueId(id);
            Home::Issue { id: workflow::successor_of(tx, deleted)?, deleted: Some(deleted), unknown }
        }
        Some((id, ..)) => Home::Issue { id: IssueId(id), deleted: None, unknown },
        None => {
            let computed = event.hashes.first().map_or(IssueId(0), |hash| IssueId::of(event.project_id, hash));
            Home::Issue { id: computed, deleted: None, unknown }
        }
    })
}

fn read_duplicate(tx: &Transaction<'_>, event: &EventWrite) -> Result<EventAppended, StoreError> {
    let issue_id: i64 = tx.query_row(
        "SELECT issue_id FROM event WHERE project_id = :project_id AND event_id = :event_id",
        named_params! { ":project_id": event.project_id.0, ":event_id": &event.event_id.0[..] },
        |row| row.get(0),
    )?;
    let issue_id = IssueId(issue_id);
    let short_no = read_short_no(tx, issue_id)?.unwrap_or(0);
    Ok(EventAppended { issue_id, short_no, is_new_issue: false, is_discarded: false, is_duplicate: true })
}

impl Store {
    /// One event with its body; `None` when there is none.
    pub async fn event(&self, query: EventQuery) -> Result<Option<EventRow>, StoreError> {
        let bodies = self.bodies.clone();
        self.readers.run(move |connection| read_event(connection, &bodies, query)).await
    }

    /// The events around `id` (an [`EventSummary::id`]) in its issue.
    pub async fn event_neighbours(&self, issue_id: IssueId, id: i64) -> Result<EventNeighbours, StoreError> {
        self.readers.run(move |connection| read_neighbours(connection, issue_id, id)).await
    }

    /// When the oldest event of an issue, or of one merged into it, that is still here was sent.
    pub async fn oldest_event_ms(&self, issue_id: IssueId) -> Result<Option<i64>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, timestamp_ms FROM event WHERE issue_id = :issue_id ORDER BY id LIMIT 1",
                )?;
                let mut oldest: Option<(i64, i64)> = None;
                for member in super::facts::members(connection, issue_id)? {
                    let params = named_params! { ":issue_id": member };
                    let found = statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                    oldest = oldest.into_iter().chain(found).min();
                }
                Ok(oldest.map(|(_, timestamp_ms)| timestamp_ms))
            })
            .await
    }

    /// Newest first; `before` is exclusive.
    pub async fn issue_events(
        &self,
        issue_id: IssueId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<IssueEvents, StoreError> {
        self.readers.run(move |connection| read_issue_events(connection, issue_id, before, limit)).await
    }

    /// Error events of a trace, oldest first, with their issues' short numbers; at most `limit`.
    pub async fn trace_events(&self, trace_id: TraceId, limit: usize) -> Result<Vec<(EventSummary, u64)>, StoreError> {
        self.readers.run(move |connection| read_trace_events(connection, trace_id, limit)).await
    }
}

/// One event with its body; `condition` names it.
pub(super) fn event_sql(condition: &str) -> String {
    format!("SELECT {SHOWN_COLUMNS}, issue.short_no, event.body_codec, event.body {SHOWN_AS} WHERE {condition}")
}

/// A page of one issue's events, newest first.
pub(super) fn issue_events_sql() -> String {
    format!(
        "SELECT {SUMMARY_COLUMNS} FROM event
         WHERE event.issue_id = :issue_id AND event.id < :before ORDER BY event.id DESC LIMIT :limit"
    )
}

/// The events of one trace, oldest first.
pub(super) fn trace_events_sql() -> String {
    format!(
        "SELECT {SHOWN_COLUMNS}, issue.short_no {SHOWN_AS}
         WHERE event.trace_id = :trace_id ORDER BY event.timestamp_ms, event.id LIMIT :limit"
    )
}

/// ?1 is the issue, the project or nothing; ?2 the event id or nothing.
pub(super) fn chosen_by(query: EventQuery) -> (i64, Option<EventId>, &'static str) {
    match query {
        EventQuery::ById(event) => (0, Some(event), "?1 = 0 AND event.event_id = ?2 LIMIT 1"),
        EventQuery::InProject(project, event) => {
            (i64::from(project.0), Some(event), "event.project_id = ?1 AND event.event_id = ?2")
        }
        EventQuery::InIssue(issue, event) => (
            issue.0,
            Some(event),
            "event.project_id = (SELECT owner.project_id FROM issue AS owner WHERE owner.id = ?1)
             AND event.event_id = ?2 AND event.issue_id = ?1",
        ),
        EventQuery::Latest(issue) => {
            (issue.0, None, "event.issue_id = ?1 AND ?2 IS NULL ORDER BY event.id DESC LIMIT 1")
        }
        EventQuery::First(issue) => (issue.0, None, "event.issue_id = ?1 AND ?2 IS NULL ORDER BY event.id LIMIT 1"),
    }
}

fn read_event(connection: &Connection, bodies: &Bodies, query: EventQuery) -> Result<Option<EventRow>, StoreError> {
    let found = read_chosen(connection, bodies, query)?;
    let Some(sought) = query.event_id().filter(|_| found.is_none()) else { return Ok(found) };
    // It may have become a line of a better report of the same error.
    match reports::event_of_report(connection, sought)? {
        Some(event) => read_chosen(connection, bodies, query.with_event_id(event)),
        None => Ok(None),
    }
}

fn read_chosen(connection: &Connection, bodies: &Bodies, query: EventQuery) -> Result<Option<EventRow>, StoreError> {
    let (scope, event_id, condition) = chosen_by(query);
    let mut statement = connection.prepare_cached(&event_sql(condition))?;
    let found = statement
        .query_row((scope, event_id.map(|id| id.0.to_vec())), |row| {
            let codec: i64 = row.get(15)?;
            let body: Vec<u8> = row.get(16)?;
            Ok((summary_from_row(row)?, row.get::<_, i64>(14)?, codec, body))
        })
        .optional()?;
    let Some((summary, short_no, codec, body)) = found else { return Ok(None) };
    let body = expand_event(connection, bodies, codec, &body)?;
    Ok(Some(EventRow { summary, short_no: short_no.max(0) as u64, body }))
}

fn read_neighbours(connection: &Connection, issue_id: IssueId, id: i64) -> Result<EventNeighbours, StoreError> {
    let one = |sql: &str| -> Result<Option<EventId>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement
            .query_row(named_params! { ":issue_id": issue_id.0, ":id": id }, |row| row.get(0).map(EventId))
            .optional()?;
        Ok(found)
    };
    let previous = one("SELECT event_id FROM event WHERE issue_id = :issue_id AND id < :id ORDER BY id DESC LIMIT 1")?;
    let next = one("SELECT event_id FROM event WHERE issue_id = :issue_id AND id > :id ORDER BY id LIMIT 1")?;
    let here = one("SELECT event_id FROM event WHERE issue_id = :issue_id AND id = :id")?.unwrap_or(EventId([0; 16]));
    let first = one("SELECT event_id FROM event WHERE issue_id = :issue_id AND id <= :id ORDER BY id LIMIT 1")?;
    let latest = one("SELECT event_id FROM event WHERE issue_id = :issue_id AND id >= :id ORDER BY id DESC LIMIT 1")?;
    Ok(EventNeighbours { first: first.unwrap_or(here), previous, next, latest: latest.unwrap_or(here) })
}

fn read_issue_events(
    connection: &Connection,
    issue_id: IssueId,
    before: Option<i64>,
    limit: usize,
) -> Result<IssueEvents, StoreError> {
    let mut statement = connection.prepare_cached(&issue_events_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":issue_id": issue_id.0,
            ":before": before.unwrap_or(i64::MAX),
            ":limit": limit as i64 + 1,
        },
        summary_from_row,
    )?;
    let mut events: Vec<EventSummary> = rows.collect::<Result<_, _>>()?;
    let more = events.len() > limit;
    events.truncate(limit);
    let next_before = events.last().filter(|_| more).map(|event| event.id);
    Ok(IssueEvents { events, next_before })
}

fn read_trace_events(
    connection: &Connection,
    trace_id: TraceId,
    limit: usize,
) -> Result<Vec<(EventSummary, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(&trace_events_sql())?;
    let rows = statement.query_map(named_params! { ":trace_id": &trace_id.0[..], ":limit": limit as i64 }, |row| {
        Ok((summary_from_row(row)?, row.get::<_, i64>(14)?.max(0) as u64))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn summary_from_row(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    Ok(EventSummary {
        id: row.get(0)?,
        project_id: ProjectId(row.get(1)?),
        event_id: EventId(row.get(2)?),
        issue_id: IssueId(row.get(3)?),
        timestamp_ms: row.get(4)?,
        received_ms: row.get(5)?,
        kind: row.get(6)?,
        level: row.get(7)?,
        platform: row.get(8)?,
        title: row.get(9)?,
        culprit: row.get(10)?,
        release: row.get(11)?,
        environment: row.get(12)?,
        span_id: row.get::<_, Option<[u8; 8]>>(13)?.map(SpanId),
    })
}
