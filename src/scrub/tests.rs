//! Every rule with what it must hit and what it must leave; remarks; what holds for any input.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::span::{Attribute, AttributeValue};

mod corpus;

fn scrubbed_with(body: &str, rules: &Rules) -> String {
    String::from_utf8(scrub_event(body.as_bytes(), rules).into_owned()).expect("utf-8")
}

/// The event after scrubbing, without remarks.
fn scrubbed(event: &Value) -> Value {
    let mut value = with_remarks(event);
    value.as_object_mut().expect("an object").shift_remove("_meta");
    value
}

fn with_remarks(event: &Value) -> Value {
    serde_json::from_str(&scrubbed_with(&event.to_string(), &Rules::default())).expect("json")
}

fn at<'v>(event: &'v Value, path: &str) -> &'v Value {
    event.pointer(path).unwrap_or_else(|| panic!("{path} in {event}"))
}

/// `text` in a variable, which is looked at as closely as anything.
fn variable(text: &str) -> String {
    let event = json!({"exception": {"values": [{"stacktrace": {"frames": [{"vars": {"v": text}}]}}]}});
    at(&scrubbed(&event), "/exception/values/0/stacktrace/frames/0/vars/v").as_str().expect("text").to_owned()
}

fn message(text: &str) -> String {
    at(&scrubbed(&json!({"logentry": {"formatted": text}})), "/logentry/formatted").as_str().expect("text").to_owned()
}

#[test]
fn values_go_by_name_at_any_depth() {
    let event = json!({"extra": {
        "password": "hunter2", "a": {"b": [{"my_Secret": "x", "n": 1}]}, "token_usage": 12, "auth": {"user": "ada"},
        "api-key": ["k"], "is_token": true, "otp": "123456", "otps": "123456", "pwd": "kept", "key": "kept",
        "credentials": null, "passwd": "", "n": 4, "author": "Tolkien", "tokens": {}, "secrets": [],
    }});
    assert_eq!(
        scrubbed(&event)["extra"],
        json!({
            "password": "[Filtered]", "a": {"b": [{"my_Secret": "[Filtered]", "n": 1}]}, "token_usage": "[Filtered]",
            "auth": "[Filtered]", "api-key": "[Filtered]", "is_token": "[Filtered]", "tokens": {}, "secrets": [], "otp": "[Filtered]", "otps": "123456", "pwd": "kept",
            "key": "kept", "credentials": null, "passwd": "", "n": 4, "author": "[Filtered]",
        })
    );
}

