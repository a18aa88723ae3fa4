//! What the page of a trace and the traces explorer ask for, over HTTP.

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{id, otlp_request};

fn hex(span: u64) -> String {
    format!("{span:016x}")
}

fn now_ns() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    elapsed.as_nanos() as i64 - 60_000_000_000
}

/// A span of so many milliseconds, from so many on.
fn span(trace: u64, number: u64, parent: u64, name: &str, ms: [i64; 2], attributes: &[(&str, &str)]) -> Value {
    let base = now_ns();
    let attributes: Vec<Value> =
        attributes.iter().map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } })).collect();
    json!({
        "traceId": id(trace), "spanId": hex(number), "parentSpanId": if parent == 0 { String::new() } else { hex(parent) },
        "name": name, "kind": if parent == 0 { 2 } else { 3 }, "attributes": attributes,
        "startTimeUnixNano": (base + ms[0] * 1_000_000).to_string(),
        "endTimeUnixNano": (base + ms[1] * 1_000_000).to_string(),
    })
}

fn send(server: &Trapline, spans: &[Value]) {
    server.post("/v1/traces").json(&otlp_request(spans)).send().expect(200);
}

/// A request that asks for every author by itself.
fn books(trace: u64, tenant: &str, ms: i64) -> Vec<Value> {
    let mut spans =
        vec![span(trace, 1, 0, "GET /books/", [0, ms], &[("http.route", "/books/"), ("shop.tenant", tenant)])];
    for number in 0..6 {
        let statement = format!("SELECT name FROM author WHERE id = {number}");
        let at = 2 + number as i64 * 3;
        spans.push(span(
            trace,
            2 + number,
            1,
            "SELECT author",
            [at, at + 2],
            &[
                ("db.system.name", "postgresql"),
                ("db.query.text", &statement),
                ("code.file.path", "shop/views.py"),
                ("code.line.number", "12"),
                ("code.function.name", "books"),
            ],
        ));
    }
    spans
}

#[test]
fn a_packed_trace_says_what_the_columns_say() {
    let server = Trapline::start();
    let mut spans = books(1, "acme", 40);
    spans.push(span(1, 90, 77, "lost", [3, 4], &[]));
    send(&server, &spans);
    let plain = server.get_json(&format!("/api/ui/traces/{}", id(1)));
    let packed = server.get_json(&format!("/api/ui/traces/{}?packed=1", id(1)));
    assert_eq!((&plain["packed"], &packed["spans"]["span_id"]), (&Value::Null, &json!([])));
    let (columns, short) = (&plain["spans"], &packed["packed"]);
    let words = |column: &str| -> Vec<Value> {
        let codes = short[column].as_array().unwrap();
        codes.iter().map(|code| short["texts"][code.as_u64().unwrap() as usize].clone()).collect()
    };
    for column in ["name", "op", "kind", "status", "source"] {
        assert_eq!(json!(words(column)), columns[column], "{column}");
    }
    for column in ["parent", "start_ns", "duration_ns", "service"] {
        assert_eq!(short[column], columns[column], "{column}");
    }
    let ids = columns["span_id"].as_array().unwrap();
    assert_eq!(short["span_ids"], ids.iter().map(|id| id.as_str().unwrap()).collect::<String>());
    let orphans = columns["is_orphan"].as_array().unwrap();
    assert_eq!(short["orphans"], json!([orphans.iter().position(|is_orphan| is_orphan == true).unwrap()]));
    assert_eq!(packed["duration_ns"], plain["duration_ns"]);
    assert_eq!((&packed["rest_later"], &packed["findings"]), (&json!(false), &plain["findings"]));
    let rest = server.get_json(&format!("/api/ui/traces/{}?packed=1&part=rest", id(1)));
    assert_eq!((&rest["packed"], &rest["spans"]["span_id"]), (&Value::Null, &json!([])));
    assert_eq!(rest["findings"], plain["findings"]);
}

