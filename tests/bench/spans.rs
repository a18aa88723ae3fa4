//! OTLP batches as the Python SDK's batch processor exports them from Django: 512 spans, protobuf, not compressed.
//!
//! Old semantic conventions, the default of the instrumentations (captures in tests/fixtures/otlp-python-1.45.1): a
//! server span with its 29 children, queries and the odd call to another service, children first because they end
//! first. Names, statements, addresses and durations are those of a template; ids and times are fixed-width fields,
//! so every send gets its own by patching the encoded bytes in place.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use crate::seed::Seed;

pub const SPANS: usize = 512;
pub const TRACE_SPANS: usize = 30;
/// Different batches; after these the same names and statements come again, with new ids and times.
pub const TEMPLATES: usize = 64;

const MS: u64 = 1_000_000;
/// Times in a template count from here, a value that nothing else in the bytes holds.
const EPOCH_NS: u64 = 0x0bad_5eed_0000_0000;

/// Encoded bytes, and where in them the ids and times are.
pub struct Template {
    bytes: Vec<u8>,
    /// Place of an id, its width, and which id of the batch it is.
    ids: Vec<(usize, usize, usize)>,
    times: Vec<usize>,
}

impl Template {
    pub fn all(seed: u64) -> Vec<Self> {
        (0..TEMPLATES as u64).map(|no| Self::new(&mut Seed::new(seed ^ 0x07e1, no))).collect()
    }

    fn new(seed: &mut Seed) -> Self {
        let bytes = request(seed).encode_to_vec();
        let mut ids = Vec::new();
        let mut times = Vec::new();
        // Every id of the template starts with the marker and its number; tag and length stand before it.
        for (place, found) in bytes.windows(8).enumerate() {
            if found.starts_with(MARKER) {
                let width = usize::from(bytes[place - 1]);
                assert!(width == 8 || width == 16, "an id of 8 or 16 bytes");
                ids.push((place, width, usize::from(u16::from_be_bytes([found[6], found[7]]))));
            }
            let value = u64::from_le_bytes(found.try_into().expect("8 bytes"));
            if value >> 40 == EPOCH_NS >> 40 {
                times.push(place);
            }
        }
        assert_eq!(times.len(), SPANS * 2, "every span has two times");
        Self { bytes, ids, times }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// An address that one span of this template has, and hardly any of another.
    pub fn some_url(&self) -> String {
        let start = b"http://billing.example/prices/";
        let at = memchr::memmem::find(&self.bytes, start).expect("a client span");
        let number = self.bytes[at + start.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        String::from_utf8_lossy(&self.bytes[at..at + start.len() + number + 1]).into_owned()
    }

    /// The first trace of batch `batch` of the connection that draws from `ids`, in hex.
    pub fn trace_of(mut ids: Seed, batch: usize) -> String {
        let base = std::iter::repeat_with(|| ids.next()).nth(batch).expect("endless");
        Seed::new(base, SPANS as u64).hex(16)
    }

    /// Appends the batch with ids nobody had before and times just before `now_ns`.
    pub fn write(&self, ids: &mut Seed, now_ns: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let bytes = &mut out[start..];
        let base = ids.next();
        for (place, width, no) in &self.ids {
            let mut id = Seed::new(base, *no as u64);
            for eight in bytes[*place..place + width].chunks_exact_mut(8) {
                eight.copy_from_slice(&id.next().to_be_bytes());
            }
        }
        for place in &self.times {
            let field: &mut [u8; 8] = (&mut bytes[*place..place + 8]).try_into().expect("8 bytes");
            let since = u64::from_le_bytes(*field) - EPOCH_NS;
            *field = (now_ns - 2_000 * MS + since).to_le_bytes();
        }
    }
}

/// No text of a template contains this.
const MARKER: &[u8] = b"\xff\xfe\xfd\xfc\xfb\xfa";

/// A placeholder: the marker, the number, zeros.
fn id(no: usize, width: usize) -> Vec<u8> {
    let mut id = MARKER.to_vec();
    id.extend_from_slice(&u16::try_from(no).expect("fewer than 65536 ids").to_be_bytes());
    id.resize(width, 0);
    id
}

/// Ids of traces are numbered after those of spans.
fn request(seed: &mut Seed) -> ExportTraceServiceRequest {
    let mut by_scope: [Vec<Span>; 3] = Default::default();
    let mut no = 0;
    let mut trace = 0;
    while no < SPANS {
        // The last trace is cut off by the end of the batch, as real ones are: its server span is yet to come.
        let root = no + TRACE_SPANS - 1;
        let begin = EPOCH_NS + trace as u64 * 55 * MS;
        let view = seed.pick(VIEWS);
        for child in 0..TRACE_SPANS.min(SPANS - no) {
            let at = begin + (child as u64 + 1) * MS;
            let took = 120_000 + seed.below(700_000);
            let trace_id = id(SPANS + trace, 16);
            let (scope, span) = if no + child == root {
                (1, server_span(seed, view, begin, begin + 40 * MS + took))
            } else if child % 14 == 9 {
                (2, client_span(seed, at, at + took))
            } else {
                (0, query_span(seed, at, at + took))
            };
            let parent_span_id = if scope == 1 { Vec::new() } else { id(root, 8) };
            by_scope[scope].push(Span { trace_id, span_id: id(no + child, 8), parent_span_id, flags: 0x100, ..span });
        }
        no += TRACE_SPANS;
        trace += 1;
    }
    let scopes = ["sqlite3", "django", "requests"];
    let scope_spans = scopes.iter().zip(by_scope).map(|(name, spans)| ScopeSpans {
        scope: Some(InstrumentationScope {
            name: format!("opentelemetry.instrumentation.{name}"),
            version: "0.66b1".to_string(),
            ..Default::default()
        }),
        spans,
        schema_url: "https://opentelemetry.io/schemas/1.11.0".to_string(),
    });
    let resource = Resource {
        attributes: vec![
            text("telemetry.sdk.language", "python"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "1.45.1"),
            text("service.instance.id", "2824113e-312a-4612-88e4-f9f83c3301cc"),
            text("service.name", "shop"),
            text("service.version", "2026.11.3"),
            text("deployment.environment.name", "production"),
            text("host.name", "web-2"),
        ],
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: scope_spans.collect(),
            schema_url: String::new(),
        }],
    }
}

