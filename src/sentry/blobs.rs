//! Items that are bytes to keep: attachments, profiles, replays.
//!
//! Knows how SDKs name them and what little has to be read of them; the bytes pass as they are. Attachments belong to
//! the event of the envelope, so they are looked at after everything else.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::decode::{Run, category};
use super::envelope::FramedItem;
use super::event::{ItemError, trace_id};
use super::json::lenient::cut;
use super::json::{Listed, Object, Scalar, read_object, wire_object};
use super::{clock, msgpack};
use crate::config::{
    ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, FILE_NAME_CHARS_MAX, PROFILE_BYTES_MAX, REPLAY_BYTES_MAX, REPLAY_LINKS_MAX,
};
use crate::model::blob::{About, Attachment, Blob, Profile, RefusedAttachment, ReplayKind, ReplayPart, ReplayStory};
use crate::model::decoded::{Incoming, Refusal};
use crate::model::ids::{EventId, TraceId};
use crate::model::outcome::Reason;
use crate::model::quota::DataGroup;

/// The kind of an attachment when the client does not say.
const KIND_DEFAULT: &str = "event.attachment";
pub(super) const KIND_MINIDUMP: &str = "event.minidump";
pub(super) const KIND_PAYLOAD: &str = "event.payload";
pub(super) const KIND_BREADCRUMBS: &str = "event.breadcrumbs";

/// Item types that are kept with the event of their envelope.
pub(super) fn is_attachment(category: &str) -> bool {
    matches!(category, "attachment" | "form_data" | "unreal_report" | "view_hierarchy")
}

/// A file as the client describes it; texts are as sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    pub(super) category: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) bytes: &'a [u8],
}

impl<'a> File<'a> {
    fn of_item(category: &'a str, item: &'a FramedItem<'a>) -> Self {
        let header = &item.header;
        let (name, kind) = match category {
            "form_data" => (Some("form_data.json"), Some("form_data")),
            "unreal_report" => (Some("unreal_report.bin"), Some("unreal_report")),
            "view_hierarchy" => (Some("view-hierarchy.json"), Some("event.view_hierarchy")),
            _ => (None, None),
        };
        Self {
            category,
            name: header.filename.as_deref().or(name),
            content_type: header.content_type.as_deref(),
            kind: header.attachment_type.as_deref().or(kind),
            bytes: item.payload,
        }
    }

    /// What it is, for the event of that id.
    fn describe(&self, event_id: EventId) -> Attachment {
        Attachment {
            event_id,
            name: file_name(self.name.unwrap_or_default()),
            content_type: self.content_type.and_then(content_type),
            kind: kind(self.kind.unwrap_or(KIND_DEFAULT)),
        }
    }
}

