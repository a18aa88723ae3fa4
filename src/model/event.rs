//! An event as the product understands it: what is grouped, filtered and sorted on, and the body it came in.
//!
//! Knows neither how an SDK spells these fields nor how they are kept.

use crate::model::facts::Facts;
use crate::model::ids::{EventId, SpanId, TraceId};

/// The name a tag is kept under, of the one that was sent: a blank is a hyphen, as Sentry has it. Whoever asks for a tag asks
/// by this name as well.
pub fn tag_key(sent: &str) -> String {
    sent.trim().replace(' ', "-")
}

/// How bad. `Ord` follows severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Fatal,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Fatal]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

/// What the payload carries, in Sentry's own words: the `type` of events and issues in the web API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Error,
    Default,
    Csp,
    Hpkp,
    ExpectCt,
    ExpectStaple,
    Nel,
    /// A monitored job failed or stayed away; made here, not sent.
    Cron,
    /// The same query again and again within one request; found here, not sent.
    NPlusOne,
    /// A query that takes too long; found here, not sent.
    SlowQuery,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Default => "default",
            Self::Csp => "csp",
            Self::Hpkp => "hpkp",
            Self::ExpectCt => "expectct",
            Self::ExpectStaple => "expectstaple",
            Self::Nel => "nel",
            Self::Cron => "cron",
            Self::NPlusOne => "n_plus_one",
            Self::SlowQuery => "slow_query",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let known = [Self::Error, Self::Default, Self::Csp, Self::Hpkp, Self::ExpectCt, Self::ExpectStaple, Self::Nel];
        known.into_iter().chain([Self::Cron, Self::NPlusOne, Self::SlowQuery]).find(|kind| kind.as_str() == text)
    }
}

/// One occurrence, decoded and normalised. Strings are already cut to their limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub event_id: EventId,
    pub kind: EventKind,
    pub timestamp_ms: i64,
    pub level: Level,
    /// Lower case, one of Sentry's platforms, else `other`.
    pub platform: String,
    pub logger: Option<String>,
    pub message: Option<Message>,
    /// Oldest cause first, the raised one last: Python's own order.
    pub exceptions: Vec<Exception>,
    /// Frames of the one thread that matters when there is no exception (`attach_stacktrace`).
    pub thread_frames: Vec<Frame>,
    pub transaction: Option<String>,
    pub culprit: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub server_name: Option<String>,
    pub request_url: Option<String>,
    /// The `User-Agent` of the request.
    pub user_agent: Option<String>,
    /// Key, value; in the order sent.
    pub tags: Vec<(String, String)>,
    /// `id:…`, `username:…`, `email:…` or `ip:…`: who was affected, as one comparable string.
    pub user: Option<String>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// `name/version` of the SDK.
    pub sdk: Option<String>,
    /// Facts of what has no field here; `None` when they are still to be read from the body.
    pub more: Option<Facts>,
    /// Client fingerprint, `None` when absent or just `{{ default }}`.
    pub fingerprint: Option<Vec<String>>,
    pub checksum: Option<String>,
    /// What a browser blocked, when the event is its report.
    pub csp: Option<Csp>,
    /// The place in a template that failed, from clients that name it apart from the stack trace (raven).
    pub template: Option<Template>,
    /// By whom, when it is one of several reports there may be of the same error; `None` for an SDK that sends events.
    pub report: Option<Report>,
    /// The whole event as Sentry JSON: valid JSON of bounded depth.
    pub body: Vec<u8>,
}

/// A report of an error as OpenTelemetry makes them: one error may be told by several logs and by its span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub source: ReportSource,
    /// Tells reporters apart: which span it was, or which logging call. The same call reports an error once, so that a
    /// second report of it is a second error; a span may tell of one error twice.
    pub reporter: i64,
    /// Name of the logger, or of the span.
    pub label: String,
}

/// What reports errors. `Ord`: the first says most and is the one that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportSource {
    /// An SDK of Sentry's protocol.
    Event,
    /// An `exception` event of a span.
    SpanEvent,
    /// A log record with an exception.
    LogRecord,
}

impl ReportSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::SpanEvent => "span_event",
            Self::LogRecord => "log_record",
        }
    }

    pub fn code(self) -> i64 {
        self as i64
    }

    pub fn from_code(code: i64) -> Self {
        match code {
            1 => Self::SpanEvent,
            2 => Self::LogRecord,
            _ => Self::Event,
        }
    }
}

/// A log entry: the template decides grouping, the formatted text is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// With placeholders, when parameters were sent.
    pub template: Option<String>,
    pub formatted: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exception {
    pub ty: Option<String>,
    pub value: Option<String>,
    pub module: Option<String>,
    pub mechanism: Mechanism,
    /// Oldest call first, crash last.
    pub frames: Vec<Frame>,
}

/// How the exception came to be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mechanism {
    pub ty: Option<String>,
    /// `Some(false)`: nobody caught it.
    pub handled: Option<bool>,
    /// The type was made up by the SDK (JS, native signals): it says nothing about the bug.
    pub synthetic: bool,
    pub exception_id: Option<u64>,
    pub parent_id: Option<u64>,
    pub is_exception_group: bool,
    /// `__cause__`, `__context__`, `exceptions[0]`, …
    pub source: Option<String>,
    pub ns_error: Option<NsError>,
}

/// How Apple's frameworks name an error: the domain says which library numbers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NsError {
    pub domain: Option<String>,
    pub code: Option<i64>,
}

/// A line of a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    pub filename: Option<String>,
    pub context_line: Option<String>,
}

/// What grouping and titles need of a frame. Variables and surrounding lines stay in the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    pub module: Option<String>,
    pub function: Option<String>,
    pub filename: Option<String>,
    pub abs_path: Option<String>,
    pub package: Option<String>,
    pub context_line: Option<String>,
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// As sent; `None` when the client did not say.
    pub in_app: Option<bool>,
    /// Where it differs from the event's: native frames under a script, for example.
    pub platform: Option<String>,
    /// The place was looked up in a source map, so the function's name is the minifier's.
    pub is_source_mapped: bool,
}

/// A violation of a Content Security Policy. Texts are empty when the browser did not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Csp {
    /// The directive alone: `script-src`, `img-src`, `script-src-elem`, …
    pub effective_directive: String,
    /// As the browser wrote it: a URL, or `inline`, `eval`, `data`, `self`, …
    pub blocked_uri: String,
    pub document_uri: String,
    /// As sent: browsers of the first generation send the directive with its whole list of sources.
    pub violated_directive: String,
    /// The page's own script was blocked for being inline or for `eval`, not for where it came from.
    pub local_script_violation: bool,
}

impl Event {
    /// Unhandled if any exception of the chain was.
    pub fn is_unhandled(&self) -> bool {
        self.exceptions.iter().any(|e| e.mechanism.handled == Some(false))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One in which nothing is said.
    pub(crate) fn event() -> Event {
        Event {
            event_id: EventId([7; 16]),
            kind: EventKind::Error,
            timestamp_ms: 0,
            level: Level::Error,
            platform: "other".to_owned(),
            logger: None,
            message: None,
            exceptions: Vec::new(),
            thread_frames: Vec::new(),
            transaction: None,
            culprit: None,
            release: None,
            environment: None,
            server_name: None,
            request_url: None,
            user_agent: None,
            tags: Vec::new(),
            user: None,
            trace_id: None,
            span_id: None,
            sdk: None,
            more: None,
            fingerprint: None,
            checksum: None,
            csp: None,
            template: None,
            report: None,
            body: b"{}".to_vec(),
        }
    }
}
