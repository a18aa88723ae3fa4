//! `client_report` items: what an SDK, or a relay on the way, did not send on, and why.
//!
//! Knows the four lists of a report (protocol notes, section 1.8). Reasons and categories nobody here knows are kept as
//! they are, sanitised and bounded: SDKs make up new ones.

use crate::model::client_report::{ClientDiscard, ClientReport, DiscardKind};
use crate::model::decoded::Refusal;
use crate::model::outcome::Reason;
use crate::sentry::Limits;
use crate::sentry::event::ItemError;
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Listed, Object, Scalar, read_object, wire_object};

/// Lines of one list that are looked at; SDKs send a handful.
const LINES_MAX: usize = 500;
const REASON_CHARS_MAX: usize = 64;
const CATEGORY_CHARS_MAX: usize = 32;
/// Characters shown of a quantity that is none.
const SAID_CHARS_MAX: usize = 24;
/// A line that says more than this is wrong, and would be all one sees: things, and bytes of them.
const QUANTITY_MAX: u64 = 1_000_000_000;
const BYTES_MAX: u64 = 1 << 40;
/// What lines that could not be used are counted under.
const FIELD_CATEGORY: &str = "client_report_field";

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

/// Reads a report, and what of it could not be used, one refusal for each reason. Lines without a quantity, or with
/// none, say nothing and are left out; equal ones become one.
pub fn decode_client_report(payload: &[u8], limits: &Limits) -> Result<(ClientReport, Vec<Refusal>), ItemError> {
    let (decoded, _) = read_object(payload, limits.depth_max, |text| {
        let wire: Object<WireReport<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        let mut report = ClientReport::default();
        let mut refused = Vec::new();
        for (kind, list) in [
            (DiscardKind::Discarded, &wire.discarded),
            (DiscardKind::RateLimited, &wire.rate_limited),
            (DiscardKind::Filtered, &wire.filtered),
            (DiscardKind::Sampled, &wire.sampled),
        ] {
            for line in &list.members {
                if let Err((reason, problem)) = add(&mut report, kind, line) {
                    refuse(&mut refused, reason, problem, 1);
                }
            }
            if list.omitted > 0 {
                let problem = format!("more than {LINES_MAX} lines in one list of a client report");
                refuse(&mut refused, Reason::TooMany, problem, list.omitted);
            }
        }
        Ok((report, refused))
    })?;
    Ok(decoded)
}

fn add(report: &mut ClientReport, kind: DiscardKind, line: &WireDiscard<'_>) -> Result<(), (Reason, String)> {
    let Some(said) = line.quantity.text() else { return Ok(()) };
    let reason = plain(&line.reason, REASON_CHARS_MAX);
    let category = plain(&line.category, CATEGORY_CHARS_MAX);
    let problem = |what: &str| format!("quantity {} of {category} ({reason}) {what}", cut(&said, SAID_CHARS_MAX));
    let sent = match &line.quantity {
        Scalar::Float(number) if *number >= 1.8e19 => Some(u64::MAX),
        sent => sent.unsigned(),
    };
    let Some(quantity) = sent else { return Err((Reason::Invalid, problem("is no count"))) };
    if quantity == 0 {
        return Ok(());
    }
    let discard = ClientDiscard { kind, reason: reason.clone(), category: category.clone(), quantity };
    if quantity > if discard.is_of_bytes() { BYTES_MAX } else { QUANTITY_MAX } {
        return Err((Reason::TooLarge, problem("is more than there can be")));
    }
    let is_same = |d: &&mut ClientDiscard| d.kind == kind && d.reason == reason && d.category == category;
    match report.discards.iter_mut().find(is_same) {
        Some(known) => known.quantity = known.quantity.saturating_add(quantity),
        None => report.discards.push(discard),
    }
    Ok(())
}

/// One line for each reason, which shows the first case of it.
fn refuse(refused: &mut Vec<Refusal>, reason: Reason, detail: String, quantity: u64) {
    match refused.iter_mut().find(|refusal| refusal.reason == reason) {
        Some(refusal) => refusal.quantity = refusal.quantity.saturating_add(quantity),
        None => refused.push(Refusal { category: FIELD_CATEGORY.to_owned(), reason, detail, quantity }),
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
        let (report, _) = decode_client_report(json.as_bytes(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{error}"));
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
    fn quantities_that_cannot_be_are_refused_by_name() {
        let json = r#"{"discarded_events":[{"reason":"a","category":"error","quantity":-5},
            {"reason":"a","category":"error","quantity":"many"},{"reason":"a","category":"error","quantity":1e30},
            {"reason":"a","category":"error","quantity":1000000001},{"reason":"a","category":"error","quantity":0},
            {"reason":"a","category":"log_byte","quantity":41943040000},{"reason":"a","category":"error","quantity":2}]}"#;
        assert_eq!(lines(json), ["discarded a log_byte 41943040000", "discarded a error 2"]);
        let (_, refused) = decode_client_report(json.as_bytes(), &TEST_LIMITS).expect("a report");
        let shown: Vec<_> = refused.iter().map(|r| (r.reason, r.quantity, r.detail.as_str())).collect();
        let large =
            format!("quantity {} of error (a) is more than there can be", cut(&1e30.to_string(), SAID_CHARS_MAX));
        let expected =
            [(Reason::Invalid, 2, "quantity -5 of error (a) is no count"), (Reason::TooLarge, 2, large.as_str())];
        assert_eq!(shown, expected);
        let line = r#"{"reason":"a","category":"b","quantity":1}"#;
        let json = format!(r#"{{"discarded_events":[{}]}}"#, [line; LINES_MAX + 7].join(","));
        let (report, refused) = decode_client_report(json.as_bytes(), &TEST_LIMITS).expect("a report");
        assert_eq!((report.discards[0].quantity, refused[0].quantity), (LINES_MAX as u64, 7));
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
            let (report, _) = decode_client_report(json.to_string().as_bytes(), &TEST_LIMITS).expect("a report");
            for discard in report.discards {
                prop_assert!(discard.reason.len() <= REASON_CHARS_MAX && discard.category.len() <= CATEGORY_CHARS_MAX);
                prop_assert!(discard.quantity <= BYTES_MAX && !discard.reason.is_empty());
            }
        }
    }
}
