//! The rules of normalisation, one by one, as the protocol notes list them (sections 3.1 and 3.2): each on the smallest
//! event that shows it, from the bytes sent to what a reader sees.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::detail::{EventDetail, Pair, Variable};
use crate::model::event::{Event, EventKind, Level};
use crate::model::ids::EventId;
use crate::sentry::TEST_LIMITS;
use crate::sentry::detail::event_detail;
use crate::sentry::event::{Arrival, decode_event};

const NOW_MS: i64 = 1_800_000_000_000;

struct Kept {
    event: Event,
    detail: EventDetail,
    body: Value,
    body_bytes: usize,
}

fn arrival() -> Arrival {
    Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: NOW_MS,
        client_ip: Some("203.0.113.9".parse().expect("an address")),
        infer_ip: None,
        fresh_id: EventId([9; 16]),
    }
}

fn keep_at(sent: &str, arrival: &Arrival) -> Kept {
    let event = decode_event(sent.as_bytes(), arrival, &TEST_LIMITS).unwrap_or_else(|error| panic!("{sent}: {error}"));
    let body = serde_json::from_slice(&event.body).unwrap_or_else(|error| panic!("{sent}: {error}"));
    Kept { detail: event_detail(&event.body), body, body_bytes: event.body.len(), event }
}

fn keep(sent: &Value) -> Kept {
    keep_at(&sent.to_string(), &arrival())
}

impl Kept {
    /// What the reader is told about this place.
    fn told(&self, path: &str) -> Vec<&str> {
        let here = self.detail.field_errors.iter().filter(|error| error.path == path);
        here.map(|error| error.problem.as_str()).collect()
    }

    fn is_told(&self, path: &str) -> bool {
        !self.told(path).is_empty()
    }
}

fn value<'v>(variables: &'v [Variable], name: &str) -> &'v Value {
    variables.iter().find(|variable| variable.name == name).map_or(&Value::Null, |variable| &variable.value)
}

fn tag<'t>(tags: &'t [Pair], key: &str) -> Option<&'t str> {
    tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
}

fn text(len: usize) -> String {
    "x".repeat(len)
}

fn one_exception(exception: Value) -> Value {
    json!({ "exception": { "values": [exception] } })
}

fn frames(frames: Vec<Value>) -> Value {
    one_exception(json!({ "type": "E", "stacktrace": { "frames": frames } }))
}

// 3.1, the table.

#[test]
fn message_8192_in_columns_and_body() {
    for (sent, path) in [
        (json!({ "message": text(9000) }), "message"),
        (json!({ "logentry": { "message": text(9000) } }), "logentry.message"),
        (json!({ "logentry": { "message": "%s", "formatted": text(9000) } }), "logentry.formatted"),
        (json!({ "message": { "formatted": text(9000) } }), "message.formatted"),
    ] {
        let kept = keep(&sent);
        let shown = kept.event.message.as_ref().expect("a message");
        assert_eq!((shown.formatted.len(), shown.formatted.ends_with("...")), (8192, true), "{path}");
        assert_eq!(kept.detail.message.as_deref(), Some(shown.formatted.as_str()), "{path}");
        assert_eq!(kept.told(path), ["value too long: shortened, 9002 bytes were sent"]);
        assert!(kept.body_bytes < 8500, "{path}");
    }
    assert_eq!(keep(&json!({ "message": text(8192) })).detail.field_errors, []);
}

#[test]
fn exception_type_256_module_256_value_8192() {
    let sent = one_exception(json!({ "type": text(300), "module": text(300), "value": text(9000) }));
    let kept = keep(&sent);
    let shown = &kept.detail.exceptions[0];
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    assert_eq!((len(&shown.ty), len(&shown.module), len(&shown.value)), (256, 256, 8192));
    assert_eq!(kept.event.exceptions[0].value, shown.value);
    assert!(kept.is_told("exception.values.0.value") && kept.body_bytes < 9300);
}

#[test]
fn exception_value_of_another_type_is_json() {
    for (sent, shown) in
        [(json!({ "a": 1 }), "{\"a\":1}"), (json!([1, 2]), "[1,2]"), (json!(7), "7"), (json!(true), "true")]
    {
        let kept = keep(&one_exception(json!({ "type": "E", "value": sent })));
        assert_eq!(kept.detail.exceptions[0].value.as_deref(), Some(shown));
    }
    let long = keep(&one_exception(json!({ "type": "E", "value": { "a": text(9000) } })));
    assert!(long.detail.exceptions[0].value.as_ref().is_some_and(|v| v.starts_with("{\"a\":\"xx") && v.len() <= 8192));
}

#[test]
fn transaction_and_culprit_200() {
    let kept = keep(&json!({ "transaction": text(300), "culprit": text(300) }));
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    assert_eq!(
        (len(&kept.event.transaction), len(&kept.event.culprit), len(&kept.detail.transaction)),
        (200, 200, 200)
    );
}

