//! What SDKs say they did not send: summed by hour, reason and category, never mixed with what became of what they sent.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::sessions::{is_new_delivery, prune};
use super::write::ClientReportWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::CLIENT_DISCARD_KINDS_MAX;
use crate::model::ids::ProjectId;
use crate::model::outcome::Reason;
use crate::model::time::hour_of;

/// What lines beyond the limit of different ones are counted as.
const OTHER: &str = "other";

/// One sum of what was not sent, or of what became of what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsRow {
    pub project_id: ProjectId,
    pub hour: i64,
    /// Of discards: `discarded`, `rate_limited`, `filtered`, `filtered_sampling`. `None` for what reached us.
    pub kind: Option<String>,
    pub reason: String,
    pub category: String,
    pub quantity: u64,
}

/// Adds a report to the sums, unless it is known to have come before.
pub(super) fn insert_client_report(
    tx: &Transaction<'_>,
    report: &ClientReportWrite,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let is_new = is_new_delivery(tx, report.project_id, report.delivery_key, report.received_ms)?;
    let reason = if is_new { Reason::Accepted } else { Reason::Duplicate };
    batch.outcomes.add(report.project_id, report.received_ms, "client_report", reason.as_str(), 1);
    if !is_new {
        return Ok(());
    }
    let hour = hour_of(report.received_ms);
    let mut kinds = count_kinds(tx, report.project_id, hour)?;
    for discard in &report.discards {
        let (mut reason, mut category) = (discard.reason.as_str(), discard.category.as_str());
        if !is_known(tx, report.project_id, hour, discard.kind.as_str(), reason, category)? {
            if kinds >= CLIENT_DISCARD_KINDS_MAX {
                (reason, category) = (OTHER, OTHER);
            } else {
                kinds += 1;
            }
        }
        let mut statement = tx.prepare_cached(
            "INSERT INTO client_discard (project_id, hour, kind, reason, category, quantity)
             VALUES (:project_id, :hour, :kind, :reason, :category, :quantity)
             ON CONFLICT (project_id, hour, kind, reason, category) DO UPDATE SET quantity = quantity + :quantity",
        )?;
        statement.execute(named_params! {
            ":project_id": report.project_id.0, ":hour": hour, ":kind": discard.kind.as_str(), ":reason": reason,
            ":category": category, ":quantity": discard.quantity as i64,
        })?;
    }
    prune(tx, report.received_ms)
}

fn is_known(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    hour: i64,
    kind: &str,
    reason: &str,
    category: &str,
) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT 1 FROM client_discard WHERE project_id = :project_id AND hour = :hour AND kind = :kind
             AND reason = :reason AND category = :category",
    )?;
    let found: Option<i64> = statement
        .query_row(
            named_params! {
                ":project_id": project_id.0, ":hour": hour, ":kind": kind, ":reason": reason, ":category": category,
            },
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.is_some())
}

fn count_kinds(tx: &Transaction<'_>, project_id: ProjectId, hour: i64) -> Result<usize, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT count(*) FROM client_discard WHERE project_id = :project_id AND hour = :hour")?;
    let count: i64 =
        statement.query_row(named_params! { ":project_id": project_id.0, ":hour": hour }, |row| row.get(0))?;
    Ok(count.max(0) as usize)
}

impl Store {
    /// What SDKs did not send since the database was made, over all projects: kind, reason, category, largest first.
    pub async fn discard_totals(&self) -> Result<Vec<StatsRow>, StoreError> {
        self.readers
            .run(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT 0, 0, kind, reason, category, sum(quantity) AS total FROM client_discard
                     GROUP BY kind, reason, category ORDER BY total DESC, kind, reason, category",
                )?;
                let rows = statement.query_map([], stats_row)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// What reached us and what SDKs did not send, by hour.
    pub async fn stats(
        &self,
        project_id: Option<ProjectId>,
        first_hour: i64,
        last_hour: i64,
    ) -> Result<Vec<StatsRow>, StoreError> {
        self.readers.run(move |connection| read_stats(connection, project_id, first_hour, last_hour)).await
    }
}

fn read_stats(
    connection: &Connection,
    project_id: Option<ProjectId>,
    first_hour: i64,
    last_hour: i64,
) -> Result<Vec<StatsRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, hour, NULL, reason, category, quantity FROM outcome
         WHERE hour BETWEEN :first_hour AND :last_hour AND (:project_id IS NULL OR project_id = :project_id)
         UNION ALL
         SELECT project_id, hour, kind, reason, category, quantity FROM client_discard
         WHERE hour BETWEEN :first_hour AND :last_hour AND (:project_id IS NULL OR project_id = :project_id)",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": project_id.map(|id| id.0), ":first_hour": first_hour, ":last_hour": last_hour,
        },
        stats_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn stats_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<StatsRow> {
    Ok(StatsRow {
        project_id: ProjectId(row.get(0)?),
        hour: row.get(1)?,
        kind: row.get(2)?,
        reason: row.get(3)?,
        category: row.get(4)?,
        quantity: row.get::<_, i64>(5)?.max(0) as u64,
    })
}
