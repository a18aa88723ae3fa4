//! The newest sentry-sdk outside of requests: what it sends beside errors, and what it keeps back.

use serde_json::{Value, json};

use super::{attribute, log, metrics, nothing_was_refused, only, script, waterfall};
use crate::harness::Trapline;
use crate::sdks::{NEWEST, entry, event, python, trace};

#[test]
fn logs_of_logging_and_of_the_sdk() {
    let server = script("logs", json!({"traces_sample_rate": 1.0}));
    let counted = log(&server, "counted 12 apples");
    assert_eq!((counted["level"].as_str(), counted["logger"].as_str()), (Some("info"), Some("warehouse")));
    assert_eq!(counted["template"], "counted %d apples");
    assert_eq!(attribute(&counted, "sentry.message.parameter.0"), Some(&json!(12)));
    assert_eq!(attribute(&counted, "code.function.name"), Some(&json!("logs")));
    assert_eq!((&counted["environment"], &counted["release"]), (&json!("matrix"), &json!("scripts@1.0")));
    assert_eq!(log(&server, "only 2 pears left")["level"], "warn");
    let broke = log(&server, "shelf oak broke");
    assert_eq!((broke["level"].as_str(), broke["template"].as_str()), (Some("error"), Some("shelf {name} broke")));
    assert_eq!(attribute(&broke, "sentry.message.parameter.name"), Some(&json!("oak")));
    assert_eq!(attribute(&broke, "weight"), Some(&json!(31.5)));
    assert_eq!(attribute(&broke, "repaired"), Some(&json!(false)));
    // Of the trace they were written in, from both ends.
    let trace = trace(&server, "count fruit");
    assert_eq!(trace["log_count"], 3);
    assert_eq!((&counted["trace_id"], &counted["has_spans"]), (&trace["trace_id"], &json!(true)));
    // A log is no issue, however bad it is.
    assert_eq!(server.issues(), Vec::<Value>::new());
}

#[test]
fn metrics_by_name_kind_and_sum() {
    let server = script("metrics", json!({}));
    let row = |name: &str, kind: &str, unit: &str, count, sum| (name.into(), kind.into(), unit.into(), count, sum);
    let expected = [
        row("apples.sold", "counter", "", 3, 6.0),
        row("packing.time", "distribution", "millisecond", 1, 187.5),
        row("queue.depth", "gauge", "", 1, 7.0),
    ];
    assert_eq!(metrics(&server), expected);
    let apples = server.get_json("/api/ui/metrics/apples.sold?split=colour");
    assert_eq!(only(&apples["split"])["value"], "red");
}

#[test]
fn feature_flags_in_the_contexts() {
    let server = script("flags", json!({}));
    let event = event(&server, "with flags");
    let contexts = event["detail"]["contexts"].as_array().unwrap();
    let flags = contexts.iter().find(|context| context["name"] == "flags").unwrap();
    assert_eq!(entry(&flags["entries"], "new-checkout"), Some(&json!(true)));
    assert_eq!(entry(&flags["entries"], "old-checkout"), Some(&json!(false)));
}

#[test]
fn attachments_come_back_byte_for_byte() {
    let server = script("attachments", json!({}));
    let event = event(&server, "with attachments");
    let attachments = event["attachments"].as_array().unwrap();
    let photo: Vec<u8> = (0..=255).cycle().take(256 * 40).collect();
    let sent =
        [("shelves.csv", "text/csv", b"name,left\noak,3\n".to_vec()), ("photo.bin", "application/octet-stream", photo)];
    assert_eq!(attachments.len(), sent.len(), "{attachments:?}");
    for (attachment, (name, content_type, bytes)) in attachments.iter().zip(sent) {
        assert_eq!((&attachment["name"], &attachment["content_type"]), (&json!(name), &json!(content_type)));
        let url = format!("{}?download", attachment["url"].as_str().unwrap());
        let download = server.get(&url).expect(200);
        assert_eq!(download.body, bytes, "{name}");
        assert!(download.header("content-disposition").unwrap().starts_with("attachment;"));
        assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
        assert!(download.header("content-security-policy").unwrap().contains("sandbox"), "{:?}", download.headers);
    }
}

