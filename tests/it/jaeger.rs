//! Jaeger's query API as Grafana asks it: requests in the shapes of its Jaeger data source, old (through Grafana's data
//! proxy) and new (from its backend), against what Sentry and OpenTelemetry sent.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::fixture::send;
use crate::harness::{Trapline, wait_for};
use crate::payload::{id, otlp_request};

/// Start of the made-up traces, in microseconds.
const START_US: u64 = 1_799_999_000_000_000;
/// All of them, as Grafana says it.
const RANGE: &str = "start=1799998000000000&end=1800000000000000";

/// What Grafana's backend sends along, since its data source asks from there.
fn from_backend(server: &Trapline, path: &str) -> Request {
    server
        .request("GET", path)
        .header("user-agent", "Grafana/12.3.0")
        .header("accept-encoding", "gzip")
        .header("x-datasource-uid", "cf1jaeger")
}

/// What comes out of Grafana's data proxy, which older versions ask through.
fn from_proxy(server: &Trapline, path: &str) -> Request {
    server
        .request("GET", path)
        .header("user-agent", "Grafana/10.4.1")
        .header("accept", "application/json, text/plain, */*")
        .header("accept-encoding", "gzip, deflate, br")
        .header("sec-fetch-dest", "empty")
        .header("sec-fetch-mode", "cors")
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", "127.0.0.1, 127.0.0.1")
        .header("x-grafana-org-id", "1")
        .header("x-grafana-referer", "http://localhost:3000/explore")
}

fn ask(server: &Trapline, path: &str) -> Value {
    envelope(from_backend(server, path).send().expect(200))
}

/// The answer, in the envelope that clients decode into fixed types.
#[track_caller]
fn envelope(answer: Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = answer.json();
    for number in ["total", "limit", "offset"] {
        assert!(answer[number].is_u64(), "{answer}");
    }
    assert!(answer["errors"].is_null() || answer["errors"][0]["msg"].is_string(), "{answer}");
    for error in answer["errors"].as_array().into_iter().flatten() {
        assert!(error["code"].is_u64(), "{answer}");
    }
    answer
}

fn found(server: &Trapline, query: &str) -> Vec<String> {
    let answer = ask(server, &format!("/api/traces?{query}"));
    assert_eq!(answer["errors"], Value::Null, "{query}");
    let traces = answer["data"].as_array().unwrap();
    traces.iter().map(|trace| trace["traceID"].as_str().unwrap().to_string()).collect()
}

/// Trace `n` begins `n` seconds after the others: a request to the shop, which asks billing, which asks its database.
fn send_shop(server: &Trapline, n: u64, fails: bool) {
    let time = |us: u64| ((START_US + n * 1_000_000 + us) * 1_000).to_string();
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let span = |span: u64, parent: u64, name: &str, kind: u64, from_us: u64, us: u64| {
        json!({
            "traceId": id(n), "spanId": format!("{span:016x}"),
            "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
            "name": name, "kind": kind, "startTimeUnixNano": time(from_us), "endTimeUnixNano": time(from_us + us),
        })
    };
    let resource = |service: &str, spans: Value| json!({ "resource": { "attributes": [text("service.name", service)] }, "scopeSpans": [{ "spans": spans }] });
    let mut request = span(1, 0, "GET /checkout", 2, 0, n * 10_000);
    request["attributes"] = json!([text("tenant", if n.is_multiple_of(2) { "even" } else { "odd" })]);
    let mut charge = span(2, 1, "POST /charge", 2, 100, 5_000);
    charge["attributes"] = json!([
        { "key": "retries", "value": { "intValue": "3" } }, { "key": "ratio", "value": { "doubleValue": 0.5 } },
        { "key": "is.new", "value": { "boolValue": true } },
    ]);
    if fails {
        charge["status"] = json!({ "code": 2, "message": "card refused" });
        charge["events"] = json!([{
            "name": "exception", "timeUnixNano": time(200), "attributes": [text("exception.type", "CardError")],
        }]);
    }
    let mut query = span(3, 2, "SELECT shop.cards", 3, 300, 2_000);
    query["attributes"] = json!([text("db.system", "postgresql")]);
    let body = json!({ "resourceSpans": [
        resource("shop", json!([request])), resource("billing/eu", json!([charge, query])),
    ] });
    server.post("/v1/traces").json(&body).send().expect(200);
}

fn shop(server: &Trapline) {
    for n in 1..=6 {
        send_shop(server, n, n == 4);
    }
}

fn until_sealed(server: &Trapline) {
    wait_for("everything to be sealed", || {
        let database = rusqlite::Connection::open(server.database()).unwrap();
        let waiting: i64 = database.query_row("SELECT count(*) FROM span_batch", [], |row| row.get(0)).unwrap();
        (waiting == 0).then_some(())
    });
}

fn ids(numbers: &[u64]) -> Vec<String> {
    numbers.iter().copied().map(id).collect()
}

