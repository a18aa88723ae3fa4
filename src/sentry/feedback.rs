//! What people write: `feedback` events, `user_report` items, and the forms that end in one.
//!
//! Knows the spellings of old and new SDKs and the limits of each field. Knows nothing of the dialog that asks, nor of
//! whether the event it is about exists.

use std::borrow::Cow;

use crate::config::{
    FEEDBACK_BYTES_MAX, FEEDBACK_EMAIL_CHARS_MAX, FEEDBACK_MESSAGE_CHARS_MAX, FEEDBACK_NAME_CHARS_MAX,
    FEEDBACK_URL_CHARS_MAX,
};
use crate::model::feedback::{Feedback, FeedbackSource};
use crate::model::ids::EventId;
use crate::sentry::event::{self, Arrival, ItemError};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Object, Scalar, read_object, wire_object};
use crate::sentry::wire::{WireFeedback, WireRequest, WireTrace, WireUser};

/// Nothing in a user report is nested.
const REPORT_DEPTH_MAX: usize = 8;

wire_object! {
    WireFeedbackEvent {
        event_id: Scalar<'a> = "event_id",
        timestamp: Scalar<'a> = "timestamp",
        release: Scalar<'a> = "release",
        environment: Scalar<'a> = "environment",
        request: Object<WireRequest<'a>> = "request" | "sentry.interfaces.Http",
        user: Object<WireUser<'a>> = "user" | "sentry.interfaces.User",
        contexts: Object<WireFeedbackContexts<'a>> = "contexts" | "sentry.interfaces.Contexts",
    }
}

wire_object! {
    WireFeedbackContexts {
        feedback: Object<WireFeedback<'a>> = "feedback",
        trace: Object<WireTrace<'a>> = "trace",
        replay: Object<WireReplay<'a>> = "replay",
    }
}

wire_object! {
    WireReplay {
        replay_id: Scalar<'a> = "replay_id",
    }
}

wire_object! {
    /// A user report, as an item or as the body of the web API.
    WireReport {
        event_id: Scalar<'a> = "event_id",
        name: Scalar<'a> = "name",
        email: Scalar<'a> = "email",
        comments: Scalar<'a> = "comments",
    }
}

/// Reads the event of a `feedback` item: its words and where they belong. An odd field costs that field; without a
/// message it says nothing.
pub fn decode_feedback(payload: &[u8], arrival: &Arrival, depth_max: usize) -> Result<Feedback, ItemError> {
    check_size(payload)?;
    let (feedback, body) = read_object(payload, depth_max, |text| {
        let wire: Object<WireFeedbackEvent<'_>> = serde_json::from_str(text)?;
        Ok(feedback(&wire.0.unwrap_or_default(), arrival))
    })?;
    let mut feedback = feedback.ok_or(ItemError::Field { field: "contexts.feedback.message", found: String::new() })?;
    feedback.body = body.into_owned();
    Ok(feedback)
}

/// `None` without a message.
fn feedback(wire: &WireFeedbackEvent<'_>, arrival: &Arrival) -> Option<Feedback> {
    let contexts = wire.contexts.get()?;
    let said = contexts.feedback.get()?;
    let user = wire.user.get();
    let of_user = |field: fn(&WireUser<'_>) -> Option<String>| user.and_then(field);
    let trace = contexts.trace.get();
    let replay = [said.replay_id.as_str(), contexts.replay.get().and_then(|replay| replay.replay_id.as_str())];
    Some(Feedback {
        source: FeedbackSource::Feedback,
        feedback_id: event::event_id(&wire.event_id, arrival),
        event_id: said.associated_event_id.as_str().and_then(event_id),
        timestamp_ms: event::time_ms(&wire.timestamp, arrival),
        message: words(&said.message, FEEDBACK_MESSAGE_CHARS_MAX)?,
        name: words(&said.name, FEEDBACK_NAME_CHARS_MAX)
            .or_else(|| of_user(|user| words(&user.name, FEEDBACK_NAME_CHARS_MAX)))
            .or_else(|| of_user(|user| words(&user.username, FEEDBACK_NAME_CHARS_MAX))),
        email: words(&said.contact_email, FEEDBACK_EMAIL_CHARS_MAX)
            .or_else(|| of_user(|user| words(&user.email, FEEDBACK_EMAIL_CHARS_MAX))),
        url: words(&said.url, FEEDBACK_URL_CHARS_MAX)
            .or_else(|| words(&wire.request.get()?.url, FEEDBACK_URL_CHARS_MAX)),
        replay_id: replay.into_iter().flatten().find_map(event_id),
        trace_id: trace.and_then(|trace| event::trace_id(&trace.trace_id)),
        span_id: trace.and_then(|trace| event::span_id(&trace.span_id)),
        release: event::release(&wire.release),
        environment: event::environment(&wire.environment),
        body: Vec::new(),
    })
}

/// The fields of a user report, as some form or item has them; blank ones count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub event_id: Option<EventId>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub comments: Option<String>,
}

