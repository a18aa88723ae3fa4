//! What an SDK says it did not send. Its own doing, and kept apart from what became of what reached us.

/// One report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientReport {
    pub discards: Vec<ClientDiscard>,
    /// Tells this delivery from all others, when the request has something to tell it by.
    pub delivery_key: Option<i64>,
}

/// So many things of one category, not sent for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDiscard {
    pub kind: DiscardKind,
    /// `before_send`, `sample_rate`, …; sanitised, because SDKs make up their own.
    pub reason: String,
    /// `error`, `transaction`, `span`, …; sanitised.
    pub category: String,
    pub quantity: u64,
}

impl ClientDiscard {
    /// Whether the quantity is of bytes. In the words of the protocol, attachments are counted by their bytes.
    pub fn is_of_bytes(&self) -> bool {
        self.category == "attachment" || self.category.ends_with("_byte") || self.category.ends_with("_bytes")
    }
}

/// Which of the lists of a report it stood in: who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscardKind {
    /// The SDK or its configuration.
    Discarded,
    /// A relay, for a limit.
    RateLimited,
    /// A relay, for an inbound filter.
    Filtered,
    /// A relay, for a sampling rule.
    Sampled,
}

impl DiscardKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discarded => "discarded",
            Self::RateLimited => "rate_limited",
            Self::Filtered => "filtered",
            Self::Sampled => "filtered_sampling",
        }
    }
}
