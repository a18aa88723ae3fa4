//! The commands that keep what is kept, and carry it elsewhere: `backup`, `restore`, `check`, `export`, `import`.
//!
//! Owns what they print. Everything they do is in [`crate::store::safety`] and [`crate::store::transfer`].

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::progress::Display;
use super::storage::bytes;
use super::store_settings;
use crate::config::Settings;
use crate::ingest;
use crate::store::safety::{self, CheckReport, Finding};
use crate::store::transfer::{self, TransferError};
use crate::store::{OverMaxSize, database_path};

pub use crate::store::transfer::{ExportFilter, GROUPS as EXPORT_KINDS};

/// A day or an instant, as unix milliseconds.
pub fn parse_since(text: &str) -> Result<i64, String> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|error| match text.parse::<jiff::civil::Date>() {
        Ok(day) => day.to_zoned(jiff::tz::TimeZone::UTC).map(|midnight| midnight.timestamp()),
        Err(_) => Err(error),
    });
    instant.map(|instant| instant.as_millisecond()).map_err(|_| "write 2026-11-21 or 2026-11-21T08:00:00Z".to_string())
}

/// `trapline export [FILE|-]`.
pub fn export(settings: &Settings, to: &Path, overwrite: bool, filter: ExportFilter) -> anyhow::Result<()> {
    let mut display = Display::new();
    let (from, file) = (database_path(&settings.data_dir), Some(to).filter(|to| *to != Path::new("-")));
    let written = transfer::export(&from, file, overwrite, filter, &mut |step| display.tell(step));
    display.finish();
    let transfer::Exported { lines, left_out, unreadable, first_unreadable } =
        written.context("nothing was exported")?;
    if left_out > 0 {
        let warning = "requests with spans or logs cannot be read and were left out; trapline check says more";
        // Beside the lines, which may be on standard output.
        let _ = writeln!(std::io::stderr(), "trapline: {left_out} {warning}");
    }
    if file.is_some() {
        let counted = lines.iter().map(|(kind, count)| ((*kind).to_string(), *count)).collect::<Vec<_>>();
        print(&format!("Export   {}\nHolds    {}\n", to.display(), lines_in_words(&counted)))?;
    }
    // The rest is written all the same, but a script that moves on must not take it for everything.
    anyhow::ensure!(
        unreadable == 0,
        "{unreadable} {} cannot be read and {} not in the export, everything else is:\n  {}\nTo see all that is hurt run \
         trapline check --full; a backup may still hold it",
        if unreadable == 1 { "row" } else { "rows" },
        if unreadable == 1 { "is" } else { "are" },
        first_unreadable.join("\n  "),
    );
    Ok(())
}

/// `trapline import [FILE|-]`.
pub fn import(settings: &Settings, from: &Path) -> anyhow::Result<()> {
    let mut display = Display::new();
    let file = Some(from).filter(|from| *from != Path::new("-"));
    let done = transfer::import(file, &settings.data_dir, store_settings(settings), &ingest::AGAIN, &mut |step| {
        display.tell(step);
    });
    display.finish();
    let imported = done.map_err(|error| {
        let is_begun = match error {
            TransferError::Line { .. } | TransferError::CutOff(_) => true,
            // The header is a line.
            TransferError::NoRoom { lines, .. } => lines > 1,
            _ => false,
        };
        let said = if is_begun { "the import is not complete" } else { "nothing was imported" };
        anyhow::Error::from(error).context(said)
    })?;
    let mut text = format!("Imported into {}\n", database_path(&settings.data_dir).display());
    let _ = writeln!(text, "{:<20} {:>10} {:>10} {:>14}", "", "read", "new", "there already");
    for (kind, read) in imported.lines.iter().filter(|(kind, _)| !["header", "end"].contains(&kind.as_str())) {
        let new = imported.new.get(kind).copied().unwrap_or(0).min(*read);
        let _ = writeln!(text, "{kind:<20} {read:>10} {new:>10} {:>14}", read - new);
    }
    if imported.skipped > 0 {
        let first = imported.first_skipped.unwrap_or_default();
        let _ = writeln!(
            text,
            "Left out {} lines that need a row that did not come with them; the first: {first}",
            imported.skipped
        );
    }
    if let Some(OverMaxSize { used, kept, max_size }) = imported.over {
        let _ = writeln!(
            text,
            "The store holds {} now. With a max_size of {} a server keeps about {}, and drops the oldest of what takes more \
             than its share as soon as it runs. To keep all of it, start it with a larger max_size.",
            bytes(used),
            bytes(max_size),
            bytes(kept)
        );
    }
    print(&text)
}

fn lines_in_words(lines: &[(String, u64)]) -> String {
    let shown = lines.iter().filter(|(kind, _)| kind != "header" && kind != "end");
    shown.map(|(kind, count)| format!("{count} × {kind}")).collect::<Vec<_>>().join(", ")
}

