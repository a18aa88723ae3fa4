//! What becomes of odd envelopes and odd events: the status they are answered with, what is kept and what is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{auth, compress, envelope, event, event_envelope, id, to_envelope, to_store};

/// The event as the app shows it.
fn shown(server: &Trapline, number: u64) -> Value {
    server.get_json(&format!("/api/ui/events/{}", id(number)))
}

/// Sends one event under an id of its own and reads it again.
fn kept(server: &Trapline, number: u64, mut event: Value) -> Value {
    event["event_id"] = json!(id(number));
    to_envelope(server, event_envelope(&event)).send().expect(200);
    shown(server, number)
}

fn events(server: &Trapline) -> u64 {
    server.issues().iter().filter_map(|issue| issue["event_count"].as_u64()).sum()
}

fn problems(event: &Value) -> String {
    let errors = event["detail"]["field_errors"].as_array().unwrap();
    errors.iter().map(|e| format!("{}: {}\n", e["path"].as_str().unwrap(), e["problem"].as_str().unwrap())).collect()
}

/// Every line of the grammar's table of edge cases (protocol notes, section 2).
#[test]
fn every_edge_case_of_the_envelope_has_its_answer() {
    let e = |number: u64| event(number, "KeyError").to_string();
    let item = "{\"type\":\"event\"}";
    let sized = |payload: &str| format!("{{\"type\":\"event\",\"length\":{}}}\n{payload}", payload.len());
    let cases: Vec<(&str, String, u16, u64)> = vec![
        ("an empty header", format!("{{}}\n{item}\n{}", e(1)), 200, 1),
        ("a header only", "{}".to_owned(), 200, 0),
        ("a header only, with its line's end", "{}\n".to_owned(), 200, 0),
        ("a length", format!("{{}}\n{}\n", sized(&e(2))), 200, 1),
        ("a length up to the end", format!("{{}}\n{}", sized(&e(3))), 200, 1),
        ("a length beyond the end", format!("{{}}\n{{\"type\":\"event\",\"length\":9999}}\n{}", e(4)), 400, 0),
        (
            "a length beyond the end, after a good item",
            format!("{{}}\n{}\n{{\"type\":\"event\",\"length\":9999}}\n{{}}", sized(&e(5))),
            200,
            1,
        ),
        ("a length that is too short", format!("{{}}\n{{\"type\":\"event\",\"length\":5}}\n{}", e(6)), 400, 0),
        (
            "a length that is too short, after a good item",
            format!("{{}}\n{}\n{{\"type\":\"event\",\"length\":5}}\n{}", sized(&e(7)), e(8)),
            200,
            1,
        ),
        ("no length", format!("{{}}\n{item}\n{}\n{item}\n{}\n", e(9), e(10)), 200, 2),
        ("an empty payload", "{}\n{\"type\":\"of_the_future\",\"length\":0}\n\n".to_owned(), 200, 0),
        ("an item header at the end", "{}\n{\"type\":\"of_the_future\"}".to_owned(), 200, 0),
        (
            "newlines within a payload of known length",
            format!("{{}}\n{{\"type\":\"attachment\",\"length\":5}}\na\nb\nc\n{item}\n{}", e(11)),
            200,
            1,
        ),
        ("blank lines before an item", format!("{{}}\n\n  \n{item}\n{}", e(12)), 200, 1),
        ("blank lines at the end", format!("{{}}\n{item}\n{}\n\n\n", e(13)), 200, 1),
        ("lines that end like on Windows", format!("{{}}\r\n{item}\r\n{}\r\n", e(14)), 200, 1),
        ("a header over several lines", format!("{{\n  \"sent_at\": null\n}}\n{item}\n{}", e(15)), 200, 1),
        ("an unknown item", format!("{{}}\n{{\"type\":\"of_the_future\"}}\nwhatever\n{item}\n{}", e(16)), 200, 1),
        ("unknown header members", format!("{{\"x\":[1]}}\n{{\"type\":\"event\",\"y\":{{}}}}\n{}", e(17)), 200, 1),
        (
            "a null time and a malformed trace",
            format!("{{\"sent_at\":null,\"trace\":\"x\"}}\n{item}\n{}", e(18)),
            200,
            1,
        ),
        (
            "two containers",
            "{}\n{\"type\":\"log\",\"item_count\":1}\n{\"items\":[{\"timestamp\":1700000000,\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"body\":\"x\"}]}\n{\"type\":\"log\"}\n{\"items\":[{\"timestamp\":1700000000,\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"body\":\"x\"}]}"
                .to_owned(),
            200,
            0,
        ),
        ("a wrong item_count", "{}\n{\"type\":\"log\",\"item_count\":7}\n{\"items\":[{\"timestamp\":1700000000,\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"body\":\"x\"}]}".to_owned(), 200, 0),
        ("an internal type", "{}\n{\"type\":\"integration\"}\n{}".to_owned(), 200, 0),
        (
            "all sorts of items",
            format!("{{}}\n{item}\n{}\n{{\"type\":\"session\"}}\n{{}}\n{{\"type\":\"client_report\"}}\n{{}}", e(19)),
            200,
            1,
        ),
        ("an event twice", format!("{{}}\n{item}\n{}\n{item}\n{}", e(20), e(20)), 200, 1),
        ("an event for the second time", format!("{{}}\n{item}\n{}", e(20)), 200, 0),
    ];
    let server = Trapline::start();
    let mut before = 0;
    for (about, body, status, new) in cases {
        let answer = to_envelope(&server, body).send();
        assert_eq!(answer.status, status, "{about}: {}", answer.text());
        let now = events(&server);
        assert_eq!(now - before, new, "{about}");
        before = now;
    }
    assert!(server.last_request()["problem"].is_null());
}

