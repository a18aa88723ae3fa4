//! What spans say about speed: how often and how fast requests, jobs and queries are, and which queries are a mistake.
//!
//! Pure: spans in, numbers and findings out. Owns what counts as a request, a job and a query, the buckets durations are
//! counted in, and what an N+1 query is. Knows neither where spans come from (both protocols give the same spans) nor
//! where numbers are kept, nor the clock.

mod call_sites;
pub mod find;
pub mod histogram;
pub mod reading;
pub mod stats;
#[cfg(test)]
mod tests;
mod twins;

pub use call_sites::CallSites;
pub use find::{Asker, CallSite, Finding, FindingKind, find};
pub use histogram::{ERROR_MAX, Histogram};
pub use reading::{Reading, SqlCache};
pub use stats::{Counted, MeasuredKind, Rollup, RollupKey, Stats, roll_up};
