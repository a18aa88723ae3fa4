//! Everything as lines of JSON and back: nothing is lost, nothing is there twice.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::dictionaries::send_until_in_use;
use crate::harness::{Trapline, run};
use crate::payload::{
    envelope, event, event_envelope, id, otlp_request, otlp_span, send_event, send_span, to_envelope,
};
use crate::schemas::{fill, seal_after, send_log, send_log_at, send_points_at, start_sealing, wait_until_sealed};

/// Runs a command that has to succeed.
fn ok(dir: &Path, args: &[&str]) -> String {
    let finished = run(dir, args);
    assert!(finished.status.success(), "{args:?}: {}{}", finished.stdout, finished.stderr);
    finished.stdout
}

/// All lines but the first, which says when it was written.
fn lines_of(dir: &Path, data: &str) -> Vec<String> {
    // More than a pipe holds until somebody reads it.
    ok(dir, &["export", "lines.ndjson", "--data-dir", data]);
    let text = std::fs::read_to_string(dir.join("lines.ndjson")).unwrap();
    std::fs::remove_file(dir.join("lines.ndjson")).unwrap();
    let mut lines: Vec<String> = text.lines().skip(1).map(str::to_string).collect();
    lines.sort();
    lines
}

fn kinds(lines: &[String]) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        *kinds.entry(line["kind"].as_str().unwrap().to_string()).or_default() += 1;
    }
    kinds
}

#[test]
fn what_is_exported_and_imported_is_exported_alike() {
    let mut server = Trapline::start();
    fill(&server);
    let dir = server.dir().to_path_buf();
    let live = lines_of(&dir, "data");
    let kinds = kinds(&live);
    for (kind, count) in [
        ("event", 6),
        ("issue", 2),
        ("span", 2),
        ("log", 1),
        ("metric_points", 1),
        ("attachment", 1),
        ("blob", 1),
        ("chunk", 1),
        ("feedback", 1),
        ("check_in", 1),
        ("session", 1),
        ("client_discard", 1),
        ("end", 1),
    ] {
        assert_eq!(kinds.get(kind), Some(&count), "{kind}: {kinds:?}");
    }
    assert!(server.terminate().success());
    for name in ["all.ndjson", "all.ndjson.gz", "all.ndjson.zst"] {
        ok(&dir, &["export", name, "--data-dir", "data"]);
        let copy = format!("copy-{name}");
        ok(&dir, &["import", name, "--data-dir", &copy]);
        assert_eq!(lines_of(&dir, &copy), live, "{name}");
        ok(&dir, &["check", "--full", "--data-dir", &copy]);
        // Again, and into the store it came from.
        for data in [copy.as_str(), "data"] {
            ok(&dir, &["import", name, "--data-dir", data]);
            assert_eq!(lines_of(&dir, data), live, "{name} into {data}");
        }
    }
    // The copy is a store like any other: what a reader sees is the same.
    let seen =
        |server: &Trapline| (server.issues(), server.traces(), server.get_json(&format!("/api/ui/events/{}", id(5))));
    server.start_again();
    let before = seen(&server);
    assert!(server.terminate().success());
    std::fs::rename(dir.join("data"), dir.join("old")).unwrap();
    std::fs::rename(dir.join("copy-all.ndjson"), dir.join("data")).unwrap();
    server.start_again();
    assert_eq!(seen(&server), before);
    assert_eq!(server.outcome("event", "accepted"), 6);
    assert_eq!(server.outcome("span", "accepted"), 2);
}

