//! Error envelopes as sentry-sdk 2.75.0 sends them from Django: real captures, grown.
//!
//! The captures of the fixtures are one small shop with few frames. Here their frames, and application frames made
//! up in the same form, are stacked to 30 with locals and source lines, about 35 kB of JSON, which is what the SDK
//! sends from a grown project. A bug (types, functions, lines) is the same in all its events; ids, times, users,
//! numbers, locals and addresses of objects differ in every event. Compressed with gzip level 9, the SDK's own.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::seed::Seed;

/// Of the loaded scenarios.
pub const BUGS: usize = 50;
/// More than these are made when they are needed: a bug is 30 kB.
const BUGS_KEPT_MAX: usize = 200;
const FRAMES: usize = 30;

/// One frame, its fields in the SDK's order.
#[derive(Clone, Deserialize, Serialize)]
struct Frame {
    filename: String,
    abs_path: String,
    function: String,
    module: String,
    lineno: u64,
    pre_context: Vec<String>,
    context_line: String,
    post_context: Vec<String>,
    vars: Box<RawValue>,
    in_app: bool,
}

#[derive(Deserialize)]
struct Exceptions {
    values: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    stacktrace: Stacktrace,
}

#[derive(Deserialize)]
struct Stacktrace {
    frames: Vec<Frame>,
}

struct Bug {
    module: &'static str,
    ty: &'static str,
    cause_ty: &'static str,
    route: String,
    view: String,
    frames: Vec<Frame>,
    cause_frames: Vec<Frame>,
}

/// Makes events; every number gives another one.
pub struct ErrorMaker {
    seed: u64,
    /// Fields of the captured event in the SDK's order, as text.
    fields: Vec<(String, String)>,
    library: Vec<Frame>,
    inserting: Vec<Frame>,
    bug_count: usize,
    /// The first ones.
    bugs: Vec<Bug>,
}

impl ErrorMaker {
    /// Of as many different bugs, each of which groups as an issue of its own.
    pub fn new(fixtures: &Path, seed: u64, bug_count: usize) -> Self {
        let event = captured(fixtures, "django-chained-error");
        let fields = fields_in_order(&event);
        let mut library = frames_of(&event);
        let inserting = frames_of(&captured(fixtures, "django-integrity-error"));
        library.retain(|frame| !frame.in_app);
        let mut maker = Self { seed, fields, library, inserting, bug_count, bugs: Vec::new() };
        maker.bugs = (0..bug_count.min(BUGS_KEPT_MAX)).map(|no| maker.bug(no)).collect();
        maker
    }

    fn bug(&self, no: usize) -> Bug {
        Bug::new(&mut Seed::new(self.seed, no as u64), no, &self.library, &self.inserting)
    }

    /// Envelope `no`, compressed in a hurry; the first ones hold each bug once.
    pub fn quick_envelope(&self, no: usize, now_ms: u64) -> Vec<u8> {
        let one_each = (no < self.bug_count).then_some(no);
        compress(&self.envelope(no as u64, one_each, now_ms), flate2::Compression::fast())
    }

    /// Envelopes number 0 to `count`, compressed, made on all cores.
    pub fn envelopes(&self, count: usize, now_ms: u64, progress: impl Fn(usize) + Sync) -> Vec<Vec<u8>> {
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut made: Vec<(usize, Vec<u8>)> = std::thread::scope(|scope| {
            let work = || {
                let mut mine = Vec::new();
                loop {
                    let no = next.fetch_add(1, Ordering::Relaxed);
                    if no >= count {
                        return mine;
                    }
                    if no % 1000 == 999 {
                        progress(no + 1);
                    }
                    mine.push((no, gzip(&self.envelope(no as u64, None, now_ms))));
                }
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("making envelopes does not panic")).collect()
        });
        made.sort_unstable_by_key(|(no, _)| *no);
        made.into_iter().map(|(_, body)| body).collect()
    }

