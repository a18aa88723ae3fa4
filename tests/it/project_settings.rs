//! Projects, keys and settings: made, changed and put to work without a restart.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::Trapline;
use crate::payload::{auth, event, event_envelope, id, send_event, to_envelope};

const SETTINGS: &str = "/api/ui/projects/1/settings";
const SENTRY: &str = "/api/0/projects/main/default/";

fn change(server: &Trapline, method: &str, path: &str, body: &Value) -> Answer {
    server.request(method, path).header("x-trapline", "1").json(body).send()
}

/// Changes the settings of the first project and expects that to work.
fn edit(server: &Trapline, edit: impl FnOnce(&mut Value)) -> Value {
    let mut view = server.get_json(SETTINGS);
    edit(&mut view["settings"]);
    let body = json!({ "version": view["version"], "settings": view["settings"] });
    change(server, "PUT", SETTINGS, &body).expect(200).json()
}

fn body_of(server: &Trapline, number: u64) -> String {
    server.get(&format!("/api/ui/events/{}", id(number))).expect(200).text()
}

fn with_extra(number: u64, ty: &str) -> Value {
    let mut event = event(number, ty);
    event["extra"] = json!({ "password": "hunter2", "passport_no": "X-778", "author": "Ada" });
    event["user"] = json!({ "id": "7", "ip_address": "203.0.113.9" });
    event
}

#[test]
fn scrubbing_follows_the_settings_from_the_moment_they_are_saved() {
    let server = Trapline::start();
    let send = |number| to_envelope(&server, event_envelope(&with_extra(number, "E"))).send().expect(200);
    send(1);
    let before = body_of(&server, 1);
    assert!(!before.contains("hunter2") && before.contains("X-778") && before.contains("203.0.113.9"), "{before}");
    edit(&server, |settings| {
        settings["scrub"]["sensitive_keys"] = json!(["passport"]);
        settings["scrub"]["safe_keys"] = json!(["password"]);
        settings["scrub"]["scrub_ip"] = json!(true);
    });
    send(2);
    let after = body_of(&server, 2);
    assert!(after.contains("hunter2") && !after.contains("X-778") && !after.contains("203.0.113.9"), "{after}");
    edit(&server, |settings| settings["scrub"]["enabled"] = json!(false));
    send(3);
    let off = body_of(&server, 3);
    assert!(off.contains("hunter2") && off.contains("X-778"), "{off}");
}

#[test]
fn whatever_is_scrubbed_is_shown_as_filtered() {
    let server = Trapline::start();
    edit(&server, |settings| settings["scrub"]["sensitive_keys"] = json!(["voucher"]));
    let mut event = event(1, "E");
    event["exception"] = json!({ "values": [{ "type": "E", "value": "v", "stacktrace": { "frames": [{
        "filename": "a.py", "function": "f", "lineno": 1, "vars": { "voucher": { "code": "X1" }, "n": 1 },
    }] } }] });
    event["extra"] = json!({ "vouchers": ["X2"], "voucher_no": 77 });
    event["contexts"] = json!({ "voucher": { "code": "X3" }, "cart": { "auth": { "a": 1 } } });
    event["request"] = json!({ "url": "http://a/", "method": "POST", "data": { "credentials": [1, 2] } });
    to_envelope(&server, event_envelope(&event)).send().expect(200);
    let ours = server.get_json(&format!("/api/ui/events/{}", id(1)));
    let sentrys = server.get_json("/api/0/issues/DEFAULT-1/events/latest/");
    for (told, contexts, extra) in [(&ours, "/detail/contexts", "/detail/extra"), (&sentrys, "/contexts", "/context")] {
        let text = told.to_string();
        for gone in ["X1", "X2", "X3", "77"] {
            assert!(!text.contains(&format!("\"{gone}\"")), "{gone}: {text}");
        }
        for place in [contexts, extra] {
            let shown = told.pointer(place).unwrap_or_else(|| panic!("{place}: {told}")).to_string();
            assert!(shown.matches("[Filtered]").count() >= 2 && !shown.contains("\"value\":null"), "{shown}");
        }
        assert!(text.matches("[Filtered]").count() >= 6, "{text}");
    }
    let frame = |told: &Value| told.to_string().contains("\"voucher\":\"[Filtered]\"");
    assert!(frame(&sentrys), "{sentrys}");
}