impl Report {
    /// Trims and cuts what a form holds.
    pub fn of_fields(event_id: Option<&str>, name: Option<&str>, email: Option<&str>, comments: Option<&str>) -> Self {
        let text = |text: Option<&str>| Scalar::Text(Cow::Owned(text.unwrap_or_default().to_owned()));
        Self {
            event_id: event_id.and_then(self::event_id),
            name: words(&text(name), FEEDBACK_NAME_CHARS_MAX),
            email: words(&text(email), FEEDBACK_EMAIL_CHARS_MAX),
            comments: words(&text(comments), FEEDBACK_MESSAGE_CHARS_MAX),
        }
    }

    /// A report of `received_ms`; `fresh_id` names one that is about no event.
    pub fn into_feedback(self, received_ms: i64, fresh_id: EventId) -> Feedback {
        let feedback_id = self.event_id.map(|event| Feedback::report_id(event, self.email.as_deref()));
        Feedback {
            source: FeedbackSource::UserReport,
            feedback_id: feedback_id.unwrap_or(fresh_id),
            event_id: self.event_id,
            timestamp_ms: received_ms,
            message: self.comments.unwrap_or_default(),
            name: self.name,
            email: self.email,
            url: None,
            replay_id: None,
            trace_id: None,
            span_id: None,
            release: None,
            environment: None,
            body: Vec::new(),
        }
    }
}

/// Reads the fields of a user report from JSON, for whoever wants to say which are missing.
pub fn decode_report(payload: &[u8]) -> Result<Report, ItemError> {
    check_size(payload)?;
    let (report, _) = read_object(payload, REPORT_DEPTH_MAX, |text| {
        let wire: Object<WireReport<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        Ok(Report {
            event_id: wire.event_id.as_str().and_then(event_id),
            name: words(&wire.name, FEEDBACK_NAME_CHARS_MAX),
            email: words(&wire.email, FEEDBACK_EMAIL_CHARS_MAX),
            comments: words(&wire.comments, FEEDBACK_MESSAGE_CHARS_MAX),
        })
    })?;
    Ok(report)
}

/// Reads a `user_report` item. The header's event is meant when the report names none; one that says nothing at all is
/// refused.
pub fn decode_user_report(payload: &[u8], arrival: &Arrival) -> Result<Feedback, ItemError> {
    let mut report = decode_report(payload)?;
    if (&report.comments, &report.name, &report.email) == (&None, &None, &None) {
        return Err(ItemError::Field { field: "comments", found: String::new() });
    }
    report.event_id = report.event_id.or(arrival.header_event_id);
    Ok(report.into_feedback(arrival.received_ms, arrival.fresh_id))
}

fn check_size(payload: &[u8]) -> Result<(), ItemError> {
    if payload.len() > FEEDBACK_BYTES_MAX {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: FEEDBACK_BYTES_MAX });
    }
    Ok(())
}

fn event_id(text: &str) -> Option<EventId> {
    EventId::parse(text.trim()).filter(|id| !id.is_zero())
}

