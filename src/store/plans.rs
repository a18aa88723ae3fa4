//! Every statement of the store, explained: what walks no index, or sorts, has to say why.
//!
//! The statements are read off the source, so that a new one cannot be forgotten: every text in `src/store` that begins
//! with an SQL verb is explained against the newest schema. It passes when each table is searched by an index and nothing
//! is sorted; otherwise it needs a line in [`EXCUSED`]. Texts put together at run time, which the source does not show
//! whole, need their variants in [`built`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::facts::{issues as fact_issues, prepare};
use super::workflow::{merging, undoing};
use super::{
    EventQuery, FeedbackScope, IssueOrder, IssueSort, events, feedback, issue_list, issues, migrate, trace_heat,
    trace_rows, writer,
};
use crate::model::ids::{EventId, IssueId, ProjectId};
use crate::search::{IsState, keys};

/// Folders whose statements read everything, on purpose, and those of tests.
const UNREAD: &[&str] = &["safety", "transfer", "tests", "span_chunk", "columns", "migrations"];

/// Tables that are read whole, and why they are always small.
const SMALL: &[(&str, &str)] = &[
    ("project", "200 at most, made by hand"),
    ("project_key", "50 of a project at most, made by hand"),
    ("project_settings", "one of a project"),
    ("monitor", "1,000 of a project at most"),
    ("monitor_notice", "waits for the next look, which takes it away"),
    ("unwatched", "the times the server was stopped in the last days"),
    ("issue_search_due", "waits for the keeper, which takes it in"),
    ("due", "the same"),
];

/// What retention takes from the head of, and what counts of issues are added to, by the same texts.
const HEAD_TABLES: &[&str] = &[
    "event",
    "feedback",
    "span_batch",
    "log_batch",
    "metric_batch",
    "span_chunk",
    "log_chunk",
    "check_in",
    "issue_hour",
    "issue_environment",
    "issue_own_hour",
    "issue_own_environment",
];

