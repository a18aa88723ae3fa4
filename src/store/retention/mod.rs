//! What is dropped and when: what is older than it is kept, and what is oldest when room is short.
//!
//! Owns the keeper's turn at it, the measuring of slices and the order of the work. Knows no table: what goes with a row is
//! in [`drops`], what goes next in [`plan`]. Issues are never dropped.

mod clock;
mod drops;
mod plan;
mod report;
mod space;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Transaction, named_params};

use super::StoreError;
use super::keeper::{Chore, Keeper, Progress};
use super::room::Sizes;
use crate::config::{
    AGE_LOOK_MS, COMMIT_BYTES_MAX, KEEPER_PAUSE_MS, MEASURE_BYTES_MAX, MEASURE_MS, RETENTION_TURN_BEHIND_MS,
    RETENTION_TURN_MS,
};
use crate::model::storage::{DropCause, StoredKind};
use crate::model::time::day_of;
use clock::AgeClock;
use drops::Cut;
use plan::{DiskBound, SliceRows, next_to_drop, too_old_before};

#[cfg(test)]
pub(super) use drops::drop_loose_chunks;
pub(super) use drops::{COUNTS_SUMMED_TO, ISSUE_HOURS_FROM, give_up_blob, remember_summed};
pub(super) use plan::Space;
pub(super) use report::read_report;
pub use space::OverMaxSize;
pub(super) use space::{
    make_shrinkable, over_max_size, read_default_max_size, read_policy, read_space, remember_policy, rewrite,
    settle_max_size,
};

pub(super) const CHORE: Chore = Chore { name: "retention", run: look, every_ms: KEEPER_PAUSE_MS };

/// The clock that age is reckoned by, as remembered.
const CLOCK: &str = "retention_clock";
/// Between two times the clock is written down, in milliseconds.
const CLOCK_WRITE_MS: i64 = 600_000;
/// Of the hard limit on the file's growth, in time and in bytes it may be wrong by.
const LIMIT_EVERY: Duration = Duration::from_secs(10);

/// What is remembered from turn to turn.
pub(super) struct Retention {
    path: PathBuf,
    clock: Option<AgeClock>,
    /// As last written down.
    clock_written: Option<AgeClock>,
    slices: BTreeMap<StoredKind, SliceRows>,
    loose: SliceRows,
    pages: SliceRows,
    /// Kinds that are still to be looked at for age in this round; empty when it is over.
    ageing: Vec<StoredKind>,
    /// Where the round through the hours of issues is, and when the next one begins.
    issue_hours: Option<i64>,
    next_age: Instant,
    next_issue_hours: Instant,
    next_measure: Instant,
    next_limit: Instant,
    /// What the file was last allowed to grow to by the cap, and by the cap and the disk.
    file_max: u64,
    bound: u64,
    /// While more is used than the cap allows, as when it was lowered: the least that was.
    lowest_over: Option<u64>,
    /// What the disk allows, as of the last look and when that was.
    disk: Option<(DiskBound, Instant)>,
    /// Room is short and nothing was left to drop.
    is_stuck: bool,
    /// Said once for each time that room is short and nothing is left to drop.
    has_complained: bool,
}

impl Retention {
    pub(super) fn new(path: &Path) -> Self {
        let now = Instant::now();
        Self {
            path: path.to_path_buf(),
            clock: None,
            clock_written: None,
            slices: BTreeMap::new(),
            loose: SliceRows::default(),
            pages: SliceRows::default(),
            ageing: Vec::new(),
            issue_hours: None,
            next_age: now,
            next_issue_hours: now,
            // Not in the first moments, when there is most to do.
            next_measure: now + Duration::from_secs(10),
            next_limit: now,
            file_max: 0,
            bound: 0,
            lowest_over: None,
            disk: None,
            is_stuck: false,
            has_complained: false,
        }
    }
}

/// One turn, of about [`RETENTION_TURN_MS`] at most.
fn look(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let until = Instant::now() + Duration::from_millis(RETENTION_TURN_MS);
    let space = space::read_space(&keeper.reader, &keeper.retention.path)?;
    limit_growth(keeper, &space)?;
    let now = Instant::now();
    let disk = match keeper.retention.disk {
        Some((known, at)) => known.look(&space, now.saturating_duration_since(at)),
        None => DiskBound::starting_at(&space),
    };
    keeper.retention.disk = Some((disk, now));
    if let Some(progress) = drop_for_room(keeper, &space, disk, until)? {
        return Ok(progress);
    }
    if drop_for_age(keeper, until)? == Progress::More || drop_loose(keeper)? == Progress::More {
        return Ok(Progress::More);
    }
    if give_back(keeper, &space, until)? == Progress::More {
        return Ok(Progress::More);
    }
    measure(keeper, &space)?;
    Ok(Progress::Idle)
}

