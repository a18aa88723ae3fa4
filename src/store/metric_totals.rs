//! The last report of every total clients count up, and what the next one adds.
//!
//! Resolved here, at the write, in the transaction of the report itself: there the last one is known for sure, a report
//! delivered twice is not even looked at, and a chart reads sums by minute without knowing that anything was a total. The
//! bodies keep what was sent. (At the read, every chart would have to find the reports of every process before its first
//! minute; before the queue, a report whose transaction failed would have moved what the next one is told from.)

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::StoreError;
use super::keeper::{Keeper, Progress};
use super::metric_buckets::{decode_buckets, encode_buckets};
use super::write::MetricPart;
use crate::config::{METRIC_MINUTE_BUCKETS_MAX, METRIC_STREAM_HOURS, METRIC_STREAMS_MAX};
use crate::model::metric::MetricMinute;
use crate::model::metric_total::{LastTotal, MetricTotal};
use crate::model::time::minute_of;

const HOUR_MS: i64 = 3_600_000;
/// Streams forgotten in one transaction.
const FORGET_ROWS: i64 = 1_000;

/// The minutes of a part, with what its totals add to them.
pub(super) fn minutes_of(
    tx: &Transaction<'_>,
    part: &MetricPart,
    received_ms: i64,
) -> Result<Vec<(i64, MetricMinute)>, StoreError> {
    if part.totals.is_empty() {
        return Ok(part.minutes.clone());
    }
    let mut minutes: BTreeMap<i64, MetricMinute> = part.minutes.iter().cloned().collect();
    for total in &part.totals {
        let heard_ns = hear_of(tx, total, received_ms)?;
        let growth = match last_total(tx, total.stream_key)? {
            Some(last) if total.time_ns <= last.time_ns => continue,
            Some(last) => total.growth_since(&last),
            None if total.is_news(heard_ns) => total.all(),
            None => None,
        };
        remember(tx, total, received_ms)?;
        if let Some(growth) = growth {
            let added = growth.into_minute(total.time_ns);
            let known = minutes.entry(minute_of(total.time_ns));
            known.and_modify(|known| known.merge(&added)).or_insert(added);
        }
    }
    for minute in minutes.values_mut() {
        minute.buckets.coarsen(METRIC_MINUTE_BUCKETS_MAX);
    }
    Ok(minutes.into_iter().collect())
}

/// Notes that the process lives, and says since when it is known to.
fn hear_of(tx: &Transaction<'_>, total: &MetricTotal, received_ms: i64) -> Result<i64, StoreError> {
    let mut known =
        tx.prepare_cached("SELECT first_ns, heard_hour FROM metric_source WHERE source_key = :source_key")?;
    let row: Option<(i64, i64)> = known
        .query_row(named_params! { ":source_key": total.source_key }, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let hour = received_ms / HOUR_MS;
    let first_ns = match row {
        Some((first_ns, heard_hour)) if heard_hour >= hour => return Ok(first_ns),
        Some((first_ns, _)) => first_ns,
        None => total.time_ns,
    };
    let mut statement = tx.prepare_cached(
        "INSERT INTO metric_source (source_key, first_ns, heard_hour) VALUES (:source_key, :first_ns, :hour)
         ON CONFLICT (source_key) DO UPDATE SET heard_hour = :hour",
    )?;
    statement.execute(named_params! { ":source_key": total.source_key, ":first_ns": first_ns, ":hour": hour })?;
    Ok(first_ns)
}

/// When a process was first heard of, by its own clock, unless it is forgotten.
pub(super) fn first_heard_ns(connection: &Connection, source_key: i64) -> Result<Option<i64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT first_ns FROM metric_source WHERE source_key = :source_key")?;
    Ok(statement.query_row(named_params! { ":source_key": source_key }, |row| row.get(0)).optional()?)
}

fn last_total(tx: &Transaction<'_>, stream_key: i64) -> Result<Option<LastTotal>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT time_ns, value, measured_count, buckets FROM metric_stream WHERE stream_key = :stream_key",
    )?;
    let row = statement.query_row(named_params! { ":stream_key": stream_key }, |row| {
        let buckets: Option<Vec<u8>> = row.get(3)?;
        Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.max(0) as u64, buckets))
    });
    let Some((time_ns, value, count, buckets)) = row.optional()? else { return Ok(None) };
    let buckets = buckets.as_deref().map(decode_buckets).transpose()?.unwrap_or_default();
    Ok(Some(LastTotal { time_ns, value, count, buckets }))
}

