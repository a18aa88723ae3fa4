//! What was answered with 200 is on disk, whatever happens next.

use std::collections::BTreeSet;

use crate::fixture::Fixture;
use crate::harness::Trapline;
use crate::payload::{event, event_envelope, id, otlp_request, otlp_span, send_event, send_span, to_envelope};

/// Sends from several connections at once, as a busy site does, and gives back how many events and traces there are.
fn send_a_lot(server: &Trapline) -> (u64, u64) {
    const SENDERS: u64 = 4;
    const EACH: u64 = 12;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                for number in sender * EACH..(sender + 1) * EACH {
                    send_event(server, number, ["KeyError", "TypeError", "OSError"][number as usize % 3]);
                    send_span(server, 1000 + number, "/pay/");
                }
            });
        }
    });
    (SENDERS * EACH, SENDERS * EACH)
}

fn assert_everything_is_there(server: &Trapline, (events, traces): (u64, u64)) {
    for number in 0..events {
        let event = server.get_json(&format!("/api/ui/events/{}", id(number)));
        assert_eq!(event["event_id"], id(number));
    }
    let found: BTreeSet<String> =
        server.traces().iter().map(|trace| trace["trace_id"].as_str().unwrap().to_string()).collect();
    assert_eq!(found, (1000..1000 + traces).map(id).collect());
    let issues = server.issues();
    let counts: Vec<u64> = issues.iter().map(|issue| issue["event_count"].as_u64().unwrap()).collect();
    assert_eq!(counts.iter().sum::<u64>(), events, "{counts:?}");
    assert_eq!(counts.len(), 3);
    let by_hour = |issue: &serde_json::Value| -> u64 {
        issue["hours"].as_array().unwrap().iter().map(|hour| hour.as_u64().unwrap()).sum()
    };
    assert_eq!(issues.iter().map(by_hour).collect::<Vec<_>>(), counts);
    assert_eq!(server.outcome("event", "accepted"), events);
    assert_eq!(server.outcome("span", "accepted"), traces);
}

#[test]
fn a_power_cut_right_after_the_answers_loses_nothing() {
    let mut server = Trapline::start();
    let sent = send_a_lot(&server);
    server.kill9();
    server.start_again();
    assert_everything_is_there(&server, sent);
}

#[test]
fn an_orderly_stop_ends_well_and_loses_nothing() {
    let mut server = Trapline::start();
    let sent = send_a_lot(&server);
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    let log = std::fs::metadata(server.database().with_extension("db-wal"));
    assert!(log.is_err() || log.is_ok_and(|log| log.len() == 0), "the write-ahead log still holds something");
    server.start_again();
    assert_everything_is_there(&server, sent);
}

#[test]
fn ctrl_c_is_an_orderly_stop_too() {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0));
    server.start_again();
    assert_eq!(server.issues().len(), 1);
}

#[test]
fn what_is_sent_again_after_a_power_cut_counts_once() {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/pay/");
    server.kill9();
    server.start_again();
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/pay/");
    assert_eq!(server.issues()[0]["event_count"], 1);
    assert_eq!(server.traces()[0]["span_count"], 1);
    send_event(&server, 2, "KeyError");
    assert_eq!(server.issues()[0]["event_count"], 2);
}

#[test]
fn the_power_may_go_at_any_moment_and_only_the_unanswered_is_open() {
    let mut server = Trapline::start();
    for round in 0..3_u64 {
        let pid = server.pid();
        let answered: Vec<u64> = std::thread::scope(|scope| {
            let server = &server;
            let senders: Vec<_> = (0..3_u64)
                .map(|sender| {
                    scope.spawn(move || {
                        let mut answered = Vec::new();
                        for number in (round * 3 + sender) * 1000..(round * 3 + sender + 1) * 1000 {
                            let request = to_envelope(server, event_envelope(&event(number, "KeyError")));
                            let sent = std::panic::catch_unwind(|| request.send());
                            match sent {
                                Ok(answer) if answer.status == 200 => answered.push(number),
                                _ => break,
                            }
                            if sender == 0 && answered.len() == 10 {
                                let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
                                assert!(killed.unwrap().success());
                            }
                        }
                        answered
                    })
                })
                .collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        });
        assert!(answered.len() >= 10);
        server.wait();
        server.start_again();
        for number in &answered {
            server.get_json(&format!("/api/ui/events/{}", id(*number)));
        }
    }
    // What was stored but not answered in time counts too, and exactly once.
    let count = server.issues()[0]["event_count"].as_u64().unwrap();
    assert_eq!(server.outcome("event", "accepted"), count);
    let issue = server.issues()[0]["id"].as_str().unwrap().to_string();
    assert_eq!(crate::sentry_api::all_pages(&server, &format!("/api/0/issues/{issue}/events/")).len() as u64, count);
}

#[test]
fn captures_survive_a_power_cut_word_for_word() {
    let mut server = Trapline::start();
    let fixture = Fixture::load("sentry-python-2.75.0/django-chained-error");
    fixture.request(&server).send().expect(200);
    let id = fixture.event_id().unwrap();
    let before = server.get_json(&format!("/api/ui/events/{id}"));
    server.kill9();
    server.start_again();
    assert_eq!(server.get_json(&format!("/api/ui/events/{id}")), before);
}

#[test]
fn spans_of_one_trace_in_several_requests_are_one_trace_after_a_restart() {
    let mut server = Trapline::start();
    for span in 1..=3 {
        let request = otlp_request(&[otlp_span(7, span, "/pay/")]);
        server.post("/v1/traces").json(&request).send().expect(200);
    }
    server.kill9();
    server.start_again();
    assert_eq!(server.traces()[0]["span_count"], 3);
    let trace = server.get_json(&format!("/api/ui/traces/{}", id(7)));
    assert_eq!(trace["spans"]["span_id"].as_array().unwrap().len(), 3);
}
