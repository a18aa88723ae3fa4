//! What the app's page brings along.

/// The time its first reads are waited for, in milliseconds: what takes longer is not to hold up the app, which asks
/// again.
pub const FIRST_READS_MS: u64 = 300;
/// One of them, in bytes; fifty issues are 40 kB. A longer one would hold up the app's start, so the app asks for it.
pub const FIRST_READ_BYTES_MAX: usize = 256 << 10;
