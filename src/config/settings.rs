//! Settings: as written (all optional, text as typed) and as resolved (valid, complete).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::keep::{KEEP_DAYS_MAX, Keep, MaxSize};
use super::network::Network;
use super::{
    ATTACHMENT_BYTES_MAX, EVENT_BYTES_MAX, EVENT_BYTES_SETTING_MAX, EVENT_BYTES_SETTING_MIN, EXPANDED_BYTES_MAX,
    GRPC_PORT_DEFAULT, HEADER_TIMEOUT_S, HEADER_TIMEOUT_S_MAX, LIMIT_RULES_MAX, LIMIT_WINDOW_S_MAX, MAX_SIZE_MAX,
    MAX_SIZE_MIN, PORT_DEFAULT, REQUEST_BYTES_MAX, REQUEST_BYTES_SETTING_MAX, REQUEST_BYTES_SETTING_MIN, SEAL_AFTER_S,
    SEAL_AFTER_S_MAX, TRUSTED_PROXIES,
};
use crate::model::project::settings::{LimitPeriod, LimitRule};
use crate::model::quota::DataGroup;

/// What somebody wrote, in a file, in the environment or on the command line. Absent means "not said".
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawSettings {
    pub data_dir: Option<PathBuf>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub listen: Option<Vec<String>>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub grpc_listen: Option<Vec<String>>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub allowed_hosts: Option<Vec<String>>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub trusted_proxies: Option<Vec<String>>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub allowed_origins: Option<Vec<String>>,
    pub otlp_without_key: Option<OtlpWithoutKey>,
    pub jaeger_through_proxy: Option<bool>,
    pub log_level: Option<String>,
    pub log_format: Option<LogFormat>,
    pub scrub: Option<bool>,
    pub warnings_are_errors: Option<bool>,
    pub request_bytes_max: Option<usize>,
    pub expanded_bytes_max: Option<usize>,
    pub event_bytes_max: Option<usize>,
    pub header_timeout_s: Option<u64>,
    pub attachment_bytes_max: Option<usize>,
    pub durability: Option<Durability>,
    pub max_size: Option<MaxSize>,
    pub keep_errors_days: Option<u32>,
    pub keep_spans_days: Option<u32>,
    pub keep_logs_days: Option<u32>,
    pub keep_metrics_days: Option<u32>,
    pub keep_attachments_days: Option<u32>,
    pub keep_profiles_days: Option<u32>,
    pub keep_replays_days: Option<u32>,
    pub keep_check_ins_days: Option<u32>,
    pub keep_feedback_days: Option<u32>,
    pub keep_sessions_days: Option<u32>,
    pub keep_counts_days: Option<u32>,
    pub seal_after_s: Option<u64>,
    pub limits: Option<Vec<RawLimit>>,
}

/// A limit that holds for every project, besides those of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimit {
    pub group: DataGroup,
    pub max: u64,
    pub per: LimitPeriod,
    pub seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line each.
    #[default]
    Text,
    /// One JSON object each, for a log collector.
    Json,
}

/// From where OpenTelemetry data is taken that names no key; it goes to the project in its path, else to the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpWithoutKey {
    /// From this machine: whoever sends from here could read the key as well.
    #[default]
    Local,
    /// From everywhere.
    Always,
    /// From nowhere.
    Never,
}

/// When a request is answered that something is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// After the disk has confirmed it: it survives a power cut.
    #[default]
    Full,
    /// After the system has taken it: it survives a crash of this process, but a power cut or a crash of the machine
    /// loses the last moments. Never damages what is older.
    Normal,
}

