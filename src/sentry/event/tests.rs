//! Every rule of the normalisation on the smallest payload that shows it.

use super::*;
use crate::model::event::Message;
use crate::sentry::TEST_LIMITS;

const NOW_MS: i64 = 1_700_000_000_000;
const FRESH: EventId = EventId([9; 16]);

fn arrival() -> Arrival {
    Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: NOW_MS,
        client_ip: None,
        infer_ip: None,
        fresh_id: FRESH,
    }
}

fn decode(json: &str) -> Event {
    decode_event(json.as_bytes(), &arrival(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn an_empty_object_is_an_event_with_defaults() {
    let event = decode("{}");
    assert_eq!((event.event_id, event.kind, event.level), (FRESH, EventKind::Default, Level::Error));
    assert_eq!((event.timestamp_ms, event.platform.as_str()), (NOW_MS, "other"));
    assert_eq!((event.message, event.tags, event.user, event.fingerprint), (None, vec![], None, None));
    assert_eq!(event.body, b"{}");
}

#[test]
fn wrong_types_cost_the_field_not_the_event() {
    let fields = [
        "event_id",
        "type",
        "timestamp",
        "level",
        "platform",
        "logger",
        "logentry",
        "message",
        "exception",
        "stacktrace",
        "threads",
        "transaction",
        "culprit",
        "release",
        "environment",
        "server_name",
        "site",
        "request",
        "tags",
        "user",
        "contexts",
        "sdk",
        "fingerprint",
        "checksum",
    ];
    for field in fields {
        for value in ["null", "true", "-1", "1.5", "[]", "[[],{},1]", "{}", "{\"values\":3}", "{\"x\":[{}]}"] {
            let event = decode(&format!("{{\"{field}\":{value},\"dist\":1,\"release\":\"ok\"}}"));
            assert_eq!(event.release.as_deref(), Some("ok"), "{field} {value}");
        }
    }
}

#[test]
fn the_envelope_decides_the_id() {
    let own = EventId::parse("fc6d8c0c43fc4630ad850ee518f1b9d0").expect("an id");
    assert_eq!(decode(r#"{"event_id":"FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0"}"#).event_id, own);
    assert_eq!(decode(r#"{"event_id":"../../x"}"#).event_id, FRESH);
    assert_eq!(decode(r#"{"event_id":"00000000000000000000000000000000"}"#).event_id, FRESH);
    let header = Arrival { header_event_id: Some(EventId([7; 16])), ..arrival() };
    let event = decode_event(br#"{"event_id":"fc6d8c0c43fc4630ad850ee518f1b9d0"}"#, &header, &TEST_LIMITS);
    assert_eq!(event.map(|e| e.event_id), Ok(EventId([7; 16])));
}

#[test]
fn times_in_the_future_or_unreadable_become_the_time_of_receipt() {
    assert_eq!(decode(r#"{"timestamp":1699999999.5}"#).timestamp_ms, NOW_MS - 500);
    assert_eq!(decode(r#"{"timestamp":"2023-11-14T22:13:19Z"}"#).timestamp_ms, NOW_MS - 1000);
    assert_eq!(decode(r#"{"timestamp":1700000061}"#).timestamp_ms, NOW_MS);
    assert_eq!(decode(r#"{"timestamp":"1699999999"}"#).timestamp_ms, NOW_MS);
}

#[test]
fn a_wrong_client_clock_is_corrected_by_sent_at() {
    let hour_ns = 3_600_000_000_000;
    let slow = Arrival { sent_at_ns: Some(NOW_MS * 1_000_000 - hour_ns), ..arrival() };
    let event = decode_event(br#"{"timestamp":1699996390}"#, &slow, &TEST_LIMITS).expect("an event");
    assert_eq!(event.timestamp_ms, NOW_MS - 10_000);
}

#[test]
fn levels_have_synonyms_and_numbers() {
    for (sent, level) in [
        ("\"warning\"", Level::Warning),
        ("\"critical\"", Level::Fatal),
        ("\"log\"", Level::Info),
        ("10", Level::Debug),
        ("50", Level::Fatal),
        ("\"WARN\"", Level::Error),
        ("\"10\"", Level::Error),
    ] {
        assert_eq!(decode(&format!("{{\"level\":{sent}}}")).level, level, "{sent}");
    }
}

#[test]
fn platforms_are_sentrys_or_other() {
    assert_eq!(decode(r#"{"platform":"python"}"#).platform, "python");
    assert_eq!(decode(r#"{"platform":"Python"}"#).platform, "other");
    assert_eq!(decode(r#"{"platform":"rust"}"#).platform, "other");
}

#[test]
fn messages_come_in_three_places() {
    let plain = Some(Message { template: None, formatted: "a".to_owned() });
    for json in [
        r#"{"message":"a"}"#,
        r#"{"logentry":"a"}"#,
        r#"{"logentry":{"message":"a","params":[]},"message":"b"}"#,
        r#"{"sentry.interfaces.Message":{"formatted":"a"}}"#,
        r#"{"message":{"message":"a"}}"#,
    ] {
        assert_eq!(decode(json).message, plain, "{json}");
    }
}

#[test]
fn exceptions_come_in_every_shape() {
    for json in [
        r#"{"exception":{"values":[{"type":"E","value":"v"}]}}"#,
        r#"{"exception":[{"type":"E","value":"v"},null]}"#,
        r#"{"exception":{"type":"E","value":"v"}}"#,
        r#"{"sentry.interfaces.Exception":{"values":[{"value":"E: v"}]}}"#,
    ] {
        let event = decode(json);
        let read: Vec<_> = event.exceptions.iter().map(|e| (e.ty.as_deref(), e.value.as_deref())).collect();
        assert_eq!(read, [(Some("E"), Some("v"))], "{json}");
        assert_eq!(event.kind, EventKind::Error);
    }
}

#[test]
fn exception_values_that_are_not_text_are_shown_as_json() {
    let event =
        decode(r#"{"exception":[{"type":"E","value":{"a":1}},{"type":"F","value":null},{"type":3,"value":4}]}"#);
    let read: Vec<_> = event.exceptions.iter().map(|e| (e.ty.as_deref(), e.value.as_deref())).collect();
    assert_eq!(read, [(Some("E"), Some("{\"a\":1}")), (Some("F"), None), (Some("3"), Some("4"))]);
}

#[test]
fn empty_exceptions_do_not_make_an_error() {
    let event = decode(r#"{"exception":{"values":[{},{"type":"","value":""}]}}"#);
    assert_eq!((event.kind, event.exceptions.len()), (EventKind::Default, 0));
}

#[test]
fn a_top_level_stacktrace_belongs_to_the_only_exception() {
    let event = decode(r#"{"exception":{"type":"E"},"stacktrace":{"frames":[{"function":"f"}]}}"#);
    assert_eq!(event.exceptions[0].frames[0].function.as_deref(), Some("f"));
    let event = decode(r#"{"stacktrace":{"frames":[{"function":"f"}]}}"#);
    assert_eq!(event.thread_frames[0].function.as_deref(), Some("f"));
}

#[test]
fn mechanisms_keep_what_groups_are_built_from() {
    let event = decode(
        r#"{"exception":[{"type":"E","mechanism":{"type":"chained","handled":false,"exception_id":2,"parent_id":"0",
            "is_exception_group":true,"source":"exceptions[1]","synthetic":1}}]}"#,
    );
    assert!(event.is_unhandled());
    let mechanism = &event.exceptions[0].mechanism;
    assert_eq!((mechanism.exception_id, mechanism.parent_id), (Some(2), Some(0)));
    assert!(mechanism.is_exception_group && mechanism.synthetic);
    assert_eq!(mechanism.source.as_deref(), Some("exceptions[1]"));
}

#[test]
fn what_grouping_reads_beside_the_common_is_kept() {
    let event = decode(
        r#"{"exception":[{"type":"E","mechanism":{"type":"NSError","meta":{"ns_error":{"domain":"D","code":-7}}},
            "stacktrace":{"frames":[{"function":"f","platform":"native","data":{"sourcemap":"http://h/a.js.map"}},
            {"function":"g","data":{"sourcemap":null}}]}}],
            "template":{"abs_path":"/srv/t/a.html","context_line":"{% if %}","lineno":3}}"#,
    );
    let ns_error = event.exceptions[0].mechanism.ns_error.as_ref().expect("read");
    assert_eq!((ns_error.domain.as_deref(), ns_error.code), (Some("D"), Some(-7)));
    let frames = &event.exceptions[0].frames;
    assert_eq!((frames[0].platform.as_deref(), frames[0].is_source_mapped), (Some("native"), true));
    assert_eq!((frames[1].platform.as_deref(), frames[1].is_source_mapped), (None, false));
    let template = event.template.expect("read");
    assert_eq!(
        (template.filename.as_deref(), template.context_line.as_deref()),
        (Some("/srv/t/a.html"), Some("{% if %}"))
    );
    let odd = decode(
        r#"{"exception":[{"type":"E","mechanism":{"meta":{"ns_error":{"code":"x"}}}}],"template":{"lineno":1}}"#,
    );
    assert_eq!((&odd.exceptions[0].mechanism.ns_error, odd.template), (&None, None));
}

#[test]
fn frames_fill_in_paths_and_forget_question_marks() {
    let event = decode(
        r#"{"exception":[{"type":"E","stacktrace":{"frames":[
            {"abs_path":"http://h/static/app.js?x","function":"?","lineno":"7","in_app":true},
            {"filename":"a.py","lineno":3.0,"vars":{"deep":[1]},"pre_context":["x"]},
            "junk"]}}]}"#,
    );
    let frames = &event.exceptions[0].frames;
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[0].filename.as_deref(), frames[0].function.as_deref()), (Some("/static/app.js"), None));
    assert_eq!((frames[0].line, frames[0].in_app), (Some(7), Some(true)));
    assert_eq!((frames[1].abs_path.as_deref(), frames[1].line, frames[1].in_app), (Some("a.py"), Some(3), None));
}

#[test]
fn deep_recursion_keeps_both_ends_of_the_stack() {
    let frames: Vec<String> = (0..1000).map(|n| format!("{{\"lineno\":{n}}}")).collect();
    let event =
        decode(&format!("{{\"exception\":[{{\"type\":\"E\",\"stacktrace\":{{\"frames\":[{}]}}}}]}}", frames.join(",")));
    let frames = &event.exceptions[0].frames;
    assert_eq!(frames.len(), 250);
    assert_eq!((frames[49].line, frames[50].line, frames[249].line), (Some(49), Some(800), Some(999)));
}

#[test]
fn the_thread_that_matters_is_the_crashed_then_the_current_then_the_only_one() {
    let thread =
        |name: &str, flags: &str| format!("{{\"stacktrace\":{{\"frames\":[{{\"function\":\"{name}\"}}]}}{flags}}}");
    let chosen = |threads: &[String]| {
        let event = decode(&format!("{{\"threads\":{{\"values\":[{}]}}}}", threads.join(",")));
        event.thread_frames.first().and_then(|frame| frame.function.clone())
    };
    let plain = thread("a", "");
    let current = thread("b", ",\"current\":true");
    let crashed = thread("c", ",\"crashed\":true");
    assert_eq!(chosen(&[plain.clone(), current.clone(), crashed]).as_deref(), Some("c"));
    assert_eq!(chosen(&[plain.clone(), current]).as_deref(), Some("b"));
    assert_eq!(chosen(std::slice::from_ref(&plain)).as_deref(), Some("a"));
    assert_eq!(chosen(&[plain.clone(), plain]), None);
}

#[test]
fn tags_are_cleaned() {
    let event = decode(
        r#"{"site":"s","tags":{"a b":"x","t":true,"n":1.5,"bad/key":"x","multi":"a\nb","o":{},"release":"r","environment":"e","e":""}}"#,
    );
    let pairs: Vec<_> = event.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("a-b", "x"), ("t", "True"), ("n", "1"), ("site", "s")]);
    assert_eq!(event.environment.as_deref(), Some("e"));
    let pairs = decode(r#"{"tags":[["a","1"],["a","2"],["long",null]]}"#).tags;
    assert_eq!(pairs, [("a".to_owned(), "2".to_owned())]);
    let long = decode(&format!("{{\"tags\":{{\"a\":\"{}\"}}}}", "x".repeat(300))).tags;
    assert_eq!((long[0].1.len(), long[0].1.ends_with("...")), (200, true));
}

#[test]
fn users_are_one_comparable_text() {
    for (user, text) in [
        (r#"{"id":42,"email":"e"}"#, Some("id:42")),
        (r#"{"id":"","username":"bob"}"#, Some("username:bob")),
        (r#"{"email":"e@x"}"#, Some("email:e@x")),
        (r#"{"ip_address":"1.2.3.4"}"#, Some("ip:1.2.3.4")),
        (r#"{"ip_address":"{{auto}}"}"#, Some("ip:5.6.7.8")),
        (r#"{"name":"x"}"#, None),
    ] {
        let event = decode(&format!("{{\"user\":{user},\"request\":{{\"env\":{{\"REMOTE_ADDR\":\"5.6.7.8\"}}}}}}"));
        assert_eq!(event.user.as_deref(), text, "{user}");
    }
}

#[test]
fn releases_and_environments_that_break_urls_are_dropped() {
    assert_eq!(decode(r#"{"release":" shop@1.0 "}"#).release.as_deref(), Some("shop@1.0"));
    for bad in ["latest", "..", "a/b", "a\\nb", ""] {
        assert_eq!(decode(&format!("{{\"release\":\"{bad}\"}}")).release, None, "{bad}");
    }
    assert_eq!(decode(&format!("{{\"release\":\"{}\"}}", "x".repeat(201))).release, None);
    assert_eq!(decode(r#"{"environment":"production"}"#).environment.as_deref(), Some("production"));
    for bad in ["None", "a/b", ""] {
        assert_eq!(decode(&format!("{{\"environment\":\"{bad}\"}}")).environment, None, "{bad}");
    }
}

#[test]
fn trace_sdk_url_and_culprit_are_found() {
    let event = decode(
        r#"{"contexts":{"trace":{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}},
            "sdk":{"name":"sentry.python.django","version":"2.75.0"},"transaction":"/a/{id}/","culprit":"c",
            "request":{"url":"http://h/a/1/?q=1#f"},"server_name":"web1","checksum":"abc"}"#,
    );
    assert!(event.trace_id.is_some() && event.span_id.is_some());
    assert_eq!(event.sdk.as_deref(), Some("sentry.python.django/2.75.0"));
    assert_eq!(event.request_url.as_deref(), Some("http://h/a/1/"));
    assert_eq!((event.transaction.as_deref(), event.server_name.as_deref()), (Some("/a/{id}/"), Some("web1")));
}

#[test]
fn fingerprints_are_text_and_default_means_none() {
    let of = |json: &str| decode(&format!("{{\"fingerprint\":{json}}}")).fingerprint;
    assert_eq!(of(r#"["{{ default }}"]"#), None);
    assert_eq!(of(r#"["{{default}}"]"#), None);
    assert_eq!(of("[]"), None);
    assert_eq!(
        of(r#"["{{ default }}","a",true,1.5,null,{}]"#).map(|f| f.join("|")).as_deref(),
        Some("{{ default }}|a|True|1")
    );
    assert_eq!(of(r#""a""#), Some(vec!["a".to_owned()]));
}

#[test]
fn csp_is_a_kind_of_its_own() {
    assert_eq!(decode(r#"{"csp":{"document_uri":"x"}}"#).kind, EventKind::Csp);
    assert_eq!(decode(r#"{"type":"csp"}"#).kind, EventKind::Csp);
}

#[test]
fn broken_json_of_known_clients_is_mended_in_the_body() {
    let event = decode(r#"{"message":"a\ud800","extra":{"x":NaN,"y":"\udc00"}}"#);
    assert_eq!(event.message.map(|m| m.formatted).as_deref(), Some("a\u{fffd}"));
    assert_eq!(event.body, br#"{"message":"a\ufffd","extra":{"x":null,"y":"\ufffd"}}"#);
    // A half character that is skipped on the way in would still break every reader.
    let event = decode(r#"{"extra":{"y":"\udc00"}}"#);
    assert_eq!(event.body, br#"{"extra":{"y":"\ufffd"}}"#);
}

#[test]
fn payloads_beyond_a_limit_are_refused_with_the_reason() {
    let refuse = |payload: &[u8]| decode_event(payload, &arrival(), &TEST_LIMITS).expect_err("refused").reason();
    assert_eq!(refuse(&vec![b' '; (1 << 20) + 1]), Reason::TooLarge);
    assert_eq!(refuse(format!("{{\"extra\":{}}}", "[".repeat(400_000)).as_bytes()), Reason::Invalid);
    assert_eq!(refuse(b"[1]"), Reason::Invalid);
    assert_eq!(refuse(b"{\"a\":"), Reason::Invalid);
    assert_eq!(decode_event(br#"{"type":"transaction"}"#, &arrival(), &TEST_LIMITS), Err(ItemError::IsTransaction));
}
