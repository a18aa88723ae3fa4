//! Request bodies: received and decompressed within bounds, whatever the client says about them.
//!
//! Owns the content encodings and the memory that bodies may take. Knows nothing of what is in them.

use std::cell::RefCell;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use memchr::memmem;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{ADMISSION_WAIT_MS, BODIES_IN_MEMORY_BYTES_MAX, BODY_TIMEOUT_S, LARGE_BODY_BYTES};

/// Encodings applied one over the other. HTTP allows any number; nobody sends two, and each is a chance for a bomb.
const ENCODINGS_MAX: usize = 2;
/// A zstd frame may ask for a window of gigabytes before a single byte comes out; 2^23 is 8 MiB, the most RFC 8878
/// recommends decoders to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const PERMIT_BYTES: usize = 1024;
/// How a gzip member begins: two bytes of magic and the one method there is.
const GZIP_MEMBER_START: &[u8] = &[0x1f, 0x8b, 8];
/// The length a gzip body claims is believed up to this many times its own.
const GZIP_PLAUSIBLE_RATIO: usize = 32;
/// Asked of a decoder at a time.
const READ_BYTES: usize = 64 << 10;

#[derive(Debug, Error, PartialEq)]
pub enum BodyError {
    #[error("the request is larger than {limit} bytes (request_bytes_max)")]
    TooLarge { limit: usize },
    #[error("the request expands to more than {limit} bytes (expanded_bytes_max)")]
    ExpandsTooFar { limit: usize },
    #[error("content-encoding \"{0}\" is not supported: use gzip, deflate, br, zstd or none")]
    UnknownEncoding(String),
    #[error("the {encoding} data is damaged: {detail}")]
    Damaged { encoding: &'static str, detail: String },
    #[error("the connection broke off before the whole request was here")]
    BrokenOff,
    #[error("the request came in too slowly")]
    TooSlow,
    #[error("too many large requests at one time")]
    NoRoom,
}

/// Room for bodies in memory, shared by all connections.
#[derive(Clone)]
pub struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_IN_MEMORY_BYTES_MAX / PERMIT_BYTES)))
    }
}

/// A body as received; gives its room back when dropped.
pub struct Received {
    pub bytes: Bytes,
    _room: Vec<OwnedSemaphorePermit>,
}

/// Reads a whole body of at most `limit` bytes.
pub async fn receive(mut body: Incoming, limit: usize, room: &BodyRoom) -> Result<Received, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    let started = Instant::now();
    let mut taken = Vec::new();
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut length = 0;
    loop {
        let allowed = Duration::from_secs(BODY_TIMEOUT_S + (length / 1024) as u64);
        let left = allowed.saturating_sub(started.elapsed());
        let frame = match tokio::time::timeout(left, body.frame()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(BodyError::BrokenOff),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(BodyError::TooLarge { limit });
        }
        taken.push(room.take(data.len()).await?);
        chunks.push(data);
    }
    let bytes = match chunks.len() {
        0 => Bytes::new(),
        1 => chunks.remove(0),
        _ => chunks.concat().into(),
    };
    Ok(Received { bytes, _room: taken })
}

impl BodyRoom {
    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let permits = bytes.div_ceil(PERMIT_BYTES).min(BODIES_IN_MEMORY_BYTES_MAX / PERMIT_BYTES) as u32;
        let waiting = self.0.clone().acquire_many_owned(permits);
        match tokio::time::timeout(Duration::from_millis(ADMISSION_WAIT_MS), waiting).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(BodyError::NoRoom),
        }
    }
}

/// Undoes `Content-Encoding`, giving at most `limit` bytes. CPU work: call it off the async threads.
///
/// `encodings` is the header's text: empty, `identity` and (as some SDKs send) `utf-8` mean none.
pub fn expand(bytes: Bytes, encodings: &str, limit: usize) -> Result<Bytes, BodyError> {
    match expand_up_to(bytes, encodings, limit)? {
        (expanded, false) => Ok(expanded),
        (_, true) => Err(BodyError::ExpandsTooFar { limit }),
    }
}

/// As [`expand`], but what expands too far gives its first `limit` bytes, and true.
pub fn expand_up_to(bytes: Bytes, encodings: &str, limit: usize) -> Result<(Bytes, bool), BodyError> {
    let names: Vec<String> = encodings
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !matches!(name.as_str(), "" | "identity" | "utf-8" | "utf8"))
        .collect();
    if names.len() > ENCODINGS_MAX {
        return Err(BodyError::UnknownEncoding(encodings.chars().take(60).collect()));
    }
    let mut bytes = bytes;
    let mut is_cut = false;
    // The last one named was applied last.
    for name in names.iter().rev() {
        // Half of a compressed text is no text.
        if is_cut {
            return Err(BodyError::ExpandsTooFar { limit });
        }
        let (expanded, is_too_long) = expand_once(&bytes, name, limit)?;
        (bytes, is_cut) = (expanded.into(), is_too_long);
    }
    is_cut |= bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, is_cut))
}