/// Complete and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub data_dir: PathBuf,
    /// Never empty, loopback only. The first one names the server in the DSN.
    pub listen: Vec<SocketAddr>,
    /// With the default addresses a machine without IPv6 is fine; with explicit ones every address must bind.
    pub listen_is_default: bool,
    /// More addresses, which gRPC exporters look at first; loopback only, may be empty.
    pub grpc_listen: Vec<SocketAddr>,
    /// The default addresses may be taken; explicit ones must bind.
    pub grpc_listen_is_default: bool,
    /// Names besides the loopback ones that a `Host` header may carry, lower case, without port.
    pub allowed_hosts: Vec<String>,
    /// Peers whose `X-Forwarded-For` names the client.
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may send, lower case; `*` is every one.
    pub allowed_origins: Vec<String>,
    pub otlp_without_key: OtlpWithoutKey,
    /// Whether Jaeger's query API may be read through a proxy, as Grafana's data proxy is one.
    pub jaeger_through_proxy: bool,
    pub log_level: String,
    pub log_format: LogFormat,
    /// Replace what looks like a secret before it is stored.
    pub scrub: bool,
    /// Log records of OpenTelemetry make issues from WARN on, not from ERROR on, when they carry an exception.
    pub warnings_are_errors: bool,
    pub request_bytes_max: usize,
    pub expanded_bytes_max: usize,
    pub event_bytes_max: usize,
    /// Time to send all headers, and to be idle between requests.
    pub header_timeout_s: u64,
    /// 0 keeps none.
    pub attachment_bytes_max: usize,
    pub durability: Durability,
    /// How long, and how much.
    pub keep: Keep,
    /// How long spans and logs wait for more of their kind before they are packed into chunks.
    pub seal_after_s: u64,
    /// Hold for every project; none unless the file has some.
    pub limits: Vec<LimitRule>,
}

#[derive(Debug, Error, PartialEq)]
pub enum SettingsError {
    #[error("cannot read the settings: {0}")]
    Syntax(String),
    #[error("cannot listen on \"{0}\": write an address and a port, such as 127.0.0.1:4318 or [::1]:4318")]
    BadAddress(String),
    #[error(
        "refusing to listen on {0}: this version has no login, so anybody who reaches that address could read \
         your errors. Listen on 127.0.0.1 or [::1], and reach it from elsewhere through an SSH tunnel \
         (ssh -L 4318:127.0.0.1:4318 your-server)"
    )]
    NotLoopback(SocketAddr),
    #[error("allowed_origins: \"{0}\" is no origin such as https://shop.example, and not \"*\"")]
    BadOrigin(String),
    #[error("listen is empty: name at least one address, such as 127.0.0.1:4318")]
    NoAddress,
    #[error(
        "log_level \"{0}\" is not a level: write error, warn, info, debug, trace or off, or a filter such as \
         info,trapline::store=debug"
    )]
    BadLogLevel(String),
    #[error("trusted_proxies: \"{0}\" is no address and no network such as 10.0.0.0/8")]
    BadNetwork(String),
    #[error("{name} must be between {low} and {high} seconds, not {value}")]
    BadSeconds { name: &'static str, low: u64, high: u64, value: u64 },
    #[error("limits: {0} rules are more than the {LIMIT_RULES_MAX} that every item is held against at most")]
    TooManyLimits(usize),
    #[error("limits: a rule per seconds needs seconds between 1 and {max}, and one per day or month has none")]
    BadLimit { max: u64 },
    #[error("{name} must be between 0 (as long as there is room) and {KEEP_DAYS_MAX} days, not {value}")]
    TooManyDays { name: &'static str, value: u32 },
    #[error(
        "max_size must be between {} MiB, so that a request of half of it fits, and {} TiB, or \"auto\", not {value} bytes",
        MAX_SIZE_MIN >> 20, MAX_SIZE_MAX >> 40
    )]
    BadSize { value: u64 },
    #[error("{name} must be between {low} and {high} bytes, not {value}")]
    OutOfRange { name: &'static str, low: usize, high: usize, value: usize },
}

