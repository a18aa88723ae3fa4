//! What comes besides errors and traces, as somebody who means harm would send it: every answer has its status, what is
//! good beside the bad is kept, nothing is made up, and memory stays bounded.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::harness::Trapline;
use crate::payload::{auth, compress, envelope, event, event_envelope, id, send_event, to_envelope};

/// What any of these may cost the process, with as much room as for the bombs.
const MEMORY_BYTES_MAX: u64 = 400 << 20;
const CONTAINERS: [&str; 3] = ["span", "log", "trace_metric"];

fn now_s() -> f64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// The server still takes and shows an error, and none of the requests before took more than it may.
fn assert_unharmed(mut server: Trapline) {
    send_event(&server, 987_654, "StillWellError");
    assert_eq!(server.get_json(&format!("/api/ui/events/{}", id(987_654)))["title"], "StillWellError: made up");
    for list in ["issues", "traces", "releases", "logs", "metrics", "monitors", "feedback", "ingest"] {
        server.get(&format!("/api/ui/{list}")).expect(200);
    }
    let peak = server.peak_memory_bytes();
    assert!(peak < MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
    assert!(server.is_running());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// In one envelope with an error, which is kept whatever happens to the items.
fn beside_an_event(number: u64, items: &[(&str, &str)]) -> Vec<u8> {
    let event = event(number, "Neighbour").to_string();
    envelope(&[items, &[("event", event.as_str())]].concat())
}

fn good_item(ty: &str, number: u64) -> Value {
    let mut item = json!({ "trace_id": id(7), "attributes": {} });
    let more = match ty {
        "span" => json!({
            "span_id": format!("{number:016x}"), "name": "s", "status": "ok", "is_segment": false,
            "start_timestamp": now_s() - 2.0, "end_timestamp": now_s() - 1.0,
        }),
        "log" => json!({ "timestamp": now_s() - 1.0, "level": "info", "body": format!("log {number}") }),
        _ => json!({ "timestamp": now_s() - 1.0, "name": format!("m{number}"), "type": "counter", "value": 1 }),
    };
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

fn container(items: &[Value]) -> String {
    json!({ "version": 2, "items": items }).to_string()
}

fn in_all_reasons(server: &Trapline, category: &str) -> u64 {
    let ingest = server.get_json("/api/ui/ingest");
    let rows = ingest["outcomes"].as_array().unwrap();
    rows.iter().filter(|row| row["category"] == category).map(|row| row["quantity"].as_u64().unwrap()).sum()
}

#[test]
fn a_million_items_of_a_container_are_all_counted() {
    let server = Trapline::start();
    for (number, ty) in CONTAINERS.into_iter().enumerate() {
        let payload = format!("{{\"items\":[{}{{}}]}}", "{},".repeat(999_999));
        let answer = to_envelope(&server, beside_an_event(number as u64, &[(ty, &payload)])).send();
        assert_eq!(answer.status, 200, "{ty}: {}", answer.text());
        assert_eq!(in_all_reasons(&server, ty), 1_000_000, "{ty}");
    }
    assert_eq!(server.outcome("event", "accepted"), 3);
    assert_unharmed(server);
}

#[test]
fn a_container_over_its_size_is_refused_with_413_and_costs_itself() {
    let server = Trapline::start();
    for (number, ty) in CONTAINERS.into_iter().enumerate() {
        let fits = container(&[good_item(ty, 1)]);
        let padded = |bytes: usize| format!("{fits}{}", " ".repeat(bytes - fits.len()));
        let answer = to_envelope(&server, envelope(&[(ty, &padded((12 << 20) + 1))])).send().expect(413);
        assert!(answer.text().contains(&format!("'{ty}'")), "{}", answer.text());
        to_envelope(&server, beside_an_event(number as u64, &[(ty, &padded((12 << 20) + 1))])).send().expect(200);
        to_envelope(&server, envelope(&[(ty, &padded(12 << 20))])).send().expect(200);
        assert_eq!((server.outcome(ty, "too_large"), server.outcome(ty, "accepted")), (2, 1), "{ty}");
    }
    assert_eq!(server.outcome("event", "accepted"), 3);
    assert_unharmed(server);
}

#[test]
fn wrong_types_in_an_item_cost_at_most_that_item() {
    let server = Trapline::start();
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}\u{202e}x"),
        json!([[[]]]),
        json!({ "a": { "b": [] } }),
        json!("x".repeat(100_000)),
    ];
    for ty in CONTAINERS {
        let good = good_item(ty, 1);
        let mut items = vec![good.clone()];
        for key in good.as_object().unwrap().keys() {
            for value in &odd {
                let mut item = good_item(ty, items.len() as u64 + 10);
                item[key] = value.clone();
                items.push(item);
            }
        }
        for value in &odd {
            for attribute in [value.clone(), json!({ "value": value }), json!({ "value": value, "type": value })] {
                let mut item = good_item(ty, items.len() as u64 + 10);
                item["attributes"] = json!({ "x": attribute, "sentry.release": attribute, "sentry.op": attribute });
                items.push(item);
            }
        }
        items.extend(odd.iter().cloned());
        to_envelope(&server, envelope(&[(ty, &container(&items))])).send().expect(200);
        assert_eq!(in_all_reasons(&server, ty), items.len() as u64, "{ty}");
        assert!(server.outcome(ty, "accepted") > 20, "{ty}");
        for odd in ["3", "\"x\"", "[]", "null", "{\"items\":null}", "{\"items\":{}}", "{\"items\":[", "{}", ""] {
            let answer = to_envelope(&server, envelope(&[(ty, odd)])).send();
            assert!(matches!(answer.status, 200 | 400), "{ty} {odd}: {} {}", answer.status, answer.text());
        }
    }
    server.get_json(&format!("/api/ui/traces/{}", id(7)));
    assert_unharmed(server);
}

#[test]
fn times_at_the_ends_of_the_world_break_no_screen() {
    let server = Trapline::start();
    let times = [
        json!(-1e18),
        json!(0),
        json!(0.001),
        json!(1),
        json!(now_s() - 4e9),
        json!(now_s() - 4e8),
        json!(now_s() + 4e8),
        json!(9_223_372_036.0),
        json!(9.3e9),
        json!(2.5e11),
        json!(1e18),
        json!(i64::MIN),
        json!(u64::MAX),
        json!("0001-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59.999999999Z"),
        json!("+275760-09-13T00:00:00Z"),
    ];
    for (ty, keys) in
        [("span", &["start_timestamp", "end_timestamp"][..]), ("log", &["timestamp"]), ("trace_metric", &["timestamp"])]
    {
        let mut sent = 0;
        for (n, time) in times.iter().enumerate() {
            for key in keys {
                let mut item = good_item(ty, 100 + n as u64);
                item["trace_id"] = json!(id(100 + n as u64));
                item[*key] = time.clone();
                let answer = to_envelope(&server, envelope(&[(ty, &container(&[item]))])).send();
                assert!(matches!(answer.status, 200 | 400), "{ty} {time}: {}", answer.text());
                sent += 1;
            }
        }
        assert_eq!(in_all_reasons(&server, ty), sent, "{ty}");
    }
    for trace in server.traces() {
        server.get_json(&format!("/api/ui/traces/{}", trace["trace_id"].as_str().unwrap()));
    }
    for query in ["logs", "logs?period=90d", "logs/volume", "metrics", "metrics/m100", "metrics/m115?period=90d"] {
        let answer = server.get(&format!("/api/ui/{query}"));
        assert!(matches!(answer.status, 200 | 400 | 404), "{query}: {}", answer.text());
    }
    assert_unharmed(server);
}

#[test]
fn five_hundred_containers_in_one_envelope_are_read_and_no_more() {
    let server = Trapline::start();
    for ty in CONTAINERS {
        let payloads: Vec<String> = (0..501).map(|n| container(&[good_item(ty, 1000 + n)])).collect();
        let items: Vec<(&str, &str)> = payloads.iter().map(|payload| (ty, payload.as_str())).collect();
        to_envelope(&server, envelope(&items)).send().expect(200);
        assert_eq!((server.outcome(ty, "accepted"), server.outcome(ty, "too_many")), (500, 1), "{ty}");
    }
    assert_unharmed(server);
}

#[test]
fn attributes_are_bounded_in_number_length_and_depth() {
    let server = Trapline::start();
    let typed = |value: Value, ty: &str| json!({ "value": value, "type": ty });
    let many: serde_json::Map<_, _> = (0..100_000).map(|n| (format!("key {n}"), typed(json!("x"), "string"))).collect();
    let long = json!({
        "k".repeat(1_000_000): typed(json!("x"), "string"), "long": typed(json!("ä".repeat(900_000)), "string"),
        "list": typed(json!(vec!["x"; 100_000]), "array"),
    });
    let nested = |levels: usize| {
        format!("{{\"d\":{{\"type\":\"array\",\"value\":{}{}}}}}", "[".repeat(levels), "]".repeat(levels))
    };
    for ty in CONTAINERS {
        let mut number = 0;
        let mut send = |attributes: &str| {
            number += 1;
            let item = good_item(ty, number).to_string().replacen("{}", attributes, 1);
            to_envelope(&server, envelope(&[(ty, &format!("{{\"items\":[{item}]}}"))])).send().status
        };
        // A metric may have 1 MiB in all, and a container is refused whole when it nests too deep.
        for attributes in [json!(many).to_string(), long.to_string()] {
            let status = send(&attributes);
            assert!(matches!(status, 200 | 400 | 413), "{ty}: {status}");
        }
        assert_eq!((send(&nested(20)), send(&nested(50_000))), (200, 400), "{ty}");
    }
    server.get_json(&format!("/api/ui/traces/{}", id(7)));
    for number in 1..5 {
        let answer = server.get(&format!("/api/ui/traces/{}/spans/{number:016x}", id(7)));
        assert!(answer.status == 404 || answer.body.len() < 2 << 20, "{number}: {}", answer.body.len());
    }
    let logs = server.get_json("/api/ui/logs")["logs"].as_array().unwrap().clone();
    for log in &logs {
        let whole = server.get_json(&format!("/api/ui/logs/{}", log["id"].as_str().unwrap()));
        assert!(whole["attributes"].as_array().unwrap().len() <= 512, "{}", log["body"]);
    }
    assert_unharmed(server);
}

#[test]
fn many_large_containers_at_once_stay_within_memory() {
    let server = Trapline::start();
    std::thread::scope(|scope| {
        for sender in 0..12_u64 {
            let server = &server;
            scope.spawn(move || {
                let ty = CONTAINERS[sender as usize % 3];
                let item = good_item(ty, sender + 1).to_string();
                let items = vec![item.as_str(); ((11 << 20) / item.len()).min(19_000)].join(",");
                let answer = to_envelope(server, envelope(&[(ty, &format!("{{\"items\":[{items}]}}"))])).send();
                // 503 where there was no room in time.
                assert!(matches!(answer.status, 200 | 503), "{ty}: {} {}", answer.status, answer.text());
            });
        }
    });
    assert_unharmed(server);
}

#[test]
fn profiles_and_replays_nobody_recorded_are_refused_or_bounded() {
    let server = Trapline::start();
    let nested = format!("{{\"profile\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let samples = format!("{{\"profile\":{{\"samples\":[{}0]}}}}", "0,".repeat(1_000_000));
    for ty in ["profile", "profile_chunk", "replay_event", "replay_recording", "replay_video"] {
        for (number, odd) in
            ["", "{}", "[]", "null", "\u{0}", "{\"segment_id\":-1}\n", "{\"segment_id\":1e300}\n[", &nested, &samples]
                .into_iter()
                .enumerate()
        {
            let headers = json!({ "type": ty, "length": odd.len() });
            let failed = event(number as u64, "Neighbour").to_string();
            let body = format!("{{}}\n{headers}\n{odd}\n{{\"type\":\"event\"}}\n{failed}\n");
            let answer = to_envelope(&server, body).send();
            assert_eq!(answer.status, 200, "{ty} {odd:.20}: {}", answer.text());
        }
    }
    assert_eq!(server.outcome("event", "accepted"), 9);
    assert_eq!(server.issues()[0]["event_count"], 9);
    // A large segment, for several readers at once; and one that is larger than any may be.
    let large = compress("deflate", &[b"[", &vec![b' '; 40 << 20][..], b"]"].concat());
    let bomb = compress("deflate", &[b"[", &vec![b' '; 101 << 20][..], b"]"].concat());
    for (segment, bytes) in [&large, &bomb].into_iter().enumerate() {
        let recording = [format!("{{\"segment_id\":{segment}}}\n").as_bytes(), bytes].concat();
        let story = json!({ "replay_id": id(50), "segment_id": segment, "timestamp": now_s() }).to_string();
        let head = format!("{{\"event_id\":\"{}\"}}\n{{\"type\":\"replay_event\"}}\n{story}\n", id(50));
        let item = format!("{{\"type\":\"replay_recording\",\"length\":{}}}\n", recording.len());
        to_envelope(&server, [head.as_bytes(), item.as_bytes(), &recording, b"\n"].concat()).send().expect(200);
    }
    let path = format!("/api/0/projects/main/default/replays/{}/recording-segments/?download", id(50));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let all = server.get(&path).expect(200).body;
                assert_eq!((all.len(), &all[all.len() - 5..]), ((40 << 20) + 7, &b"],[]]"[..]));
            });
        }
    });
    assert_unharmed(server);
}