/// Trimmed and cut; `None` for nothing but blanks.
fn words(sent: &Scalar<'_>, chars_max: usize) -> Option<String> {
    let text = sent.text()?;
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, chars_max))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARRIVAL: Arrival = Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: 1_800_000_000_000,
        client_ip: None,
        infer_ip: None,
        fresh_id: EventId([9; 16]),
    };

    fn read(json: &str) -> Feedback {
        decode_feedback(json.as_bytes(), &ARRIVAL, 100).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn a_feedback_event_says_who_what_and_where() {
        let feedback = read(
            r#"{"event_id":"0123456789abcdef0123456789abcdef","timestamp":1799999999.5,"environment":"live",
                "release":"shop@2","contexts":{
                "feedback":{"message":" The basket is empty ","contact_email":"ada@shop.example","name":"Ada",
                    "url":"http://shop.example/cart","associated_event_id":"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
                    "replay_id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
                "trace":{"trace_id":"cccccccccccccccccccccccccccccccc","span_id":"dddddddddddddddd"}}}"#,
        );
        assert_eq!((feedback.message.as_str(), feedback.timestamp_ms), ("The basket is empty", 1_799_999_999_500));
        assert_eq!((feedback.name.as_deref(), feedback.email.as_deref()), (Some("Ada"), Some("ada@shop.example")));
        assert_eq!((feedback.event_id, feedback.replay_id), (Some(EventId([0xaa; 16])), Some(EventId([0xbb; 16]))));
        assert_eq!(feedback.url.as_deref(), Some("http://shop.example/cart"));
        assert!(feedback.trace_id.is_some() && feedback.span_id.is_some());
        assert_eq!((feedback.environment.as_deref(), feedback.release.as_deref()), (Some("live"), Some("shop@2")));
        assert!(feedback.body.starts_with(b"{"));
    }

    #[test]
    fn the_user_and_the_request_stand_in_and_odd_fields_cost_themselves() {
        let feedback = read(
            r#"{"event_id":7,"timestamp":"soon","user":{"username":"ada","email":"a@b.example"},
                "request":{"url":"http://x/"},
                "contexts":{"feedback":{"message":5,"name":["x"],"associated_event_id":"zz","replay_id":0},
                "replay":{"replay_id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"trace":"x"}}"#,
        );
        assert_eq!((feedback.message.as_str(), feedback.feedback_id), ("5", ARRIVAL.fresh_id));
        assert_eq!((feedback.name.as_deref(), feedback.email.as_deref()), (Some("ada"), Some("a@b.example")));
        assert_eq!((feedback.event_id, feedback.timestamp_ms), (None, ARRIVAL.received_ms));
        assert_eq!((feedback.url.as_deref(), feedback.replay_id), (Some("http://x/"), Some(EventId([0xbb; 16]))));
    }

    #[test]
    fn without_a_message_there_is_no_feedback() {
        for json in [
            "{}",
            r#"{"contexts":{"feedback":{}}}"#,
            r#"{"contexts":{"feedback":{"message":"  "}}}"#,
            r#"{"contexts":[]}"#,
        ] {
            let error = decode_feedback(json.as_bytes(), &ARRIVAL, 100).unwrap_err();
            assert!(error.to_string().contains("contexts.feedback.message"), "{json}: {error}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_end_in_dots() {
        let json = format!(r#"{{"contexts":{{"feedback":{{"message":"{}"}}}}}}"#, "ä".repeat(5000));
        let feedback = read(&json);
        assert_eq!(feedback.message.chars().count(), FEEDBACK_MESSAGE_CHARS_MAX);
        assert!(feedback.message.ends_with("..."));
        let report = Report::of_fields(None, Some(&"n".repeat(500)), Some(&"e".repeat(500)), None);
        assert_eq!(report.name.map(|name| name.len()), Some(FEEDBACK_NAME_CHARS_MAX));
        assert_eq!(report.email.map(|email| email.len()), Some(FEEDBACK_EMAIL_CHARS_MAX));
    }

    #[test]
    fn a_user_report_is_about_an_event() {
        let json =
            r#"{"event_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","name":"Ada","email":"a@b.example","comments":"no"}"#;
        let report = decode_user_report(json.as_bytes(), &ARRIVAL).unwrap();
        assert_eq!((report.source, report.event_id), (FeedbackSource::UserReport, Some(EventId([0xaa; 16]))));
        assert_eq!(report.feedback_id, Feedback::report_id(EventId([0xaa; 16]), Some("a@b.example")));
        let header = Arrival { header_event_id: Some(EventId([3; 16])), ..ARRIVAL };
        let report = decode_user_report(br#"{"comments":"no"}"#, &header).unwrap();
        assert_eq!((report.event_id, report.message.as_str()), (Some(EventId([3; 16])), "no"));
        let report = decode_user_report(br#"{"comments":"no"}"#, &ARRIVAL).unwrap();
        assert_eq!((report.event_id, report.feedback_id), (None, ARRIVAL.fresh_id));
        assert!(decode_user_report(br#"{"comments":" ","event_id":"x"}"#, &ARRIVAL).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_feedback(&bytes, &ARRIVAL, 100);
            let _ = decode_user_report(&bytes, &ARRIVAL);
        }

        /// Truncated anywhere it is refused, and whatever stands in the fields, what is kept is within its limits.
        #[test]
        fn any_texts_are_kept_within_limits(message in ".{1,6000}", name in ".{0,300}", email in ".{0,400}", cut_at in 0_usize..400) {
            let json = serde_json::json!({ "contexts": { "feedback": {
                "message": format!("m{message}"), "name": name, "contact_email": email,
            } } }).to_string();
            let feedback = read(&json);
            prop_assert!(feedback.message.chars().count() <= FEEDBACK_MESSAGE_CHARS_MAX);
            prop_assert!(feedback.name.is_none_or(|name| name.chars().count() <= FEEDBACK_NAME_CHARS_MAX));
            prop_assert!(feedback.email.is_none_or(|email| email.chars().count() <= FEEDBACK_EMAIL_CHARS_MAX));
            let end = cut_at.min(json.len() - 1);
            prop_assert!(decode_feedback(&json.as_bytes()[..end], &ARRIVAL, 100).is_err());
        }
    }
}