impl Run<'_> {
    /// The attachments of an envelope whose other items have been taken.
    pub(super) fn take_attached_items(&mut self, items: &[FramedItem<'_>]) {
        let categories: Vec<String> = items.iter().map(|item| category(&item.header.ty)).collect();
        let named = categories.iter().zip(items).filter(|(category, _)| is_attachment(category));
        let files: Vec<File<'_>> = named.map(|(category, item)| File::of_item(category, item)).collect();
        let has_event =
            categories.iter().any(|category| matches!(category.as_str(), "event" | "transaction" | "feedback"));
        self.take_files(&files, has_event, None);
    }

    /// Files and the event they belong to. Without one, native SDKs send it as a file; a minidump is an event by itself.
    /// `base` is what else is known of that event, as JSON.
    pub(super) fn take_files(&mut self, files: &[File<'_>], has_event: bool, base: Option<Vec<u8>>) {
        let formed_from = if has_event { None } else { self.form_event(files, base) };
        let event_id = self.result.response_id;
        let (mut kept, mut kept_bytes) = (0, 0);
        for (place, file) in files.iter().enumerate().filter(|(place, _)| Some(*place) != formed_from) {
            if let Some(group) = self.unread {
                self.push_orphan(file.category, group);
                continue;
            }
            if self.limits.closed.contains(DataGroup::Attachment) {
                self.refuse_unread_as(file.category.to_owned(), 1);
                continue;
            }
            let Some(event_id) = event_id else {
                self.refuse_blob(
                    file.category,
                    Reason::Invalid,
                    "the envelope has no event_id to keep it with".to_owned(),
                );
                continue;
            };
            let problem = if file.bytes.len() > self.limits.attachment_bytes_max {
                let (bytes, max) = (file.bytes.len(), self.limits.attachment_bytes_max);
                Some(format!("payload of {bytes} bytes exceeds the limit of {max} (attachment_bytes_max)"))
            } else if kept == ATTACHMENTS_MAX {
                Some(format!("more than {ATTACHMENTS_MAX} attachments in one request"))
            } else if kept_bytes + file.bytes.len() > ATTACHMENTS_BYTES_MAX {
                Some(format!("more than {ATTACHMENTS_BYTES_MAX} bytes of attachments in one request"))
            } else {
                None
            };
            let about = file.describe(event_id);
            if let Some(problem) = problem {
                self.refuse_blob(file.category, Reason::TooLarge, problem.clone());
                // A note for the event's reader; more of them than attachments may be kept would say nothing new.
                if place < 2 * ATTACHMENTS_MAX {
                    let bytes = file.bytes.len() as u64;
                    let refused = RefusedAttachment { file: about, bytes, problem };
                    self.push_blob(file.category, About::Refused(refused), Vec::new());
                }
                continue;
            }
            kept += 1;
            kept_bytes += file.bytes.len();
            self.push_blob(file.category, About::Attachment(about), file.bytes.to_vec());
        }
    }

    /// Makes the event out of what there is. Gives back the place of the file that became it and is kept no other way.
    fn form_event(&mut self, files: &[File<'_>], base: Option<Vec<u8>>) -> Option<usize> {
        let payload = files.iter().position(|file| file.kind == Some(KIND_PAYLOAD));
        let has_minidump = files.iter().any(|file| file.kind == Some(KIND_MINIDUMP));
        let sent = payload.and_then(|place| self.payload_as_json(&files[place]));
        let is_read = sent.is_some();
        match sent.or(base) {
            Some(event) if has_minidump => self.take_event(&minidump_event(&event, self.limits.depth_max)),
            None if has_minidump => self.take_event(&minidump_event(b"{}", self.limits.depth_max)),
            Some(event) => self.take_event(&event),
            None => {}
        }
        payload.filter(|_| is_read)
    }

    fn payload_as_json(&mut self, file: &File<'_>) -> Option<Vec<u8>> {
        let max = self.limits.event_bytes_max;
        if file.bytes.len() > max {
            let error = ItemError::TooLarge { bytes: file.bytes.len(), max };
            self.refuse_blob("event", Reason::TooLarge, error.to_string());
            return None;
        }
        if file.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            return Some(file.bytes.to_vec());
        }
        match msgpack::to_json(file.bytes, self.limits.depth_max) {
            Ok(json) => Some(json),
            Err(error) => {
                self.refuse_blob("event", Reason::Invalid, format!("event.payload: {error}"));
                None
            }
        }
    }

    /// `profile` and `profile_chunk`.
    pub(super) fn take_profile(&mut self, category: &str, item: &FramedItem<'_>) {
        let bytes = item.payload.len();
        if bytes > PROFILE_BYTES_MAX {
            let error = ItemError::TooLarge { bytes, max: PROFILE_BYTES_MAX };
            return self.refuse_blob(category, error.reason(), error.to_string());
        }
        let json = match item.header.meta_length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => item.payload.get(..length).unwrap_or(item.payload),
            None => item.payload,
        };
        match self.read_profile(json, category == "profile_chunk") {
            Ok(mut profile) => {
                if profile.platform.is_empty() {
                    profile.platform = item.header.platform.as_deref().map(|name| cut(name, 64)).unwrap_or_default();
                }
                self.push_blob(category, About::Profile(profile), item.payload.to_vec());
            }
            Err(error) => self.refuse_blob(category, error.reason(), error.to_string()),
        }
    }

    fn read_profile(&self, json: &[u8], is_chunk: bool) -> Result<Profile, ItemError> {
        let received_ms = self.received_ms;
        let json_bytes = json.len() as u64;
        // The text itself is kept; a repaired copy of it only served to be read.
        let (profile, _) = read_object(json, self.limits.depth_max, |text| {
            let wire: Object<WireProfile<'_>> = serde_json::from_str(text)?;
            let wire = wire.0.unwrap_or_default();
            let own_id = if is_chunk { &wire.chunk_id } else { &wire.event_id };
            let Some(profile_id) = id(own_id).or_else(|| id(&wire.profile_id)) else {
                let field = if is_chunk { "chunk_id" } else { "event_id" };
                let found = own_id.limited(64).unwrap_or_default();
                return Ok(Err(ItemError::Field { field, found }));
            };
            let first = wire.transactions.members.first();
            let transaction = wire.transaction.get().or(first);
            let samples = wire.profile.get().map(|profile| &profile.samples);
            let (start_ms, end_ms) = span_of(&wire, samples.map(|samples| samples.members.as_slice()), received_ms);
            Ok(Ok(Profile {
                profile_id,
                profiler_id: id(&wire.profiler_id),
                transaction_id: transaction.and_then(|t| id(&t.id)).or_else(|| id(&wire.transaction_id)),
                trace_id: transaction.and_then(|t| trace_id(&t.trace_id)).or_else(|| trace_id(&wire.trace_id)),
                name: transaction
                    .and_then(|t| t.name.limited(200))
                    .or_else(|| wire.transaction_name.limited(200))
                    .unwrap_or_default(),
                platform: wire.platform.limited(64).unwrap_or_default(),
                start_ms,
                end_ms,
                samples: samples.map_or(0, |samples| samples.members.len() as u64 + samples.omitted),
                json_bytes,
            }))
        })?;
        profile
    }

    /// `replay_event`, `replay_recording` and `replay_video`.
    pub(super) fn take_replay(&mut self, category: &str, item: &FramedItem<'_>) {
        let bytes = item.payload.len();
        if bytes > REPLAY_BYTES_MAX {
            let error = ItemError::TooLarge { bytes, max: REPLAY_BYTES_MAX };
            return self.refuse_blob(category, error.reason(), error.to_string());
        }
        let taken = match category {
            "replay_event" => self.take_replay_event(category, item.payload),
            "replay_recording" => self.take_recording(category, item.payload),
            _ => self.take_replay_video(category, item.payload),
        };
        if let Err((reason, problem)) = taken {
            self.refuse_blob(category, reason, problem);
        }
    }

    fn take_replay_event(&mut self, category: &str, payload: &[u8]) -> Result<(), (Reason, String)> {
        let max = self.limits.event_bytes_max;
        if payload.len() > max {
            let error = ItemError::TooLarge { bytes: payload.len(), max };
            return Err((Reason::TooLarge, error.to_string()));
        }
        let (part, body) = read_object(payload, self.limits.depth_max, |text| {
            let wire: Object<WireReplay<'_>> = serde_json::from_str(text)?;
            let wire = wire.0.unwrap_or_default();
            let Some(replay_id) = id(&wire.replay_id).or_else(|| id(&wire.event_id)) else { return Ok(None) };
            Ok(Some(ReplayPart {
                replay_id,
                segment_id: segment(&wire.segment_id),
                kind: ReplayKind::Event,
                story: story(&wire),
            }))
        })
        .map_err(|error| (Reason::Invalid, error.to_string()))?;
        let body = body.into_owned();
        let Some(part) = part else { return Err((Reason::Invalid, "replay_id is missing or invalid".to_owned())) };
        self.replay_id = Some(part.replay_id);
        self.push_blob(category, About::Replay(part), body);
        Ok(())
    }

    fn take_recording(&mut self, category: &str, payload: &[u8]) -> Result<(), (Reason, String)> {
        let Some(line_end) = memchr::memchr(b'\n', payload) else {
            return Err((Reason::Invalid, "no line with the segment_id in front".to_owned()));
        };
        let segment_id = read_object(&payload[..line_end], self.limits.depth_max, |text| {
            let wire: Object<WireReplay<'_>> = serde_json::from_str(text)?;
            Ok(segment(&wire.0.unwrap_or_default().segment_id))
        });
        let (segment_id, _) = segment_id.map_err(|error| (Reason::Invalid, format!("first line: {error}")))?;
        // The envelope's id is the replay's; with a video the event in it says so as well.
        let Some(replay_id) = self.replay_id.or(self.result.header.event_id) else {
            return Err((Reason::Invalid, "the envelope does not name the replay".to_owned()));
        };
        let story = ReplayStory::default();
        let part = ReplayPart { replay_id, segment_id, kind: ReplayKind::Recording, story };
        self.push_blob(category, About::Replay(part), payload[line_end + 1..].to_vec());
        Ok(())
    }

    /// All three in one map.
    fn take_replay_video(&mut self, category: &str, payload: &[u8]) -> Result<(), (Reason, String)> {
        let members = msgpack::byte_members(payload).map_err(|error| (Reason::Invalid, error.to_string()))?;
        let member = |name: &str| members.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, bytes)| *bytes);
        let Some(event) = member("replay_event") else {
            return Err((Reason::Invalid, "no replay_event in the map".to_owned()));
        };
        self.take_replay_event("replay_event", event)?;
        let about = self.result.decoded.items.last().and_then(|item| match item {
            Incoming::Blob(blob) => Some(&blob.about),
            _ => None,
        });
        let Some(About::Replay(ReplayPart { replay_id, segment_id, .. })) = about else { return Ok(()) };
        let (replay_id, segment_id) = (*replay_id, *segment_id);
        if let Some(recording) = member("replay_recording") {
            self.take_recording("replay_recording", recording)?;
        }
        if let Some(video) = member("replay_video") {
            let story = ReplayStory::default();
            let part = ReplayPart { replay_id, segment_id, kind: ReplayKind::Video, story };
            self.push_blob(category, About::Replay(part), video.to_vec());
        }
        Ok(())
    }

    fn push_blob(&mut self, category: &str, about: About, bytes: Vec<u8>) {
        let blob = Blob { category: category.to_owned(), about, bytes };
        self.result.decoded.items.push(Incoming::Blob(Box::new(blob)));
    }

    pub(super) fn refuse_blob(&mut self, category: &str, reason: Reason, detail: String) {
        self.result.decoded.refused.push(Refusal { category: category.to_owned(), reason, detail, quantity: 1 });
    }
}

