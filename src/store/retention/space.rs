//! How much room there is and how much is taken: pages, the file, the disk, and what each kind has of it. And giving pages
//! back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::room::Sizes;
use super::super::{StoreError, StoreSettings};
use super::plan::{Space, default_max_size};
use crate::config::{COMPACT_AT_START_BYTES, MAX_SIZE_MIN, MaxSize};
use crate::model::storage::StoredKind;

/// The cap chosen at the first start.
pub(super) const MAX_SIZE: &str = "max_size_default";
/// `PRAGMA auto_vacuum`, when pages can be given back.
const INCREMENTAL: i64 = 2;

pub(in super::super) fn read_space(connection: &Connection, path: &Path) -> Result<Space, StoreError> {
    let number = |pragma: &str| -> Result<u64, StoreError> {
        Ok(connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))?.max(0) as u64)
    };
    let page_bytes = number("page_size")?;
    let (pages, free) = (number("page_count")?, number("freelist_count")?);
    let mut wal_path = path.as_os_str().to_owned();
    wal_path.push("-wal");
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    // A disk that does not tell has room: the cap holds, and writing says when it is full after all.
    let (disk, disk_free) = match rustix::fs::statvfs(path.parent().unwrap_or(Path::new("."))) {
        Ok(disk) => (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize),
        Err(_) => (u64::MAX / 4, u64::MAX / 4),
    };
    Ok(Space {
        used: pages.saturating_sub(free) * page_bytes,
        free_pages: free * page_bytes,
        file: length(path),
        wal: length(Path::new(&wal_path)),
        disk,
        disk_free,
    })
}

/// The cap that holds: as set, or as chosen at the first start. Called before the writer starts.
pub(in super::super) fn settle_max_size(
    connection: &Connection,
    path: &Path,
    settings: &mut StoreSettings,
) -> Result<(), StoreError> {
    if settings.keep.max_size != MaxSize::Auto {
        return Ok(());
    }
    let bytes = match read_default_max_size(connection)? {
        Some(bytes) => bytes,
        None => {
            let space = read_space(connection, path)?;
            let bytes = default_max_size(&space);
            if space.disk_free < 2 * MAX_SIZE_MIN {
                tracing::warn!(
                    free_bytes = space.disk_free,
                    wanted_bytes = 2 * MAX_SIZE_MIN,
                    "the disk has little room: it may fill before anything is dropped, and then nothing is stored for seconds"
                );
            }
            // Holds also when it cannot be written down, and is then chosen anew at the next start.
            settings.max_size_default = Some(bytes);
            connection.execute(
                "INSERT INTO setting (key, value) VALUES (:key, :value)",
                named_params! { ":key": MAX_SIZE, ":value": bytes.to_string() },
            )?;
            bytes
        }
    };
    settings.max_size_default = Some(bytes);
    Ok(())
}

pub(in super::super) fn read_default_max_size(connection: &Connection) -> Result<Option<u64>, StoreError> {
    Ok(read_setting(connection, MAX_SIZE)?.and_then(|text| text.parse().ok()))
}

/// More than a server keeps below its cap, in bytes: the oldest goes as soon as one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverMaxSize {
    pub used: u64,
    /// What stays of it, about.
    pub kept: u64,
    pub max_size: u64,
}

pub(in super::super) fn over_max_size(
    connection: &Connection,
    path: &Path,
    settings: &StoreSettings,
) -> Result<Option<OverMaxSize>, StoreError> {
    let used = read_space(connection, path)?.used;
    let max_size = settings.max_size();
    let kept = Sizes::of(max_size).full();
    Ok((used > kept).then_some(OverMaxSize { used, kept, max_size }))
}

const POLICY: &str = "keep";
const DURABILITY: &str = "durability";

/// Writes down what the running server goes by, for whoever asks from beside it.
pub(in super::super) fn remember_policy(connection: &Connection, settings: &StoreSettings) -> Result<(), StoreError> {
    let texts =
        [(POLICY, serde_json::to_string(&settings.keep)), (DURABILITY, serde_json::to_string(&settings.durability))];
    for (key, text) in texts {
        let Ok(text) = text else { continue };
        if read_setting(connection, key)?.as_ref() != Some(&text) {
            connection.execute(
                "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
                named_params! { ":key": key, ":value": text },
            )?;
        }
    }
    Ok(())
}

/// What the last server went by; before the first, what the settings say stays.
pub(in super::super) fn read_policy(connection: &Connection, settings: &mut StoreSettings) -> Result<(), StoreError> {
    if let Some(keep) = read_setting(connection, POLICY)?.and_then(|text| serde_json::from_str(&text).ok()) {
        settings.keep = keep;
    }
    if let Some(durability) = read_setting(connection, DURABILITY)?.and_then(|text| serde_json::from_str(&text).ok()) {
        settings.durability = durability;
    }
    Ok(())
}

