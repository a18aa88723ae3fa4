//! The body that is kept, where it differs from the one sent: what was too large is cut, what we know better is
//! written in, and both are told in the event's own `errors`.
//!
//! The places come from the one reading of the event, so a body that needs no change, which is nearly every one, costs
//! a few comparisons. Cutting takes place only where something is too large.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::address::Address;
use crate::config::event as limits;
use crate::sentry::json::shorten::{Cut, shorten, shorten_text};
use crate::sentry::json::{Entries, Object, Scalar, wire_object};
use crate::sentry::wire::{WireEvent, WireMessage, WireRequest, WireStacktrace};

/// Lines written of one event; a page shows a hundred.
const NOTES_MAX: usize = 64;
/// `"ip_address":"…",` with the longest address there is.
const ADDRESS_BYTES_MAX: usize = 64;
/// Frames kept of the start of a long stack: the `HEAD` of [`crate::sentry::wire::Frames`].
const FRAMES_HEAD: usize = 50;
/// Where a member of a list stands of which the middle was not read.
const NOWHERE: usize = usize::MAX;
/// Frames of one stack whose variables are named where they were shortened; recursion shortens those of all.
const FRAMES_NOTED_MAX: usize = 4;
/// Characters of the name of a place.
const PATH_CHARS_MAX: usize = 200;

/// Something to tell the reader: an entry of the payload's own list of errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Sentry's names: `value_too_long`, `future_timestamp`, …
    pub(super) ty: &'static str,
    pub(super) path: Cow<'static, str>,
    pub(super) reason: String,
    /// JSON.
    pub(super) value: Option<String>,
}

/// `None` when the body stays as it was sent.
pub(super) fn amend(text: &str, wire: &WireEvent<'_>, address: &Address, notes: Vec<Note>) -> Option<Vec<u8>> {
    let mut amended = Amended { text, edits: Vec::new(), notes, more: 0, lists: Vec::new() };
    amended.cut_stacks(wire);
    amended.cut_messages(wire);
    amended.cut_crumbs(wire);
    if let Some(request) = wire.request.get() {
        amended.cut_request(request);
    }
    amended.cut_contexts(wire.contexts);
    amended.cut_bag(|| "extra".to_owned(), wire.extra, limits::EXTRA_BYTES_MAX, limits::EXTRA_VALUE_BYTES_MAX);
    amended.cut_bag(|| "modules".to_owned(), wire.modules, limits::MODULES_BYTES_MAX, usize::MAX);
    amended.write_user(wire.user, address);
    amended.write_notes(wire.errors);
    amended.assemble()
}

struct Edit {
    start: usize,
    end: usize,
    new: String,
}

struct Amended<'t> {
    text: &'t str,
    edits: Vec<Edit>,
    notes: Vec<Note>,
    /// Notes beyond [`NOTES_MAX`].
    more: usize,
    /// What [`Amended::members_of`] found.
    lists: Vec<(&'static str, Vec<&'t RawValue>)>,
}

impl<'t> Amended<'t> {
    /// Where a part of the text stands in it.
    fn place(&self, part: &str) -> Option<(usize, usize)> {
        let start = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let end = start.checked_add(part.len()).filter(|end| *end <= self.text.len())?;
        Some((start, end))
    }

    fn replace(&mut self, part: &str, new: String) {
        if let Some((start, end)) = self.place(part) {
            self.edits.push(Edit { start, end, new });
        }
    }

    fn note(&mut self, path: String, reason: String) {
        if self.notes.len() < NOTES_MAX {
            let path = crate::sentry::json::lenient::cut(&path, PATH_CHARS_MAX);
            self.notes.push(Note { ty: "value_too_long", path: path.into(), reason, value: None });
        } else {
            self.more += 1;
        }
    }

    /// True when the value was over its limit.
    fn cut_bag(
        &mut self,
        path: impl Fn() -> String,
        raw: Option<&RawValue>,
        bytes_max: usize,
        member_bytes_max: usize,
    ) -> bool {
        let Some(json) = raw.map(RawValue::get) else { return false };
        if json.len() <= bytes_max.min(member_bytes_max) {
            return false;
        }
        let mut cuts: Vec<Cut> = Vec::new();
        let short = shorten(json, bytes_max, member_bytes_max, &mut cuts);
        if cuts.is_empty() {
            return false;
        }
        let path = path();
        for cut in cuts {
            let place = if cut.name.is_empty() { path.clone() } else { format!("{path}.{}", cut.name) };
            self.note(place, cut_words(cut.bytes));
        }
        self.replace(json, short);
        true
    }