/// Sealing is no change, neither to what is exported nor to what is there already when it comes in again.
#[test]
fn what_is_sealed_is_exported_and_imported_as_what_is_not() {
    let mut server = start_sealing(86_400);
    fill(&server);
    for number in 0..300 {
        // Two requests for every trace, and what is logged in them.
        let spans: Vec<Value> =
            (0..3).map(|place| otlp_span(200 + number / 2, 10 * number + place + 1, "/pay/")).collect();
        server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
        if number % 10 == 0 {
            send_log(&server, &format!("order {}", number / 20));
        }
    }
    send_until_in_use(&server);
    let dir = server.dir().to_path_buf();
    let before = lines_of(&dir, "data");
    seal_after(&mut server, 0);
    wait_until_sealed(&server);
    let sealed = lines_of(&dir, "data");
    // The time nobody watched, between the two servers, is a line of its own; and spans are counted before they are sealed.
    let others =
        ["unwatched", "end", "perf_name", "perf_hour", "perf_minute"].map(|kind| format!("\"kind\":\"{kind}\""));
    let is_kept = |line: &&String| !others.iter().any(|kind| line.contains(kind.as_str()));
    assert!(
        sealed.iter().filter(is_kept).eq(before.iter().filter(is_kept)),
        "sealed: {:?}, before: {:?}",
        kinds(&sealed),
        kinds(&before)
    );
    assert_eq!((kinds(&sealed)["span"], kinds(&sealed)["log"]), (902, 31));
    assert!(server.terminate().success());

    ok(&dir, &["export", "all.ndjson.zst", "--data-dir", "data"]);
    for _ in 0..2 {
        // The second time into what is there: not sealed in the copy, sealed in the store it came from.
        for data in ["copy", "data"] {
            ok(&dir, &["import", "all.ndjson.zst", "--data-dir", data]);
            assert!(lines_of(&dir, data) == sealed, "{data}: {:?}", kinds(&lines_of(&dir, data)));
            ok(&dir, &["check", "--full", "--data-dir", data]);
        }
    }
}

#[test]
fn stores_are_merged_and_later_exports_add_what_is_new() {
    let mut one = Trapline::start();
    let mut other = Trapline::start();
    for number in 0..4 {
        send_event(&one, number, "KeyError");
        send_span(&one, 200, &format!("/a{number}/"));
        send_event(&other, 100 + number, ["KeyError", "OSError"][number as usize % 2]);
    }
    send_span(&other, 300, "/b/");
    let dir = one.dir().to_path_buf();
    let first = dir.join("first.ndjson");
    ok(&dir, &["export", "first.ndjson", "--data-dir", "data"]);
    send_event(&one, 50, "TypeError");
    send_event(&one, 51, "KeyError");
    assert!(one.terminate().success() && other.terminate().success());
    ok(&dir, &["export", "second.ndjson", "--data-dir", "data"]);
    let second = dir.join("second.ndjson");
    // The later one twice, and the earlier one once more behind it.
    for file in [&first, &second, &second, &first] {
        ok(other.dir(), &["import", file.to_str().unwrap(), "--data-dir", "data"]);
        ok(other.dir(), &["check", "--full", "--data-dir", "data"]);
    }
    other.start_again();
    let mut counts: Vec<u64> = other.issues().iter().map(|issue| issue["event_count"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 7], "TypeError, OSError, and the KeyError of both");
    assert_eq!(other.outcome("event", "accepted"), 10);
    assert_eq!(other.traces().len(), 2);
    let numbers: Vec<u64> = other
        .issues()
        .iter()
        .map(|issue| issue["short_id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{numbers:?}");
}

/// A store with errors of one name, some days ago, as if it had been there then.
fn store_of(days_ago: i64, events: &[(u64, &str, &str)]) -> Trapline {
    let mut server = Trapline::start();
    for (number, ty, environment) in events {
        let mut event = event(*number, ty);
        event["environment"] = json!(environment);
        event["release"] = json!(format!("shop@{environment}"));
        event["user"] = json!({ "id": number.to_string() });
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    assert!(server.terminate().success());
    let (hours, ms) = (days_ago * 24, days_ago * 86_400_000);
    let sql = format!(
        "UPDATE event SET timestamp_ms = timestamp_ms - {ms}, received_ms = received_ms - {ms};
         UPDATE issue SET first_seen_ms = first_seen_ms - {ms}, last_seen_ms = last_seen_ms - {ms};
         UPDATE issue_environment SET first_seen_ms = first_seen_ms - {ms}, last_seen_ms = last_seen_ms - {ms};
         UPDATE issue_hour SET hour = hour - {hours};
         UPDATE outcome SET hour = hour - {hours};
         UPDATE release SET first_seen_ms = first_seen_ms - {ms}, last_seen_ms = last_seen_ms - {ms};
         UPDATE release_hour SET hour = hour - {hours};
         UPDATE stored_day SET day = day - {days_ago};"
    );
    change(&server.database(), &sql);
    server
}

fn change(database: &Path, sql: &str) {
    Connection::open(database).unwrap().execute_batch(sql).unwrap();
}

fn copy_store(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::copy(from, to.join("trapline.db")).unwrap();
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["kind"] == kind)
}

/// Sums of a list of `[name, …, count]` by name.
fn sums<'a>(lists: impl Iterator<Item = &'a Value>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for entry in lists.flat_map(|list| list.as_array().unwrap()) {
        let entry = entry.as_array().unwrap();
        *sums.entry(entry[0].to_string()).or_default() += entry[entry.len() - 1].as_u64().unwrap();
    }
    sums
}