wire_object! {
    /// A profile of one transaction (version 1) or a chunk of a running one (version 2).
    WireProfile {
        event_id: Scalar<'a> = "event_id",
        profile_id: Scalar<'a> = "profile_id",
        chunk_id: Scalar<'a> = "chunk_id",
        profiler_id: Scalar<'a> = "profiler_id",
        platform: Scalar<'a> = "platform",
        timestamp: Scalar<'a> = "timestamp",
        transaction: Object<WireProfiled<'a>> = "transaction",
        transactions: Listed<WireProfiled<'a>, 1, 0> = "transactions",
        // Android's older shape.
        transaction_id: Scalar<'a> = "transaction_id",
        transaction_name: Scalar<'a> = "transaction_name",
        trace_id: Scalar<'a> = "trace_id",
        duration_ns: Scalar<'a> = "duration_ns",
        profile: Object<WireSamples<'a>> = "profile",
    }
}

wire_object! {
    WireProfiled {
        id: Scalar<'a> = "id",
        trace_id: Scalar<'a> = "trace_id",
        name: Scalar<'a> = "name",
        relative_end_ns: Scalar<'a> = "relative_end_ns",
    }
}

wire_object! {
    /// Only counted; the first and the last say how long it took.
    WireSamples {
        samples: Listed<WireSample<'a>, 1, 1> = "samples",
    }
}

