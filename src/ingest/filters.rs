//! Inbound filters: what a project does not want to keep, told from what it does.
//!
//! Pure: what was decoded in, the name of the filter that drops them out. Runs before scrubbing and grouping, on what
//! was sent. Knows neither who counts the drops nor how they are shown.

use crate::config::is_loopback_name;
use crate::model::event::Event;
use crate::model::ids::TraceId;
use crate::model::log::{LogBatch, LogRecord};
use crate::model::metric::MetricBatch;
use crate::model::project::settings::{FilterSettings, GlobSettings};
use crate::model::span::{Resource, Span, SpanBatch, SpanKind, text_attribute};

use super::crawlers::is_crawler;
use super::glob::Glob;

/// Which filter. The names are those of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    DisallowedHosts,
    Crawlers,
    HealthChecks,
    Localhost,
    BrowserExtensions,
    Releases,
    ErrorMessages,
}

impl Filter {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DisallowedHosts => "disallowed_hosts",
            Self::Crawlers => "crawlers",
            Self::HealthChecks => "health_checks",
            Self::Localhost => "localhost",
            Self::BrowserExtensions => "browser_extensions",
            Self::Releases => "releases",
            Self::ErrorMessages => "error_messages",
        }
    }
}

/// The filters of a project, made ready.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    disallowed_hosts: bool,
    crawlers: bool,
    localhost: bool,
    browser_extensions: bool,
    /// `None` when off.
    health_checks: Option<Vec<Glob>>,
    releases: Option<Vec<Glob>>,
    error_messages: Option<Vec<Glob>>,
}

impl Filters {
    pub fn new(settings: &FilterSettings) -> Self {
        Self {
            disallowed_hosts: settings.disallowed_hosts,
            crawlers: settings.crawlers,
            localhost: settings.localhost,
            browser_extensions: settings.browser_extensions,
            health_checks: globs(&settings.health_checks, |pattern| without_slash(pattern)),
            releases: globs(&settings.releases, |pattern| pattern),
            error_messages: globs(&settings.error_messages, |pattern| pattern),
        }
    }

    /// The filter that drops an event; `None` keeps it.
    pub fn event(&self, event: &Event) -> Option<Filter> {
        let url = event.request_url.as_deref();
        if self.disallowed_hosts && is_disallowed_host(event) {
            return Some(Filter::DisallowedHosts);
        }
        if self.crawlers && event.user_agent.as_deref().is_some_and(is_crawler) {
            return Some(Filter::Crawlers);
        }
        let path = url.map(path_of).or_else(|| event.transaction.as_deref().filter(|name| name.starts_with('/')));
        if self.is_health_check(path) {
            return Some(Filter::HealthChecks);
        }
        if self.localhost && (url.is_some_and(is_local_url) || event.server_name.as_deref().is_some_and(is_local)) {
            return Some(Filter::Localhost);
        }
        if self.browser_extensions && is_from_extension(event) {
            return Some(Filter::BrowserExtensions);
        }
        if any(&self.releases, event.release.as_deref()) {
            return Some(Filter::Releases);
        }
        if let Some(globs) = &self.error_messages
            && messages(event).iter().any(|text| globs.iter().any(|glob| glob.matches(text)))
        {
            return Some(Filter::ErrorMessages);
        }
        None
    }

    /// Takes the spans out that are dropped, and says by which filters. A request's spans go with their root, as far
    /// as they came in the same request: OpenTelemetry may have sent some before.
    pub fn spans(&self, batch: &mut SpanBatch) -> Vec<(Filter, u64)> {
        if !self.looks_at_spans() {
            return Vec::new();
        }
        let mut unwanted: Vec<(TraceId, usize, Filter)> = Vec::new();
        for span in &batch.spans {
            let is_root = span.is_local_root || span.kind == SpanKind::Server;
            if is_root && let Some(filter) = self.root(span, batch) {
                unwanted.push((span.trace_id, span.resource, filter));
            }
        }
        if unwanted.is_empty() {
            return Vec::new();
        }
        let mut dropped: Vec<(Filter, u64)> = Vec::new();
        batch.spans.retain(|span| {
            let found =
                unwanted.iter().find(|(trace, resource, _)| *trace == span.trace_id && *resource == span.resource);
            let Some((_, _, filter)) = found else { return true };
            match dropped.iter_mut().find(|(known, _)| known == filter) {
                Some((_, count)) => *count += 1,
                None => dropped.push((*filter, 1)),
            }
            false
        });
        dropped
    }

