//! Every limit and every default, each with its unit and its reason; settings as written and as resolved.
//!
//! Knows nothing of how settings are given on a command line (app) and opens no file: text in, values out.

pub mod event;
pub mod explore;
pub mod facts;
pub mod keep;
mod live;
pub mod network;
pub mod page;
pub mod performance;
pub mod search;
mod settings;
mod workflow;

pub use keep::{KEEP_DAYS_MAX, Keep, MaxSize};
pub use live::*;
pub use performance::Performance;
pub use settings::{Durability, LogFormat, OtlpWithoutKey, RawSettings, Settings, SettingsError, is_loopback_name};
pub use workflow::*;

/// The port of OTLP/HTTP, which every OpenTelemetry SDK tries first. Ours for everything.
pub const PORT_DEFAULT: u16 = 4318;

/// The port of OTLP/gRPC, tried beside the other: exporters that are told a protocol and no address look there.
pub const GRPC_PORT_DEFAULT: u16 = 4317;

/// Bodies as received, in bytes. Sentry SDKs send well under 1 MiB compressed; an OTel Collector batches up to
/// about 6 MB uncompressed, and SDK exporters, which by default do not compress, cap a request at these 64 MiB.
pub const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Bodies after decompression, in bytes: the OTLP specification's recommended default (v1.11), counted while
/// decompressing, because 809 bytes of brotli can hold a gigabyte.
pub const EXPANDED_BYTES_MAX: usize = 64 << 20;

/// What either of the two can be set to, in bytes: an SDK's usual request fits into the least, and a request is held in
/// memory whole.
pub const REQUEST_BYTES_SETTING_MIN: usize = 1 << 20;
pub const REQUEST_BYTES_SETTING_MAX: usize = 1 << 30;

/// Bodies up to this size, in bytes as received and after decompression, are decoded on the thread that received
/// them. At these sizes that takes well under a millisecond; larger ones go to a thread of their own.
pub const INLINE_BYTES_MAX: usize = 64 << 10;
pub const INLINE_EXPANDED_BYTES_MAX: usize = 256 << 10;

/// One error event, in bytes of JSON: Sentry's own limit.
pub const EVENT_BYTES_MAX: usize = 1 << 20;
/// What that can be set to, in bytes: a usual Django error is half of the least; the most takes half a second to decode.
pub const EVENT_BYTES_SETTING_MIN: usize = 64 << 10;
pub const EVENT_BYTES_SETTING_MAX: usize = 64 << 20;

/// One attachment, in bytes. Sentry's own limit is 200 MiB; ours fits beside an event into one request of
/// [`EXPANDED_BYTES_MAX`] several times over, and holds any log file or crash dump of a web application.
pub const ATTACHMENT_BYTES_MAX: usize = 20 << 20;

/// Attachments of one request, in number and in bytes together: Sentry's own limits.
pub const ATTACHMENTS_MAX: usize = 30;
pub const ATTACHMENTS_BYTES_MAX: usize = 200 << 20;

/// Attachments listed of one event. Sent in any number of requests, so a request's limit does not bound them.
pub const ATTACHMENTS_SHOWN_MAX: usize = 200;

/// The name of an attached file, in characters: what file systems allow, with room for a few more on the way.
pub const FILE_NAME_CHARS_MAX: usize = 200;

/// One profile or chunk of one, in bytes of JSON: Sentry's own limit. sentry-python sends 30 s of samples in 1 to 5 MiB.
pub const PROFILE_BYTES_MAX: usize = 50 << 20;

/// One segment of a session replay, in bytes as sent (they come compressed), and expanded, when somebody downloads it:
/// Sentry's own limits.
pub const REPLAY_BYTES_MAX: usize = 10 << 20;
pub const REPLAY_EXPANDED_BYTES_MAX: usize = 100 << 20;

/// Traces and errors one part of a replay may name. The browser SDK names up to 100 of each.
pub const REPLAY_LINKS_MAX: usize = 200;

/// Segments listed of one replay. The browser SDK sends one every 5 s and stops after 60 min.
pub const REPLAY_PARTS_MAX: usize = 2_000;

/// Kept bytes are cut into pieces of this size, in bytes before compression, so that neither writing nor reading
/// 20 MiB takes 20 MiB at once.
pub const BLOB_CHUNK_BYTES: usize = 1 << 20;

/// Of a request's kept bytes, as many as this share its commit, in bytes; the rest goes ahead in commits of its own of
/// at most this size, so that an event of somebody else never waits for a large attachment.
pub const BLOB_COMMIT_BYTES: usize = 2 << 20;

/// How much of a text file a screen shows, in bytes.
pub const PREVIEW_BYTES_MAX: usize = 64 << 10;

/// One transaction with its spans, in bytes of JSON. Sentry keeps 800 KiB of spans; SDKs cap at 1000 spans, which
/// with long SQL and call sites reach a few MiB.
pub const TRANSACTION_BYTES_MAX: usize = 16 << 20;

/// One feedback, user report or security report, in bytes: Sentry's own limit.
pub const FEEDBACK_BYTES_MAX: usize = 1 << 20;
pub const SECURITY_BYTES_MAX: usize = 1 << 20;

/// What a person writes, in characters: Sentry's own limit. More is cut, and ends in dots.
pub const FEEDBACK_MESSAGE_CHARS_MAX: usize = 4_096;