impl RawSettings {
    /// Reads a settings file. Unknown keys are errors: a typing mistake must not be silently ignored.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| SettingsError::Syntax(error.to_string().trim_end().to_string()))
    }

    /// `self` where it says something, else `weaker`.
    pub fn or(self, weaker: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(weaker.data_dir),
            listen: self.listen.or(weaker.listen),
            grpc_listen: self.grpc_listen.or(weaker.grpc_listen),
            allowed_hosts: self.allowed_hosts.or(weaker.allowed_hosts),
            trusted_proxies: self.trusted_proxies.or(weaker.trusted_proxies),
            allowed_origins: self.allowed_origins.or(weaker.allowed_origins),
            otlp_without_key: self.otlp_without_key.or(weaker.otlp_without_key),
            jaeger_through_proxy: self.jaeger_through_proxy.or(weaker.jaeger_through_proxy),
            log_level: self.log_level.or(weaker.log_level),
            log_format: self.log_format.or(weaker.log_format),
            scrub: self.scrub.or(weaker.scrub),
            warnings_are_errors: self.warnings_are_errors.or(weaker.warnings_are_errors),
            request_bytes_max: self.request_bytes_max.or(weaker.request_bytes_max),
            expanded_bytes_max: self.expanded_bytes_max.or(weaker.expanded_bytes_max),
            event_bytes_max: self.event_bytes_max.or(weaker.event_bytes_max),
            header_timeout_s: self.header_timeout_s.or(weaker.header_timeout_s),
            attachment_bytes_max: self.attachment_bytes_max.or(weaker.attachment_bytes_max),
            durability: self.durability.or(weaker.durability),
            max_size: self.max_size.or(weaker.max_size),
            keep_errors_days: self.keep_errors_days.or(weaker.keep_errors_days),
            keep_spans_days: self.keep_spans_days.or(weaker.keep_spans_days),
            keep_logs_days: self.keep_logs_days.or(weaker.keep_logs_days),
            keep_metrics_days: self.keep_metrics_days.or(weaker.keep_metrics_days),
            keep_attachments_days: self.keep_attachments_days.or(weaker.keep_attachments_days),
            keep_profiles_days: self.keep_profiles_days.or(weaker.keep_profiles_days),
            keep_replays_days: self.keep_replays_days.or(weaker.keep_replays_days),
            keep_check_ins_days: self.keep_check_ins_days.or(weaker.keep_check_ins_days),
            keep_feedback_days: self.keep_feedback_days.or(weaker.keep_feedback_days),
            keep_sessions_days: self.keep_sessions_days.or(weaker.keep_sessions_days),
            keep_counts_days: self.keep_counts_days.or(weaker.keep_counts_days),
            seal_after_s: self.seal_after_s.or(weaker.seal_after_s),
            limits: self.limits.or(weaker.limits),
        }
    }

    /// Every key at its default: what `config.example.toml` lists.
    pub fn defaults() -> Self {
        let keep = Keep::default();
        Self {
            data_dir: Some(PathBuf::from("trapline-data")),
            listen: Some(vec![format!("127.0.0.1:{PORT_DEFAULT}"), format!("[::1]:{PORT_DEFAULT}")]),
            grpc_listen: Some(vec![format!("127.0.0.1:{GRPC_PORT_DEFAULT}"), format!("[::1]:{GRPC_PORT_DEFAULT}")]),
            allowed_hosts: Some(Vec::new()),
            trusted_proxies: Some(TRUSTED_PROXIES.map(str::to_string).to_vec()),
            allowed_origins: Some(vec!["*".to_string()]),
            otlp_without_key: Some(OtlpWithoutKey::Local),
            jaeger_through_proxy: Some(false),
            log_level: Some("info".to_string()),
            log_format: Some(LogFormat::Text),
            scrub: Some(true),
            warnings_are_errors: Some(false),
            request_bytes_max: Some(REQUEST_BYTES_MAX),
            expanded_bytes_max: Some(EXPANDED_BYTES_MAX),
            event_bytes_max: Some(EVENT_BYTES_MAX),
            header_timeout_s: Some(HEADER_TIMEOUT_S),
            attachment_bytes_max: Some(ATTACHMENT_BYTES_MAX),
            durability: Some(Durability::Full),
            max_size: Some(keep.max_size),
            keep_errors_days: Some(keep.errors),
            keep_spans_days: Some(keep.spans),
            keep_logs_days: Some(keep.logs),
            keep_metrics_days: Some(keep.metrics),
            keep_attachments_days: Some(keep.attachments),
            keep_profiles_days: Some(keep.profiles),
            keep_replays_days: Some(keep.replays),
            keep_check_ins_days: Some(keep.check_ins),
            keep_feedback_days: Some(keep.feedback),
            keep_sessions_days: Some(keep.sessions),
            keep_counts_days: Some(keep.counts),
            seal_after_s: Some(SEAL_AFTER_S),
            limits: Some(Vec::new()),
        }
    }

    /// Fills in the defaults and checks every value.
    pub fn resolve(self) -> Result<Settings, SettingsError> {
        let listen_is_default = self.listen.is_none();
        let grpc_listen_is_default = self.grpc_listen.is_none();
        let all = self.or(Self::defaults());
        let listen = parse_listen(&all.listen.unwrap_or_default())?;
        if listen.is_empty() {
            return Err(SettingsError::NoAddress);
        }
        let mut grpc_listen = parse_listen(&all.grpc_listen.unwrap_or_default())?;
        // Those take gRPC as well. Port 0 is never the same twice.
        grpc_listen.retain(|address| address.port() == 0 || !listen.contains(address));
        Ok(Settings {
            data_dir: all.data_dir.unwrap_or_default(),
            listen,
            listen_is_default,
            grpc_listen,
            grpc_listen_is_default,
            allowed_hosts: all
                .allowed_hosts
                .unwrap_or_default()
                .iter()
                .map(|host| host.trim().to_ascii_lowercase())
                .filter(|host| !host.is_empty())
                .collect(),
            trusted_proxies: parse_networks(&all.trusted_proxies.unwrap_or_default())?,
            allowed_origins: parse_origins(&all.allowed_origins.unwrap_or_default())?,
            otlp_without_key: all.otlp_without_key.unwrap_or_default(),
            jaeger_through_proxy: all.jaeger_through_proxy.unwrap_or(false),
            log_level: parse_log_level(all.log_level.unwrap_or_default())?,
            log_format: all.log_format.unwrap_or_default(),
            scrub: all.scrub.unwrap_or(true),
            warnings_are_errors: all.warnings_are_errors.unwrap_or(false),
            request_bytes_max: largest_request(
                request_bytes("request_bytes_max", all.request_bytes_max)?,
                all.max_size.unwrap_or_default(),
            ),
            expanded_bytes_max: request_bytes("expanded_bytes_max", all.expanded_bytes_max)?,
            event_bytes_max: in_range(
                "event_bytes_max",
                all.event_bytes_max,
                EVENT_BYTES_SETTING_MIN,
                EVENT_BYTES_SETTING_MAX,
            )?,
            header_timeout_s: seconds("header_timeout_s", all.header_timeout_s, 1, HEADER_TIMEOUT_S_MAX)?,
            attachment_bytes_max: in_range(
                "attachment_bytes_max",
                all.attachment_bytes_max,
                0,
                REQUEST_BYTES_SETTING_MAX,
            )?,
            durability: all.durability.unwrap_or_default(),
            keep: Keep {
                errors: days("keep_errors_days", all.keep_errors_days)?,
                spans: days("keep_spans_days", all.keep_spans_days)?,
                logs: days("keep_logs_days", all.keep_logs_days)?,
                metrics: days("keep_metrics_days", all.keep_metrics_days)?,
                attachments: days("keep_attachments_days", all.keep_attachments_days)?,
                profiles: days("keep_profiles_days", all.keep_profiles_days)?,
                replays: days("keep_replays_days", all.keep_replays_days)?,
                check_ins: days("keep_check_ins_days", all.keep_check_ins_days)?,
                feedback: days("keep_feedback_days", all.keep_feedback_days)?,
                sessions: days("keep_sessions_days", all.keep_sessions_days)?,
                counts: days("keep_counts_days", all.keep_counts_days)?,
                max_size: checked_size(all.max_size.unwrap_or_default())?,
            },
            seal_after_s: seconds("seal_after_s", all.seal_after_s, 0, SEAL_AFTER_S_MAX)?,
            limits: limits(all.limits.unwrap_or_default())?,
        })
    }
}