#[test]
fn logger_64_shortened_at_a_dot() {
    let long = format!("{}.shop.payments.retry", "company.department".repeat(4));
    for (sent, shown) in
        [(" django.request ", "django.request"), (long.as_str(), "*.departmentcompany.department.shop.payments.retry")]
    {
        let kept = keep(&json!({ "logger": sent }));
        assert_eq!((kept.event.logger.as_deref(), kept.detail.logger.as_deref()), (Some(shown), Some(shown)));
    }
    let wordless = keep(&json!({ "logger": text(100) })).event.logger;
    assert!(wordless.is_some_and(|name| name.starts_with("*x") && name.len() == 64));
}

#[test]
fn release_rules() {
    assert_eq!(keep(&json!({ "release": " shop@1.0+7 " })).detail.release.as_deref(), Some("shop@1.0+7"));
    for sent in [".", "..", "latest", "a/b", "a\\b", "a\nb", "a\tb", &text(201)] {
        let kept = keep(&json!({ "release": sent }));
        assert_eq!((kept.event.release.as_ref(), kept.detail.release.as_ref()), (None, None), "{sent}");
        assert!(kept.is_told("release"), "{sent}");
    }
    assert!(!keep(&json!({ "release": "" })).is_told("release"));
}

#[test]
fn dist_rules() {
    assert_eq!(keep(&json!({ "dist": "a_B.1-2" })).detail.dist.as_deref(), Some("a_B.1-2"));
    for sent in ["a b", "a/b", "ä", &text(65)] {
        let kept = keep(&json!({ "dist": sent }));
        assert!(kept.detail.dist.is_none() && kept.is_told("dist"), "{sent}");
    }
}

#[test]
fn environment_rules() {
    for (sent, shown, is_told) in [
        ("production", Some("production"), false),
        ("None", None, false),
        ("NONE", None, false),
        ("", None, false),
        ("a/b", None, true),
        ("a\nb", None, true),
        (&text(65), None, true),
    ] {
        let kept = keep(&json!({ "environment": sent }));
        assert_eq!((kept.event.environment.as_deref(), kept.detail.environment.as_deref()), (shown, shown), "{sent}");
        assert_eq!(kept.is_told("environment"), is_told, "{sent}");
    }
}

#[test]
fn server_name_and_site_are_tags() {
    let kept = keep(&json!({ "server_name": text(300), "site": "shop.example" }));
    assert_eq!(tag(&kept.detail.tags, "server_name").map(str::len), Some(200));
    assert_eq!(tag(&kept.detail.tags, "site"), Some("shop.example"));
}

#[test]
fn tags_as_map_or_pairs() {
    for tags in
        [json!({ "a": "1", "b": "2" }), json!([["a", "1"], ["b", "2"]]), json!([["a", "1"], null, ["b", "2"], ["c"]])]
    {
        let kept = keep(&json!({ "tags": tags }));
        assert_eq!((tag(&kept.detail.tags, "a"), tag(&kept.detail.tags, "b")), (Some("1"), Some("2")), "{tags}");
        assert_eq!(kept.event.tags.len(), 2, "{tags}");
    }
}

#[test]
fn tag_names_and_values() {
    for (key, sent, shown, is_told) in [
        ("flag", json!(true), Some("True"), false),
        ("flag", json!(false), Some("False"), false),
        ("n", json!(1), Some("1"), false),
        ("n", json!(1.5), Some("1"), false),
        ("a:b.c_d-e", json!("v"), Some("v"), false),
        ("n", json!("a\nb"), None, true),
        ("n", json!({ "a": 1 }), None, true),
        ("n", json!([1]), None, true),
        ("n", json!(""), None, false),
        ("bad/name", json!("v"), None, true),
        ("ü", json!("v"), None, true),
        (&text(201), json!("v"), None, true),
        ("release", json!("v"), None, true),
        ("environment", json!("v"), None, true),
        ("dist", json!("v"), None, true),
        ("user", json!("v"), None, true),
        ("filename", json!("v"), None, true),
        ("function", json!("v"), None, true),
    ] {
        let kept = keep(&json!({ "tags": { key: sent } }));
        assert_eq!(tag(&kept.detail.tags, key), shown, "{key} {sent}");
        assert_eq!(kept.event.tags.iter().any(|(k, _)| k == key), shown.is_some(), "{key} {sent}");
        let told = kept.detail.field_errors.iter().any(|error| error.path.starts_with("tags."));
        assert_eq!(told, is_told, "{key} {sent}");
    }
    let kept = keep(&json!({ "tags": { "with space": "v", "long": text(300) } }));
    assert_eq!(tag(&kept.detail.tags, "with-space"), Some("v"));
    assert!(tag(&kept.detail.tags, "long").is_some_and(|v| v.len() == 200 && v.ends_with("...")));
    assert_eq!(kept.told("tags.long"), ["shortened from 300 characters"]);
}

#[test]
fn tags_are_at_most_256() {
    let many: serde_json::Map<String, Value> = (0..4000).map(|n| (format!("t{n}"), json!("v"))).collect();
    let kept = keep(&json!({ "tags": many }));
    assert_eq!((kept.event.tags.len(), kept.detail.tags.len()), (256, 256));
    assert_eq!(kept.told("tags"), ["4000 were sent, at most 256 are kept"]);
}