/// Each item may name another process; nobody compares them each with each.
#[test]
fn a_container_in_which_all_items_differ_takes_no_longer_than_another() {
    let server = Trapline::start();
    // Compared each with each, one of these would take longer than any client waits.
    for ty in CONTAINERS {
        let items: Vec<Value> = (0..12_000)
            .map(|n| {
                let mut item = good_item(ty, n + 1);
                item["attributes"] = json!({ "sentry.release": { "value": format!("r{n}"), "type": "string" } });
                item
            })
            .collect();
        to_envelope(&server, envelope(&[(ty, &container(&items))])).send().expect(200);
        assert_eq!(server.outcome(ty, "accepted"), 12_000);
    }
    assert_unharmed(server);
}

#[test]
fn sums_beyond_all_numbers_are_still_shown() {
    let server = Trapline::start();
    let items: Vec<Value> = (0..8)
        .map(|n| {
            let mut item = good_item("trace_metric", 1);
            (item["value"], item["trace_id"]) = (json!(if n % 4 == 3 { -1.7e308 } else { 1.7e308 }), json!(id(n + 1)));
            item["type"] = json!(["counter", "distribution"][n as usize % 2]);
            item
        })
        .collect();
    for items in items.chunks(4) {
        to_envelope(&server, envelope(&[("trace_metric", &container(items))])).send().expect(200);
    }
    assert_eq!(server.outcome("trace_metric", "accepted"), 8);
    server.get_json("/api/ui/metrics");
    for kind in ["counter", "distribution"] {
        server.get_json(&format!("/api/ui/metrics/m1?kind={kind}"));
    }
    assert_unharmed(server);
}