fn parse_networks(texts: &[String]) -> Result<Vec<Network>, SettingsError> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.map(|text| Network::parse(text).ok_or_else(|| SettingsError::BadNetwork(text.to_string()))).collect()
}

/// As browsers send them: scheme, host and perhaps a port, in lower case.
fn parse_origins(texts: &[String]) -> Result<Vec<String>, SettingsError> {
    let texts = texts.iter().map(|text| text.trim().to_ascii_lowercase()).filter(|text| !text.is_empty());
    let is_origin = |text: &str| {
        let host = text.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map_or("", |(_, host)| host);
        text == "*" || (!host.is_empty() && !host.contains(['/', '*', ' ', '@']))
    };
    texts.map(|text| if is_origin(&text) { Ok(text) } else { Err(SettingsError::BadOrigin(text)) }).collect()
}

impl Settings {
    /// Whether a page of this origin may send.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allows_every_origin() || self.allowed_origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    pub fn allows_every_origin(&self) -> bool {
        self.allowed_origins.iter().any(|known| known == "*")
    }
}

fn limits(rules: Vec<RawLimit>) -> Result<Vec<LimitRule>, SettingsError> {
    if rules.len() > LIMIT_RULES_MAX {
        return Err(SettingsError::TooManyLimits(rules.len()));
    }
    rules.into_iter().map(RawLimit::resolve).collect()
}

