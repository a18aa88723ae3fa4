//! The ledger: what was sent, what was answered with 200, and whether the database and the screens still know it.
//!
//! Owns the senders and the comparison. Every request has a number, and its bytes follow from it, so that it can be sent
//! again word for word. Knows nothing of what goes wrong meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;

use crate::client::{Connection, Request};
use crate::harness::Trapline;
use crate::payload::{id, mixed, otlp_request, otlp_span, to_envelope};

/// Spans of a request over OTLP.
const OTLP_SPANS: u64 = 3;

pub struct Ledger {
    /// What all payloads count as their time.
    now_s: f64,
    next: AtomicU64,
    answers: Mutex<Vec<Answered>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub number: u64,
    /// None when the connection ended without an answer.
    pub status: Option<u16>,
    /// Of the sender.
    pub port: u16,
    pub took: Duration,
}

/// What a database held of a ledger.
#[derive(Debug, Default)]
pub struct Found {
    pub answered: u64,
    pub lost: u64,
    pub doubled: u64,
    /// What SQLite or a counter says is wrong.
    pub damage: Option<String>,
    pub first_lost: Option<String>,
}

impl Found {
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.damage.is_none()
    }
}

/// Every third request comes over OTLP, the others are envelopes of everything there is.
fn is_otlp(number: u64) -> bool {
    number % 3 == 2
}

/// Some carry a file that takes commits of its own, after that of the event.
fn has_large_file(number: u64) -> bool {
    number % 60 == 31
}

const LARGE_FILE_BYTES: usize = 5 << 19;

impl Default for Ledger {
    fn default() -> Self {
        let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - 60.0;
        Self { now_s, next: AtomicU64::new(0), answers: Mutex::default() }
    }
}

impl Ledger {
    pub fn request(&self, server: &Trapline, number: u64) -> Request {
        if is_otlp(number) {
            let spans: Vec<_> = (1..=OTLP_SPANS).map(|span| otlp_span(number, span, "/pay/")).collect();
            return server.post("/v1/traces").json(&otlp_request(&spans));
        }
        let mut body = mixed(number, self.now_s);
        if has_large_file(number) {
            let file = large_file(number);
            body.extend(
                format!("{{\"type\":\"attachment\",\"filename\":\"core\",\"length\":{}}}\n", file.len()).bytes(),
            );
            body.extend(file);
            body.push(b'\n');
        }
        to_envelope(server, body)
    }

    /// Sends from several connections until `is_over`, whatever happens to the server meanwhile.
    pub fn send_while(&self, server: &Trapline, senders: usize, is_over: impl Fn() -> bool + Sync) {
        std::thread::scope(|scope| {
            for _ in 0..senders {
                scope.spawn(|| {
                    let mut connection = None;
                    while !is_over() {
                        let Some(open) = connection.take().or_else(|| Connection::try_open(server.address())) else {
                            std::thread::park_timeout(Duration::from_millis(5));
                            continue;
                        };
                        connection = self.send_one(server, open);
                    }
                });
            }
        });
    }

    /// Sends so many requests, from several connections.
    pub fn send(&self, server: &Trapline, senders: usize, requests: u64) {
        let last = self.next.load(Ordering::Relaxed) + requests;
        self.send_while(server, senders, || self.next.load(Ordering::Relaxed) >= last);
    }

