//! @sentry/node in a program, @sentry/browser in a page in Chromium.

use serde_json::{Value, json};

use super::{attribute, log, metrics, nothing_was_refused, only, release, waterfall};
use crate::harness::{Trapline, wait_for};
use crate::sdks::{browser, entry, event, issue, node, tag, trace};

fn types(event: &Value) -> Vec<&str> {
    event["detail"]["exceptions"].as_array().unwrap().iter().filter_map(|exception| exception["ty"].as_str()).collect()
}

#[test]
fn sentry_for_node() {
    let server = Trapline::start();
    let printed = node(&server).done();
    nothing_was_refused(&server);

    let error = event(&server, "RangeError: order cannot be packed by node");
    assert_eq!(types(&error), ["TypeError", "RangeError"]);
    assert_eq!(error["trace"]["trace_id"], printed.trim());
    let packed = trace(&server, "pack order");
    assert_eq!(packed["trace_id"], printed.trim());
    assert_eq!(waterfall(&packed), ["0 task: pack order", "1 db: SELECT shelf"]);
    let errors = packed["errors"].as_array().unwrap();
    let linked = errors.iter().find(|linked| linked["event_id"] == error["event_id"]).unwrap();
    assert_eq!(linked["span"], 0);

    let said = event(&server, "said by node");
    assert_eq!((tag(&said, "shelf"), said["level"].as_str()), (Some("oak"), Some("warning")));
    assert_eq!(entry(&said["detail"]["user"], "id"), Some(&json!("17")));
    let file = only(&said["attachments"]);
    assert_eq!((&file["name"], &file["content_type"]), (&json!("shelves.csv"), &json!("text/csv")));
    let url = format!("{}?download", file["url"].as_str().unwrap());
    assert_eq!(server.get(&url).expect(200).body, b"oak,3\n");

    let pears = log(&server, "only 2 pears left in oak");
    assert_eq!((pears["level"].as_str(), pears["template"].as_str()), (Some("warn"), Some("only %s pears left in %s")));
    assert_eq!(attribute(&pears, "weight"), Some(&json!(31.5)));
    assert_eq!(pears["trace_id"], printed.trim());
    assert_eq!(metrics(&server), [("apples.sold".into(), "counter".into(), String::new(), 1, 2.0)]);

    let job = server.get_json("/api/ui/monitors/node-job");
    assert_eq!((&job["schedule_type"], &job["schedule"]), (&json!("interval"), &json!("2 hours")));
    assert_eq!(only(&job["environments"])["state"], "ok");
    assert_eq!(only(&server.get_json("/api/ui/monitors/node-job/checkins")["check_ins"])["status"], "ok");

    // That of the process, and that of the request; both saw an error.
    let release = release(&server);
    assert_eq!((&release["version"], &release["session_count"]), (&json!("desk-node@1.0"), &json!(2)));
    assert_eq!((&release["errored_count"], &release["crashed_count"]), (&json!(2), &json!(0)));
}

#[test]
fn a_request_between_two_sides_of_node_is_one_trace() {
    let server = Trapline::start();
    node(&server).done();
    let visit = trace(&server, "visit");
    let drawn = waterfall(&visit);
    // No framework names the route, so the address does, without the shelf's number.
    assert_eq!(drawn, ["0 task: visit", "1 http.client: GET 127.0.0.1", "2 http.server: GET /shelves/*"]);
    let error = event(&server, "URIError: no such shelf");
    assert_eq!(only(&visit["errors"])["span"], 2);
    let request = &error["detail"]["request"];
    assert_eq!(request["method"], "GET");
    assert!(request["url"].as_str().unwrap().contains("/shelves/7"), "{request}");
    assert!(request["query"].as_array().unwrap().contains(&json!({"key": "order", "value": "41"})), "{request}");
}

#[test]
fn sentry_for_browsers() {
    let server = Trapline::start();
    browser(&server).env("COMMENT", "It fell on my foot.").done();
    nothing_was_refused(&server);

    let title = "TypeError: order cannot be packed by a browser";
    assert_eq!(issue(&server, title)["is_unhandled"], true);
    let error = event(&server, title);
    assert_eq!(error["culprit"], "/shop/");
    let contexts = error["detail"]["contexts"].as_array().unwrap();
    let summary = |name: &str| contexts.iter().find(|context| context["name"] == name)?["summary"].as_str();
    assert!(summary("browser").is_some_and(|browser| browser.contains("Chrome ")), "{contexts:?}");
    assert_eq!(summary("os"), Some("Linux"));

    // Named after its address, as there is no router.
    let page = trace(&server, "/shop/");
    assert_eq!(page["trace_id"], error["trace"]["trace_id"]);
    let drawn = waterfall(&page);
    assert_eq!(drawn[0], "0 pageload: /shop/");
    assert!(drawn.iter().any(|line| line.starts_with("1 ui.webvital.lcp:")), "{drawn:#?}");
    assert!(drawn.iter().any(|line| line.starts_with("1 browser.paint: first-contentful-paint")), "{drawn:#?}");
    let (id, root) = (page["trace_id"].as_str().unwrap(), page["spans"]["span_id"][0].as_str().unwrap());
    let span = server.get_json(&format!("/api/ui/traces/{id}/spans/{root}"));
    let fcp = entry(&span["attributes"], "browser.web_vital.fcp.value").and_then(Value::as_f64);
    assert!(fcp.is_some_and(|ms| ms > 0.0), "{span}");

    assert_eq!(log(&server, "the page is open")["trace_id"], page["trace_id"]);
    let release = release(&server);
    assert_eq!((&release["version"], &release["session_count"]), (&json!("desk-browser@1.0"), &json!(1)));
    assert_eq!(release["errored_count"], 1);

    // What was written into the dialog stands beside the event.
    let feedback = only(&error["feedback"]);
    assert_eq!((&feedback["message"], &feedback["name"]), (&json!("It fell on my foot."), &json!("Ada")));
    assert_eq!(feedback["email"], "ada@example.com");
}

#[test]
fn a_page_behind_a_tunnel() {
    let server = Trapline::start();
    // An address of their own choice, and nothing but the envelope to say for whom.
    let tunnel = format!("http://{}/shop/parcels/api/1/envelope/", server.address());
    browser(&server).env("TUNNEL", tunnel).done();
    nothing_was_refused(&server);
    issue(&server, "TypeError: order cannot be packed by a browser");
    wait_for("the page load", || server.traces().into_iter().find(|row| row["name"] == "/shop/"));
    let rows = server.get_json("/api/ui/ingest")["rows"].clone();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["path"], "/shop/parcels/api/1/envelope/");
    }
}
