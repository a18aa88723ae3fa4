//! `make bench-reads`: how long the reads of a screen take in a database of 10,000 issues and a million events.
//!
//! The database is written with SQL, because that takes a minute and not an hour: rows as the store writes them, with small
//! bodies. What is read is read through the store's own interface, from the pool, one after the other. Prints the wall
//! clock and, since a busy machine is no clock, the processor time of all threads of the process.

#![allow(clippy::print_stdout)]

#[path = "machine.rs"]
mod machine;
#[path = "seed.rs"]
#[allow(dead_code)]
mod seed;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use rusqlite::{Connection, params};
use seed::Seed;
use trapline::model::ids::{EventId, IssueId, ProjectId, TraceId};
use trapline::model::issue::IssueStatus;
use trapline::search::Dataset;
use trapline::store::{
    Asker, DATABASE_FILE, EventFilter, EventQuery, EventSearch, FeedbackQuery, FeedbackScope, IssueOrder, IssueQuery,
    IssueSearch, IssueSort, Store, StoreOptions, StoreSettings, TraceQuery,
};

/// The binary's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: i64 = 1_790_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const PROJECT: ProjectId = ProjectId(1);

/// Reads a large database as the screens do and prints how long it took.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 10_000)]
    issues: u64,
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Calls of every read
    #[arg(long, default_value_t = 200)]
    calls: usize,
    /// Where the database is made; removed afterwards
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let dir = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a directory for the database can be made");
    println!("{}", machine::describe(dir.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(open(dir.path()).close());
    let began = Instant::now();
    let made = fill(&dir.path().join(DATABASE_FILE), &options);
    println!("{} issues, {} events in {:.0} s", options.issues, options.events, began.elapsed().as_secs_f64());
    runtime.block_on(measure(dir.path(), &options, &made));
    let database = Connection::open(dir.path().join(DATABASE_FILE)).expect("the database opens");
    print_sizes(&database, &options);
}

fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        settings: StoreSettings::default(),
        authority: "127.0.0.1:4318".to_string(),
        read_facts: trapline::http::READ_FACTS,
        on_change: Box::new(|_| ()),
        on_death: Box::new(|why| panic!("{why}")),
    };
    Store::open(dir, options).expect("the store opens")
}

/// What there is to ask for.
struct Made {
    issues: Vec<i64>,
    /// Event, its issue, its place in the order of events.
    events: Vec<([u8; 16], i64, i64)>,
}

const TYPES: [&str; 12] = [
    "KeyError",
    "ValueError",
    "TypeError",
    "IntegrityError",
    "DoesNotExist",
    "OperationalError",
    "ValidationError",
    "AttributeError",
    "PermissionDenied",
    "TimeoutError",
    "ConnectionError",
    "ZeroDivisionError",
];
const MODULES: [&str; 15] = [
    "shop",
    "cart",
    "checkout",
    "billing",
    "accounts",
    "catalog",
    "search",
    "payments",
    "orders",
    "mailer",
    "reports",
    "inventory",
    "shipping",
    "webhooks",
    "tasks",
];
const FILES: [&str; 10] =
    ["views", "models", "services", "tasks", "serializers", "forms", "utils", "middleware", "signals", "admin"];
const WORDS: [&str; 40] = [
    "could",
    "not",
    "be",
    "found",
    "while",
    "the",
    "request",
    "for",
    "given",
    "order",
    "customer",
    "is",
    "missing",
    "a",
    "valid",
    "token",
    "expected",
    "instance",
    "received",
    "null",
    "value",
    "in",
    "column",
    "violates",
    "constraint",
    "unique",
    "duplicate",
    "entry",
    "connection",
    "refused",
    "by",
    "peer",
    "timed",
    "out",
    "after",
    "seconds",
    "invalid",
    "literal",
    "with",
    "base",
];

