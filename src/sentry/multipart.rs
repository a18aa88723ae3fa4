//! `multipart/form-data` (RFC 7578) over a body that is here as a whole.
//!
//! Finds parts and their names. Knows nothing of what they mean. A crate would want a stream and an async runtime;
//! crash reporters write three headers and a boundary.

use std::borrow::Cow;

use memchr::memmem;
use thiserror::Error;

/// One field or file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: Cow<'a, str>,
    /// A file when it is there.
    pub(super) file_name: Option<Cow<'a, str>>,
    pub(super) content_type: Option<Cow<'a, str>>,
    pub(super) bytes: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum MultipartError {
    #[error("the content type is not multipart/form-data with a boundary")]
    NotMultipart,
    #[error("the boundary of the content type is nowhere in the body")]
    NoBoundary,
    #[error("a part has no end: the body was cut short")]
    Unended,
    #[error("more than {max} parts")]
    TooMany { max: usize },
}

/// Headers of one part that are looked at, in bytes; crash reporters write 200.
const PART_HEADERS_BYTES_MAX: usize = 8 << 10;
/// RFC 2046 allows 70 characters; some clients write more.
const BOUNDARY_BYTES_MAX: usize = 256;

/// The parts before the first fault, and the fault.
pub(super) fn split<'a>(
    body: &'a [u8],
    content_type: &str,
    parts_max: usize,
) -> Result<(Vec<Part<'a>>, Option<MultipartError>), MultipartError> {
    let boundary = boundary(content_type).ok_or(MultipartError::NotMultipart)?;
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(between.as_bytes());
    let mut rest = if body.starts_with(first.as_bytes()) {
        &body[first.len()..]
    } else {
        let start = finder.find(body).ok_or(MultipartError::NoBoundary)?;
        &body[start + between.len()..]
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok((parts, None));
        }
        let Some(end) = finder.find(rest) else { return Ok((parts, Some(MultipartError::Unended))) };
        if parts.len() == parts_max {
            return Ok((parts, Some(MultipartError::TooMany { max: parts_max })));
        }
        parts.extend(read_part(&rest[..end]));
        rest = &rest[end + between.len()..];
    }
}

/// `None` when the content type is another or has no boundary.
fn boundary(content_type: &str) -> Option<Cow<'_, str>> {
    let kind = content_type.split(';').next()?.trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") && !kind.eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    parameter(content_type, "boundary").filter(|text| !text.is_empty() && text.len() <= BOUNDARY_BYTES_MAX)
}

/// From behind the boundary to the next one; a part without headers is none.
fn read_part(part: &[u8]) -> Option<Part<'_>> {
    // Blanks may pad the boundary's line.
    let line_end = memchr::memchr(b'\n', part)?;
    let part = &part[line_end + 1..];
    let (headers, bytes) = match part.strip_prefix(b"\r\n") {
        Some(bytes) => (&[][..], bytes),
        None => {
            let end = memmem::find(&part[..part.len().min(PART_HEADERS_BYTES_MAX)], b"\r\n\r\n")?;
            (&part[..end], &part[end + 4..])
        }
    };
    let mut found = Part { bytes, ..Part::default() };
    for line in headers.split(|byte| *byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let value = match String::from_utf8_lossy(&line[colon + 1..]) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        if line[..colon].eq_ignore_ascii_case(b"content-disposition") {
            found.name = parameter(&value, "name").map(|name| Cow::Owned(name.into_owned())).unwrap_or_default();
            found.file_name = parameter(&value, "filename").map(|name| Cow::Owned(name.into_owned()));
        } else if line[..colon].eq_ignore_ascii_case(b"content-type") {
            found.content_type = Some(value);
        }
    }
    Some(found)
}

/// `name=value` or `name="value"` after a semicolon. Browsers write `%22` for a quote in a file name, others `\"`.
fn parameter<'t>(header: &'t str, wanted: &str) -> Option<Cow<'t, str>> {
    let mut rest = &header[header.find(';')? + 1..];
    loop {
        let equals = rest.find('=')?;
        let name = rest[..equals].trim().trim_start_matches(';').trim();
        let value = rest[equals + 1..].trim_start();
        let (found, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (Cow::Borrowed(value[..end].trim()), &value[end..])
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = after;
    }
}