#[test]
fn hostile_counts_of_sessions_do_not_become_the_total() {
    let server = Trapline::start();
    let mut number = 0;
    let mut send = |bucket: Value| {
        number += 1;
        let payload = json!({ "attrs": { "release": "shop@1" }, "aggregates": [bucket] }).to_string();
        to_envelope(&server, beside_an_event(number, &[("sessions", &payload)])).send().expect(200);
    };
    for count in [json!(u64::MAX), json!(i64::MAX), json!(-1), json!(1e300), json!("7"), json!([])] {
        for status in ["exited", "errored", "abnormal", "crashed"] {
            send(json!({ "started": now_s() - 60.0, status: count }));
        }
    }
    for started in [json!(0), json!(-1e300), json!(1e300), json!(now_s() - 6.0 * 86_400.0), json!("soon"), json!(null)]
    {
        send(json!({ "started": started, "exited": 1 }));
    }
    send(json!({ "started": now_s() - 60.0, "exited": 3 }));
    for release in server.get_json("/api/ui/releases")["releases"].as_array().unwrap() {
        let count = release["session_count"].as_u64().unwrap();
        assert!((3..=24 * 10_000_000).contains(&count), "{release}");
        let rate = release["crash_free_sessions"].as_f64();
        assert!(rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)), "{release}");
    }
    server.get_json("/api/0/organizations/main/sessions/?field=sum(session)&field=crash_free_rate(session)");
    assert_eq!(server.outcome("event", "accepted"), number);
    let many: Vec<Value> =
        (0..100_000).map(|n| json!({ "started": now_s() - f64::from(n % 60), "exited": 1 })).collect();
    let payload = json!({ "attrs": { "release": "shop@2" }, "aggregates": many }).to_string();
    to_envelope(&server, envelope(&[("sessions", &payload)])).send().expect(200);
    let found = server.get_json("/api/ui/releases?query=shop@2");
    assert_eq!(found["releases"][0]["session_count"], 10_000);
    assert_eq!(server.outcome("session", "too_large"), 90_000);
    assert_unharmed(server);
}

