//! Files sent by form instead of envelope: crash dumps, and attachments of an event that was sent before.
//!
//! Knows the names that crash reporters give to fields and files (Breakpad's `upload_file_minidump`, Sentry's
//! `sentry[...]`). Everything else is as in an envelope.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Limits;
use super::blobs::{File, KIND_BREADCRUMBS, KIND_MINIDUMP, KIND_PAYLOAD};
use super::decode::{EnvelopeDecoded, EnvelopeError, EnvelopeHeader, Receipt, Run};
use super::json::{depth_within, repair};
use super::multipart::{MultipartError, Part, split};
use crate::model::ids::EventId;
use crate::model::outcome::Reason;

/// Fields and files of one form. Crashpad sends some twenty annotations.
const PARTS_MAX: usize = 200;
/// Levels of `sentry[a][b][c]`.
const FIELD_DEPTH_MAX: usize = 8;
const DUMP_FILE: &str = "upload_file_minidump";

/// `POST /api/<project>/minidump/`: the dump itself as body, or in a form.
pub fn decode_minidump(
    body: &[u8],
    content_type: &str,
    receipt: Receipt,
    fresh_ids: &mut dyn FnMut() -> EventId,
    limits: &Limits,
) -> Result<EnvelopeDecoded, EnvelopeError> {
    let invalid = |why: &str| EnvelopeError::Payload(why.to_owned());
    if body.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    let dump = |bytes| File {
        category: "attachment",
        name: Some("minidump.dmp"),
        content_type: Some("application/x-dmp"),
        kind: Some(KIND_MINIDUMP),
        bytes,
    };
    if is_dump(body) {
        return run(EnvelopeHeader::default(), &[dump(body)], None, None, receipt, fresh_ids, limits);
    }
    let (parts, fault) = split(body, content_type, PARTS_MAX).map_err(|error| match error {
        // Whatever the content type says: a body that is no form is meant to be the dump itself.
        MultipartError::NotMultipart => invalid("the body is no crash dump: one begins with MDMP"),
        error => invalid(&error.to_string()),
    })?;
    let fault = fault.map(|fault| fault.to_string());
    let base = fields_as_event(&parts, limits);
    let header = EnvelopeHeader { event_id: base.as_ref().and_then(event_id), ..EnvelopeHeader::default() };
    let mut files: Vec<File<'_>> = Vec::new();
    for part in parts.iter().filter(|part| part.file_name.is_some() || part.name == DUMP_FILE) {
        if part.name == DUMP_FILE {
            let name = part.file_name.as_deref().filter(|name| !name.is_empty());
            files.insert(0, File { name: name.or(Some("minidump.dmp")), ..dump(part.bytes) });
        } else {
            files.push(file(part));
        }
    }
    match files.first() {
        Some(first) if first.kind == Some(KIND_MINIDUMP) && !first.bytes.is_empty() => {}
        _ => return Err(invalid(&fault.unwrap_or_else(|| format!("no file {DUMP_FILE} in the form")))),
    }
    let base = base.map(|event| event.to_string().into_bytes());
    run(header, &files, base, fault, receipt, fresh_ids, limits)
}

/// `POST /api/<project>/events/<event id>/attachments/`: every file of the form belongs to that event.
pub fn decode_attachments(
    body: &[u8],
    content_type: &str,
    event_id: EventId,
    receipt: Receipt,
    limits: &Limits,
) -> Result<EnvelopeDecoded, EnvelopeError> {
    if body.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    let (parts, fault) =
        split(body, content_type, PARTS_MAX).map_err(|error| EnvelopeError::Payload(error.to_string()))?;
    let fault = fault.map(|fault| fault.to_string());
    let files: Vec<File<'_>> = parts.iter().filter(|part| part.file_name.is_some()).map(file).collect();
    if files.is_empty() {
        return Err(EnvelopeError::Payload(fault.unwrap_or_else(|| "no file in the form".to_owned())));
    }
    let header = EnvelopeHeader { event_id: Some(event_id), ..EnvelopeHeader::default() };
    let mut fresh_ids = || event_id;
    let mut run = Run::new(header, receipt, &mut fresh_ids, limits);
    run.take_files(&files, true, None);
    if let Some(fault) = fault {
        run.refuse_blob("attachment", Reason::Invalid, fault);
    }
    Ok(run.result)
}