wire_object! {
    WireSample {
        elapsed_since_start_ns: Scalar<'a> = "elapsed_since_start_ns",
        timestamp: Scalar<'a> = "timestamp",
    }
}

wire_object! {
    WireReplay {
        event_id: Scalar<'a> = "event_id",
        replay_id: Scalar<'a> = "replay_id",
        segment_id: Scalar<'a> = "segment_id",
        timestamp: Scalar<'a> = "timestamp",
        replay_start_timestamp: Scalar<'a> = "replay_start_timestamp",
        platform: Scalar<'a> = "platform",
        environment: Scalar<'a> = "environment",
        release: Scalar<'a> = "release",
        urls: Option<&'a RawValue> = "urls",
        trace_ids: Option<&'a RawValue> = "trace_ids",
        error_ids: Option<&'a RawValue> = "error_ids",
    }
}

/// Start and end in unix milliseconds.
fn span_of(wire: &WireProfile<'_>, samples: Option<&[WireSample<'_>]>, received_ms: i64) -> (i64, i64) {
    let ms = |time: &Scalar<'_>| clock::time_ns(time).map(|ns| ns.div_euclid(1_000_000));
    let first = samples.and_then(<[_]>::first);
    let last = samples.and_then(<[_]>::last);
    // A chunk's samples carry the time of day.
    if let (Some(start), Some(end)) = (first.and_then(|s| ms(&s.timestamp)), last.and_then(|s| ms(&s.timestamp))) {
        return (start, end.max(start));
    }
    let start = ms(&wire.timestamp).unwrap_or(received_ms);
    let ends = wire.transactions.members.first().and_then(|t| t.relative_end_ns.unsigned());
    let elapsed_ns = last
        .and_then(|sample| sample.elapsed_since_start_ns.unsigned())
        .or(ends)
        .or_else(|| wire.duration_ns.unsigned())
        .unwrap_or(0);
    let elapsed_ms = i64::try_from(elapsed_ns / 1_000_000).unwrap_or(0);
    (start, start.saturating_add(elapsed_ms))
}