/// Who they are, in characters. An e-mail address has at most 254 (RFC 5321).
pub const FEEDBACK_NAME_CHARS_MAX: usize = 128;
pub const FEEDBACK_EMAIL_CHARS_MAX: usize = 254;

/// The page they were on, in characters. Browsers and proxies give up at about 2,000.
pub const FEEDBACK_URL_CHARS_MAX: usize = 2_048;

/// One text of the crash-report dialog, in characters, as chosen in its address: a sentence or two.
pub const DIALOG_TEXT_CHARS_MAX: usize = 500;

/// A form of the crash-report dialog, in bytes: its fields at their limits, percent-encoded, with room to spare.
pub const DIALOG_FORM_BYTES_MAX: usize = 256 << 10;

/// Reports in one request of a browser's Reporting API. Browsers send what a minute of one page gave.
pub const SECURITY_REPORTS_MAX: usize = 100;

/// Items in one envelope: Sentry's own limit.
pub const ENVELOPE_ITEMS_MAX: usize = 500;
/// Items beyond them that are counted one by one, unread; a second of work at most, and more than any SDK could mean.
pub const ENVELOPE_ITEMS_COUNTED_MAX: usize = 100_000;

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

/// Exceptions of one span, and of one OTLP request, that become events; the others are shown in their trace or log. What
/// an SDK sends in five seconds of an outage fits.
pub const SPAN_EXCEPTIONS_MAX: usize = 16;
pub const REQUEST_EXCEPTIONS_MAX: usize = 2_000;

/// The severity from which a log record with an exception is an error: ERROR. WARN (13) is what frameworks write of
/// errors that somebody handled.
pub const EXCEPTION_SEVERITY_MIN: u8 = 17;

/// Errors of a trace, the newest, that a new one is compared with: whether it is the same, told by somebody else.
pub const TRACE_ERRORS_COMPARED_MAX: usize = 100;
/// Reports beside an event that its page lists.
pub const ERROR_REPORTS_SHOWN_MAX: usize = 50;

/// A stack trace as text, in bytes, of which frames are read: as much as an attribute's text may have.
pub const STACK_TEXT_BYTES_MAX: usize = ATTRIBUTE_BYTES_MAX;

/// Exceptions of one such text, and frames of one of them: the limits of Sentry's SDKs are near. Groups inside each
/// other, in levels: Python prints ten.
pub const STACK_EXCEPTIONS_MAX: usize = 50;
pub const STACK_FRAMES_MAX: usize = 250;
pub const STACK_GROUP_DEPTH_MAX: usize = 10;

/// Characters of a name, a source line and a message read from it: what is kept of those that Sentry's SDKs send.
pub const STACK_NAME_CHARS_MAX: usize = 256;
pub const STACK_LINE_CHARS_MAX: usize = 1_024;
pub const STACK_VALUE_CHARS_MAX: usize = 8_192;

/// One container of logs or metrics in an envelope, in bytes of JSON: Sentry's own limits, as are those of one item.
pub const CONTAINER_BYTES_MAX: usize = 12 << 20;
pub const LOG_BYTES_MAX: usize = 2 << 20;
pub const METRIC_BYTES_MAX: usize = 1 << 20;

/// A log's body over OTLP, in bytes: it may be a dump, and is what is searched. And its logger, event name or own word for
/// its level: names.
pub const LOG_BODY_BYTES_MAX: usize = 64 << 10;
pub const LOG_WORD_BYTES_MAX: usize = 200;

/// Metric points in one OTLP request. Collectors send 8192, a process some hundreds.
pub const REQUEST_POINTS_MAX: usize = 50_000;
/// Buckets kept of one histogram; neighbours of finer ones become one. SDKs make 16 or 160.
pub const METRIC_BUCKETS_MAX: usize = 320;
/// Buckets kept of a metric's minute. What is measured rarely spans more than five powers of ten, which are so many.
pub const METRIC_MINUTE_BUCKETS_MAX: usize = 160;
/// A metric's name, unit and description over OTLP, in bytes.
pub const METRIC_NAME_BYTES_MAX: usize = 200;
pub const METRIC_UNIT_BYTES_MAX: usize = 64;
pub const METRIC_DESCRIPTION_BYTES_MAX: usize = 1_000;
/// The report of a total before the first one of a time is looked for so far back, in nanoseconds: SDKs report each minute.
pub const METRIC_BASELINE_NS: i64 = 600_000_000_000;
/// Totals whose last report is remembered, and for how long after it, in hours. About 200 bytes each; of one forgotten the
/// next report counts for nothing.
pub const METRIC_STREAMS_MAX: u64 = 200_000;
pub const METRIC_STREAM_HOURS: i64 = 24;

/// Items of one container. SDKs send 100 logs or 1000 metrics at once.
pub const CONTAINER_ITEMS_MAX: usize = 20_000;

/// Time from the first to the last record kept in one batch, in nanoseconds. A list that goes back in time looks at
/// batches that end this much later than where it stands.
pub const LOG_BATCH_SPAN_NS: i64 = 3_600_000_000_000;

/// Batches made of one request. A file of old logs read in by a Collector spans days; records of further hours are
/// refused.
pub const LOG_BATCHES_MAX: usize = 1_000;