fn run(
    header: EnvelopeHeader,
    files: &[File<'_>],
    base: Option<Vec<u8>>,
    fault: Option<String>,
    receipt: Receipt,
    fresh_ids: &mut dyn FnMut() -> EventId,
    limits: &Limits,
) -> Result<EnvelopeDecoded, EnvelopeError> {
    let mut run = Run::new(header, receipt, fresh_ids, limits);
    run.take_files(files, false, base);
    if let Some(fault) = fault {
        run.refuse_blob("attachment", Reason::Invalid, fault);
    }
    Ok(run.result)
}

/// In either byte order.
fn is_dump(body: &[u8]) -> bool {
    body.starts_with(b"MDMP") || body.starts_with(b"PMDM")
}

fn file<'p>(part: &'p Part<'_>) -> File<'p> {
    let name = part.file_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&part.name);
    // The names sentry-native gives to what it writes beside a dump.
    let kind = match part.name.as_ref() {
        "__sentry-event" => Some(KIND_PAYLOAD),
        name if name.starts_with("__sentry-breadcrumb") => Some(KIND_BREADCRUMBS),
        _ => None,
    };
    File {
        category: "attachment",
        name: Some(name),
        content_type: part.content_type.as_deref(),
        kind,
        bytes: part.bytes,
    }
}

/// What the fields of the form say of the event: `sentry` is JSON, `sentry__1` and so on are pieces of it, `sentry[a][b]`
/// names one member, and whatever else there is goes to `extra`.
fn fields_as_event(parts: &[Part<'_>], limits: &Limits) -> Option<Value> {
    let fields: Vec<(&str, Cow<'_, str>)> = parts
        .iter()
        .filter(|part| part.file_name.is_none() && part.name != DUMP_FILE)
        .filter(|part| part.bytes.len() <= limits.event_bytes_max)
        .map(|part| (part.name.as_ref(), String::from_utf8_lossy(part.bytes)))
        .collect();
    let mut pieces: Vec<(u32, &str)> = fields
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("sentry__")?.parse().ok()?, text.as_ref())))
        .collect();
    pieces.sort_unstable_by_key(|(number, _)| *number);
    let whole = fields.iter().find(|(name, _)| *name == "sentry").map(|(_, text)| text.to_string());
    let json = whole.unwrap_or_else(|| pieces.iter().map(|(_, piece)| *piece).collect());
    let mut event = read_members(&json, limits);
    for (name, text) in &fields {
        let path: Option<Vec<&str>> =
            name.strip_prefix("sentry[").map(|rest| rest.trim_end_matches(']').split("][").collect());
        match path {
            Some(path) if path.len() <= FIELD_DEPTH_MAX => put(&mut event, &path, text),
            _ if *name == "sentry" || name.starts_with("sentry__") => {}
            _ => put(&mut event, &["extra", name], text),
        }
    }
    (!event.is_empty()).then_some(Value::Object(event))
}

/// A crash is no hot path: here a whole tree is built, of bounded depth and size.
fn read_members(json: &str, limits: &Limits) -> Map<String, Value> {
    if json.len() > limits.event_bytes_max || !depth_within(json.as_bytes(), limits.depth_max) {
        return Map::new();
    }
    let read = serde_json::from_str(json).ok().or_else(|| serde_json::from_str(&repair(json.as_bytes())?).ok());
    read.unwrap_or_default()
}

fn put(members: &mut Map<String, Value>, path: &[&str], text: &str) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        members.entry(*name).or_insert_with(|| Value::String(text.to_owned()));
    } else if let Value::Object(inner) = members.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
        put(inner, rest, text);
    }
}