    /// Sends in the background while `meanwhile` runs.
    pub fn send_during<T>(&self, server: &Trapline, senders: usize, meanwhile: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| self.send_while(server, senders, || over.load(Ordering::Relaxed)));
            // Also when it fails: the senders would never end.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
            over.store(true, Ordering::Relaxed);
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn send_one(&self, server: &Trapline, mut connection: Connection) -> Option<Connection> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = self.request(server, number);
        let started = Instant::now();
        let status = connection.exchange(&request).map(|answer| answer.status);
        let answered = Answered { number, status, port: connection.local_port(), took: started.elapsed() };
        self.answers.lock().unwrap().push(answered);
        status.map(|_| connection)
    }

    /// In the order they came.
    pub fn answers(&self) -> Vec<Answered> {
        self.answers.lock().unwrap().clone()
    }

    /// The numbers answered with 200.
    pub fn kept(&self) -> BTreeSet<u64> {
        self.answers().iter().filter(|answered| answered.status == Some(200)).map(|answered| answered.number).collect()
    }

    /// How many answers there were of each status; 0 is none.
    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for answered in self.answers() {
            *counts.entry(answered.status.unwrap_or(0)).or_default() += 1;
        }
        counts
    }

    /// Compares with the file of a server that has ended.
    pub fn compare_file(&self, path: &Path) -> Found {
        compare(path, &self.kept())
    }

    /// Compares with what the screens show: every request, or in long ledgers every so many.
    pub fn compare_screens(&self, server: &Trapline, at_most: usize) -> Found {
        let kept = self.kept();
        let step = kept.len().div_ceil(at_most).max(1);
        let mut found = Found { answered: kept.len() as u64, ..Found::default() };
        for number in kept.iter().copied().step_by(step) {
            if let Some(why) = missing_on_screens(server, number) {
                found.lost += 1;
                found.first_lost.get_or_insert(format!("request {number}: {why}"));
            }
        }
        found
    }

    /// Sends everything again that was answered, as a client whose answer was lost does; nothing may come of it.
    pub fn send_again(&self, server: &Trapline) {
        for number in self.kept() {
            self.request(server, number).send().expect(200);
        }
    }
}

fn large_file(number: u64) -> Vec<u8> {
    // Not to be compressed away.
    let mut state = number | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(next).flat_map(u64::to_le_bytes).take(LARGE_FILE_BYTES).collect()
}

fn missing_on_screens(server: &Trapline, number: u64) -> Option<String> {
    let trace = server.get(&format!("/api/ui/traces/{}", id(number)));
    if trace.status != 200 {
        return Some(format!("its trace: {}", trace.text()));
    }
    let spans = trace.json()["spans"]["span_id"].as_array().map_or(0, Vec::len) as u64;
    if is_otlp(number) {
        return (spans != OTLP_SPANS).then(|| format!("{spans} spans"));
    }
    if spans != 1 {
        return Some(format!("{spans} spans"));
    }
    let event = server.get(&format!("/api/ui/events/{}", id(number)));
    if event.status != 200 || event.json()["event_id"] != id(number) {
        return Some(format!("its event: {}", event.text()));
    }
    // By a tag that no other has.
    let issue = event.json()["short_id"].as_str().unwrap_or_default().to_string();
    let found = server.get(&format!("/api/ui/issues/{issue}/events?query=number%3A{number}"));
    if found.status != 200 || found.json()["total"] != 1 || found.json()["events"][0]["event_id"] != id(number) {
        return Some(format!("its tag: {}", found.text()));
    }
    let path = format!("/api/0/projects/main/default/events/{}/attachments/", id(number));
    let files = server.get(&path);
    if files.status != 200 {
        return Some(format!("its files: {}", files.text()));
    }
    let files = files.json();
    let mut expected = vec![number.to_le_bytes().repeat(2_000)];
    expected.extend(has_large_file(number).then(|| large_file(number)));
    let sent: BTreeSet<Vec<u8>> = expected.into_iter().collect();
    let ids = files.as_array().into_iter().flatten().filter_map(|file| file["id"].as_str());
    let there: BTreeSet<Vec<u8>> = ids.map(|id| server.get(&format!("{path}{id}/?download")).body).collect();
    (there != sent).then(|| format!("{} files, or other bytes", there.len()))
}

/// What each kind of thing in the database is counted by: its rows, and the counter that moved with them.
const COUNTED: &[(&str, &str)] = &[
    ("event", "SELECT count(*) FROM event"),
    ("event", "SELECT coalesce(sum(event_count), 0) FROM issue"),
    ("event", "SELECT coalesce(sum(event_count), 0) FROM issue_hour"),
    ("span", "SELECT coalesce(sum(span_count), 0) FROM trace"),
    ("log", "SELECT coalesce(sum(record_count), 0) FROM log_minute"),
    ("trace_metric", "SELECT coalesce(sum(point_count), 0) FROM metric_minute"),
    ("session", "SELECT count(*) FROM session"),
    ("check_in", "SELECT count(*) FROM check_in"),
    ("feedback", "SELECT count(*) FROM feedback"),
    ("attachment", "SELECT count(*) FROM attachment"),
];

