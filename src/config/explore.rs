//! What is looked at when many traces, or all spans of one, are asked about at once.

/// What is looked for within a trace, in bytes: a person types a word or pastes an address. And the spans told of that have
/// it: more are a word that all have.
pub const TRACE_FIND_BYTES_MAX: usize = 1_000;
pub const TRACE_FOUND_MAX: usize = 20_000;

/// A trace as JSON with all its spans carry, in bytes before it is written: what a browser can still show as text.
pub const TRACE_JSON_BYTES_MAX: usize = 64 << 20;

/// Names of traces that facets are counted of, the most common ones; a project has some hundred.
pub const TRACE_FACET_LABELS_MAX: usize = 5_000;

/// Traces whose spans are compared, of the rest alone; twice as many with the selection. 50,000 of them tell shares apart
/// that differ by one in a hundred.
pub const COMPARE_TRACES_MAX: usize = 50_000;
/// Facts of traces remembered for a comparison, in all (four bytes each); values of one key; bytes of a value: what is longer
/// is a text, not a fact; and facts told.
pub const COMPARE_MARKS_MAX: usize = 8_000_000;
pub const COMPARE_VALUES_MAX: usize = 20_000;
pub const COMPARE_VALUE_BYTES_MAX: usize = 200;
pub const COMPARE_ITEMS_MAX: usize = 40;
/// Values of one key that are told of a comparison.
pub const COMPARE_VALUES_TOLD: usize = 3;

/// Traces of which a list says where their time went, spans looked at of each, and the time for it in milliseconds: the
/// list is there without it.
pub const BREAKDOWN_TRACES_MAX: usize = 100;
pub const BREAKDOWN_SPANS_MAX: usize = 20_000;
pub const BREAKDOWN_MS: u64 = 400;

/// Runs of a query that are looked at for the places that ask it: the newest. Whole chunks are read, so it may be more.
pub const CALL_SITE_RUNS_MAX: u64 = 20_000;

/// A trace with more spans is drawn before all that its spans carry has been read, which takes half of the time.
pub const TRACE_SPANS_AT_ONCE: u64 = 20_000;

/// Spans and errors that Sentry's web API tells of one trace, a few megabytes of JSON, and how deep its tree is: JSON
/// readers give up at some hundred levels, each of which is two.
pub const SENTRY_TRACE_SPANS_MAX: usize = 10_000;
pub const SENTRY_TRACE_ERRORS_MAX: usize = 500;
pub const SENTRY_TRACE_DEPTH_MAX: usize = 50;
