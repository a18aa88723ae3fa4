//! What people may do to issues, how much of it at once, and for how long it is remembered.
//!
//! Knows the numbers alone; what they bound is told beside each.

/// Issues that one action of a person is about: what Sentry's web API takes at once, and two pages of a long list.
pub const ACTION_ISSUES_MAX: usize = 1_000;

/// Issues that are shown as one: each costs a row when one of them is taken out again, within [`super::SLICE_MS`] all of them.
pub const MERGED_ISSUES_MAX: u64 = 200;

/// How long what was done to issues can be undone, in milliseconds, and for how much longer what was deleted is kept, so that
/// the last moment is a moment.
pub const UNDO_MS: i64 = 10 * 60 * 1_000;
pub const PURGE_GRACE_MS: i64 = 60 * 1_000;

/// Least time between two looks for issues to be purged, and for ignored ones whose time is over, in milliseconds.
pub const PURGE_LOOK_MS: u64 = 5_000;
pub const WAKE_LOOK_MS: u64 = 2_000;
/// Issues woken in one slice.
pub const WAKE_ISSUES_MAX: usize = 100;

/// What a person says they are called, in characters.
pub const PERSON_NAME_CHARS_MAX: usize = 64;

/// A comment, in characters, and how many an issue may have.
pub const COMMENT_CHARS_MAX: usize = 10_000;
pub const COMMENTS_MAX: u64 = 1_000;

/// Lines of what happened to an issue, people, discards and grouping hashes that are shown; the newest.
pub const ACTIVITY_SHOWN_MAX: usize = 500;
pub const PEOPLE_SHOWN_MAX: usize = 500;
pub const DISCARDS_SHOWN_MAX: usize = 500;
pub const HASHES_SHOWN_MAX: usize = 100;

/// Events or users an issue may be ignored until, and the minutes they may have to come in: Sentry's own limit of a week.
pub const IGNORE_COUNT_MAX: u64 = 1_000_000;
pub const IGNORE_WINDOW_MINUTES_MAX: u32 = 7 * 24 * 60;
/// The longest time an issue may be ignored for, in milliseconds: ten years, beyond which it is for ever.
pub const IGNORE_MS_MAX: i64 = 10 * 366 * 24 * 60 * 60 * 1_000;

/// Name of a release that an issue is resolved in, in characters: Sentry's own limit.
pub const RELEASE_CHARS_MAX: usize = 250;

/// Releases of a project that are looked at to find its latest.
pub const LATEST_RELEASE_LOOKED_AT: usize = 200;

/// Issues compared with one that others like it are sought for, in each of the ways of finding them, and how many of the
/// best are shown.
pub const SIMILAR_CANDIDATES_MAX: usize = 200;
pub const SIMILAR_SHOWN_MAX: usize = 10;
/// Time that may take, in milliseconds: what was found by then is shown.
pub const SIMILAR_MS_MAX: u64 = 40;
