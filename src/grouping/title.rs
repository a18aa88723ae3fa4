//! What an issue is called, and where it happened.
//!
//! Part of the frame, not of a version: a title is decided anew by every event and identifies nothing.

use crate::grouping::{Grouping, crash_frame};
use crate::model::event::{Event, Exception, Frame};
use crate::model::issue::IssueTitle;

/// A title fits on one line of the issue list.
const TITLE_VALUE_CHARS_MAX: usize = 100;
/// Messages and values stand alone, so they may be longer.
const VALUE_CHARS_MAX: usize = 256;
/// As everywhere in Sentry's schema.
const CULPRIT_CHARS_MAX: usize = 200;

/// Names the issue as a rule says, else after its main exception (the last one when grouping named none), else after
/// the message.
pub fn title(event: &Event, grouping: &Grouping) -> IssueTitle {
    let frame = crash_frame(event, grouping.main_exception, grouping.crash_frame);
    let exception = grouping.main_exception.and_then(|index| event.exceptions.get(index)).or(event.exceptions.last());
    let mut issue_title = match exception {
        Some(exception) => exception_title(exception, frame),
        None => message_title(event),
    };
    if let Some(title) = grouping.title.as_deref().and_then(first_line) {
        // Type and value would be shown instead.
        issue_title = IssueTitle { title: cut(title, VALUE_CHARS_MAX), ..IssueTitle::default() };
    }
    issue_title.culprit = culprit(event, frame);
    if let Some(frame) = frame {
        issue_title.filename = non_blank(frame.filename.as_deref()).map(str::to_owned);
        issue_title.function = function_name(frame).map(str::to_owned);
        issue_title.line = frame.line;
    }
    issue_title
}

fn exception_title(exception: &Exception, frame: Option<&Frame>) -> IssueTitle {
    let ty = non_blank(exception.ty.as_deref());
    let line = exception.value.as_deref().and_then(first_line);
    let function = frame.and_then(function_name);
    let synthetic_name = function.filter(|_| exception.mechanism.synthetic);
    let title = match (synthetic_name, ty, line) {
        (Some(function), _, _) => function.to_owned(),
        (None, Some(ty), Some(line)) => format!("{ty}: {}", cut(line, TITLE_VALUE_CHARS_MAX)),
        (None, Some(ty), None) => ty.to_owned(),
        (None, None, Some(line)) => cut(line, TITLE_VALUE_CHARS_MAX),
        (None, None, None) => function.unwrap_or("<unknown>").to_owned(),
    };
    IssueTitle {
        title,
        ty: ty.map(str::to_owned),
        value: line.map(|line| cut(line, VALUE_CHARS_MAX)),
        ..IssueTitle::default()
    }
}

fn message_title(event: &Event) -> IssueTitle {
    let line = event.message.as_ref().and_then(|message| {
        first_line(&message.formatted).or_else(|| message.template.as_deref().and_then(first_line))
    });
    let title = line.map_or_else(|| "<unlabeled event>".to_owned(), |line| cut(line, VALUE_CHARS_MAX));
    IssueTitle { title, ..IssueTitle::default() }
}

/// For Django the route, which the SDK sends as the transaction; else the place in the code; else the address.
fn culprit(event: &Event, frame: Option<&Frame>) -> String {
    let named = non_blank(event.culprit.as_deref()).or(non_blank(event.transaction.as_deref()));
    if let Some(named) = named {
        return cut(named, CULPRIT_CHARS_MAX);
    }
    let place = frame.and_then(|frame| place(event, frame));
    let place = place.or_else(|| non_blank(event.request_url.as_deref()).map(str::to_owned));
    cut(&place.unwrap_or_default(), CULPRIT_CHARS_MAX)
}

fn place(event: &Event, frame: &Frame) -> Option<String> {
    let filename = non_blank(frame.filename.as_deref());
    let module = non_blank(frame.module.as_deref()).or(filename);
    let function = function_name(frame);
    if matches!(event.platform.as_str(), "javascript" | "node") {
        let file = filename.or(module)?;
        return Some(format!("{}({file})", function.unwrap_or("?")));
    }
    match (module, function) {
        (Some(module), Some(function)) => Some(format!("{module} in {function}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (None, None) => None,
    }
}

fn function_name(frame: &Frame) -> Option<&str> {
    non_blank(frame.function.as_deref()).filter(|name| *name != "?")
}

fn non_blank(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The first line with something on it.
fn first_line(text: &str) -> Option<&str> {
    text.split(['\n', '\r']).map(str::trim).find(|line| !line.is_empty())
}

/// At most so many characters, the last three dots when something was left out.
fn cut(text: &str, chars_max: usize) -> String {
    if text.char_indices().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars_max - 3).collect();
    short.push_str("...");
    short
}
