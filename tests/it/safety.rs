//! Backups, their way back, and the check of either, with the commands a person types.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Finished, Trapline, run, wait_for};
use crate::payload::{id, send_event, send_span};
use crate::schemas::{start_sealing, wait_until_sealed};

/// Runs a command on the data of a server, running or not.
fn on(server: &Trapline, args: &[&str]) -> Finished {
    run(server.dir(), &[args, &["--data-dir", "data"]].concat())
}

fn expect_success(finished: Finished) -> String {
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    finished.stdout
}

/// One line for people, and a failure for scripts.
fn expect_refusal(finished: &Finished, words: &str) {
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
    assert_eq!(finished.stderr.trim_end().lines().count(), 1, "{}", finished.stderr);
}

fn json_of(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

fn event_numbers(database: &Path, below: u64) -> Vec<u64> {
    let connection = Connection::open(database).unwrap();
    let is_there = |number: &u64| -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM event WHERE lower(hex(event_id)) = ?1)";
        connection.query_row(sql, [id(*number)], |row| row.get(0)).unwrap()
    };
    (0..below).filter(is_there).collect()
}

fn fill(server: &Trapline) {
    for number in 0..8 {
        send_event(server, number, ["KeyError", "TypeError"][number as usize % 2]);
        send_span(server, 100 + number, "/pay/");
    }
}