fn check_in(number: u64, slug: &str) -> Value {
    json!({ "check_in_id": id(number), "monitor_slug": slug, "status": "ok" })
}

#[test]
fn a_hundred_thousand_monitors_are_a_thousand() {
    let server = Trapline::start();
    std::thread::scope(|scope| {
        for sender in 0..4_u64 {
            let server = &server;
            scope.spawn(move || {
                let mut connection = crate::client::Connection::open(server.address());
                for request in 0..50 {
                    let first = (sender * 50 + request) * 500;
                    let payloads: Vec<String> =
                        (first..first + 500).map(|n| check_in(n, &format!("job-{n}")).to_string()).collect();
                    let items: Vec<_> = payloads.iter().map(|payload| ("check_in", payload.as_str())).collect();
                    connection.send(&to_envelope(server, envelope(&items))).expect(200);
                }
            });
        }
    });
    assert_eq!((server.outcome("check_in", "accepted"), server.outcome("check_in", "too_many")), (1_000, 99_000));
    assert_eq!(server.get_json("/api/0/organizations/main/monitors/?per_page=100").as_array().unwrap().len(), 100);
    assert_unharmed(server);
}

#[test]
fn a_schedule_that_means_nothing_costs_itself_and_not_the_check_in() {
    let server = Trapline::start();
    let crontab = |value: Value| json!({ "type": "crontab", "value": value });
    let interval = |value: Value| json!({ "type": "interval", "value": value, "unit": "day" });
    let hostile = [
        json!({ "schedule": crontab(json!("* * * * * * *")) }),
        json!({ "schedule": crontab(json!("0 0 31 2 *")) }),
        json!({ "schedule": crontab(json!("0 0 30 2 MON#5")) }),
        json!({ "schedule": crontab(json!("*".repeat(50_000))) }),
        json!({ "schedule": crontab(json!("0-59,0-59 ".repeat(2_000))) }),
        json!({ "schedule": crontab(json!("\u{0} \u{202e} é ٣ *")) }),
        json!({ "schedule": crontab(json!(["*"])) }),
        json!({ "schedule": interval(json!(0)) }),
        json!({ "schedule": interval(json!(-5)) }),
        json!({ "schedule": interval(json!(1_000_000_000_000_000_000_u64)) }),
        json!({ "schedule": interval(json!(1e300)) }),
        json!({ "schedule": interval(json!("5")) }),
        json!({ "schedule": "nonsense" }),
        json!({ "schedule": { "type": "moon", "value": "full" } }),
        json!("nonsense"),
        json!([]),
    ];
    let zones = ["Mars/Base", "../../etc/passwd", "", "\u{0}", "UTC+99", "Europe/Berlin/../Rome"];
    let more = zones.map(|zone| json!({ "schedule": crontab(json!("0 3 * * *")), "timezone": zone }));
    let huge = json!(1_000_000_000_000_000_000_u64);
    let margins = ["checkin_margin", "max_runtime", "failure_issue_threshold", "recovery_threshold"].map(|key| {
        let mut config = json!({ "schedule": crontab(json!("0 3 * * *")) });
        config[key] = huge.clone();
        config
    });
    let started = std::time::Instant::now();
    let configs: Vec<Value> = hostile.into_iter().chain(more).chain(margins).collect();
    for (number, config) in configs.iter().enumerate() {
        let slug = format!("job-{number}");
        let mut sent = check_in(number as u64, &slug);
        sent["monitor_config"] = config.clone();
        to_envelope(&server, envelope(&[("check_in", &sent.to_string())])).send().expect(200);
        let shown = server.get_json(&format!("/api/ui/monitors/{slug}"));
        assert!(shown.to_string().len() < 20_000, "{slug}");
    }
    assert_eq!(server.outcome("check_in", "accepted"), configs.len() as u64);
    // Five hundred of the worst in one request.
    let worst: Vec<String> = (0..500)
        .map(|number| {
            let mut sent = check_in(10_000 + number, "worst");
            sent["monitor_config"] = json!({ "schedule": crontab(json!("0 0 30 2 MON#5")) });
            sent.to_string()
        })
        .collect();
    let items: Vec<_> = worst.iter().map(|payload| ("check_in", payload.as_str())).collect();
    to_envelope(&server, envelope(&items)).send().expect(200);
    assert!(started.elapsed().as_secs() < 50, "{:?}", started.elapsed());
    assert_unharmed(server);
}