fn event_id(event: &Value) -> Option<EventId> {
    event["event_id"].as_str().and_then(EventId::parse).filter(|id| !id.is_zero())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::blob::About;
    use crate::model::decoded::Incoming;
    use crate::model::event::Level;
    use crate::sentry::TEST_LIMITS;

    const FORM: &str = "multipart/form-data; boundary=b";
    const RECEIPT: Receipt = Receipt { received_ms: 0, client_ip: None };

    fn minidump(body: &[u8], content_type: &str) -> Result<EnvelopeDecoded, EnvelopeError> {
        decode_minidump(body, content_type, RECEIPT, &mut || EventId([7; 16]), &TEST_LIMITS)
    }

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = b"--b".to_vec();
        for (disposition, bytes) in parts {
            body.extend(format!("\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").bytes());
            body.extend(*bytes);
            body.extend(b"\r\n--b");
        }
        body.extend(b"--");
        body
    }

    fn kinds(decoded: &EnvelopeDecoded) -> Vec<String> {
        let kind = |item: &Incoming| match item {
            Incoming::Event(event) => format!("event {}", event.event_id),
            Incoming::Blob(blob) => match &blob.about {
                About::Attachment(file) => format!("{} {} {}", file.kind, file.name, file.event_id),
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        };
        decoded.decoded.items.iter().map(kind).collect()
    }

    #[test]
    fn a_bare_dump_is_a_fatal_event_with_a_file() {
        let decoded = minidump(b"MDMP....", "application/octet-stream").expect("a dump");
        let id = EventId([7; 16]);
        assert_eq!(kinds(&decoded), [format!("event {id}"), format!("event.minidump minidump.dmp {id}")]);
        let Incoming::Event(event) = &decoded.decoded.items[0] else { panic!() };
        assert_eq!((event.level, event.platform.as_str()), (Level::Fatal, "native"));
        assert!(event.is_unhandled());
        assert_eq!(event.exceptions[0].ty.as_deref(), Some("Minidump"));
        assert_eq!(decoded.response_id, Some(id));
    }

    #[test]
    fn fields_and_files_of_a_form_are_sorted_out() {
        let id = "0123456789abcdef0123456789abcdef";
        let sentry = format!("{{\"event_id\":\"{id}\",\"release\":\"a@1\"}}");
        let body = form(&[
            ("name=\"sentry\"", sentry.as_bytes()),
            ("name=\"sentry[tags][os]\"", b"linux"),
            ("name=\"ptype\"", b"renderer"),
            ("name=\"log\"; filename=\"../../app.log\"", b"text"),
            ("name=\"__sentry-breadcrumb1\"; filename=\"__sentry-breadcrumb1\"", b"\x90"),
            ("name=\"upload_file_minidump\"; filename=\"x.dmp\"", b"MDMP"),
        ]);
        let decoded = minidump(&body, FORM).expect("a form");
        assert_eq!(
            kinds(&decoded),
            [
                format!("event {id}"),
                format!("event.minidump x.dmp {id}"),
                format!("event.attachment app.log {id}"),
                format!("event.breadcrumbs __sentry-breadcrumb1 {id}"),
            ]
        );
        let Incoming::Event(event) = &decoded.decoded.items[0] else { panic!() };
        assert_eq!(event.release.as_deref(), Some("a@1"));
        assert_eq!(event.tags, [("os".to_owned(), "linux".to_owned())]);
        let body = String::from_utf8_lossy(&event.body);
        assert!(body.contains("\"ptype\":\"renderer\""), "{body}");
    }

    #[test]
    fn forms_without_a_dump_are_refused() {
        for body in
            [form(&[("name=\"sentry\"", b"{}")]), form(&[("name=\"upload_file_minidump\"; filename=\"\"", b"")])]
        {
            assert!(matches!(minidump(&body, FORM), Err(EnvelopeError::Payload(_))));
        }
        assert!(matches!(minidump(b"x", "text/plain"), Err(EnvelopeError::Payload(_))));
        assert_eq!(minidump(b"", FORM), Err(EnvelopeError::Empty));
    }

    #[test]
    fn json_in_pieces_is_put_together() {
        let body = form(&[
            ("name=\"sentry__2\"", b":\"b@2\"}"),
            ("name=\"sentry__1\"", b"{\"release\""),
            ("name=\"upload_file_minidump\"; filename=\"x\"", b"MDMP"),
        ]);
        let decoded = minidump(&body, FORM).expect("a form");
        let Incoming::Event(event) = &decoded.decoded.items[0] else { panic!() };
        assert_eq!(event.release.as_deref(), Some("b@2"));
    }

    #[test]
    fn late_attachments_are_files_only() {
        let body = form(&[("name=\"a\"; filename=\"a.txt\"", b"1"), ("name=\"field\"", b"2")]);
        let id = EventId([9; 16]);
        let decoded = decode_attachments(&body, FORM, id, RECEIPT, &TEST_LIMITS).expect("a form");
        assert_eq!(kinds(&decoded), [format!("event.attachment a.txt {id}")]);
        let none = form(&[("name=\"field\"", b"2")]);
        assert!(decode_attachments(&none, FORM, id, RECEIPT, &TEST_LIMITS).is_err());
    }

    proptest! {
        #[test]
        fn no_form_panics(name in "[a-z_\\[\\]\"]{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let body = form(&[
                (&format!("name={name}"), &bytes),
                ("name=sentry", &bytes),
                ("name=\"__sentry-event\"; filename=e", &bytes),
                ("name=\"upload_file_minidump\"; filename=\"x\"", b"MDMP"),
            ]);
            let decoded = minidump(&body, FORM).expect("a dump");
            prop_assert!(matches!(decoded.decoded.items.first(), Some(Incoming::Event(_))));
        }
    }
}
