//! Bytes that are kept as they came: attachments, profiles, session replays. What is known of each, apart from the bytes.
//!
//! Knows neither how an SDK sends them nor how they are kept. Nothing in here has looked into the bytes for secrets.

use crate::model::ids::{EventId, TraceId};

/// Bytes, and what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// The heading they are counted under: the item type, `attachment`, `profile`, …
    pub category: String,
    pub about: About,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum About {
    Attachment(Attachment),
    /// An attachment that was not kept: a note for whoever looks at the event. Has no bytes and is counted as a refusal.
    Refused(RefusedAttachment),
    Profile(Profile),
    Replay(ReplayPart),
}

/// A file sent with an event, before it or after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub event_id: EventId,
    /// Without path or control characters, never empty.
    pub name: String,
    pub content_type: Option<String>,
    /// In Sentry's words: `event.attachment`, `event.minidump`, …
    pub kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAttachment {
    pub file: Attachment,
    pub bytes: u64,
    /// For people: which limit, and what it is.
    pub problem: String,
}

/// What a program did, sampled many times a second: all of a transaction, or a stretch of a running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The profile's own id, or the chunk's.
    pub profile_id: EventId,
    /// Of the profiler that sends chunks as long as its process lives.
    pub profiler_id: Option<EventId>,
    /// The transaction it came with.
    pub transaction_id: Option<EventId>,
    pub trace_id: Option<TraceId>,
    /// Name of the transaction.
    pub name: String,
    pub platform: String,
    pub start_ms: i64,
    pub end_ms: i64,
    pub samples: u64,
    /// Bytes of JSON at the beginning; what follows is of another format (Android).
    pub json_bytes: u64,
}

/// One of the three things a segment of a replay consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayPart {
    pub replay_id: EventId,
    pub segment_id: u32,
    pub kind: ReplayKind,
    /// Only from the part that says what happened; empty otherwise.
    pub story: ReplayStory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayKind {
    /// JSON: when, where, which errors and traces.
    Event,
    /// What the page looked like, as rrweb writes it.
    Recording,
    /// The same as a film (mobile).
    Video,
}

impl ReplayKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Recording => "recording",
            Self::Video => "video",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Event, Self::Recording, Self::Video].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What the event of a segment tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayStory {
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    /// The first page.
    pub url: Option<String>,
    pub platform: Option<String>,
    pub environment: Option<String>,
    pub release: Option<String>,
    pub trace_ids: Vec<TraceId>,
    pub error_ids: Vec<EventId>,
}