#[test]
fn user_fields_and_the_derived_user() {
    for (user, derived) in [
        (json!({ "id": 42, "username": "u" }), "id:42"),
        (json!({ "username": "u", "email": "e@x" }), "username:u"),
        (json!({ "email": "e@x", "ip_address": "1.2.3.4" }), "email:e@x"),
        (json!({ "ip_address": "1.2.3.4" }), "ip:1.2.3.4"),
    ] {
        assert_eq!(keep(&json!({ "user": user })).event.user.as_deref(), Some(derived), "{user}");
    }
    let long = json!({ "id": text(200), "username": text(200), "name": text(200), "email": text(200), "plan": "gold", "data": { "a": 1 } });
    let shown = keep(&json!({ "user": long })).detail.user;
    let len = |name| value(&shown, name).as_str().map(str::len);
    assert_eq!((len("id"), len("username"), len("name"), len("email")), (Some(128), Some(128), Some(128), Some(75)));
    assert_eq!((value(&shown, "plan"), value(&shown, "data")), (&json!("gold"), &json!({ "a": 1 })));
    assert_eq!(value(&keep(&json!({ "user": { "id": 42 } })).detail.user, "id"), &json!("42"));
}

#[test]
fn extra_16_kib_each_256_kib_in_all_7_levels() {
    let kept = keep(&json!({ "extra": { "small": 1, "large": text(50_000) } }));
    assert_eq!(value(&kept.detail.extra, "small"), &json!(1));
    let len = value(&kept.detail.extra, "large").as_str().map_or(0, str::len);
    assert!((16_000..16_384).contains(&len), "{len}");
    assert_eq!(kept.told("extra.large"), ["value too long: shortened, 50002 bytes were sent"]);

    let many: serde_json::Map<String, Value> = (0..40).map(|n| (format!("v{n}"), json!(text(15_000)))).collect();
    let kept = keep(&json!({ "extra": many }));
    assert_eq!(kept.detail.extra.len(), 40);
    assert!(kept.body["extra"].to_string().len() <= 256 << 10 && kept.is_told("extra.v39"));

    let deep = json!({ "extra": { "1": { "2": { "3": { "4": { "5": { "6": { "7": { "8": 9 } } } } } } } } });
    let shown = keep(&deep).detail.extra;
    assert_eq!(value(&shown, "1").pointer("/2/3/4/5/6/7"), Some(&json!("{\"8\":9}")));
}

#[test]
fn frames_50_first_200_last() {
    let many: Vec<Value> = (0..1000).map(|n| json!({ "function": format!("f{n}"), "lineno": n })).collect();
    let kept = keep(&frames(many));
    let shown = &kept.detail.exceptions[0];
    let lines: Vec<u64> = shown.frames.iter().filter_map(|frame| frame.line).collect();
    assert_eq!((lines.len(), lines[49], lines[50], lines[249]), (250, 49, 800, 999));
    assert_eq!(shown.frames_omitted, 750);
    let stored = kept.body.pointer("/exception/values/0/stacktrace/frames").and_then(Value::as_array).expect("frames");
    assert_eq!(stored.len(), 250);
    assert_eq!(kept.told("exception.values.0.stacktrace.frames").len(), 1);
    // Reading what was kept finds the same frames, so the same group.
    assert_eq!(keep(&kept.body).event.exceptions, kept.event.exceptions);
}

#[test]
fn frames_50_first_200_last_in_every_shape() {
    let many: Vec<Value> = (0..300).map(|n| json!({ "function": "f", "lineno": n })).collect();
    let stack = json!({ "frames": many });
    for sent in [
        json!({ "exception": [{ "type": "E", "stacktrace": stack }] }),
        json!({ "exception": { "type": "E", "stacktrace": stack } }),
        json!({ "sentry.interfaces.Exception": { "values": [null, { "type": "E", "stacktrace": stack }] } }),
        json!({ "exception": { "type": "E" }, "stacktrace": stack }),
        json!({ "threads": { "values": [{ "id": 1, "stacktrace": stack }] } }),
    ] {
        let kept = keep(&sent);
        assert!(kept.body_bytes < 300 * 27, "{}", kept.body);
        let shown =
            kept.detail.exceptions.first().map(|e| &e.frames).or(kept.detail.threads.first().map(|t| &t.frames));
        assert_eq!(shown.map(Vec::len), Some(250), "{}", kept.body);
    }
}

#[test]
fn beyond_50_frames_only_the_outer_50_keep_variables() {
    let frame = |n: u64| json!({ "function": "f", "lineno": n, "context_line": "raise", "pre_context": ["a"], "post_context": ["b"], "vars": { "n": n } });
    let kept = keep(&frames((0..60).map(frame).collect()));
    let shown = &kept.detail.exceptions[0].frames;
    let with_vars: Vec<u64> = shown.iter().filter(|f| !f.vars.is_empty()).filter_map(|f| f.line).collect();
    assert_eq!((with_vars.len(), with_vars[24], with_vars[25]), (50, 24, 35));
    assert!(shown[30].pre_context.is_empty() && shown[30].context_line.as_deref() == Some("raise"));
    assert_eq!(kept.told("exception.values.0.stacktrace.frames").len(), 1);
    let kept = keep(&frames((0..50).map(frame).collect()));
    assert!(kept.detail.exceptions[0].frames.iter().all(|f| !f.vars.is_empty()) && kept.detail.field_errors.is_empty());
}