fn accepted<'a>(lines: impl Iterator<Item = &'a Value>) -> BTreeMap<i64, u64> {
    let mut hours = BTreeMap::new();
    for line in lines.filter(|line| line["category"] == "event" && line["reason"] == "accepted") {
        *hours.entry(line["hour"].as_i64().unwrap()).or_default() += line["quantity"].as_u64().unwrap();
    }
    hours
}

/// Three days lie between them, whichever comes first, and whether the events are still here or only their counts.
#[test]
fn an_issue_of_two_stores_holds_the_hours_environments_and_counts_of_both() {
    let old =
        store_of(3, &[(1, "KeyError", "live"), (2, "KeyError", "live"), (3, "KeyError", "stage"), (4, "OSError", "")]);
    let new = store_of(0, &[(11, "KeyError", "live"), (12, "KeyError", "test"), (13, "TypeError", "test")]);
    for (gone, present) in [("", 7), ("old", 3), ("new", 4), ("both", 0)] {
        for (into, from, status) in [(&new, &old, "ignored"), (&old, &new, "resolved")] {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path();
            copy_store(&into.database(), &dir.join("data"));
            copy_store(&from.database(), &dir.join("other"));
            change(&dir.join("data/trapline.db"), &format!("UPDATE issue SET status = '{status}'"));
            for (data, store) in [("data", into), ("other", from)] {
                if gone == "both" || gone == if std::ptr::eq(store, &old) { "old" } else { "new" } {
                    change(&dir.join(data).join("trapline.db"), "DELETE FROM event");
                }
            }
            let before = [parsed(&lines_of(dir, "data")), parsed(&lines_of(dir, "other"))];
            ok(dir, &["export", "other.ndjson", "--data-dir", "other"]);
            if gone != "new" {
                // One that was cut off costs nothing.
                let whole = std::fs::read_to_string(dir.join("other.ndjson")).unwrap();
                let lines: Vec<&str> = whole.lines().collect();
                std::fs::write(dir.join("cut.ndjson"), lines[..lines.len() * 2 / 3].join("\n") + "\n").unwrap();
                assert!(!run(dir, &["import", "cut.ndjson", "--data-dir", "data"]).status.success());
            }
            ok(dir, &["import", "other.ndjson", "--data-dir", "data"]);
            ok(dir, &["check", "--full", "--data-dir", "data"]);
            let what = format!("events gone: {gone:?}, into the one that is {status}");
            let lines = lines_of(dir, "data");
            let after = parsed(&lines);
            assert_eq!(of_kind(&after, "event").count(), present, "{what}");
            assert_eq!(of_kind(&after, "issue").count(), 3, "{what}");
            for issue in of_kind(&after, "issue") {
                let was: Vec<&Value> = before
                    .iter()
                    .flatten()
                    .filter(|line| line["kind"] == "issue" && line["id"] == issue["id"])
                    .collect();
                let number = |name: &'static str| was.iter().map(move |issue| issue[name].as_i64().unwrap());
                for field in ["hours", "environments"] {
                    let both = sums(was.iter().map(|issue| &issue[field]));
                    assert_eq!(sums([&issue[field]].into_iter()), both, "{what}: {field} of {issue}");
                }
                assert_eq!(issue["event_count"].as_i64(), Some(number("event_count").sum()), "{what}");
                assert_eq!(issue["user_count"].as_i64(), Some(number("user_count").sum()), "{what}");
                assert_eq!(issue["first_seen_ms"].as_i64(), number("first_seen_ms").min(), "{what}");
                assert_eq!(issue["last_seen_ms"].as_i64(), number("last_seen_ms").max(), "{what}");
                let newest = was.iter().max_by_key(|issue| issue["last_seen_ms"].as_i64()).unwrap();
                assert_eq!(issue["last_release"], newest["last_release"], "{what}");
                let oldest = was.iter().min_by_key(|issue| issue["first_seen_ms"].as_i64()).unwrap();
                assert_eq!(issue["first_release"], oldest["first_release"], "{what}");
                let here = of_kind(&before[0], "issue").any(|known| known["id"] == issue["id"]);
                assert_eq!(issue["status"], if here { status } else { "unresolved" }, "{what}");
            }
            let both = accepted(before.iter().flat_map(|lines| of_kind(lines, "outcome")));
            assert_eq!(accepted(of_kind(&after, "outcome")), both, "{what}");
            // Once more, and its own into itself.
            ok(dir, &["import", "other.ndjson", "--data-dir", "data"]);
            assert_eq!(lines_of(dir, "data"), lines, "{what}");
            ok(dir, &["export", "own.ndjson", "--data-dir", "data"]);
            ok(dir, &["import", "own.ndjson", "--data-dir", "data"]);
            ok(dir, &["import", "own.ndjson", "--data-dir", "other"]);
            assert_eq!(lines_of(dir, "data"), lines, "{what}");
            let numbered = |lines: Vec<String>| counts_of(&parsed(&lines));
            assert_eq!(numbered(lines_of(dir, "other")), numbered(lines), "{what}: and the other way round");
        }
    }
}