#[test]
fn the_queries_of_a_trace_are_told_by_statement_and_place() {
    let server = Trapline::start();
    send(&server, &books(1, "acme", 40));
    let sql = server.get_json(&format!("/api/ui/traces/{}/sql", id(1)));
    assert_eq!(sql["span_id"], json!((2..8).map(hex).collect::<Vec<_>>()));
    assert_eq!((&sql["statement"], &sql["call_site"]), (&json!([0, 0, 0, 0, 0, 0]), &json!([0, 0, 0, 0, 0, 0])));
    assert_eq!(sql["call_sites"], json!(["shop/views.py:12 in books"]));
    let statement = &sql["statements"][0];
    assert_eq!(statement["text"], "SELECT name FROM author WHERE id = ?");
    assert_eq!(statement["example"], "SELECT name FROM author WHERE id = 0");
    assert_eq!((&statement["system"], &statement["summary"]), (&json!("postgresql"), &json!("SELECT author")));
    assert_eq!(server.get(&format!("/api/ui/traces/{}/sql", id(9))).status, 404);
}

#[test]
fn words_are_found_in_attributes_that_the_page_does_not_have() {
    let server = Trapline::start();
    send(&server, &books(1, "Acme", 40));
    let find = |words: &str| server.get_json(&format!("/api/ui/traces/{}/find?query={words}", id(1)));
    assert_eq!(find("acme"), json!({ "span_ids": [hex(1)], "is_partial": false }));
    assert_eq!(find("tenant:ac")["span_ids"], json!([hex(1)]));
    assert_eq!(find("id+%3D+3")["span_ids"], json!([hex(5)]));
    assert_eq!(find("views.py")["span_ids"].as_array().unwrap().len(), 6);
    assert_eq!(find("nothing")["span_ids"], json!([]));
    assert_eq!(find("")["span_ids"], json!([]));
    let long = "x".repeat(2_000);
    assert_eq!(server.get(&format!("/api/ui/traces/{}/find?query={long}", id(1))).status, 400);
    assert_eq!(server.get("/api/ui/traces/none/find?query=x").status, 404);
}

#[test]
fn a_trace_comes_whole_as_json() {
    let server = Trapline::start();
    send(&server, &books(1, "acme", 40));
    let path = format!("/api/ui/traces/{}/json", id(1));
    let whole = server.get_json(&path);
    assert_eq!((whole["spans"].as_array().unwrap().len(), &whole["spans_omitted"]), (7, &json!(0)));
    assert_eq!(whole["spans"][0], server.get_json(&format!("/api/ui/traces/{}/spans/{}", id(1), hex(1))));
    let part = server.get_json(&format!("{path}?limit=2"));
    assert_eq!((part["spans"].as_array().unwrap().len(), &part["spans_omitted"]), (2, &json!(5)));
    let saved = server.get(&format!("{path}?download=1"));
    assert_eq!(
        saved.header("content-disposition"),
        Some(format!("attachment; filename=\"trace-{}.json\"", id(1)).as_str())
    );
    assert_eq!(server.get(&format!("/api/ui/traces/{}/json", id(9))).status, 404);
}