    fn envelope(&self, no: u64, bug_no: Option<usize>, now_ms: u64) -> Vec<u8> {
        let mut seed = Seed::new(self.seed ^ 0xe, no);
        // The smaller of two: some bugs are far more frequent than others, as in real life.
        let count = self.bug_count as u64;
        let drawn = seed.below(count).min(seed.below(count)) as usize;
        let bug_no = bug_no.unwrap_or(drawn);
        let made;
        let bug = match self.bugs.get(bug_no) {
            Some(bug) => bug,
            None => {
                made = self.bug(bug_no);
                &made
            }
        };
        let event_id = seed.hex(16);
        let trace_id = seed.hex(16);
        let timestamp = timestamp(now_ms + no / 4);
        let body = self.event(bug, &event_id, &trace_id, &timestamp, &mut seed);
        let header = format!(
            r#"{{"event_id":"{event_id}","sent_at":"{timestamp}","trace":{{"trace_id":"{trace_id}","sample_rand":"0.{}","environment":"production","release":"shop@2026.11.3","transaction":"{}","sample_rate":"1.0","sampled":"true"}}}}"#,
            seed.below(1_000_000),
            bug.route,
        );
        format!(
            "{header}\n{{\"type\":\"event\",\"content_type\":\"application/json\",\"length\":{}}}\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn event(&self, bug: &Bug, event_id: &str, trace_id: &str, timestamp: &str, seed: &mut Seed) -> String {
        let order = seed.below(2_000_000);
        let user = seed.below(40_000);
        let mut json = String::with_capacity(40 << 10);
        for (name, captured) in &self.fields {
            json.push(if json.is_empty() { '{' } else { ',' });
            let _ = write!(json, "\"{name}\":");
            match name.as_str() {
                "event_id" => json.push_str(&quoted(event_id)),
                "timestamp" => json.push_str(&quoted(timestamp)),
                "transaction" => json.push_str(&quoted(&bug.route)),
                "exception" => bug.exception(&mut json, order, seed),
                "user" => {
                    let _ = write!(
                        json,
                        r#"{{"id":"cus_{user}","username":"user{user}","email":"user{user}@example.com","ip_address":"203.0.{}.{}"}}"#,
                        user % 250,
                        user % 199,
                    );
                }
                "contexts" => json.push_str(&with_ids(captured, trace_id, seed)),
                _ => json.push_str(&vary(captured, order, timestamp, seed)),
            }
        }
        json.push('}');
        json
    }
}

impl Bug {
    fn new(seed: &mut Seed, no: usize, library: &[Frame], inserting: &[Frame]) -> Self {
        let (module, ty, cause_ty) = seed.pick(&[
            ("django.db.utils", "IntegrityError", "IntegrityError"),
            ("shop.errors", "PaymentRefused", "TimeoutError"),
            ("builtins", "KeyError", "AttributeError"),
            ("builtins", "ValueError", "ZeroDivisionError"),
            ("requests.exceptions", "ConnectionError", "OSError"),
            ("builtins", "TypeError", "ValueError"),
        ]);
        let handlers: Vec<&Frame> = library.iter().collect();
        let orm: Vec<&Frame> = inserting.iter().filter(|frame| frame.module.starts_with("django.db")).collect();
        let app = seed.pick(APPS);
        let view = format!("{}_{}", seed.pick(VERBS), seed.pick(NOUNS));
        let cause_frames = vec![application_frame(seed, app), application_frame(seed, app)];
        let mut frames = Vec::new();
        let entered = handlers.iter().position(|frame| frame.function == "_get_response").unwrap_or(1);
        // Every middleware of Django adds two frames.
        for middleware in ["sessions", "auth", "locale", "csrf"] {
            frames.push(handlers[0].clone());
            frames.push(middleware_frame(handlers[0], middleware));
        }
        frames.push(handlers[entered].clone());
        let innermost = if ty == "IntegrityError" { orm.len().min(14) } else { 0 };
        while frames.len() + innermost + cause_frames.len() < FRAMES {
            let mut frame = application_frame(seed, app);
            if frames.len() == 9 {
                frame.function.clone_from(&view);
            }
            frames.push(frame);
        }
        frames.extend(orm.iter().take(innermost).map(|frame| (*frame).clone()));
        Self { module, ty, cause_ty, route: format!("/{app}/{no}/{{order_id}}/"), view, frames, cause_frames }
    }

