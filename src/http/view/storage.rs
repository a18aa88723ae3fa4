//! What takes how much room, how long it is kept and when it goes.

use serde::Serialize;

/// `GET /api/ui/storage`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StorageView {
    pub path: String,
    /// How the server is doing with what it is sent: `ready`, `log_held`, `disk_full`, `disk_full_of_log`, `queue_full`
    /// or `stalled`. Only the first two store.
    pub writer: String,
    pub kinds: Vec<KindStoredView>,
    /// Pages in use; the sum over the kinds.
    pub used_bytes: u64,
    /// Pages of the file that hold nothing; they are filled again or given back.
    pub free_page_bytes: u64,
    pub file_bytes: u64,
    pub wal_bytes: u64,
    /// What may be in use at most.
    pub max_bytes: u64,
    /// It was not set, but chosen at the first start.
    pub is_max_default: bool,
    /// From here on the oldest goes.
    pub full_bytes: u64,
    /// Less than `max_bytes` can be kept, because the disk has no more.
    pub is_disk_short: bool,
    pub disk_bytes: u64,
    pub disk_free_bytes: u64,
    /// Left free on the disk, whatever the cap.
    pub reserve_bytes: u64,
    /// Free pages can go back to the file system.
    pub can_shrink: bool,
    /// The clock is far ahead of what came in last, since this time: nothing is dropped for its age.
    pub clock_ahead_since_ms: Option<i64>,
    /// What was dropped in the last 30 days, newest first.
    pub dropped: Vec<KindDroppedView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KindStoredView {
    /// `errors`, `spans`, `logs`, …
    pub kind: String,
    /// For people.
    pub name: String,
    /// `null` for what is not counted one by one.
    pub rows: Option<u64>,
    /// Pages of the file, indexes included.
    pub bytes: u64,
    /// When the oldest came in, to the day.
    pub oldest_ms: Option<i64>,
    /// 0: as long as there is room; `null`: for ever.
    pub keep_days: Option<u32>,
    /// What came in a day of late.
    pub bytes_per_day: u64,
    /// When the oldest will go if everything goes on as it does.
    pub next_drop_ms: Option<i64>,
    /// `age` or `size`.
    pub next_drop_cause: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KindDroppedView {
    pub kind: String,
    pub name: String,
    /// `age` or `size`.
    pub cause: String,
    /// Start of the day it went, UTC.
    pub day_ms: i64,
    pub rows: u64,
    pub bytes: u64,
}