    /// Takes the records out that are dropped, and says by which filters.
    pub fn logs(&self, batch: &mut LogBatch) -> Vec<(Filter, u64)> {
        if self.releases.is_none() && self.error_messages.is_none() {
            return Vec::new();
        }
        let is_unwanted = self.unwanted_resources(&batch.resources);
        let mut dropped = [(Filter::Releases, 0), (Filter::ErrorMessages, 0)];
        batch.records.retain(|record| {
            let place = if is_unwanted.get(record.resource) == Some(&true) {
                0
            } else if self.is_unwanted_text(record) {
                1
            } else {
                return true;
            };
            dropped[place].1 += 1;
            false
        });
        dropped.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Takes the points out that are dropped, and says by which filters.
    pub fn metrics(&self, batch: &mut MetricBatch) -> Vec<(Filter, u64)> {
        let is_unwanted = self.unwanted_resources(&batch.resources);
        let before = batch.points.len();
        batch.points.retain(|point| is_unwanted.get(point.resource) != Some(&true));
        let count = (before - batch.points.len()) as u64;
        if count > 0 { vec![(Filter::Releases, count)] } else { Vec::new() }
    }

    /// The filter that drops whatever else names a release: sessions, feedback.
    pub fn release(&self, release: Option<&str>) -> Option<Filter> {
        any(&self.releases, release).then_some(Filter::Releases)
    }

    fn unwanted_resources(&self, resources: &[Resource]) -> Vec<bool> {
        if self.releases.is_none() {
            return Vec::new();
        }
        resources.iter().map(|resource| any(&self.releases, resource.release.as_deref())).collect()
    }

    fn is_unwanted_text(&self, record: &LogRecord) -> bool {
        any(&self.error_messages, Some(&record.body)) || any(&self.error_messages, record.template.as_deref())
    }

    fn looks_at_spans(&self) -> bool {
        self.crawlers || self.localhost || self.health_checks.is_some() || self.releases.is_some()
    }

    fn root(&self, span: &Span, batch: &SpanBatch) -> Option<Filter> {
        let text = |keys: &[&str]| keys.iter().find_map(|key| text_attribute(&span.attributes, key));
        if self.crawlers && text(&["user_agent.original", "http.user_agent"]).is_some_and(is_crawler) {
            return Some(Filter::Crawlers);
        }
        let url = text(&["url.full", "http.url"]);
        if self.health_checks.is_some() {
            let path = url.map(path_of).or_else(|| text(&["url.path", "http.target", "http.route"]).map(path_of));
            // `GET /healthz`, or the bare route.
            let name = span.name.split_once(' ').map_or(span.name.as_str(), |(_, rest)| rest);
            if self.is_health_check(path) || self.is_health_check(Some(name).filter(|name| name.starts_with('/'))) {
                return Some(Filter::HealthChecks);
            }
        }
        if self.localhost {
            let host = text(&["server.address", "net.host.name", "http.host"]);
            if url.is_some_and(is_local_url) || (url.is_none() && host.is_some_and(is_local)) {
                return Some(Filter::Localhost);
            }
        }
        let release = batch.resources.get(span.resource).and_then(|resource| resource.release.as_deref());
        any(&self.releases, release).then_some(Filter::Releases)
    }

    fn is_health_check(&self, path: Option<&str>) -> bool {
        any(&self.health_checks, path.map(without_slash))
    }
}

fn globs(settings: &GlobSettings, normalise: impl Fn(&str) -> &str) -> Option<Vec<Glob>> {
    let patterns = settings.patterns.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty());
    let globs: Vec<Glob> = patterns.map(|pattern| Glob::new(normalise(pattern))).collect();
    (settings.enabled && !globs.is_empty()).then_some(globs)
}

fn any(globs: &Option<Vec<Glob>>, text: Option<&str>) -> bool {
    match (globs, text) {
        (Some(globs), Some(text)) => globs.iter().any(|glob| glob.matches(text)),
        _ => false,
    }
}

/// Django's own refusal of a request for a host that is not in `ALLOWED_HOSTS`: the exception, what the security
/// logger says about it, and the message.
fn is_disallowed_host(event: &Event) -> bool {
    let is_exception = |ty: Option<&str>| ty.is_some_and(|ty| ty.rsplit('.').next() == Some("DisallowedHost"));
    let says_so = |text: &str| text.starts_with("Invalid HTTP_HOST header");
    event.exceptions.iter().any(|exception| is_exception(exception.ty.as_deref()))
        || event.logger.as_deref() == Some("django.security.DisallowedHost")
        || event.message.as_ref().is_some_and(|message| says_so(&message.formatted))
}

/// What a pattern may match: `Type: message`, the message alone, the type alone, and the text of a log entry.
fn messages(event: &Event) -> Vec<String> {
    let mut texts = Vec::new();
    for exception in &event.exceptions {
        match (&exception.ty, &exception.value) {
            (Some(ty), Some(value)) => texts.extend([format!("{ty}: {value}"), value.clone(), ty.clone()]),
            (Some(text), None) | (None, Some(text)) => texts.push(text.clone()),
            (None, None) => {}
        }
    }
    if let Some(message) = &event.message {
        texts.push(message.formatted.clone());
        texts.extend(message.template.clone());
    }
    texts
}

/// Scripts that a visitor's browser brought along: some frame says where it came from.
fn is_from_extension(event: &Event) -> bool {
    const SCHEMES: [&str; 5] = [
        "chrome-extension://",
        "moz-extension://",
        "safari-extension://",
        "safari-web-extension://",
        "ms-browser-extension://",
    ];
    let is_foreign =
        |text: Option<&str>| text.is_some_and(|text| SCHEMES.iter().any(|scheme| text.starts_with(scheme)));
    let frames = event.exceptions.iter().flat_map(|exception| &exception.frames).chain(&event.thread_frames);
    event.platform == "javascript"
        && frames
            .into_iter()
            .any(|frame| is_foreign(frame.abs_path.as_deref()) || is_foreign(frame.filename.as_deref()))
}

/// `/a/b` of `https://host/a/b?c`, and of `/a/b?c`.
fn path_of(url: &str) -> &str {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    path.split(['?', '#']).next().unwrap_or(path)
}

fn without_slash(path: &str) -> &str {
    let bare = path.trim_end_matches('/');
    if bare.is_empty() { "/" } else { bare }
}

/// The address asked for is this machine's own. The client's address says nothing: behind a proxy on the same machine
/// every visitor's is 127.0.0.1.
fn is_local_url(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    is_local(rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

/// A host with or without port.
fn is_local(host: &str) -> bool {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        // More than one colon without brackets is an IPv6 address.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(host),
        None => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "0.0.0.0" || is_loopback_name(&name)
}

#[cfg(test)]
mod tests;
