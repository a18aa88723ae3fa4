//! What a full store costs: large datasets, sent through the public routes by the load generator itself, then read,
//! stopped, killed and started again.
//!
//! Owns how large they are and what is asked of them. Reads are those of the web app, one after the other over one
//! connection, at random places of the data.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::{Connection, Load, Work, drive, write_envelope};
use crate::errors::ErrorMaker;
use crate::figures::Figure;
use crate::seed::Seed;
use crate::server::{Disk, Server};
use crate::spans::{SPANS, Template};
use crate::{Bench, say};

/// How much of everything.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub spans: usize,
    pub events: usize,
    pub issues: usize,
    /// Grown to this with attachments before it is started again.
    pub file_bytes: u64,
}

impl Sizes {
    /// Minutes in all.
    pub const BOUNDED: Self = Self { spans: 1_000_000, events: 50_000, issues: 2_000, file_bytes: 0 };
    /// What the targets are about.
    pub const FULL: Self = Self { spans: 10_000_000, events: 1_000_000, issues: 10_000, file_bytes: 10_000_000_000 };
    /// Does it work at all?
    pub const QUICK: Self = Self { spans: 200_000, events: 2_000, issues: 200, file_bytes: 0 };
}

const READS: usize = 200;
/// Upkeep that takes longer than this is not waited for. What came in at full speed for a quarter of an hour is packed for
/// as long again, because packing makes way for requests.
const SETTLE: Duration = Duration::from_secs(1800);
/// Spans stored before the first look at what storing more of them costs, and in each of the two looks.
const FEW_SPANS: usize = 100_000;
const LOOK_SPANS: usize = 200_000;
const ATTACHMENT_BYTES: usize = 16 << 20;
/// Words of `errors::VERBS` and others, so that searches find some, all and nothing.
const SEARCHES: [&str; 6] = ["voucher", "KeyError", "PaymentRefused", "refund_parcel", "services.py", "nowhere"];
/// Attributes that a fifth of all requests has, and none.
const COMMON_ATTRIBUTE: &str = "http.route:search/";
const ABSENT_ATTRIBUTE: &str = "http.url:http://nowhere.example/";

pub fn measure(bench: &Bench, sizes: Sizes, figures: &mut Vec<Figure>) {
    let folder = || {
        let mut dir = tempfile::tempdir_in(&bench.root).expect("a folder in target");
        dir.disable_cleanup(bench.options.keep);
        dir
    };
    if sizes.spans > 0 {
        spans(bench, sizes, folder().path(), figures);
    }
    let dir = folder();
    events(bench, sizes, dir.path(), figures);
    starts(bench, sizes, dir.path(), figures);
}

/// What one fill sent and what it cost the server.
struct Filled {
    us_per_span: f64,
    batches: usize,
    seed: u64,
}