fn remember(tx: &Transaction<'_>, total: &MetricTotal, received_ms: i64) -> Result<(), StoreError> {
    let last = total.as_last();
    let mut statement = tx.prepare_cached(
        "INSERT INTO metric_stream (stream_key, time_ns, value, measured_count, buckets, heard_hour)
         VALUES (:stream_key, :time_ns, :value, :measured_count, :buckets, :heard_hour)
         ON CONFLICT (stream_key) DO UPDATE SET time_ns = excluded.time_ns, value = excluded.value,
             measured_count = excluded.measured_count, buckets = excluded.buckets, heard_hour = excluded.heard_hour",
    )?;
    statement.execute(named_params! {
        ":stream_key": total.stream_key,
        ":time_ns": last.time_ns,
        ":value": last.value,
        ":measured_count": last.count as i64,
        ":buckets": encode_buckets(&last.buckets),
        ":heard_hour": received_ms / HOUR_MS,
    })?;
    Ok(())
}

/// Chore: forgets totals and processes that were not heard of for a day, and beyond a number those heard of least lately.
pub(super) fn forget_totals(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let before_hour = keeper.now_ms() / HOUR_MS - METRIC_STREAM_HOURS;
    let forgotten = keeper.write(move |tx, _| forget(tx, before_hour, METRIC_STREAMS_MAX))?;
    Ok(if forgotten > 0 { Progress::More } else { Progress::Idle })
}

/// How many were forgotten, a bounded number at a time.
fn forget(tx: &Transaction<'_>, before_hour: i64, streams_max: u64) -> Result<usize, StoreError> {
    let old = named_params! { ":before_hour": before_hour, ":rows": FORGET_ROWS };
    let mut streams = tx.prepare_cached(
        "DELETE FROM metric_stream WHERE stream_key IN
            (SELECT stream_key FROM metric_stream WHERE heard_hour < :before_hour ORDER BY heard_hour LIMIT :rows)",
    )?;
    let mut sources = tx.prepare_cached(
        "DELETE FROM metric_source WHERE source_key IN
            (SELECT source_key FROM metric_source WHERE heard_hour < :before_hour ORDER BY heard_hour LIMIT :rows)",
    )?;
    let mut forgotten = streams.execute(old)? + sources.execute(old)?;
    let mut count = tx.prepare_cached("SELECT count(*) FROM metric_stream")?;
    let beyond = count.query_row([], |row| row.get::<_, i64>(0))? - streams_max as i64;
    if beyond > 0 {
        let mut statement = tx.prepare_cached(
            "DELETE FROM metric_stream WHERE stream_key IN
                (SELECT stream_key FROM metric_stream ORDER BY heard_hour LIMIT :rows)",
        )?;
        forgotten += statement.execute(named_params! { ":rows": beyond.min(FORGET_ROWS) })?;
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn database(streams: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE metric_stream (stream_key INTEGER PRIMARY KEY, heard_hour INTEGER NOT NULL);
                 CREATE TABLE metric_source (source_key INTEGER PRIMARY KEY, heard_hour INTEGER NOT NULL)",
            )
            .unwrap();
        for key in 0..streams {
            for table in ["metric_stream", "metric_source"] {
                connection.execute(&format!("INSERT INTO {table} VALUES (?1, ?1)"), [key]).unwrap();
            }
        }
        connection
    }

    fn left(connection: &Connection) -> (i64, i64) {
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
        (one("SELECT min(heard_hour) FROM metric_stream"), one("SELECT count(*) FROM metric_source"))
    }

    #[test]
    fn what_was_not_heard_of_for_a_day_is_forgotten_and_so_is_what_is_too_much() {
        let mut connection = database(50);
        let tx = connection.transaction().unwrap();
        assert_eq!(forget(&tx, 10, 100).unwrap(), 20);
        assert_eq!(forget(&tx, 10, 30).unwrap(), 10);
        assert_eq!(forget(&tx, 10, 30).unwrap(), 0);
        tx.commit().unwrap();
        assert_eq!(left(&connection), (20, 40));
    }
}
