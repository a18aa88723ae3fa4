//! What filters and limits dropped, by name, and what each key was let in with.
//!
//! Sums by hour and day, written once per commit. Knows no filter and no limit.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, named_params};

use super::write::{DropWrite, KeyUseWrite};
use super::{Store, StoreError};
use crate::model::ids::{ProjectId, PublicKey};
use crate::model::outcome::DropCount;
use crate::model::quota::DataGroup;
use crate::model::time::{day_of, hour_of};

/// A day's use of one key: key, group, day since the epoch, quantity.
pub type KeyUse = (PublicKey, DataGroup, i64, u64);

/// The sums of one transaction.
#[derive(Default)]
pub(super) struct DropDeltas {
    drops: BTreeMap<(u32, &'static str, String, i64, String), u64>,
    uses: BTreeMap<(u32, i64, PublicKey, DataGroup), u64>,
}

impl DropDeltas {
    pub(super) fn add_drop(&mut self, write: &DropWrite) {
        let hour = hour_of(write.received_ms);
        let key = (write.project_id.0, write.reason, write.detail.clone(), hour, write.category.clone());
        *self.drops.entry(key).or_default() += write.quantity;
    }

    pub(super) fn add_use(&mut self, write: &KeyUseWrite) {
        let key = (write.project_id.0, day_of(write.received_ms), write.public_key, write.group);
        *self.uses.entry(key).or_default() += write.quantity;
    }

    pub(super) fn apply(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        for ((project_id, reason, detail, hour, category), quantity) in self.drops {
            let mut statement = tx.prepare_cached(
                "INSERT INTO outcome_detail (project_id, reason, detail, hour, category, quantity)
                 VALUES (:project_id, :reason, :detail, :hour, :category, :quantity)
                 ON CONFLICT (project_id, reason, detail, hour, category) DO UPDATE SET quantity = quantity + :quantity",
            )?;
            statement.execute(named_params! {
                ":project_id": project_id, ":reason": reason, ":detail": detail, ":hour": hour,
                ":category": category, ":quantity": quantity as i64,
            })?;
        }
        for ((project_id, day, public_key, group), quantity) in self.uses {
            let mut statement = tx.prepare_cached(
                "INSERT INTO key_use (project_id, day, public_key, data_group, quantity)
                 VALUES (:project_id, :day, :public_key, :data_group, :quantity)
                 ON CONFLICT (project_id, day, public_key, data_group) DO UPDATE SET quantity = quantity + :quantity",
            )?;
            statement.execute(named_params! {
                ":project_id": project_id, ":day": day, ":public_key": &public_key.0[..],
                ":data_group": group.as_str(), ":quantity": quantity as i64,
            })?;
        }
        Ok(())
    }
}

impl Store {
    /// What each filter and limit of a project dropped in the last 24 hours and 30 days, both up to `now_ms`.
    pub async fn drop_counts(&self, project_id: ProjectId, now_ms: i64) -> Result<Vec<DropCount>, StoreError> {
        self.readers.run(move |connection| read_drops(connection, project_id, hour_of(now_ms))).await
    }

    /// What the keys of a project were let in with, by day from `first_day` on.
    pub async fn key_uses(&self, project_id: ProjectId, first_day: i64) -> Result<Vec<KeyUse>, StoreError> {
        self.readers.run(move |connection| read_uses(connection, project_id, first_day)).await
    }
}

fn read_drops(connection: &Connection, project_id: ProjectId, hour: i64) -> Result<Vec<DropCount>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT reason, detail, category, sum(iif(hour > :day, quantity, 0)), sum(quantity) FROM outcome_detail
         WHERE project_id = :project_id AND hour > :month
         GROUP BY reason, detail, category ORDER BY reason, detail, category",
    )?;
    let bindings = named_params! { ":project_id": project_id.0, ":day": hour - 24, ":month": hour - 30 * 24 };
    let rows = statement.query_map(bindings, |row| {
        Ok(DropCount {
            reason: row.get(0)?,
            detail: row.get(1)?,
            category: row.get(2)?,
            last_day: row.get::<_, i64>(3)?.max(0) as u64,
            last_month: row.get::<_, i64>(4)?.max(0) as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_uses(connection: &Connection, project_id: ProjectId, first_day: i64) -> Result<Vec<KeyUse>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT public_key, data_group, day, quantity FROM key_use
         WHERE project_id = :project_id AND day >= :first_day",
    )?;
    let bindings = named_params! { ":project_id": project_id.0, ":first_day": first_day };
    let rows = statement.query_map(bindings, |row| {
        let group: String = row.get(1)?;
        Ok((PublicKey(row.get(0)?), DataGroup::parse(&group), row.get(2)?, row.get::<_, i64>(3)?.max(0) as u64))
    })?;
    let mut uses = Vec::new();
    for row in rows {
        let (key, group, day, quantity) = row?;
        // A group of a newer version limits nothing here.
        uses.extend(group.map(|group| (key, group, day, quantity)));
    }
    Ok(uses)
}
