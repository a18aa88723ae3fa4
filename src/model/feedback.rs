//! What a person told us: feedback from a widget, or a report from a crash page.
//!
//! Knows neither how it was sent nor how it is kept. Texts are already cut to their limits.

use xxhash_rust::xxh3::xxh3_128;

use crate::model::ids::{EventId, SpanId, TraceId};

/// One message of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    pub source: FeedbackSource,
    /// What the SDK calls the feedback; for a user report computed from what makes two of them one.
    pub feedback_id: EventId,
    /// What went wrong for them; the event may arrive later or never.
    pub event_id: Option<EventId>,
    pub timestamp_ms: i64,
    pub message: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The page they were on.
    pub url: Option<String>,
    pub replay_id: Option<EventId>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// The whole event of a `feedback` item as JSON, with its tags and contexts; empty for user reports.
    pub body: Vec<u8>,
}

/// How it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackSource {
    /// An event of type `feedback`: the widget, `capture_feedback`.
    Feedback,
    /// Name, e-mail address and comments about an event: a crash page, old SDKs, the web API.
    UserReport,
}

impl FeedbackSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::UserReport => "user_report",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Feedback, Self::UserReport].into_iter().find(|source| source.as_str() == text)
    }
}

impl Feedback {
    /// The id of a user report: the same person on the same event is one report, and the last word counts.
    pub fn report_id(event_id: EventId, email: Option<&str>) -> EventId {
        let email = email.unwrap_or_default().trim().to_lowercase();
        let named = [&event_id.0[..], email.as_bytes()].concat();
        EventId(xxh3_128(&named).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_report_for_an_event() {
        let event = EventId([1; 16]);
        let ada = Feedback::report_id(event, Some("ada@shop.example"));
        assert_eq!(ada, Feedback::report_id(event, Some(" Ada@Shop.example")));
        assert_ne!(ada, Feedback::report_id(event, Some("bob@shop.example")));
        assert_ne!(ada, Feedback::report_id(EventId([2; 16]), Some("ada@shop.example")));
        assert_eq!(Feedback::report_id(event, None), Feedback::report_id(event, Some("")));
    }
}
