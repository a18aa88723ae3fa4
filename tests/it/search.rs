//! The search language over HTTP: traces and logs, completion, facets, and errors that point at the word.

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, send_event, send_span, to_envelope};

fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() - 30.0
}

fn send_logs(server: &Trapline) {
    let log = |number: u64| {
        let (level, logger) =
            [("info", "shop.cart"), ("warn", "shop.pay"), ("error", "django.request")][number as usize % 3];
        let tenant = ["acme", "b & c"][number as usize % 2];
        json!({
            "timestamp": now_s() + number as f64 / 1000.0, "trace_id": id(7), "level": level,
            "body": format!("Order {number} of {}", ["Zoë", "Ada"][number as usize % 2]),
            "attributes": {
                "service.name": { "value": "shop", "type": "string" },
                "logger.name": { "value": logger, "type": "string" },
                "tenant": { "value": tenant, "type": "string" },
                "cents": { "value": number * 100, "type": "integer" },
            },
        })
    };
    let logs: Vec<Value> = (0..12).map(log).collect();
    let container = json!({ "version": 2, "items": logs }).to_string();
    to_envelope(server, envelope(&[("log", &container)])).send().expect(200);
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn count(server: &Trapline, list: &str, search: &str) -> usize {
    let view = server.get_json(&format!("/api/ui/{list}?kind=all&query={}", encoded(search)));
    view[list].as_array().unwrap_or_else(|| panic!("{search}: {view}")).len()
}

#[test]
fn logs_are_found_by_everything_the_language_knows() {
    let server = Trapline::start();
    send_logs(&server);
    for (search, expected) in [
        ("", 12),
        ("zoë order", 6),
        ("\"order zoë\"", 0),
        ("level:>=warn", 8),
        ("level:error OR tenant:acme", 8),
        ("!level:info !level:warn", 4),
        ("tenant:\"b & c\"", 6),
        ("cents:>=1000", 2),
        ("cents:[100, 200]", 2),
        ("tenant:a*", 6),
        ("has:tenant timestamp:-1h", 12),
        ("timestamp:+1h", 0),
        (format!("!has:nothing trace:{}", id(7)).as_str(), 12),
        ("message:endsWith(ADA)", 6),
        ("NOT (zoë OR level:warn)", 4),
        ("service.name:shop", 12),
    ] {
        assert_eq!(count(&server, "logs", search), expected, "{search}");
    }
    let volume = server.get_json(&format!("/api/ui/logs/volume?query={}", encoded("tenant:acme level:error")));
    let total: u64 = volume["levels"][0]["counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((volume["levels"][0]["level"].as_str(), total), (Some("error"), 2));
    assert_eq!(volume["searched_to_ms"], Value::Null);

    let facets = server.get_json(&format!("/api/ui/logs/facets?query={}", encoded("zoë")));
    assert_eq!(facets["of"], 6);
    let of = |key: &str| facets["facets"].as_array().unwrap().iter().find(|facet| facet["key"] == key).cloned();
    let levels = of("level").unwrap();
    assert_eq!(levels["values"].as_array().unwrap().len(), 3, "{facets}");
    assert_eq!(of("tenant").unwrap()["values"], json!([{ "value": "acme", "insert": "acme", "count": 6 }]));
    // What a record says of its service is counted once.
    assert_eq!(of("service.name").unwrap()["values"], json!([{ "value": "shop", "insert": "shop", "count": 6 }]));
}

#[test]
fn traces_are_found_by_what_one_span_meets() {
    let server = Trapline::start();
    send_span(&server, 1, "/pay/");
    send_span(&server, 2, "/cart/");
    let all = count(&server, "traces", "");
    assert_eq!(all, 2);
    for (search, expected) in [
        ("pay", 1),
        ("PAY OR cart", 2),
        ("!pay", 1),
        ("span.duration:>1000h", 0),
        ("span.duration:<1000h", 2),
        ("span.name:*pay*", 1),
        ("!span.name:*pay* !span.name:*cart*", 0),
        ("has:span.op OR !has:span.op", 2),
        ("trace:nothing*", 0),
    ] {
        let search = if search == "trace:nothing*" { "trace:ffff*" } else { search };
        assert_eq!(count(&server, "traces", search), expected, "{search}");
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    let server = Trapline::start();
    for (path, search, from, to, help) in [
        ("logs", "é level:loud", 8, 12, "one of"),
        ("logs/volume", "(a", 0, 1, "write )"),
        ("logs/facets", "has:", 0, 4, "has:user.email"),
        ("traces", "a is:unresolved", 2, 4, "search there"),
    ] {
        let answer = server.get(&format!("/api/ui/{path}?query={}", encoded(search)));
        assert_eq!(answer.status, 400, "{search}");
        let error = answer.json();
        assert_eq!(error["at"], json!({ "from": from, "to": to }), "{search}: {error}");
        assert!(error["detail"].as_str().unwrap().contains(help), "{error}");
    }
    assert_eq!(server.get("/api/ui/logs?range=soon").json()["at"], Value::Null);
    assert_eq!(server.get("/api/ui/search/complete?dataset=nothing").status, 400);
    assert_eq!(server.get("/api/ui/search/complete?at=x").status, 400);
}

#[test]
fn what_is_typed_is_completed_with_what_came_in() {
    let server = Trapline::start();
    send_logs(&server);
    send_span(&server, 1, "/pay/");
    send_event(&server, 1, "VoucherError");
    let complete = |dataset: &str, query: &str, at: usize| {
        server.get_json(&format!("/api/ui/search/complete?dataset={dataset}&query={}&at={at}", encoded(query)))
    };
    let item = |view: &Value, label: &str| {
        view["items"].as_array().unwrap().iter().find(|item| item["label"] == label).cloned().unwrap_or(Value::Null)
    };
    let keys = complete("logs", "zoë ten", 7);
    assert_eq!((&keys["context"], &keys["from"], &keys["to"]), (&json!("key"), &json!(4), &json!(7)));
    assert_eq!(item(&keys, "tenant"), json!({ "insert": "tenant:", "label": "tenant", "note": "", "count": 12 }));
    let values = complete("logs", "tenant:", 7);
    assert_eq!(values["context"], "value");
    assert_eq!(item(&values, "b & c")["insert"], "\"b & c\"");
    assert_eq!(item(&values, "acme")["count"], 6);
    assert_eq!(item(&complete("logs", "level:er", 8), "error")["insert"], "error");
    assert_eq!(item(&complete("logs", "logger:shop", 11), "shop.pay")["count"], 4);
    assert_eq!(item(&complete("logs", "has:ten", 7), "tenant")["insert"], "tenant");
    let names = complete("spans", "span.name:", 10);
    assert!(
        names["items"].as_array().unwrap().iter().any(|item| item["label"].as_str().unwrap().contains("pay")),
        "{names}"
    );
    assert_eq!(item(&complete("issues", "is:unre", 7), "unresolved")["insert"], "unresolved");
    assert_eq!(item(&complete("issues", "error.type:vou", 14), "VoucherError")["count"], 1);
    let mut tagged = event(2, "VoucherError");
    tagged["tags"] = json!({ "tenant": "acme", "level": "5" });
    to_envelope(&server, event_envelope(&tagged)).send().expect(200);
    for dataset in ["issues", "events"] {
        let keys = complete(dataset, "ten", 3);
        assert_eq!(item(&keys, "tenant"), json!({ "insert": "tenant:", "label": "tenant", "note": "", "count": 1 }));
        assert_eq!(item(&keys, "tags[tenant]"), Value::Null);
        assert_eq!(item(&complete(dataset, "has:ten", 7), "tenant")["insert"], "tenant");
        // What the name alone would not mean is offered in full, and so is what somebody began in full.
        assert_eq!(item(&complete(dataset, "lev", 3), "tags[level]")["insert"], "tags[level]:");
        assert_eq!(item(&complete(dataset, "tags[ten", 8), "tags[tenant]")["insert"], "tags[tenant]:");
    }
    assert_eq!(complete("issues", "\"in quotes", 5)["context"], "none");
    let help = server.get_json("/api/ui/search/keys?dataset=spans");
    assert!(help["keys"].as_array().unwrap().iter().any(|key| key["key"] == "span.duration"), "{help}");
}

/// Three issues: an exception, a message, and a crash in a file of the application.
fn send_issues(server: &Trapline) {
    let mut voucher = event(1, "ValueError");
    voucher["exception"]["values"][0]["value"] = json!("Invalid voucher BF26");
    voucher["exception"]["values"][0]["stacktrace"]["frames"][0]["filename"] = json!("shop/pricing.py");
    voucher["transaction"] = json!("/orders/");
    voucher["tags"] = json!({ "my odd tag": "a b:c", "tenant": "acme" });
    let stock = json!({ "event_id": id(2), "platform": "python", "level": "warning", "message": "Stock is low" });
    for sent in [voucher, stock, event(3, "KeyError")] {
        to_envelope(server, event_envelope(&sent)).send().expect(200);
    }
}

#[test]
fn a_message_is_what_an_error_says_and_a_location_its_file() {
    let server = Trapline::start();
    send_issues(&server);
    send_logs(&server);
    send_span(&server, 1, "/pay/");
    for (search, expected) in [
        ("message:voucher", 1),
        ("message:*VOUCHER*", 1),
        ("message:\"invalid voucher\"", 1),
        ("message:\"voucher invalid\"", 0),
        ("message:ValueError", 1),
        ("message:stock", 1),
        ("message:Stock*", 1),
        ("!message:stock", 2),
        ("location:*pricing*", 1),
        ("location:*orders*", 0),
        ("culprit:*orders*", 1),
        ("has:location", 2),
        ("tags[my odd tag]:\"a b:c\"", 1),
        ("\"my odd tag\":*b*", 1),
        ("has:tags[my odd tag]", 1),
    ] {
        assert_eq!(count(&server, "issues", search), expected, "{search}");
    }
    assert_eq!(count(&server, "logs", "message:ORDER"), 12);
    assert_eq!(count(&server, "logs", "message:\"1 of\""), 2);
    assert_eq!((count(&server, "traces", "message:PAY"), count(&server, "traces", "message:cart")), (1, 0));
    let issues = server.get_json("/api/0/projects/main/default/issues/?query=location:*pricing*");
    let issue = &issues[0];
    assert_eq!(issue["metadata"]["filename"], "shop/pricing.py", "{issues}");
    let path = format!("/api/0/organizations/main/issues/{}/events/", issue["id"].as_str().unwrap());
    assert_eq!(server.get_json(&path)[0]["location"], "shop/pricing.py");
    let latest = server.get_json(&format!("{path}latest/"));
    assert_eq!(
        (&latest["location"], &latest["metadata"]["filename"]),
        (&json!("shop/pricing.py"), &json!("shop/pricing.py"))
    );
}

#[test]
fn a_key_that_nothing_has_is_said_where_nothing_is_found() {
    let server = Trapline::start();
    send_issues(&server);
    send_logs(&server);
    send_span(&server, 1, "/pay/");
    for (list, search, notes) in [
        ("issues", "foo:bar", json!(["No event has a key `foo`."])),
        ("issues", "tenat:acme is:unresolved", json!(["No event has a key `tenat`: did you mean `tenant`?"])),
        ("issues", "tenant:nobody", json!([])),
        ("issues", "level:fatal", json!([])),
        ("issues", "!foo:bar", json!([])),
        ("issues", "nothingsuch", json!(["Words are looked for in the first 1 KiB of a message."])),
        ("logs", "censt:5", json!(["No log has a key `censt`: did you mean `cents`?"])),
        ("traces", "spans:>20", json!(["No span has a key `spans`."])),
        ("traces", "http.route:/x/", json!([])),
    ] {
        let view = server.get_json(&format!("/api/ui/{list}?kind=all&query={}", encoded(search)));
        assert_eq!(view["notes"], notes, "{list} {search}: {view}");
    }
}

#[test]
fn spans_and_logs_are_asked_for_their_project_and_the_newest_release() {
    let server = Trapline::start();
    send_logs(&server);
    for release in ["shop@1", "shop@2"] {
        let number = if release == "shop@1" { 1 } else { 2 };
        let mut sent = event(number, "ValueError");
        sent["release"] = json!(release);
        sent["timestamp"] = json!(now_s() + number as f64);
        to_envelope(&server, event_envelope(&sent)).send().expect(200);
        let mut request = crate::payload::otlp_request(&[crate::payload::otlp_span(number, number, "/pay/")]);
        let attributes = &mut request["resourceSpans"][0]["resource"]["attributes"];
        let version = json!({ "key": "service.version", "value": { "stringValue": release } });
        match attributes.as_array_mut() {
            Some(known) => known.push(version),
            None => *attributes = json!([version]),
        }
        server.post("/v1/traces").json(&request).send().expect(200);
    }
    let slug = server.get_json("/api/ui/boot")["projects"][0]["slug"].as_str().unwrap().to_string();
    for (list, all) in [("traces", 2), ("logs", 12)] {
        for (search, expected) in [
            (format!("project:{slug}"), all),
            (format!("!project:{slug}"), 0),
            ("project:nothing".to_string(), 0),
            ("has:project".to_string(), all),
        ] {
            assert_eq!(count(&server, list, &search), expected, "{list} {search}");
        }
    }
    assert_eq!(count(&server, "traces", "release:latest"), 1);
    assert_eq!(count(&server, "traces", "!release:latest"), 1);
    assert_eq!(count(&server, "logs", "release:latest"), 0);
}

#[test]
fn an_empty_search_is_for_all_and_tabs_count_what_they_show() {
    let server = Trapline::start();
    send_issues(&server);
    let list = |query: &str| server.get_json(&format!("/api/ui/issues{query}"))["issues"].as_array().unwrap().len();
    let first = server.get_json("/api/ui/issues")["issues"][0]["id"].clone();
    let body = json!({ "ids": [first], "action": { "kind": "resolve", "in": "now" } });
    server.post("/api/ui/issues/actions").header("x-trapline", "1").json(&body).send().expect(200);
    assert_eq!((list(""), list("?query="), list("?query=is:open"), list("?query=is:resolved")), (2, 3, 2, 1));
    for search in ["", "level:error", "message:stock", "location:*cart*", "!has:location"] {
        let counts = server.get_json(&format!("/api/ui/issues/counts?query={}", encoded(search)));
        let shown = |state: &str| count(&server, "issues", &format!("{state} {search}")) as u64;
        assert_eq!(counts["open"], shown("is:unresolved"), "{search}: {counts}");
        assert_eq!(counts["resolved"], shown("is:resolved"), "{search}: {counts}");
        assert_eq!(counts["new"], shown("is:new"), "{search}: {counts}");
        assert_eq!(counts["all"], count(&server, "issues", search) as u64, "{search}: {counts}");
    }
}