#[test]
fn frame_function_512_paths_256() {
    let kept = keep(&frames(vec![json!({ "function": text(600), "filename": text(300), "abs_path": text(300) })]));
    let frame = &kept.detail.exceptions[0].frames[0];
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    assert_eq!((len(&frame.function), len(&frame.filename), len(&frame.abs_path)), (512, 256, 256));
}

#[test]
fn frame_variables_2_kib_5_levels() {
    let vars = json!({ "self": text(5000), "n": 7, "deep": { "2": { "3": { "4": { "5": { "6": 1 } } } } } });
    let kept = keep(&frames(vec![json!({ "function": "f", "vars": vars })]));
    let shown = &kept.detail.exceptions[0].frames[0].vars;
    assert_eq!(value(shown, "n"), &json!(7));
    assert!(value(shown, "self").as_str().is_some_and(|text| text.len() > 1500 && text.ends_with("...")));
    assert_eq!(value(shown, "deep").pointer("/2/3/4/5"), Some(&json!("{\"6\":1}")));
    assert_eq!(
        kept.told("exception.values.0.stacktrace.frames.0.vars.self"),
        ["value too long: shortened, 5002 bytes were sent"]
    );
}

#[test]
fn long_variables_of_many_frames_are_told_in_a_few_lines() {
    let frame = json!({ "function": "f", "vars": { "a": text(3000), "b": text(3000) } });
    let kept = keep(&frames(vec![frame; 40]));
    assert_eq!(kept.detail.field_errors.len(), 9, "{:?}", kept.detail.field_errors);
    let rest = kept.told("exception.values.0.stacktrace.frames");
    assert_eq!(rest, ["value too long: variables of 36 more frames were shortened"]);
}

#[test]
fn breadcrumbs_defaults_and_limits() {
    let crumbs = json!([
        { "message": text(9000), "data": { "sql": text(5000), "rows": 3 }, "category": text(200), "type": text(200) },
        { "message": "m" },
    ]);
    for sent in [json!({ "breadcrumbs": crumbs }), json!({ "breadcrumbs": { "values": crumbs } })] {
        let kept = keep(&sent);
        let [long, plain] = kept.detail.breadcrumbs.as_slice() else { panic!("{:?}", kept.detail.breadcrumbs) };
        assert_eq!(long.message.as_ref().map(String::len), Some(8192));
        assert_eq!((long.category.as_ref().map(String::len), long.ty.len()), (Some(128), 128));
        assert!(long.data.to_string().len() <= 2048 && long.data["rows"] == 3);
        assert_eq!((plain.ty.as_str(), plain.level.as_str()), ("default", "info"));
        assert!(kept.is_told("breadcrumbs.values.0.data.sql") && kept.is_told("breadcrumbs.values.0.message"));
    }
    let many: Vec<Value> = (0..250).map(|n| json!({ "message": n.to_string() })).collect();
    let kept = keep(&json!({ "breadcrumbs": many }));
    assert_eq!((kept.detail.breadcrumbs.len(), kept.told("breadcrumbs").len()), (200, 1));
}

#[test]
fn request_parts_have_limits() {
    let request = json!({
        "url": format!("http://h/{}?q=1#f", text(300)), "data": { "a": text(20_000) },
        "headers": { "X-Long": text(20_000), "Host": "h" }, "env": { "PATH": text(20_000) },
        "cookies": { "c": text(5000) }, "query_string": text(3000),
    });
    let kept = keep(&json!({ "request": request }));
    let size = |name: &str| kept.body["request"][name].to_string().len();
    for (part, bytes_max) in
        [("data", 8192), ("headers", 8192), ("env", 8192), ("cookies", 2048), ("query_string", 1024)]
    {
        assert!(size(part) <= bytes_max && size(part) > bytes_max - 40, "{part} {}", size(part));
        assert!(kept.detail.field_errors.iter().any(|e| e.path.starts_with(&format!("request.{part}"))), "{part}");
    }
    let shown = kept.detail.request.expect("a request");
    assert_eq!(shown.url.as_ref().map(String::len), Some(256));
    assert!(shown.headers.iter().any(|header| header.value == "h"));
    assert_eq!(kept.event.request_url, shown.url);
}

#[test]
fn modules_8_kib_contexts_8_kib_flags_128_kib() {
    let modules: serde_json::Map<String, Value> = (0..1000).map(|n| (format!("package-{n}"), json!("1.0"))).collect();
    let kept = keep(&json!({ "modules": modules }));
    assert!(kept.body["modules"].to_string().len() <= 8192 && kept.detail.modules.len() > 300);
    let flags: Vec<Value> = (0..100).map(|n| json!({ "flag": format!("{n}{}", text(150)), "result": true })).collect();
    let kept =
        keep(&json!({ "contexts": { "big": { "a": text(20_000) }, "flags": { "values": flags }, "ok": { "b": 1 } } }));
    assert!(kept.body["contexts"]["big"].to_string().len() <= 8192 && kept.is_told("contexts.big.a"));
    let names: Vec<_> = kept.detail.contexts.iter().map(|c| (c.name.as_str(), c.entries.len())).collect();
    assert_eq!(names, [("big", 1), ("flags", 100), ("ok", 1)]);
}

