//! The protobuf encoding of a request, walked by hand down to its spans, log records or metrics.
//!
//! Owns the three outer levels, whose field numbers the signals share, and in `span` what is inside of a span; prost
//! decodes what is inside of the others. Broken framing out here costs the request, a broken leaf only itself.

mod fields;
mod span;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::otlp::intake::{Intake, Sink};
use crate::otlp::{Format, OtlpError};
pub(super) use span::read_span;

/// `ExportTraceServiceRequest.resource_spans` and its siblings.
const REQUEST_RESOURCES: u32 = 1;
/// `ResourceSpans.resource`, `ScopeSpans.scope` and their siblings.
const OWNER: u32 = 1;
/// `ResourceSpans.scope_spans`, `ScopeSpans.spans` and their siblings.
const CHILDREN: u32 = 2;

/// Reads a whole request.
pub(super) fn walk<S: Sink>(mut body: &[u8], intake: &mut Intake<'_, S>) -> Result<(), OtlpError> {
    while let Some((tag, message)) = next_message(&mut body)? {
        if tag == REQUEST_RESOURCES {
            walk_resource(message, intake)?;
        }
    }
    Ok(())
}

fn walk_resource<S: Sink>(mut buf: &[u8], intake: &mut Intake<'_, S>) -> Result<(), OtlpError> {
    let mut resource = Resource::default();
    while let Some((tag, message)) = next_message(&mut buf)? {
        match tag {
            OWNER => {
                intake.check_owner_bytes(message.len())?;
                resource.merge(message).map_err(malformed)?;
            }
            CHILDREN => walk_scope(message, intake)?,
            _ => {}
        }
    }
    intake.close_resource(resource);
    Ok(())
}

fn walk_scope<S: Sink>(mut buf: &[u8], intake: &mut Intake<'_, S>) -> Result<(), OtlpError> {
    let mut scope = InstrumentationScope::default();
    while let Some((tag, message)) = next_message(&mut buf)? {
        match tag {
            OWNER => {
                intake.check_owner_bytes(message.len())?;
                scope.merge(message).map_err(malformed)?;
            }
            CHILDREN => {
                let bytes = if S::READS_WITHIN_LIMITS { 0 } else { message.len() };
                intake.leaf(bytes, |sink| sink.take_protobuf(message));
            }
            _ => {}
        }
    }
    intake.close_scope(scope);
    Ok(())
}

/// The next length-delimited field: its number and its bytes. Fields of other wire types are unknown to us out here
/// and are skipped.
fn next_message<'a>(buf: &mut &'a [u8]) -> Result<Option<(u32, &'a [u8])>, OtlpError> {
    while !buf.is_empty() {
        let (tag, wire_type) = decode_key(buf).map_err(malformed)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, buf, DecodeContext::default()).map_err(malformed)?;
            continue;
        }
        let length = decode_varint(buf).map_err(malformed)?;
        let taken = usize::try_from(length).ok().and_then(|length| buf.split_at_checked(length));
        let Some((message, rest)) = taken else {
            let detail = format!("field {tag} of {length} bytes goes beyond the end");
            return Err(OtlpError::Malformed { format: Format::Protobuf, detail });
        };
        *buf = rest;
        return Ok(Some((tag, message)));
    }
    Ok(None)
}

fn malformed(error: DecodeError) -> OtlpError {
    OtlpError::from_decoder(Format::Protobuf, &error.to_string())
}
