//! Imports that find too little room, and what commands do when nobody reads what they print, or a start is going on.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::faults::disk::{NO_MOUNTS, own_mounts};
use crate::faults::pass;
use crate::harness::{Trapline, run};
use crate::payload::{event, event_envelope, id, otlp_request, otlp_span, to_envelope};
use crate::schemas::send_log;

const BINARY: &str = env!("CARGO_BIN_EXE_trapline");
const NOW_MS: u64 = 1_800_000_000_000;

/// An export of one issue with so many events, of about so many bytes each that cannot be compressed by much.
fn write_export(path: &Path, events: u64, bytes: usize) {
    let hour = NOW_MS / 3_600_000;
    let mut text = format!(
        r#"{{"kind":"header","format":1,"trapline":"0.1.0","schema":17,"exported_ms":{NOW_MS}}}
{{"kind":"project","id":1,"slug":"default","name":"Default","platform":"python","created_ms":{NOW_MS},"last_short_no":1}}
{{"kind":"project_key","public_key":"ca837b9ff327b7e5c779cca07a0f8f23","project_id":1,"label":"Default","is_active":1,"created_ms":{NOW_MS}}}
{{"kind":"issue","id":6153779560155114072,"project_id":1,"short_no":1,"issue_kind":"error","title":"ValueError: x","culprit":"","ty":"ValueError","value":"x","filename":null,"function":null,"line":null,"level":"error","platform":"other","status":"unresolved","is_unhandled":0,"first_seen_ms":{NOW_MS},"last_seen_ms":{NOW_MS},"event_count":{events},"user_count":0,"first_release":null,"last_release":null,"hashes":["8e4172f01c535eedda818fc7549fcab1"],"hours":[[{hour},{events}]],"environments":[["p",{NOW_MS},{NOW_MS},{events}]],"hours_from":null,"users":null}}
"#
    );
    let mut random = 88_172_645_463_325_252_u64;
    for number in 1..=events {
        let mut noise = String::new();
        while noise.len() < bytes * 2 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let _ = write!(noise, "{random:016x}");
        }
        let event_id = id(number);
        let _ = writeln!(
            text,
            r#"{{"kind":"event","id":{},"project_id":1,"event_id":"{event_id}","issue_id":6153779560155114072,"timestamp_ms":{NOW_MS},"received_ms":{NOW_MS},"event_kind":"error","level":"error","platform":"other","title":"ValueError: x","culprit":"","release":null,"environment":"p","trace_id":null,"span_id":null,"grouping_version":1,"body":{{"event_id":"{event_id}","level":"error","environment":"p","message":"{noise}"}}}}"#,
            1_000 + number
        );
    }
    let _ = write!(
        text,
        r#"{{"kind":"outcome","project_id":1,"hour":{hour},"category":"event","reason":"accepted","quantity":{events},"until_hour":null}}
{{"kind":"end","lines":{}}}
"#,
        events + 6
    );
    std::fs::write(path, text).unwrap();
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let finished = run(dir, args);
    assert!(finished.status.success(), "{args:?}: {}{}", finished.stdout, finished.stderr);
    finished.stdout
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().skip(1).map(str::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn an_import_without_room_says_so_and_goes_on_when_it_is_run_again() {
    let Some(surroundings) = own_mounts("mount -t tmpfs -o size=16m,mode=700 none m") else {
        eprintln!("skipped: {NO_MOUNTS}");
        return;
    };
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("m")).unwrap();
    write_export(&dir.path().join("all.ndjson"), 4_000, 4 << 10);
    let script = "for step in small again; do
            $T import all.ndjson --data-dir m/d >$step.out 2>$step.err; echo $? >$step.rc
            df -k --output=avail m | tail -1 >$step.free
            $T check --data-dir m/d >$step.check 2>&1; echo $? >>$step.check
            mount -o remount,size=400m m
        done
        $T export m.ndjson --data-dir m/d";
    let (program, arguments) = surroundings.wrapper.split_first().unwrap();
    let done = Command::new(program)
        .args(arguments)
        .args(["sh", "-c", script])
        .env("T", BINARY)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();

    let told = read("small.err");
    assert_eq!((read("small.rc").trim(), told.trim_end().lines().count()), ("1", 1), "{told}");
    for words in
        ["the import is not complete", "lines are in", "Free about ", " MiB more", "run the same command again"]
    {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    assert!(!told.contains("Error code") && !told.contains("nothing was imported"), "{told}");
    let lines: u64 = told.split_once("the first ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!((500..4_000).contains(&lines), "{told}");
    let more: u64 = told.split_once("Free about ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!((2..60).contains(&more), "{told}");
    // A tenth of so small a disk.
    let free: u64 = read("small.free").trim().parse().unwrap();
    assert!(free >= 1_600, "{free} KiB left: {told}");
    let checked = read("small.check");
    assert!(checked.ends_with("0\n") && checked.contains("was not completed"), "{checked}");

    assert_eq!(read("again.rc"), "0\n", "{}", read("again.err"));
    let checked = read("again.check");
    assert!(checked.ends_with("0\n") && !checked.contains("was not completed"), "{checked}");
    ok(dir.path(), &["import", "all.ndjson", "--data-dir", "plenty"]);
    ok(dir.path(), &["export", "plenty.ndjson", "--data-dir", "plenty"]);
    assert!(sorted_lines(&dir.path().join("m.ndjson")) == sorted_lines(&dir.path().join("plenty.ndjson")));
}

#[test]
fn an_import_beyond_max_size_says_what_happens_next() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("trapline.toml"), "max_size = \"64 MiB\"").unwrap();
    write_export(&dir.path().join("little.ndjson"), 1, 16);
    write_export(&dir.path().join("much.ndjson"), 700, 90 << 10);
    let told = ok(dir.path(), &["import", "little.ndjson"]);
    assert!(!told.contains("max_size"), "{told}");
    let told = ok(dir.path(), &["import", "much.ndjson"]);
    for words in ["With a max_size of 64 MiB a server keeps about 44", "drops the oldest", "larger max_size"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    // What a first start would choose is chosen here, before the disk holds what came.
    let database = Connection::open(dir.path().join("trapline-data/trapline.db")).unwrap();
    let chosen = "SELECT value FROM setting WHERE key = 'max_size_default'";
    assert!(database.query_row(chosen, [], |row| row.get::<_, String>(0)).is_err(), "it was set");
    std::fs::remove_file(dir.path().join("trapline.toml")).unwrap();
    ok(dir.path(), &["import", "little.ndjson", "--data-dir", "other"]);
    let database = Connection::open(dir.path().join("other/trapline.db")).unwrap();
    let bytes: String = database.query_row(chosen, [], |row| row.get(0)).unwrap();
    assert!(bytes.parse::<u64>().unwrap() >= 64 << 20, "{bytes}");
}

#[test]
fn who_stops_reading_is_told_nothing() {
    let dir = TempDir::new().unwrap();
    write_export(&dir.path().join("all.ndjson"), 40, 8 << 10);
    ok(dir.path(), &["import", "all.ndjson", "--data-dir", "data"]);
    let import: &[&str] = &["import", "all.ndjson"];
    for args in
        [&["export"][..], &["dsn"], &["storage"], &["storage", "--json"], &["check"], &["backup", "copy.db"], import]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(BINARY);
        command.args(args).args(["--data-dir", "data"]).current_dir(dir.path());
        let finished = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&finished.stderr);
        assert_eq!((finished.status.code(), &*told), (Some(141), ""), "{args:?}");
    }
}

