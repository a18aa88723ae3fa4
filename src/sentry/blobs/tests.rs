//! Items of bytes, sent in every way SDKs send them.

use proptest::prelude::*;

use super::*;
use crate::model::event::Event;
use crate::sentry::decode::{EnvelopeDecoded, decode_envelope};
use crate::sentry::{Limits, TEST_LIMITS};

const ID: &str = "0123456789abcdef0123456789abcdef";
const NOW_MS: i64 = 1_900_000_000_000;

fn decode_within(header: &str, items: &[(&str, &[u8])], limits: &Limits) -> EnvelopeDecoded {
    let mut body = header.as_bytes().to_vec();
    body.push(b'\n');
    for (members, payload) in items {
        body.extend(format!("{{{members},\"length\":{}}}\n", payload.len()).bytes());
        body.extend(*payload);
        body.push(b'\n');
    }
    decode_envelope(&body, NOW_MS, &mut || EventId([7; 16]), limits).expect("an envelope")
}

fn decode(items: &[(&str, &[u8])]) -> EnvelopeDecoded {
    decode_within(&format!("{{\"event_id\":\"{ID}\"}}"), items, &TEST_LIMITS)
}

fn blobs(decoded: &EnvelopeDecoded) -> Vec<&Blob> {
    let mut found = Vec::new();
    for item in &decoded.decoded.items {
        if let Incoming::Blob(blob) = item {
            found.push(&**blob);
        }
    }
    found
}

fn event(decoded: &EnvelopeDecoded) -> Option<&Event> {
    decoded.decoded.items.iter().find_map(|item| if let Incoming::Event(event) = item { Some(&**event) } else { None })
}

fn only_about(decoded: &EnvelopeDecoded) -> &About {
    let found = blobs(decoded);
    assert_eq!(found.len(), 1, "{:?}", decoded.decoded);
    &found[0].about
}

#[test]
fn an_attachment_is_kept_with_the_event_of_the_header() {
    let decoded = decode(&[(
        r#""type":"attachment","filename":"a/b/c.txt","content_type":"Text/Plain; charset=utf-8""#,
        b"hello",
    )]);
    let expected = Attachment {
        event_id: EventId::parse(ID).expect("an id"),
        name: "c.txt".to_owned(),
        content_type: Some("text/plain".to_owned()),
        kind: "event.attachment".to_owned(),
    };
    assert_eq!(*only_about(&decoded), About::Attachment(expected));
    assert_eq!(blobs(&decoded)[0].bytes, b"hello");
    assert_eq!(decoded.decoded.refused, []);
}