pub(super) fn read_setting(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = :key")?;
    Ok(statement.query_row(named_params! { ":key": key }, |row| row.get(0)).optional()?)
}

pub(super) fn can_shrink(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0))? == INCREMENTAL)
}

/// Sees to it that free pages can be given back, when that takes no longer than a start may.
pub(in super::super) fn make_shrinkable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if can_shrink(connection)? {
        return Ok(());
    }
    let space = read_space(connection, path)?;
    if space.file > COMPACT_AT_START_BYTES || space.disk_free < 2 * space.file + space.reserve() {
        tracing::info!(
            bytes = space.file,
            "the database was made by an earlier version and keeps the room of what is dropped; `trapline storage --compact` \
             mends that while no server runs"
        );
        return Ok(());
    }
    tracing::info!(bytes = space.file, "rewriting the database once, so that room can be given back to the disk");
    let started = Instant::now();
    rewrite(connection)?;
    let after = read_space(connection, path)?;
    tracing::info!(bytes = after.used, ms = started.elapsed().as_millis() as u64, "the database is rewritten");
    Ok(())
}

/// The whole database without free pages, able to give back those to come. Needs as much free disk as it holds, twice.
pub(in super::super) fn rewrite(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

/// Gives back up to so many pages.
pub(super) fn give_back(connection: &Connection, pages: usize) -> Result<(), StoreError> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({pages})"))?;
    Ok(())
}

/// The pages of every kind, by looking at all of them; `None` when that takes too long.
pub(super) fn measure(
    connection: &Connection,
    limit: Duration,
) -> Result<Option<BTreeMap<StoredKind, u64>>, StoreError> {
    let deadline = Instant::now() + limit;
    let mut kinds: BTreeMap<StoredKind, u64> = BTreeMap::new();
    let mut blob_bytes = 0;
    let mut trees = connection.prepare(
        "SELECT name, tbl_name FROM sqlite_schema WHERE rootpage > 0
         UNION ALL SELECT 'sqlite_schema', 'sqlite_schema'",
    )?;
    let trees: Vec<(String, String)> =
        trees.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut size =
        connection.prepare("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = :name AND aggregate = 1")?;
    // One tree at a time, so that the log of a busy database is not held back for longer than for one of them.
    for (name, table) in trees {
        if Instant::now() > deadline {
            return Ok(None);
        }
        let bytes = size.query_row(named_params! { ":name": name }, |row| row.get::<_, i64>(0))?.max(0) as u64;
        match kind_of_table(&table) {
            Some(kind) => *kinds.entry(kind).or_default() += bytes,
            None => blob_bytes += bytes,
        }
    }
    let counted = read_counted(connection)?;
    let kept = |kind: StoredKind| counted.get(&kind).map_or(0, |counted| counted.bytes);
    let files = [StoredKind::Profiles, StoredKind::Replays, StoredKind::Attachments];
    let all: u64 = files.into_iter().map(kept).sum();
    for kind in files {
        let part = if all == 0 { blob_bytes / 3 } else { (blob_bytes as f64 * kept(kind) as f64 / all as f64) as u64 };
        *kinds.entry(kind).or_default() += part;
    }
    Ok(Some(kinds))
}

/// Whose rows a table holds; `None` for the bytes of files, which are told apart by what names them.
fn kind_of_table(table: &str) -> Option<StoredKind> {
    let named = [
        ("event", StoredKind::Errors),
        ("fact_", StoredKind::Errors),
        ("dictionary", StoredKind::Errors),
        ("span", StoredKind::Spans),
        ("trace", StoredKind::Spans),
        ("log", StoredKind::Logs),
        ("metric", StoredKind::Metrics),
        ("perf_", StoredKind::Performance),
        ("attachment", StoredKind::Attachments),
        ("profile", StoredKind::Profiles),
        ("replay", StoredKind::Replays),
        ("check_in", StoredKind::CheckIns),
        ("feedback", StoredKind::Feedback),
        ("session", StoredKind::Sessions),
        ("delivery", StoredKind::Sessions),
        ("release_", StoredKind::Sessions),
        ("issue_hour", StoredKind::Counts),
        ("outcome", StoredKind::Counts),
        ("client_discard", StoredKind::Counts),
        ("key_use", StoredKind::Counts),
        ("issue", StoredKind::Issues),
        ("release", StoredKind::Issues),
    ];
    if table.starts_with("blob") {
        return None;
    }
    let known = named.into_iter().find(|(start, _)| table.starts_with(start));
    Some(known.map_or(StoredKind::Server, |(_, kind)| kind))
}

/// What the triggers counted of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) oldest_day: Option<i64>,
}

