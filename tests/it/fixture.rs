//! The captures of real SDKs in `tests/fixtures`: read, addressed to the server under test, sent.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::{Answer, Request};
use crate::harness::Trapline;

/// Stands for the server's key in every capture.
const CAPTURED_KEY: &str = "0123456789abcdef0123456789abcdef";

/// One captured request.
pub struct Fixture {
    /// `sentry-python-2.75.0/django-key-error`
    pub name: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// As sent, still compressed.
    pub body: Vec<u8>,
}

impl Fixture {
    pub fn load(name: &str) -> Self {
        let base = folder().join(name);
        let read = |ending: &str| {
            let path = base.with_file_name(format!("{}{ending}", base.file_name().unwrap().to_str().unwrap()));
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let request: Value = serde_json::from_slice(&read(".json")).unwrap();
        let headers = request["headers"].as_object().unwrap();
        Self {
            name: name.to_string(),
            method: request["method"].as_str().unwrap().to_string(),
            path: request["path"].as_str().unwrap().to_string(),
            headers: headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_string())).collect(),
            body: read(".body"),
        }
    }

    /// Every capture there is.
    pub fn all() -> Vec<Self> {
        let mut names = Vec::new();
        for sdk in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
            // A browser that reports by itself is no SDK: it reads no answer and has no client of its own.
            if sdk.ends_with("chromium-csp") {
                continue;
            }
            let Ok(files) = std::fs::read_dir(&sdk) else { continue };
            for file in files.map(|entry| entry.unwrap().path()) {
                if file.extension().is_some_and(|ending| ending == "body") {
                    let sdk = sdk.file_name().unwrap().to_str().unwrap();
                    names.push(format!("{sdk}/{}", file.file_stem().unwrap().to_str().unwrap()));
                }
            }
        }
        names.sort();
        assert!(names.len() > 40, "captures are missing: {names:?}");
        names.iter().map(|name| Self::load(name)).collect()
    }

    pub fn is_otlp(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The request again, to this server and with its key.
    pub fn request(&self, server: &Trapline) -> Request {
        let path = self.path.replace(CAPTURED_KEY, server.key());
        let mut request = server.request(&self.method, &path).body(self.body.clone());
        for (name, value) in &self.headers {
            match name.to_ascii_lowercase().as_str() {
                "host" | "content-length" | "connection" => {}
                "transfer-encoding" => request = request.chunked(),
                _ => request = request.header(name, &value.replace(CAPTURED_KEY, server.key())),
            }
        }
        request
    }

    /// The body without its compression (gzip or none).
    pub fn plain_body(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        match self.header("content-encoding") {
            None => plain.clone_from(&self.body),
            Some("gzip") => {
                flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut plain).unwrap();
            }
            Some(other) => panic!("{}: {other}", self.name),
        }
        plain
    }

    /// The JSON payload of the first item of an envelope.
    pub fn first_item(&self) -> Value {
        let plain = self.plain_body();
        let payload = plain.split(|byte| *byte == b'\n').nth(2).unwrap();
        serde_json::from_slice(payload).unwrap()
    }

    /// `None` when the sent body has no event or transaction of its own.
    pub fn event_id(&self) -> Option<String> {
        let plain = if self.header("content-encoding") == Some("br") { return None } else { self.plain_body() };
        let first_line = plain.split(|byte| *byte == b'\n').next().unwrap();
        let header: Value = serde_json::from_slice(first_line).ok()?;
        header["event_id"].as_str().map(|id| id.replace('-', ""))
    }
}

/// Sends a capture and expects success.
pub fn send(server: &Trapline, name: &str) -> Answer {
    Fixture::load(name).request(server).send().expect(200)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
