//! Counting what became of everything that reached us.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, named_params};

use super::{Store, StoreError};
use crate::model::ids::ProjectId;
use crate::model::outcome::{OutcomeCount, Reason};
use crate::model::time::hour_of;

/// The counts of one transaction, summed before they are written.
#[derive(Default)]
pub(super) struct OutcomeDeltas(BTreeMap<(u32, i64, String, String), u64>);

impl OutcomeDeltas {
    pub(super) fn add(&mut self, project_id: ProjectId, received_ms: i64, category: &str, reason: &str, quantity: u64) {
        let key = (project_id.0, hour_of(received_ms), category.to_string(), reason.to_string());
        *self.0.entry(key).or_default() += quantity;
    }

    /// What was taken in: project, hour, category, quantity.
    pub(super) fn accepted(&self) -> impl Iterator<Item = (u32, i64, &str, u64)> {
        let accepted = self.0.iter().filter(|((.., reason), _)| reason == Reason::Accepted.as_str());
        accepted.map(|((project_id, hour, category, _), quantity)| (*project_id, *hour, category.as_str(), *quantity))
    }

    pub(super) fn apply(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        let mut statement = tx.prepare_cached(
            "INSERT INTO outcome (project_id, hour, category, reason, quantity)
             VALUES (:project_id, :hour, :category, :reason, :quantity)
             ON CONFLICT (project_id, hour, category, reason) DO UPDATE SET quantity = quantity + :quantity",
        )?;
        for ((project_id, hour, category, reason), quantity) in self.0 {
            statement.execute(named_params! {
                ":project_id": project_id,
                ":hour": hour,
                ":category": category,
                ":reason": reason,
                ":quantity": quantity as i64,
            })?;
        }
        Ok(())
    }
}

impl Store {
    /// Totals over all projects and all time, largest first within a category.
    pub async fn outcome_totals(&self) -> Result<Vec<OutcomeCount>, StoreError> {
        self.readers.run(read_totals).await
    }
}

fn read_totals(connection: &Connection) -> Result<Vec<OutcomeCount>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT category, reason, sum(quantity) FROM outcome
         GROUP BY category, reason ORDER BY category, sum(quantity) DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(OutcomeCount { category: row.get(0)?, reason: row.get(1)?, quantity: row.get::<_, i64>(2)?.max(0) as u64 })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