/// At most `limit` bytes, and whether there were more.
fn expand_once(bytes: &[u8], encoding: &str, limit: usize) -> Result<(Vec<u8>, bool), BodyError> {
    match encoding {
        "gzip" | "x-gzip" => match gunzip_whole(bytes, limit) {
            Some(whole) => Ok((whole, false)),
            None => read_within("gzip", flate2::read::MultiGzDecoder::new(bytes), bytes.len(), limit),
        },
        "deflate" => {
            // RFC 9110 says zlib; some clients send the bare stream. The first two bytes tell them apart.
            let is_zlib = bytes.len() >= 2
                && bytes[0] & 0x0f == 8
                && (u16::from(bytes[0]) << 8 | u16::from(bytes[1])).is_multiple_of(31);
            if is_zlib {
                read_within("deflate", flate2::read::ZlibDecoder::new(bytes), bytes.len(), limit)
            } else {
                read_within("deflate", flate2::read::DeflateDecoder::new(bytes), bytes.len(), limit)
            }
        }
        "br" => read_within("br", brotli_decompressor::Decompressor::new(bytes, 16 << 10), bytes.len(), limit),
        "zstd" => {
            let damaged = |error: std::io::Error| BodyError::Damaged { encoding: "zstd", detail: error.to_string() };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(damaged)?;
            read_within("zstd", decoder, bytes.len(), limit)
        }
        other => Err(BodyError::UnknownEncoding(other.chars().take(60).collect())),
    }
}

thread_local! {
    /// Its tables take longer to set up than some bodies take to expand; threads keep theirs.
    static INFLATER: RefCell<libdeflater::Decompressor> = RefCell::new(libdeflater::Decompressor::new());
}

/// What SDKs send: one gzip member that ends with its own length, in half the time a decoder takes that could stop
/// anywhere. `None` for whatever is not exactly that; a decoder that streams then says what it is.
fn gunzip_whole(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (rest, length) = bytes.split_last_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    // The room is taken before the length is known to be true, so a liar gets little. JSON shrinks five- to tenfold.
    let is_plausible = length <= limit && length <= bytes.len().saturating_mul(GZIP_PLAUSIBLE_RATIO);
    // A second member is not looked for by the decoder, which knows no end but its own.
    let has_one_member = memmem::find(rest.get(1..)?, GZIP_MEMBER_START).is_none();
    if !is_plausible || !has_one_member {
        return None;
    }
    let mut out = vec![0; length];
    let written = INFLATER.with_borrow_mut(|inflater| inflater.gzip_decompress(bytes, &mut out)).ok()?;
    (written == length).then_some(out)
}

