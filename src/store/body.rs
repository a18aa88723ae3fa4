//! Bodies at rest: what a stored blob is compressed with, and back.

use std::cell::RefCell;

use zstd::bulk::Compressor;

use crate::config::BODY_ZSTD_LEVEL;

use super::StoreError;

/// Written beside every body, so that old ones stay readable whatever comes later.
pub(super) const CODEC_ZSTD: i64 = 1;

/// Far above any limit on the way in; only a damaged length gets here.
const EXPANDED_BYTES_MAX: usize = 1 << 30;

/// Room for compressing that a thread keeps, in bytes: that of any event of an SDK.
const KEPT_ROOM_BYTES_MAX: usize = 256 << 10;

/// A body ready to be stored.
#[derive(Clone, Debug)]
pub struct CompressedBody {
    pub(super) bytes: Vec<u8>,
    pub(super) expanded_bytes: usize,
}

impl CompressedBody {
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
    }
}

thread_local! {
    /// Setting up a compressor costs about as much as compressing an event; threads keep theirs, and what it writes into.
    static COMPRESSOR: RefCell<Option<(Compressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
}

/// Compresses; the caller's thread does the work, so that the writer's does not.
pub fn compress(body: &[u8]) -> CompressedBody {
    let bytes = COMPRESSOR.with_borrow_mut(|kept| {
        let (compressor, room) = kept.get_or_insert_with(|| {
            let compressor = Compressor::new(BODY_ZSTD_LEVEL);
            (compressor.expect("a compressor without a dictionary has nothing to fail on"), Vec::new())
        });
        room.clear();
        room.reserve(zstd::zstd_safe::compress_bound(body.len()));
        compressor.compress_to_buffer(body, room).expect("the room is as large as zstd says it must be");
        // Waiting bodies are weighed by their bytes, not by the five times larger room they were written into.
        let bytes = room.to_vec();
        if room.capacity() > KEPT_ROOM_BYTES_MAX {
            *room = Vec::new();
        }
        bytes
    });
    CompressedBody { bytes, expanded_bytes: body.len() }
}

pub(super) fn expand(codec: i64, body: &[u8]) -> Result<Vec<u8>, StoreError> {
    if codec != CODEC_ZSTD {
        return Err(StoreError::BadBody(format!("unknown codec {codec}")));
    }
    let size = zstd::zstd_safe::get_frame_content_size(body)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= EXPANDED_BYTES_MAX)
        .ok_or_else(|| StoreError::BadBody("no length".to_string()))?;
    zstd::bulk::decompress(body, size).map_err(|error| StoreError::BadBody(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back() {
        for body in [&b""[..], b"{}", &[7; 100_000]] {
            let kept = compress(body);
            assert_eq!(expand(CODEC_ZSTD, &kept.bytes).unwrap(), body);
        }
    }

    #[test]
    fn damaged_bodies_are_errors() {
        let mut kept = compress(b"some text that is long enough").bytes;
        kept.truncate(kept.len() / 2);
        assert!(expand(CODEC_ZSTD, &kept).is_err());
        assert!(expand(9, &kept).is_err());
    }
}
