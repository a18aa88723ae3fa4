//! The rules of the house that can be read off the source (`src/lib.rs`, the architecture page).
//!
//! Every rule is a function from a source to its violations, and is shown a planted one first: a rule that cannot fail
//! guards nothing.

mod source;

use std::fmt::Write as _;
use std::path::PathBuf;

use source::{Source, collect, read_sources, relative, root, words};
use xxhash_rust::xxh3::xxh3_64;

/// What a module may mention of ours: only what lies below it. A new module gets a line here and a floor in `src/lib.rs`.
const FLOORS: &[(&str, &[&str])] = &[
    // 0: the vocabulary.
    ("model", &[]),
    ("config", &["model"]),
    ("gen", &[]),
    ("clock", &[]),
    // 1: pure; these do not know each other.
    ("sentry", &["model", "config"]),
    ("traceback", &["model", "config"]),
    ("otlp", &["model", "config", "traceback"]),
    ("grouping", &["model", "config"]),
    ("scrub", &["model", "config"]),
    ("search", &["model", "config"]),
    ("perf", &["model", "config"]),
    // 2: the one file. Knows no protocol.
    ("store", &["model", "config", "clock", "gen", "search", "perf"]),
    // 3: the route in, and the route out. Know no protocol and not each other.
    ("ingest", &["model", "config", "clock", "grouping", "scrub", "search", "perf", "store"]),
    ("alerts", &["model", "config", "clock", "search", "store"]),
    // 4: everything that speaks HTTP.
    (
        "http",
        &[
            "model", "config", "clock", "sentry", "otlp", "grouping", "scrub", "search", "perf", "store", "ingest",
            "alerts",
        ],
    ),
    // 5: wiring.
    ("app", &["model", "config", "clock", "grouping", "scrub", "search", "store", "ingest", "alerts", "http"]),
    ("main", &["app", "clock", "config"]),
];

/// Where an outside crate may be mentioned: a folder (with a slash at its end) or a file.
const OWNERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/store/"]),
    ("hyper", &["src/http/", "src/app.rs"]),
    ("hyper_util", &["src/http/", "src/app.rs"]),
    ("http_body_util", &["src/http/", "src/app.rs"]),
    ("opentelemetry_proto", &["src/otlp/"]),
    ("prost", &["src/otlp/", "src/store/", "src/gen/"]),
    ("zstd", &["src/store/", "src/http/body.rs"]),
    ("brotli_decompressor", &["src/http/body.rs"]),
    ("tokio", &["src/store/", "src/ingest/", "src/alerts/", "src/http/", "src/app.rs"]),
    ("clap", &["src/main.rs"]),
    ("croner", &["src/model/monitor/"]),
    ("unicode_normalization", &["src/model/monitor/"]),
    ("mimalloc", &["src/main.rs"]),
    ("rust_embed", &["src/http/assets.rs"]),
    ("toml", &["src/config/"]),
    ("tracing_subscriber", &["src/app.rs"]),
    ("anyhow", &["src/main.rs", "src/app.rs", "src/app/"]),
];

/// Bytes and values in, values out: no clock, no chance, no files, no network, no threads.
const PURE: [&str; 9] = ["model", "config", "sentry", "otlp", "traceback", "grouping", "scrub", "search", "perf"];
const IMPURE: [&str; 9] =
    ["SystemTime", "Instant", "getrandom", "std::fs", "std::net", "std::env", "std::thread", "std::process", "tokio"];

/// Where a text that reads like SQL is data of somebody else's.
const SQL_AS_DATA: &[&str] = &[
    // The made-up shop's queries, as the SDK would send them.
    "src/sentry/sample.rs",
    // The words by which other people's queries are known.
    "src/model/sql/keywords.rs",
];

/// Text and code made by others.
const GENERATED: &[&str] =
    &["src/gen/trapline.staged.v1.rs", "src/gen/trapline.chunk.v1.rs", "src/gen/trapline.log_chunk.v1.rs"];

const LINES_MAX: usize = 800;

