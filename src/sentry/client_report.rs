//! `client_report` items: what an SDK, or a relay on the way, did not send on, and why.
//!
//! Knows the four lists of a report (protocol notes, section 1.8). Reasons and categories nobody here knows are kept as
//! they are, sanitised and bounded: SDKs make up new ones.

use crate::model::client_report::{ClientDiscard, ClientReport, DiscardKind};
use crate::sentry::Limits;
use crate::sentry::event::ItemError;
use crate::sentry::json::{Listed, Object, Scalar, read_object, wire_object};

/// Lines of one list that are looked at; SDKs send a handful.
const LINES_MAX: usize = 500;
const REASON_CHARS_MAX: usize = 64;
const CATEGORY_CHARS_MAX: usize = 32;
/// A line that says more than this is wrong, and would be all one sees.
const QUANTITY_MAX: u64 = 1_000_000_000;

wire_object! {
    WireReport {
        discarded: Listed<WireDiscard<'a>, LINES_MAX, 0> = "discarded_events",
        rate_limited: Listed<WireDiscard<'a>, LINES_MAX, 0> = "rate_limited_events",
        filtered: Listed<WireDiscard<'a>, LINES_MAX, 0> = "filtered_events",
        sampled: Listed<WireDiscard<'a>, LINES_MAX, 0> = "filtered_sampling_events",
    }
}

wire_object! {
    WireDiscard {
        reason: Scalar<'a> = "reason",
        category: Scalar<'a> = "category",
        quantity: Scalar<'a> = "quantity",
    }
}

/// Reads a report. Lines without a quantity, or with none, say nothing and are left out; equal ones become one.
pub fn decode_client_report(payload: &[u8], limits: &Limits) -> Result<ClientReport, ItemError> {
    let (report, _) = read_object(payload, limits.depth_max, |text| {
        let wire: Object<WireReport<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        let mut report = ClientReport::default();
        for (kind, list) in [
            (DiscardKind::Discarded, &wire.discarded),
            (DiscardKind::RateLimited, &wire.rate_limited),
            (DiscardKind::Filtered, &wire.filtered),
            (DiscardKind::Sampled, &wire.sampled),
        ] {
            for line in &list.members {
                add(&mut report, kind, line);
            }
        }
        Ok(report)
    })?;
    Ok(report)
}

fn add(report: &mut ClientReport, kind: DiscardKind, line: &WireDiscard<'_>) {
    let quantity = line.quantity.unsigned().unwrap_or(0).min(QUANTITY_MAX);
    if quantity == 0 {
        return;
    }
    let reason = plain(&line.reason, REASON_CHARS_MAX);
    let category = plain(&line.category, CATEGORY_CHARS_MAX);
    let known = report.discards.iter_mut().find(|d| d.kind == kind && d.reason == reason && d.category == category);
    match known {
        Some(known) => known.quantity = known.quantity.saturating_add(quantity),
        None => report.discards.push(ClientDiscard { kind, reason, category, quantity }),
    }
}

/// Letters, digits and the marks between them, in small letters; `unknown` when nothing was said.
fn plain(sent: &Scalar<'_>, chars_max: usize) -> String {
    let Some(text) = sent.text() else { return "unknown".to_owned() };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.chars().take(chars_max).map(|c| if is_plain(c) { c.to_ascii_lowercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sentry::TEST_LIMITS;

    fn lines(json: &str) -> Vec<String> {
        let report = decode_client_report(json.as_bytes(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{error}"));
        let line = |d: &ClientDiscard| format!("{} {} {} {}", d.kind.as_str(), d.reason, d.category, d.quantity);
        report.discards.iter().map(line).collect()
    }

    #[test]
    fn all_four_lists_are_read_and_equal_lines_added() {
        let json = r#"{"timestamp":"2026-11-21T00:00:00Z",
            "discarded_events":[{"reason":"before_send","category":"error","quantity":12},
                {"reason":"before_send","category":"error","quantity":"3"}],
            "rate_limited_events":[{"reason":"key_quota","category":"error","quantity":1}],
            "filtered_events":[{"reason":"web-crawlers","category":"error","quantity":2}],
            "filtered_sampling_events":[{"reason":"Sampled:1000","category":"transaction","quantity":4}]}"#;
        assert_eq!(
            lines(json),
            [
                "discarded before_send error 15",
                "rate_limited key_quota error 1",
                "filtered web-crawlers error 2",
                "filtered_sampling sampled:1000 transaction 4"
            ]
        );
    }

    #[test]
    fn unknown_words_are_kept_plain_and_short_and_empty_lines_left_out() {
        let long = "x".repeat(1000);
        let json = format!(
            r#"{{"discarded_events":[{{"reason":"<b>new\u0000</b>","category":7,"quantity":1}},{{"quantity":1}},
                {{"reason":"{long}","category":"{long}","quantity":1e300}},{{"reason":"a","category":"b"}},
                {{"reason":"a","category":"b","quantity":-1}},7,null]}}"#
        );
        let lines = lines(&json);
        assert_eq!(lines[0], "discarded _b_new___b_ 7 1");
        assert_eq!(lines[1], "discarded unknown unknown 1");
        assert_eq!(lines.len(), 2 + usize::from(lines.len() > 2), "{lines:?}");
        assert!(lines.iter().all(|line| line.len() < 130), "{lines:?}");
    }

    #[test]
    fn other_lists_and_other_json() {
        assert_eq!(lines("{}"), [""; 0]);
        assert_eq!(lines(r#"{"discarded_events":{"a":1},"filtered_events":"x"}"#), [""; 0]);
        assert!(decode_client_report(b"[]", &TEST_LIMITS).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_client_report(&bytes, &TEST_LIMITS);
        }

        #[test]
        fn whatever_is_said_is_bounded(reason in "\\PC{0,90}", category in "\\PC{0,90}", quantity in any::<u64>()) {
            let json = serde_json::json!({ "discarded_events": [
                { "reason": reason, "category": category, "quantity": quantity }] });
            let report = decode_client_report(json.to_string().as_bytes(), &TEST_LIMITS).expect("a report");
            for discard in report.discards {
                prop_assert!(discard.reason.len() <= REASON_CHARS_MAX && discard.category.len() <= CATEGORY_CHARS_MAX);
                prop_assert!(discard.quantity <= QUANTITY_MAX && !discard.reason.is_empty());
            }
        }
    }
}
