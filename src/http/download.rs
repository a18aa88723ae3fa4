//! Strangers' bytes as answers: streamed from the store, and never run by a browser as ours.
//!
//! Everything is a download of unknown type, unless it is asked for inline and its first bytes say that it is a raster
//! image or text. HTML and SVG are text.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use crate::store::Store;

use super::respond::{self, Body, set};

/// What a browser may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Save it, whatever it is.
    Download,
    /// Show it as what it was found to be.
    Inline(&'static str),
}

/// Bytes of the beginning that [`sniff`] wants.
pub(super) const SNIFF_BYTES: usize = 4 << 10;

/// A raster image, text, or neither: by the first bytes alone, because names and types are chosen by the sender.
pub(super) fn sniff(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ if is_text(head) => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

/// UTF-8 without NUL; the last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() >= SNIFF_BYTES,
    };
    valid && !head.contains(&0)
}

/// The first `length` bytes of a blob, a chunk at a time.
pub(super) fn stream_blob(store: &Store, blob_id: i64, length: u64, name: &str, shown: Shown) -> Response<Body> {
    let (to_client, chunks) = mpsc::channel(1);
    let store = store.clone();
    tokio::spawn(async move {
        let mut left = usize::try_from(length).unwrap_or(usize::MAX);
        let mut seq = 0;
        while left > 0 {
            let mut chunk = match store.blob_chunk(blob_id, seq).await {
                Ok(Some(chunk)) => chunk,
                // The answer ends short of its length, which every client notices.
                Ok(None) => return tracing::error!(blob_id, seq, "a chunk of a stored blob is missing"),
                Err(error) => return tracing::error!(%error, blob_id, seq, "a stored blob cannot be read"),
            };
            chunk.truncate(left);
            left -= chunk.len();
            seq += 1;
            if to_client.send(Bytes::from(chunk)).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(ChunkBody(chunks).boxed_unsync());
    harden(&mut response, name, shown);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// An answer whose pieces are made while it is sent.
pub(super) fn stream(chunks: mpsc::Receiver<Bytes>, name: &str, shown: Shown) -> Response<Body> {
    let mut response = Response::new(ChunkBody(chunks).boxed_unsync());
    harden(&mut response, name, shown);
    response
}

/// The headers that make a stranger's file harmless.
fn harden(response: &mut Response<Body>, name: &str, shown: Shown) {
    let (kind, content_type) = match shown {
        Shown::Download => ("attachment", "application/octet-stream"),
        Shown::Inline(content_type) => ("inline", content_type),
    };
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    if let Ok(disposition) = HeaderValue::from_str(&format!("{kind}; {}", file_name_parameters(name))) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    set(headers, "content-type", content_type);
    set(headers, "content-security-policy", "sandbox; default-src 'none'");
    set(headers, "cross-origin-resource-policy", "same-origin");
    set(headers, "cache-control", "no-store");
    respond::secure(headers);
}

/// RFC 6266: the name in ASCII for old clients, and as it is, encoded as RFC 5987 says.
fn file_name_parameters(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || " ._-()+@".contains(c) { c } else { '_' };
    let mut text = format!("filename=\"{}\"; filename*=UTF-8''", name.chars().map(plain).collect::<String>());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

pub(super) struct ChunkBody(pub(super) mpsc::Receiver<Bytes>);

impl HttpBody for ChunkBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raster_images_and_text_are_shown() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(sniff(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(sniff(b"GIF89a"), Some("image/gif"));
        assert_eq!(sniff(b"RIFF....WEBPVP8 "), Some("image/webp"));
        for text in
            [&b"<html><script>"[..], b"<svg xmlns=\"http://www.w3.org/2000/svg\">", b"a,b\n", "ä".as_bytes(), b""]
        {
            assert_eq!(sniff(text), Some("text/plain; charset=utf-8"));
        }
        for other in [&b"\0\x01"[..], b"MDMP\x93\xa7\0\0", b"\xff\xfe<\0", b"cut \xc3"] {
            assert_eq!(sniff(other), None, "{other:?}");
        }
        assert!(is_text(&[b"a".repeat(SNIFF_BYTES - 1), b"\xc3".to_vec()].concat()));
    }

    #[test]
    fn names_cannot_leave_their_header() {
        assert_eq!(file_name_parameters("a b.txt"), "filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt");
        let hostile = file_name_parameters("\"; x=\"\r\nö%.html");
        assert_eq!(hostile, "filename=\"__ x______.html\"; filename*=UTF-8''%22%3B%20x%3D%22%0D%0A%C3%B6%25.html");
    }
}