/// Statements that scan or sort: file, function, and why that is no harm. A line that excuses nothing fails.
const EXCUSED: &[(&str, &str, &str)] = &[
    ("attachments.rs", "of_event_sql", "sorts the attachments of one event"),
    ("client_reports.rs", "discard_totals", "sums all there is: kinds and reasons by the hour, for one page"),
    ("client_reports.rs", "read_stats", "sums by the hour; without a project its index cannot be entered"),
    ("dictionaries.rs", "read_samples", "sorts the issues of one project, for the keeper, when it trains"),
    ("dictionaries.rs", "retire", "looks through the uses of dictionaries, which are bounded, when one is replaced"),
    ("dictionaries.rs", "count_dictionaries", "counts them in an index of 30 bytes each"),
    ("dictionaries.rs", "tidy", "looks through the uses of dictionaries, for the keeper, once a minute"),
    ("drops.rs", "read_drops", "groups a month of one project's filters by the hour"),
    ("events.rs", "trace_events_sql", "sorts the events of one trace"),
    ("facts/changes.rs", "read_marks", "sorts the releases of one project"),
    ("facts/changes.rs", "release_names", "sorts the releases there are, of which an index has what is asked"),
    ("facts/chunks.rs", "read_chunks", "walks all chunks, of which there is one to 16,384 events"),
    ("facts/events.rs", "NEWER", "counts what an index gave, as far as is counted"),
    ("facts/events.rs", "OLDER", "the same"),
    ("facts/issues.rs", "counts_sql", "counts every issue by its state, for the tabs: one walk instead of six lists"),
    ("facts/issues.rs", "places_sql", "all issues with what they are ordered by: those that match are among them"),
    ("facts/prepare.rs", "events_called", "a part of an id, which nothing indexes: cut after five seconds"),
    ("facts/prepare.rs", "issues_sql", "asks every issue under a key that nothing indexes: cut after five seconds"),
    ("facts/prepare.rs", "latest_releases", "groups the releases there are"),
    ("facts/prepare.rs", "of_comparison", "asks every issue that began in a release"),
    ("facts/prepare.rs", "state_sql", "all issues in a state, off an index for the states that have no more to them"),
    ("facts/sealer.rs", "WAITING_SQL", "what is not sealed, for the keeper, as far as a chunk goes"),
    ("facts/sealer.rs", "read_replaced", "events that a better report took the place of, since they were sealed"),
    ("facts/staged.rs", "STAGED_SQL", "what is not sealed"),
    ("feedback.rs", "page_sql", "sorts the feedback on one event"),
    ("issue_list.rs", "count_sql", "counts in an index of 34 bytes an issue: 4 ms for 100,000"),
    ("issue_list.rs", "found_sql", "one or two characters only: nothing indexes them"),
    ("log_chunks.rs", "TRACE_FILTERS_SQL", "asks the filter of every chunk for one trace: one in 30,000 records"),
    ("log_sealer.rs", "WAITING_SQL", "what is not sealed, for the keeper, as far as a chunk goes"),
    ("log_sealer.rs", "chunks_between", "sorts the chunks that are merged"),
    ("log_sealer.rs", "forget_before", "for the keeper, once an hour, of what is bounded"),
    ("log_sealer.rs", "forget_deliveries", "for the keeper, once an hour, in slices"),
    ("log_sealer.rs", "newest_runs", "walks the newest chunks, as far as merging looks"),
    ("logs.rs", "BATCH_TRACES_SQL", "what is not sealed"),
    ("logs.rs", "VOLUME_SQL", "groups the counts by minute of the time asked for"),
    ("logs.rs", "has_logs", "stops at the first row"),
    ("logs.rs", "read_volume", "names in the counts by minute of the time asked for"),
    ("metric_totals.rs", "forget", "counts all streams, of which there is a largest number"),
    ("metrics.rs", "has_metrics", "stops at the first row"),
    ("metrics.rs", "read_metrics", "walks the names of all metrics in their order, to find a part of one"),
    ("metrics.rs", "read_named", "sorts the metrics of one name"),
    ("migrate.rs", "whose", "the names of tables, at a start and by commands"),
    ("monitor_reads.rs", "read_page", "sorts monitors, which are few"),
    ("outcomes.rs", "read_totals", "sums all there is: categories and reasons by the hour, for one page"),
    ("perf/mod.rs", "pass_over", "a row for each table that counts"),
    ("perf/names.rs", "read", "all groups, of which there is a largest number, once an hour"),
    ("perf/reads.rs", "GROUPS_SQL", "the names of one kind, of which there is a largest number"),
    ("perf/reads.rs", "read_findings", "as many as a slice has, for who makes events of them"),
    ("perf/reads.rs", "read_list", "stops at the first row"),
    ("perf/rows.rs", "drop_performance", "names, of which there is a largest number, for the keeper"),
    ("profiles.rs", "of_trace_sql", "sorts the profiles of one trace"),
    ("projects.rs", "read_keys", "sorts keys, which are few"),
    ("projects.rs", "read_projects", "sorts the keys of one project"),
    ("releases.rs", "newest_releases", "sorts the releases of one project, to find its latest"),
    ("releases.rs", "list_sql", "sorts releases that were seen in the same millisecond"),
    ("releases.rs", "read_releases", "environments of all releases, read off an index"),
    ("replays.rs", "read_naming", "sorts the replays that name one trace or event"),
    ("reports.rs", "event_reports", "sorts the reports of one event"),
    ("retention/drops.rs", "end_of_head", "walks the oldest ids, as many as a slice has"),
    ("retention/drops.rs", "first_chunk", "walks the oldest chunks, a bounded number of them"),
    ("retention/report.rs", "newest_received_ms", "the newest row by id"),
    ("retention/report.rs", "read_dropped", "days, kinds and causes, of which there are some hundred"),
    ("retention/space.rs", "measure", "the names of tables"),
    ("retention/space.rs", "read_counted", "days and kinds, some hundred, for one page"),
    ("retention/space.rs", "read_measured", "one row a kind"),
    ("services.rs", "SERVICES_SQL", "what many traces share is told once"),
    ("span_place.rs", "CHUNKS_SQL", "walks chunks from the newest on, until the span is found or time is up"),
    ("span_search.rs", "CHUNKS_SQL", "walks chunks from the newest on, of which there is one in 30,000 spans"),
    ("span_search.rs", "OF_SERVICE_SQL", "the same"),
    ("span_list.rs", "BATCHES_SQL", "what is not sealed"),
    ("span_list.rs", "CHUNKS_SQL", "sorts the chunks of a time, of which there is one to 30,000 spans"),
    ("span_search.rs", "SERVICES_SQL", "what many traces share is told once; and the chunks"),
    ("span_sealer.rs", "CHUNKS_SQL", "walks the newest chunks, as far as merging looks"),
    ("span_sealer.rs", "WAITING_SQL", "what is not sealed, for the keeper, as far as a chunk goes"),
    ("trace_heat.rs", "CHUNKS_SQL", "walks chunks from the newest on, until the time asked for begins or time is up"),
    ("trace_heat.rs", "lean_sql", "labels that hold a text or a service: what many traces share is told once"),
    ("trace_heat.rs", "lean_one_sql", "the same"),
    ("trace_rows.rs", "list_sql", "labels that hold a text or a service: what many traces share is told once"),
    ("trace_rows.rs", "one_sql", "the same"),
    ("trace_rows.rs", "hidden_sql", "the same"),
    ("trace_search.rs", "PLACES_SQL", "walks chunks from the newest on, until the page is full or time is up"),
    ("trace_search.rs", "WAITING_SQL", "what is not sealed"),
    ("traces.rs", "PARTS_SQL", "sorts the parts of one trace"),
    ("traces.rs", "has_data", "stops at the first row"),
    ("traces.rs", "next_batch_id", "a handful of rows"),
    ("workflow/deleting.rs", "purge_some", "the environments of monitors, which are few, for the keeper"),
    ("workflow/deleting.rs", "read_discards", "walks what was discarded, by hand, from the newest on"),
    ("workflow/merging.rs", "dissolve_all", "all that others are merged into, for an export or an import"),
    ("workflow/merging.rs", "leave", "the environments of an issue and of those merged into it, 200 at most"),
    ("workflow/merging.rs", "members", "sorts those merged into one issue, 200 at most"),
    ("workflow/merging.rs", "merge_planned", "sorts those merged into one issue, for an import"),
    ("workflow/merging.rs", "sum_up", "the rows of an issue and of those merged into it, 200 at most"),
    ("workflow/notes.rs", "people", "sorts the names of people"),
    ("workflow/notes.rs", "read_activity", "sorts what happened to one issue"),
    ("workflow/notes.rs", "read_hashes", "walks an issue and those merged into it, 200 at most"),
    ("workflow/notes.rs", "read_merged", "sorts those merged into one issue, 200 at most"),
];

