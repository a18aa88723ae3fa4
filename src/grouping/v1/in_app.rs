//! Which frames are the application's own, and which one an event is about.
//!
//! The client's word counts; sentry-python already marks site-packages and the standard library. Paths decide
//! only for clients that mark no frame at all (OpenTelemetry stack traces, old SDKs).

use crate::model::event::{Event, Frame};

/// Directories of code the user installed and did not write.
const LIBRARY_DIRECTORIES: [&str; 3] = ["site-packages", "dist-packages", "vendor"];

/// How to judge the frames of one event.
#[derive(Clone, Copy, Debug)]
pub(in crate::grouping) struct InApp {
    /// Some frame was marked, so one without a mark is meant to be outside the application.
    client_marks: bool,
    is_python: bool,
}

impl InApp {
    pub(in crate::grouping) fn of(event: &Event) -> Self {
        let mut frames = event.exceptions.iter().flat_map(|exception| &exception.frames).chain(&event.thread_frames);
        Self { client_marks: frames.any(|frame| frame.in_app.is_some()), is_python: event.platform == "python" }
    }

    pub(super) fn is_in_app(self, frame: &Frame) -> bool {
        if self.is_agent(frame) {
            return false;
        }
        match frame.in_app {
            Some(marked) => marked,
            None => !self.client_marks && !is_library_path(path_of(frame)),
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

/// The frame an event is about: the last of the application, else the last, of the main exception or the thread.
pub(in crate::grouping) fn crash_frame(event: &Event, main_exception: Option<usize>) -> Option<&Frame> {
    let exception = main_exception.and_then(|index| event.exceptions.get(index)).or(event.exceptions.last());
    let frames = exception.map_or(&event.thread_frames, |exception| &exception.frames);
    let in_app = InApp::of(event);
    frames.iter().rev().find(|frame| in_app.is_in_app(frame)).or(frames.last())
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
        if LIBRARY_DIRECTORIES.contains(&directory) || (before == ".local" && directory == "share") {
            return true;
        }
        before = directory;
    }
    false
}

/// The parts of a path above the file itself, under either system's separator.
fn directories(path: &str) -> impl Iterator<Item = &str> {
    let end = path.rfind(['/', '\\']).unwrap_or(0);
    path[..end].split(['/', '\\'])
}
