//! Every limit and every default, each with its unit and its reason; settings as written and as resolved.
//!
//! Knows nothing of how settings are given on a command line (app) and opens no file: text in, values out.

pub mod event;
pub mod network;
mod settings;

pub use settings::{Durability, LogFormat, RawSettings, Settings, SettingsError, is_loopback_name};

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

/// One container of logs or metrics in an envelope, in bytes of JSON: Sentry's own limits, as are those of one item.
pub const CONTAINER_BYTES_MAX: usize = 12 << 20;
pub const LOG_BYTES_MAX: usize = 2 << 20;
pub const METRIC_BYTES_MAX: usize = 1 << 20;

/// Items of one container. SDKs send 100 logs or 1000 metrics at once.
pub const CONTAINER_ITEMS_MAX: usize = 20_000;

/// Time from the first to the last record kept in one batch, in nanoseconds. A list that goes back in time looks at
/// batches that end this much later than where it stands.
pub const LOG_BATCH_SPAN_NS: i64 = 3_600_000_000_000;

/// Batches made of one request. A file of old logs read in by a Collector spans days; records of further hours are
/// refused.
pub const LOG_BATCHES_MAX: usize = 1_000;

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

/// Header block of a request, in bytes. `baggage` and cookies stay below 16 KiB.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Headers of a request. Browsers send about 20.
pub const HEADERS_MAX: usize = 100;

/// Time to send all headers, in seconds, which also is how long a kept-alive connection may be idle. Long, because
/// a Sentry SDK that reuses a connection in the moment it is closed loses the event, and sends seldom.
pub const HEADER_TIMEOUT_S: u64 = 60;

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

/// How long the writer waits for more to share a commit, in milliseconds, how long it sleeps at a time, and how many
/// requests must be expected in that time for it to wait at all: below 1,000 a second nobody waits.
pub const LINGER_MS: u64 = 3;
pub const LINGER_STEP_MS: u64 = 1;
pub const LINGER_REQUESTS_MIN: f64 = 3.0;

/// Size of the write-ahead log, in bytes, at which the writer moves it into the database, first without waiting
/// for readers, then waiting for them.
pub const WAL_CHECKPOINT_BYTES: u64 = 16 << 20;
pub const WAL_RESTART_BYTES: u64 = 64 << 20;

/// What the store does for itself (sealing, dropping, giving pages back) is written in pieces that keep the writer for at
/// most about this long, in milliseconds: requests wait meanwhile.
pub const SLICE_MS: u64 = 20;

/// Between two looks at what the store has to do for itself, in milliseconds, and after one that failed.
pub const KEEPER_PAUSE_MS: u64 = 250;
pub const KEEPER_RETRY_MS: u64 = 5_000;

/// A read is cut after this long, in milliseconds: a reader that stays open keeps the write-ahead log growing
/// (4 to 300 MiB in 4 s, measured).
pub const READ_TIMEOUT_MS: u64 = 5_000;

/// Read-only connections. Screens are few; ingest never uses them.
pub const READERS: usize = 4;

/// Requests remembered for the ledger, in rows. In memory: it answers "is it even working?".
pub const LEDGER_ROWS_MAX: usize = 300;

/// Between two writes of the counts of refused requests, in milliseconds: anybody can send bad requests, and each commit
/// waits for the disk.
pub const REFUSED_WRITE_MS: u64 = 1000;

/// Live messages a slow browser may lag behind before it is told to fetch again.
pub const LIVE_BACKLOG: usize = 256;

/// Environments to choose from. A team has a handful; more are found by search.
pub const ENVIRONMENTS_SHOWN_MAX: usize = 50;

/// Rows of a page in lists, and the most a client may ask for.
pub const PAGE_ROWS: usize = 50;
pub const PAGE_ROWS_MAX: usize = 100;

/// How long a start waits for the data directory, in milliseconds: `trapline dsn` holds it for a moment.
pub const LOCK_WAIT_MS: u64 = 1_000;

/// Requests in flight get this long to finish at shutdown, in seconds.
pub const DRAIN_S: u64 = 10;

/// zstd level of bodies at rest. A Django error of 35 kB takes 51 µs and 7.4 kB; level 3 would take 63 µs and 7.1 kB,
/// level 6 three times the CPU for another 5 %.
pub const BODY_ZSTD_LEVEL: i32 = 1;

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