    fn cut_text(&mut self, path: impl Fn() -> String, raw: Option<&RawValue>, chars_max: usize) {
        let Some(json) = raw.map(RawValue::get).filter(|json| json.len() > chars_max + 2) else { return };
        let short = match shorten_text(json, chars_max) {
            Some(short) => short,
            None => shorten(json, chars_max, usize::MAX, &mut Vec::new()),
        };
        if short.len() < json.len() {
            self.note(path(), cut_words(json.len()));
            self.replace(json, short);
        }
    }

    fn cut_stacks(&mut self, wire: &WireEvent<'_>) {
        for (at, exception) in wire.exception.members.iter().enumerate() {
            let path = |member: &'static str| move || place_in("exception", at, member);
            self.cut_text(path("value"), exception.value, limits::MESSAGE_CHARS_MAX);
            let place = if wire.exception.omitted == 0 { at } else { NOWHERE };
            self.cut_stack(("exception", place), path("stacktrace"), &exception.stacktrace);
        }
        for (at, thread) in wire.threads.members.iter().enumerate() {
            let place = if wire.threads.omitted == 0 { at } else { NOWHERE };
            self.cut_stack(("threads", place), || place_in("threads", at, "stacktrace"), &thread.stacktrace);
        }
        self.cut_stack(("stacktrace", 0), || "stacktrace".to_owned(), &wire.stacktrace);
    }

