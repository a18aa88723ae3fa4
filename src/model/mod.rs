//! The vocabulary: ids, events, issues, spans, logs, metrics, and the type every protocol decodes into.
//!
//! Owns the words of the product and the pure decisions on them. Knows no wire format, no SQL, no clock and no
//! async: everything here can be made by hand in a test.

pub mod blob;
pub mod buckets;
pub mod client_report;
pub mod conventions;
pub mod decoded;
pub mod detail;
pub mod event;
pub mod facts;
pub mod feedback;
pub mod ids;
pub mod issue;
pub mod live;
pub mod log;
pub mod metric;
pub mod metric_total;
pub mod monitor;
pub mod outcome;
pub mod project;
pub mod quota;
pub mod segment;
pub mod session;
pub mod sighting;
pub mod similar;
pub mod sketch;
pub mod span;
pub mod sql;
pub mod storage;
pub mod time;
pub mod trace;
pub mod waterfall;
pub mod workflow;