/// One chunk of sealed logs, in records, in nanoseconds from its first to its last, and in bytes of bodies before
/// compression: large enough that templates repeat and filters are worth their bytes, small enough that one is read in
/// milliseconds. A list that goes back in time looks at chunks that end that much later than where it stands.
pub const LOG_CHUNK_RECORDS_MAX: usize = 16_384;
pub const LOG_CHUNK_SPAN_NS: i64 = 24 * LOG_BATCH_SPAN_NS;
pub const LOG_CHUNK_TEXT_BYTES_MAX: usize = 8 << 20;

/// Batches sealed at once, in number and in expanded bytes: what is written stays within [`SLICE_MS`].
pub const LOG_SEAL_BATCHES_MAX: usize = 1_000;
pub const LOG_SEAL_BYTES_MAX: usize = 16 << 20;

/// Chunks merged into one: at least as many of one size, and at most so many at once.
pub const LOG_MERGE_RUNS_MIN: usize = 8;
pub const LOG_MERGE_RUNS_MAX: usize = 256;

/// How long a sealed request is remembered by its content, in milliseconds, and how many are: a Collector that comes back
/// after a night sends again what it had no answer for. 25 bytes each.
pub const LOG_DELIVERY_MS: i64 = 86_400_000;
pub const LOG_DELIVERIES_MAX: u64 = 1_000_000;

/// One bloom filter of a chunk of spans or logs, in bytes: 55,000 items at one wrong answer in a hundred, and up to 260,000
/// at more. Larger ones would cost more to read than the columns they spare.
pub const BLOOM_BYTES_MAX: usize = 64 << 10;

/// Rows of a page of logs, and the most a client may ask for: a reader scrolls through thousands.
pub const LOG_ROWS: usize = 200;
pub const LOG_ROWS_MAX: usize = 1_000;

/// Records looked at for one page, and the time for it in milliseconds; then the answer says how far it got.
pub const LOG_SCAN_RECORDS_MAX: usize = 400_000;
pub const LOG_SCAN_MS: u64 = 1_500;

/// Logs of one trace shown on its page.
pub const TRACE_LOGS_MAX: usize = 1_000;

/// Metrics listed, and points looked at to split one by an attribute.
pub const METRICS_SHOWN_MAX: usize = 500;
pub const METRIC_SCAN_POINTS_MAX: usize = 200_000;

/// Spans sent to the browser for one waterfall. More are kept and counted, not drawn.
pub const TRACE_SPANS_SHOWN_MAX: usize = 100_000;

/// So many waiting spans are sealed into a chunk at once; when they have waited for [`SEAL_AFTER_S`], so many; and after
/// that many times as long, however few: a chunk of ten spans takes more room than their batch does.
pub const SPAN_SEAL_AT: u64 = 8_192;
pub const SPAN_SEAL_WAITED_AT: u64 = 2_048;
pub const SPAN_SEAL_PATIENCE: i64 = 20;

/// Of a chunk of spans, in spans and in bytes of its batches before compression; a single batch may be larger. At 32,000
/// spans a chunk is about 1 MB, written within [`SLICE_MS`], and a trace is read out of it in milliseconds.
pub const SPAN_CHUNK_SPANS_MAX: u64 = 36_864;
pub const SPAN_CHUNK_EXPANDED_BYTES_MAX: u64 = 24 << 20;
pub const SPAN_CHUNK_BATCHES_MAX: usize = 4_096;

/// Neighbouring chunks are merged when there are so many that are small beside each other, so that a span is packed
/// again once for every fourfold.
pub const SPAN_MERGE_CHUNKS_MIN: usize = 4;

/// How long spans wait for the rest of their trace before they are counted, in milliseconds. OpenTelemetry's SDKs send
/// every five seconds what has ended by then, children before the request they are part of.
pub const SPAN_SETTLE_MS: u64 = 7_000;

/// Spans read and rows of performance data written in one turn; what is beyond that many is counted under one name: no
/// request of an SDK has a tenth of it.
pub const PERF_SPANS_PER_TURN: u64 = 4_096;
pub const PERF_ROWS_PER_BATCH: usize = 2_000;

/// Spans of one trace that are looked at together.
pub const PERF_TRACE_SPANS_MAX: usize = 20_000;

/// Endpoints, jobs and queries told apart in one service, in all, and services; what comes after them is counted together.
/// Django projects have some hundred routes and some thousand statements.
pub const PERF_SERVICE_NAMES_MAX: usize = 5_000;
pub const PERF_NAMES_MAX: usize = 50_000;
pub const PERF_SERVICES_MAX: usize = 1_000;

/// Lines of code that are told apart of one query, the latest; and the length of a path with its line and function, in
/// bytes, that is not kept beside the query: Django projects have paths of some eighty.
pub const CALL_SITES_MAX: usize = 8;
pub const CALL_SITE_BYTES_MAX: usize = 512;

/// Performance by minute is kept for so long, in hours; by hour for as long as its kind is kept.
pub const PERF_MINUTES_HOURS: i64 = 48;

/// Endpoints, jobs or queries listed at most, those that take most time first.
pub const PERF_SHOWN_MAX: usize = 500;

/// Of a request's time that equal queries must take to be an N+1 query, when they take little in all, in percent.
pub const N_PLUS_ONE_SHARE_PERCENT: u64 = 1;

/// Spans named by a finding, and findings of one trace.
pub const FINDING_SPANS_MAX: usize = 200;
pub const FINDINGS_PER_TRACE_MAX: usize = 20;