fn words(seed: &mut Seed, least: u64, most: u64) -> String {
    let count = least + seed.below(most - least + 1);
    (0..count).map(|_| seed.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

fn fill(path: &Path, options: &Options) -> Made {
    let mut database = Connection::open(path).expect("the database opens");
    let settings = "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 20000;";
    database.execute_batch(settings).expect("settings are set");
    let mut seed = Seed::new(4, 1);
    let mut made = Made { issues: Vec::new(), events: Vec::new() };
    let tx = database.transaction().expect("a transaction begins");
    for short_no in 1..=options.issues {
        made.issues.push(insert_issue(&tx, short_no as i64, options, &mut seed));
    }
    tx.execute("UPDATE project SET last_short_no = ?1", [options.issues as i64]).expect("the project is there");
    tx.commit().expect("issues are written");
    let step = (options.events / 20_000).max(1);
    let mut written = 0;
    while written < options.events {
        let tx = database.transaction().expect("a transaction begins");
        let mut insert = tx
            .prepare(
                "INSERT INTO event (id, project_id, event_id, issue_id, timestamp_ms, received_ms, kind, level, platform,
                     title, culprit, release, environment, trace_id, span_id, grouping_version, body_bytes, body_codec,
                     body)
                 VALUES (?1, 1, ?2, ?3, ?4, ?4, 'error', 'error', 'python', 'KeyError: sku', '/cart/', 'shop@1.2',
                     'production', ?5, ?6, 1, ?7, 1, ?8)",
            )
            .expect("the schema is the one this was written for");
        for _ in 0..20_000.min(options.events - written) {
            written += 1;
            let id = (NOW_MS - 30 * 24 * HOUR_MS) * 1_000 + written as i64 * 2_592;
            let event_id: [u8; 16] = std::array::from_fn(|_| seed.next() as u8);
            let trace_id: [u8; 16] = std::array::from_fn(|_| seed.next() as u8);
            // The square puts most events into few issues, and some into all.
            let share = seed.below(1 << 20);
            let issue = made.issues[((((share * share) >> 20) * options.issues) >> 20) as usize];
            let body = body(&mut seed, written, issue);
            let packed = zstd::bulk::compress(body.as_bytes(), 1).expect("a few bytes can be compressed");
            let row = params![id, event_id, issue, id / 1_000, trace_id, [1_u8; 8], body.len() as i64, packed];
            insert.execute(row).expect("events are written");
            if written % step == 0 {
                made.events.push((event_id, issue, id));
            }
        }
        drop(insert);
        tx.commit().expect("events are written");
    }
    // The store makes facts of what is there, as after an upgrade.
    let due = "INSERT OR REPLACE INTO setting (key, value) VALUES ('facts_due', '9223372036854775807')";
    database.execute(due, []).expect("the setting is written");
    made
}

/// What an SDK says of an event, as far as it is searched: values that are everywhere, in one of a thousand, and in one alone.
fn body(seed: &mut Seed, number: u64, issue: i64) -> String {
    // An issue's events are alike.
    let of_issue = |many: u64| issue.unsigned_abs() % many;
    let (ty, module) = (TYPES[of_issue(12) as usize], MODULES[of_issue(15) as usize]);
    serde_json::json!({
        "platform": "python",
        "transaction": format!("/{module}/{}/", of_issue(400)),
        "server_name": format!("web-{}", seed.below(20)),
        "user": { "id": seed.below(50_000) },
        "tags": {
            "tenant": format!("t{}", seed.below(1_000)),
            "number": number.to_string(),
            "queue": format!("q{}", seed.below(8)),
        },
        "exception": { "values": [{
            "type": ty,
            "value": format!("{} of order {}", WORDS[of_issue(40) as usize], seed.below(1 << 30)),
            "stacktrace": { "frames": [{
                "filename": format!("{module}/views.py"), "function": format!("f{}", of_issue(2_000)), "in_app": true,
            }] },
        }] },
    })
    .to_string()
}

fn insert_issue(tx: &Connection, short_no: i64, options: &Options, seed: &mut Seed) -> i64 {
    let id = (seed.next() >> 2) as i64;
    let (ty, module) = (seed.pick(&TYPES), seed.pick(&MODULES));
    let value = format!("{} '{}' {}", words(seed, 4, 16), seed.hex(4), seed.below(100_000));
    let status = if seed.below(5) == 0 { "resolved" } else { "unresolved" };
    let last_ms = NOW_MS - seed.below(30 * 24 * HOUR_MS as u64) as i64;
    let count = (options.events / options.issues) as i64;
    tx.prepare_cached(
        "INSERT INTO issue (id, project_id, short_no, kind, title, culprit, ty, value, filename, function, line, level,
             platform, status, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count, first_release,
             last_release)
         VALUES (?1, 1, ?2, 'error', ?3, ?4, ?5, ?6, ?7, ?8, 12, 'error', 'python', ?9, 1, ?10, ?11, ?12, 3, 'shop@1.0',
             'shop@1.2')",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            id,
            short_no,
            format!("{ty}: {}", value.chars().take(100).collect::<String>()),
            format!("/{module}/{}/{{id}}/", seed.pick(&WORDS)),
            ty,
            value,
            format!("{module}/{}.py", seed.pick(&FILES)),
            words(seed, 2, 3).replace(' ', "_"),
            status,
            last_ms - 60 * 24 * HOUR_MS,
            last_ms,
            seed.below(2 * count as u64 + 1) as i64,
        ])
    })
    .expect("issues are written");
    for environment in ["production", "staging"].into_iter().take(1 + seed.below(2) as usize) {
        tx.prepare_cached("INSERT INTO issue_environment VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| {
                insert.execute(params![id, environment, last_ms - HOUR_MS, last_ms, seed.below(1_000) as i64])
            })
            .expect("environments are written");
    }
    for hour in 0..24 {
        tx.prepare_cached("INSERT INTO issue_hour VALUES (?1, ?2, 4)")
            .and_then(|mut insert| insert.execute(params![id, last_ms / HOUR_MS - hour * 7]))
            .expect("hours are written");
    }
    id
}