#[test]
fn fingerprint_members_become_text() {
    let kept = keep(&json!({ "fingerprint": ["a", true, 7, 1.5, { "b": 1 }] }));
    assert_eq!(kept.event.fingerprint.as_ref().map(|f| f.join("|")).as_deref(), Some("a|True|7|1"));
    assert!(kept.is_told("fingerprint"));
}

#[test]
fn unknown_fields_are_told() {
    let kept = keep(&json!({ "message": "m", "mesage": "typo", "_internal": 1, "nothing": null }));
    assert_eq!(kept.told("mesage").len(), 1);
    assert_eq!(kept.detail.field_errors.len(), 1, "{:?}", kept.detail.field_errors);
}

#[test]
fn legacy_names_are_aliases() {
    let kept = keep(&json!({
        "sentry.interfaces.Exception": { "values": [{ "type": "E" }] }, "sentry.interfaces.Http": { "url": "http://h/" },
        "sentry.interfaces.User": { "id": 1 }, "sentry.interfaces.Message": { "message": "m" },
        "sentry.interfaces.Breadcrumbs": { "values": [{ "message": "b" }] }, "sentry.interfaces.Contexts": { "a": { "b": 1 } },
        "sentry.interfaces.Stacktrace": { "frames": [{ "function": "f" }] },
    }));
    let detail = &kept.detail;
    assert_eq!((detail.exceptions.len(), detail.exceptions[0].frames.len(), detail.breadcrumbs.len()), (1, 1, 1));
    assert_eq!((kept.event.user.as_deref(), kept.event.request_url.as_deref()), (Some("id:1"), Some("http://h/")));
    assert_eq!((detail.message.as_deref(), detail.contexts.len()), (Some("m"), 1));
    assert!(
        detail.field_errors.is_empty() && keep(&json!({ "sentry.interfaces.Csp": {} })).event.kind == EventKind::Csp
    );
}

// 3.2.

#[test]
fn timestamps() {
    for (sent, expected_ms, told) in [
        (json!(1_799_999_999), NOW_MS - 1000, None),
        (json!(1_799_999_999.5), NOW_MS - 500, None),
        (json!("2027-01-15T07:59:59Z"), NOW_MS - 1000, None),
        (json!("2027-01-15T07:59:59"), NOW_MS - 1000, None),
        (json!("2027-01-15T09:59:59.000+02:00"), NOW_MS - 1000, None),
        (json!("1799999999"), NOW_MS, Some("invalid data")),
        (json!("2027-01-15 07:59:59"), NOW_MS, Some("invalid data")),
        (json!(1_800_000_060), NOW_MS + 60_000, None),
        (json!(1_800_000_061), NOW_MS, Some("future timestamp")),
        (json!(1_800_000_000 - 30 * 86_400), NOW_MS - 30 * 86_400_000, None),
        (json!(1_800_000_000 - 30 * 86_400 - 1), NOW_MS, Some("past timestamp")),
        (json!(null), NOW_MS, None),
    ] {
        let kept = keep(&json!({ "timestamp": sent }));
        assert_eq!(kept.event.timestamp_ms, expected_ms, "{sent}");
        let words = kept.told("timestamp").first().and_then(|problem| problem.split(':').next());
        assert_eq!(words, told, "{sent}");
    }
}

#[test]
fn a_client_clock_that_is_55_minutes_wrong_moves_all_times() {
    let sent = |sent_at_s: i64| {
        let arrival = Arrival { sent_at_ns: Some(sent_at_s * 1_000_000_000), ..arrival() };
        let body = json!({ "timestamp": sent_at_s - 5, "breadcrumbs": [{ "timestamp": sent_at_s - 7 }] });
        keep_at(&body.to_string(), &arrival)
    };
    for (behind_s, is_moved) in [(0, false), (54 * 60, false), (55 * 60, true), (-55 * 60, true)] {
        let kept = sent(NOW_MS / 1000 - behind_s);
        if is_moved {
            assert_eq!(kept.event.timestamp_ms, NOW_MS - 5000, "{behind_s}");
        }
        let crumb = kept.detail.breadcrumbs[0].timestamp_ms.expect("a time");
        assert_eq!(kept.event.timestamp_ms - crumb, 2000, "{behind_s}");
        assert_eq!(kept.is_told("timestamp"), is_moved, "{behind_s}");
        if is_moved {
            let way = if behind_s > 0 { "forward" } else { "back" };
            let words = format!("clock drift: all times were moved {way} by 55 min, the error of the client's clock");
            assert_eq!(kept.told("timestamp"), [words]);
        }
    }
}

#[test]
fn more_tags_than_are_read_are_told_by_their_true_number() {
    let pairs: Vec<Value> = (0..10_000).map(|n| json!([format!("t{n}"), "v"])).collect();
    let map: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("t{n}"), json!("v"))).collect();
    for tags in [json!(pairs), json!(map)] {
        assert_eq!(keep(&json!({ "tags": tags })).told("tags"), ["10000 were sent, at most 256 are kept"]);
    }
}