/// Traces told of one cause in an hour. More of them say nothing new, and how often its queries run is counted anyway.
pub const FINDINGS_PER_CAUSE_HOUR: u32 = 100;

/// Findings made into events at once, and how often somebody looks for them, in milliseconds.
pub const FINDING_BATCH_ROWS: usize = 100;
pub const FINDING_LOOK_MS: u64 = 1_000;

/// Traces of a chunk that are forgotten in one slice when it is dropped.
pub const SPAN_DROP_TRACES: usize = 500;

/// A search over the attributes of spans is given up after so long, in milliseconds, with what it has found.
pub const TRACE_SCAN_MS: u64 = 1_500;

/// Jaeger's query API. Traces of a search when it does not say how many, as Jaeger has it, and the most it may ask for, as
/// Jaeger's own page has it.
pub const JAEGER_TRACES: usize = 100;
pub const JAEGER_TRACES_MAX: usize = 1_500;
/// How far back a search looks that does not say, in nanoseconds: two days, as Jaeger's.
pub const JAEGER_LOOKBACK_NS: i64 = 2 * 86_400_000_000_000;
/// Tags of a search: a person types a handful, and each is looked for in every chunk.
pub const JAEGER_TAGS_MAX: usize = 20;
/// Services, and operations of one, that are listed: a list to choose from. More are names with ids in them.
pub const JAEGER_NAMES_MAX: usize = 2_000;
/// A search is given up after so long, in milliseconds, with what it has found; so is looking for names.
pub const JAEGER_SEARCH_MS: u64 = 2_500;
/// No more traces are added to an answer after this long, in milliseconds, or when it has so many bytes: whole traces are
/// asked for, of any size.
pub const JAEGER_ANSWER_MS: u64 = READ_TIMEOUT_MS;
pub const JAEGER_ANSWER_BYTES_MAX: usize = 64 << 20;

/// A search that goes on from an earlier page looks at chunks whose first span is up to that much younger than where it
/// stands, in nanoseconds: spans stay in the same chunk as the start of their trace, or come that much later.
pub const TRACE_SPREAD_NS: i64 = 600_000_000_000;

/// Header block of a request, in bytes. `baggage` and cookies stay below 16 KiB.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Headers of a request. Browsers send about 20.
pub const HEADERS_MAX: usize = 100;

/// Time to send all headers, in seconds, which also is how long a kept-alive connection may be idle. Long, because
/// a Sentry SDK that reuses a connection in the moment it is closed loses the event, and sends seldom.
pub const HEADER_TIMEOUT_S: u64 = 60;
/// The longest that can be set, in seconds: an hour. Whoever opens connections and sends nothing holds each for so long.
pub const HEADER_TIMEOUT_S_MAX: u64 = 3_600;

/// Requests over one HTTP/2 connection at a time. A gRPC exporter has one, a Collector ten.
pub const HTTP2_STREAMS_MAX: u32 = 256;

/// What one HTTP/2 connection may send before it is read, in bytes, over all its streams and on one of them: two batches
/// of a Collector. Bodies that are read count toward [`BODIES_IN_MEMORY_BYTES_MAX`].
pub const HTTP2_WINDOW_BYTES: u32 = 1 << 20;

/// What one HTTP/2 stream may have waiting to be sent, in bytes: answers to exporters are far below it.
pub const HTTP2_SEND_BYTES_MAX: usize = 256 << 10;

/// Streams of an HTTP/2 connection that the client may have reset before they were looked at, and that may have ended
/// because of the client's mistakes; with one more the connection is closed. Opening and resetting at once costs a
/// client nothing and a server a request (CVE-2023-44487).
pub const HTTP2_PENDING_RESETS_MAX: usize = 20;
pub const HTTP2_ERROR_RESETS_MAX: usize = 256;

/// An HTTP/2 connection is asked whether anybody is there, in seconds after it was last heard of, and is closed when no
/// answer comes in so many seconds.
pub const HTTP2_PING_S: u64 = 60;
pub const HTTP2_PING_ANSWER_S: u64 = 20;

/// An HTTP/2 connection without a request for so long is closed, in seconds. gRPC clients notice and open another for
/// the next batch, which a metrics exporter sends every minute.
pub const HTTP2_IDLE_S: u64 = 600;

/// How long exporters are asked to wait before they send again, in seconds, and the most they are asked for whatever the
/// reason: Python's has 10 s for everything, and drops the batch at once when it is to wait longer than it may.
pub const OTLP_RETRY_AFTER_S: u64 = 3;
pub const OTLP_RETRY_AFTER_S_MAX: u64 = 5;

/// What an exporter is told about refusals and errors, in characters. An answer may have 4 MiB (OTLP specification);
/// people read the first lines.
pub const OTLP_MESSAGE_CHARS_MAX: usize = 500;

/// Proxies whose `X-Forwarded-For` is believed. This machine's own: whoever sends from here could as well write any
/// address into the event itself.
pub const TRUSTED_PROXIES: [&str; 2] = ["127.0.0.0/8", "::1"];

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

/// Of one request, as many rows and traces go into one commit; the rest follows in commits of its own, so that others are
/// served in between. A trace takes 15 to 40 microseconds: about [`SLICE_MS`].
pub const PIECE_ROWS_MAX: usize = 1_000;
/// Traces of one stored batch of spans: a request of more becomes several.
pub const BATCH_TRACES_MAX: usize = 500;