/// Nanoseconds of processor time of all threads.
fn cpu_ns() -> u64 {
    let of =
        |path: PathBuf| -> Option<u64> { std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok() };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| of(task.path().join("schedstat"))).sum()
}

struct Bench<'a> {
    options: &'a Options,
    seed: Seed,
}

impl Bench<'_> {
    async fn time<F: Future<Output = u64>>(&mut self, name: &str, read: impl Fn(usize, u64) -> F) {
        let mut walls = Vec::new();
        let mut cpus = Vec::new();
        let mut rows = 0;
        for call in 0..self.options.calls {
            let random = self.seed.next();
            let (began, cpu) = (Instant::now(), cpu_ns());
            rows += read(call, random).await;
            walls.push(began.elapsed());
            cpus.push(Duration::from_nanos(cpu_ns() - cpu));
        }
        walls.sort();
        cpus.sort();
        let ms = |times: &[Duration], share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
        println!(
            "{name:<48} {:>8.2} {:>8.2} {:>10.2} {:>8.2} {:>9}",
            ms(&walls, 50),
            ms(&walls, 95),
            ms(&cpus, 50),
            ms(&cpus, 95),
            rows as usize / self.options.calls,
        );
    }
}

async fn measure(dir: &Path, options: &Options, made: &Made) {
    let store = &open(dir);
    let mut bench = Bench { options, seed: Seed::new(4, 2) };
    let of_issues = async |query: IssueQuery| store.issues(query).await.expect("the list is read").total;
    let search = |text: &str| IssueQuery { text: Some(text.to_string()), limit: 50, ..open_issues() };
    println!("{:<48} {:>8} {:>8} {:>10} {:>8} {:>9}", "milliseconds", "p50", "p95", "CPU p50", "CPU p95", "hits");
    bench.time("search, nothing indexed yet: keyerror", |_, _| of_issues(search("KeyError"))).await;
    let waiting = Instant::now();
    while count(dir, "SELECT count(*) FROM issue_search_due") > 0 && waiting.elapsed() < Duration::from_secs(900) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("indexed after {:.0} s", waiting.elapsed().as_secs_f64());

    for (name, sort) in
        [("last seen", IssueSort::LastSeen), ("first seen", IssueSort::FirstSeen), ("events", IssueSort::Events)]
    {
        bench.time(&format!("issues by {name}"), |_, _| of_issues(IssueQuery { sort, ..open_issues() })).await;
        let there = Some("staging".to_string());
        let query = || IssueQuery { sort, environment: there.clone(), ..open_issues() };
        bench.time(&format!("issues by {name}, in an environment"), |_, _| of_issues(query())).await;
    }
    let middle = |random: u64| Some((NOW_MS - random as i64 % (20 * 24 * HOUR_MS).abs(), IssueId(0)));
    bench
        .time("issues, a page further down", |_, n| of_issues(IssueQuery { after: middle(n >> 1), ..open_issues() }))
        .await;
    let none = || IssueQuery { status: Some(IssueStatus::Ignored), ..open_issues() };
    bench.time("issues of a status that none has", |_, _| of_issues(none())).await;
    for text in
        ["KeyError", "error", "views.py", "/checkout/", "violates con", "nothing at all", "DEFAULT-77", "or", "k"]
    {
        bench.time(&format!("search: {text}"), |_, _| of_issues(search(text))).await;
    }
    let there = || IssueQuery { environment: Some("staging".to_string()), ..search("error") };
    bench.time("search: error, in an environment", |_, _| of_issues(there())).await;

    let issue_of = |random: u64| IssueId(made.issues[random as usize % made.issues.len()]);
    let event_of = |random: u64| made.events[random as usize % made.events.len()];
    let busiest = IssueId(made.issues[0]);
    bench
        .time("issue page: issue, 30 days, feedback, event, around", async |_, random| {
            let id = issue_of(random);
            let issue = store.issue(id).await.expect("read").expect("there");
            store.issue_by_short_no(PROJECT, issue.short_no).await.expect("read");
            store.issue_histories(vec![id], NOW_MS / HOUR_MS, 720).await.expect("read");
            store.issue_feedback_count(PROJECT, id).await.expect("read");
            let Some(event) = store.event(EventQuery::Latest(id)).await.expect("read") else { return 0 };
            store.event_neighbours(id, event.summary.id).await.expect("read");
            1
        })
        .await;
    bench
        .time("50 issues' last 24 hours", async |_, random| {
            let ids = (0..50).map(|n| issue_of(random.wrapping_add(n * 7919))).collect();
            store.issue_histories(ids, NOW_MS / HOUR_MS, 24).await.expect("read").len() as u64
        })
        .await;
    bench
        .time("event by id", async |_, random| {
            let (event, ..) = event_of(random);
            u64::from(store.event(EventQuery::ById(EventId(event))).await.expect("read").is_some())
        })
        .await;
    bench
        .time("event of an issue", async |_, random| {
            let (event, issue, _) = event_of(random);
            let query = EventQuery::InIssue(IssueId(issue), EventId(event));
            u64::from(store.event(query).await.expect("read").is_some())
        })
        .await;
    bench
        .time("neighbours of an event", async |_, random| {
            let (_, issue, id) = event_of(random);
            store.event_neighbours(IssueId(issue), id).await.expect("read");
            1
        })
        .await;
    bench
        .time("events of the busiest issue, a page", async |_, random| {
            let before = event_of(random).2;
            store.issue_events(busiest, Some(before), 50).await.expect("read").events.len() as u64
        })
        .await;
    bench
        .time("errors of a trace", async |_, random| {
            let trace = TraceId(std::array::from_fn(|n| (random >> (n % 8)) as u8));
            store.trace_events(trace, 500).await.expect("read").len() as u64
        })
        .await;
    bench
        .time("traces, a page (of none)", async |_, _| {
            let query = TraceQuery { requests_only: true, limit: 50, ..TraceQuery::default() };
            store.traces(query).await.expect("read").traces.len() as u64
        })
        .await;
    bench
        .time("feedback on the busiest issue (none)", async |_, _| {
            let query = FeedbackQuery { scope: FeedbackScope::Issue(busiest), limit: 50, ..FeedbackQuery::default() };
            store.feedback(query).await.expect("read").rows.len() as u64
        })
        .await;
    measure_facts(dir, store, &mut bench, made).await;
    bench.time("environments", async |_, _| store.issue_environments(50).await.expect("read").len() as u64).await;
    store.close().await;
}

