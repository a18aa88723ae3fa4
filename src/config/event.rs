//! What is kept of one error event: Sentry's own limits, in bytes of JSON unless the name says characters.
//!
//! They bound what a page has to show and what a hostile client can fill a disk with; within them everything stays as
//! it was sent.

/// Variables of one frame. SDKs cut at about this size themselves unless `max_value_length` is raised.
pub const FRAME_VARS_BYTES_MAX: usize = 2 << 10;
/// Frames at both ends of a long stack trace that keep their variables and surrounding lines; those between are
/// recursion or framework and keep file, function and line. Half of them from either end.
pub const FRAMES_WITH_VARS_MAX: usize = 50;

/// One value of `extra`, and all of them.
pub const EXTRA_VALUE_BYTES_MAX: usize = 16 << 10;
pub const EXTRA_BYTES_MAX: usize = 256 << 10;

/// `data` of one breadcrumb.
pub const CRUMB_DATA_BYTES_MAX: usize = 2 << 10;

/// Parts of a request.
pub const REQUEST_DATA_BYTES_MAX: usize = 8 << 10;
pub const REQUEST_HEADERS_BYTES_MAX: usize = 8 << 10;
pub const REQUEST_ENV_BYTES_MAX: usize = 8 << 10;
pub const REQUEST_COOKIES_BYTES_MAX: usize = 2 << 10;
pub const REQUEST_QUERY_BYTES_MAX: usize = 1 << 10;
/// Characters of a URL without query and fragment.
pub const URL_CHARS_MAX: usize = 256;

/// Installed packages.
pub const MODULES_BYTES_MAX: usize = 8 << 10;

/// One context, and the list of feature flags, which is a log of evaluations.
pub const CONTEXT_BYTES_MAX: usize = 8 << 10;
pub const FLAGS_BYTES_MAX: usize = 128 << 10;

/// `user` with its `data`: Sentry bounds the fields one by one and the rest at this.
pub const USER_BYTES_MAX: usize = 8 << 10;

/// Characters of a message or an exception's value. A longer text in the body is cut when it is kept.
pub const MESSAGE_CHARS_MAX: usize = 8192;

/// Levels of nesting shown of variables, and of everything else users attach; what lies deeper is shown as its JSON.
pub const VARS_DEPTH_MAX: usize = 5;
pub const DATA_DEPTH_MAX: usize = 7;

/// Characters of a logger's name.
pub const LOGGER_CHARS_MAX: usize = 64;

/// An event older than this when it arrives, in days, is taken to have a wrong clock: Sentry's own default.
pub const EVENT_AGE_DAYS_MAX: i64 = 30;