/// The file does not grow beyond its part of the cap, nor into the last of the disk: SQLite refuses, as it does when the
/// disk is full. Free pages are filled all the same. Long before that, senders wait.
fn limit_growth(keeper: &mut Keeper, space: &Space) -> Result<(), StoreError> {
    let sizes = Sizes::of(keeper.settings.max_size());
    let is_over = space.used > sizes.file();
    let lowest_over = is_over.then(|| keeper.retention.lowest_over.unwrap_or(u64::MAX).min(space.used));
    keeper.retention.lowest_over = lowest_over;
    let upkeep = sizes.file() - sizes.senders();
    let (senders, file_max) = match lowest_over {
        // What is never dropped has taken the cap: refusing everything else for good would help nobody.
        _ if keeper.retention.is_stuck => (u64::MAX, u64::MAX),
        // The cap was lowered: what comes in takes the place of what goes until all of it fits.
        Some(lowest) => (lowest.saturating_add(upkeep), lowest.saturating_add(2 * upkeep)),
        None => (sizes.senders(), sizes.file()),
    };
    keeper.gate().set_limit(senders, file_max < space.file_max());
    let bound = file_max.min(space.file_max());
    let known = keeper.retention.bound;
    // A disk that was full and has room again is not waited for, nor is one that others took much of.
    let is_moved = bound > known.saturating_add(COMMIT_BYTES_MAX as u64) || bound.saturating_add(file_max / 16) < known;
    if file_max == keeper.retention.file_max && !is_moved && Instant::now() < keeper.retention.next_limit {
        return Ok(());
    }
    keeper.retention.file_max = file_max;
    keeper.retention.next_limit = Instant::now() + LIMIT_EVERY;
    keeper.retention.bound = bound;
    keeper.with_connection(move |connection| {
        let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        // SQLite's own largest number of pages.
        let pages = (bound / page_bytes.max(512) as u64).clamp(1, 0xffff_fffe);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    })
}

/// Until so little is used, the oldest goes.
fn aim(keeper: &Keeper, disk: DiskBound) -> u64 {
    let max_size = keeper.settings.max_size();
    let wanted = keeper.gate().wanted();
    disk.full(max_size).min(Sizes::of(max_size).senders().saturating_sub(wanted))
}

/// `None` when there is room.
fn drop_for_room(
    keeper: &mut Keeper,
    space: &Space,
    disk: DiskBound,
    until: Instant,
) -> Result<Option<Progress>, StoreError> {
    let max_size = keeper.settings.max_size();
    let mut used = space.used;
    if used <= aim(keeper, disk) {
        keeper.retention.has_complained = false;
        keeper.retention.is_stuck = false;
        return Ok(None);
    }
    let latest = until + Duration::from_millis(RETENTION_TURN_BEHIND_MS - RETENTION_TURN_MS);
    loop {
        let aim = aim(keeper, disk);
        if used <= aim {
            break;
        }
        // Bytes of files follow the rows that named them; until they are gone it cannot be told whether more must go.
        let mut dropped = drop_loose_slice(keeper)?;
        if dropped == 0 {
            dropped = drop_oldest_of_largest(keeper, used, used - aim, space.room(max_size))?;
        }
        used = space::read_space(&keeper.reader, &keeper.retention.path)?.used;
        keeper.retention.is_stuck = dropped == 0;
        if dropped == 0 {
            if !keeper.retention.has_complained {
                keeper.retention.has_complained = true;
                tracing::warn!(used, max_size, "more room is taken than max_size allows, by what is never dropped");
            }
            return Ok(None);
        }
        // Senders that wait are worth more than the other chores.
        let until = if keeper.gate().wanted() > 0 { latest } else { until };
        if Instant::now() > until || keeper.is_stopping() {
            break;
        }
    }
    Ok(Some(Progress::More))
}