/// What is counted of issues, and of what was accepted.
fn counts_of(lines: &[Value]) -> Vec<String> {
    let issues = of_kind(lines, "issue").map(|issue| {
        let field = |name: &str| format!("{name}: {}", issue[name]);
        ["id", "hours", "environments", "event_count", "user_count", "first_seen_ms", "last_seen_ms", "last_release"]
            .map(field)
            .join(", ")
    });
    issues.chain([format!("{:?}", accepted(of_kind(lines, "outcome")))]).collect()
}

/// Two servers at work in the same hour: their events are told apart as long as they are here.
#[test]
fn events_of_the_same_hour_in_two_stores_are_all_counted() {
    let one = store_of(0, &[(1, "KeyError", "live"), (2, "KeyError", "live"), (3, "KeyError", "test")]);
    let other = store_of(0, &[(3, "KeyError", "test"), (4, "KeyError", "live"), (5, "OSError", "live")]);
    let dir = one.dir().to_path_buf();
    copy_store(&other.database(), &dir.join("other"));
    ok(&dir, &["export", "other.ndjson", "--data-dir", "other"]);
    for _ in 0..2 {
        ok(&dir, &["import", "other.ndjson", "--data-dir", "data"]);
        ok(&dir, &["check", "--full", "--data-dir", "data"]);
        let lines = parsed(&lines_of(&dir, "data"));
        let issues = || of_kind(&lines, "issue");
        let mut counts: Vec<u64> = issues().map(|issue| issue["event_count"].as_u64().unwrap()).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 4]);
        assert_eq!(sums(issues().map(|issue| &issue["hours"])).values().sum::<u64>(), 5);
        let environments = sums(issues().map(|issue| &issue["environments"]));
        assert_eq!(environments, BTreeMap::from([("\"live\"".to_string(), 4), ("\"test\"".to_string(), 1)]));
        assert_eq!(accepted(of_kind(&lines, "outcome")).values().sum::<u64>(), 5);
        let released: u64 = of_kind(&lines, "release_hour").map(|line| line["event_count"].as_u64().unwrap()).sum();
        assert_eq!(released, 5);
    }
}