/// Searches, the pager and tags, once every event has its facts.
async fn measure_facts(dir: &Path, store: &Store, bench: &mut Bench<'_>, made: &Made) {
    let waiting = Instant::now();
    let is_due = || count(dir, "SELECT count(*) FROM setting WHERE key = 'facts_due'") > 0;
    while is_due() && waiting.elapsed() < Duration::from_secs(1_800) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // And until small chunks are merged.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let chunks = count(dir, "SELECT count(*) FROM fact_chunk");
    println!("facts after {:.0} s, in {chunks} chunks", waiting.elapsed().as_secs_f64());
    let asker = || Asker { now_ms: NOW_MS, me: None };
    let find = async |text: &str, order: IssueOrder| {
        let expr = trapline::search::parse(text, Dataset::Issues, NOW_MS).expect("a search");
        let (filter, project_id, after) = (EventFilter::default(), None, None);
        let search = IssueSearch { expr, asker: asker(), project_id, filter, order, after, limit: 50 };
        store.search_issues(search).await.expect("the search is read").page.total
    };
    for text in [
        "is:unresolved",
        "is:unresolved tenant:t7",
        "number:500000",
        "number:77777777777",
        "tenant:t*7",
        "!tenant:t7",
        "tenant:[t1,t2] OR server_name:web-3",
        "server_name:web-3 error.type:KeyError",
        "error.value:\"*order 1234*\"",
        "\"order 5678\"",
        "KeyError",
        "is:unresolved missing",
        "timesSeen:>50 level:error",
        "user.id:4711",
    ] {
        bench.time(&format!("facts: {text}"), |_, _| find(text, IssueOrder::LastSeen)).await;
    }
    bench.time("facts: is:unresolved by trend", |_, _| find("is:unresolved", IssueOrder::Trend)).await;
    let events_of = |issue: IssueId, text: &str| {
        let expr = trapline::search::parse(text, Dataset::Events, NOW_MS).expect("a search");
        EventSearch { expr, asker: asker(), ..EventSearch::all(issue) }
    };
    let busiest = IssueId(made.issues[0]);
    let row_of = |random: u64| made.events[random as usize % made.events.len()].2;
    for text in ["", "tenant:t7"] {
        bench
            .time(&format!("pager of the busiest issue: {text}"), async |_, random| {
                store.event_nav(events_of(busiest, text), row_of(random)).await.expect("read").total
            })
            .await;
    }
    bench
        .time("tags of an issue, beside the rest", async |_, random| {
            let issue = IssueId(made.issues[random as usize % made.issues.len()]);
            store.event_tags(events_of(issue, ""), true).await.expect("read").tags.len() as u64
        })
        .await;
}