fn spans(bench: &Bench, sizes: Sizes, dir: &Path, figures: &mut Vec<Figure>) {
    let server = Server::start(&bench.binary, dir);
    let connections = 8;
    let first_seed = bench.options.seed ^ 0x1a;
    let mut sent = 0;
    // Every fill draws its ids from a seed of its own.
    let mut fill = |spans: usize| {
        let count = (spans / SPANS).max(connections * 8);
        let seed = first_seed + sent as u64;
        let work = Work::Spans { templates: &bench.templates, seed, count };
        let load = Load { connections, duration: Duration::from_secs(3_600), rate: None };
        let mut before = None;
        let done = drive(server.address, &work, &load, || before = server.cpu());
        let cpu = before.zip(server.cpu()).map_or(f64::NAN, |(before, after)| after.since(before).total());
        sent += done.total;
        Filled { us_per_span: cpu * 1e6 / (done.measured * SPANS) as f64, batches: done.total, seed }
    };
    say(&format!("large: {} spans", sizes.spans));
    fill(FEW_SPANS);
    let us_at_first = fill(LOOK_SPANS).us_per_span;
    let main = sizes.spans.saturating_sub(FEW_SPANS + 2 * LOOK_SPANS);
    let most = fill(main.max(LOOK_SPANS));
    let us_at_last = fill(LOOK_SPANS).us_per_span;
    let spans = (sent * SPANS) as f64;
    say("  waiting for what the server does in the background");
    let begin = Instant::now();
    server.settle(SETTLE);
    say(&format!("  quiet after {:.0} s", begin.elapsed().as_secs_f64()));

    // The first half of what each connection sent is there whatever the others did meanwhile.
    let per_connection = most.batches / connections / 2;
    let mut seed = Seed::new(bench.options.seed, 0x7ead);
    let mut trace = || {
        let ids = Seed::new(most.seed, seed.below(connections as u64));
        Template::trace_of(ids, seed.below(per_connection.max(1) as u64) as usize)
    };
    let mut connection = Connection::open(server.address);
    let mut read = |path: String| {
        let begin = Instant::now();
        let (status, body) = connection.get(&path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(body));
        (begin.elapsed().as_secs_f64() * 1e3, body.len())
    };
    for _ in 0..READS {
        read(format!("/api/ui/traces/{}", trace()));
    }
    let times: Vec<f64> = (0..READS * 5).map(|_| read(format!("/api/ui/traces/{}", trace())).0).collect();
    figures.push(Figure::at_most(format!("trace by id in {spans:.0} spans, p99"), 20.0, percentile(times, 99.0), "ms"));
    let mut attribute = |attribute: &str| {
        let path = format!("/api/ui/traces?kind=all&attribute={}", encoded(attribute));
        let lengths: Vec<(f64, usize)> = (0..20).map(|_| read(path.clone())).collect();
        (percentile(lengths.iter().map(|(ms, _)| *ms).collect(), 95.0), lengths[0].1)
    };
    let few = format!("http.url:{}", bench.templates[0].some_url());
    let found = [attribute(COMMON_ATTRIBUTE), attribute(&few), attribute(ABSENT_ATTRIBUTE)];
    let what = format!("attribute search in {spans:.0} spans, slowest p95");
    // An answer as long for what is nowhere as for what is everywhere did not look.
    if found[2].1 + 200 > found[0].1 {
        figures.push(Figure::missing(what, "<= 300 ms", "the server does not search attributes"));
    } else {
        let slowest = found.iter().map(|(ms, _)| *ms).fold(0.0, f64::max);
        let each: Vec<String> = found.iter().map(|(ms, _)| format!("{ms:.0}")).collect();
        let note = format!(" (many, few, none: {})", each.join(", "));
        figures.push(Figure::at_most(what, 300.0, slowest, "ms").note(&note));
    }
    server.stop();
    let disk = Disk::read(dir);
    assert_eq!(disk.spans as f64, spans, "the server kept another number of spans than it accepted");
    figures.push(
        Figure::at_most("disk per span, all indexes, after upkeep", 45.0, disk.used_bytes as f64 / spans, "B")
            .note(&parts(&disk, spans)),
    );
    figures.push(
        Figure::at_most(
            format!("CPU per span at {spans:.0} spans against {FEW_SPANS}"),
            1.2,
            us_at_last / us_at_first,
            "times",
        )
        .note(&format!(" ({us_at_last:.1} and {us_at_first:.1} us)")),
    );
}