#[test]
fn levels() {
    for (sent, level, is_told) in [
        (json!("debug"), Level::Debug, false),
        (json!("critical"), Level::Fatal, false),
        (json!("log"), Level::Info, false),
        (json!(30), Level::Warning, false),
        (json!(40), Level::Error, false),
        (json!("WARN"), Level::Error, true),
        (json!("40"), Level::Error, true),
        (json!(35), Level::Error, true),
        (json!(null), Level::Error, false),
    ] {
        let kept = keep(&json!({ "level": sent }));
        assert_eq!((kept.event.level, kept.is_told("level")), (level, is_told), "{sent}");
    }
}

#[test]
fn platforms_are_case_sensitive() {
    for (sent, platform) in
        [("python", "python"), ("Python", "other"), ("rust", "other"), ("kotlin", "other"), ("native", "native")]
    {
        assert_eq!(keep(&json!({ "platform": sent })).event.platform, platform, "{sent}");
    }
}

#[test]
fn types_are_inferred() {
    assert_eq!(keep(&json!({ "type": "default", "exception": { "type": "E" } })).event.kind, EventKind::Error);
    assert_eq!(keep(&json!({ "type": "error", "message": "m" })).event.kind, EventKind::Default);
    assert_eq!(keep(&json!({ "csp": { "document_uri": "u" } })).event.kind, EventKind::Csp);
}

#[test]
fn log_entries() {
    for (sent, formatted, template) in [
        (json!({ "message": "%s is %d", "params": ["a", 1] }), "a is 1", Some("%s is %d")),
        (json!({ "message": "%(who)s", "params": { "who": "me" } }), "me", Some("%(who)s")),
        (json!({ "message": "{} is {}", "params": ["a", 1] }), "a is 1", Some("{} is {}")),
        (json!({ "message": "{who}", "params": { "who": "me" } }), "me", Some("{who}")),
        (json!({ "message": "plain" }), "plain", None),
        (json!({ "message": "same", "formatted": "same" }), "same", None),
        (json!({ "message": "%s", "formatted": "sent", "params": ["other"] }), "sent", Some("%s")),
        (json!("bare"), "bare", None),
    ] {
        let kept = keep(&json!({ "logentry": sent }));
        let message = kept.event.message.expect("a message");
        assert_eq!((message.formatted.as_str(), message.template.as_deref()), (formatted, template), "{sent}");
        assert_eq!(
            (kept.detail.message.as_deref(), kept.detail.message_template.as_deref()),
            (Some(formatted), template)
        );
    }
}

#[test]
fn exceptions_are_split_emptied_and_given_the_stack() {
    for (sent, ty, shown) in [
        (json!({ "value": "ValueError: no" }), Some("ValueError"), Some("no")),
        (json!({ "value": "no such: thing" }), None, Some("no such: thing")),
        (json!({ "type": "E", "value": "A: b" }), Some("E"), Some("A: b")),
        (json!({ "type": "E", "value": "" }), Some("E"), None),
    ] {
        let kept = keep(&one_exception(sent.clone()));
        let exception = &kept.detail.exceptions[0];
        assert_eq!((exception.ty.as_deref(), exception.value.as_deref()), (ty, shown), "{sent}");
        assert_eq!(kept.event.exceptions[0].ty.as_deref(), ty);
    }
    assert!(keep(&one_exception(json!({ "type": "", "value": "" }))).detail.exceptions.is_empty());
    let kept = keep(&json!({ "exception": { "type": "E" }, "stacktrace": { "frames": [{ "function": "f" }] } }));
    assert_eq!(kept.detail.exceptions[0].frames.len(), 1);
}

#[test]
fn mechanisms_and_their_tags() {
    let mechanism = json!({ "type": "django", "handled": false, "description": "d", "help_link": "http://l",
        "data": { "relevant": 1 }, "meta": { "errno": { "number": 5 } } });
    let kept = keep(&one_exception(json!({ "type": "E", "mechanism": mechanism })));
    let shown = kept.detail.exceptions[0].mechanism.as_ref().expect("a mechanism");
    assert_eq!((shown.description.as_deref(), shown.help_link.as_deref()), (Some("d"), Some("http://l")));
    assert_eq!((value(&shown.data, "relevant"), value(&shown.data, "errno")), (&json!(1), &json!({ "number": 5 })));
    assert_eq!((tag(&kept.detail.tags, "handled"), tag(&kept.detail.tags, "mechanism")), (Some("no"), Some("django")));
    assert!(kept.event.is_unhandled());
}

#[test]
fn frames_fill_in_what_is_missing() {
    for (sent, filename, abs_path, function) in [
        (json!({ "filename": "a.py", "function": "?" }), "a.py", "a.py", None),
        (json!({ "abs_path": "/srv/a.py" }), "/srv/a.py", "/srv/a.py", None),
        (
            json!({ "abs_path": "https://h/static/a.js?v=1", "function": "f" }),
            "/static/a.js",
            "https://h/static/a.js?v=1",
            Some("f"),
        ),
    ] {
        let kept = keep(&frames(vec![sent.clone()]));
        let frame = &kept.detail.exceptions[0].frames[0];
        assert_eq!((frame.filename.as_deref(), frame.abs_path.as_deref()), (Some(filename), Some(abs_path)), "{sent}");
        assert_eq!((frame.function.as_deref(), frame.in_app), (function, false), "{sent}");
        assert_eq!(kept.event.exceptions[0].frames[0].function.as_deref(), function);
    }
}