/// The whole list of questions, before and after the spans are packed: both give the same.
fn questions(server: &Trapline) {
    let services = ask(server, "/api/services");
    assert_eq!((&services["data"], &services["total"]), (&json!(["billing/eu", "shop"]), &json!(2)));
    // The old way encodes what the new way leaves.
    for path in ["/api/services/billing%2Feu/operations", "/api/services/billing/eu/operations"] {
        assert_eq!(ask(server, path)["data"], json!(["POST /charge", "SELECT shop.cards"]), "{path}");
    }
    assert_eq!(ask(server, "/api/services/nobody/operations")["data"], json!([]));
    let operations = ask(server, "/api/operations?service=billing%2Feu");
    assert_eq!(operations["data"][1], json!({ "name": "SELECT shop.cards", "spanKind": "client" }));
    let of_kind = ask(server, "/api/operations?service=billing%2Feu&spanKind=server");
    assert_eq!(of_kind["data"], json!([{ "name": "POST /charge", "spanKind": "server" }]));

    // As Grafana writes them: the newest first, one span has it all.
    for (query, expected) in [
        ("service=shop", &[6, 5, 4, 3, 2, 1][..]),
        ("service=shop&limit=2", &[6, 5]),
        ("service=shop&operation=GET%20%2Fcheckout", &[6, 5, 4, 3, 2, 1]),
        ("service=shop&operation=POST%20%2Fcharge", &[]),
        ("service=billing%2Feu&operation=POST%20%2Fcharge&limit=3", &[6, 5, 4]),
        ("service=nobody", &[]),
        ("limit=20&service=shop&tags=%7B%22tenant%22%3A%22odd%22%7D", &[5, 3, 1]),
        ("service=billing%2Feu&tags=%7B%22error%22%3A%22true%22%7D", &[4]),
        ("service=shop&tags=%7B%22error%22%3A%22true%22%7D", &[]),
        ("service=billing%2Feu&tags=%7B%22otel.status_code%22%3A%22ERROR%22%7D", &[4]),
        ("service=billing%2Feu&tags=%7B%22otel.status_description%22%3A%22card%20refused%22%7D", &[4]),
        ("service=billing%2Feu&tags=%7B%22retries%22%3A%223%22%2C%22is.new%22%3A%22true%22%7D&limit=1", &[6]),
        ("service=billing%2Feu&tags=%7B%22retries%22%3A%223%22%2C%22db.system%22%3A%22postgresql%22%7D", &[]),
        ("service=billing%2Feu&tags=%7B%22span.kind%22%3A%22client%22%7D&limit=1", &[6]),
        ("service=shop&tags=%7B%22span.kind%22%3A%22client%22%7D", &[]),
        ("service=shop&tag=tenant%3Aeven&limit=20", &[6, 4, 2]),
        ("service=shop&minDuration=35ms", &[6, 5, 4]),
        ("service=shop&maxDuration=25ms", &[2, 1]),
        ("service=shop&minDuration=20ms&maxDuration=0.04s", &[4, 3, 2]),
        ("service=billing%2Feu&minDuration=35ms", &[]),
    ] {
        assert_eq!(found(server, &format!("{query}&{RANGE}&lookback=custom")), ids(expected), "{query}");
    }
    let narrow = format!("service=shop&start={}&end={}", START_US + 2_000_000, START_US + 3_500_000);
    assert_eq!(found(server, &narrow), ids(&[3, 2]));
    // The last two days, unless it is said: those of the test are of another time.
    assert_eq!(found(server, "service=shop"), ids(&[]));
    let named = format!("traceID={}&traceID={}&traceID={}", id(2), id(99), id(3));
    let named = ask(server, &format!("/api/traces?{named}"));
    assert_eq!((named["data"].as_array().unwrap().len(), &named["errors"][0]["traceID"]), (2, &json!(id(99))));
}

#[test]
fn grafanas_questions_are_answered_alike_before_and_after_spans_are_packed() {
    let server = Trapline::start_with(&["--seal-after-s", "3600"]);
    shop(&server);
    questions(&server);
    let packed = Trapline::start_with(&["--seal-after-s", "0"]);
    shop(&packed);
    until_sealed(&packed);
    questions(&packed);
}