#[test]
fn the_header_decides_the_id_and_dashes_do_not_matter() {
    let server = Trapline::start();
    let dashed = "a0000000-0000-0000-0000-000000000007";
    let body = format!("{{\"event_id\":\"{dashed}\"}}\n{{\"type\":\"event\"}}\n{}", event(8, "KeyError"));
    assert_eq!(to_envelope(&server, body).send().expect(200).json()["id"], id(7));
    assert_eq!(shown(&server, 7)["title"], "KeyError: made up");
    assert_eq!(server.get(&format!("/api/ui/events/{}", id(8))).status, 404);
}

#[test]
fn as_many_items_as_are_allowed_are_kept_and_more_are_counted() {
    let server = Trapline::start();
    let items: Vec<String> = (0..501).map(|number| event(number, "KeyError").to_string()).collect();
    let of = |count: usize| envelope(&items[..count].iter().map(|item| ("event", item.as_str())).collect::<Vec<_>>());
    to_envelope(&server, of(500)).send().expect(200);
    assert_eq!(events(&server), 500);
    assert!(server.last_request()["problem"].is_null());
    to_envelope(&server, of(501)).send().expect(200);
    assert_eq!(events(&server), 500);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("500"));
}

#[test]
fn a_million_items_of_one_byte_are_answered() {
    let server = Trapline::start();
    let mut body = b"{}\n".to_vec();
    body.extend(b"{\"type\":\"x\",\"length\":1}\na\n".repeat(1_000_000));
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.outcome("x", "not_kept"), 500);
    kept(&server, 1, event(1, "KeyError"));
}

#[test]
fn ids_are_never_paths() {
    let server = Trapline::start();
    for bad in [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\x",
        "%2e%2e%2f",
        "a/b",
        "\u{0}",
        "a0000000000000000000000000000001/../x",
    ] {
        let body = format!(
            "{}\n{{\"type\":\"event\"}}\n{}",
            json!({ "event_id": bad }),
            json!({ "event_id": bad, "message": "m" })
        );
        let given = to_envelope(&server, body).send().expect(200).json()["id"].as_str().unwrap().to_owned();
        assert!(given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()), "{bad}: {given}");
        server.get_json(&format!("/api/ui/events/{given}"));
    }
    for path in ["/api/ui/events/..%2f..%2fx", "/api/ui/events/../../x", "/api/0/projects/main/default/events/..%2fx/"]
    {
        let status = server.get(path).status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    for project in ["..%2f1", "1%2f..", "-1", "0", "99999999999999999999", "1.0"] {
        let request = server.post(&format!("/api/{project}/envelope/")).header("x-sentry-auth", &auth(server.key()));
        let answer = request.body(event_envelope(&event(1, "KeyError"))).send();
        assert!((400..500).contains(&answer.status), "{project}: {}", answer.status);
    }
}

