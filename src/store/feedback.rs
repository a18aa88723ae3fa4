//! What people wrote: one row each, linked to events and issues when somebody looks.
//!
//! A user report of the same person about the same event replaces the earlier one; a feedback event is kept once.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::trace_rows;
use super::write::FeedbackWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::model::feedback::FeedbackSource;
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId, TraceId};
use crate::model::outcome::Reason;

/// One message, and what it turned out to be about.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackRow {
    pub id: i64,
    pub project_id: ProjectId,
    pub feedback_id: EventId,
    pub received_ms: i64,
    pub timestamp_ms: i64,
    pub source: FeedbackSource,
    /// As said by the sender; `issue` is set once that event is here.
    pub event_id: Option<EventId>,
    pub message: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub url: Option<String>,
    pub replay_id: Option<EventId>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub issue: Option<FeedbackIssue>,
    /// Spans of its trace are stored.
    pub has_trace: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackIssue {
    pub id: IssueId,
    pub short_no: u64,
    pub title: String,
}

/// A message with the JSON of its event, which user reports have none of.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackWhole {
    pub row: FeedbackRow,
    pub body: Option<Vec<u8>>,
}

/// Which messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct FeedbackQuery {
    pub project_id: Option<ProjectId>,
    pub scope: FeedbackScope,
    /// Found in message, name or e-mail address, in any case.
    pub text: Option<String>,
    /// As its sender says, or the event it is about; an empty text is a message without.
    pub environment: Option<String>,
    pub release: Option<String>,
    /// When it was written: from, and up to and with.
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    /// [`FeedbackRow::id`], exclusive.
    pub before: Option<i64>,
    pub limit: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum FeedbackScope {
    #[default]
    All,
    /// About any event of an issue. Needs the project.
    Issue(IssueId),
    /// About one event. Needs the project.
    Event(EventId),
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackPage {
    pub rows: Vec<FeedbackRow>,
    /// Pass as `before` for the next page.
    pub next_before: Option<i64>,
}

/// Inserts what is not there yet, or replaces an earlier report.
pub(super) fn insert_feedback(
    tx: &Transaction<'_>,
    feedback: &FeedbackWrite,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO feedback (id, project_id, feedback_id, received_ms, timestamp_ms, source, event_id, message, name,
             email, url, replay_id, trace_id, span_id, release, environment, body_codec, body)
         VALUES (:id, :project_id, :feedback_id, :received_ms, :timestamp_ms, :source, :event_id, :message, :name,
             :email, :url, :replay_id, :trace_id, :span_id, :release, :environment, :body_codec, :body)
         ON CONFLICT (feedback_id, project_id) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": batch.ids.next(batch.now_ms),
        ":project_id": feedback.project_id.0,
        ":feedback_id": &feedback.feedback_id.0[..],
        ":received_ms": feedback.received_ms,
        ":timestamp_ms": feedback.timestamp_ms,
        ":source": feedback.source.as_str(),
        ":event_id": feedback.event_id.as_ref().map(|id| &id.0[..]),
        ":message": feedback.message,
        ":name": feedback.name,
        ":email": feedback.email,
        ":url": feedback.url,
        ":replay_id": feedback.replay_id.as_ref().map(|id| &id.0[..]),
        ":trace_id": feedback.trace_id.as_ref().map(|id| &id.0[..]),
        ":span_id": feedback.span_id.as_ref().map(|id| &id.0[..]),
        ":release": feedback.release,
        ":environment": feedback.environment,
        ":body_codec": CODEC_ZSTD,
        ":body": feedback.body.as_ref().map(|body| &body.bytes),
    })?;
    let reason = if inserted > 0 {
        Reason::Accepted
    } else if feedback.source == FeedbackSource::UserReport && replace_report(tx, feedback)? {
        Reason::Replaced
    } else {
        Reason::Duplicate
    };
    batch.outcomes.add(feedback.project_id, feedback.received_ms, feedback.source.as_str(), reason.as_str(), 1);
    if reason != Reason::Duplicate {
        batch.feedback += 1;
    }
    Ok(())
}

