//! Every limit and every default, each with its unit and its reason; settings as written and as resolved.
//!
//! Knows nothing of how settings are given on a command line (app) and opens no file: text in, values out.

mod settings;

pub use settings::{LogFormat, RawSettings, Settings, SettingsError, is_loopback_name};

/// The port of OTLP/HTTP, which every OpenTelemetry SDK tries first. Ours for everything.
pub const PORT_DEFAULT: u16 = 4318;

/// Bodies as received, in bytes. Sentry SDKs send well under 1 MiB compressed; an OTel Collector batches up to
/// about 6 MB uncompressed, and SDK exporters cap a request at 64 MiB.
pub const REQUEST_BYTES_MAX: usize = 32 << 20;

/// Bodies after decompression, in bytes: the OTLP specification's recommended default (v1.11), counted while
/// decompressing, because 809 bytes of brotli can hold a gigabyte.
pub const EXPANDED_BYTES_MAX: usize = 64 << 20;

/// Bodies up to this size, in bytes as received and after decompression, are decoded on the thread that received
/// them. At these sizes that takes well under a millisecond; larger ones go to a thread of their own.
pub const INLINE_BYTES_MAX: usize = 64 << 10;
pub const INLINE_EXPANDED_BYTES_MAX: usize = 256 << 10;

/// One error event, in bytes of JSON: Sentry's own limit.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// One transaction with its spans, in bytes of JSON. Sentry keeps 800 KiB of spans; SDKs cap at 1000 spans, which
/// with long SQL and call sites reach a few MiB.
pub const TRANSACTION_BYTES_MAX: usize = 16 << 20;

/// Items in one envelope: Sentry's own limit.
pub const ENVELOPE_ITEMS_MAX: usize = 500;

/// Nesting of JSON from outside, in levels. SDKs cut variables at 5 to 10 levels; serde_json refuses 128, so
/// whatever we keep can be read again.
pub const JSON_DEPTH_MAX: usize = 100;

/// Spans in one OTLP request. Exporters send 512, Collectors 8192.
pub const REQUEST_SPANS_MAX: usize = 100_000;

/// Attributes on a span, an event, a link or a resource. The SDKs' own default is 128.
pub const SPAN_ATTRIBUTES_MAX: usize = 512;

/// Events and links of a span. The SDKs' own default is 128 each.
pub const SPAN_EVENTS_MAX: usize = 512;

/// One encoded span or resource, in bytes; bounds what decoding it may allocate.
pub const SPAN_BYTES_MAX: usize = 4 << 20;

/// Nesting of lists and maps in an attribute's value, in levels. The stored form can hold about 30, and no
/// instrumentation nests deeper than three.
pub const ATTRIBUTE_DEPTH_MAX: usize = 16;

/// One attribute's text, in bytes. Long enough for any SQL statement worth reading.
pub const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;

/// Spans sent to the browser for one waterfall. More are kept and counted, not drawn.
pub const TRACE_SPANS_SHOWN_MAX: usize = 100_000;

/// Header block of a request, in bytes. `baggage` and cookies stay below 16 KiB.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Headers of a request. Browsers send about 20.
pub const HEADERS_MAX: usize = 100;

/// Time to send all headers, in seconds, which also is how long a kept-alive connection may be idle. Long, because
/// a Sentry SDK that reuses a connection in the moment it is closed loses the event, and sends seldom.
pub const HEADER_TIMEOUT_S: u64 = 60;

/// Time to send a body, in seconds, plus one second for every KiB already sent.
pub const BODY_TIMEOUT_S: u64 = 15;

/// Bodies in memory at one time, as received, in bytes: what keeps a flood of large requests from taking the machine.
/// A request that finds no room waits [`ADMISSION_WAIT_MS`], then gets 503. Expanded bodies come on top: at most
/// [`EXPANDED_BYTES_MAX`] for each of [`LARGE_BODIES_AT_ONCE`], and [`LARGE_BODY_BYTES`] for each core.
pub const BODIES_IN_MEMORY_BYTES_MAX: usize = 256 << 20;