impl RawLimit {
    fn resolve(self) -> Result<LimitRule, SettingsError> {
        let is_good = match self.per {
            LimitPeriod::Seconds => self.seconds.is_some_and(|seconds| (1..=LIMIT_WINDOW_S_MAX).contains(&seconds)),
            LimitPeriod::Day | LimitPeriod::Month => self.seconds.is_none(),
        };
        if !is_good {
            return Err(SettingsError::BadLimit { max: LIMIT_WINDOW_S_MAX });
        }
        let seconds = self.seconds.unwrap_or(0);
        Ok(LimitRule { key: None, group: self.group, max: self.max, per: self.per, seconds })
    }
}

fn in_range(name: &'static str, value: Option<usize>, low: usize, high: usize) -> Result<usize, SettingsError> {
    let value = value.unwrap_or(low);
    if (low..=high).contains(&value) { Ok(value) } else { Err(SettingsError::OutOfRange { name, low, high, value }) }
}

fn request_bytes(name: &'static str, value: Option<usize>) -> Result<usize, SettingsError> {
    in_range(name, value, REQUEST_BYTES_SETTING_MIN, REQUEST_BYTES_SETTING_MAX)
}

fn seconds(name: &'static str, value: Option<u64>, low: u64, high: u64) -> Result<u64, SettingsError> {
    let value = value.unwrap_or(low);
    if (low..=high).contains(&value) { Ok(value) } else { Err(SettingsError::BadSeconds { name, low, high, value }) }
}

fn days(name: &'static str, value: Option<u32>) -> Result<u32, SettingsError> {
    match value.unwrap_or(0) {
        days @ 0..=KEEP_DAYS_MAX => Ok(days),
        value => Err(SettingsError::TooManyDays { name, value }),
    }
}

