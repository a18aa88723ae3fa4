//! One error told several times in a trace: by an SDK that sends events, by its span, by log records. It counts once.
//!
//! Owns the look-up of an error that is here already, and what becomes of the two reports; runs in the transaction of the
//! row, whichever comes first. An SDK's event is shown rather than what a span tells, and that rather than a log record's;
//! the others are kept as lines beside it. An event stays with the issue that counted it, and the grouping hashes of every
//! report lead there from then on, as far as they are not known to another issue.
//!
//! Knows errors by the numbers of [`Sighting`]. Reports that cannot be of the same error (the same logging call twice, two
//! spans) stay two.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use crate::config::{ERROR_REPORTS_SHOWN_MAX, TRACE_ERRORS_COMPARED_MAX};
use crate::model::event::{Report, ReportSource};
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId};
use crate::model::outcome::Reason;
use crate::model::sighting::Sighting;

use super::issues::read_short_no;
use super::write::{EventAppended, EventWrite};
use super::writer::Batch;
use super::{Store, StoreError};

/// A report of an error beside the one that is its event.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRow {
    pub source: ReportSource,
    pub timestamp_ms: i64,
    pub span_id: Option<SpanId>,
    /// Name of the logger, or of the span.
    pub label: String,
}

/// An error of the trace.
struct Known {
    row: i64,
    source: ReportSource,
    timestamp_ms: i64,
    sighting: Sighting,
}

/// Adds `event` to an error that is here already, or puts it in the place of what told of it worse; `None` when it is
/// another error.
pub(super) fn fold(
    tx: &Transaction<'_>,
    event: &EventWrite,
    batch: &mut Batch<'_>,
) -> Result<Option<EventAppended>, StoreError> {
    let Some(sighting) = &event.sighting else { return Ok(None) };
    let known = read_known(tx, event)?;
    if known.is_empty() {
        return Ok(None);
    }
    match &event.report {
        Some(_) => {
            if let Some(row) = row_of_report(tx, event.project_id, event.event_id)? {
                batch.outcomes.add(event.project_id, event.received_ms, "event", Reason::Duplicate.as_str(), 1);
                return appended(tx, row).map(Some);
            }
        }
        // Counted where the row is not inserted.
        None if is_here(tx, event)? => return Ok(None),
        None => {}
    }
    let source = source_of(event);
    let mut same: Vec<Known> = known.into_iter().filter(|known| known.sighting.is_of_same_error(sighting)).collect();
    same.sort_by_key(|known| (known.timestamp_ms.abs_diff(event.timestamp_ms), known.row));
    for known in same {
        let may_be_its = match &event.report {
            None => known.source > ReportSource::Event,
            Some(report) => has_room_for(tx, known.row, report)?,
        };
        if !may_be_its {
            continue;
        }
        let told = appended(tx, known.row)?;
        link_hashes(tx, event, told.issue_id)?;
        if source < known.source {
            let (release, environment) = replace(tx, event, sighting, known.row)?;
            let kept = (release.as_deref(), environment.as_deref());
            batch.facts.replace(known.row, told.issue_id, event, kept);
            batch.issues.tell_again(tx, told.issue_id, event, known.timestamp_ms)?;
        }
        if let Some(report) = &event.report {
            insert_report(tx, event, report, known.row)?;
        }
        batch.outcomes.add(event.project_id, event.received_ms, "event", Reason::Folded.as_str(), 1);
        return Ok(Some(told));
    }
    Ok(None)
}

/// Writes down what a new event is known by.
pub(super) fn remember(tx: &Transaction<'_>, row: i64, event: &EventWrite) -> Result<(), StoreError> {
    let (Some(sighting), Some(trace_id)) = (&event.sighting, event.trace_id) else { return Ok(()) };
    let mut statement = tx.prepare_cached(
        "INSERT INTO trace_error (trace_id, event_row, project_id, source, timestamp_ms, place_key, crash_key, message_key)
         VALUES (:trace_id, :row, :project_id, :source, :timestamp_ms, :place, :crash, :message)",
    )?;
    statement.execute(named_params! {
        ":trace_id": &trace_id.0[..],
        ":row": row,
        ":project_id": event.project_id.0,
        ":source": source_of(event).code(),
        ":timestamp_ms": event.timestamp_ms,
        ":place": sighting.place,
        ":crash": sighting.crash,
        ":message": sighting.message,
    })?;
    match &event.report {
        Some(report) => insert_report(tx, event, report, row),
        None => Ok(()),
    }
}

