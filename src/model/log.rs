//! A log record: one shape for Sentry logs and OpenTelemetry log records.
//!
//! Knows neither protocol. Severity is OpenTelemetry's number; the six words people use are ranges of it.

use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Attribute, Resource, SpanSource};

/// The log records of one request from a client, with the resources they refer to by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogBatch {
    pub resources: Vec<Resource>,
    pub records: Vec<LogRecord>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// When it was written, unix nanoseconds.
    pub time_ns: i64,
    /// When a collector saw it, if one did; the batch knows when we did.
    pub observed_ns: Option<i64>,
    /// 1 to 24, 0 when unknown.
    pub severity: u8,
    /// The client's own word, when it is not the one of [`LogLevel`].
    pub severity_text: String,
    /// What a reader sees; structured bodies as JSON.
    pub body: String,
    /// The body with placeholders, where that differs.
    pub template: Option<String>,
    /// Name of the logger or instrumentation scope.
    pub logger: Option<String>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// Index into [`LogBatch::resources`].
    pub resource: usize,
    pub source: SpanSource,
    pub attributes: Vec<Attribute>,
    /// Attributes left out, by the client or by our limits.
    pub dropped: u32,
}

impl LogRecord {
    /// As a list shows it: without what only a single record shows.
    pub fn leave_details(&mut self) {
        self.attributes = Vec::new();
        self.dropped = 0;
        self.observed_ns = None;
        self.source = SpanSource::default();
    }
}

/// The six words for ranges of severity, and none. `Ord` follows severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    Unknown = 0,
    Trace = 1,
    Debug = 2,
    Info = 3,
    Warn = 4,
    Error = 5,
    Fatal = 6,
}

impl LogLevel {
    pub const ALL: [Self; 7] =
        [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The range a severity number falls in.
    pub fn of(severity: u8) -> Self {
        match severity {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unknown,
        }
    }

    /// The lowest severity number of the range.
    pub fn severity(self) -> u8 {
        match self {
            Self::Unknown => 0,
            level => (level as u8 - 1) * 4 + 1,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The words above, and those of Python and syslog for the same.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "log" | "notice" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" => Self::Error,
            "fatal" | "critical" => Self::Fatal,
            "unknown" | "default" => Self::Unknown,
            _ => return None,
        })
    }

    pub fn from_code(code: i64) -> Self {
        usize::try_from(code).ok().and_then(|code| Self::ALL.get(code).copied()).unwrap_or(Self::Unknown)
    }

    /// A set of levels is a sum of these.
    pub fn bit(self) -> i64 {
        1 << self as u8
    }

    /// This level and those above it, as a set. Records of unknown severity are only in the set of all.
    pub fn and_above(self) -> i64 {
        Self::ALL.iter().filter(|level| **level >= self).map(|level| level.bit()).sum()
    }
}

/// Where a record is kept: its batch and its place there. Orders records of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    pub batch: i64,
    pub index: u32,
}

impl LogId {
    /// The inverse of `to_string`: 32 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let batch = i64::from_str_radix(&text[..16], 16).ok()?;
        let index = u32::try_from(u64::from_str_radix(&text[16..], 16).ok()?).ok()?;
        Some(Self { batch, index })
    }
}

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}{:016x}", self.batch, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_fall_into_six_ranges_and_none() {
        let levels: Vec<_> = [0, 1, 4, 5, 9, 13, 17, 20, 21, 24, 25].into_iter().map(LogLevel::of).collect();
        use LogLevel::{Debug, Error, Fatal, Info, Trace, Unknown, Warn};
        assert_eq!(levels, [Unknown, Trace, Trace, Debug, Info, Warn, Error, Error, Fatal, Fatal, Unknown]);
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::of(level.severity()), level);
            assert_eq!(LogLevel::parse(level.as_str()), Some(level));
            assert_eq!(LogLevel::from_code(level as i64), level);
        }
        assert_eq!(LogLevel::parse("WARNING"), Some(Warn));
        assert_eq!(LogLevel::parse("loud"), None);
        assert_eq!(Error.and_above(), Error.bit() + Fatal.bit());
    }

    #[test]
    fn ids_come_back_and_nothing_else_is_one() {
        let id = LogId { batch: 414_000_000_000_000_123, index: 7 };
        assert_eq!(LogId::parse(&id.to_string()), Some(id));
        for text in ["", "7", "../../../../../../../../../etc/pw", "ffffffffffffffff0000000000000001"] {
            assert_eq!(LogId::parse(text), None, "{text}");
        }
    }
}
