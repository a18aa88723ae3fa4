//! Envelope framing: where the header ends, where each item starts and stops.
//!
//! Knows bytes and the few header members that framing needs; not what any item means. Follows the grammar where
//! Sentry's server does and is tolerant where it is strict, so that one fault costs only what comes after it.

use std::borrow::Cow;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Object, Scalar, wire_object};

/// An envelope taken apart. Everything before the fault is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed<'a> {
    /// The header line: a JSON object.
    pub header: &'a str,
    pub items: Vec<FramedItem<'a>>,
    pub fault: Option<Fault>,
    /// What follows the last item that was allowed; [`count_items`] knows how much that is.
    pub beyond: &'a [u8],
}

/// One item: its own header, read, and its payload, untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramedItem<'a> {
    pub header: ItemHeader<'a>,
    pub payload: &'a [u8],
}

/// What item headers say besides the length. Texts are as sent: unbounded and hostile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemHeader<'a> {
    /// `event`, `transaction`, …; empty when the header had no type.
    pub ty: Cow<'a, str>,
    /// How many entries a container says it holds.
    pub item_count: Option<u64>,
    /// MIME type of the payload.
    pub content_type: Option<Cow<'a, str>>,
    /// Name of an attached file.
    pub filename: Option<Cow<'a, str>>,
    /// `event.attachment`, `event.minidump`, …
    pub attachment_type: Option<Cow<'a, str>>,
    /// Of a profile chunk.
    pub platform: Option<Cow<'a, str>>,
    /// Bytes of JSON in front of a binary payload.
    pub meta_length: Option<u64>,
    /// Release and environment of a report that has none of its own.
    pub sentry_release: Option<Cow<'a, str>>,
    pub sentry_environment: Option<Cow<'a, str>>,
}

/// Where framing had to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The item that was lost, when its header could still be read.
    pub item_type: Option<String>,
    /// For people; bounded.
    pub problem: String,
}

/// An envelope without a usable header has no items either.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("empty request body")]
    Empty,
    #[error("invalid envelope header: {0}")]
    Header(String),
}

wire_object! {
    /// The members of an item header that framing needs.
    WireItemHeader {
        ty: Scalar<'a> = "type",
        length: Scalar<'a> = "length",
        item_count: Scalar<'a> = "item_count",
        content_type: Scalar<'a> = "content_type",
        filename: Scalar<'a> = "filename",
        attachment_type: Scalar<'a> = "attachment_type",
        platform: Scalar<'a> = "platform",
        meta_length: Scalar<'a> = "meta_length",
        sentry_release: Scalar<'a> = "sentry_release",
        sentry_environment: Scalar<'a> = "sentry_environment",
    }
}

/// Takes an envelope apart; at most `items_max` items.
pub fn split_envelope(body: &[u8], items_max: usize) -> Result<Framed<'_>, FrameError> {
    let start = skip_blank(body, 0);
    if start == body.len() {
        return Err(FrameError::Empty);
    }
    let (header, mut at) = read_header(body, start).map_err(FrameError::Header)?;
    let mut items = Vec::new();
    let mut fault = None;
    let mut beyond: &[u8] = &[];
    loop {
        // Blank lines before an item header are legal, at the end of the envelope they are tolerated.
        at = skip_blank(body, at);
        if at == body.len() {
            break;
        }
        if items.len() == items_max {
            beyond = &body[at..];
            break;
        }
        match read_item(body, at) {
            Ok((item, next)) => {
                items.push(item);
                at = next;
            }
            Err(stop) => {
                items.extend(stop.complete);
                fault = Some(stop.fault);
                break;
            }
        }
    }
    Ok(Framed { header, items, fault, beyond })
}

/// How many items of which type follow one another, without looking into them; how many of them each container says it
/// holds is asked of `entries`. Ends at what cannot be framed, which counts as one without a type, as does all that
/// comes after `items_max`.
pub fn count_items<'a>(
    bytes: &'a [u8],
    items_max: usize,
    entries: impl Fn(&FramedItem<'a>) -> (String, u64),
) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    let mut add = |ty: String, count: u64| {
        // Strangers choose the types: the first one stands for those beyond so many.
        let is_full = counts.len() == COUNTED_TYPES_MAX;
        match counts.iter().position(|(known, _)| *known == ty).or(is_full.then_some(0)) {
            Some(place) => counts[place].1 = counts[place].1.saturating_add(count),
            None => counts.push((ty, count)),
        }
    };
    let mut at = 0;
    for seen in 0..=items_max {
        at = skip_blank(bytes, at);
        if at == bytes.len() {
            break;
        }
        match read_item(bytes, at).map_err(|stop| stop.complete) {
            Ok((item, next)) if seen < items_max => {
                let (ty, count) = entries(&item);
                add(ty, count);
                at = next;
            }
            _ => {
                add(String::new(), 1);
                break;
            }
        }
    }
    counts
}

