//! The power goes while everything there is comes in at once: what was answered is there, all of it, and counted once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::harness::Trapline;
use crate::payload::{id, mixed, to_envelope};
use crate::sentry_api::all_pages;

const SENDERS: u64 = 4;

/// Sends until the power goes, and gives back what was answered with 200.
fn storm(server: &Trapline, round: u64, now_s: f64) -> Vec<u64> {
    let pid = server.pid();
    let total = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let total = &total;
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    for number in (round * SENDERS + sender) * 1_000.. {
                        let request = to_envelope(server, mixed(number, now_s));
                        match std::panic::catch_unwind(|| request.send()) {
                            Ok(answer) if answer.status == 200 => answered.push(number),
                            _ => return answered,
                        }
                        if total.fetch_add(1, Ordering::Relaxed) == 60 {
                            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
                            assert!(killed.unwrap().success());
                        }
                    }
                    answered
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

fn texts(list: &[Value], key: &str) -> BTreeSet<String> {
    list.iter().map(|row| row[key].as_str().unwrap().to_string()).collect()
}

/// Every page of a list of our own, by its cursor.
fn whole_list(server: &Trapline, path: &str, list: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get_json(&format!("{path}{cursor}"));
        rows.extend(page[list].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('+', "%2B")),
            None => return rows,
        }
    }
}

/// What is kept, by kind, as the screens show it; where there is a counter, it says the same.
fn counted(server: &Trapline) -> [u64; 8] {
    let events: u64 = server.issues().iter().map(|issue| issue["event_count"].as_u64().unwrap()).sum();
    let listed: usize = server
        .issues()
        .iter()
        .map(|issue| all_pages(server, &format!("/api/0/issues/{}/events/", issue["id"].as_str().unwrap())).len())
        .sum();
    assert_eq!(listed as u64, events);
    let traces = whole_list(server, "/api/ui/traces?kind=all&limit=100", "traces").len() as u64;
    let logs = whole_list(server, "/api/ui/logs?limit=100", "logs").len() as u64;
    let metric = server.get_json("/api/ui/metrics")["metrics"][0]["count"].as_u64().unwrap();
    let check_ins: usize =
        (0..7).map(|n| all_pages(server, &format!("/api/0/organizations/main/monitors/job-{n}/checkins/")).len()).sum();
    let releases = server.get_json("/api/ui/releases?environment=production");
    let sessions = releases["releases"][0]["session_count"].as_u64().unwrap();
    let feedback = whole_list(server, "/api/ui/feedback?limit=100", "feedback").len() as u64;
    let kept = [events, traces, logs, metric, check_ins as u64, sessions, feedback];
    let categories = ["event", "span", "log", "trace_metric", "check_in", "session", "feedback"];
    assert_eq!(categories.map(|category| server.outcome(category, "accepted")), kept);
    let [events, traces, logs, metric, check_ins, sessions, feedback] = kept;
    [events, server.outcome("attachment", "accepted"), traces, logs, metric, check_ins, sessions, feedback]
}

#[test]
fn a_power_cut_in_a_storm_of_everything_loses_nothing_and_doubles_nothing() {
    let mut server = Trapline::start();
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - 60.0;
    let mut answered = Vec::new();
    for round in 0..2 {
        let kept = storm(&server, round, now_s);
        assert!(kept.len() > 50, "{}", kept.len());
        answered.extend(kept);
        server.wait();
        server.start_again();
    }
    let before = counted(&server);
    // An envelope is one commit but for large attachments, so all of its kinds agree, answered or not.
    assert!(before.iter().all(|count| *count == before[0]), "{before:?}");
    assert!(before[0] >= answered.len() as u64, "{before:?}, answered {}", answered.len());
    let logs = texts(&whole_list(&server, "/api/ui/logs?limit=100", "logs"), "body");
    let traces = texts(&whole_list(&server, "/api/ui/traces?kind=all&limit=100", "traces"), "trace_id");
    let words = texts(&whole_list(&server, "/api/ui/feedback?limit=100", "feedback"), "message");
    for number in &answered {
        server.get_json(&format!("/api/ui/events/{}", id(*number)));
        let path = format!("/api/0/projects/main/default/events/{}/attachments/", id(*number));
        let file = server.get_json(&path)[0].clone();
        let kept = server.get(&format!("{path}{}/?download", file["id"].as_str().unwrap())).expect(200).body;
        assert!(kept == number.to_le_bytes().repeat(2_000), "{number}");
        assert!(logs.contains(&format!("log {number}")), "log {number}");
        assert!(traces.contains(&id(*number)), "trace {number}");
        assert!(words.contains(&format!("word {number}")), "feedback {number}");
    }
    // A client that got no answer sends again, and so does one whose answer was lost.
    for number in &answered {
        to_envelope(&server, mixed(*number, now_s)).send().expect(200);
    }
    assert_eq!(counted(&server), before);
}