#[test]
fn a_map_says_where_traces_are_and_a_selection_what_it_has_that_others_have_not() {
    let server = Trapline::start();
    for trace in 0..20 {
        let is_slow = trace >= 15;
        send(&server, &books(100 + trace, if is_slow { "slow & co" } else { "acme" }, if is_slow { 900 } else { 30 }));
    }
    let heat = server.get_json("/api/ui/traces/heat?range=1h");
    let sum = |name: &str| -> u64 {
        let columns = heat[name].as_array().unwrap();
        columns.iter().flat_map(|column| column.as_array().unwrap()).map(|n| n.as_u64().unwrap()).sum()
    };
    assert_eq!(
        (sum("counts"), sum("errors"), &heat["total"], &heat["searched_to_ms"]),
        (20, 0, &json!(20), &Value::Null)
    );
    assert_eq!(heat["columns"].as_u64().unwrap() as usize, heat["counts"].as_array().unwrap().len());
    let rows = heat["bounds_ns"].as_array().unwrap().len() - 1;
    assert!(heat["counts"].as_array().unwrap().iter().all(|column| column.as_array().unwrap().len() == rows));

    let facets = server.get_json("/api/ui/traces/facets?range=1h");
    assert_eq!(facets["of"], 20);
    let names = facets["facets"].as_array().unwrap().iter().find(|facet| facet["key"] == "name").unwrap();
    assert_eq!(names["values"], json!([{ "value": "GET /books/", "count": 20 }]));

    let compare = server.get_json("/api/ui/traces/compare?range=1h&sel_min_ns=500000000&sel_max_ns=2000000000");
    assert_eq!(
        (&compare["selected"], &compare["rest"], &compare["is_sampled"]),
        (&json!(5), &json!(15), &json!(false))
    );
    let first = &compare["items"][0];
    assert_eq!((&first["key"], &first["value"]), (&json!("shop.tenant"), &json!("slow & co")));
    assert_eq!((&first["share_in"], &first["share_out"], &first["lift"]), (&json!(1.0), &json!(0.0), &Value::Null));

    let slow = server.get_json("/api/ui/traces?min_ns=500000000&max_ns=2000000000");
    assert_eq!(slow["traces"].as_array().unwrap().len(), 5);
    let narrowed = server.get_json("/api/ui/traces/heat?range=1h&query=shop.tenant:acme");
    assert_eq!(narrowed["total"], 15);

    let ids = [id(100), id(119), id(9_999)];
    let breakdown = server.get_json(&format!("/api/ui/traces/breakdown?id={}&id={}&id={}", ids[0], ids[1], ids[2]));
    let own = |trace: usize, op: &str| {
        let parts = breakdown["traces"][trace]["parts"].as_array().unwrap();
        parts.iter().find(|part| part["op"] == op).map_or(0, |part| part["self_ns"].as_i64().unwrap())
    };
    let all = |trace: usize| -> i64 {
        let parts = breakdown["traces"][trace]["parts"].as_array().unwrap();
        parts.iter().map(|part| part["self_ns"].as_i64().unwrap()).sum()
    };
    assert_eq!((own(0, "db"), all(0), all(1), all(2)), (12_000_000, 30_000_000, 900_000_000, 0));
}