/// A text up to the closing quote, and what follows it. A backslash before anything but a quote is a Windows path.
fn unquote(text: &str) -> (Cow<'_, str>, &str) {
    let mut unescaped = String::new();
    let mut rest = text;
    loop {
        let Some(quote) = rest.find('"') else { return (Cow::Owned(unescaped + rest), "") };
        let after = &rest[quote + 1..];
        match rest[..quote].strip_suffix('\\') {
            // `"C:\"` at the end is a path, `\"` within is a quote.
            Some(before) if after.contains('"') => {
                unescaped.push_str(before);
                unescaped.push('"');
                rest = after;
            }
            _ if unescaped.is_empty() => return (Cow::Borrowed(&rest[..quote]), after),
            _ => return (Cow::Owned(unescaped + &rest[..quote]), after),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x y\"";

    fn parts(body: &str) -> Vec<(String, Option<String>, String)> {
        let (parts, fault) = split(body.as_bytes(), TYPE, 10).expect("multipart");
        assert_eq!(fault, None, "{body}");
        let text = |part: Part<'_>| {
            (
                part.name.into_owned(),
                part.file_name.map(Cow::into_owned),
                String::from_utf8_lossy(part.bytes).into_owned(),
            )
        };
        parts.into_iter().map(text).collect()
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = "preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"sentry\"\r\n\r\n{}\r\n--x y  \r\n\
                    content-disposition: form-data; name=up; filename=\"C:\\dumps\\a.dmp\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\nMDMP\r\n\r\n--x y--\r\nepilogue";
        assert_eq!(
            parts(body),
            [
                ("sentry".to_owned(), None, "{}".to_owned()),
                ("up".to_owned(), Some("C:\\dumps\\a.dmp".to_owned()), "MDMP\r\n".to_owned()),
            ]
        );
    }

    #[test]
    fn quotes_within_names_are_undone_and_semicolons_stay() {
        let body =
            "--x y\r\nContent-Disposition: form-data; filename=\"a\\\"b;c=d.txt\"; name=\"n\"\r\n\r\n\r\n--x y--";
        assert_eq!(parts(body), [("n".to_owned(), Some("a\"b;c=d.txt".to_owned()), String::new())]);
    }

    #[test]
    fn what_is_not_multipart_says_so() {
        for ty in ["application/json", "multipart/form-data", "multipart/form-data; boundary=", ""] {
            assert_eq!(split(b"--x\r\n", ty, 10), Err(MultipartError::NotMultipart), "{ty}");
        }
        assert_eq!(split(b"nothing", TYPE, 10), Err(MultipartError::NoBoundary));
    }

    #[test]
    fn parts_before_a_fault_are_kept() {
        let part = "\r\n\r\na\r\n--x y";
        let body = format!("--x y{part}{part}");
        let (kept, fault) = split(body.as_bytes(), TYPE, 10).expect("multipart");
        assert_eq!((kept.len(), fault), (2, Some(MultipartError::Unended)));
        let (kept, fault) = split(body.as_bytes(), TYPE, 1).expect("multipart");
        assert_eq!((kept.len(), fault), (1, Some(MultipartError::TooMany { max: 1 })));
    }

    proptest! {
        #[test]
        fn parts_round_trip(files in prop::collection::vec(
            ("[a-zA-Z0-9 ;=.%]{0,12}", prop::collection::vec(any::<u8>(), 0..80)), 0..5,
        )) {
            let mut body = b"--b0undary".to_vec();
            for (name, bytes) in &files {
                body.extend(format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
                body.extend(bytes);
                body.extend(b"\r\n--b0undary");
            }
            body.extend(b"--\r\n");
            let (parts, fault) = split(&body, "Multipart/Form-Data; boundary=b0undary", 10).expect("multipart");
            prop_assert_eq!(fault, None);
            let read: Vec<_> = parts.iter().map(|part| (part.name.to_string(), part.bytes.to_vec())).collect();
            prop_assert_eq!(read, files);
        }

        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), ty in ".{0,40}") {
            let _ = split(&body, &ty, 10);
            let _ = split(&[b"--b", body.as_slice(), b"\r\n--b"].concat(), "multipart/form-data;boundary=b", 10);
            let _ = split(&body, &format!("multipart/form-data;{ty};boundary=b"), 10);
        }
    }
}