fn profile(server: &Trapline, transaction: &str) -> (Value, Value) {
    let trace = trace(server, transaction);
    let profile = only(&trace["profiles"]).clone();
    let path = format!("/api/0/projects/main/default/profiling/profiles/{}/", profile["profile_id"].as_str().unwrap());
    (profile, server.get_json(&path))
}

#[test]
fn a_profile_of_a_transaction() {
    let server = script("profile", json!({}));
    let (shown, kept) = profile(&server, "profiled");
    assert_eq!((&shown["name"], &shown["is_chunk"]), (&json!("profiled"), &json!(false)));
    assert!(shown["samples"].as_u64().unwrap() > 0, "{shown}");
    assert!(kept.to_string().contains("\"function\":\"work\""), "the work is in its frames");
}

#[test]
fn chunks_of_a_continuous_profile() {
    let server = script("continuous_profile", json!({}));
    let (shown, kept) = profile(&server, "profiled for longer");
    assert_eq!(shown["is_chunk"], true);
    assert!(shown["samples"].as_u64().unwrap() > 0, "{shown}");
    let trace = trace(&server, "profiled for longer");
    let (id, root) = (trace["trace_id"].as_str().unwrap(), trace["spans"]["span_id"][0].as_str().unwrap());
    let span = server.get_json(&format!("/api/ui/traces/{id}/spans/{root}"));
    // What leads from the one to the other.
    assert!(kept["profiler_id"].is_string());
    assert_eq!(span["transaction"]["contexts"]["profile"]["profiler_id"], kept["profiler_id"]);
}

#[test]
fn streamed_spans_are_a_trace_with_the_name_of_its_root() {
    let server = script("stream", json!({}));
    let trace = trace(&server, "pack order");
    assert_eq!(waterfall(&trace), ["0 task: pack order", "1 db: SELECT shelf"]);
    let (id, root) = (trace["trace_id"].as_str().unwrap(), trace["spans"]["span_id"][0].as_str().unwrap());
    let span = server.get_json(&format!("/api/ui/traces/{id}/spans/{root}"));
    assert_eq!(entry(&span["attributes"], "order.id"), Some(&json!(41)));
    assert_eq!((&span["release"], &span["environment"]), (&json!("scripts@1.0"), &json!("matrix")));
}

#[test]
fn what_the_sdk_dropped_is_shown_with_its_reasons() {
    let server = script("discarded", json!({}));
    let discards = server.get_json("/api/ui/ingest")["client_discards"].clone();
    let row = |reason: &str, category: &str, quantity: u64| json!({"kind": "discarded", "reason": reason, "category": category, "quantity": quantity});
    for expected in [row("before_send", "error", 3), row("sample_rate", "transaction", 2)] {
        assert!(discards.as_array().unwrap().contains(&expected), "{expected} in {discards}");
    }
    assert_eq!(server.issues().len(), 1);
    assert_eq!(server.traces(), Vec::<Value>::new());
}

