//! The tables of performance data: how sums are added to, and how they go.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use crate::model::ids::ProjectId;
use crate::model::time::hour_of;
use crate::perf::{CallSites, MeasuredKind, Rollup, RollupKey, Stats};

/// A table of sums and the column of its time.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    read: &'static str,
    write: &'static str,
    per_hour: i64,
    /// Whatever is counted is counted in it, however old.
    has_all: bool,
}

pub(super) const MINUTE: Sums = Sums {
    read: "SELECT body FROM perf_minute WHERE minute = :at AND group_id = :group_id",
    write: "INSERT INTO perf_minute (minute, group_id, count, body) VALUES (:at, :group_id, :count, :body)
            ON CONFLICT (minute, group_id) DO UPDATE SET count = :count, body = :body",
    per_hour: 60,
    has_all: false,
};
pub(super) const HOUR: Sums = Sums {
    read: "SELECT body FROM perf_hour WHERE hour = :at AND group_id = :group_id",
    write: "INSERT INTO perf_hour (hour, group_id, count, body) VALUES (:at, :group_id, :count, :body)
            ON CONFLICT (hour, group_id) DO UPDATE SET count = :count, body = :body",
    per_hour: 1,
    has_all: true,
};

/// Adds to the sums that are there.
pub(super) fn add(tx: &Transaction<'_>, sums: Sums, rollups: &HashMap<ProjectId, Rollup>) -> Result<(), StoreError> {
    for (project_id, rollup) in rollups {
        for ((at, key), counted) in rollup {
            let group_id = group_of(tx, *project_id, key, at.div_euclid(sums.per_hour))?;
            let known: Option<Vec<u8>> = tx
                .prepare_cached(sums.read)?
                .query_row(named_params! { ":at": at, ":group_id": group_id }, |row| row.get(0))
                .optional()?;
            // What cannot be read is lost either way.
            let mut sum = known.and_then(|body| Stats::from_bytes(&body)).unwrap_or_default();
            sum.merge(&counted.stats);
            let mut statement = tx.prepare_cached(sums.write)?;
            statement.execute(named_params! {
                ":at": at,
                ":group_id": group_id,
                ":count": i64::try_from(sum.count).unwrap_or(i64::MAX),
                ":body": sum.to_bytes(),
            })?;
            if sums.has_all && !counted.call_sites.is_empty() {
                add_call_sites(tx, group_id, &counted.call_sites)?;
            }
        }
    }
    Ok(())
}

fn add_call_sites(tx: &Transaction<'_>, group_id: i64, call_sites: &CallSites) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("SELECT call_sites FROM perf_group WHERE id = :id")?;
    let known: Option<String> = statement.query_row(named_params! { ":id": group_id }, |row| row.get(0))?;
    let mut all = known.as_deref().map(CallSites::from_json).unwrap_or_default();
    all.merge(call_sites);
    let mut statement = tx.prepare_cached("UPDATE perf_group SET call_sites = :call_sites WHERE id = :id")?;
    statement.execute(named_params! { ":id": group_id, ":call_sites": all.to_json() })?;
    Ok(())
}

fn group_of(tx: &Transaction<'_>, project_id: ProjectId, key: &RollupKey, hour: i64) -> Result<i64, StoreError> {
    let name_key = name_of(tx, key.kind, &key.name)?;
    let within_key = match &key.within {
        Some((kind, name)) => name_of(tx, *kind, name)?,
        None => 0,
    };
    let mut statement = tx.prepare_cached(
        "SELECT id, last_hour FROM perf_group WHERE name_key = :name_key AND within_key = :within_key
             AND project_id = :project_id AND service = :service AND environment = :environment AND release = :release",
    )?;
    let found: Option<(i64, i64)> = statement
        .query_row(
            named_params! {
                ":name_key": name_key,
                ":within_key": within_key,
                ":project_id": project_id.0,
                ":service": key.service,
                ":environment": key.environment,
                ":release": key.release,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((id, last_hour)) = found {
        if last_hour < hour {
            let mut statement = tx.prepare_cached("UPDATE perf_group SET last_hour = :hour WHERE id = :id")?;
            statement.execute(named_params! { ":hour": hour, ":id": id })?;
        }
        return Ok(id);
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO perf_group (project_id, name_key, within_key, service, environment, release, last_hour)
         VALUES (:project_id, :name_key, :within_key, :service, :environment, :release, :hour)",
    )?;
    Ok(statement.insert(named_params! {
        ":project_id": project_id.0,
        ":name_key": name_key,
        ":within_key": within_key,
        ":service": key.service,
        ":environment": key.environment,
        ":release": key.release,
        ":hour": hour,
    })?)
}

/// The key of a name, which is there afterwards.
fn name_of(tx: &Transaction<'_>, kind: MeasuredKind, name: &str) -> Result<i64, StoreError> {
    let key = kind.key(name);
    if tx.prepare_cached("SELECT 1 FROM perf_name WHERE key = :key")?.exists(named_params! { ":key": key })? {
        return Ok(key);
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO perf_name (key, kind, name) VALUES (:key, :kind, :name) ON CONFLICT (key) DO NOTHING",
    )?;
    statement.execute(named_params! { ":key": key, ":kind": kind.code(), ":name": name })?;
    Ok(key)
}

/// Drops the oldest minutes before this one.
pub(super) fn drop_minutes(tx: &Transaction<'_>, before: i64, rows: usize) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM perf_minute WHERE (minute, group_id) IN (
             SELECT minute, group_id FROM perf_minute WHERE minute < :before ORDER BY minute, group_id LIMIT :rows)",
    )?;
    Ok(statement.execute(named_params! { ":before": before, ":rows": rows as i64 })?)
}

/// Minutes first, as hours say the same more coarsely; then names that nothing is counted of any more.
pub(in super::super) fn drop_performance(
    tx: &Transaction<'_>,
    before_ms: i64,
    rows: usize,
) -> Result<usize, StoreError> {
    let minutes = drop_minutes(tx, before_ms / 60_000, rows)?;
    if minutes > 0 {
        return Ok(minutes);
    }
    let mut statement = tx.prepare_cached(
        "DELETE FROM perf_hour WHERE (hour, group_id) IN (
             SELECT hour, group_id FROM perf_hour WHERE hour < :before ORDER BY hour, group_id LIMIT :rows)",
    )?;
    let hours = statement.execute(named_params! { ":before": hour_of(before_ms), ":rows": rows as i64 })?;
    let mut statement = tx.prepare_cached(
        "DELETE FROM perf_group WHERE id IN (
             SELECT id FROM perf_group
             WHERE last_hour < (SELECT coalesce(min(hour), 9223372036854775807) FROM perf_hour)
             ORDER BY last_hour LIMIT :rows)",
    )?;
    let groups = statement.execute(named_params! { ":rows": rows as i64 })?;
    if groups > 0 {
        let mut statement = tx.prepare_cached(
            "DELETE FROM perf_name WHERE NOT EXISTS (SELECT 1 FROM perf_group WHERE name_key = perf_name.key)
                 AND NOT EXISTS (SELECT 1 FROM perf_group WHERE within_key = perf_name.key AND within_key <> 0)",
        )?;
        statement.execute([])?;
    }
    Ok(hours + groups)
}
