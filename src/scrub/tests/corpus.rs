//! Secrets planted all over real captures: none survives where the rules say so, and whatever is left is as it was.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use super::super::{FILTERED, Options, Rules, scrub_event, scrub_whole_event};
use crate::model::decoded::Incoming;
use crate::model::event::Event;
use crate::model::ids::EventId;
use crate::sentry::decode::decode_envelope;
use crate::sentry::detail::event_detail;

const CASES: [&str; 8] = [
    "django-chained-error",
    "django-exception-group",
    "django-integrity-error",
    "django-template-runtime-error",
    "logging-error",
    "logging-exception",
    "capture-message-attach-stacktrace",
    "event-with-feature-flags",
];

fn capture(case: &str) -> Event {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/sentry-python-2.75.0/{case}.body"));
    let sent = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(sent.as_slice()).read_to_end(&mut body).expect("gzip");
    event_of(&body)
}

fn event_of(envelope: &[u8]) -> Event {
    let decoded = decode_envelope(envelope, 4_000_000_000_000, &mut || EventId([1; 16]), &crate::sentry::TEST_LIMITS);
    match decoded.expect("an envelope").decoded.items.into_iter().next() {
        Some(Incoming::Event(event)) => *event,
        other => panic!("{other:?}"),
    }
}

fn body_of(case: &str) -> Value {
    serde_json::from_slice(&capture(case).body).expect("json")
}

/// Objects whose names users choose: whatever stands under a sensitive name goes.
const OPEN: [&str; 14] = [
    "/extra",
    "/extra/nested",
    "/contexts",
    "/contexts/shop",
    "/contexts/trace/data",
    "/user",
    "/user/data",
    "/request/data",
    "/request/data/payment",
    "/request/headers",
    "/request/cookies",
    "/request/env",
    "/breadcrumbs/values/0/data",
    "/exception/values/0/stacktrace/frames/0/vars",
];
const NAMES: [&str; 12] = [
    "password",
    "DB_PASSWORD",
    "clientSecret",
    "passwd",
    "x-api-key",
    "apikey",
    "proxy-authorization",
    "aws_credentials",
    "MYSQL_PWD",
    "private_key",
    "accessToken",
    "two-factor",
];
/// Texts of which a part goes wherever texts are looked at; `@` stands for the secret.
const TEXTS: [&str; 10] = [
    "GET /login?token=@&page=2 failed",
    "postgres://ada:@@db.example/shop",
    "Authorization: Bearer @",
    "bearer @",
    "{\"password\": \"@\"}",
    "-----BEGIN RSA PRIVATE KEY-----\n@\n-----END RSA PRIVATE KEY-----",
    "api_key='@'",
    "secret=@, user=ada",
    "callback=%2Fdone%3Faccess_token%3D@%26a%3D1",
    "https://ada:@@shop.example/cart/",
];
const LOOKED_AT: [&str; 11] = [
    "/extra/note",
    "/contexts/shop/note",
    "/user/data/note",
    "/request/data/note",
    "/request/headers/Referer",
    "/request/url",
    "/breadcrumbs/values/0/message",
    "/breadcrumbs/values/0/data/note",
    "/exception/values/0/stacktrace/frames/0/vars/note",
    "/logentry/formatted",
    "/contexts/trace/description",
];

/// Puts a value at a path, making what is missing on the way.
fn plant(event: &mut Value, path: &str, value: Value) {
    let mut here = event;
    for name in path.split('/').skip(1) {
        here = match name.parse::<usize>() {
            Ok(position) => {
                if !here.is_array() {
                    *here = json!([]);
                }
                let list = here.as_array_mut().expect("a list");
                while list.len() <= position {
                    list.push(json!({}));
                }
                &mut list[position]
            }
            Err(_) => {
                if !here.is_object() {
                    *here = json!({});
                }
                here.as_object_mut().expect("an object").entry(name).or_insert(Value::Null)
            }
        };
    }
    *here = value;
}

/// Distinct, without a word that would be a rule's own.
fn secret(number: usize) -> String {
    format!("pl4nted{number:04}x")
}

/// The capture with everything planted, and how many secrets that is.
fn planted(case: &str) -> (Value, usize) {
    let mut event = body_of(case);
    let mut count = 0;
    let mut next = || {
        count += 1;
        secret(count)
    };
    for (round, parent) in OPEN.iter().enumerate() {
        for name in NAMES {
            let value = match round % 3 {
                0 => json!(next()),
                1 => json!({"deep": [next()]}),
                _ => json!([next(), 7]),
            };
            plant(&mut event, &format!("{parent}/{name}"), value);
        }
    }
    for place in LOOKED_AT {
        for (number, text) in TEXTS.iter().enumerate() {
            // Half of them one level down in a list, where a list may stand.
            let is_text_only =
                ["/url", "/message", "/formatted", "/description"].iter().any(|end| place.ends_with(end));
            let text = text.replacen("@", &next(), 1);
            if is_text_only {
                let before =
                    event.pointer(place).and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
                plant(&mut event, place, json!(format!("{before}{text}")));
            } else {
                plant(&mut event, &format!("{place}/{number}"), json!(text));
            }
        }
    }
    for cookie in ["sessionid", "csrftoken", "PHPSESSID", "_vercel_jwt", "su"] {
        plant(&mut event, &format!("/request/cookies/{cookie}"), json!(next()));
    }
    for header in ["Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Proxy-Authorization"] {
        plant(&mut event, &format!("/request/headers/{header}"), json!(next()));
    }
    plant(&mut event, "/request/query_string", json!(format!("token={}&a=1&x_secret={}", next(), next())));
    plant(&mut event, "/request/fragment", json!(format!("id_token={}", next())));
    (event, count)
}

