//! The keys of the language: one table of what they are called, what their values are, and where they can be asked.
//!
//! Parser, completion and help read it. Whatever is not in it is a tag (of issues and events) or an attribute (of spans and
//! logs) of that name.

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dataset {
    Issues,
    /// Of one issue.
    Events,
    Spans,
    Logs,
}

impl Dataset {
    pub const ALL: [Self; 4] = [Self::Issues, Self::Events, Self::Spans, Self::Logs];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issues => "issues",
            Self::Events => "events",
            Self::Spans => "spans",
            Self::Logs => "logs",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.as_str() == text)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Whether what is not known is a tag; else it is an attribute.
    pub fn has_tags(self) -> bool {
        matches!(self, Self::Issues | Self::Events)
    }
}

const ISSUES: u8 = 1;
const EVENTS: u8 = 1 | 2;
const SPANS: u8 = 4;
const LOGS: u8 = 8;
const ALL: u8 = EVENTS | SPANS | LOGS;

/// What a filter names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Known(Known),
    /// Of an event.
    Tag(String),
    /// A feature flag that was evaluated before an event.
    Flag(String),
    /// Of a span or log, or of the process it came from.
    Attribute(String),
}

/// What we have a name of our own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Known {
    /// `is:` and `has:`, which are leaves of their own and never compared.
    Is,
    Has,
    // Of an issue.
    Assigned,
    Bookmarked,
    FirstSeen,
    LastSeen,
    TimesSeen,
    UserCount,
    Issue,
    IssueCategory,
    IssueType,
    Priority,
    FirstRelease,
    // Of an event, and some of spans and logs.
    Level,
    Message,
    Title,
    Location,
    Culprit,
    Transaction,
    ErrorType,
    ErrorValue,
    ErrorHandled,
    ErrorMechanism,
    Platform,
    Logger,
    EventType,
    EventId,
    HttpMethod,
    HttpUrl,
    HttpReferer,
    HttpStatus,
    User,
    UserId,
    UserEmail,
    UserName,
    UserIp,
    GeoCountry,
    GeoRegion,
    GeoCity,
    Os,
    OsName,
    Browser,
    BrowserName,
    Device,
    DeviceFamily,
    Runtime,
    RuntimeName,
    SdkName,
    SdkVersion,
    StackFilename,
    StackPath,
    StackFunction,
    StackModule,
    StackPackage,
    StackInApp,
    Trace,
    Timestamp,
    Release,
    ReleaseVersion,
    ReleasePackage,
    ReleaseBuild,
    Dist,
    Environment,
    Project,
    ServerName,
    // Of a span or a log.
    SpanId,
    SpanName,
    SpanOp,
    SpanStatus,
    SpanStatusMessage,
    SpanKind,
    SpanDuration,
    Service,
    Template,
}

/// How the values of a key are written and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// States of an issue.
    State,
    /// The name of another key.
    KeyName,
    /// As written, or with wildcards.
    Text,
    /// Some part of a longer text, in any case.
    Prose,
    /// One of these, in any case.
    Choice(&'static [&'static str]),
    /// A word kept in capitals.
    Capitals,
    /// A level, which others are above or below.
    Level,
    Number,
    /// A number from 100 to 599, or `5xx`.
    HttpStatus,
    Duration,
    Time,
    /// Since when: `-24h` and `+7d`, or compared with a duration.
    Age,
    Flag,
    /// The opposite of the flag it stands for.
    NotFlag,
    Version,
    /// A release, or `latest`.
    Release,
    Person,
    /// Hexadecimal digits, that many.
    Id(usize),
    /// `SHOP-12`.
    ShortId,
}

pub struct KeyInfo {
    pub known: Known,
    /// As it is printed.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub ty: Type,
    datasets: u8,
    /// One line for the reader.
    pub doc: &'static str,
}

impl KeyInfo {
    pub fn is_in(&self, dataset: Dataset) -> bool {
        self.datasets & dataset.bit() != 0
    }