/// The last word counts. False when it is the same as the one before.
fn replace_report(tx: &Transaction<'_>, report: &FeedbackWrite) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE feedback SET message = :message, name = :name, email = :email, timestamp_ms = :timestamp_ms,
             received_ms = :received_ms
         WHERE feedback_id = :feedback_id AND project_id = :project_id AND source = 'user_report'
             AND (message, name, email) IS NOT (:message, :name, :email)",
    )?;
    let changed = statement.execute(named_params! {
        ":message": report.message,
        ":name": report.name,
        ":email": report.email,
        ":timestamp_ms": report.timestamp_ms,
        ":received_ms": report.received_ms,
        ":feedback_id": &report.feedback_id.0[..],
        ":project_id": report.project_id.0,
    })?;
    Ok(changed > 0)
}

impl Store {
    /// Newest first.
    pub async fn feedback(&self, query: FeedbackQuery) -> Result<FeedbackPage, StoreError> {
        self.readers.run(move |connection| read_page(connection, &query)).await
    }

    /// One message; of two projects with the same id, that of the first.
    pub async fn feedback_by_id(&self, id: EventId) -> Result<Option<FeedbackWhole>, StoreError> {
        self.readers.run(move |connection| read_one(connection, id)).await
    }

    /// Messages about any event of an issue, or of one merged into it.
    pub async fn issue_feedback_count(&self, project: ProjectId, issue: IssueId) -> Result<u64, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(COUNT_SQL)?;
                let count: i64 = statement
                    .query_row(named_params! { ":project_id": project.0, ":issue_id": issue.0 }, |row| row.get(0))?;
                Ok(count.max(0) as u64)
            })
            .await
    }
}

/// Messages are few beside the events of a busy issue: they are walked, each with one look at its event.
pub(super) const COUNT_SQL: &str = "SELECT count(*) FROM feedback INDEXED BY feedback_project
     CROSS JOIN event ON event.event_id = feedback.event_id AND event.project_id = feedback.project_id
     WHERE feedback.project_id = :project_id AND event.issue_id IN
         (SELECT :issue_id UNION ALL SELECT member.id FROM issue AS member WHERE member.merged_into = :issue_id)";

const COLUMNS: &str = "feedback.id, feedback.project_id, feedback.feedback_id, feedback.received_ms,
    feedback.timestamp_ms, feedback.source, feedback.event_id, feedback.message, feedback.name, feedback.email,
    feedback.url, feedback.replay_id, feedback.trace_id, feedback.span_id, feedback.release, feedback.environment,
    issue.id, issue.short_no, issue.title";

const JOINED: &str = "LEFT JOIN event ON event.event_id = feedback.event_id AND event.project_id = feedback.project_id
    LEFT JOIN issue AS own ON own.id = event.issue_id
    LEFT JOIN issue ON issue.id = coalesce(own.merged_into, own.id)";

/// A page; every scope has an index to walk.
pub(super) fn page_sql(scope: FeedbackScope, has_project: bool) -> String {
    let of_project = if has_project { "feedback.project_id = :project_id" } else { ":project_id IS NULL" };
    let of_scope = match scope {
        FeedbackScope::All => ":scope IS NULL",
        // The plus keeps it from walking all events of the issue to find those that somebody wrote about.
        FeedbackScope::Issue(_) => {
            "+event.issue_id IN
                 (SELECT :scope UNION ALL SELECT member.id FROM issue AS member WHERE member.merged_into = :scope)"
        }
        FeedbackScope::Event(_) => "feedback.event_id = :scope",
    };
    format!(
        "SELECT {COLUMNS} FROM feedback {JOINED}
         WHERE {of_project} AND {of_scope} AND feedback.id < :before
             AND (:text IS NULL OR instr(lower(feedback.message || ' ' || coalesce(feedback.name, '') || ' '
                 || coalesce(feedback.email, '')), :text) > 0)
             AND (:environment IS NULL OR coalesce(feedback.environment, event.environment, '') = :environment)
             AND (:release IS NULL OR coalesce(feedback.release, event.release, '') = :release)
             AND feedback.timestamp_ms BETWEEN :from_ms AND :to_ms
         ORDER BY feedback.id DESC LIMIT :limit"
    )
}