/// A bug that one store keeps under another id, because it came there by another of its hashes, or was merged.
#[test]
fn an_issue_that_is_here_under_another_id_takes_what_comes_of_it() {
    let one = store_of(0, &[(1, "KeyError", "live"), (2, "OSError", "live")]);
    let other = store_of(3, &[(3, "OSError", "live"), (4, "OSError", "test")]);
    let dir = one.dir().to_path_buf();
    // OSError was merged into KeyError here.
    let is_key_error = "(SELECT id FROM issue WHERE title LIKE 'KeyError%')";
    let merge = format!(
        "UPDATE issue_hash SET issue_id = {is_key_error};
         UPDATE event SET issue_id = {is_key_error};
         DELETE FROM issue WHERE title NOT LIKE 'KeyError%';
         DELETE FROM issue_environment WHERE issue_id <> {is_key_error};
         DELETE FROM issue_hour WHERE issue_id <> {is_key_error};
         DELETE FROM issue_users WHERE issue_id <> {is_key_error};
         UPDATE issue SET event_count = 2;
         UPDATE issue_hour SET event_count = 2;
         UPDATE issue_environment SET event_count = 2;"
    );
    change(&one.database(), &merge);
    copy_store(&other.database(), &dir.join("other"));
    ok(&dir, &["export", "other.ndjson", "--data-dir", "other"]);
    let mut seen = Vec::new();
    for _ in 0..2 {
        ok(&dir, &["import", "other.ndjson", "--data-dir", "data"]);
        ok(&dir, &["check", "--full", "--data-dir", "data"]);
        let lines = lines_of(&dir, "data");
        let values = parsed(&lines);
        let issues: Vec<&Value> = of_kind(&values, "issue").collect();
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0]["event_count"], 4);
        assert!(issues[0]["title"].as_str().unwrap().starts_with("KeyError"), "the newest event names it");
        assert_eq!(issues[0]["hours"].as_array().unwrap().len(), 2);
        assert!(of_kind(&values, "event").all(|event| event["issue_id"] == issues[0]["id"]));
        seen.push(lines);
    }
    assert_eq!(seen[0], seen[1]);
}

/// One of each kind about a number, and one that both stores have.
fn send_all_kinds(server: &Trapline, number: u64, at_s: u64) {
    let send = |ty: &str, payload: Value| {
        to_envelope(server, envelope(&[(ty, &payload.to_string())])).send().expect(200);
    };
    for number in [number, 9] {
        let mut event = event(number, "KeyError");
        (event["timestamp"], event["release"]) = (json!(at_s + number), json!("shop@1.0"));
        send("event", event);
        send_log_at(server, &format!("order {number}"), at_s);
        send_points_at(server, number, at_s);
        send_span(server, 300 + number, "/pay/");
        send(
            "session",
            json!({ "sid": id(number), "did": number.to_string(), "init": true, "status": "exited", "duration": 2,
                "started": "2026-11-20T10:00:00Z", "timestamp": "2026-11-20T10:00:05Z",
                "attrs": { "release": "shop@1.0", "environment": "live" } }),
        );
        send(
            "check_in",
            json!({ "check_in_id": id(number), "monitor_slug": "nightly", "status": "ok", "duration": 1.5,
                "monitor_config": { "schedule": { "type": "interval", "value": 1, "unit": "day" } } }),
        );
        send(
            "user_report",
            json!({ "event_id": id(number), "name": "Ada", "email": "", "comments": format!("{number}") }),
        );
        let attachment = format!(
            "{{\"event_id\":\"{}\"}}\n{{\"type\":\"attachment\",\"length\":2,\"filename\":\"a.txt\"}}\n{number:02}\n",
            id(number)
        );
        to_envelope(server, attachment).send().expect(200);
    }
}