    /// All it is called.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Exactly so: people who mean text write sentences.
    pub fn is_written(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

const fn key(
    known: Known,
    name: &'static str,
    aliases: &'static [&'static str],
    ty: Type,
    datasets: u8,
    doc: &'static str,
) -> KeyInfo {
    KeyInfo { known, name, aliases, ty, datasets, doc }
}

const PRIORITIES: &[&str] = &["low", "medium", "high"];
const CATEGORIES: &[&str] = &["error", "performance", "cron", "security"];
const STATUSES: &[&str] = &["ok", "error", "unset"];
const KINDS: &[&str] = &["internal", "server", "client", "producer", "consumer"];

/// In the order completion offers them while nothing is typed.
#[rustfmt::skip]
pub const KEYS: &[KeyInfo] = &[
    key(Known::Is, "is", &["status"], Type::State, ISSUES, "State of the issue: is:unresolved, is:regressed"),
    key(Known::Has, "has", &[], Type::KeyName, ALL, "Has any value under that key: has:user.email"),
    key(Known::Level, "level", &["severity"], Type::Level, EVENTS | LOGS, "How bad: level:error, level:>=warning"),
    key(Known::Assigned, "assigned", &["assigned_or_suggested", "assignee"], Type::Person, ISSUES, "Who it is assigned to: a name, me or none"),
    key(Known::SpanName, "span.name", &["name", "span.description"], Type::Text, SPANS, "What the span is called"),
    key(Known::SpanOp, "span.op", &["op", "sentry.op"], Type::Text, SPANS, "What is done: db, http.server, cache, …"),
    key(Known::SpanDuration, "span.duration", &["duration"], Type::Duration, SPANS, "How long it took: span.duration:>300ms"),
    key(Known::SpanStatus, "span.status", &["status", "otel.status_code"], Type::Choice(STATUSES), SPANS, "How it ended"),
    key(Known::Service, "service.name", &["service", "sentry.service.name"], Type::Text, SPANS | LOGS, "The process it came from"),
    key(Known::ErrorType, "error.type", &[], Type::Text, EVENTS, "Class of the exception, of any in the chain: error.type:KeyError"),
    key(Known::ErrorValue, "error.value", &[], Type::Prose, EVENTS, "What the exception says"),
    key(Known::Message, "message", &["msg", "body"], Type::Prose, EVENTS | LOGS, "A part of the message, the title or what the exception says"),
    key(Known::Message, "message", &["msg"], Type::Prose, SPANS, "A part of what the span is called, or of what was said of its end"),
    key(Known::Title, "title", &[], Type::Prose, EVENTS, "A part of the title"),
    key(Known::Transaction, "transaction", &[], Type::Text, EVENTS, "The route or task it happened in"),
    key(Known::Location, "location", &[], Type::Text, EVENTS, "File it is put down to, with its line or without, as the list shows it: location:*/views.py"),
    key(Known::Culprit, "culprit", &[], Type::Text, EVENTS, "Route or task it is put down to, else file and function"),
    key(Known::Release, "release", &["sentry.release", "service.version"], Type::Release, ALL, "Version that was running; latest is the newest"),
    key(Known::Environment, "environment", &["env", "deployment.environment.name", "deployment.environment", "sentry.environment"], Type::Text, ALL, "production, staging, …"),
    key(Known::FirstSeen, "firstSeen", &["first_seen"], Type::Time, ISSUES, "First event: firstSeen:-24h (within), firstSeen:+7d (before), firstSeen:>2026-11-01"),
    key(Known::FirstSeen, "age", &[], Type::Age, ISSUES, "Since the first event: age:-24h (newer), age:+7d or age:>7d (older)"),
    key(Known::LastSeen, "lastSeen", &["last_seen"], Type::Time, ISSUES, "Last event: lastSeen:-1h"),
    key(Known::TimesSeen, "timesSeen", &["times_seen", "events"], Type::Number, ISSUES, "Number of events: timesSeen:>100, timesSeen:>=5k"),
    key(Known::UserCount, "userCount", &["user_count", "users_seen", "users"], Type::Number, ISSUES, "Number of users that met it"),
    key(Known::Bookmarked, "bookmarks", &["bookmarked"], Type::Person, ISSUES, "Bookmarked: bookmarks:me"),
    key(Known::Priority, "issue.priority", &["priority"], Type::Choice(PRIORITIES), ISSUES, "low, medium or high"),
    key(Known::Issue, "issue", &["issue.id", "short_id", "shortId"], Type::ShortId, ISSUES, "The issue itself: issue:SHOP-12"),
    key(Known::IssueCategory, "issue.category", &[], Type::Choice(CATEGORIES), ISSUES, "error, performance, cron or security"),
    key(Known::IssueType, "issue.type", &[], Type::Text, ISSUES, "error, n_plus_one, slow_query, cron, csp, …"),
    key(Known::FirstRelease, "firstRelease", &["first_release"], Type::Release, ISSUES, "Release it was first seen in"),
    key(Known::ErrorHandled, "error.handled", &["handled"], Type::Flag, EVENTS, "The exception was caught and reported: true or false"),
    key(Known::ErrorHandled, "error.unhandled", &["unhandled"], Type::NotFlag, EVENTS, "The exception ended the request or process"),
    key(Known::ErrorMechanism, "error.mechanism", &["mechanism"], Type::Text, EVENTS, "What reported it: django, logging, celery, …"),
    key(Known::Logger, "logger", &["logger.name"], Type::Text, EVENTS | LOGS, "Name of the logger"),
    key(Known::HttpMethod, "http.method", &["http.request.method", "method"], Type::Capitals, EVENTS | SPANS, "GET, POST, …"),
    key(Known::HttpUrl, "http.url", &["url", "url.full"], Type::Text, EVENTS | SPANS, "Address that was asked for"),
    key(Known::HttpStatus, "http.status_code", &["http.response.status_code"], Type::HttpStatus, EVENTS | SPANS, "Status of the answer: 404, 5xx, >=500"),
    key(Known::HttpReferer, "http.referer", &[], Type::Text, EVENTS, "Page the request came from"),
    key(Known::User, "user", &["user.display"], Type::Text, EVENTS | SPANS, "Id, email, name or address of the user"),
    key(Known::UserId, "user.id", &[], Type::Text, EVENTS | SPANS, "Id of the user"),
    key(Known::UserEmail, "user.email", &[], Type::Text, EVENTS | SPANS, "Email of the user"),
    key(Known::UserName, "user.username", &["user.name"], Type::Text, EVENTS | SPANS, "Name of the user"),
    key(Known::UserIp, "user.ip", &["user.ip_address"], Type::Text, EVENTS | SPANS, "Address of the user"),
    key(Known::ServerName, "server_name", &[], Type::Text, EVENTS, "Machine it happened on"),
    key(Known::StackFilename, "stack.filename", &["filename"], Type::Text, EVENTS, "File of a frame: stack.filename:*/views.py"),
    key(Known::StackFunction, "stack.function", &[], Type::Text, EVENTS, "Function of a frame"),
    key(Known::StackModule, "stack.module", &[], Type::Text, EVENTS, "Module of a frame: stack.module:shop.*"),
    key(Known::StackPath, "stack.abs_path", &[], Type::Text, EVENTS, "File of a frame with its whole path"),
    key(Known::StackPackage, "stack.package", &[], Type::Text, EVENTS, "Package of a frame"),
    key(Known::StackInApp, "stack.in_app", &[], Type::Flag, EVENTS, "Has a frame of the application's own"),
    key(Known::ReleaseVersion, "release.version", &[], Type::Version, ALL, "Version within the release: release.version:>1.2"),
    key(Known::ReleasePackage, "release.package", &[], Type::Text, ALL, "Package within the release"),
    key(Known::ReleaseBuild, "release.build", &[], Type::Text, ALL, "Build within the release"),
    key(Known::Dist, "dist", &[], Type::Text, EVENTS, "Distribution of the release"),
    key(Known::Browser, "browser", &[], Type::Text, EVENTS, "Browser with its version"),
    key(Known::BrowserName, "browser.name", &[], Type::Text, EVENTS, "Browser"),
    key(Known::Os, "os", &[], Type::Text, EVENTS, "System with its version"),
    key(Known::OsName, "os.name", &[], Type::Text, EVENTS, "System"),
    key(Known::Device, "device", &["device.model"], Type::Text, EVENTS, "Device"),
    key(Known::DeviceFamily, "device.family", &[], Type::Text, EVENTS, "Kind of device"),
    key(Known::Runtime, "runtime", &[], Type::Text, EVENTS, "Interpreter with its version: runtime:\"CPython 3.12*\""),
    key(Known::RuntimeName, "runtime.name", &[], Type::Text, EVENTS, "Interpreter"),
    key(Known::GeoCountry, "geo.country_code", &["geo.country"], Type::Text, EVENTS, "Country of the user"),
    key(Known::GeoRegion, "geo.region", &[], Type::Text, EVENTS, "Region of the user"),
    key(Known::GeoCity, "geo.city", &[], Type::Text, EVENTS, "City of the user"),
    key(Known::Platform, "platform", &["platform.name"], Type::Text, EVENTS, "python, javascript, …"),
    key(Known::SdkName, "sdk.name", &[], Type::Text, EVENTS, "What sent it"),
    key(Known::SdkVersion, "sdk.version", &[], Type::Version, EVENTS, "Version of what sent it"),
    key(Known::EventType, "event.type", &[], Type::Text, EVENTS, "error, default, csp, …"),
    key(Known::EventId, "id", &["event.id", "event_id"], Type::Id(32), EVENTS, "Id of the event"),
    key(Known::Trace, "trace", &["trace_id", "trace.id"], Type::Id(32), ALL, "Id of the trace"),
    key(Known::SpanId, "span.id", &["trace.span", "span_id"], Type::Id(16), EVENTS | SPANS | LOGS, "Id of the span"),
    key(Known::SpanKind, "span.kind", &["kind"], Type::Choice(KINDS), SPANS, "server, client, producer, consumer or internal"),
    key(Known::SpanStatusMessage, "span.status_message", &["status_message"], Type::Prose, SPANS, "What was said of its end"),
    key(Known::Template, "template", &["sentry.message.template"], Type::Text, LOGS, "The message before its values were put in"),
    key(Known::Timestamp, "timestamp", &["time"], Type::Time, ALL, "When: timestamp:-1h, timestamp:>2026-11-01T12:00"),
    key(Known::Project, "project", &["project.name", "project.id"], Type::Text, ALL, "Project by its short name or id"),
];

/// The key of that name, in any case.
pub fn find(name: &str, dataset: Dataset) -> Option<&'static KeyInfo> {
    KEYS.iter().find(|info| info.is_in(dataset) && info.is_called(name))
}