#[test]
fn spans_of_all_traces_are_listed_the_youngest_first_in_pages() {
    let server = Trapline::start();
    for trace in 0..3 {
        send(&server, &books(200 + trace, "acme", 40));
    }
    let mut path = "/api/ui/spans?query=author&limit=5".to_string();
    let mut starts = Vec::new();
    let mut pages = 0;
    loop {
        let page = server.get_json(&path);
        pages += 1;
        starts.extend(page["spans"].as_array().unwrap().iter().map(|span| span["start_ms"].as_f64().unwrap()));
        assert!(page["spans"].as_array().unwrap().iter().all(|span| span["name"] == "SELECT author"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/ui/spans?query=author&limit=5&cursor={cursor}");
    }
    assert_eq!((starts.len(), pages), (18, 4));
    assert!(starts.windows(2).all(|pair| pair[0] >= pair[1]));
    let slow = server.get_json("/api/ui/spans?min_ns=30000000&range=1h");
    assert_eq!(slow["spans"].as_array().unwrap().len(), 3);
    assert_eq!(server.get("/api/ui/spans?cursor=nonsense").status, 400);
}

/// What is measured is counted some seconds later, as `performance.rs` waits for it, too.
#[test]
fn a_query_says_where_it_is_asked() {
    let server = Trapline::start_with(&["--seal-after-s", "0"]);
    send(&server, &books(300, "acme", 40));
    let mut elsewhere = books(301, "acme", 40);
    elsewhere.truncate(3);
    for span in &mut elsewhere[1..] {
        span["attributes"][3] = json!({ "key": "code.line.number", "value": { "stringValue": "99" } });
    }
    send(&server, &elsewhere);
    let key = crate::harness::wait_for("the query", || {
        let list = server.get_json("/api/ui/performance?kind=query");
        list["rows"].as_array().unwrap().first().map(|row| row["key"].as_str().unwrap().to_string())
    });
    let sites = server.get_json(&format!("/api/ui/performance/{key}/call-sites"));
    let told: Vec<(&Value, &Value)> =
        sites["sites"].as_array().unwrap().iter().map(|site| (&site["call_site"], &site["runs"])).collect();
    let (first, second) = (json!("shop/views.py:12 in books"), json!("shop/views.py:99 in books"));
    assert_eq!(told, [(&first, &json!(6)), (&second, &json!(2))]);
    assert_eq!((&sites["runs"], &sites["searched_to_ms"]), (&json!(8), &Value::Null));
    assert_eq!(server.get("/api/ui/performance/ffff/call-sites").status, 404);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let server = Trapline::start();
    for (path, status) in [
        ("/api/ui/traces/heat", 200),
        ("/api/ui/traces/heat?range=all", 200),
        ("/api/ui/traces/facets?range=90d", 200),
        ("/api/ui/traces/compare", 200),
        ("/api/ui/traces/breakdown", 200),
        ("/api/ui/traces/heat?range=soon", 400),
        ("/api/ui/traces/heat?from=5&to=1", 400),
        ("/api/ui/traces/heat?from=-1&to=x", 400),
        ("/api/ui/traces/heat?from=0&to=9223372036854775807", 200),
        ("/api/ui/traces/heat?project=nobody", 404),
        ("/api/ui/traces/facets?query=a:b&attribute=c:d", 200),
        ("/api/ui/traces/facets?query=(a:b", 400),
        ("/api/ui/spans?query=(a:b", 400),
        ("/api/ui/traces/heat?attribute=nothing", 400),
        ("/api/ui/traces/compare?sel_from=x", 400),
        ("/api/ui/traces/compare?sel_min_ns=9&sel_max_ns=3", 400),
        ("/api/ui/traces/compare?sel_from=9223372036854775807&sel_to=9223372036854775807", 400),
        ("/api/ui/traces/breakdown?id=nothing", 400),
        ("/api/ui/traces?min_ns=x", 400),
        ("/api/ui/traces?range=never", 400),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}

/// A circle, spans without a root, one that ends before it begins and one that never ends: every view answers.
#[test]
fn odd_traces_have_every_view() {
    let server = Trapline::start();
    let mut circle =
        [span(1, 1, 2, "one", [0, 5], &[]), span(1, 2, 1, "other", [0, 5], &[("db.query.text", "SELECT 1")])];
    circle[0]["links"] = json!([]);
    let mut backwards = span(2, 3, 9, "backwards", [5, 6], &[]);
    backwards["endTimeUnixNano"] = json!("1");
    let mut for_ever = span(3, 4, 0, "for ever", [0, 1], &[]);
    for_ever["endTimeUnixNano"] = json!("18446744073709551615");
    send(&server, &[circle[0].clone(), circle[1].clone(), backwards, for_ever]);
    for trace in 1..4 {
        for view in ["", "?packed=1", "/sql", "/find?query=e", "/json"] {
            let answer = server.get(&format!("/api/ui/traces/{}{view}", id(trace)));
            assert_eq!(answer.status, 200, "{trace} {view}: {}", answer.text());
        }
    }
    let heat = server.get_json("/api/ui/traces/heat?range=1h&kind=all");
    assert_eq!(heat["total"], 3);
    let breakdown = server.get_json(&format!("/api/ui/traces/breakdown?id={}&id={}", id(1), id(3)));
    assert_eq!(breakdown["traces"].as_array().unwrap().len(), 2);
}