fn source_of(event: &EventWrite) -> ReportSource {
    event.report.as_ref().map_or(ReportSource::Event, |report| report.source)
}

/// The newest errors of the trace. Events of SDKs are never folded into each other, so for these only the others matter.
fn read_known(tx: &Transaction<'_>, event: &EventWrite) -> Result<Vec<Known>, StoreError> {
    let Some(trace_id) = event.trace_id else { return Ok(Vec::new()) };
    let mut statement = tx.prepare_cached(
        "SELECT event_row, source, timestamp_ms, place_key, crash_key, message_key FROM trace_error
         WHERE trace_id = :trace_id AND project_id = :project_id AND source >= :source_min
         ORDER BY event_row DESC LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":trace_id": &trace_id.0[..],
            ":project_id": event.project_id.0,
            ":source_min": i64::from(event.report.is_none()),
            ":limit": TRACE_ERRORS_COMPARED_MAX as i64,
        },
        |row| {
            Ok(Known {
                row: row.get(0)?,
                source: ReportSource::from_code(row.get(1)?),
                timestamp_ms: row.get(2)?,
                sighting: Sighting { place: row.get(3)?, crash: row.get(4)?, message: row.get(5)? },
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The row of the error that a report of this id was counted for.
fn row_of_report(connection: &Connection, project: ProjectId, report_id: EventId) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT event_row FROM error_report WHERE report_id = :report_id AND project_id = :project_id",
    )?;
    let found = statement
        .query_row(named_params! { ":report_id": &report_id.0[..], ":project_id": project.0 }, |row| row.get(0));
    Ok(found.optional()?)
}

fn is_here(tx: &Transaction<'_>, event: &EventWrite) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM event WHERE event_id = :event_id AND project_id = :project_id)",
    )?;
    let params = named_params! { ":event_id": &event.event_id.0[..], ":project_id": event.project_id.0 };
    Ok(statement.query_row(params, |row| row.get(0))?)
}

/// A span may tell of its error twice, but the errors of two spans are two; a logging call tells of one error once.
fn has_room_for(tx: &Transaction<'_>, row: i64, report: &Report) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT count(*) FILTER (WHERE reporter = :reporter), count(*) FROM error_report
         WHERE event_row = :row AND source = :source",
    )?;
    let params = named_params! { ":row": row, ":source": report.source.code(), ":reporter": report.reporter };
    let (own, all): (i64, i64) = statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match report.source {
        ReportSource::LogRecord => own == 0,
        _ => own == all,
    })
}

fn insert_report(tx: &Transaction<'_>, event: &EventWrite, report: &Report, row: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO error_report (event_row, report_id, project_id, source, reporter, timestamp_ms, span_id, label)
         VALUES (:row, :report_id, :project_id, :source, :reporter, :timestamp_ms, :span_id, :label)
         ON CONFLICT DO NOTHING",
    )?;
    statement.execute(named_params! {
        ":row": row,
        ":report_id": &event.event_id.0[..],
        ":project_id": event.project_id.0,
        ":source": report.source.code(),
        ":reporter": report.reporter,
        ":timestamp_ms": event.timestamp_ms,
        ":span_id": event.span_id.as_ref().map(|id| &id.0[..]),
        ":label": report.label,
    })?;
    Ok(())
}

fn link_hashes(tx: &Transaction<'_>, event: &EventWrite, issue_id: IssueId) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO issue_hash (project_id, hash, issue_id) VALUES (:project_id, :hash, :issue_id)
         ON CONFLICT (project_id, hash) DO NOTHING",
    )?;
    for hash in &event.hashes {
        statement.execute(named_params! {
            ":project_id": event.project_id.0, ":hash": &hash[..], ":issue_id": issue_id.0,
        })?;
    }
    Ok(())
}

