//! What became of everything that reached us. Nothing is dropped without one of these being counted.

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Stored.
    Accepted,
    /// Seen before under the same id; the first one is kept.
    Duplicate,
    /// Another report of an error that is counted already; told with it.
    Folded,
    /// Understood but not kept by this version.
    NotKept,
    /// The same person wrote again about the same event; the last word is kept.
    Replaced,
    /// Caused by an extension of the visitor's browser, not by the page.
    BrowserExtension,
    /// Of a page that is not on the web: `about:blank`, a file, a scheme of the browser's own.
    LocalPage,
    /// Could not be read.
    Invalid,
    /// Over a size limit.
    TooLarge,
    /// About a time too long ago to be counted.
    TooOld,
    /// Dropped by a filter of the project.
    Filtered,
    /// Over a rate limit or quota of the project.
    RateLimited,
    /// Of a bug that people have discarded.
    Discarded,
    /// Over a limit on how many there may be.
    TooMany,
    /// Our own fault: the database refused this one row.
    NotStored,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Folded => "folded",
            Self::NotKept => "not_kept",
            Self::Replaced => "replaced",
            Self::BrowserExtension => "browser_extension",
            Self::LocalPage => "local_page",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::TooOld => "too_old",
            Self::Filtered => "filtered",
            Self::RateLimited => "rate_limited",
            Self::Discarded => "discarded",
            Self::TooMany => "too_many",
            Self::NotStored => "not_stored",
        }
    }
}

/// Whole requests that were refused before any item of theirs was known are counted under this heading.
pub const REQUEST_CATEGORY: &str = "request";

/// Why a whole request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestReason {
    /// No key, a wrong one, or one that is switched off.
    BadKey,
    /// The request, or what it expands to.
    TooLarge,
    /// A compression nobody here knows, or a content type that is not for this route.
    UnknownEncoding,
    /// Damaged, or not what the route takes.
    Undecodable,
    /// Sent to an address that takes no such thing, or with another method.
    WrongAddress,
    /// Came too slowly to be waited for.
    TooSlow,
    /// There was no room for it at that moment.
    Busy,
    /// Our own fault.
    ServerError,
}

impl RequestReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::TooLarge => Reason::TooLarge.as_str(),
            Self::UnknownEncoding => "unknown_encoding",
            Self::Undecodable => "undecodable",
            Self::WrongAddress => "wrong_address",
            Self::TooSlow => "too_slow",
            Self::Busy => "busy",
            Self::ServerError => "server_error",
        }
    }
}

/// One line of the outcome table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// Item type: `event`, `transaction`, `span`, `log`, `session`, …
    pub category: String,
    pub reason: String,
    pub quantity: u64,
}

/// What one filter or limit dropped of one category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropCount {
    pub reason: String,
    /// Name of the filter or limit.
    pub detail: String,
    pub category: String,
    pub last_day: u64,
    pub last_month: u64,
}