/// Of the kind that is to give something up; about as many rows as make up `excess` bytes, or a slice of them.
fn drop_oldest_of_largest(keeper: &mut Keeper, used: u64, excess: u64, room: u64) -> Result<usize, StoreError> {
    let counted = space::read_counted(&keeper.reader)?;
    let kinds = space::reckon(&counted, &space::read_measured(&keeper.reader)?, used);
    let mut taken: Vec<(StoredKind, u64)> =
        kinds.into_iter().filter(|(kind, _)| counted.get(kind).is_some_and(|counted| counted.bytes > 0)).collect();
    while let Some(kind) = next_to_drop(&taken, room) {
        let bytes = taken.iter().find(|(known, _)| *known == kind).map_or(0, |(_, bytes)| *bytes);
        let rows = counted.get(&kind).map_or(0, |counted| counted.rows);
        let enough = excess / (bytes / rows.max(1)).max(1) + 1;
        let cut = Cut { before_ms: i64::MAX, rows: usize::try_from(enough).unwrap_or(usize::MAX) };
        let dropped = drop_slice(keeper, kind, cut, DropCause::Size)?;
        if dropped > 0 {
            return Ok(dropped);
        }
        // It has nothing to give up after all, and leaves its turn to the next.
        taken.retain(|(known, _)| *known != kind);
    }
    Ok(0)
}

fn drop_for_age(keeper: &mut Keeper, until: Instant) -> Result<Progress, StoreError> {
    if keeper.retention.ageing.is_empty() && keeper.retention.issue_hours.is_none() {
        if Instant::now() < keeper.retention.next_age {
            return Ok(Progress::Idle);
        }
        keeper.retention.next_age = Instant::now() + Duration::from_millis(AGE_LOOK_MS);
        look_at_clock(keeper)?;
        keeper.retention.ageing = StoredKind::ALL.into_iter().filter(|kind| !kind.is_for_ever()).collect();
        if Instant::now() >= keeper.retention.next_issue_hours {
            keeper.retention.next_issue_hours = Instant::now() + Duration::from_secs(86_400);
            keeper.retention.issue_hours = Some(i64::MIN);
        }
    }
    let Some(clock) = keeper.retention.clock else { return Ok(Progress::Idle) };
    while let Some(kind) = keeper.retention.ageing.last().copied() {
        let days = keeper.settings.keep.days(kind).unwrap_or(0);
        let dropped = match too_old_before(days, clock.now_ms) {
            Some(before_ms) => drop_slice(keeper, kind, Cut { before_ms, rows: usize::MAX }, DropCause::Age)?,
            None => 0,
        };
        if dropped == 0 {
            keeper.retention.ageing.pop();
        }
        if Instant::now() > until || keeper.is_stopping() {
            return Ok(Progress::More);
        }
    }
    if let Some(after) = keeper.retention.issue_hours {
        let before_ms = too_old_before(keeper.settings.keep.counts, clock.now_ms);
        let rows = keeper.retention.loose.0;
        keeper.retention.issue_hours = match before_ms {
            Some(before_ms) => {
                let started_at = clock.now_ms;
                keeper.write(move |tx, _| {
                    drops::forget_sessions(tx, started_at)?;
                    drops::drop_issue_hours(tx, after, before_ms, rows)
                })?
            }
            None => None,
        };
        return Ok(Progress::More);
    }
    Ok(Progress::Idle)
}

/// Believes the machine's clock or does not, and remembers.
fn look_at_clock(keeper: &mut Keeper) -> Result<(), StoreError> {
    let known = match keeper.retention.clock {
        Some(known) => known,
        None => match space::read_setting(&keeper.reader, CLOCK)?.as_deref().and_then(AgeClock::from_text) {
            Some(known) => known,
            None => AgeClock::starting_at(report::newest_received_ms(&keeper.reader)?.unwrap_or(keeper.now_ms())),
        },
    };
    let clock = known.look(keeper.now_ms());
    keeper.retention.clock = Some(clock);
    let is_told = keeper.retention.clock_written.is_some_and(|written| {
        written.ahead_since_ms == clock.ahead_since_ms && (clock.now_ms - written.now_ms).abs() < CLOCK_WRITE_MS
    });
    if is_told {
        return Ok(());
    }
    if let Some(since_ms) = clock.ahead_since_ms.filter(|_| known.ahead_since_ms != clock.ahead_since_ms) {
        tracing::warn!(
            since_ms,
            "the clock is far ahead of what came in last; nothing is dropped for its age until it has stayed there for a day"
        );
    }
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached(
            "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
        )?;
        statement.execute(named_params! { ":key": CLOCK, ":value": clock.to_text() })?;
        Ok(())
    })?;
    keeper.retention.clock_written = Some(clock);
    Ok(())
}