#[test]
fn a_dsn_is_waited_for_while_the_first_start_goes_on() {
    let server = Trapline::start();
    ok(server.dir(), &["backup", "ready.db", "--data-dir", "data"]);
    let starting = server.dir().join("starting");
    std::fs::create_dir(&starting).unwrap();
    // As it is between the two: the directory is taken, and the database has no table yet.
    let lock = File::create(starting.join("trapline.lock")).unwrap();
    lock.try_lock().unwrap();
    File::create(starting.join("trapline.db")).unwrap();
    let told = std::thread::spawn({
        let dir = server.dir().to_path_buf();
        move || run(&dir, &["dsn", "--data-dir", "starting"])
    });
    pass(Duration::from_millis(700));
    assert!(!told.is_finished());
    std::fs::rename(server.dir().join("ready.db"), starting.join("trapline.db")).unwrap();
    let told = told.join().unwrap();
    assert_eq!((told.stdout.trim(), &*told.stderr), (server.dsn(), ""));
    drop(lock);
}

#[test]
fn of_spans_and_logs_at_least_what_is_there_is_accepted_after_a_merge() {
    let store_of = |numbers: std::ops::Range<u64>| {
        let mut server = Trapline::start();
        for number in numbers {
            let span = otlp_span(number, 1, "GET /");
            server.post("/v1/traces").json(&otlp_request(&[span])).send().expect(200);
            send_log(&server, &format!("line {number}"));
            to_envelope(&server, event_envelope(&event(number, "KeyError"))).send().expect(200);
        }
        assert!(server.terminate().success());
        server
    };
    let (one, other) = (store_of(1..6), store_of(4..8));
    let from = other.dir().join("other.ndjson");
    ok(other.dir(), &["export", "other.ndjson", "--data-dir", "data"]);
    for _ in 0..2 {
        ok(one.dir(), &["import", from.to_str().unwrap(), "--data-dir", "data"]);
        let exported = ok(one.dir(), &["export", "--data-dir", "data"]);
        let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (category, kind) in [("span", "span"), ("log", "log"), ("event", "event")] {
            let there = lines.iter().filter(|line| line["kind"] == kind).count() as u64;
            let counts = lines.iter().filter(|line| line["kind"] == "outcome" && line["category"] == category);
            let accepted = counts.filter(|line| line["reason"] == "accepted");
            let accepted: u64 = accepted.map(|line| line["quantity"].as_u64().unwrap()).sum();
            // The same line of two servers names each of them, and is two.
            assert!(there >= 7 && accepted == there, "{category}: {there} there, {accepted} accepted");
        }
    }
}
