//! What the attributes around an exception say of the request, the user and the process.
//!
//! Old names and stable ones; the stable one wins. Knows nothing of exceptions.

use crate::model::span::{Attribute, AttributeValue, Resource, text_attribute};
use crate::traceback::Language;

use super::cut;

const TAG_CHARS_MAX: usize = 200;

/// Borrowed from attributes of a span or record, and of its resource.
pub(super) struct Known<'a> {
    lists: [&'a [Attribute]; 2],
    language_name: &'a str,
    pub(super) language: Option<Language>,
    sdk_name: &'a str,
    pub(super) sdk_version: &'a str,
    pub(super) instance: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) runtime: Option<(&'a str, &'a str)>,
    pub(super) method: Option<&'a str>,
    /// Without its query.
    pub(super) url: Option<String>,
    pub(super) query: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) code_file: &'a str,
    pub(super) code_line: Option<i64>,
}

/// What has a place of its own in an event, so that it is not told again.
const PLACED: [&str; 24] = [
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "exception.escaped",
    "http.request.method",
    "http.method",
    "url.full",
    "http.url",
    "http.target",
    "url.path",
    "url.query",
    "url.scheme",
    "http.scheme",
    "http.host",
    "user_agent.original",
    "http.user_agent",
    "user.id",
    "user.name",
    "user.email",
    "enduser.id",
    "otel.scope.name",
    "otel.scope.version",
    "http.flavor",
    "http.server_name",
];

impl<'a> Known<'a> {
    pub(super) fn of(lists: [&'a [Attribute]; 2], resource: &'a Resource) -> Self {
        let text = |key: &str| text_of(lists, key);
        let first = |keys: &[&str]| keys.iter().find_map(|key| text(key));
        let of_process = |key| text_attribute(&resource.attributes, key).filter(|text| !text.is_empty());
        let language_name = of_process("telemetry.sdk.language").unwrap_or_default();
        let full = first(&["url.full", "http.url"]);
        let target = first(&["http.target"]);
        let path = text("url.path").or(target).map(|path| path.split(['?', '#']).next().unwrap_or_default());
        let query = |url: &'a str| url.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
        let url = match (full, path) {
            (Some(full), _) => full.split(['?', '#']).next().map(str::to_owned),
            (None, Some(path)) => {
                let scheme = first(&["url.scheme", "http.scheme"]).unwrap_or("http");
                let server = first(&["http.host", "server.address", "http.server_name", "net.host.name"]);
                server.map(|server| {
                    let port = port(lists).filter(|port| !matches!(*port, 80 | 443) && !server.contains(':'));
                    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                    format!("{scheme}://{server}{port}{path}")
                })
            }
            (None, None) => None,
        };
        Self {
            lists,
            language_name,
            language: Language::of(language_name),
            sdk_name: of_process("telemetry.sdk.name").unwrap_or("opentelemetry"),
            sdk_version: of_process("telemetry.sdk.version").unwrap_or_default(),
            instance: of_process("service.instance.id").unwrap_or_default(),
            host: of_process("host.name").or_else(|| of_process("k8s.pod.name")),
            runtime: of_process("process.runtime.name")
                .map(|name| (name, of_process("process.runtime.version").unwrap_or_default())),
            method: first(&["http.request.method", "http.method"]),
            url,
            query: text("url.query").or_else(|| full.or(target).and_then(query)).filter(|query| !query.is_empty()),
            user_agent: first(&["user_agent.original", "http.user_agent"]),
            code_file: first(&["code.file.path", "code.filepath"]).unwrap_or_default(),
            code_line: int_of(lists, "code.line.number").or_else(|| int_of(lists, "code.lineno")),
        }
    }

    /// As Sentry calls it; told by the stack trace when nobody says.
    pub(super) fn platform(&self, found: Option<Language>) -> &'static str {
        match self.language_name {
            "python" => "python",
            "nodejs" => "node",
            "webjs" => "javascript",
            "java" => "java",
            "go" => "go",
            "ruby" => "ruby",
            "php" => "php",
            "dotnet" => "csharp",
            "erlang" => "elixir",
            "cpp" | "rust" => "native",
            "swift" => "cocoa",
            _ => match found {
                Some(Language::Python) => "python",
                Some(Language::Java) => "java",
                Some(Language::JavaScript) => "javascript",
                Some(Language::Go) => "go",
                Some(Language::Ruby) => "ruby",
                Some(Language::Php) => "php",
                Some(Language::DotNet) => "csharp",
                Some(Language::Rust) => "native",
                None => "other",
            },
        }
    }

    pub(super) fn sdk_name(&self) -> String {
        let name = cut(self.sdk_name, 64);
        if self.language_name.is_empty() { name } else { format!("{name}.{}", cut(self.language_name, 32)) }
    }

    /// `opentelemetry.python/1.45.1`
    pub(super) fn sdk(&self) -> Option<String> {
        let name = self.sdk_name();
        Some(if self.sdk_version.is_empty() { name } else { format!("{name}/{}", cut(self.sdk_version, 64)) })
    }

    /// What people look for errors by, sorted.
    pub(super) fn tags(&self, resource: &Resource) -> Vec<(String, String)> {
        let status = ["http.response.status_code", "http.status_code"];
        let status = status.iter().find_map(|key| int_of(self.lists, key)).map(|code| code.to_string());
        let said = [
            ("http.request.method", self.method.map(str::to_owned)),
            ("http.response.status_code", status),
            ("messaging.destination", text_of(self.lists, "messaging.destination.name").map(str::to_owned)),
            ("service.name", Some(resource.service.clone())),
            ("thread.name", text_of(self.lists, "thread.name").map(str::to_owned)),
        ];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let said = said.filter(|(_, value)| !value.trim().is_empty() && !value.contains('\n'));
        said.map(|(key, value)| (key.to_owned(), cut(value.trim(), TAG_CHARS_MAX))).collect()
    }

    /// Members of `user`, those that were sent.
    pub(super) fn user(&self) -> Vec<(&'static str, &'a str)> {
        let text = |keys: &[&str]| keys.iter().find_map(|key| text_of(self.lists, key));
        let said = [
            ("id", text(&["user.id", "enduser.id"])),
            ("username", text(&["user.name"])),
            ("email", text(&["user.email"])),
        ];
        said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    pub(super) fn user_name(&self) -> Option<String> {
        let (name, value) = self.user().into_iter().find(|(_, value)| !value.trim().is_empty())?;
        let chars_max = if name == "email" { 75 } else { 128 };
        Some(format!("{name}:{}", cut(value, chars_max).trim()))
    }

    /// Everything that has no place of its own, as sent.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'a Attribute> {
        self.lists.into_iter().flatten().filter(|attribute| !PLACED.contains(&attribute.key.as_str()))
    }
}

fn text_of<'a>(lists: [&'a [Attribute]; 2], key: &str) -> Option<&'a str> {
    lists.into_iter().find_map(|list| text_attribute(list, key)).filter(|text| !text.is_empty())
}

fn int_of(lists: [&[Attribute]; 2], key: &str) -> Option<i64> {
    let found = lists.into_iter().flatten().find(|attribute| attribute.key == key)?;
    match &found.value {
        AttributeValue::Int(number) => Some(*number),
        AttributeValue::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn port(lists: [&[Attribute]; 2]) -> Option<i64> {
    ["server.port", "net.host.port"].iter().find_map(|key| int_of(lists, key))
}
