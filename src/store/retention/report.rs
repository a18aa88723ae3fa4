//! The answer to "what takes how much room, and when does it go?".
//!
//! Reads and reckons; drops nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, named_params};

use super::super::{StoreError, StoreSettings};
use super::clock::AgeClock;
use super::plan::{DiskBound, Space, next_to_drop};
use super::{CLOCK, space};
use crate::config::{DROPPED_DAYS_SHOWN, Durability, MEASURE_NOW_BYTES, MaxSize};
use crate::model::storage::{DropCause, KindDropped, KindStored, StorageReport, StoredKind};
use crate::model::time::{DAY_MS, day_of};

/// Days that growth is reckoned from.
const GROWTH_DAYS: i64 = 7;

pub(in super::super) fn read_report(
    connection: &Connection,
    path: &Path,
    settings: &StoreSettings,
    now_ms: i64,
) -> Result<StorageReport, StoreError> {
    let space = space::read_space(connection, path)?;
    let counted = space::read_counted(connection)?;
    let measured_now = match space.used <= MEASURE_NOW_BYTES {
        true => space::measure(connection, Duration::from_secs(1))?,
        false => None,
    };
    let taken = match measured_now {
        Some(mut kinds) => {
            // Pages that hold the file together belong to no table.
            let sum: u64 = kinds.values().sum();
            *kinds.entry(StoredKind::Server).or_default() += space.used.saturating_sub(sum);
            kinds
        }
        None => {
            let measured = space::read_measured(connection)?;
            let mut taken = space::reckon(&counted, &measured, space.used);
            share_out(&mut taken, measured.get(&StoredKind::Server).map(|(pages, _)| *pages));
            taken
        }
    };
    let clock_ahead_since_ms = space::read_setting(connection, CLOCK)?
        .and_then(|text| AgeClock::from_text(&text))
        .and_then(|clock| clock.ahead_since_ms);
    let max_bytes = settings.max_size();
    let mut kinds = Vec::new();
    for kind in StoredKind::ALL {
        let counted = counted.get(&kind).copied().unwrap_or_default();
        let bytes = taken.get(&kind).copied().unwrap_or(0);
        let per_counted = if counted.bytes == 0 { 0.0 } else { bytes as f64 / counted.bytes as f64 };
        let growth = read_growth(connection, kind, now_ms)?;
        let oldest_ms = match kind {
            _ if kind.is_counted() => counted.oldest_day.map(|day| day * DAY_MS),
            StoredKind::Sessions => read_oldest_hour(connection, "SELECT min(hour) FROM release_hour")?,
            StoredKind::Counts => read_oldest_hour(connection, "SELECT min(hour) FROM outcome WHERE hour > 0")?,
            StoredKind::Issues => connection.query_row("SELECT min(first_seen_ms) FROM issue", [], |row| row.get(0))?,
            _ => None,
        };
        kinds.push(KindStored {
            kind,
            rows: kind.is_counted().then_some(counted.rows),
            bytes,
            oldest_ms,
            keep_days: settings.keep.days(kind),
            bytes_per_day: (growth * per_counted) as u64,
            next_drop: None,
        });
    }
    add_empty_to_rest(&mut kinds);
    let full_bytes = DiskBound::starting_at(&space).full(max_bytes);
    foresee(&mut kinds, &space, full_bytes, now_ms);
    Ok(StorageReport {
        path: path.display().to_string(),
        now_ms,
        kinds,
        used_bytes: space.used,
        free_page_bytes: space.free_pages,
        file_bytes: space.file,
        wal_bytes: space.wal,
        max_bytes,
        is_max_default: settings.keep.max_size == MaxSize::Auto,
        full_bytes,
        is_disk_short: space.room(max_bytes) < max_bytes,
        disk_bytes: space.disk,
        disk_free_bytes: space.disk_free,
        reserve_bytes: space.reserve(),
        can_shrink: space::can_shrink(connection)?,
        clock_ahead_since_ms,
        is_synced: settings.durability == Durability::Full,
        dropped: read_dropped(connection, now_ms)?,
    })
}

