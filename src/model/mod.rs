//! The vocabulary: ids, events, issues, spans, and the type every protocol decodes into.
//!
//! Owns the words of the product and the pure decisions on them. Knows no wire format, no SQL, no clock and no
//! async: everything here can be made by hand in a test.

pub mod decoded;
pub mod detail;
pub mod event;
pub mod ids;
pub mod issue;
pub mod live;
pub mod monitor;
pub mod outcome;
pub mod project;
pub mod sketch;
pub mod span;
pub mod time;
pub mod trace;
pub mod waterfall;