#[test]
fn without_an_id_in_the_header_the_event_beside_it_counts() {
    let own = br#"{"event_id":"fedcba9876543210fedcba9876543210"}"#;
    let items: [(&str, &[u8]); 2] = [(r#""type":"attachment""#, b"x"), (r#""type":"event""#, own)];
    let decoded = decode_within("{}", &items, &TEST_LIMITS);
    let About::Attachment(file) = only_about(&decoded) else { panic!() };
    assert_eq!(file.event_id.to_string(), "fedcba9876543210fedcba9876543210");
    let alone = decode_within("{}", &items[..1], &TEST_LIMITS);
    assert_eq!(alone.decoded.items, []);
    assert_eq!(alone.decoded.refused[0].reason, Reason::Invalid);
}

#[test]
fn what_is_over_a_limit_is_refused_and_noted_and_the_rest_is_kept() {
    let limits = Limits { attachment_bytes_max: 4, ..TEST_LIMITS };
    let header = format!("{{\"event_id\":\"{ID}\"}}");
    let large: (&str, &[u8]) = (r#""type":"attachment","filename":"large""#, b"12345");
    let small: (&str, &[u8]) = (r#""type":"attachment","filename":"small""#, b"1234");
    let decoded = decode_within(&header, &[large, small, (r#""type":"event""#, b"{}")], &limits);
    let [note, kept] = blobs(&decoded)[..] else { panic!() };
    let About::Refused(refused) = &note.about else { panic!() };
    assert_eq!((refused.file.name.as_str(), refused.bytes, note.bytes.len()), ("large", 5, 0));
    assert!(refused.problem.contains("attachment_bytes_max"));
    assert!(matches!(&kept.about, About::Attachment(file) if file.name == "small"));
    assert!(event(&decoded).is_some());
    assert_eq!((decoded.decoded.refused.len(), decoded.decoded.refused[0].reason), (1, Reason::TooLarge));

    let many = decode(&vec![(r#""type":"attachment""#, &b"x"[..]); ATTACHMENTS_MAX + 2]);
    let kept = blobs(&many).iter().filter(|blob| matches!(blob.about, About::Attachment(_))).count();
    assert_eq!((kept, many.decoded.refused.len()), (ATTACHMENTS_MAX, 2));
}

#[test]
fn a_native_sdk_sends_its_event_as_a_file() {
    let msgpack = b"\x82\xa7message\xa5crash\xa5level\xa5fatal";
    for payload in [&msgpack[..], br#" {"message":"crash","level":"fatal"}"#] {
        let decoded = decode(&[(r#""type":"attachment","attachment_type":"event.payload""#, payload)]);
        let event = event(&decoded).expect("an event");
        assert_eq!(event.message.as_ref().map(|message| message.formatted.as_str()), Some("crash"));
        assert_eq!(event.event_id.to_string(), ID);
        assert_eq!(blobs(&decoded), [] as [&Blob; 0]);
    }
    let beside = decode(&[
        (r#""type":"attachment","attachment_type":"event.payload""#, msgpack),
        (r#""type":"event""#, br#"{"message":"the event"}"#),
    ]);
    assert_eq!(
        event(&beside).and_then(|event| event.message.clone()).map(|m| m.formatted).as_deref(),
        Some("the event")
    );
    assert_eq!(blobs(&beside).len(), 1);
    let damaged = decode(&[(r#""type":"attachment","attachment_type":"event.payload""#, &msgpack[..9])]);
    assert_eq!((blobs(&damaged).len(), damaged.decoded.refused.len(), event(&damaged)), (1, 1, None));
}

#[test]
fn a_crash_dump_without_an_event_is_one() {
    let dump: (&str, &[u8]) = (r#""type":"attachment","attachment_type":"event.minidump","filename":"x.dmp""#, b"MDMP");
    let decoded = decode(&[dump]);
    let made = event(&decoded).expect("an event");
    assert_eq!(made.exceptions[0].ty.as_deref(), Some("Minidump"));
    assert_eq!(made.event_id.to_string(), ID);
    let beside = decode(&[dump, (r#""type":"event""#, br#"{"message":"mine"}"#)]);
    assert!(event(&beside).is_some_and(|event| event.exceptions.is_empty()));
    assert_eq!(blobs(&beside).len(), 1);
}

#[test]
fn other_binary_items_are_kept_with_their_event() {
    let items = ["form_data", "unreal_report", "view_hierarchy"];
    let headers: Vec<String> = items.iter().map(|ty| format!("\"type\":\"{ty}\"")).collect();
    let payloads: Vec<(&str, &[u8])> = headers.iter().map(|header| (header.as_str(), &b"x"[..])).collect();
    let decoded = decode(&payloads);
    let kinds: Vec<(String, String)> = blobs(&decoded)
        .iter()
        .map(|blob| match &blob.about {
            About::Attachment(file) => (blob.category.clone(), file.kind.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        kinds,
        [
            pair("form_data", "form_data"),
            pair("unreal_report", "unreal_report"),
            pair("view_hierarchy", "event.view_hierarchy"),
        ]
    );
}

#[test]
fn a_profile_says_what_it_belongs_to() {
    let profile = br#"{"event_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","platform":"python","version":"1",
        "timestamp":"2027-01-15T08:00:00.000Z","transactions":[{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","name":"GET /",
        "trace_id":"cccccccccccccccccccccccccccccccc"}],"profile":{"samples":[{"elapsed_since_start_ns":"0"},
        {"elapsed_since_start_ns":"10000000"},{"elapsed_since_start_ns":1500000000}]}}"#;
    let decoded = decode(&[(r#""type":"profile""#, profile)]);
    let About::Profile(read) = only_about(&decoded) else { panic!() };
    assert_eq!(read.profile_id.to_string(), "a".repeat(32));
    assert_eq!(read.transaction_id.map(|id| id.to_string()), Some("b".repeat(32)));
    assert_eq!(read.trace_id.map(|id| id.to_string()), Some("c".repeat(32)));
    assert_eq!((read.samples, read.end_ms - read.start_ms, read.name.as_str()), (3, 1500, "GET /"));
    assert_eq!(blobs(&decoded)[0].bytes, profile);
}

#[test]
fn a_chunk_of_a_profile_has_a_profiler_and_a_time() {
    let chunk = br#"{"chunk_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","profiler_id":"dddddddddddddddddddddddddddddddd",
        "profile":{"samples":[{"timestamp":1800000000.25},{"timestamp":1800000001.5}]}}"#;
    for ty in ["profile_chunk", "profile_chunk_ui"] {
        let header = format!("\"type\":\"{ty}\",\"platform\":\"python\"");
        let decoded = decode_within("{}", &[(&header, chunk)], &TEST_LIMITS);
        let About::Profile(read) = only_about(&decoded) else { panic!() };
        assert_eq!(read.profiler_id.map(|id| id.to_string()), Some("d".repeat(32)));
        assert_eq!((read.start_ms, read.end_ms), (1_800_000_000_250, 1_800_000_001_500));
        assert_eq!((read.platform.as_str(), read.samples), ("python", 2));
        assert_eq!(blobs(&decoded)[0].category, "profile_chunk");
    }
    let with_binary = [&chunk[..], b"\x00\xff binary"].concat();
    let header = format!("\"type\":\"profile_chunk\",\"meta_length\":{}", chunk.len());
    let decoded = decode(&[(&header, &with_binary)]);
    let About::Profile(read) = only_about(&decoded) else { panic!() };
    assert_eq!(read.json_bytes, chunk.len() as u64);
    assert_eq!(blobs(&decoded)[0].bytes, with_binary);
}

#[test]
fn a_profile_without_an_id_is_refused() {
    for payload in [&b"{}"[..], b"[]", b"", b"\xff", br#"{"event_id":"x"}"#] {
        let decoded = decode(&[(r#""type":"profile""#, payload)]);
        assert_eq!(decoded.decoded.items, []);
        assert_eq!(decoded.decoded.refused.len(), 1, "{payload:?}");
    }
}

const REPLAY: &[u8] = br#"{"type":"replay_event","replay_id":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","segment_id":3,
    "replay_start_timestamp":1800000000,"timestamp":1800000005.5,"urls":["http://shop.example/"],
    "trace_ids":["cccccccccccccccccccccccccccccccc",7,[1800000000,"dddddddddddddddddddddddddddddddd"]],
    "error_ids":["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","x"]}"#;

#[test]
fn a_segment_of_a_replay_is_an_event_and_a_recording() {
    let decoded = decode(&[
        (r#""type":"replay_event""#, REPLAY),
        (r#""type":"replay_recording""#, b"{\"segment_id\":3}\n\x78\x9c binary"),
    ]);
    let [first, second] = blobs(&decoded)[..] else { panic!("{:?}", decoded.decoded) };
    let About::Replay(event) = &first.about else { panic!() };
    assert_eq!((event.replay_id.to_string(), event.segment_id, event.kind), ("e".repeat(32), 3, ReplayKind::Event));
    assert_eq!((event.story.start_ms, event.story.end_ms), (Some(1_800_000_000_000), Some(1_800_000_005_500)));
    assert_eq!((event.story.trace_ids.len(), event.story.error_ids.len()), (2, 1));
    assert_eq!(event.story.url.as_deref(), Some("http://shop.example/"));
    let About::Replay(recording) = &second.about else { panic!() };
    assert_eq!((recording.replay_id, recording.kind), (event.replay_id, ReplayKind::Recording));
    assert_eq!(second.bytes, b"\x78\x9c binary");
}

#[test]
fn a_recording_alone_belongs_to_the_replay_of_the_header() {
    let decoded = decode(&[(r#""type":"replay_recording""#, b"{\"segment_id\":1}\n[]")]);
    let About::Replay(part) = only_about(&decoded) else { panic!() };
    assert_eq!((part.replay_id.to_string(), part.segment_id), (ID.to_owned(), 1));
    let nameless = decode_within("{}", &[(r#""type":"replay_recording""#, b"{\"segment_id\":1}\n[]")], &TEST_LIMITS);
    let no_line = decode(&[(r#""type":"replay_recording""#, b"[]")]);
    assert_eq!((nameless.decoded.refused.len(), no_line.decoded.refused.len()), (1, 1));
}

#[test]
fn a_replay_as_a_film_is_taken_apart() {
    let mut film = b"\x83".to_vec();
    let recording = b"{\"segment_id\":3}\n[{}]";
    for (name, bytes) in [("replay_event", REPLAY), ("replay_recording", recording), ("replay_video", b"mp4")] {
        film.push(0xa0 | name.len() as u8);
        film.extend(name.bytes());
        film.push(0xc5);
        film.extend((bytes.len() as u16).to_be_bytes());
        film.extend(bytes);
    }
    let decoded = decode(&[(r#""type":"replay_video""#, &film)]);
    let kinds: Vec<(ReplayKind, u32, usize)> = blobs(&decoded)
        .iter()
        .map(|blob| match &blob.about {
            About::Replay(part) => (part.kind, part.segment_id, blob.bytes.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [(ReplayKind::Event, 3, REPLAY.len()), (ReplayKind::Recording, 3, 4), (ReplayKind::Video, 3, 3)];
    assert_eq!(kinds, expected);
    assert_eq!(decode(&[(r#""type":"replay_video""#, &film[..40])]).decoded.refused.len(), 1);
}

#[test]
fn file_names_are_made_harmless() {
    for (sent, kept) in [
        ("orders.csv", "orders.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dumps\\crash.dmp", "crash.dmp"),
        ("a/b/", "b"),
        ("", "attachment"),
        ("..", "attachment"),
        ("/", "attachment"),
        ("in\r\nvoice\0.pdf", "invoice.pdf"),
        ("fdp\u{202e}exe.txt", "fdpexe.txt"),
        ("Übersicht 2026.txt", "Übersicht 2026.txt"),
    ] {
        assert_eq!(file_name(sent), kept, "{sent:?}");
    }
    let long = file_name(&format!("{}.tar.gz", "ä".repeat(5000)));
    assert_eq!(long.chars().count(), FILE_NAME_CHARS_MAX);
    assert!(long.ends_with("….gz"), "{long}");
}

#[test]
fn content_types_are_two_tokens() {
    for sent in ["text/html\r\nx: y", "text", "/", "text/", "a/b c", &format!("a/{}", "b".repeat(200))] {
        assert_eq!(content_type(sent), None, "{sent}");
    }
    assert_eq!(content_type("image/SVG+xml").as_deref(), Some("image/svg+xml"));
}

proptest! {
    #[test]
    fn no_item_panics_and_none_is_lost(
        ty in prop::sample::select(vec![
            "attachment", "profile", "profile_chunk", "replay_event", "replay_recording", "replay_video", "form_data",
        ]),
        kind in prop::sample::select(vec!["event.payload", "event.minidump", "event.attachment"]),
        name in "\\PC{0,20}",
        payload in prop::collection::vec(any::<u8>(), 0..100),
        meta in any::<u8>(),
    ) {
        let name = serde_json::to_string(&name).expect("a text");
        let header = format!("\"type\":\"{ty}\",\"attachment_type\":\"{kind}\",\"filename\":{name},\"meta_length\":{meta}");
        let decoded = decode(&[(&header, &payload)]);
        prop_assert!(!decoded.decoded.items.is_empty() || !decoded.decoded.refused.is_empty());
    }

    #[test]
    fn file_names_are_never_paths(sent in any::<String>()) {
        let kept = file_name(&sent);
        prop_assert!(!kept.is_empty() && kept.chars().count() <= FILE_NAME_CHARS_MAX);
        prop_assert!(!kept.contains(['/', '\\', '\r', '\n', '\0']) && kept != ".." && kept != ".");
    }
}
