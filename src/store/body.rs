//! Bodies at rest: what a stored blob is compressed with, and back.
//!
//! Knows how, not with which dictionary: that is decided in [`super::bodies`].

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, SafeResult, compress_bound, get_error_name};

use crate::config::BODY_ZSTD_LEVEL;

use super::StoreError;

/// Written beside every body, so that old ones stay readable whatever comes later.
pub(super) const CODEC_ZSTD: i64 = 1;

/// From here up a codec is the id of the dictionary a body was compressed with.
pub(super) const DICTIONARY_ID_MIN: i64 = 16;

/// Far above any limit on the way in; only a damaged length gets here.
const EXPANDED_BYTES_MAX: usize = 1 << 30;

/// Room for compressing that a thread keeps, in bytes: that of any event of an SDK.
const KEPT_ROOM_BYTES_MAX: usize = 256 << 10;

/// A body ready to be stored.
#[derive(Clone, Debug)]
pub struct CompressedBody {
    pub(super) bytes: Vec<u8>,
    pub(super) expanded_bytes: usize,
    pub(super) codec: i64,
}

impl CompressedBody {
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
    }
}

/// A dictionary made ready for compressing, once for all threads.
pub(super) struct Packer {
    pub(super) id: i64,
    prepared: CDict<'static>,
}

/// A dictionary made ready for expanding, once for all threads.
pub(super) struct Expander(DDict<'static>);

impl Packer {
    /// `None` when zstd does not take `content` for a dictionary.
    pub(super) fn new(id: i64, content: &[u8], level: i32) -> Option<Self> {
        CDict::try_create(content, level).map(|prepared| Self { id, prepared })
    }

    /// Bytes of memory, the content included.
    pub(super) fn memory(&self) -> usize {
        self.prepared.sizeof()
    }
}

impl Expander {
    pub(super) fn new(content: &[u8]) -> Option<Self> {
        DDict::try_create(content).map(Self)
    }

    pub(super) fn memory(&self) -> usize {
        self.0.sizeof()
    }
}

thread_local! {
    /// Setting up a context costs about as much as compressing an event; threads keep theirs, and what it writes into.
    static PACKING: RefCell<Option<(CCtx<'static>, Vec<u8>)>> = const { RefCell::new(None) };
    static EXPANDING: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compresses without a dictionary; the caller's thread does the work, so that the writer's does not.
pub fn compress(body: &[u8]) -> CompressedBody {
    compress_with(None, body)
}

pub(super) fn compress_with(packer: Option<&Packer>, body: &[u8]) -> CompressedBody {
    let bytes = PACKING.with_borrow_mut(|kept| {
        let (context, room) = kept.get_or_insert_with(|| (CCtx::create(), Vec::new()));
        room.clear();
        room.reserve(compress_bound(body.len()));
        let written = match packer {
            Some(packer) => context.compress_using_cdict(room, body, &packer.prepared),
            None => context.compress(room, body, BODY_ZSTD_LEVEL),
        };
        written.map_err(get_error_name).expect("the room is as large as zstd says it must be");
        // Waiting bodies are weighed by their bytes, not by the five times larger room they were written into.
        let bytes = room.to_vec();
        if room.capacity() > KEPT_ROOM_BYTES_MAX {
            *room = Vec::new();
        }
        bytes
    });
    CompressedBody { bytes, expanded_bytes: body.len(), codec: packer.map_or(CODEC_ZSTD, |packer| packer.id) }
}

pub(super) fn expand(codec: i64, body: &[u8]) -> Result<Vec<u8>, StoreError> {
    if codec != CODEC_ZSTD {
        return Err(StoreError::BadBody(format!("unknown codec {codec}")));
    }
    expand_by(body, |context, out| context.decompress(out, body))
}

pub(super) fn expand_with(expander: &Expander, body: &[u8]) -> Result<Vec<u8>, StoreError> {
    expand_by(body, |context, out| context.decompress_using_ddict(out, body, &expander.0))
}

fn expand_by(
    body: &[u8],
    work: impl FnOnce(&mut DCtx<'static>, &mut Vec<u8>) -> SafeResult,
) -> Result<Vec<u8>, StoreError> {
    let size = zstd::zstd_safe::get_frame_content_size(body)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= EXPANDED_BYTES_MAX)
        .ok_or_else(|| StoreError::BadBody("no length".to_string()))?;
    let mut out = Vec::with_capacity(size);
    EXPANDING
        .with_borrow_mut(|kept| work(kept.get_or_insert_with(DCtx::create), &mut out))
        .map_err(|code| StoreError::BadBody(get_error_name(code).to_string()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back() {
        for body in [&b""[..], b"{}", &[7; 100_000]] {
            let kept = compress(body);
            assert_eq!(expand(kept.codec, &kept.bytes).unwrap(), body);
        }
    }

    #[test]
    fn bodies_come_back_with_the_dictionary_they_name() {
        let content = br#"{"exception":{"values":[{"type":"KeyError","value":"'cart'"}]},"platform":"python"}"#;
        let packer = Packer::new(20, content, 1).unwrap();
        let expander = Expander::new(content).unwrap();
        for body in [&b""[..], b"{}", content, br#"{"exception":{"values":[{"type":"ValueError","value":"x"}]}}"#] {
            let kept = compress_with(Some(&packer), body);
            assert_eq!(kept.codec, 20);
            assert_eq!(expand_with(&expander, &kept.bytes).unwrap(), body);
            // Contexts are shared by both ways.
            assert_eq!(expand(CODEC_ZSTD, &compress(body).bytes).unwrap(), body);
        }
        assert!(compress_with(Some(&packer), content).bytes.len() < compress(content).bytes.len() / 2);
    }

    #[test]
    fn damaged_bodies_are_errors() {
        let mut kept = compress(b"some text that is long enough").bytes;
        kept.truncate(kept.len() / 2);
        assert!(expand(CODEC_ZSTD, &kept).is_err());
        assert!(expand(9, &kept).is_err());
    }
}