#[test]
fn threads() {
    let thread = json!({ "id": 7, "name": "worker", "crashed": true, "current": false, "state": "WAITING", "stacktrace": { "frames": [{ "function": "f" }] } });
    let kept = keep(&json!({ "threads": { "values": [thread] } }));
    let shown = &kept.detail.threads[0];
    assert_eq!(
        (shown.name.as_deref(), shown.state.as_deref(), shown.is_crashed),
        (Some("worker"), Some("WAITING"), true)
    );
    assert_eq!(kept.event.thread_frames.len(), 1);
}

#[test]
fn request_fields() {
    let shown = |request: Value| keep(&json!({ "request": request })).detail.request.expect("a request");
    for (sent, method) in
        [("post", Some("POST")), ("M-SEARCH", Some("M-SEARCH")), ("G ET", None), ("X", None), ("ÜBER", None)]
    {
        assert_eq!(shown(json!({ "method": sent })).method.as_deref(), method, "{sent}");
    }
    let request = shown(json!({ "headers": { "content-type": "a/b", "x-list": ["a", "b"], "cookie": "a=1; b=2" } }));
    let headers: Vec<_> = request.headers.iter().map(|h| (h.key.as_str(), h.value.as_str())).collect();
    assert_eq!(headers, [("Content-Type", "a/b"), ("X-List", "a,b")]);
    assert_eq!(request.cookies.len(), 2);
    for (data, read, content_type) in [
        (json!("{\"a\":[1]}"), json!({ "a": [1] }), Some("application/json")),
        (json!("a=1&b=x+y&a=2"), json!({ "a": ["1", "2"], "b": "x y" }), Some("application/x-www-form-urlencoded")),
        (json!("just text"), json!("just text"), None),
        (json!("aGVsbG8gd29ybA=="), json!("aGVsbG8gd29ybA=="), None),
        (json!("{broken"), json!("{broken"), None),
        (json!({ "a": 1 }), json!({ "a": 1 }), None),
        (json!(["a"]), json!(["a"]), None),
    ] {
        let request = shown(json!({ "data": data }));
        assert_eq!((request.data, request.inferred_content_type.as_deref()), (read, content_type), "{data}");
    }
}

#[test]
fn contexts_have_a_type_and_a_line() {
    let kept = keep(&json!({ "contexts": {
        "runtime": { "name": "CPython", "version": "3.11.8" }, "os": { "name": "Linux" }, "device": { "model": "Pixel 7" },
        "phone os": { "type": "os", "name": "iOS", "version": "17" }, "mine": { "a": 1 },
    } }));
    let lines: Vec<_> =
        kept.detail.contexts.iter().map(|c| (c.name.as_str(), c.ty.as_str(), c.summary.as_deref())).collect();
    assert_eq!(
        lines,
        [
            ("runtime", "runtime", Some("CPython 3.11.8")),
            ("os", "os", Some("Linux")),
            ("device", "device", Some("Pixel 7")),
            ("phone os", "os", Some("iOS 17")),
            ("mine", "mine", None),
        ]
    );
}

#[test]
fn user_agents_and_client_hints_become_contexts() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
    let shown = |platform: &str, contexts: Value| {
        let request = json!({ "headers": [["user-agent", agent]] });
        let kept = keep(&json!({ "platform": platform, "request": request, "contexts": contexts }));
        let lines =
            kept.detail.contexts.iter().map(|c| format!("{}: {}", c.name, c.summary.clone().unwrap_or_default()));
        lines.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shown("javascript", json!({})), "browser: Mobile Safari 17.4, os: iOS 17.4, device: iPhone");
    assert_eq!(shown("python", json!({})), "browser: Mobile Safari 17.4, client_os: iOS 17.4, device: iPhone");
    let sent = json!({ "browser": { "name": "Own", "version": "1" }, "os": { "name": "Ubuntu" } });
    assert_eq!(shown("python", sent), "browser: Own 1, os: Ubuntu, client_os: iOS 17.4, device: iPhone");
}

