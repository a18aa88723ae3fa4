//! What `trapline storage` prints: the report as a table for people, or as JSON for programs.
//!
//! Text in the width of a terminal; knows no database and decides nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::COMMIT_BYTES_MAX;
use crate::model::storage::{DropCause, KindStored, StorageReport, StoredKind};
use crate::model::time::{DAY_MS, rfc3339};

const BAR_CELLS: usize = 16;

/// As the page writes it: cut, not rounded, and with digits where it is nearly nothing or nearly all.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    match hundredths {
        0 if part > 0 => "0.01".to_string(),
        0 => "0".to_string(),
        1..100 | 9_900..10_000 => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        9_000..9_900 => format!("{}.{}", hundredths / 100, hundredths % 100 / 10),
        _ => (hundredths / 100).to_string(),
    }
}

/// The table. `is_bold` when a terminal shows it.
pub(super) fn table(report: &StorageReport, is_bold: bool) -> String {
    let (bold, dim, plain) = if is_bold { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut text = String::new();
    let percent = percent(report.used_bytes, report.max_bytes);
    let chosen = if report.is_max_default { ", chosen at the first start" } else { "" };
    let _ = write!(
        text,
        "\n  {bold}{}{plain}\n  {} of {} in use ({percent} %{chosen})\n  {}\n\n",
        report.path,
        bytes(report.used_bytes),
        bytes(report.max_bytes),
        bar(report.used_bytes, report.max_bytes, 60),
    );
    let shown: Vec<&KindStored> = report.kinds.iter().filter(|kind| kind.holds_something()).collect();
    let shares = shares(&shown);
    let rows = shown.iter().zip(&shares).map(|(kind, share)| row(kind, share, report));
    let rows: Vec<[String; 7]> = rows.chain([sum(report)]).collect();
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
            "  When {} are in use, the oldest of what takes more than its share goes{}.",
            bytes(report.full_bytes),
            if is_disk_full(report) { "" } else { "; what is new is always taken" }
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

/// A commit finds no room.
fn is_disk_full(report: &StorageReport) -> bool {
    report.disk_free_bytes < COMMIT_BYTES_MAX as u64
}

/// What is worth a line of its own.
fn notes(report: &StorageReport) -> Vec<String> {
    let mut notes = Vec::new();
    if is_disk_full(report) {
        notes.push(format!(
            "The disk is full ({} left): a running server answers 503 and stores nothing. Free some space on the disk of {}; \
             it goes on by itself then.",
            bytes(report.disk_free_bytes),
            report.path
        ));
    } else if report.is_disk_short {
        notes.push("The disk has no more room than this: less is kept than max_size allows.".to_string());
    }
    if !report.is_synced {
        notes.push(
            "durability = normal: a power cut or a crash of the machine loses the last moments of what was answered with 200."
                .to_string(),
        );
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

fn row(kind: &KindStored, share: &str, report: &StorageReport) -> [String; 7] {
    [
        kind.kind.words().to_string(),
        kind.rows.map_or(String::new(), count),
        bytes(kind.bytes),
        format!("{} {share:>3} %", bar(kind.bytes, report.used_bytes, BAR_CELLS)),
        kind.oldest_ms.map_or(String::new(), day),
        match kind.keep_days {
            None => "ever".to_string(),
            Some(0) => "as long as there is room".to_string(),
            Some(days) => in_days(i64::from(days)),
        },
        match kind.next_drop {
            None => String::new(),
            Some((at_ms, cause)) => {
                let when = until(at_ms - report.now_ms);
                let why = if cause == DropCause::Size { ", no room" } else { "" };
                format!("{when}{why}")
            }
        },
    ]
}

fn in_days(days: i64) -> String {
    if days == 1 { "1 day".to_string() } else { format!("{days} days") }
}

/// Rounded up: what came today and is kept 90 days goes in 90 days. As the Storage page tells it.
fn until(ms: i64) -> String {
    match ms.saturating_add(DAY_MS - 1).div_euclid(DAY_MS) {
        ..=1 => "within a day".to_string(),
        days @ 2..=730 => format!("in {}", in_days(days)),
        days => format!("in {} years", (days as f64 / 365.0).round()),
    }
}

/// Percent that add up to 100: rounded down, and what is left to those that lost most by it. As the Storage page tells it.
fn shares(kinds: &[&KindStored]) -> Vec<String> {
    let sum: u128 = kinds.iter().map(|kind| u128::from(kind.bytes)).sum();
    let parts: Vec<u128> = kinds.iter().map(|kind| u128::from(kind.bytes) * 100).collect();
    let mut percent: Vec<u128> = parts.iter().map(|part| part / sum.max(1)).collect();
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_by_key(|place| {
        let kind = kinds[*place];
        (std::cmp::Reverse(parts[*place] % sum.max(1)), std::cmp::Reverse(kind.bytes), kind.kind.as_str())
    });
    let left = if sum == 0 { 0 } else { 100 - percent.iter().sum::<u128>() };
    for place in order.into_iter().take(left as usize) {
        percent[place] += 1;
    }
    let told = kinds.iter().zip(percent);
    told.map(|(kind, percent)| if kind.bytes > 0 && percent == 0 { "< 1".to_string() } else { percent.to_string() })
        .collect()
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

/// With one digit behind the point below 100, and none where there is none. As the Storage page tells it.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let is_whole = unit == 0 || value >= 99.5 || value.fract() == 0.0;
    // Halves go up, as they do in the browser; the formatter would round them to even.
    let (value, digits) = if is_whole { (value.round(), 0) } else { ((value * 10.0).round() / 10.0, 1) };
    format!("{value:.digits$} {}", UNITS[unit])
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
        "durability": if report.is_synced { "full" } else { "normal" },
        "kinds": kinds,
        "dropped": dropped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_counts_and_bars_read_well() {
        // The same as in the test of the Storage page.
        let sizes = [0, 1023, 1024, 1536, (1 << 20) - 1, 10 << 30, 37 << 28, 9_932_111_974, 150 << 20].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1.0 MiB", "10 GiB", "9.3 GiB", "9.3 GiB", "150 MiB"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [(0, 10), (10, 10), (5, 10), (1, 1_000_000)].map(|(part, whole)| bar(part, whole, 4)),
            ["····", "████", "██··", "▏···"]
        );
        assert_eq!(bar(20, 10, 2), "██");
    }
    fn kind(kind: StoredKind, bytes: u64) -> KindStored {
        KindStored {
            kind,
            rows: Some(1),
            bytes,
            oldest_ms: Some(0),
            keep_days: Some(1),
            bytes_per_day: 0,
            next_drop: Some((DAY_MS, DropCause::Age)),
        }
    }

    fn report(kinds: Vec<KindStored>) -> StorageReport {
        StorageReport {
            path: "/x/trapline.db".to_string(),
            now_ms: 0,
            used_bytes: kinds.iter().map(|kind| kind.bytes).sum(),
            kinds,
            free_page_bytes: 0,
            file_bytes: 0,
            wal_bytes: 0,
            max_bytes: 1 << 30,
            is_max_default: false,
            full_bytes: 1 << 29,
            is_disk_short: false,
            disk_bytes: 1 << 40,
            disk_free_bytes: 1 << 39,
            reserve_bytes: 0,
            can_shrink: true,
            clock_ahead_since_ms: None,
            is_synced: true,
            dropped: Vec::new(),
        }
    }

    #[test]
    fn next_to_nothing_and_nearly_all_have_digits() {
        let of = |part| percent(part, 1_000_000);
        let parts = [0, 1, 4_299, 10_000, 439_999, 912_345, 994_567, 1_000_000, 1_463_000];
        assert_eq!(parts.map(of), ["0", "0.01", "0.42", "1", "43", "91.2", "99.45", "100", "146"]);
    }

    #[test]
    fn percentages_add_up() {
        let of = |bytes: &[u64]| {
            let kinds: Vec<KindStored> =
                bytes.iter().zip(StoredKind::ALL).map(|(bytes, stored)| kind(stored, *bytes)).collect();
            shares(&kinds.iter().collect::<Vec<_>>())
        };
        assert_eq!(of(&[1, 1, 1]), ["34", "33", "33"]);
        assert_eq!(of(&[154, 154, 154, 154, 154, 230]), ["16", "15", "15", "15", "16", "23"]);
        assert_eq!(of(&[999, 1, 0]), ["100", "< 1", "0"]);
        assert_eq!(of(&[0, 0]), ["0", "0"]);
    }

    #[test]
    fn days_are_told_as_days() {
        let ms = |days: f64| until((days * DAY_MS as f64) as i64);
        assert_eq!(
            [0.0, 1.0, 1.5, 89.2, 90.0, 730.0, 1_500.0].map(ms),
            ["within a day", "within a day", "in 2 days", "in 90 days", "in 90 days", "in 730 days", "in 4 years"]
        );
        let text = table(&report(vec![kind(StoredKind::Errors, 10)]), false);
        assert!(text.contains("  1 day  ") && !text.contains("1 days"), "{text}");
    }

    #[test]
    fn a_full_disk_takes_nothing_and_what_a_power_cut_costs_is_told() {
        let mut report = report(vec![kind(StoredKind::Errors, 10)]);
        let text = table(&report, false);
        assert!(text.contains("what is new is always taken") && !text.contains("durability"), "{text}");
        (report.disk_free_bytes, report.is_synced) = (0, false);
        let text = table(&report, false);
        assert!(!text.contains("always taken") && text.contains("The disk is full"), "{text}");
        assert!(text.contains("durability = normal"), "{text}");
        assert_eq!(to_json(&report)["durability"], "normal");
    }
}