fn open_issues() -> IssueQuery {
    IssueQuery { status: Some(IssueStatus::Unresolved), limit: 50, ..IssueQuery::default() }
}

fn count(dir: &Path, sql: &str) -> i64 {
    let database = Connection::open(dir.join(DATABASE_FILE)).expect("the database opens");
    database.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn print_sizes(database: &Connection, options: &Options) {
    let bytes = |like: &str| -> f64 {
        let sql = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name LIKE ?1 ESCAPE char(92)";
        database.query_row(sql, [like], |row| row.get::<_, i64>(0)).expect("a number") as f64
    };
    let issues = options.issues as f64;
    println!(
        "bytes per issue: search index {:.0}, row {:.0}, by last seen {:.0}, by first seen {:.0}, by events {:.0}, \
         filter {:.0}, environment by events {:.0}",
        bytes("issue\\_search%") / issues,
        bytes("issue") / issues,
        bytes("issue_last_seen") / issues,
        bytes("issue_first_seen") / issues,
        bytes("issue_events") / issues,
        bytes("issue_filter") / issues,
        bytes("issue_environment_events") / issues,
    );
    println!("bytes per event: facts {:.0}", bytes("fact%") / options.events as f64);
    println!("all: {:.0} MB", bytes("%") / 1e6);
}