fn story(wire: &WireReplay<'_>) -> ReplayStory {
    let ms = |time: &Scalar<'_>| clock::time_ns(time).map(|ns| ns.div_euclid(1_000_000));
    let mut trace_ids: Vec<TraceId> =
        texts(wire.trace_ids).iter().filter_map(|text| TraceId::parse(text)).filter(|id| !id.is_zero()).collect();
    let mut error_ids: Vec<EventId> =
        texts(wire.error_ids).iter().filter_map(|text| EventId::parse(text)).filter(|id| !id.is_zero()).collect();
    trace_ids.dedup();
    error_ids.dedup();
    ReplayStory {
        start_ms: ms(&wire.replay_start_timestamp),
        end_ms: ms(&wire.timestamp),
        // Without what may hold a token; the body is scrubbed, this is not.
        url: texts(wire.urls).first().and_then(|url| url.split(['?', '#']).next()).map(|url| cut(url, 500)),
        platform: wire.platform.limited(64),
        environment: wire.environment.limited(64),
        release: wire.release.limited(200),
        trace_ids,
        error_ids,
    }
}

/// The texts of a list. Members of other types are left out; pairs of time and trace (Sentry's newer form) give the
/// trace.
fn texts(sent: Option<&RawValue>) -> Vec<String> {
    let Some(sent) = sent else { return Vec::new() };
    let Ok(members) = serde_json::from_str::<Vec<&RawValue>>(sent.get()) else { return Vec::new() };
    let text = |member: &&RawValue| match serde_json::from_str::<Scalar<'_>>(member.get()) {
        Ok(Scalar::Text(text)) => Some(text.into_owned()),
        Ok(Scalar::Absent) => {
            let pair: Vec<Scalar<'_>> = serde_json::from_str(member.get()).ok()?;
            pair.last()?.as_str().map(str::to_owned)
        }
        _ => None,
    };
    members.iter().take(REPLAY_LINKS_MAX).filter_map(text).collect()
}

fn segment(sent: &Scalar<'_>) -> u32 {
    sent.unsigned().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

fn id(sent: &Scalar<'_>) -> Option<EventId> {
    sent.as_str().and_then(EventId::parse).filter(|id| !id.is_zero())
}

/// The event of a crash dump: what is known of it (JSON), and that it crashed.
fn minidump_event(known: &[u8], depth_max: usize) -> Vec<u8> {
    const EXCEPTION: &str =
        r#"{"values":[{"type":"Minidump","value":"","mechanism":{"type":"minidump","handled":false}}]}"#;
    let made = read_object(known, depth_max, |text| {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
        let mut out = BTreeMap::new();
        for (name, json) in [("level", r#""fatal""#), ("platform", r#""native""#), ("exception", EXCEPTION)] {
            out.insert(name.to_owned(), RawValue::from_string(json.to_owned())?);
        }
        let is_null = |member: &RawValue| member.get() == "null";
        out.extend(members.into_iter().filter(|(_, member)| !is_null(member)));
        serde_json::to_string(&out)
    });
    match made {
        Ok((event, _)) => event.into_bytes(),
        // What cannot be read costs what it said, not the dump.
        Err(_) => format!(r#"{{"level":"fatal","platform":"native","exception":{EXCEPTION}}}"#).into_bytes(),
    }
}

/// The last component, without control characters and what turns text around; never empty, the ending survives a cut.
pub(super) fn file_name(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let is_hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let plain: String = last.chars().filter(|c| !c.is_control() && !is_hidden(*c)).collect();
    let plain = plain.trim();
    if plain.trim_matches('.').is_empty() {
        return "attachment".to_owned();
    }
    let length = plain.chars().count();
    if length <= FILE_NAME_CHARS_MAX {
        return plain.to_owned();
    }
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = if ending.chars().count() <= 16 { format!(".{ending}") } else { String::new() };
    let kept = FILE_NAME_CHARS_MAX - ending.chars().count() - 1;
    plain.chars().take(kept).chain(['…']).chain(ending.chars()).collect()
}

/// A MIME type as RFC 9110 writes it, in lower case and without parameters; `None` for anything else.
fn content_type(sent: &str) -> Option<String> {
    let plain = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (ty, subtype) = plain.split_once('/')?;
    let is_token =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    (plain.len() <= 127 && is_token(ty) && is_token(subtype)).then_some(plain)
}

/// A plain word, bounded: strangers choose it.
fn kind(sent: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let kept: String = sent.chars().take(64).map(plain).collect();
    if kept.is_empty() { KIND_DEFAULT.to_owned() } else { kept }
}

#[cfg(test)]
mod tests;