#[test]
fn a_hundred_kilobytes_of_brackets_are_refused_or_cut_wherever_they_stand() {
    let server = Trapline::start();
    let brackets = "[".repeat(100_000);
    for body in [
        brackets.clone(),
        format!("{{\"trace\":{brackets}\n"),
        format!("{{}}\n{brackets}\n"),
        format!("{{}}\n{{\"type\":\"event\"}}\n{brackets}"),
        format!("{{}}\n{{\"type\":\"event\"}}\n{{\"extra\":{{\"a\":{brackets}}}}}"),
    ] {
        let answer = to_envelope(&server, body).send();
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    assert_eq!(to_store(&server, brackets.clone()).send().status, 400);
    // What is whole, and only too deep, is cut and told of.
    let deep = format!(
        "{{}}\n{{\"type\":\"event\"}}\n{{\"event_id\":\"{}\",\"message\":\"deep\",\"extra\":{{\"a\":{brackets}{}}}}}",
        id(7),
        "]".repeat(100_000)
    );
    to_envelope(&server, deep).send().expect(200);
    let errors = shown(&server, 7)["detail"]["field_errors"].to_string();
    assert!(errors.contains("deep"), "{errors}");
    // In an item nobody reads they cost no more than themselves.
    to_envelope(&server, format!("{{}}\n{{\"type\":\"of_the_future\"}}\n{}", "[".repeat(100_000))).send().expect(200);
    kept(&server, 1, event(1, "KeyError"));
}

#[test]
fn half_characters_and_numbers_beyond_any_are_read_as_well_as_they_go() {
    let server = Trapline::start();
    let sent = [
        r#"{"event_id":"ID","message":"a\ud83d b","tags":{"t\udc00":"v\ud800"},"user":{"id":"\ude00"}}"#,
        r#"{"event_id":"ID","message":"m","timestamp":1e400,"level":1e999,"user":{"id":1e999},"extra":{"n":[1e999,-1e999]}}"#,
        r#"{"event_id":"ID","message":"m","exception":{"type":"E","stacktrace":{"frames":[{"function":"f","lineno":1e999,"colno":-1}]}}}"#,
        r#"{"event_id":"ID","message":"m","tags":{"a":1e999,"b":123456789012345678901234567890},"fingerprint":[1e999]}"#,
    ];
    for (number, payload) in sent.iter().enumerate() {
        let number = number as u64;
        let body = format!("{{}}\n{{\"type\":\"event\"}}\n{}", payload.replace("ID", &id(number)));
        to_envelope(&server, body).send().expect(200);
        assert_ne!(shown(&server, number)["title"], "", "{payload}");
    }
}

#[test]
fn ten_thousand_tags_cost_the_tags() {
    let server = Trapline::start();
    let mut many = event(1, "KeyError");
    many["tags"] = (0..10_000).map(|n| (format!("tag{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let shown = kept(&server, 1, many);
    assert_eq!(shown["title"], "KeyError: made up");
    assert_eq!(shown["detail"]["tags"].as_array().unwrap().len(), 256);
    assert!(problems(&shown).contains("tags: "), "{}", problems(&shown));
}

#[test]
fn what_was_cut_or_left_out_is_shown_with_the_event() {
    let server = Trapline::start();
    let mut sent = event(1, "KeyError");
    sent["extra"] = json!({ "dump": "x".repeat(300_000), "small": 1 });
    sent["release"] = json!("latest");
    sent["timestamp"] = json!("yesterday");
    sent["mesage"] = json!("a typing mistake");
    let shown = kept(&server, 1, sent);
    assert!(shown["body_bytes"].as_u64().unwrap() < 20_000);
    let problems = problems(&shown);
    for expected in [
        "extra.dump: value too long: shortened, 300002 bytes",
        "release: left out",
        "timestamp: invalid data",
        "mesage: not a field",
    ] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    let api = server.get_json(&format!("/api/0/projects/main/default/events/{}/", id(1)));
    assert!(api["errors"].as_array().unwrap().len() >= 4);
}

fn address_of(server: &Trapline, number: u64) -> Value {
    let event = shown(server, number);
    let user = event["detail"]["user"].as_array().unwrap().clone();
    user.into_iter().find(|entry| entry["name"] == "ip_address").map_or(Value::Null, |entry| entry["value"].clone())
}

#[test]
fn the_address_of_a_browser_is_kept_and_a_proxy_is_believed_only_when_trusted() {
    let send = |server: &Trapline, number: u64, forwarded: Option<&str>| {
        let event = json!({ "event_id": id(number), "platform": "javascript", "message": "m" });
        let mut request = to_envelope(server, event_envelope(&event));
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        request.send().expect(200);
        address_of(server, number)
    };
    let server = Trapline::start();
    assert_eq!(send(&server, 1, None), "127.0.0.1");
    assert_eq!(send(&server, 2, Some("198.51.100.1, 203.0.113.9")), "203.0.113.9");
    assert_eq!(send(&server, 3, Some("nonsense")), "127.0.0.1");
    let strict = Trapline::start_with(&["--trusted-proxies", "10.0.0.0/8"]);
    assert_eq!(send(&strict, 1, Some("203.0.113.9")), "127.0.0.1");
    let never = json!({ "platform": "javascript", "message": "m", "sdk": { "settings": { "infer_ip": "never" } } });
    kept(&server, 4, never);
    assert_eq!(address_of(&server, 4), Value::Null);
}

#[test]
fn browser_system_and_device_stand_among_the_contexts() {
    let server = Trapline::start();
    let agent = "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
    let mut sent = event(1, "KeyError");
    sent["request"] = json!({ "url": "http://shop.example/", "headers": { "User-Agent": agent } });
    sent["contexts"] = json!({ "runtime": { "name": "CPython", "version": "3.13.1" } });
    kept(&server, 1, sent);
    let api = server.get_json(&format!("/api/0/projects/main/default/events/{}/", id(1)));
    let contexts = &api["contexts"];
    assert_eq!(contexts["runtime"]["runtime"], "CPython 3.13.1");
    assert_eq!(contexts["browser"]["browser"], "Chrome Mobile 124.0.0.0");
    assert_eq!((&contexts["client_os"]["name"], &contexts["device"]["model"]), (&json!("Android"), &json!("Pixel 7")));
    assert_eq!((&contexts["browser"]["type"], &contexts["trace"]["type"]), (&json!("browser"), &json!("trace")));
    assert_eq!(contexts["trace"]["trace_id"], id(1));
    assert_eq!(contexts["trace"]["span_id"], id(1)[..16]);
}

#[test]
fn the_store_endpoint_takes_an_event_in_its_address() {
    let server = Trapline::start();
    let of = |number: u64| event(number, "KeyError").to_string();
    let packed = STANDARD.encode(compress("deflate", of(1).as_bytes()));
    let get = |data: &str| {
        let data: String = form_urlencoded::byte_serialize(data.as_bytes()).collect();
        let path = format!("/api/1/store/?sentry_key={}&sentry_version=7&sentry_data={data}", server.key());
        server.request("GET", &path).send()
    };
    for (number, data) in [(1, packed), (2, STANDARD.encode(of(2))), (3, of(3))] {
        let answer = get(&data).expect(200);
        assert_eq!(answer.header("content-type"), Some("image/gif"));
        assert!(answer.body.starts_with(b"GIF89a"));
        assert_eq!(shown(&server, number)["title"], "KeyError: made up");
    }
    for data in ["", "garbage", "{}x"] {
        assert_eq!(get(data).status, 400, "{data}");
    }
    let keyless = server.request("GET", "/api/1/store/?sentry_data=e30=").send();
    assert_eq!(keyless.status, 401);
}

#[test]
fn a_bad_event_is_not_called_an_envelope() {
    let server = Trapline::start();
    for (body, status) in [("{", 400), ("not json", 400), ("{\"message\":", 400)] {
        let answer = to_store(&server, body).send().expect(status);
        assert_eq!(answer.json()["detail"], "invalid event", "{body}");
    }
    let large = format!("{{\"message\":\"{}\"}}", "x".repeat(2 << 20));
    let answer = to_store(&server, large).send().expect(413);
    assert_eq!(answer.json()["detail"], "event exceeded size limits for type 'event'");
    assert_eq!(to_store(&server, "").send().expect(400).json()["detail"], "empty request body");
    let answer = to_envelope(&server, "{}\n{\"type\":\"event\"}\n{").send().expect(400);
    assert_eq!(answer.json()["detail"], "invalid event envelope");
}
