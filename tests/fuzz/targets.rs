//! What must hold for any bytes at all: one function for each decoder, shared by `cargo fuzz` and `tests/it/fuzzed.rs`.
//!
//! A target panics when something does not hold; that is all a fuzzer needs to know.

use serde::de::IgnoredAny;

use trapline::grouping::{self, Rules};
use trapline::model::decoded::{Decoded, Incoming};
use trapline::model::event::Event;
use trapline::model::ids::EventId;
use trapline::model::metric::MetricMinute;
use trapline::model::quota::DataGroups;
use trapline::otlp;
use trapline::scrub::{self, scrub_event, scrub_whole_event};
use trapline::search::{self, Dataset};
use trapline::sentry::Limits;
use trapline::sentry::auth::{AuthInputs, read_credentials};
use trapline::sentry::decode::decode_envelope;
use trapline::sentry::detail::event_detail;
use trapline::sentry::event::{Arrival, decode_event};
use trapline::sentry::store_endpoint::decode_store;
use trapline::traceback::{self as trace, Language};

pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its file in `fuzz_targets`.
pub const TARGETS: [(&str, Target); 10] = [
    ("otlp_traces", otlp_traces),
    ("otlp_logs", otlp_logs),
    ("otlp_metrics", otlp_metrics),
    ("envelope", envelope),
    ("event", event),
    ("grouping", grouping),
    ("scrubber", scrubber),
    ("auth_header", auth_header),
    ("traceback", traceback),
    ("search", search),
];

/// Now, by the clock of these tests.
const RECEIVED_MS: i64 = 1_795_000_000_000;
const LIMITS: Limits = Limits {
    items_max: 500,
    event_bytes_max: 1 << 20,
    transaction_bytes_max: 16 << 20,
    item_bytes_max: 16 << 20,
    depth_max: 100,
    spans_max: 10_000,
    closed: DataGroups::NONE,
    attachment_bytes_max: 20 << 20,
};

const OTLP_LIMITS: otlp::Limits = otlp::Limits {
    spans_max: 10_000,
    message_bytes_max: 1 << 20,
    attributes_max: 128,
    events_max: 128,
    attribute_text_bytes_max: 16_384,
    depth_max: 16,
    exception_severity_min: 13,
};

/// The protobuf walker and the JSON decoder on the same bytes: at most one of them can make sense of them. What spans tell
/// of errors is as good as what an SDK of Sentry's says.
pub fn otlp_traces(data: &[u8]) {
    for format in [otlp::Format::Protobuf, otlp::Format::Json] {
        for item in checked_otlp(otlp::decode_traces(format, data, &OTLP_LIMITS)) {
            let batch = match item {
                Incoming::Spans { batch, .. } => batch,
                Incoming::Event(event) => {
                    check_event(*event);
                    continue;
                }
                other => panic!("{other:?}"),
            };
            for span in &batch.spans {
                assert!(span.resource < batch.resources.len() && span.end_ns >= span.start_ns, "{span:?}");
            }
        }
    }
}

/// As [`otlp_traces`].
pub fn otlp_logs(data: &[u8]) {
    for format in [otlp::Format::Protobuf, otlp::Format::Json] {
        for item in checked_otlp(otlp::decode_logs(format, data, &OTLP_LIMITS)) {
            let batch = match item {
                Incoming::Logs(batch) => batch,
                Incoming::Event(event) => {
                    check_event(*event);
                    continue;
                }
                other => panic!("{other:?}"),
            };
            for record in &batch.records {
                assert!(record.resource < batch.resources.len() && record.severity <= 24, "{record:?}");
            }
        }
    }
}

/// As [`otlp_traces`]; what is read is summed up as it will be.
pub fn otlp_metrics(data: &[u8]) {
    for format in [otlp::Format::Protobuf, otlp::Format::Json] {
        for item in checked_otlp(otlp::decode_metrics(format, data, &OTLP_LIMITS)) {
            let Incoming::Metrics(batch) = item else { panic!("{item:?}") };
            let mut all: Option<MetricMinute> = None;
            for point in &batch.points {
                assert!(point.resource < batch.resources.len() && point.value.is_finite(), "{point:?}");
                let minute = MetricMinute::of(point);
                match &mut all {
                    Some(all) => all.merge(&minute),
                    none => *none = Some(minute),
                }
            }
            if let Some(all) = all {
                let median = all.quantile(0.5);
                assert!(median.is_none_or(f64::is_finite) && all.sum.sum.is_finite(), "{all:?}");
            }
        }
    }
}

fn checked_otlp(decoded: Result<Decoded, otlp::OtlpError>) -> Vec<Incoming> {
    let Ok(decoded) = decoded else { return Vec::new() };
    for refusal in decoded.refused {
        assert!(refusal.quantity > 0 && refusal.detail.chars().count() <= 400, "{refusal:?}");
    }
    decoded.items
}

