//! Bytes to keep, made ready: hashed, named, cut and compressed.
//!
//! They are kept as they came: scrubbing has no business in somebody's file. The event of a replay is JSON of an
//! event's shape and is scrubbed like one.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

use crate::model::blob::{About, Blob, ReplayKind};
use crate::model::project::Project;
use crate::scrub::{self, scrub_event};
use crate::store::{BlobWrite, pack_blob};

pub(super) fn prepare_blob(project: &Project, blob: Blob, rules: &scrub::Rules, received_ms: i64) -> BlobWrite {
    let Blob { category, about, bytes } = blob;
    let is_event = matches!(&about, About::Replay(part) if part.kind == ReplayKind::Event);
    let bytes = if is_event { scrub_event(&bytes, rules).into_owned() } else { bytes };
    let sha1: [u8; 20] = Sha1::digest(&bytes).into();
    let mut key = Sha1::new();
    key.update(identity(project, &about));
    key.update(sha1);
    BlobWrite {
        project_id: project.id,
        received_ms,
        category,
        sha1,
        key: key.finalize().into(),
        body: pack_blob(&bytes),
        about,
    }
}

/// What it is called, so that the same bytes of two events are two things that can be deleted apart.
fn identity(project: &Project, about: &About) -> String {
    let mut text = format!("{} ", project.id);
    // Writing to a text cannot fail.
    let _ = match about {
        About::Attachment(file) => write!(text, "attachment {} {} {}", file.event_id, file.kind, file.name),
        About::Refused(refused) => write!(text, "refused {} {}", refused.file.event_id, refused.file.name),
        About::Profile(profile) => write!(text, "profile {}", profile.profile_id),
        About::Replay(part) => {
            write!(text, "replay {} {} {}", part.replay_id, part.segment_id, part.kind.as_str())
        }
    };
    text
}