/// Texts with parts that are chosen at run time: file, function, its variants.
fn built() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let sorts = [IssueSort::LastSeen, IssueSort::FirstSeen, IssueSort::Events];
    let both = |of: &dyn Fn(bool) -> String| vec![of(false), of(true)];
    let founds =
        [issue_list::Found::Indexed, issue_list::Found::Due, issue_list::Found::Everywhere, issue_list::Found::Named];
    let by_sort = |of: &dyn Fn(IssueSort, bool) -> String| -> Vec<String> {
        sorts.iter().flat_map(|sort| [of(*sort, false), of(*sort, true)]).collect()
    };
    let (issue, project, event) = (IssueId(1), ProjectId(1), EventId([0; 16]));
    let event_queries = [
        EventQuery::ById(event),
        EventQuery::InProject(project, event),
        EventQuery::InIssue(issue, event),
        EventQuery::Latest(issue),
        EventQuery::First(issue),
    ];
    let scopes = [FeedbackScope::All, FeedbackScope::Issue(issue), FeedbackScope::Event(event)];
    let orders = [
        IssueOrder::LastSeen,
        IssueOrder::FirstSeen,
        IssueOrder::Events,
        IssueOrder::Users,
        IssueOrder::Priority,
        IssueOrder::Trend,
    ];
    let places = orders.iter().flat_map(|order| both(&|there| fact_issues::places_sql(*order, there)));
    let states = [
        IsState::Unresolved,
        IsState::Resolved,
        IsState::Ignored,
        IsState::New,
        IsState::Regressed,
        IsState::Ongoing,
        IsState::IgnoredForever,
        IsState::IgnoredUntil,
    ];
    let restored = ["assignee", "priority", "is_bookmarked"];
    vec![
        ("facts/issues.rs", "counts_sql", both(&fact_issues::counts_sql)),
        ("facts/issues.rs", "places_sql", places.collect()),
        ("facts/prepare.rs", "state_sql", states.map(prepare::state_sql).to_vec()),
        (
            "facts/prepare.rs",
            "issues_sql",
            keys::KEYS.iter().filter_map(|key| prepare::issues_sql(key.known)).collect(),
        ),
        (
            "workflow/merging.rs",
            "own_back_sql",
            merging::COUNTED_APART.map(|(sums, own, columns)| merging::own_back_sql(sums, own, columns)).to_vec(),
        ),
        ("workflow/undoing.rs", "restore_sql", restored.map(undoing::restore_sql).to_vec()),
        ("issue_list.rs", "list_sql", by_sort(&issue_list::list_sql)),
        (
            "issue_list.rs",
            "found_sql",
            founds.iter().flat_map(|found| by_sort(&|sort, by| issue_list::found_sql(*found, sort, by))).collect(),
        ),
        ("issue_list.rs", "count_sql", both(&issue_list::count_sql)),
        ("issue_list.rs", "one_sql", both(&issue_list::one_sql)),
        ("issues.rs", "issue_sql", [issues::BY_ID, issues::BY_SHORT_NO].map(issues::issue_sql).to_vec()),
        ("events.rs", "event_sql", event_queries.map(|query| events::event_sql(events::chosen_by(query).2)).to_vec()),
        (
            "feedback.rs",
            "page_sql",
            scopes.iter().flat_map(|scope| both(&|by| feedback::page_sql(*scope, by))).collect(),
        ),
        ("trace_heat.rs", "lean_sql", vec![trace_heat::lean_sql()]),
        ("trace_heat.rs", "lean_one_sql", vec![trace_heat::lean_one_sql()]),
        ("trace_rows.rs", "list_sql", vec![trace_rows::list_sql()]),
        ("trace_rows.rs", "one_sql", vec![trace_rows::one_sql()]),
        ("trace_rows.rs", "hidden_sql", vec![trace_rows::hidden_sql()]),
        ("writer.rs", "last_id_sql", writer::ID_TABLES.map(writer::last_id_sql).to_vec()),
    ]
}

