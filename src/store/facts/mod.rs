//! What events are searched by: kept in columns, and asked.
//!
//! ```text
//! event's transaction -> fact_batch            staged   rows of one group commit, as they were decoded
//!      keeper: sealer -> fact_chunk/_column    chunks   up to 16,384 events in the order of their ids, a column per key
//!      a question     -> a bit for each event  ask      asked of each value once, of what waits and what is sealed alike
//!                     -> issues, events, sums  issues, events, tags
//! ```
//!
//! Facts are made of what was scrubbed, so nothing is found that the kept event does not show. An event that is gone is not
//! found: chunks go with their last event, and what stands before the oldest event, or belongs to no issue any more, is
//! passed by. Facts of events from before, and of those imported, are made by a chore of the keeper, and until it is done
//! answers say so.

mod ahead;
mod bits;
mod block;
mod changes;
mod chunks;
mod column;
mod events;
pub(super) mod issues;
pub(super) mod prepare;
mod scan;
mod scoped;
mod sealer;
mod staged;
mod tags;
mod test;
#[cfg(test)]
mod tests;
mod word;

pub use changes::{ChangedFact, Changes, ReleaseMark};
pub(super) use chunks::FactCache;
pub use events::{EventLine, EventLines, EventNav, EventPick, EventSearch};
pub(super) use issues::members;
pub use issues::{FoundIssues, IssueOrder, IssueSearch, StateCounts};
pub use prepare::Asker;
pub(super) use prepare::latest_releases;
pub use scan::EventFilter;
pub use scoped::ScopedCounts;
pub(super) use sealer::{fill, look_again, merge, seal};
pub(super) use staged::FactDeltas;
pub use tags::{FactNames, FactScope, TagCounts, TagValue, Tags};