/// What is frozen once it has shipped. xxh3 of the bytes.
const FROZEN: &[(&str, u64)] = &[
    ("src/store/migrations/0001_start.sql", 0x9e56_86aa_b2db_aa17),
    ("src/store/migrations/0002_release_health.sql", 0x1d3c_0fe1_0e9e_4509),
    ("src/store/migrations/0003_blobs.sql", 0xc8d8_7d09_4beb_597d),
    ("src/store/migrations/0007_project_settings.sql", 0x8a8a_89cf_076b_989a),
    ("src/store/migrations/0008_issue_environments.sql", 0x7480_567b_2960_7cb2),
    ("src/store/migrations/0013_issue_search.sql", 0x12f8_1593_ddde_e9a6),
    ("src/store/migrations/0004_logs_and_metrics.sql", 0x6394_7db6_9310_4453),
    ("src/store/migrations/0006_feedback.sql", 0x9b97_e4b2_06f3_4d39),
    ("src/store/migrations/0005_monitors.sql", 0x19fa_ccdf_f4a6_4356),
    ("src/store/migrations/0009_span_chunks.sql", 0xc65f_d43a_3d33_8985),
    ("src/store/migrations/0010_log_chunks.sql", 0x9ff6_e867_10ee_75e8),
    ("src/store/migrations/0011_dictionaries.sql", 0x94dd_716c_c270_c0eb),
    ("src/store/migrations/0012_retention.sql", 0x287b_7686_99f9_735b),
    ("src/store/migrations/0013_issue_search.sql", 0x12f8_1593_ddde_e9a6),
    ("src/store/migrations/0014_repacking.sql", 0x2142_438c_a59c_0eae),
    ("src/store/migrations/0015_metric_totals.sql", 0xe4ab_34df_a951_e9f4),
    ("src/store/migrations/0016_error_reports.sql", 0x60db_763d_2b9a_8665),
    ("src/store/migrations/0017_performance.sql", 0x72d2_1aa1_ba4a_bbe3),
    ("src/store/migrations/0018_workflow.sql", 0xb80b_0c2e_9388_11f0),
    ("src/store/migrations/0019_facts.sql", 0x3650_9c71_77d7_e6da),
    ("src/store/migrations/0020_call_sites.sql", 0x5038_d993_2007_939f),
    ("src/grouping/v1/chain.rs", 0xf220_88f6_b0b1_b019),
    ("src/grouping/v1/enhance.rs", 0xd770_573f_b764_fd5d),
    ("src/grouping/v1/exception.rs", 0x97c0_127c_ccfe_d95b),
    ("src/grouping/v1/fingerprint.rs", 0x67df_39bd_7621_70d9),
    ("src/grouping/v1/frame.rs", 0x2580_7fd3_cc67_abaa),
    ("src/grouping/v1/in_app.rs", 0x0081_791b_142b_2616),
    ("src/grouping/v1/matching.rs", 0xb7f1_49ee_9f4c_7b9c),
    ("src/grouping/v1/mod.rs", 0x26ac_ced9_50b9_e2d8),
    ("src/grouping/v1/names.rs", 0xb16a_c5f1_b85f_97e5),
    ("src/grouping/v1/parameterise.rs", 0x17b8_ae43_3090_51a8),
    ("src/grouping/v1/report.rs", 0x7dc4_9602_5653_cdf2),
    ("src/grouping/v1/sink.rs", 0x0449_c70a_ec47_f47d),
];

fn assert_none(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}\n  {}\n", violations.join("\n  "));
}

/// The rule finds something in the first text, at that line, and nothing in the second.
#[track_caller]
fn assert_catches(rule: impl Fn(&Source) -> Vec<String>, path: &str, planted: &str, clean: &str) {
    let found = rule(&Source::new(path, planted));
    assert_eq!(found.len(), 1, "in {path}, {planted:?} gave {found:?}");
    let found = rule(&Source::new(path, clean));
    assert_eq!(found, [""; 0], "in {path}: {clean:?}");
}

fn at(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{line} {what}", source.path)
}

/// The modules of ours that a source mentions, as `crate::name`, in a `crate::{…}` list or by climbing out with `super`.
fn mentioned(source: &Source) -> Vec<(usize, String)> {
    let code = &source.shipped_code;
    let mut found = Vec::new();
    let crates = ["crate", "trapline"].into_iter().flat_map(|name| words(code, name)).map(|(line, start)| {
        let name = if code[start..].starts_with("crate") { "crate" } else { "trapline" };
        (line, &code[start + name.len()..])
    });
    let climb = "super::".repeat(source.depth());
    let climbs = code
        .match_indices(climb.as_str())
        .map(|(start, _)| (source::line_of(code, start), &code[start + climb.len() - 2..]));
    for (line, rest) in crates.chain(climbs) {
        let Some(rest) = rest.trim_start().strip_prefix("::") else { continue };
        let rest = rest.trim_start();
        match rest.strip_prefix('{') {
            Some(list) => found.extend(top_level_names(list).into_iter().map(|name| (line, name))),
            None => found.push((line, first_name(rest))),
        }
    }
    found
}

