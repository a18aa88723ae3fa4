//! Open pages are told what changed.

use crate::client::Connection;
use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{send_event, send_span};

fn open_stream(server: &Trapline) -> Connection {
    let mut connection = Connection::open(server.address());
    connection.write(&server.request("GET", "/api/ui/live").encode());
    let head = connection.read_until(&[": connected"]);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
    connection
}

/// The JSON after `data:` of the first message of a topic.
fn data_of(text: &str, topic: &str) -> serde_json::Value {
    let message = text.split("\n\n").find(|message| message.contains(&format!("event: {topic}\n"))).unwrap();
    let data = message.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn an_event_a_trace_and_every_request_are_told() {
    let server = Trapline::start();
    let mut stream = open_stream(&server);
    send_event(&server, 1, "KeyError");
    let text = stream.read_until(&["event: issue\n", "event: ingest\n", "\"DEFAULT-1\""]);
    assert_eq!(data_of(&text, "issue")["ids"][0], server.issues()[0]["id"]);
    assert_eq!(data_of(&text, "ingest")[0]["short_id"], "DEFAULT-1");
    send_span(&server, 1, "/pay/");
    let text = stream.read_until(&["event: trace\n", "event: ingest\n", "\"protocol\":\"otlp\""]);
    assert_eq!(data_of(&text, "trace")["count"], 1);
}

#[test]
fn refused_requests_are_told_too() {
    let server = Trapline::start();
    let mut stream = open_stream(&server);
    server.post("/api/1/envelope/").body("{}\n").send().expect(401);
    let text = stream.read_until(&["event: ingest\n", "401"]);
    assert!(data_of(&text, "ingest")[0]["problem"].is_string());
}

#[test]
fn what_is_told_can_be_read_at_once() {
    let server = Trapline::start();
    let mut stream = open_stream(&server);
    send(&server, "sentry-python-2.75.0/django-chained-error-transaction");
    stream.read_until(&["event: trace\n"]);
    assert_eq!(server.traces().len(), 1);
}

#[test]
fn every_open_page_is_told() {
    let server = Trapline::start();
    let mut streams: Vec<Connection> = (0..5).map(|_| open_stream(&server)).collect();
    send_event(&server, 1, "KeyError");
    for stream in &mut streams {
        stream.read_until(&["event: issue\n"]);
    }
}

#[test]
fn a_page_that_went_away_costs_nothing() {
    let server = Trapline::start();
    for _ in 0..20 {
        drop(open_stream(&server));
    }
    let mut stays = open_stream(&server);
    send_event(&server, 1, "KeyError");
    stays.read_until(&["event: issue\n"]);
}

#[test]
fn an_open_page_does_not_keep_the_server_from_stopping() {
    let mut server = Trapline::start();
    let mut stream = open_stream(&server);
    send_event(&server, 1, "KeyError");
    assert!(server.terminate().success());
    stream.read_to_end();
    server.start_again();
    assert_eq!(server.issues().len(), 1);
}

/// The number of the last message in a text.
fn last_id(text: &str) -> u64 {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().parse().unwrap()
}

fn resume(server: &Trapline, header: Option<&str>, query: &str) -> Connection {
    let mut connection = Connection::open(server.address());
    let mut request = server.request("GET", &format!("/api/ui/live{query}"));
    if let Some(id) = header {
        request = request.header("Last-Event-ID", id);
    }
    connection.write(&request.encode());
    connection
}

#[test]
fn a_page_whose_link_was_lost_goes_on_where_it_was() {
    let server = Trapline::start();
    let mut stream = open_stream(&server);
    send_event(&server, 1, "KeyError");
    let text = stream.read_until(&["event: issue\n", "event: ingest\n", "\"DEFAULT-1\"", "\n\n"]);
    let seen = last_id(&text);
    drop(stream);
    send_event(&server, 2, "TypeError");
    // It was told while nobody was there.
    let mut other = open_stream(&server);
    send_event(&server, 3, "ValueError");
    other.read_until(&["\"DEFAULT-3\""]);
    for mut stream in [resume(&server, Some(&seen.to_string()), ""), resume(&server, None, &format!("?after={seen}"))] {
        let missed = stream.read_until(&["event: hello\n"]);
        assert!(missed.contains("\"DEFAULT-2\"") && missed.contains("\"DEFAULT-3\""), "{missed}");
        assert!(!missed.contains("\"DEFAULT-1\"") && !missed.contains("event: resync"), "{missed}");
    }
}

#[test]
fn a_page_that_outlived_the_server_reads_again() {
    let mut server = Trapline::start();
    let mut stream = open_stream(&server);
    send_event(&server, 1, "KeyError");
    let seen = last_id(&stream.read_until(&["event: issue\n", "event: ingest\n", "\n\n"]));
    assert!(server.terminate().success());
    server.start_again();
    let text = resume(&server, Some(&seen.to_string()), "").read_until(&["event: hello\n", "\ndata: {}\n\n"]);
    assert!(text.contains("event: resync"), "{text}");
    assert!(last_id(&text) > seen);
    // Nor does it fall for numbers of nobody.
    for id in ["0", "18446744073709551615", "-1", "x"] {
        resume(&server, Some(id), "").read_until(&["event: resync\n", "event: hello\n"]);
    }
}