/// An envelope is understood or refused; what is kept of it can be read again.
pub fn envelope(data: &[u8]) {
    let mut fresh = || EventId([7; 16]);
    if let Ok(read) = decode_envelope(data, RECEIVED_MS, &mut fresh, &LIMITS) {
        for item in read.decoded.items {
            if let Incoming::Event(event) = item {
                check_event(*event);
            }
        }
        for refusal in read.decoded.refused {
            assert!(!refusal.category.is_empty(), "a refusal is counted under a name");
        }
    }
    let _ = decode_store(data, None, RECEIVED_MS, &mut fresh, &LIMITS);
    let _ = decode_store(data, Some("application/x-sentry-envelope"), RECEIVED_MS, &mut fresh, &LIMITS);
}

/// An event's payload alone.
pub fn event(data: &[u8]) {
    if let Some(event) = read_event(data) {
        check_event(event);
    }
}

/// `fingerprint rules NUL stack-trace rules NUL event`: without both NULs all of it is the event.
pub fn grouping(data: &[u8]) {
    let parts: Vec<&[u8]> = data.splitn(3, |byte| *byte == 0).collect();
    let (rules, payload) = match parts.as_slice() {
        [fingerprint, stack, payload] => {
            let text = |bytes| String::from_utf8_lossy(bytes);
            (Rules::parse(&text(fingerprint), &text(stack)).unwrap_or_default(), *payload)
        }
        _ => (Rules::default(), data),
    };
    if let Some(event) = read_event(payload) {
        check_grouping(&event, &rules);
    }
}

/// Valid JSON stays valid JSON.
pub fn scrubber(data: &[u8]) {
    let options = scrub::Options { scrub_ip: data.len() % 2 == 1, ..scrub::Options::default() };
    let rules = scrub::Rules::new(&options);
    let scrubbed = scrub_event(data, &rules);
    if data.len() < 1 << 16 && serde_json::from_slice::<IgnoredAny>(data).is_ok() {
        assert!(serde_json::from_slice::<IgnoredAny>(&scrubbed).is_ok(), "scrubbing broke the JSON");
    }
}

/// The bytes stand in each place a key may come from.
pub fn auth_header(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = Some(text.as_ref());
    for inputs in [
        AuthInputs { x_sentry_auth: text, ..AuthInputs::default() },
        AuthInputs { authorization: text, ..AuthInputs::default() },
        AuthInputs { query: text, ..AuthInputs::default() },
        AuthInputs { path_key: text, ..AuthInputs::default() },
    ] {
        if let Ok(Some(credentials)) = read_credentials(&inputs) {
            assert!(credentials.client.is_none_or(|client| client.chars().count() <= 128), "a name without end");
        }
    }
}

/// A stack trace is read as every language, within the limits.
pub fn traceback(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for language in Language::ALL.into_iter().map(Some).chain([None]) {
        let Some(found) = trace::parse(&text, language) else { continue };
        assert!(!found.exceptions.is_empty(), "what was understood has an exception");
        for exception in found.exceptions {
            assert!(exception.frames.len() <= trapline::config::STACK_FRAMES_MAX, "frames without end");
        }
    }
}

fn read_event(payload: &[u8]) -> Option<Event> {
    let arrival = Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: RECEIVED_MS,
        client_ip: None,
        infer_ip: None,
        fresh_id: EventId([7; 16]),
    };
    decode_event(payload, &arrival, &LIMITS).ok()
}

/// The whole way in, and the way out to a reader.
fn check_event(mut event: Event) {
    scrub_whole_event(&mut event, &scrub::Rules::default());
    assert!(serde_json::from_slice::<IgnoredAny>(&event.body).is_ok(), "what is kept is JSON");
    assert!(read_event(&event.body).is_some(), "what is kept can be read again");
    let _ = event_detail(&event.body);
    check_grouping(&event, &Rules::default());
}

/// The explanation tells what the hash is made of, and every issue has a name.
fn check_grouping(event: &Event, rules: &Rules) {
    let grouping = grouping::group(event, rules);
    assert!(!grouping.variants.is_empty(), "every event has an issue");
    assert!(!grouping::title(event, &grouping).title.is_empty(), "every issue has a name");
    let explanation = grouping::explain(event, grouping.version, rules).expect("the current version is known");
    let explained: Vec<_> = explanation.variants.iter().filter_map(|variant| variant.hash).collect();
    assert_eq!(explained, grouping.hashes().collect::<Vec<_>>(), "the explanation tells another story");
}

/// A search is read or refused with a place in it; what is read is printed so that it is read again; and whatever is typed
/// can be completed.
pub fn search(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for dataset in Dataset::ALL {
        match search::parse(text, dataset, RECEIVED_MS) {
            Ok(expr) => {
                let written = expr.to_string();
                // What takes its place may be longer than what may be typed.
                if written.len() <= text.len() {
                    assert_eq!(search::parse(&written, dataset, RECEIVED_MS), Ok(expr), "{text:?} as {written:?}");
                }
            }
            Err(error) => {
                assert!(text.get(error.from..error.to).is_some(), "{error:?} in {text:?}");
                let (from, to) = error.utf16(text);
                assert!(from <= to && to <= text.encode_utf16().count(), "{error:?} in {text:?}");
            }
        }
        let completion = search::complete(text, data.len() / 2, dataset);
        assert!(text.get(completion.from..completion.to).is_some(), "{completion:?} in {text:?}");
    }
}