/// The first name of each member of `a::b, c::{d, e}, f}`.
fn top_level_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut member = String::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_name(&std::mem::take(&mut member))),
            _ => member.push(c),
        }
    }
    names.push(first_name(&member));
    names.retain(|name| !name.is_empty());
    names
}

fn first_name(text: &str) -> String {
    let text = text.trim_start();
    text.strip_prefix("r#").unwrap_or(text).chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn climbs_a_floor(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else { return Vec::new() };
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else {
        return vec![at(source, 1, "is in a module without a floor: give it a line in FLOORS")];
    };
    mentioned(source)
        .into_iter()
        .filter(|(_, name)| name != module && FLOORS.iter().any(|(known, _)| known == name))
        .filter(|(_, name)| !allowed.contains(&name.as_str()))
        .map(|(line, name)| at(source, line, &format!("mentions {name}")))
        .collect()
}

#[test]
fn modules_mention_only_what_lies_below_them() {
    for planted in [
        "use crate::http::Server;",
        "fn a() -> crate::http::Server {}",
        "use crate::{model::ids, http::{a, b}};",
        "use super::super::http;",
        "use crate :: http;",
    ] {
        assert_catches(
            climbs_a_floor,
            "src/store/writer.rs",
            planted,
            "// use crate::http;\nuse crate::{model::{http}};",
        );
    }
    assert_catches(climbs_a_floor, "src/sentry/a.rs", "use crate::otlp::X;", "use crate::sentry::y; use super::z;");
    assert_catches(climbs_a_floor, "src/ingest/mod.rs", "use crate::sentry::X;", "use crate::store::X;");
    assert_catches(climbs_a_floor, "src/model/mod.rs", "use crate::config::X;", "#[cfg(test)] use crate::config::X;");
    assert_eq!(climbs_a_floor(&Source::new("src/newcomer.rs", "fn a() {}")).len(), 1);
    let violations = read_sources(&["src"]).iter().flat_map(climbs_a_floor).collect();
    assert_none("a module may mention only what lies below it (src/lib.rs)", violations);
}

fn borrows_a_crate(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, owners) in OWNERS {
        let is_owner = owners
            .iter()
            .any(|owner| source.path == *owner || (owner.ends_with('/') && source.path.starts_with(owner)));
        if is_owner || !source.path.starts_with("src/") {
            continue;
        }
        for (line, start) in words(&source.shipped_code, name) {
            let (before, after) = (&source.shipped_code[..start], &source.shipped_code[start + name.len()..]);
            let is_ours = before.ends_with("::") || before.ends_with('.');
            let is_crate = after.trim_start().starts_with("::") || before.trim_end().ends_with("use");
            if is_crate && !is_ours {
                found.push(at(source, line, &format!("mentions {name}, which belongs to {}", owners.join(" and "))));
            }
        }
    }
    found
}

#[test]
fn every_outside_crate_has_its_owner() {
    let in_store = |name: &str| format!("use {name}::X;");
    for (name, planted_in) in [
        ("rusqlite", "src/http/ui.rs"),
        ("hyper", "src/store/mod.rs"),
        ("hyper_util", "src/ingest/mod.rs"),
        ("http_body_util", "src/alerts/mod.rs"),
        ("opentelemetry_proto", "src/ingest/mod.rs"),
        ("prost", "src/sentry/mod.rs"),
        ("zstd", "src/http/take.rs"),
        ("tokio", "src/otlp/mod.rs"),
        ("clap", "src/config/mod.rs"),
        ("rust_embed", "src/http/mod.rs"),
        ("anyhow", "src/store/mod.rs"),
    ] {
        assert_catches(
            borrows_a_crate,
            planted_in,
            &in_store(name),
            &format!("// {name}::X\nfn a({name}: u8) {{ \"{name}::X\"; }}"),
        );
        assert_catches(
            borrows_a_crate,
            planted_in,
            &format!("fn a() {{ {name}::b(); }}"),
            &format!("use super::{name}::b;"),
        );
        assert_catches(borrows_a_crate, planted_in, &format!("use {name} as b;"), "");
    }
    let violations = read_sources(&["src"]).iter().flat_map(borrows_a_crate).collect();
    assert_none("an outside crate is used by its owner alone: ask the owner's module for what you need", violations);
}