#[test]
fn an_exception_group_with_a_cause() {
    let server = script("group", json!({}));
    let event = event(&server, "ExceptionGroup: shelves cannot be packed");
    let exceptions = event["detail"]["exceptions"].as_array().unwrap();
    let shown: Vec<_> = exceptions
        .iter()
        .map(|e| (e["ty"].as_str().unwrap(), e["relation"].as_str(), e["group_depth"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("OSError", Some("group_member"), 1),
        ("TypeError", Some("group_member"), 2),
        ("ValueError", Some("group_member"), 2),
        ("ExceptionGroup", Some("group_member"), 1),
        ("KeyError", Some("cause"), 0),
        ("ExceptionGroup", None, 0),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn nothing_secret_is_kept_when_the_sdk_does_not_scrub() {
    let mut server = script("paying", json!({}));
    let title = "PermissionError: order 41 is not paid: 2 headers, 15";
    let event = event(&server, title);
    let frame = event["detail"]["exceptions"][0]["frames"].as_array().unwrap().last().unwrap();
    let filtered = Some(json!("[Filtered]"));
    assert_eq!(entry(&frame["vars"], "password").cloned(), filtered);
    assert_eq!(entry(&frame["vars"], "api_token").cloned(), filtered);
    let headers = json!({"Authorization": "[Filtered]", "X-Shelf": "'oak'"});
    assert_eq!(entry(&frame["vars"], "headers"), Some(&headers));
    assert_eq!(entry(&frame["vars"], "card"), Some(&json!("'[Filtered]'")));
    let login = json!({"db_password": "[Filtered]", "shelf": "oak"});
    assert_eq!(entry(&event["detail"]["extra"], "login"), Some(&login));
    let crumb = event["detail"]["breadcrumbs"].as_array().unwrap().last().unwrap();
    assert_eq!(crumb["data"], json!({"secret": "[Filtered]", "way": "form"}));
    // It was this server that did it, and it says so.
    let marks = event["detail"]["field_errors"].to_string();
    assert!(marks.contains("vars.password") && !marks.contains("filtered by the SDK"), "{marks}");

    let id = event["event_id"].as_str().unwrap();
    let raw = server.get(&format!("/api/0/projects/main/default/events/{id}/")).expect(200).text();
    let mut files = vec![("the app", event.to_string().into_bytes()), ("the API", raw.into_bytes())];
    // All three files while it runs, then what is left of them.
    for name in ["trapline.db", "trapline.db-wal", "trapline.db-shm"] {
        files.push((name, std::fs::read(server.dir().join("data").join(name)).unwrap()));
    }
    assert!(server.terminate().success());
    files.push(("the database at rest", std::fs::read(server.database()).unwrap()));
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&files.last().unwrap().1, "order 41 is not paid"), "titles are read without decompressing");
    for (name, bytes) in &files {
        for secret in ["hush-hush", "4111-1111"] {
            assert!(!holds(bytes, secret), "{secret} in {name}");
        }
    }
}

#[test]
fn an_sdk_told_to_wait_waits_and_says_so() {
    let server = Trapline::start();
    let mut view = server.get_json("/api/ui/projects/1/settings");
    let rule = json!({"key": null, "group": "error", "max": 2, "per": "seconds", "seconds": 86_400});
    view["settings"]["limits"]["rules"] = json!([rule]);
    let body = json!({"version": view["version"], "settings": view["settings"]});
    server.request("PUT", "/api/ui/projects/1/settings").header("x-trapline", "1").json(&body).send().expect(200);
    python(&server, NEWEST, &["script", "limited"]).done();
    // One of the twenty had to be refused for the SDK to know.
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "rate_limited")), (2, 1));
    let discards = server.get_json("/api/ui/ingest")["client_discards"].clone();
    assert_eq!(
        *only(&discards),
        json!({"kind": "discarded", "reason": "ratelimit_backoff", "category": "error", "quantity": 17})
    );
}

#[test]
fn environments_are_kept_apart() {
    let server = Trapline::start();
    for environment in ["staging", "production"] {
        for name in ["logs", "flags"] {
            python(&server, NEWEST, &["script", name]).options(json!({"environment": environment})).done();
        }
    }
    let list = |path: &str, member: &str| server.get_json(path)[member].as_array().unwrap().clone();
    for environment in ["staging", "production"] {
        assert_eq!(list(&format!("/api/ui/logs?environment={environment}"), "logs").len(), 3);
        let releases = list(&format!("/api/ui/releases?environment={environment}"), "releases");
        assert_eq!((releases.len(), &releases[0]["event_count"]), (1, &json!(1)));
    }
    assert_eq!(server.issues().len(), 1);
    nothing_was_refused(&server);
}