/// A body that expands beyond this many bytes is a large one: far above any SDK's or Collector's batch.
pub const LARGE_BODY_BYTES: usize = 8 << 20;

/// Large bodies expanded and decoded at one time, so that what a few bombs cost does not grow with the machine's cores.
pub const LARGE_BODIES_AT_ONCE: usize = 2;

/// How long a request waits for room, in milliseconds. Sentry SDKs never retry after an answer but post from a
/// background thread, so waiting briefly loses less than refusing.
pub const ADMISSION_WAIT_MS: u64 = 2_000;

/// Writes waiting for the writer thread, in bytes and in number; whichever fills first holds back new ones.
pub const WRITE_QUEUE_BYTES_MAX: usize = 64 << 20;
pub const WRITE_QUEUE_LENGTH_MAX: usize = 4_096;

/// One group commit: at most this many requests and bytes. Beyond 256 rows a commit's fsync is already shared by
/// so many that more gains nothing but latency.
pub const COMMIT_REQUESTS_MAX: usize = 1_024;
pub const COMMIT_BYTES_MAX: usize = 8 << 20;

/// Size of the write-ahead log, in bytes, at which the writer moves it into the database, first without waiting
/// for readers, then waiting for them.
pub const WAL_CHECKPOINT_BYTES: u64 = 16 << 20;
pub const WAL_RESTART_BYTES: u64 = 64 << 20;

/// A read is cut after this long, in milliseconds: a reader that stays open keeps the write-ahead log growing
/// (4 to 300 MiB in 4 s, measured).
pub const READ_TIMEOUT_MS: u64 = 5_000;

/// Read-only connections. Screens are few; ingest never uses them.
pub const READERS: usize = 4;

/// Requests remembered for the ledger, in rows. In memory: it answers "is it even working?".
pub const LEDGER_ROWS_MAX: usize = 300;

/// Live messages a slow browser may lag behind before it is told to fetch again.
pub const LIVE_BACKLOG: usize = 256;

/// Rows of a page in lists, and the most a client may ask for.
pub const PAGE_ROWS: usize = 50;
pub const PAGE_ROWS_MAX: usize = 100;

/// How long a start waits for the data directory, in milliseconds: `trapline dsn` holds it for a moment.
pub const LOCK_WAIT_MS: u64 = 1_000;

/// Requests in flight get this long to finish at shutdown, in seconds.
pub const DRAIN_S: u64 = 10;

/// zstd level of bodies at rest: 385 MB/s and 5.8x on Django events without a dictionary; level 6 gains 5 % for
/// three times the CPU.
pub const BODY_ZSTD_LEVEL: i32 = 3;

/// Services named for one trace.
pub const TRACE_SERVICES_MAX: usize = 16;

/// One check-in with its `monitor_config`, in bytes: Sentry's own limit.
pub const CHECK_IN_BYTES_MAX: usize = 100 << 10;

/// Monitors of one project. A beat schedule has tens; a loop that makes up names must not fill the list.
pub const MONITORS_PER_PROJECT_MAX: usize = 1_000;

/// Environments of one monitor: each is watched for itself.
pub const MONITOR_ENVIRONMENTS_MAX: usize = 50;

/// A check-in this much before its time, in milliseconds, is the one that was due: two machines' clocks differ.
pub const MONITOR_EARLY_MS: i64 = 30_000;

/// How often monitors are looked at, in milliseconds. Schedules are no finer than a minute.
pub const MONITOR_TICK_MS: u64 = 15_000;

/// Two looks further apart than this, in milliseconds, mean that the machine slept or the server was stopped.
pub const MONITOR_GAP_MS: i64 = 60_000;

/// Missed check-ins written about one environment in one look, the rest being skipped: after a weekend's sleep a job of
/// every minute has 4 000 of them and one thing to say.
pub const MONITOR_CATCH_UP_MAX: usize = 20;

/// Rows taken up in one look at the monitors and in one batch of what they have to tell.
pub const MONITOR_BATCH_ROWS: usize = 500;