fn is_impure(source: &Source) -> Vec<String> {
    if !source.module().is_some_and(|module| PURE.contains(&module)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in IMPURE {
        // Addresses are values.
        let is_value = |start: usize| {
            source.shipped_code[start..].starts_with("std::net::{Ip")
                || source.shipped_code[start..].starts_with("std::net::SocketAddr")
        };
        let hits = words(&source.shipped_code, name).filter(|(_, start)| !is_value(*start));
        found.extend(hits.map(|(line, _)| at(source, line, &format!("mentions {name}"))));
    }
    found.extend(words(&source.shipped_code, "async").map(|(line, _)| at(source, line, "is async")));
    found
}

#[test]
fn the_two_lowest_floors_have_no_clock_no_chance_and_no_io() {
    for planted in [
        "fn a() { std::time::SystemTime::now(); }",
        "use std::time::Instant;",
        "use std::fs::File;",
        "use std::net::TcpStream;",
        "fn a() { getrandom::fill(b); }",
        "async fn a() {}",
        "fn a() { std::env::var(\"B\"); }",
    ] {
        assert_catches(is_impure, "src/grouping/v1/mod.rs", planted, "use std::time::Duration; // async Instant");
        assert_eq!(is_impure(&Source::new("src/http/mod.rs", planted)), [""; 0]);
    }
    assert_catches(is_impure, "src/config/a.rs", "use std::net::UdpSocket;", "use std::net::{IpAddr, SocketAddr};");
    let violations = read_sources(&["src"]).iter().flat_map(is_impure).collect();
    assert_none("floors 0 and 1 are pure: take the value as an argument", violations);
}

/// The start of a statement, in any case: each word must follow the one before.
const SQL: &[&[&str]] = &[
    &["select ", " from "],
    &["insert ", "into "],
    &["update ", " set "],
    &["delete ", "from "],
    &["create ", "table "],
    &["create ", "index "],
    &["alter ", "table "],
    &["drop ", "table "],
    &["pragma "],
];

fn speaks_sql(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/store/")
        || !source.path.starts_with("src/")
        || SQL_AS_DATA.contains(&source.path.as_str())
    {
        return Vec::new();
    }
    let is_sql = |text: &str| {
        let text = format!("{} ", text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase());
        SQL.iter().any(|words| {
            let Some(start) = text.find(words[0]) else { return false };
            let starts_a_word = text[..start].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
            // Every word begins where the one before ended or later; the blank between two may be the same.
            let mut rest = &text[start + words[0].len() - 1..];
            starts_a_word
                && words[1..].iter().all(|word| match rest.find(word) {
                    Some(next) => {
                        rest = &rest[next + word.len() - 1..];
                        true
                    }
                    None => false,
                })
        })
    };
    let hits = source.shipped_strings.iter().filter(|(_, text)| is_sql(text));
    hits.map(|(line, text)| at(source, *line, &format!("holds SQL: {}", text.chars().take(60).collect::<String>())))
        .collect()
}

#[test]
fn sql_is_written_in_the_store_alone() {
    for planted in [
        "SELECT a FROM b",
        "select a\n from b",
        "  INSERT INTO a VALUES (1)",
        "INSERT OR IGNORE INTO a VALUES (1)",
        "UPDATE a SET b = 1",
        "DELETE FROM a",
        "CREATE TABLE a (b)",
        "CREATE UNIQUE INDEX a ON b (c)",
        "PRAGMA user_version",
        "WITH a AS (SELECT 1 FROM b) SELECT * FROM a",
    ] {
        let clean =
            format!("// {planted:?}\nconst A: &str = \"selected from the rest; updates are offset; created tables\";");
        assert_catches(speaks_sql, "src/http/ui.rs", &format!("const A: &str = {planted:?};"), &clean);
        assert_eq!(
            speaks_sql(&Source::new(
                "src/http/ui.rs",
                &format!("#[cfg(test)]\nmod tests {{ const A: &str = {planted:?}; }}")
            )),
            [""; 0]
        );
        assert_eq!(speaks_sql(&Source::new("src/store/a.rs", &format!("const A: &str = {planted:?};"))), [""; 0]);
    }
    assert_catches(speaks_sql, "src/http/ui.rs", "fn a() { b(r#\"SELECT \"a\" FROM b\"#); }", "");
    let sources = read_sources(&["src"]);
    for path in SQL_AS_DATA {
        assert!(sources.iter().any(|source| source.path == *path), "{path} is gone: take it off SQL_AS_DATA");
    }
    assert_none("SQL is written in src/store alone", sources.iter().flat_map(speaks_sql).collect());
}

fn lacks_a_first_line(source: &Source) -> Vec<String> {
    if GENERATED.contains(&source.path.as_str()) || source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![at(source, 1, "does not open with //!")]
}

#[test]
fn every_file_opens_with_what_it_owns() {
    assert_catches(lacks_a_first_line, "src/a.rs", "use b;\n//! a", "//! Owns a.\nuse b;");
    let sources = read_sources(&["src", "tests/it"]);
    assert_none(
        "every file opens with //!: what it owns and what it does not know",
        sources.iter().flat_map(lacks_a_first_line).collect(),
    );
}

fn is_too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX { Vec::new() } else { vec![at(source, lines, &format!("is the last of {lines} lines"))] }
}