#[test]
fn a_backup_made_under_load_holds_everything_acknowledged_before_it_began() {
    let server = Trapline::start();
    fill(&server);
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let (made, before, after) = std::thread::scope(|scope| {
        scope.spawn(|| {
            // A page of the database changes between any two steps of the copy.
            for number in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                send_event(&server, 1_000 + number, "KeyError");
                acknowledged.store(number + 1, Ordering::SeqCst);
            }
        });
        wait_for("some load", || (acknowledged.load(Ordering::SeqCst) > 20).then_some(()));
        let before = acknowledged.load(Ordering::SeqCst);
        let made = on(&server, &["backup", "copy.db", "--json"]);
        let after = acknowledged.load(Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
        (made, before, after)
    });
    assert!(made.status.success(), "{}", made.stderr);
    assert!(after > before, "ingest went on");
    let copy = server.dir().join("copy.db");
    let manifest = json_of(&made);
    assert_eq!(manifest["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert!(manifest["rows"]["event"].as_u64().unwrap() >= 8 + before, "{manifest}");
    for beside in ["copy.db-wal", "copy.db-shm", "copy.db.partial"] {
        assert!(!server.dir().join(beside).exists(), "{beside}");
    }
    assert_eq!(mode(&copy), 0o600);
    expect_success(run(server.dir(), &["check", "copy.db", "--full"]));
    let held = event_numbers(&copy, 1_000 + before);
    assert_eq!(held, (0..8).chain(1_000..1_000 + before).collect::<Vec<_>>());
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_backup_is_made_without_a_server_too_and_after_a_power_cut() {
    let mut server = Trapline::start();
    fill(&server);
    server.kill9();
    let before = std::fs::read(server.database()).unwrap();
    let printed = expect_success(on(&server, &["backup", "copy.db"]));
    let bring_back = |name: &str| server.dir().canonicalize().unwrap().join(name).display().to_string();
    assert!(printed.trim_end().ends_with(&format!("trapline restore {}", bring_back("copy.db"))), "{printed}");
    let spaced = expect_success(on(&server, &["backup", "a copy.db"]));
    assert!(spaced.trim_end().ends_with(&format!("trapline restore '{}'", bring_back("a copy.db"))), "{spaced}");
    assert!(printed.contains("8 events") && printed.contains("2 issues"), "{printed}");
    assert_eq!(std::fs::read(server.database()).unwrap(), before, "the database is only read");
    assert_eq!(event_numbers(&server.dir().join("copy.db"), 9), (0..8).collect::<Vec<_>>());
}

#[test]
fn no_backup_replaces_a_file_unasked() {
    let server = Trapline::start();
    fill(&server);
    let copy = server.dir().join("copy.db");
    std::fs::write(&copy, "precious").unwrap();
    expect_refusal(&on(&server, &["backup", "copy.db"]), "exists already");
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");
    expect_success(on(&server, &["backup", "copy.db", "--force"]));
    expect_success(run(server.dir(), &["check", "copy.db"]));
    expect_refusal(&on(&server, &["backup", "data/trapline.db", "--force"]), "belongs to the database itself");
    expect_refusal(&on(&server, &["backup", "nowhere/copy.db"]), "the folder does not exist");
    expect_refusal(&run(server.dir(), &["backup", "b.db", "--data-dir", "elsewhere"]), "there is no database");
    assert!(!server.dir().join("elsewhere").exists(), "a question makes no directory");
}

/// Whatever it is called: the database and what lies beside it is open in a server that answers 200.
#[test]
fn no_command_writes_over_a_file_of_the_data_directory() {
    let server = Trapline::start();
    fill(&server);
    std::os::unix::fs::symlink("data", server.dir().join("linked")).unwrap();
    std::os::unix::fs::symlink("data/trapline.db-wal", server.dir().join("log.db")).unwrap();
    std::fs::hard_link(server.database(), server.dir().join("hard.db")).unwrap();
    let own = ["", "-wal", "-shm", "-journal"].map(|suffix| format!("data/trapline.db{suffix}"));
    let others = ["data/trapline.lock", "data/trapline.room", "linked/trapline.db-wal", "./data/../data/trapline.db"];
    let links = ["log.db", "hard.db"];
    for target in own.iter().map(String::as_str).chain(others).chain(links) {
        for command in ["backup", "export"] {
            for more in [&["--force"][..], &[]] {
                let refused = on(&server, &[&[command, target], more].concat());
                expect_refusal(&refused, "belongs to the database itself");
            }
        }
    }
    // The same from beside another store: this one is somebody's all the same.
    expect_success(on(&server, &["backup", "copy.db"]));
    expect_success(run(server.dir(), &["restore", "copy.db", "--data-dir", "other"]));
    for command in ["backup", "export"] {
        let refused = run(server.dir(), &[command, "data/trapline.db", "--force", "--data-dir", "other"]);
        expect_refusal(&refused, "belongs to the database itself");
    }
    send_event(&server, 60, "OSError");
    expect_success(on(&server, &["check", "--full"]));
    assert_eq!(event_numbers(&server.database(), 61).last(), Some(&60));

    // What lies beside the target of an export is none of its business.
    for name in ["lines.ndjson", "lines.ndjson-wal", "lines.ndjson-shm"] {
        std::fs::write(server.dir().join(name), "somebody's").unwrap();
    }
    expect_success(on(&server, &["export", "lines.ndjson", "--force"]));
    for name in ["lines.ndjson-wal", "lines.ndjson-shm"] {
        assert_eq!(std::fs::read(server.dir().join(name)).unwrap(), b"somebody's", "{name}");
    }
}

#[test]
fn a_backup_comes_back_with_everything_and_the_old_database_is_kept() {
    let mut server = Trapline::start();
    fill(&server);
    expect_success(on(&server, &["backup", "copy.db"]));
    send_event(&server, 50, "OSError");
    expect_refusal(&on(&server, &["restore", "copy.db", "--force"]), "is running");
    assert!(server.terminate().success());
    expect_refusal(&on(&server, &["restore", "copy.db"]), "holds data");
    let printed = expect_success(on(&server, &["restore", "copy.db", "--force"]));
    let aside = printed.lines().find_map(|line| line.strip_prefix("The database that was there is now ")).unwrap();
    assert_eq!(event_numbers(&PathBuf::from(aside), 51).last(), Some(&50), "nothing is thrown away");
    server.start_again();
    let issues = server.issues();
    let counts: Vec<u64> = issues.iter().map(|issue| issue["event_count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [4, 4]);
    assert_eq!(server.traces().len(), 8);
    assert_eq!(mode(&server.database()), 0o600);

    // On another machine, where nothing is yet.
    let fresh = run(server.dir(), &["restore", "copy.db", "--data-dir", "elsewhere"]);
    expect_success(fresh);
    expect_success(run(server.dir(), &["check", "--data-dir", "elsewhere", "--full"]));
}

#[test]
fn a_database_nobody_sent_anything_to_gives_way() {
    let server = Trapline::start();
    fill(&server);
    expect_success(on(&server, &["backup", "copy.db"]));
    expect_success(run(server.dir(), &["dsn", "--data-dir", "fresh"]));
    let printed = expect_success(run(server.dir(), &["restore", "copy.db", "--data-dir", "fresh"]));
    assert!(!printed.contains("is now"), "{printed}");
}

#[test]
fn a_broken_copy_is_not_put_in_place() {
    let server = Trapline::start();
    fill(&server);
    expect_success(on(&server, &["backup", "copy.db"]));
    let copy = server.dir().join("copy.db");
    let whole = std::fs::read(&copy).unwrap();
    for (name, bytes) in [
        ("cut.db", whole[..whole.len() / 2].to_vec()),
        ("scribbled.db", whole.iter().enumerate().map(|(at, byte)| if at >= 8192 { !byte } else { *byte }).collect()),
        ("other.db", b"not a database, but long enough to be taken for one by somebody in a hurry".repeat(20)),
        ("empty.db", Vec::new()),
    ] {
        std::fs::write(server.dir().join(name), bytes).unwrap();
        let refused = run(server.dir(), &["restore", name, "--data-dir", "elsewhere"]);
        assert_eq!(refused.status.code(), Some(1), "{name}: {}", refused.stdout);
        assert!(refused.stderr.starts_with("trapline: nothing was restored: "), "{name}: {}", refused.stderr);
        let verified = run(server.dir(), &["restore", name, "--verify"]);
        assert_eq!(verified.status.code(), Some(1), "{name}: {}", verified.stdout);
    }
    assert!(!server.dir().join("elsewhere").exists());
    expect_success(run(server.dir(), &["restore", "copy.db", "--verify"]));
}

/// Every kind of damage that rows can show is found, and only that.
/// A schema that cannot be read is one finding: every other question would only say the same.
#[test]
fn a_check_of_a_damaged_schema_tells_the_cause_once() {
    let mut server = Trapline::start();
    fill(&server);
    assert!(server.terminate().success());
    let connection = Connection::open(server.database()).unwrap();
    connection.execute_batch("PRAGMA writable_schema = ON").unwrap();
    connection.execute("UPDATE sqlite_schema SET sql = 'CREATE TABL x' WHERE name = 'issue'", []).unwrap();
    drop(connection);
    let checked = on(&server, &["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(checked.stdout.matches("BROKEN").count(), 1, "{}", checked.stdout);
    assert!(checked.stdout.contains("malformed"), "{}", checked.stdout);
    assert!(checked.stdout.contains("not checked"), "{}", checked.stdout);
}

#[test]
fn a_check_says_what_is_broken() {
    let mut server = Trapline::start();
    fill(&server);
    let sound = json_of(&on(&server, &["check", "--json"]));
    assert_eq!((&sound["ok"], &sound["schema"]), (&Value::Bool(true), &Value::from(newest_schema())));
    assert!(server.terminate().success());
    for (claim, damage) in [
        ("every event has its issue", "DELETE FROM issue WHERE short_no = 1"),
        ("the counts of all issues add up", "UPDATE outcome SET quantity = quantity - 1 WHERE category = 'event'"),
        ("the hours of every issue add up", "UPDATE issue_hour SET event_count = event_count + 1"),
        ("every issue counts at least", "UPDATE issue SET event_count = 1"),
        ("the environments of every issue", "DELETE FROM issue_environment"),
        ("every indexed trace is found", "DELETE FROM span_batch WHERE id = (SELECT max(id) FROM span_batch)"),
        ("every listed trace has spans", "DELETE FROM trace_part WHERE batch_id = (SELECT max(id) FROM span_batch)"),
        ("events can be read", "UPDATE event SET body = x'0102' WHERE id = (SELECT min(id) FROM event)"),
        ("spans can be read", "UPDATE span_batch SET span_count = 7"),
        ("foreign keys", "INSERT INTO project_settings VALUES (99, 1, '{}', 1)"),
        ("what is counted as kept", "UPDATE stored_day SET bytes = bytes + 1 WHERE kind = 'errors'"),
        ("every issue is found by a search", "DELETE FROM issue_search_due; DELETE FROM issue_search"),
        ("every dictionary that events", "UPDATE event SET body_codec = 16 WHERE id = (SELECT min(id) FROM event)"),
        ("traces have their spans", "UPDATE trace SET span_count = 0"),
    ] {
        assert_found(&server, claim, damage);
    }
}

/// The filter of a chunk's traces, of the same length and with nothing in it.
const EMPTY_FILTER: &str =
    "UPDATE log_part SET body = unhex(hex(substr(body, 1, 2)) || hex(zeroblob(length(body) - 2))) WHERE id % 16 = 6";

#[test]
fn a_check_says_what_is_broken_of_what_is_sealed() {
    let mut server = start_sealing(0);
    fill(&server);
    crate::schemas::fill(&server);
    wait_until_sealed(&server);
    let sound = on(&server, &["check", "--full", "--json"]);
    assert!(sound.status.success(), "{}", sound.stdout);
    assert!(server.terminate().success());
    for (claim, damage) in [
        ("every indexed trace is found", "DELETE FROM span_chunk WHERE id = (SELECT max(id) FROM span_chunk)"),
        ("every chunk of spans holds", "UPDATE span_chunk SET trace_count = 0"),
        ("no two chunks", "INSERT INTO span_batch SELECT last_batch_id, 1, 1, 1, 1, 1, x'00' FROM span_chunk"),
        ("has all its parts", "DELETE FROM log_part WHERE id % 16 = 5"),
        ("every part of a chunk", "DELETE FROM log_chunk"),
        ("the logs of every trace", "INSERT INTO log_batch_trace VALUES (1, x'00')"),
        ("sealed spans can be read", "UPDATE span_chunk_part SET body = x'0102' WHERE id % 8 = 3"),
        ("sealed spans can be read", "UPDATE span_chunk SET span_count = span_count + 1"),
        ("traces have their spans", "UPDATE trace SET trace_id = randomblob(16)"),
        ("sealed logs can be read", "UPDATE log_part SET body = x'0102' WHERE id % 16 = 3"),
        ("sealed logs can be read", "UPDATE log_chunk SET max_ns = min_ns - 1"),
        ("sealed logs can be read", EMPTY_FILTER),
    ] {
        assert_found(&server, claim, damage);
    }
}

fn assert_found(server: &Trapline, claim: &str, damage: &str) {
    let copy = server.dir().join("damaged.db");
    std::fs::copy(server.database(), &copy).unwrap();
    let scratch = Connection::open(&copy).unwrap();
    scratch.execute_batch(&format!("PRAGMA foreign_keys = OFF; {damage}")).unwrap();
    drop(scratch);
    let found = run(server.dir(), &["check", "damaged.db", "--json"]);
    assert_eq!(found.status.code(), Some(1), "{claim}: {}", found.stdout);
    let report = json_of(&found);
    let findings = report["findings"].as_array().unwrap();
    let broken: Vec<&Value> = findings.iter().filter(|finding| finding["ok"] == false).collect();
    assert!(broken.iter().any(|finding| finding["claim"].as_str().unwrap().contains(claim)), "{claim}: {broken:#?}");
    assert!(broken.len() < findings.len() / 2, "{claim}: {broken:#?}");
    let words = run(server.dir(), &["check", "damaged.db"]);
    assert!(words.stdout.contains("BROKEN") && words.stdout.contains("-> "), "{}", words.stdout);
}

fn newest_schema() -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let files = std::fs::read_dir(folder).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "sql")).count()
}

#[test]
fn a_database_of_a_newer_trapline_is_left_as_it_is() {
    let mut server = Trapline::start();
    fill(&server);
    expect_success(on(&server, &["export", "all.ndjson"]));
    assert!(server.terminate().success());
    let connection = Connection::open(server.database()).unwrap();
    connection.pragma_update(None, "user_version", 9_999).unwrap();
    // As a backup is: that it was opened for writing shows in its header.
    let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    drop(connection);
    let before = std::fs::read(server.database()).unwrap();
    for args in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["dsn"],
        &["check"],
        &["backup", "copy.db"],
        &["import", "all.ndjson"],
        &["storage"],
        &["storage", "--compact"],
    ] {
        let refused = on(&server, args);
        assert_eq!(refused.status.code(), Some(1), "{args:?}: {}", refused.stdout);
        assert!(
            refused.stderr.contains("was written by a newer trapline (schema 9999"),
            "{args:?}: {}",
            refused.stderr
        );
        assert_eq!(std::fs::read(server.database()).unwrap(), before, "{args:?} changed it");
    }
}

/// A file of another program by the name of ours, or named by mistake.
#[test]
fn a_database_of_another_program_is_no_trapline_database_and_left_as_it_is() {
    let server = Trapline::start();
    fill(&server);
    expect_success(on(&server, &["export", "all.ndjson"]));
    let foreign = server.dir().join("foreign/trapline.db");
    std::fs::create_dir(server.dir().join("foreign")).unwrap();
    let connection = Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('a'), ('b');").unwrap();
    drop(connection);
    let before = std::fs::read(&foreign).unwrap();
    for args in [
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", "foreign"][..],
        &["import", "all.ndjson", "--data-dir", "foreign"],
        &["dsn", "--data-dir", "foreign"],
        &["storage", "--data-dir", "foreign"],
        &["storage", "--compact", "--data-dir", "foreign"],
        &["backup", "copy.db", "--data-dir", "foreign"],
        &["export", "-", "--data-dir", "foreign"],
        &["check", "foreign/trapline.db"],
        &["restore", "--verify", "foreign/trapline.db"],
        &["restore", "foreign/trapline.db", "--data-dir", "elsewhere"],
    ] {
        let refused = run(server.dir(), args);
        expect_refusal(&refused, "is not a trapline database");
        assert_eq!(std::fs::read(&foreign).unwrap(), before, "{args:?} changed it");
    }
    assert!(!server.dir().join("elsewhere").exists());

    // One that says nothing of whose it is, as all did once, is known by its tables, and says so from then on.
    let mut server = server;
    assert!(server.terminate().success());
    let id = |set: Option<i64>| -> i64 {
        let connection = Connection::open(server.database()).unwrap();
        set.into_iter().for_each(|id| connection.pragma_update(None, "application_id", id).unwrap());
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap()
    };
    let ours = id(None);
    assert!(ours != 0 && id(Some(0)) == 0);
    expect_success(on(&server, &["check"]));
    expect_success(on(&server, &["storage"]));
    assert_eq!(id(None), ours);
}