fn events(bench: &Bench, sizes: Sizes, dir: &Path, figures: &mut Vec<Figure>) {
    say(&format!("large: {} errors over {} issues", sizes.events, sizes.issues));
    let server = Server::start(&bench.binary, dir);
    let maker = ErrorMaker::new(&bench.fixtures(), bench.options.seed ^ 0xe4, sizes.issues);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64;
    // A quarter of a millisecond apart, ending now.
    let now_ms = now - sizes.events as u64 / 4;
    let work = Work::Made { maker: &maker, key: server.key.clone(), count: sizes.events, now_ms };
    let load = Load { connections: 8, duration: Duration::from_secs(7_200), rate: None };
    let sent = drive(server.address, &work, &load, || {});
    say(&format!("  sent in {:.0} s; waiting for what the server does in the background", sent.elapsed.as_secs_f64()));
    server.settle(SETTLE);

    let mut connection = Connection::open(server.address);
    let mut ids = Vec::new();
    let mut next = Some("/api/ui/issues?limit=100".to_string());
    let mut pages = vec!["/api/ui/issues".to_string()];
    while let Some(path) = next.take() {
        let (status, body) = connection.get(&path);
        assert_eq!(status, 200, "{path}");
        let page: Value = serde_json::from_slice(body).expect("JSON");
        ids.extend(
            page["issues"]
                .as_array()
                .expect("issues")
                .iter()
                .filter_map(|row| Some(row["short_id"].as_str()?.to_string())),
        );
        if let Some(cursor) = page["next_cursor"].as_str().filter(|_| pages.len() < 40) {
            pages.push(format!("/api/ui/issues?cursor={cursor}"));
            next = Some(format!("/api/ui/issues?limit=100&cursor={cursor}"));
        }
    }
    pages.extend(["first_seen", "events"].map(|sort| format!("/api/ui/issues?sort={sort}")));
    pages.push("/api/ui/issues?environment=production".to_string());
    let mut seed = Seed::new(bench.options.seed, 0x1155);
    let mut p95 = |mut path: Box<dyn FnMut(&mut Seed) -> String>| {
        let mut times = Vec::new();
        for warm in [true, false] {
            for _ in 0..READS {
                let path = path(&mut seed);
                let begin = Instant::now();
                let (status, _) = connection.get(&path);
                let took = begin.elapsed().as_secs_f64() * 1e3;
                if status != 200 {
                    say(&format!("  {path}: {status} after {took:.0} ms"));
                }
                // What was cut off took longer than anybody waits.
                times.extend((!warm).then_some(if status == 200 { took } else { f64::INFINITY }));
            }
        }
        percentile(times, 95.0)
    };
    let among = format!("{} errors over {} issues", sent.total, sizes.issues);
    let list = p95(Box::new(move |seed| pages[seed.below(pages.len() as u64) as usize].clone()));
    figures.push(Figure::at_most(format!("issue list in {among}, p95"), 50.0, list, "ms"));
    let mut part = 0;
    let page = p95(Box::new(move |seed| {
        part += 1;
        let id = &ids[seed.below(ids.len() as u64) as usize];
        // The page asks for both.
        if part % 2 == 0 { format!("/api/ui/issues/{id}") } else { format!("/api/ui/issues/{id}/events/latest") }
    }));
    figures.push(Figure::at_most(format!("issue page in {among}, p95"), 50.0, page, "ms"));
    let search = p95(Box::new(|seed| format!("/api/ui/issues?query={}", encoded(seed.pick(&SEARCHES)))));
    figures.push(Figure::at_most(format!("issue search in {among}, p95"), 50.0, search, "ms"));
    server.stop();
    let disk = Disk::read(dir);
    assert_eq!(disk.events, sent.total as u64, "the server kept another number of events than it accepted");
    let events = sent.total as f64;
    figures.push(
        Figure::at_most("disk per error, all indexes, after upkeep", 2_500.0, disk.used_bytes as f64 / events, "B")
            .note(&parts(&disk, events)),
    );
}

/// The file of [`events`], grown, stopped and started; then killed under load and started.
fn starts(bench: &Bench, sizes: Sizes, dir: &Path, figures: &mut Vec<Figure>) {
    let server = Server::start(&bench.binary, dir);
    let mut connection = Connection::open(server.address);
    let mut seed = Seed::new(bench.options.seed, 0xf11e);
    while Disk::file_bytes(dir) < sizes.file_bytes {
        let bytes: Vec<u8> =
            std::iter::repeat_with(|| seed.next().to_le_bytes()).take(ATTACHMENT_BYTES / 8).flatten().collect();
        let header = format!(
            "{{\"event_id\":\"{}\"}}\n{{\"type\":\"attachment\",\"length\":{},\"filename\":\"core.bin\"}}\n",
            seed.hex(16),
            bytes.len()
        );
        let mut request = Vec::new();
        write_envelope(&server.key, "", &[header.as_bytes(), &bytes].concat(), &mut request);
        connection.exchange(&request);
    }
    server.settle(SETTLE);
    server.stop();
    let gigabytes = Disk::file_bytes(dir) as f64 / 1e9;
    let start = |figures: &mut Vec<Figure>, what: String, target: f64| {
        let begin = Instant::now();
        let server = Server::start(&bench.binary, dir);
        let (status, _) = Connection::open(server.address).get("/api/ui/boot");
        assert_eq!(status, 200);
        figures.push(Figure::at_most(what, target, begin.elapsed().as_secs_f64() * 1e3, "ms"));
        server
    };
    let server = start(figures, format!("start with a file of {gigabytes:.2} GB"), 300.0);
    // The log is full of what was just acknowledged when the process goes.
    let before = server.accepted_events(dir);
    let load = Load { connections: 16, duration: Duration::from_secs(2), rate: None };
    let work = Work::Errors { bodies: &bench.bodies, key: server.key.clone(), repeat: false };
    let sent = drive(server.address, &work, &load, || {});
    server.kill();
    let server = start(figures, format!("start after kill -9, {gigabytes:.2} GB"), 1_000.0);
    assert_eq!(server.accepted_events(dir), before + sent.total as u64, "acknowledged events are gone after kill -9");
    server.stop();
}

fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = (values.len() as f64 * percent / 100.0) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The largest tables and indexes, in bytes per `units`.
fn parts(disk: &Disk, units: f64) -> String {
    let parts: Vec<String> =
        disk.parts.iter().take(5).map(|(name, bytes)| format!("{name} {:.1}", *bytes as f64 / units)).collect();
    format!(" ({})", parts.join(", "))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