#[test]
fn no_file_is_too_long_to_read() {
    assert_catches(is_too_long, "src/a.rs", &"a\n".repeat(LINES_MAX + 1), &"a\n".repeat(LINES_MAX));
    let sources = read_sources(&["src", "tests"]);
    assert_none("past 800 lines look for the seam", sources.iter().flat_map(is_too_long).collect());
}

fn unwraps(source: &Source) -> Vec<String> {
    let code = &source.shipped_code;
    let hits = words(code, "unwrap").filter(|(_, start)| code[..*start].trim_end().ends_with(['.', ':']));
    let macros = ["todo", "unimplemented", "dbg"];
    let left_over = macros.into_iter().flat_map(|name| {
        words(code, name)
            .filter(move |(_, start)| code[start + name.len()..].starts_with('!'))
            .map(move |(line, _)| (line, name))
    });
    hits.map(|(line, _)| (line, "unwrap")).chain(left_over).map(|(line, name)| at(source, line, name)).collect()
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let clean =
        "fn a() { b.unwrap_or(1); c.expect(\"d\"); } // e.unwrap()\n#[cfg(test)]\nmod tests { fn f() { g.unwrap(); } }";
    assert_catches(unwraps, "src/a.rs", "fn a() { b.unwrap(); }", clean);
    assert_catches(unwraps, "src/a.rs", "fn a() { b\n  .unwrap(); }", "");
    assert_catches(unwraps, "src/a.rs", "fn a() { b.map(Option::unwrap); }", "");
    assert_catches(unwraps, "src/a.rs", "fn a() { todo!() }", "fn a() { todo(); }");
    let sources = read_sources(&["src"]);
    assert_none("expect says why it cannot fail, unwrap does not", sources.iter().flat_map(unwraps).collect());
}

fn is_no_honest_test(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, why) in
        [("ignore", "a test that does not run"), ("should_panic", "says not where"), ("sleep", "wait for a condition")]
    {
        for (line, start) in words(&source.code, name) {
            let before = source.code[..start].trim_end();
            let is_attribute = before.ends_with("#[") && name != "sleep";
            let is_call = name == "sleep" && source.code[start + name.len()..].starts_with('(');
            if is_attribute || is_call {
                found.push(at(source, line, &format!("{name}: {why}")));
            }
        }
    }
    found
}

#[test]
fn tests_run_and_do_not_sleep() {
    let clean = "// #[ignore]\nfn a() { b(\"#[should_panic]\"); ignore(); }";
    assert_catches(is_no_honest_test, "tests/it/a.rs", "#[test]\n#[ignore]\nfn a() {}", clean);
    assert_catches(is_no_honest_test, "tests/it/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}", clean);
    assert_catches(is_no_honest_test, "tests/it/a.rs", "#[should_panic(expected = \"x\")] fn a() {}", clean);
    assert_catches(is_no_honest_test, "tests/it/a.rs", "fn a() { std::thread::sleep(b); }", clean);
    assert_none(
        "no ignored tests, no should_panic, no sleeps",
        read_sources(&["tests/it"]).iter().flat_map(is_no_honest_test).collect(),
    );
}

/// Constants that follow each other without a blank line share the words above the first.
fn lacks_words(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let is_const = |line: &str| line.starts_with("pub const ");
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_const(line)) {
        let above = lines[..index].iter().rev().find(|above| !is_const(above));
        if !above.is_some_and(|above| above.starts_with("///")) {
            found.push(at(source, index + 1, line));
        }
    }
    found
}