#[test]
fn settings_outlive_a_restart_and_two_tabs_do_not_overwrite_each_other() {
    let mut server = Trapline::start();
    let first = server.get_json(SETTINGS);
    assert_eq!(first["version"], 0);
    let saved = edit(&server, |settings| settings["filters"]["crawlers"] = json!(true));
    assert_eq!(saved["version"], 1);
    let body = json!({ "version": first["version"], "settings": first["settings"] });
    let conflict = change(&server, "PUT", SETTINGS, &body).expect(409).json();
    assert!(conflict["detail"].as_str().unwrap().contains("version 1"), "{conflict}");
    server.restart();
    let after = server.get_json(SETTINGS);
    assert_eq!((&after["version"], &after["settings"]), (&saved["version"], &saved["settings"]));
    assert_eq!(after["settings"]["filters"]["crawlers"], true);
}

#[test]
fn what_cannot_be_used_is_named_by_field_and_line() {
    let server = Trapline::start();
    let mut settings = server.get_json(SETTINGS)["settings"].clone();
    settings["limits"]["rules"] = json!([{ "key": null, "group": "error", "max": 1, "per": "seconds", "seconds": 0 }]);
    settings["grouping"]["fingerprint_rules"] = json!("# fine\nnonsense");
    settings["filters"]["crawlers_too"] = json!(true);
    let answer = change(&server, "PUT", SETTINGS, &json!({ "version": 0, "settings": settings })).expect(400).json();
    let problems = answer["problems"].as_array().unwrap();
    let place = |problem: &Value| format!("{}:{}", problem["field"].as_str().unwrap(), problem["line"]);
    let places: Vec<String> = problems.iter().map(place).collect();
    let expected = ["filters.crawlers_too:null", "limits.rules.0.seconds:null", "grouping.fingerprint_rules:2"];
    assert_eq!(places, expected);
    let wrong_type = json!({ "version": 0, "settings": { "scrub": { "enabled": "yes" } } });
    let answer = change(&server, "PUT", SETTINGS, &wrong_type).expect(400).json();
    assert_eq!(answer["problems"][0]["field"], "scrub");
    change(&server, "PUT", SETTINGS, &json!([1])).expect(400);
    server.request("PUT", SETTINGS).header("x-trapline", "1").body("{").send().expect(400);
    server.request("PUT", SETTINGS).header("x-trapline", "1").body(vec![b' '; 600 << 10]).send().expect(413);
    assert_eq!(server.get_json(SETTINGS)["version"], 0);
}

#[test]
fn nothing_is_changed_without_our_own_header_or_by_a_foreign_page() {
    let server = Trapline::start();
    let key = server.key().to_string();
    let changes = [
        ("PUT", SETTINGS.to_string()),
        ("POST", "/api/ui/projects".to_string()),
        ("PUT", "/api/ui/projects/1".to_string()),
        ("POST", "/api/ui/projects/1/keys".to_string()),
        ("PUT", format!("/api/ui/projects/1/keys/{key}")),
        ("DELETE", format!("/api/ui/projects/1/keys/{key}")),
        ("POST", "/api/ui/projects/1/scrub-preview".to_string()),
        ("PUT", SENTRY.to_string()),
        ("POST", format!("{SENTRY}keys/")),
        ("PUT", format!("{SENTRY}keys/{key}/")),
        ("DELETE", format!("{SENTRY}keys/{key}/")),
    ];
    for (method, path) in &changes {
        assert_eq!(server.request(method, path).json(&json!({})).send().status, 403, "{method} {path}");
        let foreign = server.request(method, path).header("x-trapline", "1").header("origin", "http://evil.test");
        assert_eq!(foreign.json(&json!({})).send().status, 403, "{method} {path}");
        let proxied = server.request(method, path).header("x-trapline", "1").header("x-forwarded-for", "10.0.0.1");
        assert_eq!(proxied.json(&json!({})).send().status, 403, "{method} {path}");
    }
    let foreign = server.request("GET", SETTINGS).header("origin", "http://evil.test").send();
    assert_eq!(foreign.status, 403);
    let answer = server.request("DELETE", SETTINGS).header("x-trapline", "1").send().expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT"));
}

