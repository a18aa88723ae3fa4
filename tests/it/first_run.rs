//! The first minute: what a start prints, makes and refuses.

use std::net::TcpListener;

use tempfile::TempDir;

use crate::harness::{Trapline, run, run_with_env};
use crate::payload::send_event;

#[test]
fn a_first_start_makes_the_data_directory_and_says_where_everything_is() {
    let server = Trapline::start();
    assert!(server.database().exists());
    let address = server.address().to_string();
    assert_eq!(server.printed_after("Open"), format!("http://{address}"));
    assert_eq!(server.printed_after("OTLP"), format!("http://{address}"));
    assert_eq!(server.dsn(), format!("http://{}@{address}/1", server.key()));
    assert!(server.key().len() == 32 && server.key().bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", server.key());
    let path = std::path::absolute(server.database()).unwrap();
    assert!(server.printed().contains(&format!("{} (new)", path.display())), "{}", server.printed());
    assert!(server.get("/").text().starts_with("<!doctype html>"));
}

#[test]
fn a_later_start_keeps_the_key_and_does_not_call_the_data_new() {
    let mut server = Trapline::start();
    let key = server.key().to_string();
    server.restart();
    assert_eq!(server.key(), key);
    assert!(!server.printed().contains("(new)"), "{}", server.printed());
}

#[test]
fn two_directories_have_two_keys() {
    assert_ne!(Trapline::start().key(), Trapline::start().key());
}

#[test]
fn the_dsn_command_prints_the_dsn_alone_before_during_and_after_a_run() {
    let dir = TempDir::new().unwrap();
    let print = |dir: &std::path::Path| {
        let finished = run(dir, &["dsn", "--data-dir", "data"]);
        assert!(finished.status.success(), "{}", finished.stderr);
        // What is said besides is for a person who mistyped the directory.
        assert!(
            finished.stderr.is_empty() || finished.stderr.contains("made a new data directory"),
            "{}",
            finished.stderr
        );
        finished.stdout
    };
    let before = print(dir.path());
    let key = before.strip_prefix("http://").and_then(|rest| rest.split('@').next()).unwrap().to_string();
    assert_eq!(before, format!("http://{key}@127.0.0.1:4318/1\n"));

    let mut server = Trapline::start_in(dir, &[]);
    assert_eq!(server.key(), key);
    let dsn = format!("{}\n", server.dsn());
    assert_eq!(print(server.dir()), dsn);
    send_event(&server, 1, "KeyError");
    assert!(server.terminate().success());
    assert_eq!(print(server.dir()), dsn);
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let dir = TempDir::new().unwrap();
    let finished = run(dir.path(), &["serve", "--data-dir", "data", "--listen", &format!("127.0.0.1:{port}")]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains(&format!("port {port} is taken")), "{}", finished.stderr);
    assert!(finished.stderr.contains("--listen"), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
}

#[test]
fn an_address_others_could_reach_is_refused_with_the_reason() {
    let dir = TempDir::new().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4318"] {
        let finished = run(dir.path(), &["serve", "--data-dir", "data", "--listen", address]);
        assert!(!finished.status.success(), "{address}");
        assert!(finished.stderr.contains("no login"), "{}", finished.stderr);
    }
    assert!(!dir.path().join("data").exists());
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let server = Trapline::start();
    let finished = run(server.dir(), &["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("in use by another trapline"), "{}", finished.stderr);
    send_event(&server, 1, "KeyError");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_was() {
    let mut server = Trapline::start();
    assert!(server.terminate().success());
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.pragma_update(None, "user_version", 9999).unwrap();
    database.close().unwrap();
    let before = std::fs::read(server.database()).unwrap();
    for args in [&["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"][..], &["dsn", "--data-dir", "data"]] {
        let finished = run(server.dir(), args);
        assert!(!finished.status.success(), "{args:?}");
        assert!(finished.stderr.contains("written by a newer trapline"), "{args:?}: {}", finished.stderr);
        assert!(std::fs::read(server.database()).unwrap() == before, "{args:?}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let path = dir.path().join("data/trapline.db");
    std::fs::write(&path, "my precious notes, not a database at all, and longer than a header is".repeat(40)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let finished = run(dir.path(), &["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("trapline.db") || finished.stderr.contains("database"), "{}", finished.stderr);
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn flags_environment_and_file_say_the_same_thing() {
    let said = |dir: &TempDir, args: &[&str], env: &[(&str, &str)]| {
        let finished = run_with_env(dir.path(), args, env);
        assert!(finished.status.success(), "{}", finished.stderr);
        let places: Vec<bool> =
            ["flag", "env", "file"].iter().map(|name| dir.path().join(name).join("trapline.db").exists()).collect();
        (finished.stdout.trim_end().rsplit('@').next().unwrap().to_string(), places)
    };

    let dir = TempDir::new().unwrap();
    let by_flag = said(&dir, &["dsn", "--data-dir", "flag", "--listen", "127.0.0.1:5001"], &[]);
    assert_eq!(by_flag, ("127.0.0.1:5001/1".to_string(), vec![true, false, false]));

    let env = [("TRAPLINE_DATA_DIR", "env"), ("TRAPLINE_LISTEN", "127.0.0.1:5002")];
    let by_env = said(&dir, &["dsn"], &env);
    assert_eq!(by_env, ("127.0.0.1:5002/1".to_string(), vec![true, true, false]));

    std::fs::write(dir.path().join("trapline.toml"), "data_dir = \"file\"\nlisten = [\"127.0.0.1:5003\"]\n").unwrap();
    let by_file = said(&dir, &["dsn"], &[]);
    assert_eq!(by_file, ("127.0.0.1:5003/1".to_string(), vec![true, true, true]));

    // The closer one wins: the databases of the first runs are found again, with their keys.
    assert_eq!(said(&dir, &["dsn"], &env).0, "127.0.0.1:5002/1");
    let flags = ["dsn", "--data-dir", "flag", "--listen", "127.0.0.1:5001"];
    assert_eq!(said(&dir, &flags, &env).0, "127.0.0.1:5001/1");

    std::fs::write(dir.path().join("other.toml"), "listen = [\"127.0.0.1:5004\"]\n").unwrap();
    let by_named_file = said(&dir, &["dsn", "--config", "other.toml", "--data-dir", "flag"], &[]);
    assert_eq!(by_named_file.0, "127.0.0.1:5004/1");
}

#[test]
fn every_limit_can_be_set_in_the_file() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("trapline.toml"), "request_bytes_max = 1048576\nlog_format = \"json\"\n").unwrap();
    let server = Trapline::start_in(dir, &["--log-level", "debug"]);
    let answer = crate::payload::to_envelope(&server, vec![b' '; (1 << 20) + 1]).send();
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("1048576"), "{}", answer.text());
    let log = server.log();
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
}

#[test]
fn a_misspelt_setting_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("trapline.toml"), "data_dri = \"data\"\n").unwrap();
    let finished = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("data_dri") && finished.stderr.contains("trapline.toml"), "{}", finished.stderr);
    assert!(!dir.path().join("trapline-data").exists());
}

#[test]
fn a_named_settings_file_that_is_missing_is_an_error() {
    let dir = TempDir::new().unwrap();
    let finished = run(dir.path(), &["serve", "--config", "gone.toml", "--listen", "127.0.0.1:0"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("gone.toml"), "{}", finished.stderr);
}

#[test]
fn every_setting_but_the_limits_is_a_flag_that_help_lists() {
    let help = run(TempDir::new().unwrap().path(), &["--help"]).stdout;
    let settings = include_str!("../../config.example.toml").lines().filter_map(|line| line.split_once(" = "));
    let names: Vec<&str> = settings.map(|(name, _)| name).filter(|name| !name.starts_with('#')).collect();
    assert!(names.contains(&"header_timeout_s"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "limits") {
        assert!(help.contains(&format!("--{} ", name.replace('_', "-"))), "{name} in {help}");
    }
}