    fn cut_stack(
        &mut self,
        (list, at): (&'static str, usize),
        path: impl Fn() -> String,
        stacktrace: &Object<WireStacktrace<'_>>,
    ) {
        let Some(stacktrace) = stacktrace.get() else { return };
        let frames = &stacktrace.frames.members;
        if stacktrace.frames.omitted > 0 && self.cut_middle(list, at, frames.len()).is_some() {
            let (sent, tail) =
                (stacktrace.frames.omitted + frames.len() as u64, frames.len().saturating_sub(FRAMES_HEAD));
            let reason = format!("{sent} frames were sent, the first {FRAMES_HEAD} and the last {tail} are kept");
            self.note(format!("{}.frames", path()), reason);
        }
        let outer = limits::FRAMES_WITH_VARS_MAX / 2;
        let is_slim = frames.len() > limits::FRAMES_WITH_VARS_MAX;
        let mut is_slimmed = false;
        let mut shortened = 0;
        for (at, frame) in frames.iter().enumerate() {
            if is_slim && (outer..frames.len() - outer).contains(&at) {
                for part in [frame.vars, frame.pre_context, frame.post_context].into_iter().flatten() {
                    is_slimmed = true;
                    self.replace(part.get(), "null".to_owned());
                }
            } else {
                let noted = self.notes.len();
                let path = || format!("{}.frames.{at}.vars", path());
                if self.cut_bag(path, frame.vars, limits::FRAME_VARS_BYTES_MAX, usize::MAX) {
                    shortened += 1;
                    if shortened > FRAMES_NOTED_MAX {
                        self.notes.truncate(noted);
                    }
                }
            }
        }
        if shortened > FRAMES_NOTED_MAX {
            let reason = format!("variables of {} more frames were shortened", shortened - FRAMES_NOTED_MAX);
            self.note(format!("{}.frames", path()), reason);
        }
        if is_slimmed {
            let reason = format!(
                "variables and surrounding lines are kept of the first {outer} and the last {outer} frames only"
            );
            self.note(format!("{}.frames", path()), reason);
        }
    }

    /// Takes the frames between those that are kept out of the text, and tells how many in the place where SDKs do.
    /// Reads the list again, which only a stack that is too long costs.
    fn cut_middle(&mut self, list: &'static str, at: usize, kept: usize) -> Option<()> {
        let member = *self.members_of(list).get(at)?;
        let member: Entries<'_, &RawValue> = serde_json::from_str(member.get()).ok()?;
        let stacktrace = match list {
            "stacktrace" => member,
            _ => serde_json::from_str(member.get("stacktrace")?.get()).ok()?,
        };
        let frames = *stacktrace.get("frames")?;
        let all = objects(frames);
        let last = all.len().checked_sub(kept.checked_sub(FRAMES_HEAD)?)?;
        let (start, _) = self.place(all.get(FRAMES_HEAD)?.get())?;
        let (end, _) = self.place(all.get(last)?.get())?;
        if start >= end {
            return None;
        }
        self.edits.push(Edit { start, end, new: String::new() });
        if stacktrace.get("frames_omitted").is_none() {
            let (_, after) = self.place(frames.get())?;
            let new = format!(",\"frames_omitted\":[{FRAMES_HEAD},{last}]");
            self.edits.push(Edit { start: after, end: after, new });
        }
        Some(())
    }

    /// The objects of a list at the top of the event; scanned once for all its long stacks.
    fn members_of(&mut self, list: &'static str) -> &[&'t RawValue] {
        if !self.lists.iter().any(|(name, _)| *name == list) {
            let event: Entries<'t, &'t RawValue> = serde_json::from_str(self.text).unwrap_or_default();
            let alias = format!("sentry.interfaces.{}{}", list[..1].to_ascii_uppercase(), &list[1..]);
            let sent = event.0.iter().rev().find(|(name, _)| name == list || *name == alias);
            self.lists.push((list, sent.map(|(_, value)| objects(value)).unwrap_or_default()));
        }
        self.lists.iter().find(|(name, _)| *name == list).map(|(_, members)| members.as_slice()).unwrap_or_default()
    }

    fn cut_messages(&mut self, wire: &WireEvent<'_>) {
        let is_long = |message: &Object<WireMessage<'_>>| {
            let long = |text: &Scalar<'_>| text.as_str().is_some_and(|text| text.len() > limits::MESSAGE_CHARS_MAX);
            message.get().is_some_and(|message| long(&message.message) || long(&message.formatted))
        };
        if !is_long(&wire.logentry) && !is_long(&wire.message) {
            return;
        }
        let Ok(Object(Some(places))) = serde_json::from_str::<Object<WireMessagePlaces<'_>>>(self.text) else { return };
        for (name, raw) in [("logentry", places.logentry), ("message", places.message)] {
            let Some(raw) = raw else { continue };
            if raw.get().starts_with('"') {
                self.cut_text(|| name.to_owned(), Some(raw), limits::MESSAGE_CHARS_MAX);
            } else if let Ok(Object(Some(entry))) = serde_json::from_str::<Object<WireMessageTexts<'_>>>(raw.get()) {
                self.cut_text(|| format!("{name}.message"), entry.message, limits::MESSAGE_CHARS_MAX);
                self.cut_text(|| format!("{name}.formatted"), entry.formatted, limits::MESSAGE_CHARS_MAX);
            }
        }
    }

    fn cut_crumbs(&mut self, wire: &WireEvent<'_>) {
        for (at, crumb) in wire.breadcrumbs.members.iter().enumerate() {
            let path = |member: &'static str| move || place_in("breadcrumbs", at, member);
            self.cut_text(path("message"), crumb.message, limits::MESSAGE_CHARS_MAX);
            self.cut_bag(path("data"), crumb.data, limits::CRUMB_DATA_BYTES_MAX, usize::MAX);
        }
    }

    fn cut_request(&mut self, request: &WireRequest<'_>) {
        for (path, raw, bytes_max) in [
            ("request.data", request.data, limits::REQUEST_DATA_BYTES_MAX),
            ("request.headers", request.headers, limits::REQUEST_HEADERS_BYTES_MAX),
            ("request.env", request.env, limits::REQUEST_ENV_BYTES_MAX),
            ("request.cookies", request.cookies, limits::REQUEST_COOKIES_BYTES_MAX),
            ("request.query_string", request.query, limits::REQUEST_QUERY_BYTES_MAX),
        ] {
            self.cut_bag(|| path.to_owned(), raw, bytes_max, usize::MAX);
        }
    }

    fn cut_contexts(&mut self, raw: Option<&RawValue>) {
        let Some(raw) = raw.filter(|raw| raw.get().len() > limits::CONTEXT_BYTES_MAX) else { return };
        let contexts: Entries<'_, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        for (name, context) in &contexts.0 {
            let bytes_max = match name.as_ref() {
                "flags" => limits::FLAGS_BYTES_MAX,
                _ => limits::CONTEXT_BYTES_MAX,
            };
            self.cut_bag(|| format!("contexts.{name}"), Some(context), bytes_max, usize::MAX);
        }
    }

    fn write_user(&mut self, sent: Option<&RawValue>, address: &Address) {
        let new_ip = match address {
            Address::AsSent => {
                self.cut_bag(|| "user".to_owned(), sent, limits::USER_BYTES_MAX, usize::MAX);
                return;
            }
            Address::Filled(ip) => format!("\"{ip}\""),
            Address::Removed => "null".to_owned(),
        };
        let Some(sent) = sent.map(RawValue::get) else { return self.append("user", &with_address("", &new_ip)) };
        let bytes_max = limits::USER_BYTES_MAX - ADDRESS_BYTES_MAX;
        if sent.len() <= bytes_max {
            return self.replace(sent, with_address(sent, &new_ip));
        }
        let mut cuts = Vec::new();
        let short = shorten(sent, bytes_max, usize::MAX, &mut cuts);
        for cut in cuts {
            self.note(format!("user.{}", cut.name), cut_words(cut.bytes));
        }
        self.replace(sent, with_address(&short, &new_ip));
    }

    /// Before those that were sent: a page shows the first hundred.
    fn write_notes(&mut self, sent: Option<&RawValue>) {
        if self.notes.is_empty() {
            return;
        }
        if self.more > 0 {
            let reason = format!("{} more values were shortened", self.more);
            self.notes.push(Note { ty: "value_too_long", path: "".into(), reason, value: None });
        }
        let list: Vec<String> = self.notes.iter().map(Note::json).collect();
        let list = list.join(",");
        match sent.map(RawValue::get) {
            None => self.append("errors", &format!("[{list}]")),
            Some(sent) if sent.starts_with('[') => {
                let comma = if sent[1..].trim_start().starts_with(']') { "" } else { "," };
                if let Some((start, _)) = self.place(sent) {
                    self.edits.push(Edit { start: start + 1, end: start + 1, new: format!("{list}{comma}") });
                }
            }
            Some(sent) => self.replace(sent, format!("[{list}]")),
        }
    }

    /// A member more at the end of the event; whatever had its name before counts no longer.
    fn append(&mut self, name: &str, json: &str) {
        let close = self.text.trim_end().len().saturating_sub(1);
        let is_first = self.edits.iter().all(|edit| edit.start != close);
        let is_empty = self.text.trim().trim_start_matches('{').trim_start() == "}";
        let comma = if is_empty && is_first { "" } else { "," };
        self.edits.push(Edit { start: close, end: close, new: format!("{comma}\"{name}\":{json}") });
    }

    fn assemble(mut self) -> Option<Vec<u8>> {
        if self.edits.is_empty() {
            return None;
        }
        // Stable: what is appended stays in its order.
        self.edits.sort_by_key(|edit| edit.start);
        let grown: usize = self.edits.iter().map(|edit| edit.new.len()).sum();
        let mut out = Vec::with_capacity(self.text.len() + grown);
        let mut from = 0;
        for edit in &self.edits {
            // Within something that is replaced as a whole.
            if edit.start < from {
                continue;
            }
            out.extend_from_slice(&self.text.as_bytes()[from..edit.start]);
            out.extend_from_slice(edit.new.as_bytes());
            from = edit.end;
        }
        out.extend_from_slice(&self.text.as_bytes()[from..]);
        Some(out)
    }
}

