//! What `trapline storage` prints: the report as a table for people, or as JSON for programs.
//!
//! Text in the width of a terminal; knows no database and decides nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::COMMIT_BYTES_MAX;
use crate::model::storage::{DropCause, KindStored, StorageReport, StoredKind};
use crate::model::time::{DAY_MS, HOUR_MS, rfc3339};

const BAR_CELLS: usize = 16;

/// The table. `is_bold` when a terminal shows it.
pub(super) fn table(report: &StorageReport, is_bold: bool) -> String {
    let (bold, dim, plain) = if is_bold { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut text = String::new();
    let percent = report.used_bytes as f64 * 100.0 / report.max_bytes.max(1) as f64;
    let chosen = if report.is_max_default { ", chosen at the first start" } else { "" };
    let _ = write!(
        text,
        "\n  {bold}{}{plain}\n  {} of {} in use ({percent:.0} %{chosen})\n  {}\n\n",
        report.path,
        bytes(report.used_bytes),
        bytes(report.max_bytes),
        bar(report.used_bytes, report.max_bytes, 60),
    );
    let shown = report.kinds.iter().filter(|kind| kind.holds_something());
    let rows: Vec<[String; 7]> = shown.map(|kind| row(kind, report)).chain([sum(report)]).collect();
    let head = ["", "rows", "bytes", "share", "oldest", "kept for", "the oldest goes"].map(str::to_string);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for (index, line) in [&head].into_iter().chain(&rows).enumerate() {
        text.push_str("  ");
        if index == 0 {
            text.push_str(dim);
        }
        for (column, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            let is_number = matches!(column, 1 | 2);
            let _ = if is_number { write!(text, "{pad}{cell}  ") } else { write!(text, "{cell}{pad}  ") };
        }
        let end = text.trim_end().len();
        text.truncate(end);
        text.push_str(if index == 0 { plain } else { "" });
        text.push('\n');
    }
    let _ = write!(
        text,
        "\n  Beside that {} of free pages, filled again or given back to the disk, and a write-ahead log of {}: both grow \
         while\n  much comes in. The file is {}. Disk: {} free of {}, {} always left.\n",
        bytes(report.free_page_bytes),
        bytes(report.wal_bytes),
        bytes(report.file_bytes),
        bytes(report.disk_free_bytes),
        bytes(report.disk_bytes),
        bytes(report.reserve_bytes),
    );
    if report.full_bytes > 0 {
        let _ = writeln!(
            text,
            "  When {} are in use, the oldest of what takes more than its share goes; what is new is always taken.",
            bytes(report.full_bytes)
        );
    }
    for (kind, cause, rows, freed) in dropped(report) {
        let why = match cause {
            DropCause::Age => "too old",
            DropCause::Size => "no room",
        };
        let _ =
            writeln!(text, "  Dropped in the last 30 days, {why}: {} {}, {}.", count(rows), words(kind), bytes(freed));
    }
    for note in notes(report) {
        let _ = writeln!(text, "  {bold}{note}{plain}");
    }
    text.push('\n');
    text
}

fn words(kind: StoredKind) -> String {
    kind.words().to_lowercase()
}

/// What is worth a line of its own.
fn notes(report: &StorageReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.disk_free_bytes < COMMIT_BYTES_MAX as u64 {
        notes.push(format!(
            "The disk is full ({} left): a running server answers 503 and stores nothing. Free some space on the disk of {}; \
             it goes on by itself then.",
            bytes(report.disk_free_bytes),
            report.path
        ));
    } else if report.is_disk_short {
        notes.push("The disk has no more room than this: less is kept than max_size allows.".to_string());
    }
    if let Some(since_ms) = report.clock_ahead_since_ms {
        notes.push(format!(
            "Since {} the clock is far ahead of what came in last: nothing is dropped for its age until it has stayed \
             there for a day.",
            day(since_ms)
        ));
    }
    if !report.can_shrink {
        notes.push(
            "The file was made by an earlier version and does not get smaller: stop the server and run `trapline storage \
             --compact` once."
                .to_string(),
        );
    }
    notes
}

/// The sum of the kinds above it.
fn sum(report: &StorageReport) -> [String; 7] {
    let mut row: [String; 7] = Default::default();
    (row[0], row[2]) = ("Together".to_string(), bytes(report.used_bytes));
    row
}

fn row(kind: &KindStored, report: &StorageReport) -> [String; 7] {
    [
        kind.kind.words().to_string(),
        kind.rows.map_or(String::new(), count),
        bytes(kind.bytes),
        format!("{} {:>3.0} %", bar(kind.bytes, report.used_bytes, BAR_CELLS), share(kind, report)),
        kind.oldest_ms.map_or(String::new(), day),
        match kind.keep_days {
            None => "ever".to_string(),
            Some(0) => "as long as there is room".to_string(),
            Some(days) => format!("{days} days"),
        },
        match kind.next_drop {
            None => String::new(),
            Some((at_ms, cause)) => {
                // What has just come and is kept 90 days goes in 90 days, not in 89.
                let days = (at_ms - report.now_ms + HOUR_MS).div_euclid(DAY_MS);
                let when = match days {
                    ..=0 => "within a day".to_string(),
                    1 => "in 1 day".to_string(),
                    days => format!("in {days} days"),
                };
                let why = if cause == DropCause::Size { ", no room" } else { "" };
                format!("{when}{why}")
            }
        },
    ]
}

fn share(kind: &KindStored, report: &StorageReport) -> f64 {
    kind.bytes as f64 * 100.0 / report.used_bytes.max(1) as f64
}

/// Over the days, largest first.
fn dropped(report: &StorageReport) -> Vec<(StoredKind, DropCause, u64, u64)> {
    let mut sums: Vec<(StoredKind, DropCause, u64, u64)> = Vec::new();
    for day in &report.dropped {
        match sums.iter_mut().find(|(kind, cause, ..)| (*kind, *cause) == (day.kind, day.cause)) {
            Some((_, _, rows, bytes)) => (*rows, *bytes) = (*rows + day.rows, *bytes + day.bytes),
            None => sums.push((day.kind, day.cause, day.rows, day.bytes)),
        }
    }
    sums.sort_by_key(|(.., bytes)| std::cmp::Reverse(*bytes));
    sums
}

/// Eighths of a cell, so that a small part is seen to be there.
fn bar(part: u64, whole: u64, cells: usize) -> String {
    let eighths = (part.min(whole) as f64 * cells as f64 * 8.0 / whole.max(1) as f64).round() as usize;
    let eighths = if part > 0 { eighths.max(1) } else { 0 };
    let mut text = "█".repeat(eighths / 8);
    text.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    let length = text.chars().count();
    text.extend(std::iter::repeat_n('·', cells.saturating_sub(length)));
    text
}

pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn day(unix_ms: i64) -> String {
    rfc3339(unix_ms)[..10].to_string()
}

/// For programs: bytes and unix milliseconds.
pub(super) fn to_json(report: &StorageReport) -> Value {
    let kinds: Vec<Value> = report
        .kinds
        .iter()
        .map(|kind| {
            json!({
                "kind": kind.kind.as_str(),
                "rows": kind.rows,
                "bytes": kind.bytes,
                "oldest_ms": kind.oldest_ms,
                "keep_days": kind.keep_days,
                "bytes_per_day": kind.bytes_per_day,
                "next_drop_ms": kind.next_drop.map(|(at_ms, _)| at_ms),
                "next_drop_cause": kind.next_drop.map(|(_, cause)| cause.as_str()),
            })
        })
        .collect();
    let dropped: Vec<Value> = report
        .dropped
        .iter()
        .map(|day| {
            json!({
                "kind": day.kind.as_str(),
                "cause": day.cause.as_str(),
                "day": self::day(day.day * DAY_MS),
                "rows": day.rows,
                "bytes": day.bytes,
            })
        })
        .collect();
    json!({
        "path": report.path,
        "used_bytes": report.used_bytes,
        "free_page_bytes": report.free_page_bytes,
        "file_bytes": report.file_bytes,
        "wal_bytes": report.wal_bytes,
        "max_bytes": report.max_bytes,
        "is_max_default": report.is_max_default,
        "full_bytes": report.full_bytes,
        "is_disk_short": report.is_disk_short,
        "disk_bytes": report.disk_bytes,
        "disk_free_bytes": report.disk_free_bytes,
        "reserve_bytes": report.reserve_bytes,
        "can_shrink": report.can_shrink,
        "clock_ahead_since_ms": report.clock_ahead_since_ms,
        "kinds": kinds,
        "dropped": dropped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_counts_and_bars_read_well() {
        let sizes = [0, 1023, 1024, 1536, (1 << 20) - 1, 10 << 30].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "10.0 GiB"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [(0, 10), (10, 10), (5, 10), (1, 1_000_000)].map(|(part, whole)| bar(part, whole, 4)),
            ["····", "████", "██··", "▏···"]
        );
        assert_eq!(bar(20, 10, 2), "██");
    }
}