/// One slice of one kind, of no more rows than fit into it; how many it took.
fn drop_slice(keeper: &mut Keeper, kind: StoredKind, cut: Cut, cause: DropCause) -> Result<usize, StoreError> {
    let slice = keeper.retention.slices.get(&kind).copied().unwrap_or_default();
    let cut = Cut { rows: cut.rows.min(slice.0), ..cut };
    let day = day_of(keeper.now_ms());
    let (rows, took) = keeper.write(move |tx, _| {
        let started = Instant::now();
        let before = counted(tx, kind)?;
        let rows = drops::drop_oldest(tx, kind, cut)?;
        let after = counted(tx, kind)?;
        count_dropped(tx, kind, cause, day, before.0 - after.0, before.1 - after.1)?;
        Ok((rows, started.elapsed()))
    })?;
    keeper.retention.slices.insert(kind, slice.after(rows, took));
    Ok(rows)
}

fn counted(tx: &Transaction<'_>, kind: StoredKind) -> Result<(i64, i64), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT coalesce(sum(row_count), 0), coalesce(sum(bytes), 0) FROM stored_day WHERE kind = :kind",
    )?;
    Ok(statement.query_row(named_params! { ":kind": kind.as_str() }, |row| Ok((row.get(0)?, row.get(1)?)))?)
}

fn count_dropped(
    tx: &Transaction<'_>,
    kind: StoredKind,
    cause: DropCause,
    day: i64,
    rows: i64,
    bytes: i64,
) -> Result<(), StoreError> {
    if rows <= 0 && bytes <= 0 {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO dropped_day (kind, cause, day, row_count, bytes) VALUES (:kind, :cause, :day, :rows, :bytes)
         ON CONFLICT (kind, cause, day) DO UPDATE SET row_count = row_count + :rows, bytes = bytes + :bytes",
    )?;
    statement.execute(named_params! {
        ":kind": kind.as_str(), ":cause": cause.as_str(), ":day": day, ":rows": rows, ":bytes": bytes,
    })?;
    // Days that hold nothing any more.
    let mut statement =
        tx.prepare_cached("DELETE FROM stored_day WHERE kind = :kind AND row_count <= 0 AND bytes <= 0")?;
    statement.execute(named_params! { ":kind": kind.as_str() })?;
    Ok(())
}

fn drop_loose(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    Ok(if drop_loose_slice(keeper)? > 0 { Progress::More } else { Progress::Idle })
}

fn drop_loose_slice(keeper: &mut Keeper) -> Result<usize, StoreError> {
    let now_ms = keeper.retention.clock.map_or(0, |clock| clock.now_ms);
    if !drops::has_loose_blob(&keeper.reader, now_ms, keeper.awaited())? {
        return Ok(0);
    }
    let (slice, awaited) = (keeper.retention.loose, keeper.awaited().clone());
    let (rows, took) = keeper.write(move |tx, _| {
        let started = Instant::now();
        let rows = drops::drop_loose_chunks(tx, now_ms, slice.0, &awaited)?;
        Ok((rows, started.elapsed()))
    })?;
    keeper.retention.loose = slice.after(rows, took);
    Ok(rows)
}

/// Free pages go back to the file system, but for some that will be filled again soon.
fn give_back(keeper: &mut Keeper, space: &Space, until: Instant) -> Result<Progress, StoreError> {
    let mut space = *space;
    while space.surplus() > 0 && space::can_shrink(&keeper.reader)? {
        if Instant::now() > until || keeper.is_stopping() {
            return Ok(Progress::More);
        }
        let slice = keeper.retention.pages;
        let took = keeper.with_connection(move |connection| {
            let started = Instant::now();
            space::give_back(connection, slice.0)?;
            Ok(started.elapsed())
        })?;
        keeper.retention.pages = slice.after(slice.0, took);
        space = space::read_space(&keeper.reader, &keeper.retention.path)?;
    }
    Ok(Progress::Idle)
}

fn measure(keeper: &mut Keeper, space: &Space) -> Result<(), StoreError> {
    if Instant::now() < keeper.retention.next_measure {
        return Ok(());
    }
    keeper.retention.next_measure = Instant::now() + Duration::from_millis(MEASURE_MS);
    if space.used > MEASURE_BYTES_MAX {
        return Ok(());
    }
    let Some(pages) = space::measure(&keeper.reader, Duration::from_secs(2))? else { return Ok(()) };
    let counted = space::read_counted(&keeper.reader)?;
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached(
            "INSERT OR REPLACE INTO stored_measure (kind, page_bytes, counted_bytes) VALUES (:kind, :pages, :counted)",
        )?;
        for (kind, pages) in &pages {
            let counted = counted.get(kind).map_or(0, |counted| counted.bytes);
            statement.execute(named_params! {
                ":kind": kind.as_str(), ":pages": *pages as i64, ":counted": counted as i64,
            })?;
        }
        Ok(())
    })
}