#[test]
fn every_limit_has_its_reason() {
    let clean = "/// In bytes, because.\npub const A: u8 = 1;\npub const B: u8 = 2;\n";
    assert_catches(lacks_words, "src/config/mod.rs", "pub const A: u8 = 1;", clean);
    assert_catches(lacks_words, "src/config/mod.rs", "/// B\npub const B: u8 = 1;\n\npub const A: u8 = 1;", clean);
    let sources = read_sources(&["src/config"]);
    let limits = sources.iter().find(|source| source.path == "src/config/mod.rs").unwrap();
    assert!(limits.text.matches("pub const ").count() > 20);
    assert_none("every limit has its unit and reason above it", lacks_words(limits));
}

/// `tests` may still change beside what they test.
fn frozen_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root().join("src/store/migrations"), "sql", &mut files);
    collect(&root().join("src/grouping/v1"), "rs", &mut files);
    files
}

fn changed(frozen: &[(&str, u64)], now: &[(String, u64)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, hash) in frozen {
        match now.iter().find(|(known, _)| known == path) {
            None => found.push(format!("{path} is gone")),
            Some((_, now)) if now != hash => found.push(format!("{path} has changed")),
            Some(_) => {}
        }
    }
    let is_new = |path: &str| !frozen.iter().any(|(known, _)| *known == path);
    found.extend(now.iter().filter(|(path, _)| is_new(path)).map(|(path, _)| format!("{path} is not in the table")));
    found
}

#[test]
fn what_has_shipped_is_frozen() {
    let now = |hash| vec![("a".to_string(), hash)];
    assert_eq!(changed(&[("a", 1)], &now(1)), [""; 0]);
    assert_eq!(changed(&[("a", 1)], &now(2)), ["a has changed"]);
    assert_eq!(changed(&[("a", 1), ("b", 1)], &now(1)), ["b is gone"]);
    assert_eq!(changed(&[], &now(1)), ["a is not in the table"]);

    let now: Vec<(String, u64)> = frozen_files()
        .iter()
        .map(|path| (relative(path), xxh3_64(std::fs::read_to_string(path).unwrap().replace("\r\n", "\n").as_bytes())))
        .collect();
    assert!(now.len() > 5, "{now:?}");
    let mut table = String::new();
    for (path, hash) in &now {
        writeln!(
            table,
            "    (\"{path}\", 0x{:04x}_{:04x}_{:04x}_{:04x}),",
            hash >> 48,
            hash >> 32 & 0xffff,
            hash >> 16 & 0xffff,
            hash & 0xffff
        )
        .unwrap();
    }
    let rule = format!(
        "migrations and released grouping versions are never edited: databases out there were made by them. Undo the \
         change and append a new file instead (src/store/migrations/NNNN_….sql, or src/grouping/v2), then add its line to FROZEN. \
         Only as long as nothing is released (before 0.1.0) may the table be made anew:\n\n{table}"
    );
    assert_none(&rule, changed(FROZEN, &now));
}

/// The files that may talk to the server.
const FETCHERS: &[&str] = &["web/src/api/client.ts", "web/src/api/live-core.ts"];
const FETCHES: &[&str] = &["fetch", "EventSource", "XMLHttpRequest", "WebSocket", "sendBeacon"];

fn fetches(source: &Source) -> Vec<String> {
    if FETCHERS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let line = line.split("// ").next().unwrap_or_default();
        let is_comment = line.trim_start().starts_with('*') || line.trim_start().starts_with("/*");
        let calls =
            FETCHES.iter().any(|name| words(line, name).any(|(_, start)| line[start + name.len()..].starts_with('(')));
        if calls && !is_comment {
            found.push(at(source, index + 1, line.trim()));
        }
    }
    found
}

#[test]
fn the_web_app_asks_the_server_in_one_place() {
    let clean = "// fetch(a)\n * fetch(a)\nprefetch(a); type F = typeof fetch;";
    for planted in [
        "await fetch(\"/a\")",
        "window.fetch(a)",
        "new EventSource(a)",
        "new XMLHttpRequest()",
        "navigator.sendBeacon(a)",
    ] {
        assert_catches(fetches, "web/src/pages/a.tsx", planted, clean);
    }
    let folder = root().join("web/src");
    if !folder.exists() {
        return;
    }
    let mut paths = Vec::new();
    for ending in ["ts", "tsx"] {
        collect(&folder, ending, &mut paths);
    }
    let is_test = |path: &PathBuf| path.to_str().is_some_and(|path| path.contains(".test."));
    let sources = paths
        .iter()
        .filter(|path| !is_test(path))
        .map(|path| Source::new(&relative(path), &std::fs::read_to_string(path).unwrap()));
    assert_none("only web/src/api talks to the server", sources.flat_map(|source| fetches(&source)).collect());
}