#[test]
fn the_cron_route_knows_only_keys_of_its_own_project() {
    let server = Trapline::start();
    let made = server.post("/api/ui/projects").header("x-trapline", "1").json(&json!({ "name": "Other" }));
    let made = made.send().expect(201).json();
    let id_of_other = made["id"].as_i64().or_else(|| made["project"]["id"].as_i64()).unwrap_or(2);
    let key = server.key();
    let path = |project: &str, key: &str| format!("/api/{project}/cron/nightly/{key}?status=ok");
    server.get(&path("1", key)).expect(202);
    for (project, key, status) in [
        (id_of_other.to_string(), key.to_string(), &[401, 403][..]),
        ("1".to_string(), id(1), &[401, 403]),
        ("1".to_string(), "..".to_string(), &[400, 401, 403, 404]),
        ("1".to_string(), "%00".to_string(), &[400, 401, 403]),
        ("99999999999999999999".to_string(), key.to_string(), &[400, 401, 403, 404]),
        ("-1".to_string(), key.to_string(), &[400, 401, 403, 404]),
    ] {
        let answer = server.get(&path(&project, &key));
        assert!(status.contains(&answer.status), "{project} {key}: {} {}", answer.status, answer.text());
    }
    for slug in ["%2e%2e", "%00", "%F0%9F%92%A9", "a%2Fb", &"a".repeat(5_000), "<script>", "%0d%0aset-cookie:x"] {
        let answer = server.get(&format!("/api/1/cron/{slug}/{key}?status=ok"));
        assert!(matches!(answer.status, 202 | 400 | 404), "{slug:.20}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("set-cookie"), None);
    }
    for query in ["status=ok&duration=1e300", "status=ok&duration=-1", "status=%00", "status=ok&environment=%0a%0d", ""]
    {
        let answer = server.get(&format!("/api/1/cron/queried/{key}?{query}"));
        assert!(matches!(answer.status, 202 | 400), "{query}: {} {}", answer.status, answer.text());
    }
    server.get_json("/api/ui/monitors");
    assert_unharmed(server);
}

fn attachment(headers: &Value, bytes: &[u8]) -> Vec<u8> {
    let mut headers = headers.clone();
    (headers["type"], headers["length"]) = (json!("attachment"), json!(bytes.len()));
    [headers.to_string().as_bytes(), b"\n", bytes, b"\n"].concat()
}

#[test]
fn names_and_types_of_attachments_are_data() {
    let server = Trapline::start();
    let names = [
        "../../../../etc/passwd".to_string(),
        "..\\..\\boot.ini".to_string(),
        "a\u{0}b.txt".to_string(),
        "invoice\u{202e}fdp.exe".to_string(),
        "x\r\nset-cookie: a=b\r\n\r\n<script>".to_string(),
        "\"; filename=\"evil.html".to_string(),
        "n".repeat(10_000),
        "💩".repeat(3_000),
        String::new(),
        ".".to_string(),
    ];
    let types = [
        "text/html",
        "text/html\r\nset-cookie: a=b",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "image/png; x=\"\r\n",
        "\u{0}",
        "",
        "x",
        "multipart/x-mixed-replace",
    ];
    let mut body = json!({ "event_id": id(1) }).to_string().into_bytes();
    body.push(b'\n');
    for (number, (name, ty)) in names.iter().zip(types).enumerate() {
        let headers = json!({ "filename": name, "content_type": ty, "attachment_type": "event.attachment" });
        body.extend(attachment(&headers, format!("<script>alert({number})</script>").as_bytes()));
    }
    to_envelope(&server, body).send().expect(200);
    let path = format!("/api/0/projects/main/default/events/{}/attachments/", id(1));
    let kept = server.get_json(&path);
    let kept = kept.as_array().unwrap();
    assert_eq!(kept.len(), names.len());
    for file in kept {
        let name = file["name"].as_str().unwrap();
        assert!(!name.is_empty() && name.chars().count() <= 200, "{name:?}");
        assert!(!name.contains(['/', '\\', '\0', '\r', '\n', '\u{202e}']), "{name:?}");
        for query in ["?download", "?inline", "?download=1&inline=1"] {
            let answer = server.get(&format!("{path}{}/{query}", file["id"].as_str().unwrap())).expect(200);
            assert_eq!(answer.header("set-cookie"), None, "{name:?}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
            let ty = answer.header("content-type").unwrap();
            assert!(["application/octet-stream", "text/plain; charset=utf-8"].contains(&ty), "{name:?}: {ty}");
        }
    }
    assert_unharmed(server);
}

fn post_form(server: &Trapline, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    let form = server.post(path).header("x-sentry-auth", &auth(server.key()));
    form.header("content-type", content_type).body(body)
}

#[test]
fn forms_that_are_none_are_refused_and_large_ones_bounded() {
    let server = Trapline::start();
    let part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nx\r\n";
    let dump = "--b\r\nContent-Disposition: form-data; name=\"upload_file_minidump\"; filename=\"d\"\r\n\r\nMDMPx\r\n";
    let many = format!("{dump}{}--b--\r\n", part.repeat(100_000));
    let nested = format!(
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\nContent-Type: multipart/mixed; \
         boundary=c\r\n\r\n--c\r\n{}\r\n--c--\r\n{dump}--b--\r\n",
        "--c\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n".repeat(10_000)
    );
    let long_header = format!("--b\r\nX: {}\r\n\r\nx\r\n{dump}--b--\r\n", "x".repeat(5 << 20));
    let many_headers = format!("--b\r\n{}\r\nx\r\n{dump}--b--\r\n", "X: y\r\n".repeat(200_000));
    let attachments = format!("/api/1/events/{}/attachments/", id(1));
    for path in ["/api/1/minidump/", &attachments] {
        for (content_type, body) in [
            ("multipart/form-data", part),
            ("multipart/form-data; boundary=", part),
            ("multipart/form-data; boundary=\"\"", part),
            ("multipart/form-data; boundary=other", part),
            ("multipart/form-data; boundary=b", ""),
            ("multipart/form-data; boundary=b", "--b"),
            ("multipart/form-data; boundary=b", "--b--"),
            ("multipart/form-data; boundary=b", "--b\r\n--b\r\n--b\r\n--b--"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\nx\r\n--b--"),
        ] {
            let answer = post_form(&server, path, content_type, body).send();
            assert_eq!(answer.status, 400, "{path} {content_type} {body}: {}", answer.text());
        }
        for body in [&many, &nested, &long_header, &many_headers] {
            let answer = post_form(&server, path, "multipart/form-data; boundary=b", body.as_str()).send();
            assert!(matches!(answer.status, 200 | 201 | 400 | 413), "{path}: {} {}", answer.status, answer.text());
        }
        let boundary = format!("multipart/form-data; boundary={}", "b".repeat(10_000));
        post_form(&server, path, &boundary, part).send().expect(400);
    }
    let kept = server.get_json(&format!("/api/0/projects/main/default/events/{}/attachments/", id(1)));
    assert!(kept.as_array().unwrap().len() <= 200, "{}", kept.as_array().unwrap().len());
    assert_unharmed(server);
}

#[test]
fn scripts_in_reports_and_feedback_stay_text_in_json() {
    let server = Trapline::start();
    let script = "</script><script>alert(1)</script>\u{2028}\u{202e}<img src=x onerror=alert(1)>";
    let csp = json!({ "csp-report": {
        "document-uri": script, "violated-directive": script, "effective-directive": script, "blocked-uri": script,
        "source-file": format!("javascript:{script}"), "script-sample": script, "original-policy": script.repeat(5_000),
        "referrer": script, "disposition": script, "status-code": script, "line-number": script,
    } });
    let path = format!("/api/1/security/?sentry_key={}&sentry_release={}", server.key(), "%3Cscript%3E%00%0a");
    let answer = server.post(&path).header("content-type", "application/csp-report").body(csp.to_string()).send();
    assert!(matches!(answer.status, 200 | 400), "{}", answer.text());
    let feedback = json!({ "event_id": id(5), "contexts": { "feedback": {
        "message": script, "name": script, "contact_email": script, "url": format!("javascript:{script}"),
    } } });
    to_envelope(&server, envelope(&[("feedback", &feedback.to_string())])).send().expect(200);
    for path in ["/api/ui/feedback", "/api/ui/issues?status=all", &format!("/api/ui/feedback/{}", id(5))] {
        let answer = server.get(path).expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert_eq!(server.get_json(&format!("/api/ui/feedback/{}", id(5)))["feedback"]["message"], script);
    // Reports beyond number and nesting.
    let short = json!({ "document-uri": script, "effective-directive": script, "blocked-uri": script });
    let many = json!(vec![json!({ "type": "csp-violation", "body": short }); 1_000]).to_string();
    let reports =
        |body: String| server.post(&path).header("content-type", "application/reports+json").body(body).send();
    for body in [many, "[".repeat(500_000), format!("[{}]", "{\"type\":\"nel\",\"body\":".repeat(1_000)), "[]".into()] {
        let answer = reports(body);
        assert!(matches!(answer.status, 200 | 400 | 413), "{}: {}", answer.status, answer.text());
    }
    assert_unharmed(server);
}

#[test]
fn a_hundred_thousand_reasons_of_a_client_report_are_bounded() {
    let server = Trapline::start();
    let list: Vec<Value> =
        (0..100_000).map(|n| json!({ "reason": format!("{n}"), "category": "error", "quantity": 7 })).collect();
    let report = json!({ "timestamp": now_s(), "discarded_events": list }).to_string();
    to_envelope(&server, envelope(&[("client_report", &report)])).send().expect(413);
    to_envelope(&server, beside_an_event(1, &[("client_report", &report)])).send().expect(200);
    let short = json!({ "discarded_events": &list[..1_200] }).to_string();
    let items = vec![("client_report", short.as_str()); 3];
    to_envelope(&server, beside_an_event(2, &items)).send().expect(200);
    let discards = server.get_json("/api/ui/ingest")["client_discards"].as_array().unwrap().clone();
    assert!(!discards.is_empty() && discards.len() <= 1_002, "{}", discards.len());
    server.get_json("/api/0/organizations/main/stats_v2/?groupBy=outcome&groupBy=reason&field=sum(quantity)");
    assert_eq!(server.outcome("event", "accepted"), 2);
    assert_unharmed(server);
}

fn put_settings(server: &Trapline, settings: &Value, version: Value) -> Answer {
    let body = json!({ "version": version, "settings": settings });
    server.request("PUT", "/api/ui/projects/1/settings").header("x-trapline", "1").json(&body).send()
}

#[test]
fn settings_nobody_should_send_change_nothing() {
    let server = Trapline::start();
    let path = "/api/ui/projects/1/settings";
    let before = server.get_json(path);
    let settings = &before["settings"];
    for version in [json!(1), json!(-1), json!(u64::MAX), json!("0"), json!(null), json!(0.5), json!([])] {
        let answer = put_settings(&server, settings, version.clone());
        assert!(matches!(answer.status, 400 | 409), "{version}: {} {}", answer.status, answer.text());
    }
    let mut huge = settings.clone();
    huge["grouping"]["fingerprint_rules"] = json!("a".repeat(1_000_000));
    put_settings(&server, &huge, json!(0)).expect(413);
    huge["grouping"]["fingerprint_rules"] = json!("message:\"x\" -> y\n".repeat(20_000));
    let answer = put_settings(&server, &huge, json!(0));
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    huge["grouping"]["fingerprint_rules"] = json!("message:\"x\" -> y\n".repeat(1_000));
    put_settings(&server, &huge, json!(0)).expect(400);
    let nested = format!("{{\"version\":0,\"settings\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    server.request("PUT", path).header("x-trapline", "1").body(nested).send().expect(400);
    for origin in ["http://evil.example", "null"] {
        let body = json!({ "version": 0, "settings": settings });
        let request = server.request("PUT", path).header("x-trapline", "1").header("origin", origin).json(&body);
        request.send().expect(403);
    }
    assert_eq!(server.get_json(path), before);
    assert_unharmed(server);
}

/// A pattern that costs a backtracking matcher ages costs ours what its length says.
#[test]
fn catastrophic_patterns_hold_nobody_up() {
    let server = Trapline::start();
    let mut settings = server.get_json("/api/ui/projects/1/settings")["settings"].clone();
    let stars = "*a".repeat(100);
    settings["grouping"]["fingerprint_rules"] = json!(format!("message:\"{stars}b\" -> one\n").repeat(100));
    settings["grouping"]["stack_trace_rules"] = json!(format!("stack.module:{stars}b +app\n").repeat(100));
    settings["filters"]["error_messages"] = json!({ "enabled": true, "patterns": vec![format!("{stars}b"); 50] });
    put_settings(&server, &settings, json!(0)).expect(200);
    let mut failed = event(1, "E");
    let value = &mut failed["exception"]["values"][0];
    value["value"] = json!("a".repeat(100_000));
    value["stacktrace"]["frames"] =
        json!(vec![json!({ "module": "a".repeat(250), "function": "f", "filename": "a.py", "lineno": 1 }); 250]);
    let started = std::time::Instant::now();
    to_envelope(&server, event_envelope(&failed)).send().expect(200);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert_unharmed(server);
}

#[test]
fn fifty_connections_at_a_limit_get_exactly_what_there_is() {
    let server = Trapline::start();
    let mut settings = server.get_json("/api/ui/projects/1/settings")["settings"].clone();
    settings["limits"]["rules"] = json!([
        { "key": null, "group": "error", "max": 60, "per": "seconds", "seconds": 86_400 },
        { "key": null, "group": "log", "max": 40, "per": "day", "seconds": 0 },
    ]);
    put_settings(&server, &settings, json!(0)).expect(200);
    let (kept, refused): (usize, usize) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..50_u64)
            .map(|client| {
                let server = &server;
                scope.spawn(move || {
                    let mut connection = crate::client::Connection::open(server.address());
                    let mut counted = (0, 0);
                    for n in 0..6 {
                        let number = client * 100 + n;
                        let log = container(&[good_item("log", number)]);
                        let answer = connection.send(&to_envelope(server, beside_an_event(number, &[("log", &log)])));
                        match answer.status {
                            200 => counted.0 += 1,
                            429 => counted.1 += 1,
                            other => panic!("{other}: {}", answer.text()),
                        }
                    }
                    counted
                })
            })
            .collect();
        let ends = clients.into_iter().map(|client| client.join().unwrap());
        ends.fold((0, 0), |sum, end| (sum.0 + end.0, sum.1 + end.1))
    });
    assert_eq!(kept + refused, 300);
    assert!((60..=100).contains(&kept), "{kept}");
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "rate_limited")), (60, 240));
    assert_eq!((server.outcome("log", "accepted"), server.outcome("log", "rate_limited")), (40, 260));
    assert_eq!(server.issues()[0]["event_count"], 60);
}