#[test]
fn a_trace_is_told_in_jaegers_words() {
    let server = Trapline::start();
    send_shop(&server, 4, true);
    let path = format!("/api/traces/{}", id(4));
    let answer = ask(&server, &path);
    let trace = &answer["data"][0];
    assert_eq!((&trace["traceID"], &trace["warnings"]), (&json!(id(4)), &Value::Null));
    let spans = trace["spans"].as_array().unwrap();
    let of = |name: &str| spans.iter().find(|span| span["operationName"] == name).unwrap();
    let (request, charge) = (of("GET /checkout"), of("POST /charge"));
    assert_eq!(&spans[0], request, "the first to start comes first");
    assert_eq!((&request["startTime"], &request["duration"]), (&json!(START_US + 4_000_000), &json!(40_000)));
    assert_eq!(request["references"], json!([]));
    let parent = json!([{ "refType": "CHILD_OF", "traceID": id(4), "spanID": request["spanID"] }]);
    assert_eq!(charge["references"], parent);
    for (key, ty, value) in [
        ("retries", "int64", json!(3)),
        ("ratio", "float64", json!(0.5)),
        ("is.new", "bool", json!(true)),
        ("span.kind", "string", json!("server")),
        ("error", "bool", json!(true)),
        ("otel.status_code", "string", json!("ERROR")),
        ("otel.status_description", "string", json!("card refused")),
    ] {
        let tags = charge["tags"].as_array().unwrap();
        assert!(tags.contains(&json!({ "key": key, "type": ty, "value": value })), "{key}: {tags:?}");
    }
    let log = &charge["logs"][0];
    assert_eq!(log["timestamp"], json!(START_US + 4_000_200));
    assert_eq!(log["fields"][0], json!({ "key": "event", "type": "string", "value": "exception" }));
    let process = |span: &Value| trace["processes"][span["processID"].as_str().unwrap()]["serviceName"].clone();
    assert_eq!((process(request), process(charge)), (json!("shop"), json!("billing/eu")));

    // With the time that Grafana may send along, in milliseconds or microseconds, of whenever its page is about.
    assert_eq!(ask(&server, &format!("{path}?end=1700000003600&start=1700000000000"))["data"], answer["data"]);
    let unknown = from_backend(&server, &format!("/api/traces/{}", id(5))).send().expect(404);
    assert_eq!(envelope(unknown)["errors"], json!([{ "code": 404, "msg": "trace not found" }]));
    envelope(from_backend(&server, "/api/traces/a%2Fb").send().expect(400));
}

#[test]
fn what_sentry_sends_is_found_beside_what_opentelemetry_sends() {
    let server = Trapline::start();
    for name in ["failure-shop", "failure-billing", "failure-shop-transaction"] {
        send(&server, &format!("shop-and-billing/{name}"));
    }
    let services = ask(&server, "/api/services")["data"].as_array().unwrap().clone();
    assert!(services.len() >= 2, "{services:?}");
    for service in &services {
        let service = service.as_str().unwrap();
        let query = format!("service={service}&start=0&end=4000000000000000");
        assert_eq!(found(&server, &query).len(), 1, "{service}");
        let operations = ask(&server, &format!("/api/services/{service}/operations"));
        assert!(!operations["data"].as_array().unwrap().is_empty(), "{service}");
    }
}

#[test]
fn spans_of_nobody_are_found_under_the_name_that_is_shown() {
    let server = Trapline::start();
    let mut request = otlp_request(&[crate::payload::otlp_span(1, 1, "/pay/")]);
    request["resourceSpans"][0]["resource"] = json!({});
    server.post("/v1/traces").json(&request).send().expect(200);
    let services = ask(&server, "/api/services")["data"].clone();
    let service = services[0].as_str().unwrap();
    let trace = ask(&server, &format!("/api/traces?service={service}&start=0&end=4000000000000000"))["data"][0].clone();
    assert_eq!(trace["processes"]["p1"]["serviceName"], service);
    assert_eq!(ask(&server, &format!("/api/services/{service}/operations"))["data"], json!(["/pay/"]));
}

#[test]
fn an_empty_store_and_wrong_questions_are_answered_in_the_envelope() {
    let server = Trapline::start();
    assert_eq!(ask(&server, "/api/services")["data"], json!([]));
    for path in
        ["/api/operations", "/api/traces", "/api/traces?service=a&tags=x", "/api/traces?service=a&minDuration=1"]
    {
        let answer = envelope(from_backend(&server, path).send().expect(400));
        assert_eq!((&answer["data"], &answer["errors"][0]["code"]), (&Value::Null, &json!(400)), "{path}");
    }
    // Grafana decodes data into a list, and shows the first error in its own words when the status is 200.
    let dependencies = ask(&server, "/api/dependencies?endTs=1800000000000&lookback=3600000");
    assert_eq!(dependencies["data"], json!([]));
    assert!(dependencies["errors"][0]["msg"].as_str().unwrap().contains("no counts of calls"), "{dependencies}");
    // Where Jaeger's own agents send to.
    assert!(
        server.post("/api/traces?format=jaeger.thrift").send().expect(404).text().contains("nothing takes requests")
    );
}

#[test]
fn grafanas_data_proxy_is_let_in_when_the_settings_say_so_and_reads_nothing_else() {
    let server = Trapline::start();
    let refused = from_proxy(&server, "/api/services").send().expect(403);
    assert!(refused.text().contains("jaeger_through_proxy"), "{}", refused.text());
    let server = Trapline::start_with(&["--jaeger-through-proxy", "true"]);
    shop(&server);
    assert_eq!(envelope(from_proxy(&server, "/api/services").send().expect(200))["total"], 2);
    let search = "/api/traces?service=shop&operation=GET%20%2Fcheckout&limit=20&start=1799998000000000&end=1800000000000000\
                  &lookback=custom";
    assert_eq!(envelope(from_proxy(&server, search).send().expect(200))["total"], 6);
    for path in ["/api/ui/issues", "/api/0/projects/", "/"] {
        from_proxy(&server, path).send().expect(403);
    }
    let foreign = from_backend(&server, "/api/services").header("origin", "http://localhost:3000");
    foreign.send().expect(403);
    from_backend(&server, "/api/services").header("host", "evil.test").send().expect(421);
}