#[test]
fn no_planted_secret_survives() {
    let rules = Rules::default();
    for case in CASES {
        let (event, count) = planted(case);
        assert!(count >= 200, "{count}");
        let body = event.to_string();
        let out = String::from_utf8(scrub_event(body.as_bytes(), &rules).into_owned()).expect("utf-8");
        let survivors: Vec<String> = (1..=count).map(secret).filter(|secret| out.contains(secret.as_str())).collect();
        assert!((1..=count).all(|number| body.contains(&secret(number))), "{case}: not all were planted");
        assert_eq!(survivors, Vec::<String>::new(), "{case}: {out}");
        assert_eq!(scrub_event(out.as_bytes(), &rules), out.as_bytes(), "{case}");
    }
}

#[test]
fn card_numbers_go_wherever_anything_is_looked_at() {
    let rules = Rules::default();
    let mut event = body_of("django-chained-error");
    let mut count = 0;
    for place in LOOKED_AT.iter().chain(&["/exception/values/0/value", "/request/data/n/0", "/message", "/extra/a/b"]) {
        plant(&mut event, place, json!(format!("paid with 4111-1111-1111-{:04} today", 1000 + count)));
        count += 1;
    }
    let out = String::from_utf8(scrub_event(event.to_string().as_bytes(), &rules).into_owned()).expect("utf-8");
    assert!(!out.contains("4111"), "{out}");
    assert_eq!(out.matches("paid with [Filtered] today").count(), count);
}

#[test]
fn what_is_filtered_of_a_django_error() {
    let event = capture("django-chained-error");
    let mut scrubbed = event.clone();
    scrub_whole_event(&mut scrubbed, &Rules::default());
    let before: Value = serde_json::from_slice(&event.body).expect("json");
    let after: Value = serde_json::from_slice(&scrubbed.body).expect("json");
    let mut changed = Vec::new();
    differences(&before, &after, String::new(), &mut changed);
    changed.retain(|(path, _)| !path.starts_with("/_meta"));
    assert_eq!(
        changed.iter().map(|(path, new)| (path.as_str(), new.as_str().unwrap_or_default())).collect::<Vec<_>>(),
        [
            ("/exception/values/1/stacktrace/frames/0/vars/request", FILTERED),
            ("/exception/values/1/stacktrace/frames/1/vars/request", FILTERED),
            ("/exception/values/1/stacktrace/frames/2/vars/request", FILTERED),
            ("/request/query_string", "voucher=BF26&token=[Filtered]"),
        ]
    );
    scrubbed.body = event.body.clone();
    // Taken again from the body as it is now.
    scrubbed.more = event.more.clone();
    assert_eq!(scrubbed, event, "columns have nothing to hide here");
}

fn differences(before: &Value, after: &Value, path: String, changed: &mut Vec<(String, Value)>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, new) in b {
                differences(a.get(name).unwrap_or(&Value::Null), new, format!("{path}/{name}"), changed);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (position, (old, new)) in a.iter().zip(b).enumerate() {
                differences(old, new, format!("{path}/{position}"), changed);
            }
        }
        (old, new) if old != new => changed.push((path, new.clone())),
        _ => {}
    }
}

#[test]
fn the_reader_is_told() {
    let body = capture("django-chained-error").body;
    let detail = event_detail(&scrub_event(&body, &Rules::default()));
    let told = |path: &str, problem: &str| {
        detail.field_errors.iter().any(|e| e.path == path && e.problem.starts_with(problem))
    };
    assert!(told("request.query_string", "filtered by this server: a parameter"), "{:?}", detail.field_errors);
    assert!(told("request.headers.Cookie", "filtered by the SDK"));
    assert!(told("exception.values.1.stacktrace.frames.0.vars.request", "filtered by this server: the text mentions"));
}

#[test]
fn columns_say_no_more_than_the_body() {
    let envelope = |payload: Value| format!("{{}}\n{{\"type\":\"event\"}}\n{payload}");
    let payload = json!({
        "exception": {"values": [{"type": "Declined", "value": "card 4111 1111 1111 1111"}]},
        "logentry": {"message": "token=%s", "params": ["x"], "formatted": "token=abc"},
        "request": {"url": "http://ada:hunter2@h/"}, "user": {"ip_address": "203.0.113.7"},
    });
    let mut event = event_of(envelope(payload).as_bytes());
    let rules = Rules::new(&Options { scrub_ip: true, ..Options::default() });
    scrub_whole_event(&mut event, &rules);
    let again = event_of(&[b"{}\n{\"type\":\"event\"}\n", event.body.as_slice()].concat());
    assert_eq!(event.exceptions[0].value.as_deref(), Some("card [Filtered]"));
    assert_eq!(event.message.as_ref().map(|m| m.formatted.as_str()), Some("token=[Filtered]"));
    assert_eq!(event.message.as_ref().and_then(|m| m.template.as_deref()), Some("token=%s"));
    assert_eq!((event.request_url.as_deref(), &event.user), (Some("http://ada:[Filtered]@h/"), &None));
    let group = |event| crate::grouping::group(event, crate::grouping::Rules::none());
    assert_eq!(group(&event), group(&again));
}