/// `trapline backup FILE`.
pub fn backup(settings: &Settings, to: &Path, overwrite: bool, as_json: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut display = Display::new();
    let copied = safety::backup(&database_path(&settings.data_dir), to, overwrite, &mut |step| display.tell(step));
    display.finish();
    let manifest = copied.context("no backup was made")?;
    if as_json {
        return print_json(&json!({
            "path": manifest.path, "bytes": manifest.bytes, "schema": manifest.schema, "xxh3_128": manifest.xxh3,
            "rows": rows_json(&manifest.rows),
        }));
    }
    let mut text = format!(
        "Backup   {}\nSize     {} in {:.1} s\nSchema   {}\nXXH3     {}\nHolds    {}\n",
        manifest.path.display(),
        bytes(manifest.bytes),
        began.elapsed().as_secs_f64(),
        manifest.schema,
        manifest.xxh3,
        rows_in_words(&manifest.rows),
    );
    let _ = writeln!(
        text,
        "It was opened and checked. Bring it back with: trapline restore {}",
        as_argument(Path::new(&manifest.path))
    );
    print(&text)
}

/// As it is written in a shell.
fn as_argument(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|char| char.is_alphanumeric() || "/._-+:,@%".contains(char));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// `trapline restore FILE`.
pub fn restore(settings: &Settings, file: &Path, force: bool) -> anyhow::Result<()> {
    let mut display = Display::new();
    let done = safety::restore(file, &settings.data_dir, force, &mut |step| display.tell(step));
    display.finish();
    let restored = done.context("nothing was restored")?;
    let mut text = format!("Restored {}\nHolds    {}\n", restored.path.display(), rows_in_words(&restored.rows));
    if let Some(aside) = restored.moved_aside {
        let _ = writeln!(text, "The database that was there is now {}", aside.display());
    }
    print(&text)
}

/// `trapline check [FILE]` and `trapline restore --verify FILE`. Fails when anything is broken.
pub fn check(settings: &Settings, file: Option<PathBuf>, is_full: bool, as_json: bool) -> anyhow::Result<()> {
    let path = file.unwrap_or_else(|| database_path(&settings.data_dir));
    let mut display = Display::new();
    let looked = safety::check(&path, is_full, &mut |step| display.tell(step));
    display.finish();
    let report = looked.context("nothing was checked")?;
    if as_json {
        print_json(&report_json(&report))?;
    } else {
        print(&report_in_words(&report))?;
    }
    let broken = report.findings.iter().filter(|finding| !finding.is_ok()).count();
    if broken > 0 {
        bail!("{}: {broken} of {} checks found something broken", report.path.display(), report.findings.len());
    }
    Ok(())
}

fn report_in_words(report: &CheckReport) -> String {
    let mut text = format!("{}, schema {}\n\n", report.path.display(), report.schema);
    for finding in &report.findings {
        let looked_at = finding.looked_at.map(|count| format!(" ({count})")).unwrap_or_default();
        if finding.is_ok() {
            let _ = writeln!(text, "  ok      {}{looked_at}", finding.claim);
            continue;
        }
        let _ = writeln!(text, "  BROKEN  {}{looked_at}: {} times not", finding.claim, finding.trouble_count);
        for trouble in &finding.troubles {
            let _ = writeln!(text, "            {trouble}");
        }
        if finding.trouble_count > finding.troubles.len() as u64 {
            text.push_str("            …\n");
        }
        let _ = writeln!(text, "          -> {}", finding.advice);
    }
    if report.is_cut_short {
        text.push_str("\n  not checked: everything else, because the names of the tables cannot be read\n");
    }
    if report.is_half_imported {
        text.push_str(
            "\n  An import into it was not completed: run it again with the same file. What is in is kept, and what projects \
             have\n  accepted is counted when the rest has come; until then it is not compared with the events.\n",
        );
    }
    text.push_str(match (report.is_ok(), report.is_full) {
        (true, true) => "\nEverything holds, and every body can be read.\n",
        (true, false) => "\nEverything holds. Of bodies some were read; --full reads all.\n",
        (false, _) => "\n",
    });
    text
}

fn report_json(report: &CheckReport) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "claim": finding.claim, "ok": finding.is_ok(), "looked_at": finding.looked_at,
            "trouble_count": finding.trouble_count, "troubles": finding.troubles,
            "advice": (!finding.is_ok()).then_some(finding.advice),
        })
    };
    json!({
        "path": report.path, "schema": report.schema, "full": report.is_full, "ok": report.is_ok(),
        "cut_short": report.is_cut_short, "half_imported": report.is_half_imported,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// What people count: the rest is in the JSON.
fn rows_in_words(rows: &[(String, u64)]) -> String {
    const NAMES: [(&str, &str, &str); 6] = [
        ("issue", "issue", "issues"),
        ("event", "event", "events"),
        ("trace", "trace", "traces"),
        ("log_batch", "batch of logs", "batches of logs"),
        ("attachment", "attachment", "attachments"),
        ("check_in", "check-in", "check-ins"),
    ];
    let count = |table: &str| rows.iter().find(|(name, _)| name == table).map_or(0, |(_, count)| *count);
    let named = NAMES.iter().filter(|(table, ..)| count(table) > 0 || *table == "event");
    let said = named.map(|(table, one, many)| match count(table) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    });
    said.collect::<Vec<_>>().join(", ")
}

fn rows_json(rows: &[(String, u64)]) -> Value {
    rows.iter().map(|(table, count)| (table.clone(), Value::from(*count))).collect::<serde_json::Map<_, _>>().into()
}

fn print_json(value: &Value) -> anyhow::Result<()> {
    print(&format!("{value:#}\n"))
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the result")
}