/// How long the writer waits for more to share a commit, in milliseconds, how long it sleeps at a time (it goes on when a
/// step brings nobody; half as long a step was tried: a quarter fewer requests shared a commit, and each cost more), and how
/// many requests must be expected in that time for it to wait at all: below 1,000 a second nobody waits.
pub const LINGER_MS: u64 = 3;
pub const LINGER_STEP_MS: u64 = 1;
pub const LINGER_REQUESTS_MIN: f64 = 3.0;

/// Size of the write-ahead log, in bytes, at which the writer moves it into the database without waiting for readers,
/// and after how much more it tries again when one of them held it up. A small `max_size` scales these sizes down: a
/// sixteenth of it, and so on (`store::room`).
pub const WAL_CHECKPOINT_BYTES: u64 = 16 << 20;
pub const WAL_CHECKPOINT_STEP_BYTES: u64 = 8 << 20;
/// Size at which readers have to make way and the writer waits for them, in bytes, so that the log stays under 256 MiB
/// however they overlap; for how long at one time, and how often, in milliseconds.
pub const WAL_RESTART_BYTES: u64 = 128 << 20;
pub const WAL_RESTART_WAIT_MS: u64 = 50;
/// What the file of the log keeps of its length when it begins anew, in bytes: writing over it is cheaper than growing.
pub const WAL_KEPT_BYTES: u64 = 64 << 20;
pub const WAL_RESTART_EVERY_MS: u64 = 200;

/// A writer at one thing for longer than this, in milliseconds, is said to be stalled by the health check. Commits take
/// milliseconds, and up to five seconds while another program holds the database.
pub const WRITER_STALLED_MS: i64 = 10_000;

/// What the store does for itself (sealing, dropping, giving pages back) is written in pieces that keep the writer for at
/// most about this long, in milliseconds: requests wait meanwhile.
pub const SLICE_MS: u64 = 20;

/// How much the database may hold when nobody says, in bytes: half of the disk's free room at the first start, but no more
/// than this, which holds four million errors.
pub const MAX_SIZE_DEFAULT: u64 = 10 << 30;

/// The smallest cap that can be set, in bytes: a single request may bring half of it (or [`REQUEST_BYTES_MAX`] of a larger
/// one), and has to fit beside the log it goes through.
pub const MAX_SIZE_MIN: u64 = 64 << 20;
/// The largest cap, in bytes: SQLite counts no more pages of [`PAGE_BYTES`] than fit into this.
pub const MAX_SIZE_MAX: u64 = 16 << 40;

/// Of the file, in bytes at most: what the store packs and drops in when senders have used up theirs (a sixteenth of a
/// small cap), and how far ahead of that the oldest begins to go (a twelfth), so that senders need not wait.
pub const ROOM_UPKEEP_BYTES_MAX: u64 = 64 << 20;
pub const ROOM_HEADROOM_BYTES_MAX: u64 = 512 << 20;

/// Left free on the disk whatever the cap says, in bytes, but never more than this part of the disk: for the write-ahead
/// log, and for whatever else lives there.
pub const DISK_RESERVE_BYTES: u64 = 256 << 20;
pub const DISK_RESERVE_PART: u64 = 10;

/// A disk that others took room of is gone by when it has stayed like that for so long, in milliseconds: until then
/// nothing that is stored goes for it, and what comes is refused once it is full. Long enough for somebody to see it.
pub const DISK_SETTLED_MS: u64 = 3_600_000;

/// Free pages kept in the file to be filled again, in percent of what is in use and in bytes at most; the rest goes back
/// to the file system.
pub const FREE_PAGES_PERCENT: u64 = 4;
pub const FREE_PAGES_BYTES_MAX: u64 = 64 << 20;

/// Databases made before pages could be given back are rewritten once at the start when they are no larger than this, in
/// bytes: about two seconds. Larger ones wait for `trapline storage --compact`.
pub const COMPACT_AT_START_BYTES: u64 = 128 << 20;

/// Between two looks at what has become too old, and two measures of what pages each kind takes, in milliseconds.
pub const AGE_LOOK_MS: u64 = 60_000;
pub const MEASURE_MS: u64 = 3_600_000;

/// Every page of the database is looked at to measure it, so it is only done up to this size, in bytes (half a second),
/// and for an answer at once up to that. A larger one is reckoned from what was counted since.
pub const MEASURE_BYTES_MAX: u64 = 512 << 20;
pub const MEASURE_NOW_BYTES: u64 = 32 << 20;

/// How long one turn of retention may take before others get theirs, in milliseconds, and while senders wait for room.
pub const RETENTION_TURN_MS: u64 = 200;
pub const RETENTION_TURN_BEHIND_MS: u64 = 1_000;

/// A clock that is further ahead of what it was than this, in milliseconds, is not believed before it has stayed there for
/// that long: a machine that was off for a week is common, a clock that is wrong by ten years must not cost anything.
pub const CLOCK_JUMP_MS: i64 = 7 * 86_400_000;
pub const CLOCK_CONFIRM_MS: i64 = 86_400_000;

/// A file that never became whole was given up by its sender after this long, in milliseconds.
pub const BLOB_UNFINISHED_MS: i64 = 86_400_000;

/// Days of what was dropped that are told one by one.
pub const DROPPED_DAYS_SHOWN: i64 = 30;

