//! Exceptions and threads as shown: frames with lines and variables, the order of a group, the frame to open.

use crate::config::event::{DATA_DEPTH_MAX, VARS_DEPTH_MAX};
use crate::model::detail::{ExceptionDetail, FrameDetail, MechanismDetail, ThreadDetail, Variable};
use crate::model::event::{Exception, Frame};
use crate::sentry::detail::relation::{self, Tree};
use crate::sentry::detail::{Raw, variables};
use crate::sentry::event::{exception_type_and_value, paths};
use crate::sentry::json::{Entries, Object, Scalar, wire_object};
use crate::sentry::wire::{Frames, WireMechanism};

wire_object! {
    WireExceptionDetail {
        ty: Scalar<'a> = "type",
        value: Raw<'a> = "value",
        module: Scalar<'a> = "module",
        mechanism: Object<WireMechanism<'a>> = "mechanism",
        stacktrace: Object<WireStacktraceDetail<'a>> = "stacktrace",
    }
}

wire_object! {
    WireStacktraceDetail {
        frames: Frames<WireFrameDetail<'a>> = "frames",
        /// First and last index of what the SDK left out: `[50, 120]`.
        frames_omitted: Raw<'a> = "frames_omitted",
    }
}

wire_object! {
    WireFrameDetail {
        filename: Scalar<'a> = "filename",
        abs_path: Scalar<'a> = "abs_path",
        module: Scalar<'a> = "module",
        function: Scalar<'a> = "function",
        line: Scalar<'a> = "lineno",
        column: Scalar<'a> = "colno",
        in_app: Scalar<'a> = "in_app",
        pre_context: Raw<'a> = "pre_context",
        context_line: Scalar<'a> = "context_line",
        post_context: Raw<'a> = "post_context",
        vars: Entries<'a, Raw<'a>> = "vars",
    }
}

wire_object! {
    WireThreadDetail {
        id: Scalar<'a> = "id",
        name: Scalar<'a> = "name",
        crashed: Scalar<'a> = "crashed",
        current: Scalar<'a> = "current",
        state: Scalar<'a> = "state",
        stacktrace: Object<WireStacktraceDetail<'a>> = "stacktrace",
    }
}

