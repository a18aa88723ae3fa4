//! The command line as a newcomer meets it: what each command lists, what it says when it cannot, and whose files it reads.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faults::refused::somebody_else;
use crate::harness::{Finished, Trapline, run, run_among, run_with_env};
use crate::payload::{send_event, send_span};

fn options(help: &str) -> Vec<&str> {
    let words = help.split_whitespace().filter_map(|word| word.strip_prefix("--"));
    let mut names: Vec<&str> = words.map(|word| word.trim_end_matches([',', '.', '`'])).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn every_command_lists_what_it_takes_and_an_example() {
    let dir = TempDir::new().unwrap();
    for (command, own) in [
        ("dsn", &["listen"][..]),
        ("storage", &["compact", "json"]),
        ("backup", &["force", "json"]),
        ("restore", &["force", "verify"]),
        ("check", &["full", "json"]),
        ("export", &["force", "kind", "project", "since"]),
        ("import", &[]),
    ] {
        let help = run(dir.path(), &[command, "--help"]).stdout;
        let (listed, example) = help.split_once("Example:\n").unwrap_or_else(|| panic!("no example: {help}"));
        let mut expected = [&["config", "data-dir", "help"], own].concat();
        expected.sort_unstable();
        assert_eq!(options(listed), expected, "{help}");
        assert!(example.contains(&format!("trapline {command}")), "{example}");
        assert!(listed.contains("TRAPLINE_DATA_DIR"), "{help}");
    }
    let serve = run(dir.path(), &["serve", "--help"]).stdout;
    assert!(options(&serve).contains(&"keep-errors-days"), "{serve}");
}

#[test]
fn what_is_said_behind_a_command_wins_over_what_is_said_before_it_and_the_environment() {
    let dir = TempDir::new().unwrap();
    let made = |name: &str| dir.path().join(name).join("trapline.db").exists();
    let env = [("TRAPLINE_DATA_DIR", "env")];
    assert!(run_with_env(dir.path(), &["--data-dir", "before", "dsn"], &env).status.success());
    assert!(made("before") && !made("env"));
    assert!(run_with_env(dir.path(), &["--data-dir", "first", "dsn", "--data-dir", "behind"], &env).status.success());
    assert!(made("behind") && !made("first") && !made("env"));
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let dir = TempDir::new().unwrap();
    let settings = include_str!("../../config.example.toml").lines().filter_map(|line| line.split_once(" = "));
    let names: Vec<String> = settings
        .filter(|(name, _)| !name.starts_with(['#', ' ']))
        .map(|(name, _)| format!("TRAPLINE_{}", name.to_uppercase()))
        .chain(["TRAPLINE_CONFIG".to_string()])
        .collect();
    assert!(names.contains(&"TRAPLINE_MAX_SIZE".to_string()), "{names:?}");
    let env: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let finished = run_with_env(dir.path(), &["dsn"], &env);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(dir.path().join("trapline-data/trapline.db").exists());
}

#[test]
fn a_setting_out_of_bounds_is_refused_with_the_bounds() {
    let dir = TempDir::new().unwrap();
    let finished = run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--seal-after-s", "99999999"]);
    assert_eq!(finished.status.code(), Some(1));
    let said = "trapline: seal_after_s must be between 0 and 86400 seconds, not 99999999\n";
    assert_eq!(finished.stderr, said);
}

#[test]
fn a_wrong_number_of_days_is_told_with_the_range_and_by_the_name_it_was_given() {
    let dir = TempDir::new().unwrap();
    let by_env =
        run_with_env(dir.path(), &["serve", "--listen", "127.0.0.1:0"], &[("TRAPLINE_KEEP_ERRORS_DAYS", "ten")]);
    assert_eq!(by_env.status.code(), Some(2));
    assert_eq!(
        by_env.stderr,
        "trapline: the environment variable TRAPLINE_KEEP_ERRORS_DAYS is \"ten\", which it cannot be: write a number of \
         days from 0 (as long as there is room) to 36500\n"
    );
    for days in ["-1", "ten"] {
        let env = [("TRAPLINE_KEEP_SPANS_DAYS", "7")];
        let by_flag = run_with_env(dir.path(), &["serve", "--keep-errors-days", days], &env);
        assert_eq!(by_flag.status.code(), Some(2), "{}", by_flag.stderr);
        assert!(by_flag.stderr.contains("--keep-errors-days"), "{}", by_flag.stderr);
        assert!(by_flag.stderr.contains("to 36500"), "{}", by_flag.stderr);
    }
}

/// The data directory of a server that has ended, with an event and a trace in it.
fn left_behind() -> TempDir {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_span(&server, 2, "/pay/");
    assert!(server.terminate().success());
    let dir = TempDir::new().unwrap();
    std::fs::rename(server.dir().join("data"), dir.path().join("data")).unwrap();
    dir
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn names_in(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

/// What a reading command does for another user, with a place of their own to write to.
fn reading_commands(mine: &Path) -> Vec<Vec<String>> {
    let copy = mine.join("copy.db").display().to_string();
    [&["dsn"][..], &["storage", "--json"], &["check", "--full"], &["export"], &["backup", &copy]]
        .iter()
        .map(|args| args.iter().map(ToString::to_string).chain(["--data-dir".into(), "data".into()]).collect())
        .collect()
}

fn expect_one_line(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    assert_eq!(finished.stderr.trim_end().lines().count(), 1, "{}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "{word} is missing: {}", finished.stderr);
    }
}

#[test]
fn a_database_that_may_be_read_but_not_written_is_read() {
    let Some(somebody) = somebody_else() else {
        eprintln!("not tried: a directory of another user (needs root and setpriv)");
        return;
    };
    let dir = left_behind();
    let mine = TempDir::new().unwrap();
    allow(mine.path(), 0o777);
    allow(dir.path(), 0o755);
    allow(&dir.path().join("data"), 0o755);
    allow(&dir.path().join("data/trapline.db"), 0o644);
    let before = names_in(&dir.path().join("data"));
    for args in reading_commands(mine.path()) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let finished = run_among(dir.path(), &args, &somebody);
        assert!(finished.status.success(), "{args:?}: {}", finished.stderr);
        if args[0] == "storage" {
            let report: Value = serde_json::from_str(&finished.stdout).unwrap();
            assert!(report["used_bytes"].as_u64().unwrap() > 0, "{report}");
        }
    }
    assert_eq!(names_in(&dir.path().join("data")), before, "nothing is left beside it");
    // What has to write says why it cannot.
    let finished = run_among(dir.path(), &["storage", "--compact", "--data-dir", "data"], &somebody);
    expect_one_line(&finished, &["cannot write", "belongs to root"]);
}

#[test]
fn a_database_of_another_user_is_refused_with_its_owner() {
    let Some(somebody) = somebody_else() else {
        eprintln!("not tried: a directory of another user (needs root and setpriv)");
        return;
    };
    let dir = left_behind();
    let mine = TempDir::new().unwrap();
    allow(mine.path(), 0o777);
    allow(dir.path(), 0o755);
    for (mode, what) in [(0o755, "trapline.db: it belongs to root"), (0o700, "the folder")] {
        allow(&dir.path().join("data"), mode);
        let serve = ["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"].map(str::to_string).to_vec();
        for args in reading_commands(mine.path()).into_iter().chain([serve]) {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let finished = run_among(dir.path(), &args, &somebody);
            if args[0] == "serve" {
                expect_one_line(&finished, &["cannot", "belongs to root"]);
            } else {
                expect_one_line(&finished, &["cannot read", what, "Run the same command as root"]);
            }
        }
    }
}

#[test]
fn a_backup_into_a_directory_gets_a_name_of_its_own() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    std::fs::create_dir(server.dir().join("copies")).unwrap();
    let finished = run(server.dir(), &["backup", "copies", "--json", "--data-dir", "data"]);
    assert!(finished.status.success(), "{}", finished.stderr);
    let manifest: Value = serde_json::from_str(&finished.stdout).unwrap();
    let made = names_in(&server.dir().join("copies"));
    assert_eq!(made, [PathBuf::from(manifest["path"].as_str().unwrap())]);
    let name = made[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("trapline-20") && name.ends_with(".db"), "{name}");
    // The others name a file, too.
    let finished = run(server.dir(), &["export", "copies", "--data-dir", "data"]);
    expect_one_line(&finished, &["copies is a directory", "all.ndjson.zst"]);
    for command in ["check", "restore"] {
        expect_one_line(&run(server.dir(), &[command, "copies"]), &["copies is a directory"]);
    }
}

#[test]
fn what_is_not_there_or_in_use_is_told_as_what_it_is() {
    let server = Trapline::start();
    let run = |args: &[&str]| run(server.dir(), args);
    expect_one_line(&run(&["restore", "gone.db"]), &["there is no file gone.db"]);
    expect_one_line(&run(&["check", "--data-dir", "gone"]), &["there is no database", "--data-dir"]);
    let compact = run(&["storage", "--compact", "--data-dir", "data"]);
    expect_one_line(&compact, &["a trapline is running in", "stop it"]);
}

#[test]
fn an_import_tells_what_was_new() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_event(&server, 2, "KeyError");
    send_span(&server, 3, "/pay/");
    let run = |args: &[&str]| run(server.dir(), args);
    assert!(run(&["export", "all.ndjson", "--data-dir", "data"]).status.success());
    let counts = |data: &str| {
        let finished = run(&["import", "all.ndjson", "--data-dir", data]);
        assert!(finished.status.success(), "{}", finished.stderr);
        let of = |kind: &str| -> Vec<u64> {
            let line = finished.stdout.lines().find(|line| line.split_whitespace().next() == Some(kind));
            let line = line.unwrap_or_else(|| panic!("no {kind} in {}", finished.stdout));
            line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect()
        };
        (of("event"), of("issue"), of("span"))
    };
    assert_eq!(counts("copy"), (vec![2, 2, 0], vec![1, 1, 0], vec![1, 1, 0]));
    assert_eq!(counts("copy"), (vec![2, 0, 2], vec![1, 0, 1], vec![1, 0, 1]));
    let running = run(&["import", "all.ndjson", "--data-dir", "data"]);
    expect_one_line(&running, &["nothing was imported", "a trapline is running", "stop it", "--data-dir"]);
    assert!(!running.stderr.contains("not complete"), "{}", running.stderr);
}