/// What is sent at once has to fit into the database beside its log: half of a small cap, whatever is allowed.
fn largest_request(bytes_max: usize, max_size: MaxSize) -> usize {
    match max_size {
        MaxSize::Auto => bytes_max,
        MaxSize::Bytes(cap) => bytes_max.min(usize::try_from(cap / 2).unwrap_or(usize::MAX)),
    }
}

fn checked_size(size: MaxSize) -> Result<MaxSize, SettingsError> {
    match size {
        MaxSize::Bytes(bytes) if !(MAX_SIZE_MIN..=MAX_SIZE_MAX).contains(&bytes) => {
            Err(SettingsError::BadSize { value: bytes })
        }
        size => Ok(size),
    }
}

/// A misspelt level would be taken for the name of a module, and nothing would be logged at all.
fn parse_log_level(text: String) -> Result<String, SettingsError> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let is_fine = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
        LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
    };
    if text.split(',').all(is_fine) { Ok(text) } else { Err(SettingsError::BadLogLevel(text)) }
}

/// One address as text, or a list of them: flags and the environment take either, so the file does.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text, or a list of texts such as [\"127.0.0.1:4318\"]")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(Some(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => text.split(',').map(|part| part.trim().to_string()).collect(),
        OneOrMany::Many(texts) => texts,
    }))
}

