//! The store endpoint: one event per request, as SDKs sent errors before envelopes (sentry-python up to 1.14).
//!
//! Knows the three forms such a body takes. Knows nothing of the event itself.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

use crate::model::ids::EventId;
use crate::sentry::Limits;
use crate::sentry::decode::{EnvelopeDecoded, EnvelopeError, EnvelopeHeader, Receipt, Run, decode_envelope};

/// Reads a body that is plain JSON, `base64(zlib(JSON))` as raven sent it, or an envelope when its content type says so.
///
/// `content_type` is the raw header. An event that cannot be read is among `decoded.refused`, as in envelopes.
pub fn decode_store(
    body: &[u8],
    content_type: Option<&str>,
    receipt: impl Into<Receipt>,
    fresh_ids: &mut dyn FnMut() -> EventId,
    limits: &Limits,
) -> Result<EnvelopeDecoded, EnvelopeError> {
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-sentry-envelope") {
        return decode_envelope(body, receipt, fresh_ids, limits);
    }
    let body = body.trim_ascii();
    let unpacked;
    let payload = match body.first() {
        None => return Err(EnvelopeError::Empty),
        Some(b'{') => body,
        Some(_) => {
            unpacked = unpack(body, limits.event_bytes_max.max(limits.transaction_bytes_max))?;
            unpacked.as_slice()
        }
    };
    let mut run = Run::new(EnvelopeHeader::default(), receipt.into(), fresh_ids, limits);
    run.result.item_types.push("event".to_owned());
    run.take_event(payload);
    Ok(run.result)
}

/// base64, then zlib unless what is inside is JSON already.
fn unpack(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, EnvelopeError> {
    let decoded =
        STANDARD.decode(body).map_err(|error| EnvelopeError::Payload(format!("neither json nor base64: {error}")))?;
    if decoded.first() == Some(&b'{') {
        return Ok(decoded);
    }
    let mut payload = Vec::new();
    let mut inflated = ZlibDecoder::new(decoded.as_slice()).take(bytes_max as u64 + 1);
    inflated
        .read_to_end(&mut payload)
        .map_err(|error| EnvelopeError::Payload(format!("neither json nor zlib within base64: {error}")))?;
    if payload.len() > bytes_max {
        return Err(EnvelopeError::TooLarge { max: bytes_max });
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;
    use crate::model::decoded::Incoming;
    use crate::sentry::TEST_LIMITS;

    fn decode(body: &[u8], content_type: Option<&str>) -> Result<EnvelopeDecoded, EnvelopeError> {
        decode_store(body, content_type, 0, &mut || EventId([1; 16]), &TEST_LIMITS)
    }

    fn packed(json: &[u8]) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(json).expect("memory");
        STANDARD.encode(encoder.finish().expect("memory"))
    }

    #[test]
    fn an_event_comes_in_four_forms() {
        let json = br#"{"message":"a"}"#;
        for (body, content_type) in [
            (json.to_vec(), Some("application/json")),
            (packed(json).into_bytes(), Some("application/octet-stream")),
            (format!("{}\n", STANDARD.encode(json)).into_bytes(), None),
            (
                b"{}\n{\"type\":\"event\"}\n{\"message\":\"a\"}".to_vec(),
                Some("Application/x-sentry-envelope; charset=x"),
            ),
        ] {
            let decoded = decode(&body, content_type).expect("an event");
            let [Incoming::Event(event)] = decoded.decoded.items.as_slice() else { panic!("{:?}", decoded.decoded) };
            assert_eq!(event.message.as_ref().map(|m| m.formatted.as_str()), Some("a"));
            assert_eq!(decoded.response_id, Some(EventId([1; 16])));
        }
    }

    #[test]
    fn other_bodies_are_errors_and_bombs_do_not_go_off() {
        assert_eq!(decode(b" ", None), Err(EnvelopeError::Empty));
        assert!(matches!(decode(b"hello world", None), Err(EnvelopeError::Payload(_))));
        assert!(matches!(decode(b"aGVsbG8=", None), Err(EnvelopeError::Payload(_))));
        let bomb = packed(&vec![b' '; TEST_LIMITS.transaction_bytes_max + 1]);
        assert_eq!(
            decode(bomb.as_bytes(), None),
            Err(EnvelopeError::TooLarge { max: TEST_LIMITS.transaction_bytes_max })
        );
    }
}