/// A text in the source that is SQL.
struct Statement {
    file: String,
    /// The function or constant it stands in.
    place: String,
    sql: String,
}

fn is_source(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.ends_with(".rs") && !["tests.rs", "test.rs", "plans.rs"].contains(&file)
}

/// What is read and written beside requests and by the keeper.
fn store_sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut sources = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(folder_of) = folders.pop() {
        for entry in std::fs::read_dir(folder_of).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_string();
            if path.is_dir() {
                folders.extend((!UNREAD.contains(&name.as_str())).then_some(path));
            } else if is_source(&name) {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string()));
            }
        }
    }
    sources.sort();
    sources
}

/// Every string of a source, with the item it stands in.
fn strings(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut place = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else if let Some(after) = rest.strip_prefix("fn ").or(rest.strip_prefix("const ")) {
            place = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = after.char_indices();
            let mut end = after.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => match chars.next() {
                        // A line broken in the source only.
                        Some((_, '\n')) => text.push(' '),
                        Some((_, 'n')) => text.push('\n'),
                        Some((_, other)) => text.push(other),
                        None => {}
                    },
                    c => text.push(c),
                }
            }
            found.push((place.clone(), text));
            rest = &after[end..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

fn is_sql(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&first) && text.split_whitespace().nth(1).is_some()
}