/// How long spans and logs wait for more of their kind before they are packed into chunks, in seconds, unless the settings
/// say otherwise. Longer gives larger chunks at once and less merging; shorter keeps less in the roomier form.
pub const SEAL_AFTER_S: u64 = 30;
/// The longest that can be set, in seconds: a day. What waits takes several times the room, and a search reads all of it.
pub const SEAL_AFTER_S_MAX: u64 = 86_400;

/// Between two looks at what the store has to do for itself, in milliseconds, and after one that failed.
pub const KEEPER_PAUSE_MS: u64 = 250;
pub const KEEPER_RETRY_MS: u64 = 5_000;

/// Issues taken into the search index at one time, and about how long that may take: 110 microseconds each, so that a
/// hundred thousand new ones in a row cost ingest a fiftieth of the writer and not all of it. Until then a search looks at
/// their rows.
pub const SEARCH_SLICE_ISSUES_MAX: usize = 100;
pub const SEARCH_SLICE_MS: u64 = SLICE_MS / 2;
pub const SEARCH_INDEX_EVERY_MS: u64 = 500;
/// What is typed into a search box is read this far, and so is each text that is searched.
pub const SEARCH_TEXT_CHARS_MAX: usize = 500;

/// A read is cut after this long, in milliseconds: a reader that stays open keeps the write-ahead log growing
/// (4 to 300 MiB in 4 s, measured).
pub const READ_TIMEOUT_MS: u64 = 5_000;

/// Read-only connections. Screens are few; ingest never uses them.
pub const READERS: usize = 4;
/// A read that got no connection for this long, in milliseconds, is refused: as long as the ones before it may take, so
/// that only a crowd is turned away.
pub const READ_WAIT_MS: u64 = 5_000;
/// A read is cut after this long, in milliseconds, when the write-ahead log has become too long ([`WAL_RESTART_BYTES`]):
/// what a screen asks for is answered in a tenth of it.
pub const READ_MAKE_WAY_MS: u64 = 500;
/// How often one is begun that had to make way, all within [`READ_TIMEOUT_MS`]: the log is emptied as soon as nobody reads,
/// so that the second is cut only when as much again has been written. That often when something else holds the log.
pub const READ_TRIES_MAX: usize = 5;

/// Requests remembered for the ledger, in rows. In memory: it answers "is it even working?".
pub const LEDGER_ROWS_MAX: usize = 300;

/// Between two writes of the counts of refused requests, in milliseconds: anybody can send bad requests, and each commit
/// waits for the disk.
pub const REFUSED_WRITE_MS: u64 = 1000;

/// Services to choose from. Sorted by name, so that a service is always or never among them.
pub const SERVICES_SHOWN_MAX: usize = 500;

/// Environments to choose from. A team has a handful; more are found by search.
pub const ENVIRONMENTS_SHOWN_MAX: usize = 50;

/// Rows of a page in lists, and the most a client may ask for.
pub const PAGE_ROWS: usize = 50;
pub const PAGE_ROWS_MAX: usize = 100;
/// Pages that can be paged back through in Sentry's web API. Their cursors stand in an address twice: 3 KB of the 8 KB that
/// proxies take.
pub const CURSOR_PAGES_MAX: usize = 50;

/// What a new database takes with its log and the index of it, in bytes: told when a disk has not even that.
pub const START_BYTES: u64 = 4 << 20;
/// How long a start waits for the data directory, in milliseconds: `trapline dsn` holds it for a moment.
pub const LOCK_WAIT_MS: u64 = 1_000;
/// How long `trapline dsn` waits for a server whose very first start is going on, in milliseconds.
pub const DSN_WAIT_MS: u64 = 5_000;

/// Requests in flight get this long to finish at shutdown, in seconds.
pub const DRAIN_S: u64 = 10;

/// zstd level of bodies at rest. A Django error of 35 kB takes 51 µs and 7.4 kB; level 3 would take 63 µs and 7.1 kB,
/// level 6 three times the CPU for another 5 %.
pub const BODY_ZSTD_LEVEL: i32 = 1;

/// zstd levels with a dictionary. With an event of the same bug, level 1 leaves 1.5 kB of those 35 in 25 µs, level 3 would
/// leave 1.26 kB in 55 µs with five times the memory. With one of the whole project, which rare bugs get, level 3
/// leaves 3.1 kB in 55 to 80 µs, level 1 3.7 kB in 47; with 32 KiB instead of 112 it would be 3.4 kB.
pub const ISSUE_DICTIONARY_LEVEL: i32 = 1;
pub const PROJECT_DICTIONARY_LEVEL: i32 = 3;
pub const PROJECT_DICTIONARY_BYTES: usize = 112 << 10;

/// Events after which a project's dictionary is trained, and how many times more it takes until it is trained again, up to
/// so many events: by then new ones change little.
pub const DICTIONARY_EVENTS_MIN: u64 = 200;
pub const DICTIONARY_GROWTH: u64 = 5;
pub const DICTIONARY_GROWTH_EVENTS_MAX: u64 = 25_000;

/// Least time between two trainings because of a worse ratio, and after one that came to nothing, in milliseconds.
pub const DICTIONARY_RETRAIN_PAUSE_MS: i64 = 600_000;

/// Days after which a dictionary is made anew when there are new events, so that none holds on to old data for ever.
pub const DICTIONARY_AGE_MAX_DAYS: i64 = 30;

