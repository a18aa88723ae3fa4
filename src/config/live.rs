//! What open screens are told and asked to wait for: live messages, and looking up what no index knows.
//!
//! Knows the numbers alone.

/// Live messages a slow browser may lag behind before it is told to fetch again; as many are kept for one that comes back.
pub const LIVE_BACKLOG: usize = 256;

/// Live messages kept for browsers that come back, in bytes: one with fifty rows of the ledger takes 25 kB.
pub const LIVE_KEPT_BYTES_MAX: usize = 1 << 20;

/// Rows of the ledger are kept for the last browser that left this long, in seconds: a network that changes, a laptop
/// that was closed for a moment.
pub const LIVE_LEFT_S: u64 = 120;

/// Looking for a span by its id alone, in milliseconds: no index holds them, and somebody waits for the page.
pub const SPAN_PLACE_MS: u64 = 2500;