/// `off` is no address.
fn parse_listen(texts: &[String]) -> Result<Vec<SocketAddr>, SettingsError> {
    let mut addresses = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !matches!(*text, "" | "off")) {
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().map_err(|_| SettingsError::BadAddress(text.to_string()))?;
            addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            addresses.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
            continue;
        }
        let address: SocketAddr = text.parse().map_err(|_| SettingsError::BadAddress(text.to_string()))?;
        if !address.ip().is_loopback() {
            return Err(SettingsError::NotLoopback(address));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8, `::1` with or without brackets. `host` is lower case and
/// without port.
pub fn is_loopback_name(host: &str) -> bool {
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> Result<Settings, SettingsError> {
        RawSettings { listen: Some(vec![text.to_string()]), ..Default::default() }.resolve()
    }

    #[test]
    fn nothing_said_gives_both_loopback_addresses_on_the_otlp_port() {
        let settings = RawSettings::default().resolve().unwrap();
        let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["127.0.0.1:4318", "[::1]:4318"]);
        assert!(settings.listen_is_default);
    }

    #[test]
    fn addresses_others_could_reach_are_refused_with_the_reason() {
        for text in ["0.0.0.0:4318", "[::]:4318", "192.168.1.4:80", "[2001:db8::1]:4318"] {
            let error = listen(text).unwrap_err();
            assert!(matches!(error, SettingsError::NotLoopback(_)), "{text}");
            assert!(error.to_string().contains("no login"), "{error}");
        }
    }

    #[test]
    fn addresses_without_port_or_meaning_are_refused() {
        for text in ["4318", "127.0.0.1", "localhost", "localhost:x", "example.org:4318", ":4318"] {
            assert_eq!(listen(text), Err(SettingsError::BadAddress(text.to_string())), "{text}");
        }
    }

    #[test]
    fn grpc_has_a_port_of_its_own_unless_it_is_switched_off() {
        let grpc = |text: Option<&str>| {
            let raw = RawSettings { grpc_listen: text.map(|text| vec![text.to_string()]), ..Default::default() };
            let settings = raw.resolve().unwrap();
            let listen: Vec<String> = settings.grpc_listen.iter().map(ToString::to_string).collect();
            (listen.join(" "), settings.grpc_listen_is_default)
        };
        assert_eq!(grpc(None), ("127.0.0.1:4317 [::1]:4317".to_string(), true));
        assert_eq!(grpc(Some("off")), (String::new(), false));
        assert_eq!(grpc(Some("127.0.0.1:9")), ("127.0.0.1:9".to_string(), false));
        // Taken by the main one already.
        assert_eq!(grpc(Some("localhost:4318")), (String::new(), false));
        let raw = RawSettings { grpc_listen: Some(vec!["0.0.0.0:4317".to_string()]), ..Default::default() };
        assert!(matches!(raw.resolve(), Err(SettingsError::NotLoopback(_))));
        assert_eq!(listen("off"), Err(SettingsError::NoAddress));
    }

    #[test]
    fn origins_are_checked_and_compared_as_browsers_send_them() {
        let origins = |texts: &[&str]| {
            let texts = texts.iter().map(ToString::to_string).collect();
            RawSettings { allowed_origins: Some(texts), ..Default::default() }.resolve()
        };
        let some = origins(&["https://Shop.example", "http://localhost:3000"]).unwrap();
        assert!(some.allows_origin("https://shop.example") && some.allows_origin("http://localhost:3000"));
        assert!(!some.allows_origin("https://shop.example.evil.test") && !some.allows_origin("null"));
        assert!(origins(&["*"]).unwrap().allows_origin("null") && !origins(&[]).unwrap().allows_origin("null"));
        for bad in ["shop.example", "https://shop.example/", "https://", "https://*.example"] {
            assert_eq!(origins(&[bad]), Err(SettingsError::BadOrigin(bad.to_string())), "{bad}");
        }
    }

    #[test]
    fn localhost_means_both_families() {
        let listen: Vec<String> = listen("localhost:99").unwrap().listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["127.0.0.1:99", "[::1]:99"]);
    }

    #[test]
    fn what_is_said_closer_wins() {
        let flag = RawSettings { log_level: Some("debug".into()), ..Default::default() };
        let file = RawSettings { log_level: Some("warn".into()), data_dir: Some("x".into()), ..Default::default() };
        let both = flag.or(file);
        assert_eq!(both.log_level.as_deref(), Some("debug"));
        assert_eq!(both.data_dir, Some("x".into()));
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error = RawSettings::from_toml("datadir = \"x\"").unwrap_err().to_string();
        assert!(error.contains("datadir"), "{error}");
    }

    #[test]
    fn a_misspelt_level_is_an_error_and_filters_are_fine() {
        let level = |text: &str| RawSettings { log_level: Some(text.to_string()), ..Default::default() }.resolve();
        for text in ["warn", "INFO", "info,trapline::store=debug", "off"] {
            assert!(level(text).is_ok(), "{text}");
        }
        for text in ["warning", "wat", "", "info,trapline=loud"] {
            assert!(matches!(level(text), Err(SettingsError::BadLogLevel(_))), "{text}");
        }
    }

    #[test]
    fn a_single_address_needs_no_list() {
        let raw = RawSettings::from_toml("listen = \"127.0.0.1:5\"").unwrap();
        assert_eq!(raw.listen, Some(vec!["127.0.0.1:5".to_string()]));
        let error = RawSettings::from_toml("listen = 4318").unwrap_err().to_string();
        assert!(error.contains("expected a text"), "{error}");
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        let raw = RawSettings { event_bytes_max: Some(1), ..Default::default() };
        assert!(matches!(raw.resolve(), Err(SettingsError::OutOfRange { name: "event_bytes_max", .. })));
    }

    #[test]
    fn days_and_sizes_out_of_range_are_refused() {
        let raw = |text: &str| RawSettings::from_toml(text).and_then(RawSettings::resolve);
        let keep = raw("keep_errors_days = 0\nmax_size = \"64 MiB\"").unwrap().keep;
        assert_eq!((keep.errors, keep.spans, keep.max_size), (0, 30, MaxSize::Bytes(64 << 20)));
        assert_eq!(raw("max_size = \"64 MiB\"").unwrap().request_bytes_max, 32 << 20);
        assert_eq!(raw("max_size = \"1 GiB\"").unwrap().request_bytes_max, REQUEST_BYTES_MAX);
        assert_eq!(raw("max_size = 1073741824").unwrap().keep.max_size, MaxSize::Bytes(1 << 30));
        assert!(matches!(raw("keep_logs_days = 40000"), Err(SettingsError::TooManyDays { .. })));
        assert_eq!(raw("max_size = \"1 MiB\""), Err(SettingsError::BadSize { value: 1 << 20 }));
        assert_eq!(raw("max_size = \"17 TiB\""), Err(SettingsError::BadSize { value: 17 << 40 }));
        assert!(raw("max_size = \"much\"").unwrap_err().to_string().contains("10 GiB"));
    }

    #[test]
    fn times_out_of_range_are_refused_with_the_range() {
        let raw = |text: &str| RawSettings::from_toml(text).and_then(RawSettings::resolve);
        assert_eq!(raw("seal_after_s = 86400").unwrap().seal_after_s, 86_400);
        assert_eq!(raw("seal_after_s = 0").unwrap().seal_after_s, 0);
        let error = raw("seal_after_s = 99999999").unwrap_err().to_string();
        assert_eq!(error, "seal_after_s must be between 0 and 86400 seconds, not 99999999");
        let error = raw("header_timeout_s = 0").unwrap_err().to_string();
        assert_eq!(error, "header_timeout_s must be between 1 and 3600 seconds, not 0");
    }

    #[test]
    fn more_limits_than_every_item_can_be_held_against_are_refused() {
        let rule = "{ group = \"span\", max = 1, per = \"day\" },";
        let raw = |count: usize| {
            RawSettings::from_toml(&format!("limits = [{}]", rule.repeat(count))).and_then(RawSettings::resolve)
        };
        assert_eq!(raw(LIMIT_RULES_MAX).unwrap().limits.len(), LIMIT_RULES_MAX);
        assert_eq!(raw(LIMIT_RULES_MAX + 1), Err(SettingsError::TooManyLimits(LIMIT_RULES_MAX + 1)));
    }

    #[test]
    fn limits_for_every_project_are_read_and_checked() {
        let limits = |text: &str| RawSettings::from_toml(text).and_then(RawSettings::resolve).map(|all| all.limits);
        let read = limits("limits = [{ group = \"span\", max = 10, per = \"day\" }]").unwrap();
        assert_eq!(
            read,
            [LimitRule { group: DataGroup::Span, max: 10, per: LimitPeriod::Day, ..LimitRule::default() }]
        );
        let both = limits("[[limits]]\ngroup = \"error\"\nmax = 5\nper = \"seconds\"\nseconds = 60").unwrap();
        assert_eq!(both[0].name(), "project/error/60s");
        assert!(limits("limits = [{ group = \"span\", max = 10, per = \"seconds\" }]").is_err());
        assert!(limits("limits = [{ group = \"span\", max = 10, per = \"day\", seconds = 5 }]").is_err());
        assert!(limits("limits = [{ group = \"spam\", max = 10, per = \"day\" }]").is_err());
        assert!(limits("limits = [{ group = \"span\", maxi = 10, per = \"day\" }]").is_err());
    }

    #[test]
    fn loopback_names_are_told_from_lookalikes() {
        for host in ["localhost", "shop.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in ["localhost.evil.test", "127.0.0.1.evil.test", "evillocalhost", "0.0.0.0", "[::]", ""] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn the_example_file_lists_every_key_at_its_default() {
        let example = include_str!("../../config.example.toml");
        assert_eq!(RawSettings::from_toml(example), Ok(RawSettings::defaults()));
        let uncommented: String = example.lines().filter(|line| !line.starts_with('#')).collect();
        for key in toml::Table::try_from(RawSettings::defaults()).unwrap().keys() {
            assert!(uncommented.contains(&format!("{key} =")), "{key} is missing");
        }
    }
}