fn read_page(connection: &Connection, query: &FeedbackQuery) -> Result<FeedbackPage, StoreError> {
    let scope: rusqlite::types::Value = match query.scope {
        FeedbackScope::All => rusqlite::types::Value::Null,
        FeedbackScope::Issue(id) => id.0.into(),
        FeedbackScope::Event(id) => id.0.to_vec().into(),
    };
    let mut statement = connection.prepare_cached(&page_sql(query.scope, query.project_id.is_some()))?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": query.project_id.map(|id| id.0),
            ":scope": scope,
            ":before": query.before.unwrap_or(i64::MAX),
            ":text": query.text.as_ref().map(|text| text.to_ascii_lowercase()),
            ":environment": query.environment,
            ":release": query.release,
            ":from_ms": query.from_ms.unwrap_or(i64::MIN),
            ":to_ms": query.to_ms.unwrap_or(i64::MAX),
            ":limit": query.limit as i64 + 1,
        },
        feedback_from_row,
    )?;
    let mut rows: Vec<FeedbackRow> = rows.collect::<Result<_, _>>()?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    for row in &mut rows {
        find_trace(connection, row)?;
    }
    let next_before = rows.last().filter(|_| more).map(|row| row.id);
    Ok(FeedbackPage { rows, next_before })
}

fn read_one(connection: &Connection, id: EventId) -> Result<Option<FeedbackWhole>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, feedback.body_codec, feedback.body FROM feedback {JOINED}
         WHERE feedback.feedback_id = :id ORDER BY feedback.project_id LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row(named_params! { ":id": &id.0[..] }, |row| {
            Ok((feedback_from_row(row)?, row.get::<_, i64>(19)?, row.get::<_, Option<Vec<u8>>>(20)?))
        })
        .optional()?;
    let Some((mut row, codec, body)) = found else { return Ok(None) };
    find_trace(connection, &mut row)?;
    let body = body.map(|body| expand(codec, &body)).transpose()?;
    Ok(Some(FeedbackWhole { row, body }))
}

fn find_trace(connection: &Connection, row: &mut FeedbackRow) -> Result<(), StoreError> {
    if let Some(trace_id) = row.trace_id {
        row.has_trace = trace_rows::has(connection, trace_id)?;
    }
    Ok(())
}

fn feedback_from_row(row: &Row<'_>) -> rusqlite::Result<FeedbackRow> {
    let source: String = row.get(5)?;
    let issue: Option<i64> = row.get(16)?;
    Ok(FeedbackRow {
        id: row.get(0)?,
        project_id: ProjectId(row.get(1)?),
        feedback_id: EventId(row.get(2)?),
        received_ms: row.get(3)?,
        timestamp_ms: row.get(4)?,
        source: FeedbackSource::parse(&source).unwrap_or(FeedbackSource::Feedback),
        event_id: row.get::<_, Option<[u8; 16]>>(6)?.map(EventId),
        message: row.get(7)?,
        name: row.get(8)?,
        email: row.get(9)?,
        url: row.get(10)?,
        replay_id: row.get::<_, Option<[u8; 16]>>(11)?.map(EventId),
        trace_id: row.get::<_, Option<[u8; 16]>>(12)?.map(TraceId),
        span_id: row.get::<_, Option<[u8; 8]>>(13)?.map(SpanId),
        release: row.get(14)?,
        environment: row.get(15)?,
        issue: match issue {
            Some(id) => Some(FeedbackIssue {
                id: IssueId(id),
                short_no: row.get::<_, i64>(17)?.max(0) as u64,
                title: row.get(18)?,
            }),
            None => None,
        },
        has_trace: false,
    })
}
