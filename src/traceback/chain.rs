//! An exception and its causes as most runtimes print them: the one that was raised first, each cause below it, and the
//! frames of each with the innermost first.

use crate::model::event::{Exception, Frame, Mechanism};

use super::filled;

#[derive(Default)]
struct Link {
    exception: Exception,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
}

/// What was read so far. Each exception is the cause of the one before.
#[derive(Default)]
pub(super) struct Chain {
    links: Vec<Link>,
    is_in_message: bool,
}

impl Chain {
    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The next exception, of which message and frames may follow.
    pub(super) fn begin(&mut self, ty: &str, value: &str) {
        let is_cause = !self.links.is_empty();
        let mechanism = Mechanism {
            ty: is_cause.then(|| "chained".to_owned()),
            source: is_cause.then(|| "cause".to_owned()),
            ..Mechanism::default()
        };
        let exception = Exception { ty: filled(ty), value: filled(value), mechanism, ..Exception::default() };
        self.links.push(Link { exception, frames: Vec::new() });
        self.is_in_message = true;
    }

    /// A frame of the exception begun last; of one without a name, when none was.
    pub(super) fn frame(&mut self, frame: Frame) {
        if self.links.is_empty() {
            self.links.push(Link::default());
        }
        if let Some(link) = self.links.last_mut() {
            link.frames.push(frame);
        }
        self.is_in_message = false;
    }

    /// The same, where the message may go on behind it.
    pub(super) fn frame_within_message(&mut self, frame: Frame) {
        let is_in_message = self.is_in_message;
        self.frame(frame);
        self.is_in_message = is_in_message;
    }

    /// A line that is neither: of the message, unless frames have followed it.
    pub(super) fn other(&mut self, line: &str) {
        if let Some(link) = self.links.last_mut().filter(|_| self.is_in_message) {
            let value = link.exception.value.get_or_insert_default();
            value.push('\n');
            value.push_str(line);
        }
    }

    /// As in Sentry's protocol: what was raised last, with its frames outermost first; `None` when nothing was found.
    pub(super) fn finish(self) -> Option<Vec<Exception>> {
        let exceptions = self.links.into_iter().rev().map(|Link { mut exception, mut frames }| {
            frames.reverse();
            exception.frames = frames;
            exception.value = exception.value.as_deref().and_then(filled);
            exception
        });
        Some(exceptions.collect()).filter(|exceptions: &Vec<_>| !exceptions.is_empty())
    }
}