/// All texts that are SQL, with the constants in them put in.
fn statements() -> Vec<Statement> {
    let mut found = Vec::new();
    let schema = newest_schema();
    let sources = store_sources();
    let mut everywhere = BTreeMap::new();
    for (_, source) in &sources {
        everywhere.extend(strings(source).into_iter().filter(|(place, _)| is_constant(place)));
    }
    for (file, source) in sources {
        let texts = strings(&source);
        let own: BTreeMap<String, String> = texts.iter().filter(|(place, _)| is_constant(place)).cloned().collect();
        for (place, text) in texts.into_iter().filter(|(_, text)| is_sql(text)) {
            let mut sql = text;
            for _ in 0..3 {
                for (name, value) in own.iter().chain(&everywhere) {
                    sql = sql.replace(&format!("{{{name}}}"), value);
                }
            }
            if !sql.contains("{table}") {
                found.push(Statement { file: file.clone(), place, sql });
                continue;
            }
            // Of every table it can be meant for, and at least of one.
            let meant = HEAD_TABLES.iter().map(|table| sql.replace("{table}", table));
            let meant: Vec<String> = meant.filter(|sql| schema.prepare(sql).is_ok()).collect();
            assert!(!meant.is_empty(), "{file}, {place} fits none of the tables: {sql}");
            found.extend(meant.into_iter().map(|sql| Statement { file: file.clone(), place: place.clone(), sql }));
        }
    }
    found
}

fn is_constant(place: &str) -> bool {
    !place.is_empty() && place.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn newest_schema() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    super::issue_search::add_functions(&connection).unwrap();
    connection
}

/// The lines of a plan.
pub(super) fn explain(connection: &Connection, sql: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    for index in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(index, 1)?;
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(row.get::<_, String>(3)?);
    }
    Ok(lines)
}

/// What of a plan is not a search by an index.
fn faults(plan: &[String]) -> Vec<&String> {
    // One row, or none of a table.
    let is_harmless = |line: &str| {
        let table = line.strip_prefix("SCAN ").and_then(|rest| rest.split_whitespace().next());
        line.starts_with("SCAN CONSTANT ROW")
            || line.contains("VIRTUAL TABLE INDEX")
            || table.is_some_and(|table| SMALL.iter().any(|(name, _)| *name == table))
    };
    plan.iter()
        .filter(|line| line.starts_with("SCAN") || line.contains("TEMP B-TREE") || line.contains("AUTOMATIC"))
        .filter(|line| !is_harmless(line))
        .collect()
}

#[test]
fn every_statement_walks_an_index_or_says_why_not() {
    let connection = newest_schema();
    let built = built();
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    let mut check = |file: &str, place: &str, sql: &str, wrong: &mut Vec<String>| {
        let plan = match explain(&connection, sql) {
            Ok(plan) => plan,
            Err(error) => {
                wrong.push(format!("{file}, {place}: not whole in the source, list its variants in built(): {error}"));
                return;
            }
        };
        for fault in faults(&plan) {
            let excuse = EXCUSED.iter().position(|(name, item, _)| *name == file && *item == place);
            match excuse {
                Some(index) => drop(excused.insert(index)),
                None => wrong.push(format!("{file}, {place}: {fault}\n    {plan:?}\n    {sql}")),
            }
        }
    };
    let statements = statements();
    assert!(statements.len() > 100, "the statements were not found: {}", statements.len());
    for Statement { file, place, sql } in &statements {
        if !built.iter().any(|(name, item, _)| name == file && item == place) {
            check(file, place, sql, &mut wrong);
        }
    }
    for (file, place, variants) in &built {
        let is_known = statements.iter().any(|statement| statement.file == *file && statement.place == *place);
        assert!(is_known, "there is no such function any more: {file}, {place}");
        for sql in variants {
            check(file, place, sql, &mut wrong);
        }
    }
    for (index, (file, place, _)) in EXCUSED.iter().enumerate() {
        if !excused.contains(&index) {
            wrong.push(format!("{file}, {place}: needs no excuse any more"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
