//! Which frames are the application's own, before any rule of a project.
//!
//! The client's word counts, except that a Python library is none: clients before 1.15 call everything theirs when
//! nothing else is. Elsewhere paths decide only for clients that mark no frame at all (OpenTelemetry, old SDKs).

use crate::grouping::v1::sink::Verdict;
use crate::model::event::{Event, Frame};

/// Directories of code the user installed and did not write.
const PYTHON_LIBRARY_DIRECTORIES: [&str; 3] = ["site-packages", "dist-packages", "vendor"];
/// The same of other languages: Node's, Ruby's.
const OTHER_LIBRARY_DIRECTORIES: [&str; 2] = ["node_modules", "gems"];

/// How to judge the frames of one event.
#[derive(Clone, Copy, Debug)]
pub(super) struct InApp {
    /// Some frame was marked, so one without a mark is meant to be outside the application.
    client_marks: bool,
    is_python: bool,
}

impl InApp {
    pub(super) fn of(event: &Event) -> Self {
        let mut frames = event.exceptions.iter().flat_map(|exception| &exception.frames).chain(&event.thread_frames);
        Self { client_marks: frames.any(|frame| frame.in_app.is_some()), is_python: event.platform == "python" }
    }

    /// Whether the frame is the application's, and if not, why.
    pub(super) fn judge(self, frame: &Frame) -> Verdict<'static> {
        const LIBRARY: Verdict<'static> = Verdict { contributes: false, hint: Some("a library, by its path") };
        const OUTSIDE: Verdict<'static> = Verdict { contributes: false, hint: Some("not a frame of the application") };
        match frame.in_app {
            Some(false) => OUTSIDE,
            _ if self.is_agent(frame) => OUTSIDE,
            Some(true) if self.is_python && is_library_path(path_of(frame)) => LIBRARY,
            Some(true) => Verdict::YES,
            None if self.client_marks => OUTSIDE,
            None if is_library_path(path_of(frame)) || is_foreign_library_path(path_of(frame)) => LIBRARY,
            None => Verdict::YES,
        }
    }

    /// New Relic's agent wraps every function it watches: its frames come and go with a deployment setting.
    pub(super) fn is_agent(self, frame: &Frame) -> bool {
        if !self.is_python {
            return false;
        }
        match frame.module.as_deref() {
            Some(module) => module.split('.').next() == Some("newrelic"),
            None => directories(path_of(frame)).any(|directory| directory == "newrelic"),
        }
    }
}

fn path_of(frame: &Frame) -> &str {
    frame.abs_path.as_deref().or(frame.filename.as_deref()).unwrap_or_default()
}

fn is_library_path(path: &str) -> bool {
    if path.starts_with("/usr/local/lib/") || path.starts_with("/usr/lib/python") {
        return true;
    }
    let mut before = "";
    for directory in directories(path) {
        if PYTHON_LIBRARY_DIRECTORIES.contains(&directory) || (before == ".local" && directory == "share") {
            return true;
        }
        before = directory;
    }
    false
}

fn is_foreign_library_path(path: &str) -> bool {
    directories(path).any(|directory| OTHER_LIBRARY_DIRECTORIES.contains(&directory))
}

/// The parts of a path above the file itself, under either system's separator.
fn directories(path: &str) -> impl Iterator<Item = &str> {
    let end = path.rfind(['/', '\\']).unwrap_or(0);
    path[..end].split(['/', '\\'])
}
