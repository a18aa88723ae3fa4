//! Exceptions, threads and frames: what crashed and how the program got there.
//!
//! Keeps the order sent (oldest cause first, the raised exception last; oldest call first). Variables and surrounding
//! lines are not read here; they stay in the body.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::model::event::{Exception, Frame, Mechanism, NsError, Template};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Object, Scalar};
use crate::sentry::wire::{
    WireEvent, WireException, WireFrame, WireMechanism, WireMechanismMeta, WireStacktrace, WireThread,
};

/// Characters of type, module and path (256), function (512), value (8192): Sentry's limits.
const NAME_CHARS_MAX: usize = 256;
const FUNCTION_CHARS_MAX: usize = 512;
const VALUE_CHARS_MAX: usize = 8192;
/// Grouping ignores source lines over 120 characters; the whole line is in the body.
const LINE_CHARS_MAX: usize = 1024;

/// The chain. An exception without type, value and frames says nothing and is left out.
pub(super) fn exceptions(wire: &WireEvent<'_>) -> Vec<Exception> {
    let mut exceptions: Vec<Exception> = wire.exception.members.iter().map(exception).collect();
    exceptions.retain(|e| e.ty.is_some() || e.value.is_some() || !e.frames.is_empty());
    if let [only] = exceptions.as_mut_slice()
        && only.frames.is_empty()
    {
        only.frames = frames(&wire.stacktrace);
    }
    exceptions
}

/// The frames that matter when there is no exception: of the crashed thread, else the current, else the only one;
/// without threads, those at the top of the payload.
pub(super) fn thread_frames(wire: &WireEvent<'_>) -> Vec<Frame> {
    let threads = &wire.threads.members;
    let sole = |is_it: fn(&WireThread<'_>) -> bool| {
        let mut found = threads.iter().filter(|thread| is_it(thread));
        found.next().filter(|_| found.next().is_none())
    };
    let chosen = sole(|thread| thread.crashed.flag() == Some(true))
        .or_else(|| sole(|thread| thread.current.flag() == Some(true)))
        .or_else(|| sole(|_| true));
    match chosen {
        Some(thread) => frames(&thread.stacktrace),
        None => frames(&wire.stacktrace),
    }
}

fn exception(wire: &WireException<'_>) -> Exception {
    let (ty, value) = exception_type_and_value(&wire.ty, wire.value);
    Exception {
        ty,
        value,
        module: wire.module.limited(NAME_CHARS_MAX),
        mechanism: wire.mechanism.get().map(mechanism).unwrap_or_default(),
        frames: frames(&wire.stacktrace),
    }
}

/// Type and value; `ValueError: no` without a type is split, any JSON that is not text is shown as JSON.
pub(crate) fn exception_type_and_value(ty: &Scalar<'_>, value: Option<&RawValue>) -> (Option<String>, Option<String>) {
    let ty = ty.limited(NAME_CHARS_MAX);
    let value = value.map(|raw| match serde_json::from_str::<Scalar<'_>>(raw.get()) {
        Ok(Scalar::Text(text)) => text,
        _ => Cow::Borrowed(raw.get()),
    });
    let value = value.filter(|text| !text.is_empty());
    if let (None, Some(text)) = (&ty, &value)
        && let Some((word, rest)) = text.split_once(':')
        && !word.is_empty()
        && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    {
        let rest = rest.trim();
        return (Some(cut(word, NAME_CHARS_MAX)), (!rest.is_empty()).then(|| cut(rest, VALUE_CHARS_MAX)));
    }
    (ty, value.map(|text| cut(&text, VALUE_CHARS_MAX)))
}

fn mechanism(wire: &WireMechanism<'_>) -> Mechanism {
    Mechanism {
        ty: wire.ty.limited(128),
        handled: wire.handled.flag(),
        synthetic: wire.synthetic.flag() == Some(true),
        exception_id: wire.exception_id.unsigned(),
        parent_id: wire.parent_id.unsigned(),
        is_exception_group: wire.is_exception_group.flag() == Some(true),
        source: wire.source.limited(NAME_CHARS_MAX),
        ns_error: wire.meta.and_then(|meta| ns_error(meta.get())),
    }
}

fn ns_error(meta: &str) -> Option<NsError> {
    let Object(meta) = serde_json::from_str::<Object<WireMechanismMeta<'_>>>(meta).ok()?;
    let meta = meta?;
    let wire = meta.ns_error.get()?;
    let error = NsError {
        domain: wire.domain.limited(NAME_CHARS_MAX),
        code: wire.code.text().and_then(|text| text.trim().parse().ok()),
    };
    (error != NsError::default()).then_some(error)
}

/// The template that failed, for clients that name it.
pub(super) fn template(wire: &WireEvent<'_>) -> Option<Template> {
    let template = wire.template.get()?;
    let (filename, _) = paths(&template.filename, &template.abs_path);
    let template = Template { filename, context_line: template.context_line.limited(LINE_CHARS_MAX) };
    (template != Template::default()).then_some(template)
}

fn frames(stacktrace: &Object<WireStacktrace<'_>>) -> Vec<Frame> {
    stacktrace.get().map(|stacktrace| stacktrace.frames.members.iter().map(frame).collect()).unwrap_or_default()
}

fn frame(wire: &WireFrame<'_>) -> Frame {
    let (filename, abs_path) = paths(&wire.filename, &wire.abs_path);
    Frame {
        module: wire.module.limited(NAME_CHARS_MAX),
        function: wire.function.limited(FUNCTION_CHARS_MAX).filter(|name| name != "?"),
        filename,
        abs_path,
        package: wire.package.limited(NAME_CHARS_MAX),
        context_line: wire.context_line.limited(LINE_CHARS_MAX),
        line: wire.line.unsigned(),
        column: wire.column.unsigned(),
        in_app: wire.in_app.flag(),
        platform: wire.platform.limited(64),
        is_source_mapped: wire.data.get().is_some_and(|data| data.source_map.text().is_some()),
    }
}

/// Filename and absolute path; each stands in for the other, a URL by its path.
pub(crate) fn paths(filename: &Scalar<'_>, abs_path: &Scalar<'_>) -> (Option<String>, Option<String>) {
    let abs_path = abs_path.limited(NAME_CHARS_MAX);
    let filename = filename.limited(NAME_CHARS_MAX);
    match (filename, abs_path) {
        (None, Some(abs_path)) => (Some(url_path(&abs_path).to_owned()), Some(abs_path)),
        (Some(filename), None) => (Some(filename.clone()), Some(filename)),
        both => both,
    }
}

fn url_path(text: &str) -> &str {
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    if !matches!(scheme, "http" | "https" | "file" | "app") {
        return text;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    rest.find('/').map_or(text, |at| &rest[at..])
}