/// A key of that very name that belongs to other data sets.
pub fn find_elsewhere(name: &str, dataset: Dataset) -> Option<(&'static KeyInfo, Dataset)> {
    let info = KEYS.iter().find(|info| !info.is_in(dataset) && info.name.eq_ignore_ascii_case(name))?;
    Dataset::ALL.into_iter().find(|other| info.is_in(*other)).map(|other| (info, other))
}

impl Known {
    /// One of the facts that [`Self::User`] is any of.
    pub fn is_of_user(self) -> bool {
        matches!(self, Self::UserId | Self::UserEmail | Self::UserName | Self::UserIp)
    }

    /// As it is printed.
    pub fn name(self) -> &'static str {
        KEYS.iter().find(|info| info.known == self).map_or("", |info| info.name)
    }
}

impl Key {
    /// What facts and attributes are called by.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Tag(name) | Self::Flag(name) | Self::Attribute(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_key_in_a_data_set() {
        for dataset in Dataset::ALL {
            let names = |info: &KeyInfo| -> Vec<String> {
                std::iter::once(&info.name).chain(info.aliases).map(|name| name.to_ascii_lowercase()).collect()
            };
            let mut all: Vec<String> = KEYS.iter().filter(|info| info.is_in(dataset)).flat_map(names).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{dataset:?}");
            assert!(count > 15, "{dataset:?}");
            assert_eq!(Dataset::parse(dataset.as_str()), Some(dataset));
        }
    }

    #[test]
    fn every_key_has_a_line_for_the_reader() {
        for info in KEYS {
            assert!(info.doc.len() > 3 && info.doc.len() < 100, "{}", info.name);
            assert!(Dataset::ALL.iter().any(|dataset| info.is_in(*dataset)), "{}", info.name);
            let of_known = KEYS.iter().find(|other| other.known == info.known).map(|other| other.name);
            assert_eq!(of_known, Some(info.known.name()));
        }
        assert_eq!(Known::FirstSeen.name(), "firstSeen");
        assert_eq!(Known::ErrorHandled.name(), "error.handled");
    }

    #[test]
    fn the_readme_names_every_key() {
        let readme = include_str!("../../README.md");
        let (_, from_there) = readme.split_once("## Searching").unwrap();
        let (section, _) = from_there.split_once("\n## ").unwrap();
        for info in KEYS {
            assert!(section.contains(&format!("`{}`", info.name)), "{}", info.name);
        }
    }

    #[test]
    fn keys_are_found_in_any_case_and_where_they_belong() {
        let known = |name, dataset| find(name, dataset).map(|info| info.known);
        assert_eq!(known("FIRST_SEEN", Dataset::Issues), Some(Known::FirstSeen));
        assert_eq!(known("status", Dataset::Issues), Some(Known::Is));
        assert_eq!(known("status", Dataset::Spans), Some(Known::SpanStatus));
        assert_eq!(known("assigned", Dataset::Logs), None);
        assert_eq!(find_elsewhere("assigned", Dataset::Logs).map(|(_, other)| other), Some(Dataset::Issues));
        assert!(find_elsewhere("level", Dataset::Logs).is_none());
    }
}
