//! What became of everything that reached us. Nothing is dropped without one of these being counted.

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Stored.
    Accepted,
    /// Seen before under the same id; the first one is kept.
    Duplicate,
    /// Understood but not kept by this version.
    NotKept,
    /// Could not be read.
    Invalid,
    /// Over a size limit.
    TooLarge,
    /// Over a limit on how many there may be.
    TooMany,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::NotKept => "not_kept",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
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
