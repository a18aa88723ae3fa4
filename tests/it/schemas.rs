//! Databases as every released schema left them: each is brought up to date with its rows.
//!
//! The fixtures (`tests/fixtures/schemas/schema-NNNN.sql`) are dumps of what the real binary stored. To add the one of a
//! new schema: `UPDATE_FIXTURES=1 cargo test --locked --test it -- schemas`. Those there are never written again, because
//! databases out there look like them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Trapline, run, wait_for};
use crate::payload::{auth, envelope, event, id, otlp_request, otlp_span, send_event, send_span, to_envelope};

const SCHEMA_OF_FACTS: usize = 19;
const EVENTS: u64 = 6;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture_path(schema: usize) -> PathBuf {
    root().join(format!("tests/fixtures/schemas/schema-{schema:04}.sql"))
}

/// The texts of all migrations, in order.
fn migrations() -> Vec<String> {
    let files = std::fs::read_dir(root().join("src/store/migrations")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// A row of nearly everything, sent as SDKs send it.
pub fn fill(server: &Trapline) {
    let send = |items: &[(&str, Value)]| {
        let items: Vec<(&str, String)> = items.iter().map(|(ty, payload)| (*ty, payload.to_string())).collect();
        let items: Vec<(&str, &str)> = items.iter().map(|(ty, payload)| (*ty, payload.as_str())).collect();
        to_envelope(server, envelope(&items)).send().expect(200);
    };
    for number in 0..EVENTS - 1 {
        send_event(server, number, ["KeyError", "TypeError"][number as usize % 2]);
    }
    let mut last = event(EVENTS - 1, "KeyError");
    last["user"] = json!({ "id": "7" });
    last["release"] = json!("shop@1.0");
    last["environment"] = json!("live");
    last["contexts"] = json!({ "trace": { "trace_id": id(100), "span_id": "0000000000000001" } });
    send(&[("event", last)]);
    send_span(server, 100, "/pay/");
    send_span(server, 101, "/cart/");
    let attachment = format!(
        "{{\"event_id\":\"{}\"}}\n{{\"type\":\"attachment\",\"length\":5,\"filename\":\"a.txt\"}}\nhello\n",
        id(0)
    );
    to_envelope(server, attachment).send().expect(200);
    let metric = json!({ "items": [{ "timestamp": 1_800_000_000.5, "trace_id": id(100), "name": "cart.size",
        "type": "distribution", "value": 3.5, "unit": "item", "attributes": {} }] });
    send_log(server, "paid");
    send_container(server, "trace_metric", &metric);
    send(&[
        (
            "session",
            json!({ "sid": id(1), "init": true, "status": "ok", "started": "2026-11-20T10:00:00Z",
            "attrs": { "release": "shop@1.0", "environment": "live" } }),
        ),
        (
            "check_in",
            json!({ "check_in_id": id(2), "monitor_slug": "nightly", "status": "ok", "duration": 1.5,
            "monitor_config": { "schedule": { "type": "interval", "value": 1, "unit": "day" } } }),
        ),
        (
            "user_report",
            json!({ "event_id": id(0), "name": "Ada", "email": "ada@example.com", "comments": "It broke." }),
        ),
        (
            "client_report",
            json!({ "discarded_events": [{ "reason": "sample_rate", "category": "error", "quantity": 3 }] }),
        ),
    ]);
}

/// A server that seals what has waited for so long; see [`seal_after`].
pub fn start_sealing(seal_after_s: u64) -> Trapline {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("trapline.toml"), format!("seal_after_s = {seal_after_s}\n")).unwrap();
    Trapline::start_in(dir, &[])
}

/// From a restart on.
pub fn seal_after(server: &mut Trapline, seal_after_s: u64) {
    assert!(server.terminate().success());
    std::fs::write(server.dir().join("trapline.toml"), format!("seal_after_s = {seal_after_s}\n")).unwrap();
    server.start_again();
}

pub fn wait_until_sealed(server: &Trapline) {
    let connection = Connection::open(server.database()).unwrap();
    let sql = "SELECT (SELECT count(*) FROM span_batch) + (SELECT count(*) FROM log_batch)";
    wait_for("all to be sealed", || {
        let waiting: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        (waiting == 0).then_some(())
    });
}

fn send_container(server: &Trapline, ty: &str, payload: &Value) {
    let head = json!({ "type": ty, "item_count": 1, "content_type": format!("application/vnd.sentry.items.{}+json",
        ty.replace('_', "-")) });
    let body = format!("{{}}\n{head}\n{payload}\n");
    server.post("/api/1/envelope/").header("x-sentry-auth", &auth(server.key())).body(body).send().expect(200);
}

pub fn send_log(server: &Trapline, body: &str) {
    send_log_at(server, body, 1_800_000_000);
}

pub fn send_log_at(server: &Trapline, body: &str, at_s: u64) {
    let log = json!({ "items": [{ "timestamp": at_s as f64 + 0.5, "trace_id": id(100), "level": "info", "body": body,
        "attributes": { "sentry.environment": { "value": "live", "type": "string" } } }] });
    send_container(server, "log", &log);
}

pub fn send_points_at(server: &Trapline, number: u64, at_s: u64) {
    let metric = json!({ "items": [{ "timestamp": (at_s + number) as f64, "trace_id": id(100), "name": "cart.size",
        "type": "distribution", "value": number, "unit": "item", "attributes": {} }] });
    send_container(server, "trace_metric", &metric);
}

fn columns(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid").unwrap();
    let names = statement.query_map([table], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

fn tables(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'
        ORDER BY name";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

/// Every row of a table, as SQL values joined by commas.
fn rows(connection: &Connection, table: &str, columns: &[String]) -> Vec<String> {
    let list = columns.join(", ");
    let mut statement = connection.prepare(&format!("SELECT {list} FROM {table} ORDER BY {list}")).unwrap();
    let literal = |value: ValueRef<'_>| match value {
        ValueRef::Null => "NULL".to_string(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text).replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            bytes.iter().fold(String::from("x'"), |text, byte| text + &format!("{byte:02x}")) + "'"
        }
    };
    let text = |row: &rusqlite::Row<'_>| {
        let values: Vec<String> = (0..columns.len()).map(|column| literal(row.get_ref(column).unwrap())).collect();
        Ok(values.join(", "))
    };
    statement.query_map([], text).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What makes a database of that schema with those rows of today's that it has room for.
fn dump(today: &Connection, schema: usize) -> String {
    let old = Connection::open_in_memory().unwrap();
    for sql in &migrations()[..schema] {
        old.execute_batch(sql).unwrap();
    }
    let mut text = String::from("PRAGMA foreign_keys = OFF;\n");
    let mut statement = old
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' AND name NOT IN
            (SELECT name FROM pragma_table_list WHERE type = 'shadow') ORDER BY type DESC, name",
        )
        .unwrap();
    let made = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let made: Vec<String> = made.collect::<Result<_, _>>().unwrap();
    // Triggers would count again what the rows below say already.
    let (triggers, others): (Vec<&String>, Vec<&String>) =
        made.iter().partition(|sql| sql.starts_with("CREATE TRIGGER"));
    others.iter().for_each(|sql| writeln!(text, "{sql};").unwrap());
    let known = tables(today);
    for table in tables(&old).iter().filter(|table| known.contains(table)) {
        let common: Vec<String> =
            columns(&old, table).into_iter().filter(|name| columns(today, table).contains(name)).collect();
        for row in rows(today, table, &common) {
            writeln!(text, "INSERT INTO {table} ({}) VALUES ({row});", common.join(", ")).unwrap();
        }
    }
    if has_sequence(&old) {
        // Some ids begin above others, and none is given twice.
        writeln!(text, "DELETE FROM sqlite_sequence;").unwrap();
        let columns = ["name".to_string(), "seq".to_string()];
        let known = tables(&old);
        for row in rows(today, "sqlite_sequence", &columns) {
            if known.iter().any(|table| row.starts_with(&format!("'{table}',"))) {
                writeln!(text, "INSERT INTO sqlite_sequence (name, seq) VALUES ({row});").unwrap();
            }
        }
    }
    if tables(&old).iter().any(|table| table == "issue_search_due") {
        // What the search index holds is not carried over.
        let sql = "INSERT INTO issue_search_due (issue_id) SELECT id FROM issue WHERE true ON CONFLICT DO NOTHING;";
        writeln!(text, "{sql}").unwrap();
    }
    triggers.iter().for_each(|sql| writeln!(text, "{sql};").unwrap());
    writeln!(text, "PRAGMA user_version = {schema};").unwrap();
    text
}

fn has_sequence(connection: &Connection) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Only what is missing, and only when asked.
fn make_missing_fixtures() {
    let missing: Vec<usize> = (1..=migrations().len()).filter(|schema| !fixture_path(*schema).exists()).collect();
    if missing.is_empty() {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_FIXTURES").is_some(),
        "a migration came without a fixture of its schema ({missing:?}): UPDATE_FIXTURES=1 cargo test --locked --test it -- schemas"
    );
    let mut server = start_sealing(0);
    fill(&server);
    let mut query = otlp_span(101, 3, "SELECT");
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    query["kind"] = json!(3);
    query["attributes"] = json!([text("db.system.name", "postgresql"), text("db.query.text", "SELECT id FROM shop_cart"),
        text("code.file.path", "shop/views.py"), text("code.function.name", "cart"),
        { "key": "code.line.number", "value": { "intValue": "17" } }]);
    server.post("/v1/traces").json(&otlp_request(&[query])).send().expect(200);
    wait_until_sealed(&server);
    // Some that are not sealed, too, of the traces there are.
    seal_after(&mut server, 86_400);
    server.post("/v1/traces").json(&otlp_request(&[otlp_span(101, 2, "/cart/more/")])).send().expect(200);
    send_log(&server, "shipped");
    assert!(server.terminate().success());
    let today = Connection::open(server.database()).unwrap();
    for schema in missing {
        std::fs::write(fixture_path(schema), dump(&today, schema)).unwrap();
    }
}

#[test]
fn every_schema_is_brought_up_to_date_with_its_rows() {
    make_missing_fixtures();
    // Side by side, because most of the time is spent waiting for the disk.
    std::thread::scope(|scope| {
        for schema in 1..=migrations().len() {
            scope.spawn(move || assert_upgrades(schema));
        }
    });
}

fn assert_upgrades(schema: usize) {
    let newest = migrations().len();
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let database = dir.path().join("data/trapline.db");
    let old = Connection::open(&database).unwrap();
    old.execute_batch(&std::fs::read_to_string(fixture_path(schema)).unwrap()).unwrap();
    let before: Vec<(String, usize)> = tables(&old)
        .into_iter()
        .map(|table| (table.clone(), rows(&old, &table, &columns(&old, &table)).len()))
        .collect();
    let events = rows(&old, "event", &["lower(hex(event_id))".to_string()]);
    assert_eq!(events.len() as u64, EVENTS);
    assert!(before.iter().filter(|(_, count)| *count > 0).count() >= 10, "{before:?}");
    drop(old);

    let upgraded = run(dir.path(), &["dsn", "--data-dir", "data"]);
    assert!(upgraded.status.success(), "schema {schema}: {}", upgraded.stderr);
    let now = Connection::open(&database).unwrap();
    let version: u32 = now.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version as usize, newest);
    let known = tables(&now);
    for (table, count) in before.iter().filter(|(table, _)| known.contains(table)) {
        // Events from before there were facts are noted to get some.
        let noted = usize::from(table == "setting" && schema < SCHEMA_OF_FACTS);
        assert_eq!(rows(&now, table, &columns(&now, table)).len(), count + noted, "schema {schema}: {table}");
    }
    let fresh = Connection::open_in_memory().unwrap();
    migrations().iter().for_each(|sql| fresh.execute_batch(sql).unwrap());
    let made = ["type".to_string(), "name".to_string(), "sql".to_string()];
    assert_eq!(rows(&now, "sqlite_schema", &made), rows(&fresh, "sqlite_schema", &made), "schema {schema}");
    drop(now);
    let checked = run(dir.path(), &["check", "--full", "--data-dir", "data"]);
    assert!(checked.status.success(), "schema {schema}: {}", checked.stdout);

    // The copy made before is the old database, and nothing is left of the making.
    let copies = names_with(&dir.path().join("data"), "before-schema");
    if schema == newest {
        assert_eq!(copies, [""; 0]);
        return;
    }
    assert_eq!(copies, [format!("trapline.db.before-schema-{newest}")]);
    let copy = Connection::open(dir.path().join("data").join(&copies[0])).unwrap();
    let kept: u32 = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(kept as usize, schema);
    assert_eq!(rows(&copy, "event", &["lower(hex(event_id))".to_string()]), events);
    drop(copy);

    // However long ago the fixture was made.
    let keep = ["errors", "spans", "logs"].map(|kind| format!("keep_{kind}_days = 0\n")).concat();
    std::fs::write(dir.path().join("trapline.toml"), keep).unwrap();
    let server = Trapline::start_in(dir, &[]);
    for number in 0..EVENTS {
        assert_eq!(server.get_json(&format!("/api/ui/events/{}", id(number)))["event_id"], id(number));
    }
    assert_eq!(server.traces().len(), 2);
    assert!(server.issues().len() >= 2, "a monitor may have become overdue since");
}

fn names_with(folder: &Path, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(part)).collect()
}

#[test]
fn of_the_copies_before_upgrades_the_newest_is_kept() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let old = Connection::open(data.join("trapline.db")).unwrap();
    old.execute_batch(&std::fs::read_to_string(fixture_path(1)).unwrap()).unwrap();
    drop(old);
    std::fs::write(data.join("trapline.db.before-schema-1"), "of long ago").unwrap();
    assert!(run(dir.path(), &["dsn", "--data-dir", "data"]).status.success());
    assert_eq!(names_with(&data, "before-schema"), [format!("trapline.db.before-schema-{}", migrations().len())]);
}