/// Types told apart by [`count_items`].
const COUNTED_TYPES_MAX: usize = 32;

/// A fault, and the item before it when that one was whole.
struct Stop<'a> {
    complete: Option<FramedItem<'a>>,
    fault: Fault,
}

/// The item whose header starts at `at`, and the place after its payload and newline.
fn read_item(body: &[u8], at: usize) -> Result<(FramedItem<'_>, usize), Box<Stop<'_>>> {
    let stop = |item_type: Option<&str>, problem: String| {
        let fault = Fault { item_type: item_type.map(|ty| cut(ty, 64)), problem };
        Box::new(Stop { complete: None, fault })
    };
    let (header, payload_start) =
        read_header(body, at).map_err(|problem| stop(None, format!("item header: {problem}")))?;
    let Ok(Object(Some(header))) = serde_json::from_str::<Object<WireItemHeader<'_>>>(header) else {
        return Err(stop(None, format!("item header: cannot be read: {}", cut(header, 100))));
    };
    let WireItemHeader { length, .. } = header;
    let header = ItemHeader {
        ty: text(header.ty).unwrap_or_default(),
        item_count: header.item_count.unsigned(),
        content_type: text(header.content_type),
        filename: text(header.filename),
        attachment_type: text(header.attachment_type),
        platform: text(header.platform),
        meta_length: header.meta_length.unsigned(),
        sentry_release: text(header.sentry_release),
        sentry_environment: text(header.sentry_environment),
    };
    let rest = &body[payload_start..];
    if length == Scalar::Absent {
        // Every JavaScript SDK leaves the length out: the payload is the rest of the line.
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let payload = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        return Ok((FramedItem { header, payload }, (payload_start + end + 1).min(body.len())));
    }
    let bytes = length.unsigned().and_then(|length| usize::try_from(length).ok());
    let Some(payload) = bytes.and_then(|bytes| rest.get(..bytes)) else {
        let length = length.text().unwrap_or_default();
        let problem = format!("unexpected end of file: item says {} bytes, {} are left", cut(&length, 24), rest.len());
        return Err(stop(Some(&header.ty), problem));
    };
    let after = &rest[payload.len()..];
    let newline = match after {
        [] => 0,
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => {
            let mut stop = stop(None, format!("missing newline after {} payload bytes", payload.len()));
            stop.complete = Some(FramedItem { header, payload });
            return Err(stop);
        }
    };
    Ok((FramedItem { header, payload }, payload_start + payload.len() + newline))
}