#[test]
fn addresses_are_filled_in_as_the_sdk_asks() {
    let env = json!({ "REMOTE_ADDR": "198.51.100.4" });
    let auto = json!({ "ip_address": "{{auto}}" });
    let settings = |word: &str| json!({ "settings": { "infer_ip": word } });
    for (about, sent, address) in [
        (
            "auto takes the address the web server saw",
            json!({ "user": auto, "request": { "env": env } }),
            Some("198.51.100.4"),
        ),
        ("auto takes the connection's", json!({ "user": auto }), Some("203.0.113.9")),
        (
            "auto beside other fields",
            json!({ "user": { "id": 1, "ip_address": "{{auto}}", "x": 2 } }),
            Some("203.0.113.9"),
        ),
        ("infer_ip auto without user", json!({ "sdk": settings("auto") }), Some("203.0.113.9")),
        (
            "infer_ip auto keeps what was sent",
            json!({ "user": { "ip_address": "192.0.2.1" }, "sdk": settings("auto") }),
            Some("192.0.2.1"),
        ),
        ("infer_ip never takes the wish away", json!({ "user": auto, "sdk": settings("never") }), None),
        (
            "infer_ip never keeps what was sent",
            json!({ "user": { "ip_address": "192.0.2.1" }, "sdk": settings("never") }),
            Some("192.0.2.1"),
        ),
        ("infer_ip never stops a browser", json!({ "platform": "javascript", "sdk": settings("never") }), None),
        ("javascript", json!({ "platform": "javascript" }), Some("203.0.113.9")),
        ("javascript with a user", json!({ "platform": "javascript", "user": { "id": 1 } }), Some("203.0.113.9")),
        ("javascript with an empty user", json!({ "platform": "javascript", "user": {} }), Some("203.0.113.9")),
        ("cocoa", json!({ "platform": "cocoa", "user": null }), Some("203.0.113.9")),
        ("objc", json!({ "platform": "objc", "user": "text" }), Some("203.0.113.9")),
        ("python", json!({ "platform": "python", "user": { "id": 1 }, "request": { "env": env } }), None),
        (
            "a wish in REMOTE_ADDR is no address",
            json!({ "user": auto, "request": { "env": { "REMOTE_ADDR": "{{auto}}" } } }),
            Some("203.0.113.9"),
        ),
    ] {
        let kept = keep(&sent);
        assert_eq!(kept.body.pointer("/user/ip_address").and_then(Value::as_str), address, "{about}: {}", kept.body);
        assert_eq!(value(&kept.detail.user, "ip_address").as_str(), address, "{about}");
        if sent.pointer("/user/id").is_none() {
            assert_eq!(kept.event.user, address.map(|ip| format!("ip:{ip}")), "{about}");
        } else {
            assert_eq!((kept.event.user.as_deref(), &kept.body["user"]["id"]), (Some("id:1"), &json!(1)), "{about}");
        }
    }
    let local = Arrival { client_ip: Some("127.0.0.1".parse().expect("an address")), ..arrival() };
    let of = |sent: Value| keep_at(&sent.to_string(), &local).event.user;
    assert_eq!(of(json!({ "user": auto })).as_deref(), Some("ip:127.0.0.1"));
    assert_eq!(
        of(json!({ "platform": "python", "sdk": settings("auto") })),
        None,
        "an application is not its own user"
    );
    assert!(keep(&json!({ "user": { "ip_address": "nonsense" } })).is_told("user.ip_address"));
}

#[test]
fn what_is_written_into_a_body_keeps_it_sound() {
    for sent in [
        "{}".to_owned(),
        " { } ".to_owned(),
        r#"{"errors":[]}"#.to_owned(),
        r#"{"errors":[{"type":"own","name":"x"}]}"#.to_owned(),
        r#"{"errors":{"values":[]}}"#.to_owned(),
        r#"{"errors":null,"user":null}"#.to_owned(),
        r#"{"user":{},"errors":3}"#.to_owned(),
        format!(r#"{{"extra":{{"a":"{}"}}, "extra":{{"b":"{}"}} }}"#, text(20_000), text(20_000)),
    ] {
        let body = sent.trim_end().strip_suffix('}').expect("an object");
        let comma = if body.trim().len() > 1 { "," } else { "" };
        for more in
            ["", r#""timestamp":"bad""#, r#""platform":"javascript""#, r#""platform":"javascript","timestamp":"bad""#]
        {
            let whole = if more.is_empty() { sent.clone() } else { format!("{body}{comma}{more}}}") };
            let kept = keep_at(&whole, &arrival());
            assert_eq!(kept.is_told("timestamp"), more.contains("bad"), "{whole} -> {}", kept.body);
            assert_eq!(kept.event.user.is_some(), more.contains("java"), "{whole} -> {}", kept.body);
            if sent.contains("own") {
                assert!(kept.is_told("x"), "{whole} -> {}", kept.body);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_event_is_kept_as_json_and_cut_only_once(
        names in prop::collection::vec("(extra|user|request|contexts|breadcrumbs|modules|tags|errors|timestamp|platform|exception|[a-z]{1,4})", 0..8),
        texts in prop::collection::vec(".{0,40}", 1..4), repeat in 0..2000_usize, shape in 0..5_u8,
    ) {
        let long = texts.concat().repeat(repeat / 8);
        let inner = match shape {
            0 => json!(long),
            1 => json!({ "data": { "a": long, "b": texts }, "headers": [["h", long]], "ip_address": "{{auto}}" }),
            2 => json!([{ "message": long, "data": { "x": long } }, texts]),
            3 => json!({ "values": [{ "type": "E", "value": long, "stacktrace": { "frames":
                vec![json!({ "function": "f", "vars": { "v": texts, "w": long.chars().take(50).collect::<String>() } }); repeat % 400] } }] }),
            _ => Value::Null,
        };
        let sent: serde_json::Map<String, Value> = names.into_iter().map(|name| (name, inner.clone())).collect();
        // Anything larger is refused as a whole.
        prop_assume!(Value::Object(sent.clone()).to_string().len() <= TEST_LIMITS.event_bytes_max);
        let kept = keep(&Value::Object(sent));
        // What was kept fits, so that keeping it again changes nothing but the list of errors.
        let mut again = keep(&kept.body).body;
        let mut once = kept.body;
        for body in [&mut once, &mut again] {
            body.as_object_mut().map(|body| body.remove("errors"));
        }
        prop_assert_eq!(once, again);
    }
}
