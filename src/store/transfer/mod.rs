//! Everything kept as lines of JSON, and back: for moving to another store, and for reading with other tools.
//!
//! Owns the format (`docs/export.md`), what is carried over and in which order. Reads one moment, a few
//! rows at a time, beside a running server, and writes idempotently: the same lines written twice change nothing. How
//! spans and logs lie in the file is known to [`stored`] alone.

/// Hours as `model::time::hour_of` counts them, also before 1970.
macro_rules! hour {
    ($ms:literal) => {
        concat!("((", $ms, " - ((", $ms, " % 3600000) + 3600000) % 3600000) / 3600000)")
    };
}

/// The issue here that one of the other store is, once its line has come.
macro_rules! here {
    ($theirs:literal) => {
        concat!("(SELECT here FROM temp.issue_as WHERE theirs = ", $theirs, ")")
    };
}

mod accepted;
pub(super) mod begun;
mod counts;
mod export;
mod import;
mod issues;
mod json;
mod releases;
mod room;
mod stored;
mod sums;
mod tables;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use thiserror::Error;

pub use export::{ExportFilter, Exported, export};
pub use import::{Imported, import};

use super::StoreError;
use super::safety::SafetyError;
use super::write::{LogsWrite, MetricsWrite, SpansWrite};
use crate::model::ids::ProjectId;
use crate::model::log::LogBatch;
use crate::model::metric::MetricBatch;
use crate::model::span::SpanBatch;

/// Rises when lines change their meaning; fields may be added without.
const FORMAT: i64 = 1;

/// What can be chosen of an export.
pub const GROUPS: &[&str] =
    &["events", "spans", "logs", "metrics", "files", "feedback", "monitors", "releases", "outcomes"];

/// Makes rows of records as the route in does.
pub struct Again {
    pub spans: fn(ProjectId, i64, SpanBatch) -> SpansWrite,
    pub logs: fn(ProjectId, i64, LogBatch) -> Vec<LogsWrite>,
    pub metrics: fn(ProjectId, i64, MetricBatch) -> Option<MetricsWrite>,
}

/// What happened, why, and what to do.
#[derive(Debug, Error)]
pub enum TransferError {
    #[error("line {line}: {detail}. What stands before it is imported; mend the line and run the import again")]
    Line { line: u64, detail: String },
    #[error(
        "this is no export of trapline: its first line is no header. What trapline backup made comes back with trapline \
         restore"
    )]
    NoHeader,
    #[error("the export is of format {0}, this trapline knows {FORMAT}: use a newer trapline")]
    TooNew(i64),
    #[error(
        "the export ends in the middle, after line {0}: what stands before is imported; get the whole file and run the \
         import again"
    )]
    CutOff(u64),
    #[error(
        "the disk under {path} has no room for more: {}{mib} MiB are left free for the log and for others. {more}, or name \
         another directory with --data-dir, and run the same command again: what is in is not imported twice",
        if *lines > 0 { format!("the first {lines} lines are in, and ") } else { String::new() },
    )]
    NoRoom { path: PathBuf, lines: u64, mib: u64, more: String },
    /// Nobody reads what is written any more.
    #[error("whoever read the export has stopped")]
    Unread,
    #[error("there is no project {0}: name one by its number or its slug")]
    NoProject(String),
    #[error("{} is a directory: name a file in it, such as {}", .0.display(), .0.join("all.ndjson.zst").display())]
    IsAFolder(PathBuf),
    #[error("cannot read {path}: {detail}")]
    Read { path: PathBuf, detail: String },
    #[error("cannot write the export: {0}")]
    Write(String),
    #[error(
        "a trapline is running in {0}, and only one program may write a database: stop it and run the import again, or \
         import into another directory with --data-dir"
    )]
    Running(PathBuf),
    #[error(transparent)]
    Safety(#[from] SafetyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The group a kind of line is chosen by; `None` for what always comes along.
fn group_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "issue" | "issue_activity" | "discard" | "event" => "events",
        "span" => "spans",
        "log" | "log_minute" => "logs",
        "metric_points" | "metric" | "metric_minute" => "metrics",
        "blob" | "chunk" | "attachment" | "profile" | "replay" | "replay_part" | "replay_link" => "files",
        "feedback" => "feedback",
        "monitor" | "monitor_environment" | "check_in" | "unwatched" => "monitors",
        "perf_name" | "perf_hour" | "perf_minute" => "performance",
        "release" | "release_hour" | "release_users" | "session" => "releases",
        "outcome" | "outcome_detail" | "client_discard" | "key_use" => "outcomes",
        _ => return None,
    })
}