/// Bodies a dictionary is trained on: 60 give within 1 % of what 600 do. Bytes bound training to about a quarter of a
/// second and 29 MiB; below the least number a dictionary would know those few by heart and nothing else.
pub const DICTIONARY_SAMPLES: usize = 120;
pub const DICTIONARY_SAMPLES_MIN: usize = 16;
pub const DICTIONARY_SAMPLES_BYTES: usize = 4 << 20;

/// Events of an issue after which one of them becomes the dictionary of the next as they come in. It takes 2 kB, and each of
/// the next is 1.5 kB smaller; until then they are compressed later, see [`REPACK_ISSUE_EVENTS_MIN`].
pub const DICTIONARY_ISSUE_EVENTS_MIN: u64 = 6;

/// Events that are kept are compressed once more when they have been there for so long, in milliseconds, with what was
/// learned since: by then the other events of a burst are there too. And how often new ones are looked for.
pub const REPACK_AFTER_MS: i64 = 2_000;
pub const REPACK_LOOK_MS: u64 = 1_000;

/// Events looked at in one turn of that, and milliseconds of a turn. Then it rests for as long as the turn took; while
/// requests are being written, so many times as long: 3 % of one core.
pub const REPACK_EVENTS_MAX: usize = 512;
pub const REPACK_TURN_MS: u64 = 200;
pub const REPACK_BUSY_TURN_MS: u64 = 50;
pub const REPACK_BUSY_REST: u32 = 32;

/// zstd levels of what is compressed once more, in nobody's way. With an event of the same bug level 9 leaves 0.87 kB of
/// 35 in 165 µs, which is a third less than level 1 did; level 12 takes three times as long for another 2 %. With the
/// project's dictionary level 9 leaves 2.3 kB in 0.5 ms. Dictionaries of issues, written once, are compressed with their
/// project's: 2.1 kB in 2 ms, where zstd alone leaves 6.5.
pub const REPACK_ISSUE_LEVEL: i32 = 9;
pub const REPACK_PROJECT_LEVEL: i32 = 9;
pub const DICTIONARY_CONTENT_LEVEL: i32 = 12;

/// Events of an issue kept without a dictionary of its own that get one when they are compressed once more. One of them is
/// the dictionary, and its own body then takes 20 bytes. Two take 2.8 kB each with pages and indexes instead of 4.2; ten
/// 1.7, a hundred 1.4.
pub const REPACK_ISSUE_EVENTS_MIN: usize = 2;

/// Older events of an issue that are compressed with it when it gets one, and issues remembered for which that is done.
pub const REPACK_OLDER_MAX: usize = 16;
pub const REPACK_ISSUES_REMEMBERED: usize = 16_384;

/// An event of this size, in bytes, may be a dictionary: smaller ones gain nothing, larger ones take too much memory.
pub const DICTIONARY_BODY_BYTES_MIN: usize = 512;
pub const DICTIONARY_BODY_BYTES_MAX: usize = 128 << 10;

/// Dictionaries in the database, those of issues included: 4 kB each, in place of an event.
pub const DICTIONARIES_MAX: u64 = 50_000;

/// Dictionaries ready for compressing, in bytes of memory: about 200 busy bugs of 35 kB. Those unused for so long, in
/// milliseconds, are given back.
pub const DICTIONARIES_READY_BYTES_MAX: usize = 16 << 20;
pub const DICTIONARY_IDLE_MS: u64 = 600_000;

/// Dictionaries ready for expanding, in bytes of memory: about 60 bugs, or 30 projects.
pub const EXPANDERS_BYTES_MAX: usize = 4 << 20;

/// Issues and projects watched for whether a dictionary would pay, and bytes of bodies held for making some.
pub const DICTIONARY_SUBJECTS_MAX: usize = 4_096;
pub const DICTIONARY_OFFERS_BYTES_MAX: usize = 2 << 20;

/// How often offers and ratios are looked at, in milliseconds, and offers taken up at once.
pub const DICTIONARY_LOOK_MS: u64 = 250;
pub const DICTIONARY_OFFERS_PER_LOOK: usize = 8;

/// Bytes of a database page, of new databases. Of 1.8 kB rows 4096 leave 17 % unused, 16384 only 6 %; but every event
/// touches two or three pages of indexes by random ids, and each is written to the log whole: 14 kB an event with 4096,
/// 22 kB with 8192, 32 kB with 16384 (60,000 events, 128 a commit).
pub const PAGE_BYTES: u32 = 4_096;

/// Services named for one trace.
pub const TRACE_SERVICES_MAX: usize = 16;

/// One project's fingerprint rules, or its stack-trace rules, as written, in bytes. Sentry's own bound is of this order.
pub const GROUPING_RULES_BYTES_MAX: usize = 64 << 10;

/// Parts of one explanation of why an event was grouped, for each variant. A Django error has about 300; an event made of
/// frames alone would make an answer of many MiB.
pub const GROUPING_COMPONENTS_SHOWN_MAX: usize = 5_000;

/// Rules of either kind. Every event is held against all of them, so this bounds what one event can cost.
pub const GROUPING_RULES_MAX: usize = 200;

/// Conditions of one rule, and values or actions of one rule. Nobody writes ten.
pub const GROUPING_RULE_PARTS_MAX: usize = 32;