#[test]
fn a_second_project_has_keys_issues_and_settings_of_its_own() {
    let mut server = Trapline::start();
    let made = change(&server, "POST", "/api/ui/projects", &json!({ "name": "My Shop" })).expect(201).json();
    assert_eq!((&made["slug"], &made["id"]), (&json!("my-shop"), &json!("2")));
    change(&server, "POST", "/api/ui/projects", &json!({ "name": "x", "slug": "my-shop" })).expect(409);
    let bad = change(&server, "POST", "/api/ui/projects", &json!({ "name": "x", "slug": "My Shop" })).expect(400);
    assert!(bad.json()["detail"].as_str().unwrap().starts_with("slug:"));
    let key = made["keys"][0]["public_key"].as_str().unwrap().to_string();
    send_event(&server, 1, "KeyError");
    let to_shop = |number: u64| {
        let request = server.post("/api/2/envelope/").header("x-sentry-auth", &auth(&key));
        request.body(event_envelope(&event(number, "KeyError"))).send()
    };
    to_shop(2).expect(200);
    // The same error in two projects is two issues, and a key opens one project only.
    let names: Vec<String> =
        server.issues().iter().map(|issue| issue["short_id"].as_str().unwrap().to_string()).collect();
    assert!(names.contains(&"MY-SHOP-1".to_string()) && names.contains(&"DEFAULT-1".to_string()), "{names:?}");
    let one = server.get_json("/api/ui/issues?status=all&project=my-shop");
    assert_eq!(one["issues"].as_array().unwrap().len(), 1);
    let wrong = to_envelope(&server, event_envelope(&event(3, "E")));
    assert_eq!(wrong.clone().send().status, 200);
    let crossed = server.post("/api/2/envelope/").header("x-sentry-auth", &auth(server.key()));
    crossed.body(event_envelope(&event(4, "E"))).send().expect(403);

    change(&server, "PUT", "/api/ui/projects/2", &json!({ "name": "Shop" })).expect(200);
    server.restart();
    let boot = server.get_json("/api/ui/boot");
    let names: Vec<&str> = boot["projects"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Default", "Shop"]);
    assert_eq!(server.get_json("/api/ui/projects/my-shop/settings")["name"], "Shop");
    server.get("/api/ui/projects/9/settings").expect(404);
}

#[test]
fn a_key_is_rotated_without_losing_an_event() {
    let server = Trapline::start();
    let old = server.key().to_string();
    let disable = json!({ "is_active": false });
    let old_path = format!("/api/ui/projects/1/keys/{old}");
    // A project cannot be left without a key that works.
    change(&server, "PUT", &old_path, &disable).expect(409);
    change(&server, "DELETE", &old_path, &json!({})).expect(409);
    let view = change(&server, "POST", "/api/ui/projects/1/keys", &json!({ "label": "New" })).expect(201).json();
    let keys = view["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let new = keys[1]["public_key"].as_str().unwrap().to_string();
    assert_eq!((keys[1]["label"].as_str(), new.len()), (Some("New"), 32));
    let send = |key: &str, number| {
        let request = server.post("/api/1/envelope/").header("x-sentry-auth", &auth(key));
        request.body(event_envelope(&event(number, "E"))).send()
    };
    send(&old, 1).expect(200);
    send(&new, 2).expect(200);
    change(&server, "PUT", &old_path, &disable).expect(200);
    let refused = send(&old, 3).expect(403).json();
    assert!(refused["causes"][0].as_str().unwrap().contains("disabled"), "{refused}");
    send(&new, 4).expect(200);
    // What shows a DSN shows one that works.
    assert_eq!(server.get_json("/api/ui/boot")["projects"][0]["public_key"], new.as_str());
    change(&server, "PUT", &old_path, &json!({ "is_active": true, "label": "Old" })).expect(200);
    send(&old, 5).expect(200);
    change(&server, "DELETE", &old_path, &json!({})).expect(200);
    send(&old, 6).expect(403);
    let used = server.get_json(SETTINGS)["keys"][0]["used"].clone();
    assert_eq!(used, json!([{ "group": "error", "quantity": 2 }]));
}

#[test]
fn sentry_s_own_api_reads_and_writes_the_same_options() {
    let server = Trapline::start();
    let before = server.get_json(SENTRY);
    assert_eq!((&before["slug"], &before["dataScrubber"]), (&json!("default"), &json!(true)));
    assert_eq!(before["options"]["filters:web-crawlers"], false);
    let options = json!({
        "sensitiveFields": ["passport"], "safeFields": ["author"], "scrubIPAddresses": true, "name": "Shop",
        "fingerprintingRules": "error.type:KeyError -> keys", "isBookmarked": true,
        "options": { "filters:releases": "shop@1.*\n\n*-dev", "filters:localhost": true, "sentry:token": "x" },
    });
    let after = change(&server, "PUT", SENTRY, &options).expect(200).json();
    assert_eq!(after, server.get_json(SENTRY));
    assert_eq!((&after["name"], &after["scrubIPAddresses"]), (&json!("Shop"), &json!(true)));
    let settings = server.get_json(SETTINGS)["settings"].clone();
    assert_eq!(settings["scrub"]["sensitive_keys"], json!(["passport"]));
    assert_eq!(settings["filters"]["releases"], json!({ "enabled": true, "patterns": ["shop@1.*", "*-dev"] }));
    assert_eq!(settings["grouping"]["fingerprint_rules"], "error.type:KeyError -> keys");
    for (body, field) in [
        (json!({ "dataScrubber": "yes" }), "dataScrubber"),
        (json!({ "sensitiveFields": [1] }), "sensitiveFields"),
        (json!({ "options": { "filters:localhost": "1" } }), "filters:localhost"),
        (json!({ "fingerprintingRules": "nonsense" }), "grouping.fingerprint_rules, line 1"),
        (json!({ "name": "" }), "name"),
    ] {
        let answer = change(&server, "PUT", SENTRY, &body).expect(400).json();
        assert!(answer["detail"].as_str().unwrap().starts_with(field), "{answer}");
    }
    server.get("/api/0/projects/main/nothing/").expect(404);
    server.get("/api/0/projects/other/default/").expect(404);

    let key = change(&server, "POST", &format!("{SENTRY}keys/"), &json!({ "name": "CI" })).expect(201).json();
    let path = format!("{SENTRY}keys/{}/", key["id"].as_str().unwrap());
    assert!(key["dsn"]["public"].as_str().unwrap().ends_with("/1"));
    let off = change(&server, "PUT", &path, &json!({ "isActive": false })).expect(200).json();
    assert_eq!((&off["isActive"], &off["name"]), (&json!(false), &json!("CI")));
    assert_eq!(server.get_json(&format!("{SENTRY}keys/")).as_array().unwrap().len(), 2);
    assert_eq!(server.get_json(&path)["isActive"], false);
    let limited =
        change(&server, "PUT", &path, &json!({ "rateLimit": { "count": 5, "window": 60 } })).expect(200).json();
    assert_eq!(limited["rateLimit"], json!({ "count": 5, "window": 60 }));
    assert_eq!(server.get_json(SETTINGS)["limit_states"][0]["max"], 5);
    let wrong = change(&server, "PUT", &path, &json!({ "rateLimit": { "count": 5 } })).expect(400).json();
    assert!(wrong["detail"].as_str().unwrap().starts_with("rateLimit.window"), "{wrong}");
    let lifted = change(&server, "PUT", &path, &json!({ "rateLimit": null })).expect(200).json();
    assert_eq!(lifted["rateLimit"], Value::Null);
    server.request("DELETE", &path).header("x-trapline", "1").send().expect(204);
    server.get(&path).expect(404);
}

#[test]
fn a_payload_is_tried_before_the_settings_are_saved() {
    let server = Trapline::start();
    let path = "/api/ui/projects/1/scrub-preview";
    let scrub =
        json!({ "enabled": true, "defaults": false, "sensitive_keys": ["iban"], "safe_keys": [], "scrub_ip": false });
    let text = r#"{"extra":{"iban_no":"x1","password":"x2"}}"#;
    let answer = change(&server, "POST", path, &json!({ "scrub": scrub, "text": text })).expect(200).json();
    let kept = answer["text"].as_str().unwrap();
    assert!(!kept.contains("x1") && kept.contains("x2"), "{kept}");
    let answer = change(&server, "POST", path, &json!({ "scrub": scrub, "text": "{" })).expect(400).json();
    assert_eq!(answer["detail"], "this is not JSON");
    change(&server, "POST", path, &json!({ "scrub": scrub, "text": "[".repeat(100_000) })).expect(400);
}

#[test]
fn the_settings_file_may_switch_scrubbing_off_for_all() {
    let server = Trapline::start_with(&["--scrub", "false"]);
    to_envelope(&server, event_envelope(&with_extra(1, "E"))).send().expect(200);
    assert!(body_of(&server, 1).contains("hunter2"));
    assert_eq!(server.get_json(SETTINGS)["is_scrub_off"], true);
}