/// What no two stores have alike: numbers they gave out, and when they received what.
fn without_times(lines: &[String]) -> Vec<String> {
    let of_time = [
        "id",
        "received_ms",
        "created_ms",
        "started_ms",
        "finished_ms",
        "next_expected_ms",
        "overdue_ms",
        "last_check_in_ms",
        "content_key",
        "timeout_ms",
        "feedback_id",
    ];
    let kinds = [
        "event",
        "issue",
        "log",
        "log_minute",
        "metric",
        "metric_minute",
        "metric_points",
        "span",
        "session",
        "release",
        "release_hour",
        "release_users",
        "check_in",
        "monitor",
        "feedback",
        "attachment",
        "blob",
        "chunk",
    ];
    let mut lines: Vec<String> = parsed(lines)
        .into_iter()
        .filter(|line| kinds.contains(&line["kind"].as_str().unwrap()))
        .map(|mut line| {
            let members = line.as_object_mut().unwrap();
            members.retain(|name, _| !of_time.contains(&name.as_str()));
            if members["kind"] == "release_hour" {
                members.remove("new_issue_count");
            }
            if members["kind"] == "feedback" {
                members.remove("timestamp_ms");
            }
            line.to_string()
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_two_stores_have_of_every_kind_is_there_once() {
    // An hour ago, all in the same minute.
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at_s = now_s - now_s % 3_600 - 1_800;
    let [mut one, mut other, mut all] = [(); 3].map(|()| Trapline::start());
    for (server, numbers) in [(&mut one, vec![1]), (&mut other, vec![2]), (&mut all, vec![1, 2])] {
        numbers.into_iter().for_each(|number| send_all_kinds(server, number, at_s));
        assert!(server.terminate().success());
    }
    let dir = all.dir();
    let expected = without_times(&lines_of(dir, "data"));
    copy_store(&one.database(), &dir.join("one"));
    copy_store(&other.database(), &dir.join("other"));
    for data in ["one", "other"] {
        ok(dir, &["export", &format!("{data}.ndjson"), "--data-dir", data]);
    }
    for (from, into) in [("other", "one"), ("one", "other")] {
        ok(dir, &["import", &format!("{from}.ndjson"), "--data-dir", into]);
        ok(dir, &["check", "--full", "--data-dir", into]);
        let lines = lines_of(dir, into);
        let merged = without_times(&lines);
        let lacks: Vec<_> = expected.iter().filter(|line| !merged.contains(line)).collect();
        let has: Vec<_> = merged.iter().filter(|line| !expected.contains(line)).collect();
        assert!(merged == expected, "{from} into {into}: lacks {lacks:#?}, has {has:#?}");
        for again in [from, into] {
            ok(dir, &["import", &format!("{again}.ndjson"), "--data-dir", into]);
            assert_eq!(lines_of(dir, into), lines, "{again} into {into} again");
        }
    }
}

/// A session and a run of a job that have ended since the first export.
#[test]
fn what_has_moved_on_in_one_store_is_counted_where_it_ended() {
    let mut server = Trapline::start();
    let send = |server: &Trapline, ty: &str, payload: Value| {
        to_envelope(server, envelope(&[(ty, &payload.to_string())])).send().expect(200);
    };
    let session = |sid: u64, status: &str, sequence: u64| {
        json!({ "sid": id(sid), "did": sid.to_string(), "init": sequence == 0, "seq": sequence, "status": status,
            "started": "2026-11-20T10:00:00Z", "timestamp": format!("2026-11-20T10:00:0{sequence}Z"), "duration": sequence,
            "attrs": { "release": "shop@1.0", "environment": "live" } })
    };
    let check_in = |status: &str| {
        json!({ "check_in_id": id(2), "monitor_slug": "nightly", "status": status,
            "monitor_config": { "schedule": { "type": "interval", "value": 1, "unit": "day" } } })
    };
    send(&server, "session", session(1, "ok", 0));
    send(&server, "session", session(2, "ok", 0));
    send(&server, "check_in", check_in("in_progress"));
    let dir = server.dir().to_path_buf();
    let live = |dir: &Path, data: &str| -> Vec<String> {
        lines_of(dir, data).into_iter().filter(|line| !line.contains("\"kind\":\"unwatched\"")).collect()
    };
    ok(&dir, &["export", "early.ndjson", "--data-dir", "data"]);
    send(&server, "session", session(1, "crashed", 1));
    send(&server, "check_in", check_in("error"));
    assert!(server.terminate().success());
    ok(&dir, &["export", "late.ndjson", "--data-dir", "data"]);
    let late = live(&dir, "data");
    assert!(
        late.iter().any(|line| line.contains("\"healthy_count\":1") && line.contains("\"crashed_count\":1")),
        "{late:?}"
    );
    for file in ["early.ndjson", "late.ndjson", "late.ndjson", "early.ndjson"] {
        ok(&dir, &["import", file, "--data-dir", "copy"]);
    }
    ok(&dir, &["import", "early.ndjson", "--data-dir", "data"]);
    assert_eq!(live(&dir, "data"), late);
    assert_eq!(live(&dir, "copy"), late);
}

/// Whatever comes while an export is written: its counts are those of the events in it.
#[test]
fn an_export_taken_while_events_come_is_one_moment() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let mut server = Trapline::start();
    // More than are read at a time.
    for number in 0..600 {
        send_event(&server, number, "KeyError");
    }
    let dir = server.dir().to_path_buf();
    let is_over = AtomicBool::new(false);
    let exports: Vec<Vec<String>> = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (600..20_000).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                send_event(&server, number, "KeyError");
            }
        });
        let exports = (0..3)
            .map(|number| {
                let name = format!("export-{number}.ndjson");
                ok(&dir, &["export", &name, "--data-dir", "data"]);
                let text = std::fs::read_to_string(dir.join(name)).unwrap();
                text.lines().skip(1).map(str::to_string).collect()
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        exports
    });
    for lines in &exports {
        let lines = parsed(lines);
        let of = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
        let present = of("event").count() as u64;
        let accepted: u64 = of("outcome")
            .filter(|line| line["category"] == "event" && line["reason"] == "accepted")
            .map(|line| line["quantity"].as_u64().unwrap())
            .sum();
        let counted: u64 = of("issue").map(|line| line["event_count"].as_u64().unwrap()).sum();
        assert_eq!((counted, accepted), (present, present));
    }
    assert!(exports[2].len() > exports[0].len(), "nothing came while they were written");
    assert!(server.terminate().success());
    // Each after the other into one store, each twice; and what is in them again into the store they are of.
    let live = lines_of(&dir, "data");
    for (number, mut export) in exports.into_iter().enumerate() {
        export.sort();
        let name = format!("export-{number}.ndjson");
        for _ in 0..2 {
            ok(&dir, &["import", &name, "--data-dir", "copy"]);
            assert!(lines_of(&dir, "copy") == export, "export {number} into the copy");
        }
        ok(&dir, &["check", "--full", "--data-dir", "copy"]);
        ok(&dir, &["import", &name, "--data-dir", "data"]);
        assert!(lines_of(&dir, "data") == live, "export {number} into the store it is of");
    }
}

