//! The Sentry protocol: from the bytes of a request to the product's own vocabulary.
//!
//! Owns the grammar of DSNs and authentication, envelope framing (bytes, apart from what items mean), the tolerant
//! reading of event and transaction payloads, and the making of the detail a reader sees. Pure: bytes and values in,
//! values out. Knows no clock, no randomness and no other protocol; the present time and fresh ids are parameters.
//!
//! Where Sentry's own server is strict this module is tolerant, because SDKs never send anything twice: a field of the
//! wrong type costs that field, a bad frame that frame, a bad item that item.

pub mod auth;
mod blobs;
#[cfg(test)]
mod captures;
pub mod check_in;
pub mod client_report;
mod clock;
mod container;
mod csp;
pub mod decode;
pub mod detail;
pub mod dsn;
pub mod envelope;
pub mod event;
pub mod feedback;
mod json;
mod logs;
mod msgpack;
mod multipart;
#[cfg(test)]
mod rules;
pub mod sample;
pub mod security;
pub mod session;
pub mod span_items;
pub mod store_endpoint;
mod trace_metrics;
pub mod transaction;
pub mod uploads;
mod url_name;
mod wire;

pub use json::JsonError;

use crate::model::quota::DataGroups;

/// What one request may cost. The values come from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items of one envelope that are looked at; the rest is reported as a fault.
    pub items_max: usize,
    /// Bytes of one `event` payload.
    pub event_bytes_max: usize,
    /// Bytes of one attachment; 0 keeps none.
    pub attachment_bytes_max: usize,
    /// Bytes of one `transaction` payload, spans included.
    pub transaction_bytes_max: usize,
    /// Bytes of one payload of any other type.
    pub item_bytes_max: usize,
    /// Brackets and braces open at once in one payload. At most 120: the JSON reader itself gives up at 128.
    pub depth_max: usize,
    /// Child spans of one transaction; the rest is counted as dropped.
    pub spans_max: usize,
    /// Groups of items that would be refused for a rate limit: not read at all.
    pub closed: DataGroups,
}

#[cfg(test)]
pub(crate) const TEST_LIMITS: Limits = Limits {
    items_max: 500,
    event_bytes_max: 1 << 20,
    attachment_bytes_max: 1 << 20,
    transaction_bytes_max: 20 << 20,
    item_bytes_max: 20 << 20,
    depth_max: 100,
    spans_max: 10_000,
    closed: DataGroups::NONE,
};