#[test]
fn names_with_escapes_are_read_first() {
    for name in [r"pass\u0077ord", r"\u0070\u0061\u0073\u0073\u0077\u0064", r"a\/token"] {
        let body = format!(r#"{{"extra":{{"{name}":"hunter2"}}}}"#);
        let out = scrubbed_with(&body, &Rules::default());
        assert!(out.starts_with(&format!(r#"{{"extra":{{"{name}":"[Filtered]"}},"#)), "{out}");
    }
    assert_eq!(variable("my pass\u{77}ord"), "[Filtered]");
    let out = scrubbed_with(r#"{"extra":{"a":"my pass\u0077ord \n"}}"#, &Rules::default());
    assert!(out.starts_with(r#"{"extra":{"a":"[Filtered]"}"#), "{out}");
}

#[test]
fn texts_that_mention_a_secret_go_whole_in_free_form_areas_only() {
    for text in ["secret plan", "my token: abc", "<WSGIRequest: GET '/x?password=1'>", "AUTHOR", "{'api_key': 1}"] {
        assert_eq!(variable(text), "[Filtered]", "{text}");
    }
    for text in ["pwd", "session", "a key", "pass word", ""] {
        assert_eq!(variable(text), text);
    }
    let event = json!({
        "extra": {"a": ["my token"]}, "contexts": {"shop": {"a": "my token"}}, "user": {"data": {"a": "my token"}, "b": "my token"},
        "request": {"data": {"a": {"b": "my token"}}}, "breadcrumbs": [{"data": {"a": "my token"}, "message": "my token"}],
        "message": "my token", "unheard_of": "my token", "tags": {"a": "my token"}, "transaction": "my token",
    });
    let out = scrubbed(&event);
    for path in [
        "/extra/a/0",
        "/contexts/shop/a",
        "/user/data/a",
        "/user/b",
        "/request/data/a/b",
        "/breadcrumbs/0/data/a",
        "/unheard_of",
    ] {
        assert_eq!(at(&out, path), "[Filtered]", "{path}");
    }
    for path in ["/breadcrumbs/0/message", "/message", "/tags/a", "/transaction"] {
        assert_eq!(at(&out, path), "my token", "{path}");
    }
    assert_eq!(at(&scrubbed(&json!({"request": {"data": "card=1&password=x"}})), "/request/data"), "[Filtered]");
}

#[test]
fn card_numbers() {
    for (text, expected) in [
        ("order 4111111111111111 x", "order [Filtered] x"),
        ("4111-1111-1111-1111", "[Filtered]"),
        ("4111 1111 1111 1111, 5500000000000004", "[Filtered], [Filtered]"),
        ("'378282246310005'", "'[Filtered]'"),
        ("6011000000000004", "[Filtered]"),
        ("6500 0000 0000 0002!", "[Filtered]!"),
        ("no=5105105105105100.", "no=[Filtered]."),
        ("é4111111111111111", "é4111111111111111"),
        ("9111111111111111", "9111111111111111"),
        ("411111111111111", "411111111111111"),
        ("41111111111111111", "41111111111111111"),
        ("a4111111111111111", "a4111111111111111"),
        ("4111111111111111b", "4111111111111111b"),
        ("4111--1111-1111-1111", "4111--1111-1111-1111"),
        ("0.4666666666666667", "0.4666666666666667"),
        ("4666666666666667.5", "4666666666666667.5"),
        ("140092716615360", "140092716615360"),
        ("5600000000000000", "5600000000000000"),
    ] {
        assert_eq!(variable(text), expected, "{text}");
        assert_eq!(message(text), expected, "{text}");
        let event = json!({"exception": [{"type": "E", "value": text}]});
        assert_eq!(at(&scrubbed(&event), "/exception/0/value"), expected, "{text}");
    }
    assert_eq!(scrubbed(&json!({"extra": {"n": 4111111111111111_u64}}))["extra"]["n"], 4111111111111111_u64);
}

#[test]
fn other_values_that_are_secret_wherever_they_stand() {
    for (text, expected) in [
        ("to DE89370400440532013000.", "to [Filtered]."),
        ("DE89 3704 0044 0532 0130 00 please", "[Filtered] please"),
        ("GB82 WEST 1234 5698 7654 32", "[Filtered]"),
        ("DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130 01"),
        ("XX89370400440532013000", "XX89370400440532013000"),
        ("DE8937040044", "DE8937040044"),
        ("ssn 536-22-8726", "ssn [Filtered]"),
        ("000-22-8726 536-00-8726 536-22-0000 966-22-1234", "000-22-8726 536-00-8726 536-22-0000 966-22-1234"),
        ("1536-22-8726 536-22-87261", "1536-22-8726 536-22-87261"),
        ("postgres://ada:hunter2@db:5432/shop", "postgres://ada:[Filtered]@db:5432/shop"),
        ("redis://:p@ss@cache/0", "redis://:[Filtered]@cache/0"),
        ("amqp://a:b@c //d:e@f http://h:80/?x=a@b", "amqp://a:[Filtered]@c //d:e@f http://h:80/?x=a@b"),
        ("https://0123abcd@host/1 ada@example.org", "https://0123abcd@host/1 ada@example.org"),
        ("x://u:4111111111111111@h", "x://u:[Filtered]@h"),
        ("Bearer abc.def-1 x", "Bearer [Filtered] x"),
        ("bearer\tabc\"", "bearer\t[Filtered]\""),
        ("forbearer abc", "forbearer abc"),
        ("bearer", "bearer"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nab==\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\n[Filtered]\n-----END RSA PRIVATE KEY-----",
        ),
        ("-----BEGIN PUBLIC KEY-----\\nMIIE", "-----BEGIN PUBLIC KEY-----\\n[Filtered]"),
        ("-----BEGIN CERTIFICATE-----\nMIIE", "-----BEGIN CERTIFICATE-----\nMIIE"),
        ("-----BEGIN-----", "-----BEGIN-----"),
    ] {
        assert_eq!(variable(text), expected, "{text}");
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn parameters_in_messages() {
    for (text, expected) in [
        ("GET /x?token=abc&page=2 failed", "GET /x?token=[Filtered]&page=2 failed"),
        ("password=hunter2, user=ada", "password=[Filtered], user=ada"),
        ("connect(password='a b', host='h')", "connect(password='[Filtered]', host='h')"),
        (r#"sent {"password": "a\"b", "n": 1}"#, r#"sent {"password": "[Filtered]", "n": 1}"#),
        (r#""{\"api_key\": \"abc\", \"n\": 1}""#, r#""{\"api_key\": \"[Filtered]\", \"n\": 1}""#),
        ("{'secret': 12}", "{'secret': [Filtered]}"),
        ("UPDATE u SET password = 'x' WHERE id = 1", "UPDATE u SET password = '[Filtered]' WHERE id = 1"),
        ("next=%2Fa%3Ftoken%3Dabc%26b%3D1", "next=%2Fa%3Ftoken%3D[Filtered]%26b%3D1"),
        ("user[password]=x", "user[password]=[Filtered]"),
        ("authorization=abc", "authorization=[Filtered]"),
        ("token=%s and %(x)s", "token=%s and %(x)s"),
        (
            "password = %s AND token=$1 AND secret=? AND token={}",
            "password = %s AND token=$1 AND secret=? AND token={}",
        ),
        (
            r#"ON ("a"."author_id" = "b"."id") AND a.auth_id = b.id"#,
            r#"ON ("a"."author_id" = "b"."id") AND a.auth_id = b.id"#,
        ),
        ("author=Tolkien", "author=Tolkien"),
        ("Authentication failed: no such user", "Authentication failed: no such user"),
        ("InvalidToken: expired; token == x", "InvalidToken: expired; token == x"),
        ("token=", "token="),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn parameters_of_a_template_that_names_a_secret() {
    let entry = |template: &str| {
        scrubbed(&json!({"logentry": {"params": ["abc", 4], "message": template, "formatted": "x"}}))["logentry"]["params"].clone()
    };
    assert_eq!(entry("login with token=%s failed, order %d"), "[Filtered]");
    assert_eq!(entry("{'password': '%(x)s'}"), "[Filtered]");
    assert_eq!(entry("order %s failed, author=%s"), json!(["abc", 4]));
    assert_eq!(entry("token expired for %s, order %d"), json!(["abc", 4]));
}

#[test]
fn exception_values_lose_card_numbers_only() {
    let event = json!({"exception": {"values": [
        {"type": "AuthError", "module": "auth.token", "value": "token=abc Bearer x 4111111111111111",
         "mechanism": {"type": "auth", "data": {"password": "x", "a": "auth"}}},
    ]}});
    let exception = &scrubbed(&event)["exception"]["values"][0];
    assert_eq!(exception["value"], "token=abc Bearer x [Filtered]");
    assert_eq!((&exception["type"], &exception["module"]), (&json!("AuthError"), &json!("auth.token")));
    assert_eq!(exception["mechanism"], json!({"type": "auth", "data": {"password": "[Filtered]", "a": "auth"}}));
}

#[test]
fn requests_go_by_name() {
    let event = json!({"request": {
        "url": "https://ada:pw@shop.example/authors/?page=1&access_token=abc#id_token=x",
        "query_string": "?a=1&pass%77ord=x&token=&next=%2F%3Ftoken%3Dabc&q=4111111111111111",
        "fragment": "token=a",
        "headers": {"Authorization": "Basic x", "x-api-key": "x", "Cookie": "a=b", "set-cookie": "a", "Proxy-Authorization": "x",
            "X-Auth-Token": "x", "User-Agent": "auth/1 4111111111111111", "Referer": "http://h/?token=abc", "Host": "auth.example",
            "X-Forwarded-For": "203.0.113.7", "Accept": ["a", "Bearer abc"]},
        "cookies": {"sessionid": "x", "SU": "x", "csrftoken": "x", "customer": "ada", "_csrf": "x", "sessions": "kept"},
        "env": {"REMOTE_ADDR": "127.0.0.1", "HTTP_COOKIE": "x", "HTTP_AUTHORIZATION": "x", "SERVER_NAME": "auth"},
        "data": {"payment": {"card_number": "4111 1111 1111 1111", "cvc": "123"}, "token": "x"},
        "method": "POST",
    }});
    assert_eq!(
        scrubbed(&event)["request"],
        json!({
            "url": "https://ada:[Filtered]@shop.example/authors/?page=1&access_token=[Filtered]#id_token=[Filtered]",
            "query_string": "?a=1&pass%77ord=[Filtered]&token=&next=%2F%3Ftoken%3D[Filtered]&q=[Filtered]",
            "fragment": "token=[Filtered]",
            "headers": {"Authorization": "[Filtered]", "x-api-key": "[Filtered]", "Cookie": "[Filtered]", "set-cookie": "[Filtered]",
                "Proxy-Authorization": "[Filtered]", "X-Auth-Token": "[Filtered]", "User-Agent": "auth/1 4111111111111111",
                "Referer": "http://h/?token=[Filtered]", "Host": "auth.example", "X-Forwarded-For": "203.0.113.7",
                "Accept": ["a", "Bearer [Filtered]"]},
            "cookies": {"sessionid": "[Filtered]", "SU": "[Filtered]", "csrftoken": "[Filtered]", "customer": "ada",
                "_csrf": "[Filtered]", "sessions": "kept"},
            "env": {"REMOTE_ADDR": "127.0.0.1", "HTTP_COOKIE": "[Filtered]", "HTTP_AUTHORIZATION": "[Filtered]", "SERVER_NAME": "auth"},
            "data": {"payment": {"card_number": "[Filtered]", "cvc": "123"}, "token": "[Filtered]"},
            "method": "POST",
        })
    );
}

#[test]
fn requests_in_their_other_shapes() {
    let event = json!({"sentry.interfaces.Http": {
        "query_string": [["token", "x"], ["a", "Bearer x"], ["b"]],
        "headers": [["Authorization", "x"], ["Cookie", ["a", "b"]], ["Host", "h"], [], [1, "Bearer x"]],
        "cookies": "a=1; sessionid=x ;csrftoken=y; b",
        "env": [["HTTP_COOKIE", "x"]],
    }});
    assert_eq!(
        scrubbed(&event)["sentry.interfaces.Http"],
        json!({
            "query_string": [["token", "[Filtered]"], ["a", "Bearer [Filtered]"], ["b"]],
            "headers": [["Authorization", "[Filtered]"], ["Cookie", "[Filtered]"], ["Host", "h"], [], [1, "Bearer [Filtered]"]],
            "cookies": "a=1; sessionid=[Filtered];csrftoken=[Filtered]; b",
            "env": [["HTTP_COOKIE", "[Filtered]"]],
        })
    );
}

#[test]
fn the_protocols_own_names_and_what_a_reader_needs_stay() {
    let event = json!({
        "modules": {"django-oauth-toolkit": "1.0", "python-jose[auth]": "3", "password": "4111111111111111"},
        "sdk": {"name": "auth", "integrations": ["auth"], "packages": [{"name": "token"}]},
        "debug_meta": {"images": [{"token": "x"}]},
        "tags": [["auth", "token=x"], ["card", "4111111111111111"]],
        "user": {"id": "token", "email": "auth@example.org", "username": "author", "ip_address": "203.0.113.7"},
        "fingerprint": ["token"], "logger": "django.contrib.auth", "transaction": "/auth/{token}/", "culprit": "auth in token",
        "contexts": {"trace": {"op": "auth", "trace_id": "4111111111111111", "data": {"thread.name": "auth"}},
            "flags": {"values": [{"flag": "new-auth", "result": true}]}},
        "exception": {"values": [{"stacktrace": {"frames": [{
            "filename": "auth/token.py", "abs_path": "/auth/token.py", "function": "authenticate", "module": "auth.token",
            "context_line": "password = 'x'", "pre_context": ["token=4111111111111111"], "post_context": ["Bearer x"],
        }]}}]},
        "threads": {"values": [{"name": "auth", "stacktrace": {"frames": [{"vars": {"n": 1}, "function": "token"}]}}]},
        "breadcrumbs": {"values": [{"category": "auth", "type": "token", "message": "ok"}]},
        "errors": [{"type": "invalid_data", "name": "auth"}],
        "_meta": {"request": {"headers": {"Authorization": {"": {"rem": [["!config", "s"]]}}}}},
    });
    let body = event.to_string();
    assert!(matches!(scrub_event(body.as_bytes(), &Rules::default()), Cow::Borrowed(_)), "{}", with_remarks(&event));
    let event = json!({"contexts": {"auth": {"a": 1}, "trace": {"data": {"token": "x"}}}, "threads": [{"stacktrace": {"frames": [{"vars": {"token": "x"}}]}}]});
    let out = scrubbed(&event);
    assert_eq!(out["contexts"], json!({"auth": "[Filtered]", "trace": {"data": {"token": "[Filtered]"}}}));
    assert_eq!(at(&out, "/threads/0/stacktrace/frames/0/vars/token"), "[Filtered]");
}

#[test]
fn replacements_are_remarked_on_where_they_happened() {
    let event = json!({
        "extra": {"password": "hünter2", "token_usage": 3, "n\"ote": "4111111111111111"},
        "exception": {"values": [{"value": "é 4111111111111111 and 5500000000000004"}]},
    });
    assert_eq!(
        with_remarks(&event)["_meta"],
        json!({
            "extra": {
                "password": {"": {"rem": [["@password:filter", "s", 0, 10]], "len": 7}},
                "token_usage": {"": {"rem": [["@password:filter", "s", 0, 10]]}},
                "n\"ote": {"": {"rem": [["@creditcard:filter", "s", 0, 10]], "len": 16}},
            },
            "exception": {"values": {"0": {"value": {"": {
                "rem": [["@creditcard:filter", "s", 2, 12], ["@creditcard:filter", "s", 17, 27]], "len": 39,
            }}}}},
        })
    );
}

#[test]
fn remarks_join_those_of_the_sdk() {
    let body = r#"{ "_meta" : {"extra": {"a\u002db" : {"":{"len":900,"rem":[["!limit","x",1,2]]}, "z":1}, "c":7}, "x":[1]},
        "extra":{"a-b":"my token","c":{"token":1},"d":"my secret"}, "level":"error" }"#;
    let out = scrubbed_with(body, &Rules::default());
    let value: Value = serde_json::from_str(&out).expect("json");
    assert_eq!(
        value["_meta"],
        json!({
            "extra": {
                "a-b": {"": {"len": 900, "rem": [["!limit", "x", 1, 2], ["@password:text", "s", 0, 10]]}, "z": 1},
                "c": {"token": {"": {"rem": [["@password:filter", "s", 0, 10]]}}},
                "d": {"": {"rem": [["@password:text", "s", 0, 10]], "len": 9}},
            },
            "x": [1],
        })
    );
    // Everything around is as it was.
    assert!(out.starts_with(r#"{ "_meta" : {"#) && out.ends_with(r#", "level":"error" }"#), "{out}");
    for meta in [
        "null",
        "[]",
        "{}",
        r#"{"extra":null}"#,
        r#"{"extra":{"token":{"":null}}}"#,
        r#"{"extra":{"token":{"":{"rem":7}}}}"#,
    ] {
        let body = format!(r#"{{"extra":{{"token":"x"}},"_meta":{meta}}}"#);
        let value: Value = serde_json::from_str(&scrubbed_with(&body, &Rules::default())).expect("json");
        let remark = at(&value, "/_meta/extra/token//rem/0/0");
        assert_eq!(remark, "@password:filter", "{meta}");
    }
}

#[test]
fn remarks_are_bounded_and_the_rest_is_counted() {
    let extra: serde_json::Map<String, Value> = (0..250).map(|n| (format!("token{n}"), json!("x"))).collect();
    let out = with_remarks(&json!({"extra": extra}));
    assert_eq!(out["extra"]["token249"], "[Filtered]");
    assert_eq!(out["_meta"]["extra"].as_object().map(serde_json::Map::len), Some(200));
    assert_eq!(out["_meta"][""]["rem"], json!([["@more", "s", 0, 50]]));
}

#[test]
fn a_projects_own_rules() {
    let body = r#"{"extra":{"pin":"1","password":"a","token":{"secret":"b"},"n":"4111111111111111"},"request":{"cookies":{"sessionid":"c"}}}"#;
    let out = |options: Options| {
        let value: Value = serde_json::from_str(&scrubbed_with(body, &Rules::new(&options))).expect("json");
        json!([value["extra"], value["request"]["cookies"]["sessionid"]])
    };
    let sent = json!([{"pin": "1", "password": "a", "token": {"secret": "b"}, "n": "4111111111111111"}, "c"]);
    assert_eq!(out(Options { enabled: false, ..Options::default() }), sent);
    assert_eq!(out(Options { defaults: false, ..Options::default() }), sent);
    assert_eq!(
        out(Options { defaults: false, sensitive_keys: vec!["PIN".into()], ..Options::default() }),
        json!([{"pin": "[Filtered]", "password": "a", "token": {"secret": "b"}, "n": "4111111111111111"}, "c"])
    );
    assert_eq!(
        out(Options { safe_keys: vec!["Token".into(), "sessionid".into()], ..Options::default() }),
        json!([{"pin": "1", "password": "[Filtered]", "token": {"secret": "b"}, "n": "[Filtered]"}, "c"])
    );
}

#[test]
fn of_feedback_only_the_words_and_the_address_for_an_answer_stay() {
    let sent = json!({ "contexts": { "feedback": { "message": "I lost my password", "name": "Ada", "contact_email":
        "ada@shop.example", "password": "LEAK", "more": { "api_key": "LEAK" }, "replay_id": "00000000000000000000000000000001",
        "url": "http://u:LEAK@shop.example/?token=LEAK" } } });
    let kept = scrubbed(&sent);
    let said = at(&kept, "/contexts/feedback");
    for name in ["message", "name", "contact_email", "replay_id"] {
        assert_eq!(said[name], sent["contexts"]["feedback"][name], "{name}");
    }
    assert!(!kept.to_string().contains("LEAK"), "{kept}");
}

#[test]
fn addresses_go_when_asked() {
    let rules = Rules::new(&Options { scrub_ip: true, ..Options::default() });
    let body = r#"{"user":{"ip_address":"203.0.113.7"},"sdk":{"client_ip":"203.0.113.7"},"contexts":{"trace":{"data":{"client.address":"203.0.113.7"}}},
        "request":{"env":{"REMOTE_ADDR":"203.0.113.7"},"headers":{"X-Forwarded-For":"203.0.113.7","Host":"h"}}}"#;
    let out = scrubbed_with(body, &rules);
    assert!(!out.contains("203.0"), "{out}");
    assert!(out.contains("\"@ip:remove\"") && out.contains(r#""Host":"h""#));
    assert_eq!(scrubbed_with(body, &Rules::default()), body);
}

#[test]
fn attributes_of_spans() {
    let text = |text: &str| AttributeValue::Text(text.to_owned());
    let cases = [
        ("http.request.header.authorization", text("Basic x"), text("[Filtered]")),
        ("http.request.header.cookie", AttributeValue::List(vec![text("a=b")]), text("[Filtered]")),
        ("http.request.header.x-csrf-token", text("x"), text("[Filtered]")),
        ("db.password", AttributeValue::Int(4), text("[Filtered]")),
        (
            "db.statement",
            text("SELECT token FROM auth WHERE card = '4111111111111111'"),
            text("SELECT token FROM auth WHERE card = '[Filtered]'"),
        ),
        ("url.query", text("a=1&pass%77ord=x"), text("a=1&pass%77ord=[Filtered]")),
        ("http.url", text("http://a:b@h/auth/?token=x"), text("http://a:[Filtered]@h/auth/?token=[Filtered]")),
        ("http.route", text("/auth/token/"), text("/auth/token/")),
        ("code.function", text("authenticate"), text("authenticate")),
        ("gen_ai.usage.input_tokens", AttributeValue::Int(7), AttributeValue::Int(7)),
        ("gen_ai.token", text("x"), text("[Filtered]")),
        (
            "m",
            AttributeValue::Map(vec![Attribute { key: "token".into(), value: text("x") }]),
            AttributeValue::Map(vec![Attribute { key: "token".into(), value: text("[Filtered]") }]),
        ),
        ("l", AttributeValue::List(vec![text("Bearer x")]), AttributeValue::List(vec![text("Bearer [Filtered]")])),
        ("token", AttributeValue::Empty, AttributeValue::Empty),
        ("client.address", text("203.0.113.7"), text("203.0.113.7")),
    ];
    for (key, value, expected) in cases {
        let mut attributes = vec![Attribute { key: key.to_owned(), value }];
        scrub_attributes(&mut attributes, &Rules::default());
        assert_eq!(attributes[0].value, expected, "{key}");
    }
}

#[test]
fn nothing_found_is_nothing_copied() {
    for body in [
        "",
        " ",
        "{",
        "{\"extra\"",
        "[]",
        "null",
        "{} x",
        r#"{"extra":{"a":"b"}}"#,
        "{\"a\":\"\\",
        r#"{"extra":{"a":["#,
        r#"{"extra":{"token":"[Filtered]","secret":null,"auth":""}}"#,
    ] {
        assert!(matches!(scrub_event(body.as_bytes(), &Rules::default()), Cow::Borrowed(_)), "{body}");
    }
    let deep = format!("{{\"extra\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(scrubbed_with(&deep, &Rules::default()), deep);
}

/// Texts with what rules look for, in any order.
fn some_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "token",
        "Token=",
        "password",
        "'",
        "\"",
        "\\",
        "\n",
        " ",
        ": ",
        "=",
        "&",
        "?",
        "%3D",
        "@",
        "://",
        ":",
        "4111111111111111",
        "4111 1111",
        "-",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END",
        "Bearer ",
        "DE89370400440532013000",
        "DE89 3704 ",
        "536-22-8726",
        "[Filtered]",
        "é",
        "\u{1f600}",
        "auth",
        "a",
        "7",
        ";",
        "{",
        "}",
        ",",
        ".",
        "sessionid=",
        "\u{1}",
    ]);
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

fn some_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![some_text().prop_map(Value::String), any::<i64>().prop_map(Value::from), Just(Value::Null)];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let name = prop_oneof![
            some_text(),
            prop::sample::select(vec![
                "values",
                "value",
                "data",
                "request",
                "headers",
                "cookies",
                "query_string",
                "url",
                "env",
                "vars",
                "frames",
                "stacktrace",
                "exception",
                "extra",
                "user",
                "contexts",
                "breadcrumbs",
                "message",
                "_meta",
                "",
                "rem",
                "Cookie",
                "REMOTE_ADDR",
            ])
            .prop_map(str::to_owned)
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn some_event() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(vec![
        "extra",
        "exception",
        "request",
        "user",
        "contexts",
        "message",
        "breadcrumbs",
        "threads",
        "_meta",
        "sdk",
        "x",
    ]);
    prop::collection::vec((field, some_value()), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

proptest! {
    #[test]
    fn any_event_stays_json_and_is_scrubbed_once(event in some_event(), scrub_ip: bool) {
        let rules = Rules::new(&Options { scrub_ip, ..Options::default() });
        let body = event.to_string();
        let once = scrub_event(body.as_bytes(), &rules);
        let value: Value = serde_json::from_slice(&once).expect("json");
        prop_assert_eq!(value.as_object().map(|o| o.len() >= event.as_object().unwrap().len()), Some(true));
        match &once {
            Cow::Borrowed(same) => prop_assert_eq!(*same, body.as_bytes()),
            Cow::Owned(new) => {
                prop_assert!(new.windows(FILTERED.len()).any(|w| w == FILTERED.as_bytes()) || body.len() != new.len());
                prop_assert!(value.get("_meta").is_some());
            }
        }
        let twice = scrub_event(&once, &rules);
        prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in some_text(), at in 0_usize..400) {
        let rules = Rules::default();
        scrub_event(&bytes, &rules);
        let body = json!({"extra": {"a": text, "token": [text]}, "request": {"cookies": text, "query_string": text, "headers": [[text, text]]}}).to_string();
        scrub_event(&body.as_bytes()[..at.min(body.len())], &rules);
        let mut broken = body.into_bytes();
        let place = at % broken.len();
        broken[place] = bytes.first().copied().unwrap_or(b'"');
        scrub_event(&broken, &rules);
    }
}
