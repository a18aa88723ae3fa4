//! The wall clock: the one place that reads it, for every floor that may know the time.
//!
//! It can be stopped for good (`trapline serve --fixed-now`), so that pictures of the same data are the same pictures.
//! How long things take is measured elsewhere, with clocks that never stop.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

static STOPPED_AT_MS: OnceLock<i64> = OnceLock::new();

/// Unix milliseconds.
pub fn now_ms() -> i64 {
    match STOPPED_AT_MS.get() {
        Some(ms) => *ms,
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64),
    }
}

/// From now on it is always then. Only the first call counts.
pub fn stop_at(ms: i64) {
    let _ = STOPPED_AT_MS.set(ms);
}