    /// The cause first, as the SDK lists them.
    fn exception(&self, json: &mut String, order: u64, seed: &mut Seed) {
        let message = format!("Cannot {} order {order}: {} of {} left", self.view, seed.below(90), seed.below(9_000));
        let cause = format!("{} is not {}", seed.below(5_000), seed.below(70));
        json.push_str(r#"{"values":["#);
        write_exception(json, ("builtins", self.cause_ty, &cause), &self.cause_frames, order, seed);
        json.push(',');
        write_exception(json, (self.module, self.ty, &message), &self.frames, order, seed);
        json.push_str("]}");
    }
}

fn write_exception(
    json: &mut String,
    (module, ty, value): (&str, &str, &str),
    frames: &[Frame],
    order: u64,
    seed: &mut Seed,
) {
    let _ = write!(
        json,
        r#"{{"mechanism":{{"type":"django","handled":false}},"module":"{module}","type":"{ty}","value":"{value}","stacktrace":{{"frames":["#
    );
    for (no, frame) in frames.iter().enumerate() {
        if no > 0 {
            json.push(',');
        }
        let vars = if frame.in_app { locals(frame, order, seed) } else { vary(frame.vars.get(), order, "", seed) };
        let vars = RawValue::from_string(vars).expect("locals are JSON");
        let frame = Frame { vars, ..frame.clone() };
        json.push_str(&serde_json::to_string(&frame).expect("a frame is JSON"));
    }
    json.push_str("]}}");
}

const APPS: &[&str] = &["orders", "billing", "catalog", "accounts", "shipping", "stock", "reviews", "search"];
const FILES: &[&str] = &["services", "models", "pricing", "tasks", "forms", "serializers", "queries", "signals"];
const VERBS: &[&str] = &["refund", "reserve", "price", "ship", "validate", "load", "sync", "notify", "merge", "close"];
const NOUNS: &[&str] =
    &["order", "voucher", "invoice", "customer", "parcel", "basket", "line", "payment", "address", "supplier"];

/// Source lines as people write them; `$n` and `$m` are nouns, `$v` a verb, `$d` a number.
const LINES: &[&str] = &[
    "    $n = $m.$n_set.select_related(\"$m\").get(pk=$n_id)",
    "    if $n is None or $n.created_at < timezone.now() - timedelta(days=$d):",
    "        logger.warning(\"%s without %s after %s days\", $n, $m, $d)",
    "    for $n in $m.$n_set.filter(state__in=(\"open\", \"paid\")).order_by(\"-created_at\"):",
    "        total_cents += $n.quantity * $n.unit_price_cents",
    "",
    "    return $v_$n($m, currency=currency, dry_run=False)",
    "    with transaction.atomic(using=\"default\"):",
    "        $n.$m = self.$v_$m($n, limit=$d)",
    "    except (KeyError, ValueError) as exc:",
    "        raise PaymentRefused(f\"cannot $v {$n.pk} for {$m}\") from exc",
    "    $m_by_id = {$m.pk: $m for $m in $n.$m_set.all()}",
    "    # The $m may have changed since.",
    "    response = client.post(f\"/$n/{$n.pk}/$v/\", json=payload, timeout=$d)",
    "    response.raise_for_status()",
    "        \"total_cents\": sum($n.total_cents for $n in $m_list),",
    "",
    "def $v_$n($n, $m, *, currency=\"EUR\", limit=$d):",
    "    \"\"\"What the $m owes for the $n.\"\"\"",
    "    $n.save(update_fields=[\"state\", \"$m\", \"updated_at\"])",
    "    assert $n.$m_id == $m.pk, f\"{$n} is not of {$m}\"",
    "        return cache.get_or_set(f\"$n:{$m.pk}\", load, $d)",
];

fn application_frame(seed: &mut Seed, app: &str) -> Frame {
    let (verb, noun, other) = (seed.pick(VERBS), seed.pick(NOUNS), seed.pick(NOUNS));
    let file = seed.pick(FILES);
    let mut line = || {
        let text = seed.pick(LINES).replace("$d", &(2 + seed.below(90)).to_string());
        text.replace("$n", noun).replace("$m", other).replace("$v", verb)
    };
    let pre_context = (0..5).map(|_| line()).collect();
    let context_line = line();
    let mut post_context: Vec<String> = (0..5).map(|_| line()).collect();
    // Some functions stand at the end of their file.
    post_context.truncate(1 + seed.below(6) as usize);
    Frame {
        filename: format!("{app}/{file}.py"),
        abs_path: format!("/srv/shop/{app}/{file}.py"),
        function: format!("{verb}_{noun}"),
        module: format!("{app}.{file}"),
        lineno: 10 + seed.below(600),
        pre_context,
        context_line,
        post_context,
        vars: RawValue::from_string("{}".to_string()).expect("an object"),
        in_app: true,
    }
}

fn middleware_frame(model: &Frame, name: &str) -> Frame {
    let text = |lines: &[&str]| lines.iter().map(|line| (*line).to_string()).collect();
    Frame {
        filename: "django/utils/deprecation.py".to_string(),
        abs_path: "/srv/venv/lib/python3.11/site-packages/django/utils/deprecation.py".to_string(),
        function: "__call__".to_string(),
        module: "django.utils.deprecation".to_string(),
        lineno: 128,
        pre_context: text(&[
            "            return self.__acall__(request)",
            "        response = None",
            "        if hasattr(self, \"process_request\"):",
            "            response = self.process_request(request)",
        ]),
        context_line: "        response = response or self.get_response(request)".to_string(),
        post_context: text(&[
            "        if hasattr(self, \"process_response\"):",
            "            response = self.process_response(request, response)",
            "        return response",
        ]),
        vars: RawValue::from_string(format!(
            r#"{{"self":"<{name}Middleware get_response=convert_exception_to_response.<locals>.inner>","request":"<WSGIRequest: GET '/checkout/3/?voucher=BF26'>","response":"None"}}"#
        ))
        .expect("locals are JSON"),
        in_app: model.in_app,
    }
}

/// Locals of an application frame, as the SDK writes them: texts of Python's `repr`, small containers as they are.
fn locals(frame: &Frame, order: u64, seed: &mut Seed) -> String {
    // Names belong to the function, values to the event.
    let noun = frame.function.rsplit('_').next().unwrap_or("order");
    let other = NOUNS[frame.lineno as usize % NOUNS.len()];
    let mut json = format!(
        r#"{{"self":"<{noun}s.services.Service object at 0x7f{:010x}>","order_id":"{order}","{noun}":"<{noun}: {noun} object ({})>","{other}_list":["<{other}: {other} object ({})>"],"total_cents":"{}","currency":"'EUR'""#,
        seed.below(1 << 24),
        seed.below(50_000),
        seed.below(50_000),
        seed.below(90_000),
    );
    if frame.lineno.is_multiple_of(3) {
        let _ = write!(
            json,
            r#","payload":{{"sku":"'SKU-{:05}'","quantity":"{}","note":"'leave at door {}'","express":"{}"}}"#,
            seed.below(30_000),
            seed.below(12),
            seed.below(99),
            if seed.below(2) == 0 { "True" } else { "False" },
        );
    }
    if frame.lineno.is_multiple_of(4) {
        let _ = write!(
            json,
            r#","reference":"UUID('{}')","due":"datetime.date(2026, 11, {})""#,
            seed.hex(16),
            1 + seed.below(28)
        );
    }
    json.push('}');
    json
}

/// Captured text with the numbers that differ from event to event.
fn vary(captured: &str, order: u64, timestamp: &str, seed: &mut Seed) -> String {
    let mut text = captured
        .replace("/checkout/3/", &format!("/checkout/{order}/"))
        .replace("order 3 ", &format!("order {order} "));
    text = text.replace("/prices/3/", &format!("/prices/{order}/"));
    if !timestamp.is_empty() {
        text = text.replace("2026-11-21T10:23:51", &timestamp[..19]);
    }
    // Addresses of objects: the low digits differ.
    let mut from = 0;
    while let Some(at) = text[from..].find(" at 0x7f").map(|at| from + at + 8) {
        let digits = text[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits >= 6 {
            text.replace_range(at + digits - 6..at + digits, &format!("{:06x}", seed.below(1 << 24)));
        }
        from = at + digits;
    }
    text
}

/// The captured contexts with this event's trace.
fn with_ids(captured: &str, trace_id: &str, seed: &mut Seed) -> String {
    let mut text = captured.to_string();
    for (key, value) in [("trace_id", trace_id.to_string()), ("span_id", seed.hex(8)), ("parent_span_id", seed.hex(8))]
    {
        let key = format!("\"{key}\":\"");
        if let Some(at) = text.find(&key).map(|at| at + key.len()) {
            let end = at + value.len();
            text.replace_range(at..end, &value);
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Python's `isoformat` of a time in UTC.
fn timestamp(unix_ms: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms as i64).expect("a time of this century");
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    compress(bytes, flate2::Compression::new(9))
}

fn compress(bytes: &[u8], level: flate2::Compression) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// What [`ErrorMaker::envelopes`] compressed.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 8);
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).expect("own gzip is whole");
    out
}

/// The event's JSON within an expanded envelope of one item.
pub fn event_json(envelope: &[u8]) -> &[u8] {
    envelope.splitn(3, |byte| *byte == b'\n').nth(2).expect("an envelope with one item")
}

fn captured(fixtures: &Path, case: &str) -> Vec<u8> {
    let path = fixtures.join("sentry-python-2.75.0").join(case).with_extension("body");
    let body = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    event_json(&gunzip(&body)).to_vec()
}

/// Frames of the last exception, the one that was raised.
fn frames_of(event: &[u8]) -> Vec<Frame> {
    #[derive(Deserialize)]
    struct Event {
        exception: Exceptions,
    }
    let event: Event = serde_json::from_slice(event).expect("the capture has an exception");
    event.exception.values.into_iter().next_back().map(|exception| exception.stacktrace.frames).unwrap_or_default()
}

/// Top-level fields as text, in the order sent: where a field stands matters to a parser that streams.
fn fields_in_order(event: &[u8]) -> Vec<(String, String)> {
    let event: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(event).expect("an object");
    event.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}
