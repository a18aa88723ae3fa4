//! What can be limited: groups of data, and sets of them.
//!
//! Knows which item types belong together and how SDKs call them when they are told to pause. Counts nothing.

use serde::{Deserialize, Serialize};

/// Data that is limited together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DataGroup {
    /// Errors, messages and security reports, by number.
    #[default]
    Error,
    /// Spans, those of transactions included, by number.
    Span,
    Log,
    Metric,
    /// By bytes.
    Attachment,
    Session,
    Monitor,
    Feedback,
    Replay,
    Profile,
}

impl DataGroup {
    pub const ALL: [Self; 10] = [
        Self::Error,
        Self::Span,
        Self::Log,
        Self::Metric,
        Self::Attachment,
        Self::Session,
        Self::Monitor,
        Self::Feedback,
        Self::Replay,
        Self::Profile,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Span => "span",
            Self::Log => "log",
            Self::Metric => "metric",
            Self::Attachment => "attachment",
            Self::Session => "session",
            Self::Monitor => "monitor",
            Self::Feedback => "feedback",
            Self::Replay => "replay",
            Self::Profile => "profile",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == text)
    }

    /// The group of an item type; `None` for what is never limited, such as `client_report`, and for unknown types.
    pub fn of(category: &str) -> Option<Self> {
        Some(match category {
            "event" | "raw_security" | "security" | "csp" => Self::Error,
            "transaction" | "span" => Self::Span,
            "log" | "otel_log" => Self::Log,
            "trace_metric" | "metric" => Self::Metric,
            "attachment" | "minidump" | "form_data" | "unreal_report" | "view_hierarchy" => Self::Attachment,
            "session" | "sessions" => Self::Session,
            "check_in" => Self::Monitor,
            "feedback" | "user_report" => Self::Feedback,
            "replay_event" | "replay_recording" | "replay_video" | "replay" => Self::Replay,
            "profile" | "profile_chunk" => Self::Profile,
            _ => return None,
        })
    }

    /// The words of the `X-Sentry-Rate-Limits` header: every category an SDK may file such data under.
    pub fn sdk_categories(self) -> &'static str {
        match self {
            Self::Error => "default;error;security",
            Self::Span => "transaction;span",
            Self::Log => "log_item",
            Self::Metric => "trace_metric;metric_bucket",
            Self::Attachment => "attachment",
            Self::Session => "session",
            Self::Monitor => "monitor",
            Self::Feedback => "feedback",
            Self::Replay => "replay",
            Self::Profile => "profile;profile_chunk",
        }
    }
}

/// A set of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataGroups(u16);

impl DataGroups {
    pub const NONE: Self = Self(0);

    pub fn insert(&mut self, group: DataGroup) {
        self.0 |= 1 << group as u16;
    }

    pub fn contains(self, group: DataGroup) -> bool {
        self.0 & (1 << group as u16) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        for group in DataGroup::ALL {
            let mut set = DataGroups::NONE;
            set.insert(group);
            for other in DataGroup::ALL {
                assert_eq!(set.contains(other), other == group);
            }
            assert_eq!(DataGroup::parse(group.as_str()), Some(group));
        }
    }

    #[test]
    fn reports_of_what_a_client_dropped_are_never_limited() {
        assert_eq!(DataGroup::of("client_report"), None);
        assert_eq!(DataGroup::of("event"), Some(DataGroup::Error));
        assert_eq!(DataGroup::of("user_report"), Some(DataGroup::Feedback));
    }
}