/// What was not foreseen of the pages in use belongs to what comes and goes: the rest, once measured, hardly grows, and
/// would otherwise jump with every flood.
fn share_out(taken: &mut BTreeMap<StoredKind, u64>, rest_measured: Option<u64>) {
    let Some(measured) = rest_measured else { return };
    let rest = taken.get(&StoredKind::Server).copied().unwrap_or(0);
    let sum: u64 = taken.iter().filter(|(kind, _)| kind.is_counted()).map(|(_, bytes)| bytes).sum();
    let surplus = rest.saturating_sub(measured);
    if sum == 0 || surplus == 0 {
        return;
    }
    let mut shared = 0;
    for (_, bytes) in taken.iter_mut().filter(|(kind, _)| kind.is_counted()) {
        let part = (surplus as f64 * *bytes as f64 / sum as f64) as u64;
        *bytes += part;
        shared += part;
    }
    taken.insert(StoredKind::Server, rest.saturating_sub(shared));
}

/// Tables and indexes without a row have pages, too: they are told with the rest, so that what is shown adds up.
fn add_empty_to_rest(kinds: &mut [KindStored]) {
    let mut bytes = 0;
    for kind in kinds.iter_mut().filter(|kind| !kind.holds_something()) {
        bytes += std::mem::take(&mut kind.bytes);
    }
    kinds.iter_mut().filter(|kind| kind.kind == StoredKind::Server).for_each(|rest| rest.bytes += bytes);
}

/// When the oldest of each kind goes: by its age, or before that, when everything grows as it does, by want of room. Only
/// the kind that will then be furthest above its share is touched.
fn foresee(kinds: &mut [KindStored], space: &Space, full_bytes: u64, now_ms: i64) {
    let growth: u64 = kinds.iter().map(|kind| kind.bytes_per_day).sum();
    let left = full_bytes.saturating_sub(space.used);
    let days_left = if growth == 0 { f64::INFINITY } else { left as f64 / growth as f64 };
    let then: Vec<(StoredKind, u64)> = kinds
        .iter()
        .filter(|kind| kind.kind.is_counted())
        .map(|kind| (kind.kind, kind.bytes + (kind.bytes_per_day as f64 * days_left.min(36_500.0)) as u64))
        .collect();
    let by_size = next_to_drop(&then, full_bytes);
    for kind in kinds {
        let Some(oldest_ms) = kind.oldest_ms else { continue };
        let by_age = kind.keep_days.filter(|days| *days > 0).map(|days| {
            // Days end when their last moment is too old.
            let at_ms = oldest_ms + i64::from(days) * DAY_MS;
            (at_ms.max(now_ms), DropCause::Age)
        });
        let by_size = (by_size == Some(kind.kind) && days_left < 3_650.0)
            .then(|| (now_ms + (days_left * DAY_MS as f64) as i64, DropCause::Size));
        kind.next_drop = match (by_age, by_size) {
            (Some(age), Some(size)) => Some(if size.0 < age.0 { size } else { age }),
            (age, size) => age.or(size),
        };
    }
}

/// Counted bytes a day: of the last whole days, or of today when there are none.
fn read_growth(connection: &Connection, kind: StoredKind, now_ms: i64) -> Result<f64, StoreError> {
    let today = day_of(now_ms);
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(bytes), 0), min(day) FROM stored_day WHERE kind = :kind AND day BETWEEN :first AND :last",
    )?;
    let mut read = |first: i64, last: i64| -> Result<(i64, Option<i64>), StoreError> {
        let bounds = named_params! { ":kind": kind.as_str(), ":first": first, ":last": last };
        Ok(statement.query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?)
    };
    let (bytes, first) = read(today - GROWTH_DAYS, today - 1)?;
    Ok(match first {
        Some(first) => bytes.max(0) as f64 / (today - first).max(1) as f64,
        None => read(today, today)?.0.max(0) as f64,
    })
}

fn read_oldest_hour(connection: &Connection, sql: &str) -> Result<Option<i64>, StoreError> {
    Ok(connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?.map(|hour| hour * 3_600_000))
}