/// Of an envelope all of these are written in one transaction: there are as many of each as there are events.
const TOGETHER: [&str; 5] = ["log", "trace_metric", "session", "check_in", "feedback"];

pub fn compare(path: &Path, kept: &BTreeSet<u64>) -> Found {
    let mut found = Found { answered: kept.len() as u64, ..Found::default() };
    if !path.exists() {
        found.lost = found.answered;
        found.first_lost = (found.lost > 0).then(|| "there is no database".to_string());
        return found;
    }
    if let Err(error) = read_and_compare(path, kept, &mut found) {
        found.damage = Some(format!("{error}"));
    }
    found
}

fn read_and_compare(path: &Path, kept: &BTreeSet<u64>, found: &mut Found) -> rusqlite::Result<()> {
    let db = Database::open(path)?;
    let check: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        found.damage = Some(check);
        return Ok(());
    }
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 || COUNTED.iter().any(|(_, sql)| db.prepare(sql).is_err()) {
        // Cut off while the schema was made: nothing can have been answered.
        found.lost = found.answered;
        found.first_lost = (found.lost > 0).then(|| format!("the schema is at version {version}"));
        return Ok(());
    }
    let numbers = |sql: &str| -> rusqlite::Result<Vec<Option<u64>>> {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|bytes| bytes.map(|bytes| number_of(&bytes))).collect()
    };
    let events = numbers("SELECT event_id FROM event")?;
    let files = numbers(
        "SELECT attachment.event_id FROM attachment JOIN blob ON blob.id = attachment.blob_id
         WHERE blob.is_whole AND blob.chunk_count = (SELECT count(*) FROM blob_chunk WHERE blob_id = blob.id)",
    )?;
    let mut traces = BTreeMap::new();
    let mut statement = db.prepare("SELECT trace_id, span_count FROM trace")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        traces.insert(number_of(&row.get::<_, Vec<u8>>(0)?), row.get::<_, i64>(1)? as u64);
    }
    let mut files_of = BTreeMap::new();
    files.iter().for_each(|number| *files_of.entry(*number).or_insert(0) += 1);
    let known: BTreeSet<_> = events.iter().collect();
    found.doubled = (events.len() - known.len()) as u64;
    for number in kept.iter().copied() {
        let spans = traces.get(&Some(number)).copied();
        let is_there = if is_otlp(number) {
            spans == Some(OTLP_SPANS)
        } else {
            known.contains(&Some(number))
                && spans == Some(1)
                && files_of.get(&Some(number)) == Some(&(1 + i32::from(has_large_file(number))))
        };
        if !is_there {
            found.lost += 1;
            let has_event = known.contains(&Some(number));
            found.first_lost.get_or_insert_with(|| {
                format!("request {number}: event {has_event}, spans {spans:?}, files {:?}", files_of.get(&Some(number)))
            });
        }
    }
    let mut counts = BTreeMap::new();
    for (category, sql) in COUNTED {
        let rows = db.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64;
        let counter = db.query_row(
            "SELECT coalesce(sum(quantity), 0) FROM outcome WHERE category = ?1 AND reason = 'accepted'",
            [category],
            |row| row.get::<_, i64>(0),
        )? as u64;
        if rows != counter {
            found.damage = Some(format!("{counter} of {category} counted, {rows} there ({sql})"));
        }
        counts.insert(*category, rows);
    }
    for category in TOGETHER {
        let (events, others) = (counts["event"], counts[category]);
        found.doubled += others.saturating_sub(events);
        if others != events {
            found.damage = Some(format!("{events} events and {others} of {category}, which come together"));
        }
    }
    Ok(())
}

/// Of an id made by [`id`].
fn number_of(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?))
}