/// One pattern, in bytes. Long enough for any path; bounds what compiling it may take.
pub const GROUPING_PATTERN_BYTES_MAX: usize = 512;
/// One `span` item of a Sentry envelope, container or single, in bytes: Sentry's own limit.
pub const SPAN_CONTAINER_BYTES_MAX: usize = 12 << 20;

/// One span of a container, in bytes of JSON: Sentry's own limit.
pub const SPAN_ITEM_BYTES_MAX: usize = 10 << 20;

/// `span` items with a single span in one envelope: Sentry's own limit. Browsers send one per web vital.
pub const STANDALONE_SPANS_MAX: usize = 25;

/// One `session` or `sessions` item, in bytes of JSON, and such items in one envelope: Sentry's own limits.
pub const SESSIONS_BYTES_MAX: usize = 10 << 20;
pub const SESSION_ITEMS_MAX: usize = 100;

/// Buckets of one `sessions` item. A server SDK sends one per minute and user since the last minute.
pub const SESSION_BUCKETS_MAX: usize = 10_000;

/// Sessions one bucket may count: a minute of one process, generously. Keeps a hostile number from becoming the total.
pub const SESSION_BUCKET_COUNT_MAX: u64 = 10_000_000;

/// Sessions that started longer ago are refused, in days: Sentry's own limit, and how long the state of a single
/// session is kept, so that a late update still moves it from one counter to another.
pub const SESSION_AGE_MAX_DAYS: i64 = 5;

/// Rows of old session states and delivery keys removed by one commit that holds sessions or reports: enough to keep
/// up with any rate, few enough not to be felt.
pub const SESSION_PRUNE_ROWS: usize = 500;

/// Client reports of one envelope, in bytes together and in number: Sentry's own limits.
pub const CLIENT_REPORT_BYTES_MAX: usize = 100 << 10;
pub const CLIENT_REPORT_ITEMS_MAX: usize = 100;

/// Different reasons and categories kept per project and hour; SDKs know about 20 and 15. More are counted as `other`.
pub const CLIENT_DISCARD_KINDS_MAX: usize = 500;

/// Releases of one page, most recently seen first.
pub const RELEASES_SHOWN_MAX: usize = 100;
/// Characters of a text that a filter's pattern is matched against: its beginning says what it is.
pub const FILTER_TEXT_CHARS_MAX: usize = 2_000;

/// Body of a request that changes something, in bytes: all settings of a project fit several times.
pub const CHANGE_BYTES_MAX: usize = 512 << 10;

/// Lines of one list in a project's settings, and characters of one: every event is compared with each.
pub const SETTINGS_LIST_MAX: usize = 100;
pub const SETTINGS_TEXT_CHARS_MAX: usize = 300;

/// Limits of one project: each is looked at for every item.
pub const LIMIT_RULES_MAX: usize = 50;

/// Longest window of a rate limit, in seconds: a day. Beyond that it is a quota, which is remembered on disk.
pub const LIMIT_WINDOW_S_MAX: u64 = 86_400;

/// Longest pause a client is told for a limit, in seconds. SDKs keep to it until they are restarted, so a limit that is
/// raised should be felt within the hour; one refused request an hour costs nothing.
pub const LIMIT_PAUSE_S_MAX: u64 = 3_600;

/// Projects of one server, and keys of one project. Both are made by hand.
pub const PROJECTS_MAX: usize = 200;
pub const PROJECT_KEYS_MAX: usize = 50;
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

/// A copy of the database is made in steps of this many pages (a few MiB), between which it is told how far it is.
pub const COPY_PAGES_PER_STEP: i32 = 512;

/// A copy is synced whenever this many bytes of it are written, so that the disk never owes much more than that at once
/// while a server waits for syncs of its own.
pub const COPY_SYNC_BYTES: u64 = 32 << 20;

/// How much a server's log may grow, in bytes, while a backup or an export reads. At 10 MB written a second this is seven minutes,
/// enough for 100 GB of an ordinary disk.
pub const BACKUP_LOG_BYTES_MAX: u64 = 4 << 30;

/// Bodies looked at of each kind by `trapline check`, spread over all there are; `--full` looks at every one.
pub const CHECK_SAMPLE: i64 = 500;

/// Rows an export reads at a time; 256 events of 35 kB are 9 MB of text.
pub const EXPORT_PAGE_ROWS: usize = 256;

/// The longest line of an import, in bytes: a log or metric request of [`EXPANDED_BYTES_MAX`] is far below it.
pub const IMPORT_LINE_BYTES_MAX: usize = 256 << 20;

/// Lines an import writes in one transaction, in number and in bytes: few syncs, and a short log.
pub const IMPORT_LINES_PER_COMMIT: usize = 2_000;
pub const IMPORT_BYTES_PER_COMMIT: usize = 32 << 20;

/// Room on the disk, in bytes beyond [`DISK_RESERVE_BYTES`], below which an import stops; and what it reckons to take for
/// every line and for every byte of it, because rows and the pages of their indexes go through the log into the file. Where
/// that is little, commits are smaller.
pub const IMPORT_ROOM_MIN: u64 = 2 << 20;
pub const IMPORT_ROOM_PER_LINE: u64 = 32 << 10;
pub const IMPORT_ROOM_PER_BYTE: u64 = 4;

/// Spans or logs an import keeps together, in number and in bytes of their lines: about what SDKs send in a request.
pub const IMPORT_GROUP_ROWS: usize = 512;
pub const IMPORT_GROUP_BYTES: usize = 4 << 20;