#[test]
fn what_is_shown_of_storage_adds_up() {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let sum = |report: &Value| -> u64 {
        let holds = |kind: &&Value| kind["rows"].as_u64() != Some(0);
        report["kinds"].as_array().unwrap().iter().filter(holds).map(|kind| kind["bytes"].as_u64().unwrap()).sum()
    };
    let report = server.get_json("/api/ui/storage");
    assert_eq!(Value::from(sum(&report)), report["used_bytes"]);
    assert_eq!(report["writer"], "ready");
    let rest = report["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "server").unwrap();
    assert_eq!(rest["name"], "The rest");
    assert!(server.terminate().success());
    let printed = run(server.dir(), &["storage", "--data-dir", "data"]).stdout;
    assert!(printed.contains("The rest") && printed.contains("Together"), "{printed}");
}

#[test]
fn an_attribute_is_found_by_the_search_of_traces() {
    let server = Trapline::start();
    send_span(&server, 1, "/pay/");
    send_span(&server, 2, "/cart/");
    let found = |query: &str| server.get_json(&format!("/api/ui/traces?kind=all&query={query}"));
    let name = found("")["traces"][0]["name"].as_str().unwrap().to_string();
    let all = found("");
    assert_eq!(all["traces"].as_array().unwrap().len(), 2, "{all}");
    for query in [format!("span.name:\"{name}\""), format!("span.name=\"{name}\"")] {
        let view = found(&query.replace(' ', "%20").replace('"', "%22"));
        assert_eq!(view["traces"].as_array().unwrap().len(), 1, "{view}");
    }
    assert_eq!(found("%22span.name:x%22")["traces"].as_array().unwrap().len(), 0);
    assert_eq!(found("pay+OR+cart")["traces"].as_array().unwrap().len(), 2);
    let refused = server.get("/api/ui/traces?query=http.route:");
    assert_eq!(refused.status, 400);
    let refused = refused.json();
    assert!(refused["detail"].as_str().unwrap().contains("right behind the colon"), "{refused}");
    assert_eq!(refused["at"], json!({ "from": 0, "to": 11 }));
}