fn read_within(
    encoding: &'static str,
    mut from: impl Read,
    compressed: usize,
    limit: usize,
) -> Result<(Vec<u8>, bool), BodyError> {
    if compressed == 0 {
        return Err(BodyError::Damaged { encoding, detail: "no data".to_string() });
    }
    // JSON of SDKs shrinks about sixfold.
    let mut out: Vec<u8> = Vec::with_capacity((compressed * 6).clamp(4 << 10, 1 << 20));
    loop {
        // Doubling, as a Vec does by itself; a large body gets all it may take at once, because copying it from place to
        // place would cost it half as much again, and room that is never written to costs nothing.
        if out.len() == out.capacity() {
            let is_large = out.len() >= LARGE_BODY_BYTES;
            let larger = if is_large { limit + 1 } else { (out.capacity() * 2).min(limit + 1) };
            out.reserve_exact(larger.saturating_sub(out.len()));
        }
        let start = out.len();
        out.resize(out.capacity().min(start + READ_BYTES), 0);
        let read = from.read(&mut out[start..]);
        let read = read.map_err(|error| BodyError::Damaged { encoding, detail: error.to_string() })?;
        out.truncate(start + read);
        if out.len() > limit {
            out.truncate(limit);
            return Ok((out, true));
        }
        if read == 0 {
            return Ok((out, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// `hello` by Python's brotli 1.1.
    const BROTLI_HELLO: &[u8] = &[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

    fn expanded(bytes: Vec<u8>, encoding: &str) -> Result<Vec<u8>, BodyError> {
        expand(bytes.into(), encoding, 1 << 20).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn every_encoding_is_undone() {
        assert_eq!(expanded(gzip(b"hello"), "gzip").unwrap(), b"hello");
        assert_eq!(expanded(gzip(b"hello"), " X-GZIP ").unwrap(), b"hello");
        assert_eq!(expanded(zlib(b"hello"), "deflate").unwrap(), b"hello");
        assert_eq!(expanded(raw_deflate(b"hello"), "deflate").unwrap(), b"hello");
        assert_eq!(expanded(BROTLI_HELLO.to_vec(), "br").unwrap(), b"hello");
        assert_eq!(expanded(zstd::bulk::compress(b"hello", 3).unwrap(), "zstd").unwrap(), b"hello");
        for none in ["", "identity", "utf-8", "identity, "] {
            assert_eq!(expanded(b"hello".to_vec(), none).unwrap(), b"hello", "{none}");
        }
        assert_eq!(expanded(gzip(&zlib(b"hello")), "deflate, gzip").unwrap(), b"hello");
    }

    #[test]
    fn what_is_not_known_or_not_whole_is_refused() {
        assert!(matches!(expanded(vec![1], "lzma"), Err(BodyError::UnknownEncoding(_))));
        assert!(matches!(expanded(vec![1], "gzip, gzip, gzip"), Err(BodyError::UnknownEncoding(_))));
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            assert!(matches!(expanded(vec![], encoding), Err(BodyError::Damaged { .. })), "{encoding}");
            assert!(
                matches!(expanded(b"\x01garbage".to_vec(), encoding), Err(BodyError::Damaged { .. })),
                "{encoding}"
            );
        }
        let mut cut = gzip(&[7; 10_000]);
        cut.truncate(cut.len() - 6);
        assert!(matches!(expanded(cut, "gzip"), Err(BodyError::Damaged { .. })));
    }

    /// Everything the fast way does not take, or takes, must come out as if there were only the other.
    #[test]
    fn gzip_in_every_form_gives_what_was_put_in() {
        let twice = [gzip(b"hello "), gzip(b"hello ")].concat();
        assert_eq!(expanded(twice, "gzip").unwrap(), b"hello hello ");
        let different = [gzip(b"hello "), gzip(&[7; 50_000])].concat();
        assert_eq!(expanded(different, "gzip").unwrap().len(), 50_006);
        assert_eq!(expanded(gzip(b""), "gzip").unwrap(), b"");
        // Shrinks a thousandfold, which is not believed before it is seen.
        assert_eq!(expanded(gzip(&[0; 1 << 20]), "gzip").unwrap().len(), 1 << 20);
        let mut with_name = flate2::GzBuilder::new().filename("a").write(Vec::new(), flate2::Compression::best());
        with_name.write_all(b"hello").unwrap();
        assert_eq!(expanded(with_name.finish().unwrap(), "gzip").unwrap(), b"hello");

        let mut wrong_sum = gzip(b"hello");
        let sum = wrong_sum.len() - 8;
        wrong_sum[sum] ^= 1;
        assert!(matches!(expanded(wrong_sum, "gzip"), Err(BodyError::Damaged { .. })));
        let mut wrong_length = gzip(b"hello");
        let length = wrong_length.len() - 4;
        wrong_length[length] += 1;
        assert!(matches!(expanded(wrong_length, "gzip"), Err(BodyError::Damaged { .. })));
        assert!(matches!(expanded(GZIP_MEMBER_START.to_vec(), "gzip"), Err(BodyError::Damaged { .. })));
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeros = vec![0; 8 << 20];
        let bombs =
            [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("zstd", zstd::bulk::compress(&zeros, 3).unwrap())];
        for (encoding, bomb) in bombs {
            assert!(bomb.len() < zeros.len() / 64);
            assert_eq!(expanded(bomb, encoding), Err(BodyError::ExpandsTooFar { limit: 1 << 20 }), "{encoding}");
        }
    }

    proptest! {
        #[test]
        fn both_ways_of_gunzip_agree(data in proptest::collection::vec(0_u8..4, 0..5_000), cut in 0_usize..40) {
            // Half of them whole.
            let mut bytes = gzip(&data);
            bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(20)));
            let streamed = read_within("gzip", flate2::read::MultiGzDecoder::new(&bytes[..]), bytes.len(), 4_000);
            if let Some(whole) = gunzip_whole(&bytes, 4_000) {
                prop_assert_eq!(Ok((whole, false)), streamed);
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), which in 0_usize..4) {
            let _ = expand(bytes.into(), ["gzip", "deflate", "br", "zstd"][which], 1 << 16);
        }
    }
}
