//! Limits of what events are searched by: facts taken of one, and how they are packed and asked.

use crate::model::facts::FactLimits;

/// Of one event. Names and tags are 200 characters at most as they are kept; of messages and values the first thousand
/// bytes tell what they are about, and a search that goes on behind them finds nothing. A Django error has about sixty facts
/// of 2 KB together; ten thousand errors that each have what is allowed take the room of their bodies.
pub const FACT_LIMITS: FactLimits = FactLimits {
    value_bytes: 256,
    text_bytes: 1_024,
    name_bytes: 200,
    // Frames of the application come first, and hardly any stack has as many of its own.
    values: 32,
    flags: 100,
    event_bytes: 16 << 10,
};

/// Events of one sealed chunk: large enough that values repeat, small enough that one is asked within two milliseconds.
pub const FACT_CHUNK_EVENTS_MAX: usize = 16_384;
/// And bytes of their facts before compression, so that events with all the tags there may be do not fill the memory.
pub const FACT_CHUNK_BYTES_MAX: usize = 24 << 20;
/// Columns of one chunk. A project has some dozens of tags; whoever makes up names has them in one column together.
pub const FACT_CHUNK_KEYS_MAX: usize = 300;

/// So many waiting events are sealed at once, and however few when the oldest has waited so long, in milliseconds. A search
/// reads those that wait one by one.
pub const FACT_SEAL_EVENTS: u64 = 1_024;
pub const FACT_SEAL_AFTER_MS: i64 = 60_000;
/// Group commits sealed at once: each is a row.
pub const FACT_SEAL_BATCHES_MAX: usize = 4_096;
/// Neighbouring chunks are merged when there are so many that are small beside each other.
pub const FACT_MERGE_CHUNKS_MIN: usize = 4;
/// Events of an older database, or of an import, that are read in one turn: each body is expanded and read.
pub const FACT_FILL_EVENTS: usize = 512;

/// A column whose values take more bytes than this has a filter, by which chunks are passed that cannot have the value.
pub const FACT_FILTER_FROM_BYTES: usize = 4 << 10;

/// Columns kept ready for the next search, in bytes: this share of the machine's memory, within these. Words are looked for in
/// about 300 MB of a million events.
pub const FACT_CACHE_SHARE: usize = 16;
pub const FACT_CACHE_BYTES_MIN: usize = 64 << 20;
pub const FACT_CACHE_BYTES_MAX: usize = 256 << 20;

/// Between two times that texts are read before anybody has searched, in milliseconds: chunks come more seldom.
pub const FACT_AHEAD_EVERY_MS: u64 = 60_000;

/// Tags listed of an issue, and values shown of each. Sentry shows as many.
pub const FACT_KEYS_SHOWN_MAX: usize = 100;
pub const FACT_VALUES_SHOWN_MAX: usize = 10;
/// Keys that are counted for it; beyond these they are those of single events, made up anew each time.
pub const FACT_KEYS_COUNTED_MAX: usize = 10_000;
/// Events, the newest, whose tags are counted; a busy issue's distribution does not change beyond them.
pub const FACT_EVENTS_COUNTED_MAX: usize = 200_000;
/// Events, the newest, among which a list of issues of one environment counts their users: eight chunks, a third of the 50 ms
/// a list may take. Of issues that have more, those of all environments are told.
pub const FACT_LIST_EVENTS_MAX: usize = 8 * FACT_CHUNK_EVENTS_MAX;
/// Values given for completion, and the newest events they are taken of.
pub const FACT_COMPLETION_EVENTS_MAX: usize = 200_000;

/// The newest events among which the one to show first is chosen.
pub const RECOMMENDED_AMONG: usize = 100;
/// Events on one side of another that are counted to say which of how many it is: within a millisecond.
pub const POSITION_COUNTED_MAX: u64 = 20_000;

/// Bars of an issue's history: a pixel or two each.
pub const HISTORY_STEPS_MAX: usize = 400;
/// Releases offered as filters, and marked in a history.
pub const RELEASES_SHOWN_MAX: usize = 100;