wire_object! {
    WireMessagePlaces {
        logentry: Option<&'a RawValue> = "logentry" | "sentry.interfaces.Message",
        message: Option<&'a RawValue> = "message",
    }
}

wire_object! {
    WireMessageTexts {
        message: Option<&'a RawValue> = "message",
        formatted: Option<&'a RawValue> = "formatted",
    }
}

/// The user with this address, whatever was sent in its place.
fn with_address(user: &str, new_ip: &str) -> String {
    let members: Entries<'_, &RawValue> = match user.starts_with('{') {
        true => serde_json::from_str(user).unwrap_or_default(),
        false => Entries::default(),
    };
    let mut out = String::with_capacity(user.len() + ADDRESS_BYTES_MAX);
    let mut new_ip = Some(new_ip);
    for (name, value) in &members.0 {
        let json = match name.as_ref() {
            "ip_address" => new_ip.take(),
            _ => Some(value.get()),
        };
        push_member(name, json, &mut out);
    }
    push_member("ip_address", new_ip, &mut out);
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    out
}

fn push_member(name: &str, json: Option<&str>, out: &mut String) {
    let Some(json) = json else { return };
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push_str(&serde_json::to_string(name).unwrap_or_default());
    out.push(':');
    out.push_str(json);
}

impl Note {
    fn json(&self) -> String {
        let text = |text: &str| serde_json::to_string(text).unwrap_or_else(|_| "null".to_owned());
        let mut json = format!("{{\"type\":\"{}\",\"name\":{}", self.ty, text(&self.path));
        if !self.reason.is_empty() {
            json.push_str(&format!(",\"reason\":{}", text(&self.reason)));
        }
        if let Some(value) = &self.value {
            json.push_str(&format!(",\"value\":{value}"));
        }
        json.push('}');
        json
    }
}

/// The objects of a list, whichever of its three shapes it has: what [`crate::sentry::json::Listed`] counts.
fn objects(list: &RawValue) -> Vec<&RawValue> {
    let is_object = |member: &&RawValue| member.get().starts_with('{');
    if let Ok(members) = serde_json::from_str::<Vec<&RawValue>>(list.get()) {
        return members.into_iter().filter(is_object).collect();
    }
    let members: Entries<'_, &RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    match members.get("values") {
        Some(values) => serde_json::from_str::<Vec<&RawValue>>(values.get())
            .unwrap_or_default()
            .into_iter()
            .filter(is_object)
            .collect(),
        None => vec![list],
    }
}

fn place_in(list: &str, at: usize, member: &str) -> String {
    format!("{list}.values.{at}.{member}")
}

fn cut_words(bytes: usize) -> String {
    format!("shortened, {bytes} bytes were sent")
}