/// The row stays where it is among the events of its issue, and in the day it came. Gives back its release and environment,
/// which it keeps when the better report names none.
fn replace(
    tx: &Transaction<'_>,
    event: &EventWrite,
    sighting: &Sighting,
    row: i64,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE event SET event_id = :event_id, timestamp_ms = :timestamp_ms, kind = :kind, level = :level,
             platform = :platform, title = :title, culprit = :culprit, release = coalesce(:release, release),
             environment = coalesce(:environment, environment), span_id = coalesce(:span_id, span_id),
             grouping_version = :grouping_version, body_bytes = :body_bytes, body_codec = :body_codec, body = :body
         WHERE id = :row RETURNING release, environment",
    )?;
    let params = named_params! {
        ":row": row,
        ":event_id": &event.event_id.0[..],
        ":timestamp_ms": event.timestamp_ms,
        ":kind": event.kind.as_str(),
        ":level": event.level.as_str(),
        ":platform": event.platform,
        ":title": event.title.title,
        ":culprit": event.title.culprit,
        ":release": event.release,
        ":environment": event.environment,
        ":span_id": event.span_id.as_ref().map(|id| &id.0[..]),
        ":grouping_version": event.grouping_version,
        ":body_bytes": event.body.expanded_bytes as i64,
        ":body_codec": event.body.codec,
        ":body": event.body.bytes,
    };
    let kept = statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = tx.prepare_cached(
        "UPDATE trace_error SET source = :source, timestamp_ms = max(timestamp_ms, :timestamp_ms), place_key = :place, crash_key = :crash,
             message_key = :message
         WHERE trace_id = :trace_id AND event_row = :row",
    )?;
    statement.execute(named_params! {
        ":trace_id": event.trace_id.as_ref().map(|id| &id.0[..]),
        ":row": row,
        ":source": source_of(event).code(),
        ":timestamp_ms": event.timestamp_ms,
        ":place": sighting.place,
        ":crash": sighting.crash,
        ":message": sighting.message,
    })?;
    Ok(kept)
}

fn appended(tx: &Transaction<'_>, row: i64) -> Result<EventAppended, StoreError> {
    let mut statement = tx.prepare_cached("SELECT issue_id FROM event WHERE id = :row")?;
    let issue_id = IssueId(statement.query_row(named_params! { ":row": row }, |row| row.get(0))?);
    let short_no = read_short_no(tx, issue_id)?.unwrap_or(0);
    Ok(EventAppended { issue_id, short_no, is_new_issue: false, is_discarded: false, is_duplicate: true })
}

/// Gives what is known of the event `from` to `to`, for whoever writes a row anew.
pub(super) fn move_all(tx: &Transaction<'_>, from: i64, to: i64, trace_id: &Value) -> Result<(), StoreError> {
    let mut statement =
        tx.prepare_cached("UPDATE trace_error SET event_row = :to WHERE trace_id = :trace_id AND event_row = :from")?;
    statement.execute(named_params! { ":from": from, ":to": to, ":trace_id": trace_id })?;
    let mut statement = tx.prepare_cached("UPDATE error_report SET event_row = :to WHERE event_row = :from")?;
    statement.execute(named_params! { ":from": from, ":to": to })?;
    Ok(())
}

/// The event that an id stands for which only a report of it has.
pub(super) fn event_of_report(connection: &Connection, report_id: EventId) -> Result<Option<EventId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT event.event_id FROM error_report JOIN event ON event.id = error_report.event_row
         WHERE error_report.report_id = :report_id LIMIT 1",
    )?;
    let found = statement.query_row(named_params! { ":report_id": &report_id.0[..] }, |row| row.get(0).map(EventId));
    Ok(found.optional()?)
}

impl Store {
    /// Who else told of an event's error, in the order of time; `id` is the row's.
    pub async fn event_reports(&self, id: i64) -> Result<Vec<ReportRow>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT source, timestamp_ms, span_id, label FROM error_report
                     WHERE event_row = :row
                         AND report_id <> (SELECT event.event_id FROM event WHERE event.id = :row)
                     ORDER BY timestamp_ms, report_id LIMIT :limit",
                )?;
                let rows = statement.query_map(
                    named_params! { ":row": id, ":limit": ERROR_REPORTS_SHOWN_MAX as i64 },
                    |row| {
                        Ok(ReportRow {
                            source: ReportSource::from_code(row.get(0)?),
                            timestamp_ms: row.get(1)?,
                            span_id: row.get::<_, Option<[u8; 8]>>(2)?.map(SpanId),
                            label: row.get(3)?,
                        })
                    },
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}
