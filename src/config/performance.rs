//! What counts as fast, as slow and as a query too many.

/// Thresholds that are a matter of opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Requests no longer than this satisfy their users, up to four times as long they are put up with (Apdex), in
    /// milliseconds.
    pub apdex_ms: u64,
    /// So many equal queries one after the other within one request are an N+1 query.
    pub n_plus_one_queries: u64,
    /// Unless they take less than this together, in milliseconds, and less than [`super::N_PLUS_ONE_SHARE_PERCENT`] of
    /// the request.
    pub n_plus_one_ms: u64,
    /// A query that takes so long is a slow one, in milliseconds.
    pub slow_query_ms: u64,
}

impl Default for Performance {
    fn default() -> Self {
        Self {
            // New Relic's and Sentry's defaults are 500 and 300 ms; half a second is what people notice as waiting.
            apdex_ms: 500,
            // A page with three or four equal lookups is common and cheap; a loop over rows has more.
            n_plus_one_queries: 5,
            n_plus_one_ms: 10,
            slow_query_ms: 1_000,
        }
    }
}

/// The most each of them can be set to: an hour, and what a trace can hold.
pub const PERFORMANCE_MS_MAX: u64 = 3_600_000;
pub const N_PLUS_ONE_QUERIES_MAX: u64 = 100_000;
