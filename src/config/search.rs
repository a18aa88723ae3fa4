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