fn read_dropped(connection: &Connection, now_ms: i64) -> Result<Vec<KindDropped>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, cause, day, row_count, bytes FROM dropped_day WHERE day > :first ORDER BY day DESC, bytes DESC",
    )?;
    let bounds = named_params! { ":first": day_of(now_ms) - DROPPED_DAYS_SHOWN };
    let rows = statement.query_map(bounds, |row| {
        let (kind, cause): (String, String) = (row.get(0)?, row.get(1)?);
        let number = |column| row.get::<_, i64>(column).map(|value| value.max(0) as u64);
        let (day, rows, bytes) = (row.get(2)?, number(3)?, number(4)?);
        let known = StoredKind::parse(&kind).zip(DropCause::parse(&cause));
        Ok(known.map(|(kind, cause)| KindDropped { kind, cause, day, rows, bytes }))
    })?;
    let mut dropped = Vec::new();
    for row in rows {
        // A kind of a newer version is nothing this one can tell of.
        dropped.extend(row?);
    }
    Ok(dropped)
}

/// When anything came in last.
pub(super) fn newest_received_ms(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut newest: Option<i64> = None;
    for table in
        ["event", "span_batch", "span_chunk", "log_batch", "log_chunk", "metric_batch", "blob", "check_in", "feedback"]
    {
        let sql = format!("SELECT max(received_ms) FROM (SELECT received_ms FROM {table} ORDER BY id DESC LIMIT 1)");
        newest = newest.max(connection.query_row(&sql, [], |row| row.get(0))?);
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: StoredKind, bytes: u64, bytes_per_day: u64, keep_days: u32) -> KindStored {
        KindStored {
            kind,
            rows: Some(1),
            bytes,
            oldest_ms: Some(10 * DAY_MS),
            keep_days: Some(keep_days),
            bytes_per_day,
            next_drop: None,
        }
    }

    #[test]
    fn what_is_empty_is_part_of_the_rest() {
        let mut kinds = [
            kind(StoredKind::Errors, 100, 0, 90),
            KindStored { rows: Some(0), ..kind(StoredKind::Logs, 30, 0, 90) },
            KindStored { rows: None, oldest_ms: None, ..kind(StoredKind::Sessions, 4, 0, 90) },
            KindStored { rows: None, oldest_ms: None, keep_days: None, ..kind(StoredKind::Server, 5, 0, 0) },
        ];
        add_empty_to_rest(&mut kinds);
        assert_eq!(kinds.map(|kind| kind.bytes), [100, 0, 0, 39]);
    }

    #[test]
    fn what_was_not_foreseen_of_a_flood_is_not_the_rest() {
        let mut taken = BTreeMap::from([(StoredKind::Errors, 100), (StoredKind::Spans, 300), (StoredKind::Server, 90)]);
        share_out(&mut taken, None);
        assert_eq!(taken[&StoredKind::Server], 90, "never measured");
        share_out(&mut taken, Some(50));
        assert_eq!(taken.into_values().collect::<Vec<_>>(), [110, 330, 50]);
    }

    #[test]
    fn the_oldest_goes_by_age_or_when_the_room_ends_whichever_is_first() {
        let now = 20 * DAY_MS;
        let space = Space { used: 1_000, ..Space::default() };
        let mut kinds = [kind(StoredKind::Errors, 100, 0, 90), kind(StoredKind::Spans, 900, 100, 30)];
        foresee(&mut kinds, &space, 2_000, now);
        assert_eq!(kinds[0].next_drop, Some((100 * DAY_MS, DropCause::Age)));
        assert_eq!(kinds[1].next_drop, Some((30 * DAY_MS, DropCause::Size)));
        // With more room, age comes first; without growth or age, nothing goes.
        foresee(&mut kinds, &space, 20_000, now);
        assert_eq!(kinds[1].next_drop, Some((40 * DAY_MS, DropCause::Age)));
        let mut kinds = [kind(StoredKind::Errors, 100, 0, 0)];
        foresee(&mut kinds, &space, 2_000, now);
        assert_eq!(kinds[0].next_drop, None);
        // What is too old already goes now.
        let mut kinds = [kind(StoredKind::Errors, 100, 0, 5)];
        foresee(&mut kinds, &space, 2_000, now);
        assert_eq!(kinds[0].next_drop, Some((now, DropCause::Age)));
    }
}
