//! Envelopes and store bodies as wholes: what one bad item costs, what is counted, and that no bytes panic.

use proptest::prelude::*;

use super::*;
use crate::config::{CLIENT_REPORT_BYTES_MAX, CLIENT_REPORT_ITEMS_MAX, SESSION_ITEMS_MAX, STANDALONE_SPANS_MAX};
use crate::sentry::TEST_LIMITS;
use crate::sentry::store_endpoint::decode_store;

const NOW_MS: i64 = 1_700_000_000_000;
const TRANSACTION: &str = r#"{"type":"transaction","start_timestamp":1699999989,"timestamp":1699999990,"contexts":{"trace":{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}},"spans":[{"span_id":"x"}]}"#;

fn ids() -> impl FnMut() -> EventId {
    let mut next = 0_u8;
    move || {
        next = next.wrapping_add(1);
        EventId([next; 16])
    }
}

fn decode(body: &str) -> EnvelopeDecoded {
    decode_envelope(body.as_bytes(), NOW_MS, &mut ids(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn kinds(decoded: &EnvelopeDecoded) -> Vec<String> {
    let name = |incoming: &Incoming| match incoming {
        Incoming::Event(event) => format!("event {}", event.event_id.0[0]),
        Incoming::Spans { batch, transactions } => format!("{transactions} transaction, {} spans", batch.spans.len()),
        Incoming::Sessions(batch) => format!("{} sessions", batch.updates.len() + batch.buckets.len()),
        Incoming::ClientReport(report) => format!("report of {}", report.discards.len()),
        Incoming::Blob(blob) => format!("{} bytes of {}", blob.bytes.len(), blob.category),
        Incoming::Logs(batch) => format!("{} logs", batch.records.len()),
        Incoming::Metrics(batch) => format!("{} metrics", batch.points.len()),
        Incoming::Counted { category, quantity } => format!("{quantity} {category}"),
        Incoming::Feedback(feedback) => format!("feedback {}", feedback.message),
        Incoming::Orphan { category, .. } => format!("{category} gone"),
        Incoming::Filtered { category, reason, .. } => format!("{category} {}", reason.as_str()),
        Incoming::CheckIn(check_in) => format!("check-in {}", check_in.slug),
    };
    decoded.decoded.items.iter().map(name).collect()
}

#[test]
fn the_header_is_read_and_answered() {
    let body = r#"{"event_id":"FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0","sent_at":"2023-11-14T22:13:20Z",
        "dsn":"http://0123456789abcdef0123456789abcdef@h/42","sdk":{"name":"a","version":"1"},"trace":3}"#;
    let decoded = decode(body);
    assert_eq!(decoded.response_id.map(|id| id.to_string()).as_deref(), Some("fc6d8c0c43fc4630ad850ee518f1b9d0"));
    assert_eq!(decoded.header.dsn.map(|(_, project)| project), Some(ProjectId(42)));
    assert_eq!((decoded.header.sdk.as_deref(), decoded.header.sent_at_ns), (Some("a/1"), Some(NOW_MS * 1_000_000)));
    assert_eq!(decode_header(body.as_bytes()), Ok(decoded.header));
    assert_eq!(decode("{}").response_id, None);
    let mended = decode(r#"{"event_id":"fc6d8c0c43fc4630ad850ee518f1b9d0","sdk":{"name":"a\ud800"}}"#);
    assert!(mended.response_id.is_some());
}

#[test]
fn items_beyond_the_limit_are_counted_by_their_type() {
    let body = format!("{{}}\n{}", "{\"type\":\"event\"}\n{}\n".repeat(600));
    let decoded = decode(&format!("{body}{{\"type\":\"log\",\"item_count\":5}}\n{{\"items\":[1,2,3,4,5]}}\n")).decoded;
    let refused: Vec<_> = decoded.refused.iter().map(|r| (r.category.as_str(), r.reason, r.quantity)).collect();
    assert_eq!(decoded.items.len(), 500);
    assert_eq!(refused, [("event", Reason::TooMany, 100), ("log", Reason::TooMany, 5)]);
}

#[test]
fn whether_the_address_may_be_taken_stands_in_the_header_too() {
    let address = |header: &str, event: &str| {
        let body = format!("{header}\n{{\"type\":\"event\"}}\n{event}\n");
        let receipt = Receipt { received_ms: NOW_MS, client_ip: Some("203.0.113.9".parse().expect("an address")) };
        let decoded = decode_envelope(body.as_bytes(), receipt, &mut ids(), &TEST_LIMITS).expect("an envelope");
        let Some(Incoming::Event(event)) = decoded.decoded.items.into_iter().next() else { panic!("an event") };
        event.user
    };
    let (auto, never) = (r#"{"sdk":{"settings":{"infer_ip":"auto"}}}"#, r#"{"sdk":{"settings":{"infer_ip":"never"}}}"#);
    assert_eq!(address(auto, "{}").as_deref(), Some("ip:203.0.113.9"));
    assert_eq!(address(auto, never), None);
    assert_eq!(address(never, r#"{"platform":"javascript"}"#), None);
    assert_eq!(address("{}", r#"{"platform":"javascript"}"#).as_deref(), Some("ip:203.0.113.9"));
}

#[test]
fn one_bad_item_never_costs_the_others() {
    let body = format!(
        "{{}}\n{{\"type\":\"event\"}}\n{{\"a\":\n{{\"type\":\"event\"}}\n{{}}\n{{\"type\":\"transaction\"}}\n{TRANSACTION}\n{{\"type\":\"transaction\"}}\n{{}}\n{{\"type\":\"event\",\"length\":99}}\n{{}}"
    );
    let decoded = decode(&body);
    assert_eq!(kinds(&decoded), ["event 2", "1 transaction, 1 spans"]);
    let refused: Vec<_> = decoded.decoded.refused.iter().map(|r| (r.category.as_str(), r.reason)).collect();
    let invalid = Reason::Invalid;
    assert_eq!(refused, [("event", invalid), ("span", invalid), ("transaction", invalid), ("event", invalid)]);
    assert_eq!(decoded.item_types, ["event", "event", "transaction", "transaction"]);
    assert_eq!(decoded.response_id, Some(EventId([2; 16])));
}

#[test]
fn the_headers_id_belongs_to_the_first_event() {
    let own = "\"event_id\":\"05050505050505050505050505050505\"";
    let decoded = decode(&format!("{{{own}}}\n{{\"type\":\"event\"}}\n{{}}\n{{\"type\":\"event\"}}\n{{}}"));
    assert_eq!(kinds(&decoded), ["event 5", "event 2"]);
}

#[test]
fn types_that_are_not_kept_are_counted_by_name() {
    let decoded = decode("{}\n{\"type\":\"New <Thing>!\"}\n{}\n{}\nx\n{\"type\":\"profile_chunk_ui\"}\n{}");
    assert_eq!(kinds(&decoded), ["1 new__thing__", "1 unknown"]);
    assert_eq!(decoded.decoded.refused[0].category, "profile_chunk");
    assert_eq!(decoded.response_id, None);
}

#[test]
fn an_envelope_holds_so_many_of_these_and_no_more() {
    let many = |ty: &str, payload: &str, count: usize| {
        let items = format!("{{\"type\":\"{ty}\"}}\n{payload}\n").repeat(count);
        decode(&format!("{{}}\n{items}")).decoded
    };
    let id = "0af7651916cd43dd8448eb211c80319c";
    let span = format!(
        r#"{{"trace_id":"{id}","span_id":"b7ad6b7169203331","start_timestamp":1699999999,"timestamp":1699999999}}"#
    );
    let session = format!(r#"{{"sid":"{id}","started":1699999999,"attrs":{{"release":"r"}}}}"#);
    for (ty, payload, max) in [
        ("span", span.as_str(), STANDALONE_SPANS_MAX),
        ("session", session.as_str(), SESSION_ITEMS_MAX),
        ("client_report", "{}", CLIENT_REPORT_ITEMS_MAX),
    ] {
        let decoded = many(ty, payload, max + 2);
        assert_eq!(decoded.items.len(), max, "{ty}");
        let refused: Vec<_> = decoded.refused.iter().map(|r| (r.reason, r.quantity)).collect();
        assert_eq!(refused, [(Reason::TooLarge, 2)], "{ty}");
    }
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(CLIENT_REPORT_BYTES_MAX / 2));
    let decoded = many("client_report", &long, 2);
    assert_eq!((decoded.items.len(), decoded.refused[0].reason), (1, Reason::TooLarge));
}

#[test]
fn containers_are_read_item_by_item_however_many_there_are() {
    let log = "{\"timestamp\":1699999990,\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"body\":\"x\"}";
    let metric = log.replace("\"body\":\"x\"", "\"name\":\"a\",\"type\":\"gauge\",\"value\":1");
    let decoded = decode(&format!(
        "{{\"sdk\":{{\"name\":\"a\",\"version\":\"1\"}}}}\n{{\"type\":\"log\",\"item_count\":9}}\n{{\"items\":[{log},{{}},{log}]}}\n{{\"type\":\"log\"}}\n{{\"items\":[{log}]}}\n{{\"type\":\"log\",\"item_count\":3}}\nnot json at all\n{{\"type\":\"trace_metric\"}}\n{{\"items\":[{metric}]}}"
    ));
    assert_eq!(kinds(&decoded), ["2 logs", "1 logs", "1 metrics"]);
    let refused: Vec<_> = decoded.decoded.refused.iter().map(|r| (r.category.as_str(), r.reason, r.quantity)).collect();
    assert_eq!(refused, [("log", Reason::Invalid, 1), ("log", Reason::Invalid, 3)]);
    let Incoming::Logs(batch) = &decoded.decoded.items[0] else { panic!("logs") };
    assert_eq!(batch.resources[0].sdk.as_deref(), Some("a/1"));
}

#[test]
fn the_header_names_the_sdk_when_the_event_does_not() {
    let decoded = decode("{\"sdk\":{\"name\":\"a\",\"version\":\"1\"}}\n{\"type\":\"event\"}\n{}");
    let [Incoming::Event(event)] = decoded.decoded.items.as_slice() else { panic!("one event") };
    assert_eq!(event.sdk.as_deref(), Some("a/1"));
}

#[test]
fn bodies_that_are_no_envelopes_are_errors() {
    let error = |body: &[u8]| decode_envelope(body, NOW_MS, &mut ids(), &TEST_LIMITS).expect_err("refused");
    assert_eq!(error(b"\n"), EnvelopeError::Empty);
    assert!(matches!(error(b"hello"), EnvelopeError::Envelope(_)));
}

fn sample_envelope() -> Vec<u8> {
    format!(
        "{{\"event_id\":\"05050505050505050505050505050505\"}}\n{{\"type\":\"event\"}}\n{{\"message\":\"%s \\ud83d\\ude00\",\"params\":[1],\"tags\":[[\"a\",1]],\"exception\":[{{\"type\":\"E\",\"stacktrace\":{{\"frames\":[{{\"lineno\":1}}]}}}}],\"x\":NaN}}\n{{\"type\":\"transaction\"}}\n{TRANSACTION}\n"
    )
    .into_bytes()
}

#[test]
fn every_truncation_is_survived() {
    let body = sample_envelope();
    for end in 0..body.len() {
        let _ = decode_envelope(&body[..end], NOW_MS, &mut ids(), &TEST_LIMITS);
        let _ = decode_store(&body[..end], None, NOW_MS, &mut ids(), &TEST_LIMITS);
    }
}

proptest! {
    #[test]
    fn no_flipped_bits_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..8)) {
        let mut body = sample_envelope();
        for (place, bit) in flips {
            let at = place.index(body.len());
            body[at] ^= 1 << bit;
        }
        let _ = decode_envelope(&body, NOW_MS, &mut ids(), &TEST_LIMITS);
        let event_start = body.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
        let _ = decode_store(&body[event_start..], None, NOW_MS, &mut ids(), &TEST_LIMITS);
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_envelope(&body, NOW_MS, &mut ids(), &TEST_LIMITS);
        let _ = decode_store(&body, None, NOW_MS, &mut ids(), &TEST_LIMITS);
        let framed = [b"{}\n{\"type\":\"event\"}\n", body.as_slice()].concat();
        let _ = decode_envelope(&framed, NOW_MS, &mut ids(), &TEST_LIMITS);
    }
}