#[test]
fn what_is_not_whole_is_told_and_can_be_done_again() {
    let mut server = Trapline::start();
    fill(&server);
    let dir = server.dir().to_path_buf();
    assert!(server.terminate().success());
    let whole = ok(&dir, &["export", "--data-dir", "data"]);
    let lines = whole.lines().count();
    let cases = [
        ("cut.ndjson", whole[..whole.len() / 2].to_string(), "ends in the middle"),
        (
            "endless.ndjson",
            whole.lines().take(lines - 1).map(|line| format!("{line}\n")).collect(),
            "ends in the middle",
        ),
        (
            "odd.ndjson",
            whole.replacen("{\"kind\":\"event\"", "{\"kind\":\"evnt\"", 1),
            "nothing is known of the kind evnt",
        ),
        ("newer.ndjson", whole.replacen("\"format\":1", "\"format\":2", 1), "is of format 2"),
        ("other.txt", "a,b,c\n1,2,3\n".to_string(), "is no header"),
        ("empty.ndjson", String::new(), "is no header"),
    ];
    for (name, text, words) in cases {
        std::fs::write(dir.join(name), text).unwrap();
        let refused = run(&dir, &["import", name, "--data-dir", "copy"]);
        assert_eq!(refused.status.code(), Some(1), "{name}: {}", refused.stdout);
        assert!(refused.stderr.contains(words), "{name}: {}", refused.stderr);
        assert_eq!(refused.stderr.trim_end().lines().count(), 1, "{name}: {}", refused.stderr);
    }
    std::fs::write(dir.join("whole.ndjson"), &whole).unwrap();
    ok(&dir, &["import", "whole.ndjson", "--data-dir", "copy"]);
    assert_eq!(lines_of(&dir, "copy"), lines_of(&dir, "data"));
    server.start_again();
    let refused = run(&dir, &["import", "whole.ndjson", "--data-dir", "data"]);
    assert!(refused.stderr.contains("is running"), "{}", refused.stderr);
}

