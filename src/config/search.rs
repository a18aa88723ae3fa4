//! Limits of what is typed into a search, and of what is offered while it is typed.

/// A search as typed, in bytes: a long pasted message fits; addresses of browsers and proxies end at 8 KiB.
pub const SEARCH_BYTES_MAX: usize = 4_096;

/// Words and filters of one search. Each is looked for by itself.
pub const SEARCH_TERMS_MAX: usize = 100;

/// Parentheses and negations within each other. Nobody reads more; each is a step of a recursion.
pub const SEARCH_DEPTH_MAX: usize = 20;

/// Values of one list, `release:[a, b]`.
pub const SEARCH_LIST_MAX: usize = 100;

/// Wildcards of one value: each may be tried at every place of a text.
pub const SEARCH_WILDCARDS_MAX: usize = 20;

/// How long keys and values of spans and logs are looked for while somebody types, in milliseconds: what is offered later is
/// typed already. The newest are looked at first.
pub const SEARCH_OFFER_MS: u64 = 120;

/// Keys or values offered at one place.
pub const SEARCH_OFFERED_MAX: usize = 50;

/// What is counted of logs that were found, to choose from: values told apart of one key (with more it is an id, and nothing
/// to choose by), keys, keys shown, values shown of each, and bytes of a value.
pub const FACET_VALUES_MAX: usize = 2_000;
pub const FACET_KEYS_MAX: usize = 500;
pub const FACET_KEYS_SHOWN_MAX: usize = 20;
pub const FACET_VALUES_SHOWN_MAX: usize = 10;
pub const FACET_VALUE_BYTES_MAX: usize = 200;

/// The furthest time before and after 1970 that a list or chart is asked for, in milliseconds: the end of the year 9999, the
/// last that is written with four digits. What is beyond means as much, and is reckoned with safely.
pub const ASKED_MS_MAX: i64 = 253_402_300_799_999;