const VIEWS: &[(&str, &str)] = &[
    ("orders/<int:pk>/", "/orders/"),
    ("checkout/<int:order_id>/", "/checkout/"),
    ("catalog/<slug:slug>/", "/catalog/cup-"),
    ("accounts/<int:pk>/orders/", "/accounts/orders/"),
    ("search/", "/search/?q=cup&page="),
];

const STATEMENTS: &[(&str, &str)] = &[
    (
        "SELECT",
        r#"SELECT "orders_order"."id", "orders_order"."total_cents" FROM "orders_order" WHERE "orders_order"."id" = %s LIMIT 21"#,
    ),
    (
        "SELECT",
        r#"SELECT "orders_line"."id", "orders_line"."sku" FROM "orders_line" WHERE "orders_line"."order_id" = %s"#,
    ),
    ("SELECT", r#"SELECT "catalog_price"."cents" FROM "catalog_price" WHERE "catalog_price"."sku" = %s LIMIT 1"#),
    ("SELECT", r#"SELECT COUNT(*) AS "__count" FROM "reviews_review" WHERE "reviews_review"."sku" = %s"#),
    ("UPDATE", r#"UPDATE "stock_item" SET "quantity" = ("stock_item"."quantity" - %s) WHERE "stock_item"."id" = %s"#),
    ("INSERT", r#"INSERT INTO "orders_note" ("order_id", "text") VALUES (%s, %s) RETURNING "orders_note"."id""#),
    (
        "SELECT",
        r#"SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = %s LIMIT 21"#,
    ),
];

fn query_span(seed: &mut Seed, start: u64, end: u64) -> Span {
    let (name, statement) = seed.pick(STATEMENTS);
    let attributes = vec![text("db.system", "sqlite"), text("db.statement", statement)];
    span(name, SpanKind::Client, start, end, attributes)
}

fn client_span(seed: &mut Seed, start: u64, end: u64) -> Span {
    let url = format!("http://billing.example/prices/{}/", seed.below(1_000_000));
    let attributes = vec![text("http.method", "GET"), text("http.url", &url), int("http.status_code", 200)];
    span("GET", SpanKind::Client, start, end, attributes)
}

fn server_span(seed: &mut Seed, (route, path): (&str, &str), start: u64, end: u64) -> Span {
    let attributes = vec![
        text("http.method", "GET"),
        text("http.server_name", "web-2"),
        text("http.scheme", "http"),
        text("net.host.name", "shop.example"),
        text("http.host", "shop.example"),
        int("net.host.port", 8000),
        text("http.url", &format!("http://shop.example{path}{}/", seed.below(1_000_000))),
        text("net.peer.ip", &format!("203.0.113.{}", seed.below(250))),
        text("http.user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        text("http.flavor", "1.1"),
        text("http.route", route),
        int("http.status_code", seed.pick(&[200, 200, 200, 302, 404])),
    ];
    span(&format!("GET {route}"), SpanKind::Server, start, end, attributes)
}

fn span(name: &str, kind: SpanKind, start: u64, end: u64, attributes: Vec<KeyValue>) -> Span {
    Span {
        name: name.to_string(),
        kind: kind as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        status: Some(Default::default()),
        ..Default::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_string()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_string(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}