fn text(scalar: Scalar<'_>) -> Option<Cow<'_, str>> {
    match scalar {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

/// The JSON object at `at`, possibly over several lines, and the place after the newline that ends it.
fn read_header(body: &[u8], at: usize) -> Result<(&str, usize), String> {
    let mut stream = serde_json::Deserializer::from_slice(&body[at..]).into_iter::<&RawValue>();
    let header = match stream.next() {
        Some(Ok(raw)) if raw.get().starts_with('{') => raw.get(),
        Some(Ok(raw)) => return Err(format!("not a json object: {:?}", cut(raw.get(), 40))),
        Some(Err(error)) => return Err(cut(&error.to_string(), 200)),
        None => return Err("missing".to_owned()),
    };
    let mut end = at + stream.byte_offset();
    while matches!(body.get(end), Some(b' ' | b'\t' | b'\r')) {
        end += 1;
    }
    match body.get(end) {
        None => Ok((header, end)),
        Some(b'\n') => Ok((header, end + 1)),
        Some(_) => Err("missing newline after it".to_owned()),
    }
}

fn skip_blank(body: &[u8], at: usize) -> usize {
    body[at..].iter().position(|b| !b.is_ascii_whitespace()).map_or(body.len(), |step| at + step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(body: &str) -> Vec<(String, String)> {
        let framed = split_envelope(body.as_bytes(), 10).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(framed.fault, None, "{body}");
        text_of(framed.items)
    }

    fn text_of(items: Vec<FramedItem<'_>>) -> Vec<(String, String)> {
        items.into_iter().map(|i| (i.header.ty.into_owned(), String::from_utf8_lossy(i.payload).into_owned())).collect()
    }

    fn one(ty: &str, payload: &str) -> Vec<(String, String)> {
        vec![(ty.to_owned(), payload.to_owned())]
    }

    #[test]
    fn header_only_envelopes_have_no_items() {
        for body in ["{}", "{}\n", "{\"event_id\":\"x\"}\n\n", "{}\r\n"] {
            assert_eq!(items(body), [], "{body:?}");
        }
    }

    #[test]
    fn payloads_end_by_length_or_line() {
        assert_eq!(items("{}\n{\"type\":\"a\",\"length\":3}\nx\ny\n"), one("a", "x\ny"));
        assert_eq!(items("{}\n{\"type\":\"a\",\"length\":\"3\"}\nx\ny"), one("a", "x\ny"));
        assert_eq!(items("{}\n{\"type\":\"a\"}\nxy\n"), one("a", "xy"));
        assert_eq!(items("{}\n{\"type\":\"a\"}\nxy"), one("a", "xy"));
        assert_eq!(items("{}\n{\"type\":\"a\",\"length\":0}\n\n"), one("a", ""));
        assert_eq!(items("{}\n{\"type\":\"a\",\"length\":0}"), one("a", ""));
        assert_eq!(items("{}\n{\"type\":\"a\"}"), one("a", ""));
    }

    #[test]
    fn blank_lines_carriage_returns_and_pretty_headers_are_tolerated() {
        assert_eq!(items("{}\n\n  {\"type\":\"a\",\"length\":1}\nx\n\n\n"), one("a", "x"));
        assert_eq!(items("{}\r\n{\"type\":\"a\",\"length\":1}\r\nx\r\n"), one("a", "x"));
        assert_eq!(items("{\n \"sdk\": {}\n}\n{\n\"type\":\n\"a\"}\r\nx\r\n"), one("a", "x"));
    }

    #[test]
    fn items_before_a_fault_are_kept() {
        for (tail, lost, problem) in [
            ("{\"type\":\"b\",\"length\":99}\nx", Some("b"), "unexpected end of file: item says 99 bytes, 1 are left"),
            ("{\"type\":\"b\",\"length\":-1}\nx", Some("b"), "unexpected end of file: item says -1 bytes, 1 are left"),
            ("nonsense", None, "item header: "),
            ("[]\nx", None, "item header: not a json object: \"[]\""),
            ("{\"type\":\"b\"} x", None, "item header: missing newline after it"),
        ] {
            let body = format!("{{}}\n{{\"type\":\"a\",\"length\":1}}\nx\n{tail}");
            let framed = split_envelope(body.as_bytes(), 10).expect("header is fine");
            let fault = framed.fault.expect("a fault");
            assert_eq!(text_of(framed.items), one("a", "x"), "{tail}");
            assert_eq!(fault.item_type.as_deref(), lost, "{tail}");
            assert!(fault.problem.starts_with(problem), "{}", fault.problem);
        }
    }

    #[test]
    fn a_missing_newline_costs_only_what_follows() {
        let framed = split_envelope(b"{}\n{\"type\":\"a\",\"length\":1}\nxyz\n", 10).expect("header is fine");
        assert_eq!(text_of(framed.items), one("a", "x"));
        assert_eq!(framed.fault.map(|f| f.problem).as_deref(), Some("missing newline after 1 payload bytes"));
    }

    #[test]
    fn more_items_than_allowed_are_a_fault() {
        let body = format!("{{}}\n{}", "{\"type\":\"a\"}\nx\n".repeat(11));
        let framed = split_envelope(body.as_bytes(), 10).expect("header is fine");
        assert_eq!((framed.items.len(), framed.fault), (10, None));
        assert_eq!(counted(framed.beyond, 9), [("a".to_owned(), 1)]);
    }

    fn counted(bytes: &[u8], items_max: usize) -> Vec<(String, u64)> {
        count_items(bytes, items_max, |item| (item.header.ty.to_string(), 1))
    }

    #[test]
    fn items_beyond_the_limit_are_counted_up_to_the_end() {
        let items = "{\"type\":\"a\"}\nx\n".repeat(30) + &"{\"type\":\"b\",\"length\":2}\n\n\n\n".repeat(20);
        let of = |ty: &str, count: u64| (ty.to_owned(), count);
        assert_eq!(counted(items.as_bytes(), 50), [of("a", 30), of("b", 20)]);
        assert_eq!(counted(items.as_bytes(), 40), [of("a", 30), of("b", 10), of("", 1)]);
        assert_eq!(counted(format!("{items}nonsense").as_bytes(), 99), [of("a", 30), of("b", 20), of("", 1)]);
        assert_eq!(counted(b" \n", 9), []);
    }

    #[test]
    fn without_a_header_there_is_nothing() {
        assert_eq!(split_envelope(b" \n", 10), Err(FrameError::Empty));
        for body in ["[]", "x", "\"a\"", "{\"a\":"] {
            assert!(matches!(split_envelope(body.as_bytes(), 10), Err(FrameError::Header(_))), "{body}");
        }
    }

    proptest! {
        #[test]
        fn framing_round_trips(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
            let mut body = b"{}\n".to_vec();
            for payload in &payloads {
                body.extend(format!("{{\"type\":\"t\",\"length\":{}}}\n", payload.len()).bytes());
                body.extend(payload);
                body.push(b'\n');
            }
            let framed = split_envelope(&body, 10).expect("header is fine");
            prop_assert_eq!(framed.fault, None);
            let read: Vec<_> = framed.items.iter().map(|item| item.payload.to_vec()).collect();
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split_envelope(&body, 10);
            let _ = split_envelope(&[b"{}\n", body.as_slice()].concat(), 10);
            let _ = counted(&body, 10);
        }
    }
}