/// The chain as it is read: oldest cause first, the raised one last.
pub(super) fn exceptions(
    wire: &[WireExceptionDetail<'_>],
    top_level: &Object<WireStacktraceDetail<'_>>,
) -> Vec<ExceptionDetail> {
    let mechanisms: Vec<Option<&WireMechanism<'_>>> = wire.iter().map(|e| e.mechanism.get()).collect();
    let tree = Tree::of(&mechanisms);
    let mut list: Vec<(usize, ExceptionDetail)> = Vec::with_capacity(wire.len());
    for index in tree.order() {
        let detail = exception(&wire[index], tree.group_depth(index));
        if detail.ty.is_some() || detail.value.is_some() || !detail.frames.is_empty() {
            list.push((index, detail));
        }
    }
    if let [(_, only)] = list.as_mut_slice()
        && only.frames.is_empty()
    {
        (only.frames, only.frames_omitted) = frames(top_level);
    }
    for at in 0..list.len() {
        let following = list.get(at + 1).map(|(_, next)| next.frames.as_slice());
        let relation = following.map(|frames| relation::of(tree.source(list[at].0), frames));
        list[at].1.relation = relation;
    }
    let mut exceptions: Vec<ExceptionDetail> = list.into_iter().map(|(_, detail)| detail).collect();
    if let Some(raised) = exceptions.last_mut() {
        raised.is_raised = true;
        mark_crash(&mut raised.frames);
    }
    exceptions
}

/// Takes over which frames are the application's, a list for each of the exceptions that were decoded from the same
/// event. An exception that cannot be told to be the same one keeps what its client said.
pub(super) fn take_over_app_frames(shown: &mut [ExceptionDetail], decoded: &[Exception], in_app: &[Vec<bool>]) {
    if shown.len() != decoded.len() {
        return;
    }
    for ((shown, decoded), in_app) in shown.iter_mut().zip(decoded).zip(in_app) {
        let is_same = |(a, b): (&FrameDetail, &Frame)| (&a.abs_path, a.line) == (&b.abs_path, b.line);
        let have_one_length = shown.frames.len() == decoded.frames.len() && decoded.frames.len() == in_app.len();
        if !have_one_length || !shown.frames.iter().zip(&decoded.frames).all(is_same) {
            continue;
        }
        for (frame, in_app) in shown.frames.iter_mut().zip(in_app) {
            frame.in_app = *in_app;
        }
        if shown.is_raised {
            mark_crash(&mut shown.frames);
        }
    }
}

/// The last in-app frame, else the last one.
fn mark_crash(frames: &mut [FrameDetail]) {
    for frame in &mut *frames {
        frame.is_crash = false;
    }
    let crash = frames.iter().rposition(|frame| frame.in_app).or(frames.len().checked_sub(1));
    if let Some(frame) = crash.and_then(|at| frames.get_mut(at)) {
        frame.is_crash = true;
    }
}

fn exception(wire: &WireExceptionDetail<'_>, group_depth: u32) -> ExceptionDetail {
    let (ty, value) = exception_type_and_value(&wire.ty, wire.value);
    let (frames, frames_omitted) = frames(&wire.stacktrace);
    ExceptionDetail {
        ty,
        value,
        module: wire.module.limited(256).filter(|module| !matches!(module.as_str(), "builtins" | "exceptions")),
        mechanism: wire.mechanism.get().map(|mechanism| MechanismDetail {
            ty: mechanism.ty.limited(128),
            handled: mechanism.handled.flag(),
            source: mechanism.source.limited(256),
            description: mechanism.description.limited(1024),
            help_link: mechanism.help_link.limited(256),
            data: mechanism_data(mechanism),
        }),
        group_depth,
        frames,
        frames_omitted,
        ..ExceptionDetail::default()
    }
}

fn mechanism_data(mechanism: &WireMechanism<'_>) -> Vec<Variable> {
    let mut data = variables(&super::parse(mechanism.data), DATA_DEPTH_MAX);
    data.extend(variables(&super::parse(mechanism.meta), DATA_DEPTH_MAX));
    data
}

/// Threads that have frames; without any, the stack trace at the top of the payload.
pub(super) fn threads(
    wire: &[WireThreadDetail<'_>],
    top_level: &Object<WireStacktraceDetail<'_>>,
) -> Vec<ThreadDetail> {
    let thread = |thread: &WireThreadDetail<'_>| ThreadDetail {
        name: thread.name.limited(256).or_else(|| thread.id.limited(64)),
        is_crashed: thread.crashed.flag() == Some(true),
        is_current: thread.current.flag() == Some(true),
        state: thread.state.limited(64),
        frames: frames(&thread.stacktrace).0,
    };
    let mut threads: Vec<ThreadDetail> = wire.iter().map(thread).filter(|thread| !thread.frames.is_empty()).collect();
    let (frames, _) = frames(top_level);
    if threads.is_empty() && !frames.is_empty() {
        threads.push(ThreadDetail { frames, is_current: true, ..ThreadDetail::default() });
    }
    threads
}

/// Frames, and how many are missing.
fn frames(wire: &Object<WireStacktraceDetail<'_>>) -> (Vec<FrameDetail>, u64) {
    let Some(stacktrace) = wire.get() else { return (Vec::new(), 0) };
    let by_sdk = match super::parse::<Vec<u64>>(stacktrace.frames_omitted).as_slice() {
        [first, last] => last.saturating_sub(*first),
        _ => 0,
    };
    let frames = stacktrace.frames.members.iter().map(frame).collect();
    (frames, by_sdk.saturating_add(stacktrace.frames.omitted))
}

fn frame(wire: &WireFrameDetail<'_>) -> FrameDetail {
    let (filename, abs_path) = paths(&wire.filename, &wire.abs_path);
    FrameDetail {
        filename,
        abs_path,
        module: wire.module.limited(256),
        function: wire.function.limited(512).filter(|name| name != "?"),
        line: wire.line.unsigned(),
        column: wire.column.unsigned(),
        in_app: wire.in_app.flag() == Some(true),
        is_crash: false,
        pre_context: lines(wire.pre_context),
        // An empty line is a line, too.
        context_line: wire.context_line.as_str().map(|line| without_end(line).to_owned()),
        post_context: lines(wire.post_context),
        vars: variables(&wire.vars, VARS_DEPTH_MAX),
    }
}

fn lines(raw: Raw<'_>) -> Vec<String> {
    let lines: Vec<Scalar<'_>> = super::parse(raw);
    lines.iter().map(|line| without_end(&line.text().unwrap_or_default()).to_owned()).collect()
}

/// sentry-python sends the lines around a template's error with their ends.
fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}
