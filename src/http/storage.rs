//! `/api/ui/storage`: the report of the store as the page reads it.

use super::Ready;
use super::ui::{Answer, ok};
use super::view::storage::{KindDroppedView, KindStoredView, StorageView};
use crate::model::storage::{KindDropped, KindStored, StorageReport};
use crate::model::time::DAY_MS;
use crate::store::WriterState;

pub(super) async fn storage(ready: &Ready) -> Answer {
    let report = ready.store.storage().await?;
    ok(&view(report, ready.store.writer_state()))
}

fn view(report: StorageReport, state: WriterState) -> StorageView {
    let writer = match state {
        WriterState::Ready => "ready",
        WriterState::DiskFull => "disk_full",
        WriterState::DiskFullOfLog => "disk_full_of_log",
        WriterState::QueueFull => "queue_full",
        WriterState::Stalled => "stalled",
        WriterState::LogHeld => "log_held",
    };
    StorageView {
        path: report.path,
        writer: writer.to_string(),
        kinds: report.kinds.into_iter().map(kind_view).collect(),
        used_bytes: report.used_bytes,
        free_page_bytes: report.free_page_bytes,
        file_bytes: report.file_bytes,
        wal_bytes: report.wal_bytes,
        max_bytes: report.max_bytes,
        is_max_default: report.is_max_default,
        full_bytes: report.full_bytes,
        is_disk_short: report.is_disk_short,
        disk_bytes: report.disk_bytes,
        disk_free_bytes: report.disk_free_bytes,
        reserve_bytes: report.reserve_bytes,
        can_shrink: report.can_shrink,
        clock_ahead_since_ms: report.clock_ahead_since_ms,
        dropped: report.dropped.into_iter().map(dropped_view).collect(),
    }
}

fn kind_view(kind: KindStored) -> KindStoredView {
    KindStoredView {
        kind: kind.kind.as_str().to_string(),
        name: kind.kind.words().to_string(),
        rows: kind.rows,
        bytes: kind.bytes,
        oldest_ms: kind.oldest_ms,
        keep_days: kind.keep_days,
        bytes_per_day: kind.bytes_per_day,
        next_drop_ms: kind.next_drop.map(|(at_ms, _)| at_ms),
        next_drop_cause: kind.next_drop.map(|(_, cause)| cause.as_str().to_string()),
    }
}

fn dropped_view(day: KindDropped) -> KindDroppedView {
    KindDroppedView {
        kind: day.kind.as_str().to_string(),
        name: day.kind.words().to_string(),
        cause: day.cause.as_str().to_string(),
        day_ms: day.day * DAY_MS,
        rows: day.rows,
        bytes: day.bytes,
    }
}
