//! A protobuf message field by field, over borrowed bytes.
//!
//! Owns framing and scalar types; knows no message of OTLP. As prost reads it: fields in any order, the last of a scalar
//! wins, unknown fields and groups are passed over, a known field of another wire type is an error.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// What cannot be read, in words for whoever sent it.
pub(super) type Unreadable = String;

/// What stands in a field.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields of one message that are no groups.
pub(super) struct Fields<'a> {
    buf: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { buf: message }
    }

    /// The next field with its number; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, Unreadable> {
        loop {
            let Some(first) = self.buf.first() else { return Ok(None) };
            // Numbers below 16 have a key of one byte.
            let (tag, wire_type) = if (8..0x80).contains(first) && first & 7 <= 5 {
                let (tag, code) = (u32::from(first >> 3), first & 7);
                self.buf = &self.buf[1..];
                (tag, WireType::try_from(u64::from(code)).map_err(words)?)
            } else {
                decode_key(&mut self.buf).map_err(words)?
            };
            let field = match wire_type {
                WireType::Varint => Field::Varint(self.varint()?),
                WireType::LengthDelimited => {
                    let length = self.varint()?;
                    let taken = usize::try_from(length).ok().and_then(|length| self.buf.split_at_checked(length));
                    let (message, rest) =
                        taken.ok_or_else(|| format!("field {tag} of {length} bytes goes beyond the end"))?;
                    self.buf = rest;
                    Field::Bytes(message)
                }
                WireType::SixtyFourBit => Field::Fixed64(u64::from_le_bytes(self.fixed(tag)?)),
                WireType::ThirtyTwoBit => Field::Fixed32(u32::from_le_bytes(self.fixed(tag)?)),
                WireType::StartGroup | WireType::EndGroup => {
                    skip_field(wire_type, tag, &mut self.buf, DecodeContext::default()).map_err(words)?;
                    continue;
                }
            };
            return Ok(Some((tag, field)));
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Unreadable> {
        match self.buf.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.buf = rest;
                Ok(u64::from(*byte))
            }
            _ => decode_varint(&mut self.buf).map_err(words),
        }
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, tag: u32) -> Result<[u8; N], Unreadable> {
        let (bytes, rest) =
            self.buf.split_first_chunk().ok_or_else(|| format!("field {tag} of {N} bytes goes beyond the end"))?;
        self.buf = rest;
        Ok(*bytes)
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], Unreadable> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(other_type("bytes")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Unreadable> {
        std::str::from_utf8(self.bytes()?).map_err(|error| format!("text that is not UTF-8: {error}"))
    }

    pub(super) fn varint(self) -> Result<u64, Unreadable> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(other_type("a number")),
        }
    }

    /// `int32` and enumerations: the lower bits count.
    pub(super) fn int32(self) -> Result<i32, Unreadable> {
        self.varint().map(|number| number as i32)
    }

    pub(super) fn uint32(self) -> Result<u32, Unreadable> {
        self.varint().map(|number| number as u32)
    }

    pub(super) fn fixed64(self) -> Result<u64, Unreadable> {
        match self {
            Self::Fixed64(number) => Ok(number),
            _ => Err(other_type("64 bits")),
        }
    }

    pub(super) fn fixed32(self) -> Result<u32, Unreadable> {
        match self {
            Self::Fixed32(number) => Ok(number),
            _ => Err(other_type("32 bits")),
        }
    }
}

fn other_type(expected: &str) -> Unreadable {
    format!("invalid wire type: {expected} expected")
}

fn words(error: prost::DecodeError) -> Unreadable {
    error.to_string()
}