#[test]
fn an_export_can_be_of_one_project_of_some_kinds_and_of_late() {
    let mut server = Trapline::start();
    fill(&server);
    let dir = server.dir().to_path_buf();
    assert!(server.terminate().success());
    let connection = Connection::open(server.database()).unwrap();
    connection
        .execute_batch(
            "INSERT INTO project VALUES (2, 'shop', 'Shop', 'python', 1, 0);
             UPDATE event SET received_ms = 1000 WHERE id = (SELECT min(id) FROM event);",
        )
        .unwrap();
    drop(connection);
    let export = |args: &[&str]| {
        let text = ok(&dir, &[&["export", "--data-dir", "data"], args].concat());
        kinds(&text.lines().map(str::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        export(&["--kind", "spans,logs"]).keys().collect::<Vec<_>>(),
        ["end", "header", "log", "log_minute", "project", "project_key", "span"]
    );
    assert_eq!(export(&["--project", "shop"]).keys().collect::<Vec<_>>(), ["end", "header", "project"]);
    assert_eq!(export(&["--since", "2020-01-01"])["event"], 5);
    let refused = run(&dir, &["export", "--project", "nobody", "--data-dir", "data"]);
    assert!(refused.stderr.contains("there is no project nobody"), "{}", refused.stderr);
    std::fs::write(dir.join("taken"), "").unwrap();
    let refused = run(&dir, &["export", "taken", "--data-dir", "data"]);
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_read_costs_itself_and_is_named() {
    let mut server = Trapline::start();
    fill(&server);
    let dir = server.dir().to_path_buf();
    assert!(server.terminate().success());
    let before = kinds(&lines_of(&dir, "data"));
    let database = Connection::open(server.database()).unwrap();
    let (id, codec): (i64, i64) = database
        .query_row("SELECT id, body_codec FROM event ORDER BY id LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(codec > 0);
    database.execute("UPDATE event SET body = x'00112233' WHERE id = ?1", [id]).unwrap();
    // A dictionary that is not there.
    let other: i64 = database.query_row("SELECT max(id) FROM event", [], |row| row.get(0)).unwrap();
    assert_ne!(other, id);
    database.execute("UPDATE event SET body_codec = 99999 WHERE id = ?1", [other]).unwrap();
    let damaged =
        database.execute("UPDATE span_batch SET body = x'00112233' WHERE id = (SELECT min(id) FROM span_batch)", []);
    assert_eq!(damaged, Ok(1));
    drop(database);
    let told = run(&dir, &["export", "rest.ndjson", "--data-dir", "data"]);
    assert_eq!(told.status.code(), Some(1), "{}", told.stderr);
    for words in [
        "3 rows cannot be read",
        &format!("event {id}: "),
        &format!("event {other}: "),
        "spans up to batch",
        "trapline check --full",
    ] {
        assert!(told.stderr.contains(words), "{words} is not in {}", told.stderr);
    }
    let text = std::fs::read_to_string(dir.join("rest.ndjson")).unwrap();
    let lines: Vec<String> = text.lines().skip(1).map(str::to_string).collect();
    let after = kinds(&lines);
    assert_eq!(after["event"] + 2, before["event"]);
    assert_eq!(after["log"], before["log"]);
    ok(&dir, &["import", "rest.ndjson", "--data-dir", "copy"]);
    let checked = run(&dir, &["check", "--full", "--data-dir", "data"]);
    assert!(!checked.status.success(), "{}", checked.stdout);
}