pub(super) fn read_counted(connection: &Connection) -> Result<BTreeMap<StoredKind, Counted>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, sum(row_count), sum(bytes), min(iif(row_count > 0, day, NULL)) FROM stored_day GROUP BY kind",
    )?;
    let rows = statement.query_map([], |row| {
        let counted = Counted {
            rows: row.get::<_, i64>(1)?.max(0) as u64,
            bytes: row.get::<_, i64>(2)?.max(0) as u64,
            oldest_day: row.get(3)?,
        };
        Ok((row.get::<_, String>(0)?, counted))
    })?;
    let mut kinds = BTreeMap::new();
    for row in rows {
        let (name, counted) = row?;
        kinds.extend(StoredKind::parse(&name).map(|kind| (kind, counted)));
    }
    Ok(kinds)
}

/// When each kind was measured last: pages, and what was counted of it at that time.
pub(super) fn read_measured(connection: &Connection) -> Result<BTreeMap<StoredKind, (u64, u64)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT kind, page_bytes, counted_bytes FROM stored_measure")?;
    let rows = statement.query_map([], |row| {
        let number = |column| row.get::<_, i64>(column).map(|value| value.max(0) as u64);
        Ok((row.get::<_, String>(0)?, (number(1)?, number(2)?)))
    })?;
    let mut kinds = BTreeMap::new();
    for row in rows {
        let (name, measured) = row?;
        kinds.extend(StoredKind::parse(&name).map(|kind| (kind, measured)));
    }
    Ok(kinds)
}

/// Pages of each kind, reckoned from what is counted now and what a counted byte took when it was measured.
pub(super) fn reckon(
    counted: &BTreeMap<StoredKind, Counted>,
    measured: &BTreeMap<StoredKind, (u64, u64)>,
    used: u64,
) -> BTreeMap<StoredKind, u64> {
    /// Below this a measure says more about empty pages than about rows.
    const TELLING_BYTES: u64 = 256 << 10;
    /// Of a byte in a row, indexes and slack included, when nothing better is known.
    const USUAL: f64 = 1.3;
    let mut kinds = BTreeMap::new();
    for kind in StoredKind::ALL {
        let now = counted.get(&kind).map_or(0, |counted| counted.bytes);
        let bytes = match measured.get(&kind) {
            Some((pages, _)) if !kind.is_counted() => *pages,
            Some((pages, then)) if *then >= TELLING_BYTES => (now as f64 * *pages as f64 / *then as f64) as u64,
            _ => (now as f64 * USUAL) as u64,
        };
        kinds.insert(kind, bytes);
    }
    // What is known exactly is the sum; the difference stands where nothing is counted.
    let sum: u64 = kinds.values().sum();
    if sum > used {
        for bytes in kinds.values_mut() {
            *bytes = (*bytes as f64 * used as f64 / sum as f64) as u64;
        }
    }
    let sum: u64 = kinds.values().sum();
    *kinds.entry(StoredKind::Server).or_default() += used.saturating_sub(sum);
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_belongs_to_somebody() {
        for (table, kind) in [
            ("event", Some(StoredKind::Errors)),
            ("event_dictionary", Some(StoredKind::Errors)),
            ("span_chunk", Some(StoredKind::Spans)),
            ("trace_part", Some(StoredKind::Spans)),
            ("log_trace", Some(StoredKind::Logs)),
            ("release_users", Some(StoredKind::Sessions)),
            ("release", Some(StoredKind::Issues)),
            ("issue_hour", Some(StoredKind::Counts)),
            ("issue_environment", Some(StoredKind::Issues)),
            ("blob_chunk", None),
            ("setting", Some(StoredKind::Server)),
        ] {
            assert_eq!(kind_of_table(table), kind, "{table}");
        }
    }

    #[test]
    fn what_is_reckoned_adds_up_to_what_is_used() {
        let counted = |bytes| Counted { rows: 1, bytes, oldest_day: None };
        let counted = BTreeMap::from([(StoredKind::Errors, counted(10 << 20)), (StoredKind::Spans, counted(1 << 20))]);
        let measured = BTreeMap::from([(StoredKind::Errors, (2 << 20, 1 << 20)), (StoredKind::Issues, (3 << 20, 0))]);
        let kinds = reckon(&counted, &measured, 40 << 20);
        assert_eq!(kinds[&StoredKind::Errors], 20 << 20);
        assert_eq!(kinds[&StoredKind::Issues], 3 << 20);
        assert_eq!(kinds.values().sum::<u64>(), 40 << 20);
        let short = reckon(&counted, &measured, 5 << 20);
        assert!(short.values().sum::<u64>() <= 5 << 20);
        assert!(short[&StoredKind::Errors] > short[&StoredKind::Issues]);
    }
}
