//! Real SDKs as programs: those of tests/sdks, made ready by tests/sdks/setup.sh, run against the real binary.
//!
//! Owns how they are started and waited for. Like the end-to-end test it fails when something is missing: a test that is
//! skipped proves nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::harness::{Trapline, wait_for};

/// The newest of the pinned Python SDKs.
pub const NEWEST: &str = "2.75.0";

/// One run of a program; ends when the SDK has sent everything.
pub struct Run<'s> {
    server: &'s Trapline,
    command: Command,
}

fn cache(what: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/sdks").join(what);
    assert!(path.exists(), "{} is missing: run `make test`, or tests/sdks/setup.sh, which makes it", path.display());
    path
}

fn sources(what: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks").join(what)
}

/// tests/sdks/python/drive.py with a version of sentry-sdk.
pub fn python<'s>(server: &'s Trapline, version: &str, args: &[&str]) -> Run<'s> {
    let mut command = Command::new(cache(&format!("py-{version}")).join("bin/python"));
    command.arg("-B").arg(sources("python/drive.py")).args(args).env_remove("PYTHONPATH");
    Run { server, command }
}

pub fn node(server: &Trapline) -> Run<'_> {
    let mut command = Command::new("node");
    command.arg(sources("node/node.mjs"));
    Run { server, command }
}

/// tests/sdks/python/till/drive.py with OpenTelemetry's distribution for Python.
pub fn telemetry<'s>(server: &'s Trapline, args: &[&str]) -> Run<'s> {
    let mut command = Command::new(cache("py-otel-1.45.1").join("bin/python"));
    command.arg("-B").arg(sources("python/till/drive.py")).args(args).env_remove("PYTHONPATH");
    Run { server, command }
}

/// OpenTelemetry's SDK for Node, all three signals.
pub fn node_telemetry(server: &Trapline) -> Run<'_> {
    let mut command = Command::new("node");
    command.arg(sources("node/otel.mjs")).env("OTEL_LOGS_EXPORTER", "otlp").env("OTEL_METRICS_EXPORTER", "otlp");
    Run { server, command }
}

pub fn rust(server: &Trapline) -> Run<'_> {
    Run { server, command: Command::new(cache("rust/debug/desk")) }
}

/// The bundled page of @sentry/browser, in Chromium.
pub fn browser(server: &Trapline) -> Run<'_> {
    let mut command = Command::new("node");
    command.arg(sources("node/browse.mjs")).env("PAGE", cache("browser.js"));
    command.env("CHROMIUM", crate::end_to_end::find_chromium());
    Run { server, command }
}

impl Run<'_> {
    /// Options of `sentry_sdk.init` beside the DSN.
    pub fn options(mut self, options: Value) -> Self {
        self.command.env("OPTIONS", options.to_string());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With brotli importable, which makes the Python SDK use it.
    pub fn with_brotli(self) -> Self {
        let brotli = cache("brotli");
        self.env("PYTHONPATH", brotli)
    }

    /// Runs it to its end, which has to be a good one.
    pub fn done(self) -> String {
        let output = self.ended();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Runs it to whatever end.
    pub fn ended(mut self) -> Output {
        let command = self.command.env("DSN", self.server.dsn()).stdin(Stdio::null());
        // Nothing of the machine may get between an SDK and the server.
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
    }
}

/// The issue with this title; there has to be exactly one.
pub fn issue(server: &Trapline, title: &str) -> Value {
    let mut issues = server.issues();
    let titles: Vec<String> = issues.iter().map(|issue| issue["title"].as_str().unwrap().to_owned()).collect();
    issues.retain(|issue| issue["title"] == title);
    assert_eq!(issues.len(), 1, "{title:?} in {titles:#?}");
    issues.remove(0)
}

/// The newest event of the issue with this title, as the app shows it.
pub fn event(server: &Trapline, title: &str) -> Value {
    let issue = issue(server, title);
    server.get_json(&format!("/api/ui/issues/{}/events/latest", issue["short_id"].as_str().unwrap()))
}

/// Names of the spans of the trace whose root has this name, in drawing order.
pub fn span_names(server: &Trapline, root: &str) -> Vec<String> {
    let names = &trace(server, root)["spans"]["name"];
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The trace whose root has this name.
pub fn trace(server: &Trapline, root: &str) -> Value {
    let id = wait_for(root, || {
        let traces = server.traces();
        let found = traces.iter().find(|trace| trace["name"] == root)?;
        Some(found["trace_id"].as_str().unwrap().to_owned())
    });
    server.get_json(&format!("/api/ui/traces/{id}"))
}

/// The value of a tag, when there is one.
pub fn tag<'e>(event: &'e Value, key: &str) -> Option<&'e str> {
    named(&event["detail"]["tags"], "key", key)?.as_str()
}

/// The value of an entry of a `{name, value}` list.
pub fn entry<'e>(list: &'e Value, name: &str) -> Option<&'e Value> {
    named(list, "name", name)
}

fn named<'e>(list: &'e Value, member: &str, name: &str) -> Option<&'e Value> {
    list.as_array()?.iter().find(|entry| entry[member] == name).map(|entry| &entry["value"])
}
