//! MessagePack, as far as SDKs use it: an event of a native SDK becomes JSON, a replay video its parts.
//!
//! Reads bytes and writes text; knows nothing of what the members mean. Everything is bounded by the bytes there are
//! and by the depth asked for. <https://github.com/msgpack/msgpack/blob/master/spec.md>

use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum MsgpackError {
    #[error("the msgpack data ends too early")]
    Short,
    #[error("the msgpack data is nested deeper than {max} levels")]
    TooDeep { max: usize },
    #[error("0xc1 is not msgpack")]
    Reserved,
    #[error("{0} more bytes follow the msgpack data")]
    Trailing(usize),
    #[error("the msgpack data is not a map")]
    NotMap,
}

type Result<T> = std::result::Result<T, MsgpackError>;

/// One value and nothing after it, as JSON. Binary data becomes text where it is UTF-8, extensions and numbers JSON
/// cannot write become null, keys that are no text become their JSON.
pub(super) fn to_json(bytes: &[u8], depth_max: usize) -> Result<Vec<u8>> {
    let mut reader = Reader { bytes, depth_max };
    let mut out = Vec::with_capacity(bytes.len() * 2);
    reader.write_value(&mut out, 0)?;
    match reader.bytes.len() {
        0 => Ok(out),
        more => Err(MsgpackError::Trailing(more)),
    }
}

/// The members of a map whose values are texts or binary data; others are passed over.
pub(super) fn byte_members(bytes: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let mut reader = Reader { bytes, depth_max: 0 };
    let Head::Map(length) = reader.head()? else { return Err(MsgpackError::NotMap) };
    let mut members = Vec::new();
    for _ in 0..length {
        let key = reader.bytes_or_skip()?;
        let value = reader.bytes_or_skip()?;
        members.extend(key.zip(value));
    }
    Ok(members)
}

/// What a value starts with.
enum Head<'a> {
    Nil,
    Bool(bool),
    UInt(u64),
    Int(i64),
    Float(f64),
    Bytes(&'a [u8]),
    List(u32),
    Map(u32),
    Extension,
}

struct Reader<'a> {
    bytes: &'a [u8],
    depth_max: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(count).ok_or(MsgpackError::Short)?;
        self.bytes = rest;
        Ok(head)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }

    fn u8(&mut self) -> Result<u8> {
        self.number::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16> {
        self.number().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.number().map(u32::from_be_bytes)
    }

    fn text(&mut self, length: u32) -> Result<Head<'a>> {
        self.take(length as usize).map(Head::Bytes)
    }

    fn extension(&mut self, length: u32) -> Result<Head<'a>> {
        self.take(length as usize + 1).map(|_| Head::Extension)
    }

    fn head(&mut self) -> Result<Head<'a>> {
        Ok(match self.u8()? {
            byte @ 0x00..=0x7f => Head::UInt(byte.into()),
            byte @ 0x80..=0x8f => Head::Map((byte & 0x0f).into()),
            byte @ 0x90..=0x9f => Head::List((byte & 0x0f).into()),
            byte @ 0xa0..=0xbf => self.text((byte & 0x1f).into())?,
            0xc0 => Head::Nil,
            0xc1 => return Err(MsgpackError::Reserved),
            byte @ 0xc2..=0xc3 => Head::Bool(byte == 0xc3),
            0xc4 | 0xd9 => {
                let length = self.u8()?;
                self.text(length.into())?
            }
            0xc5 | 0xda => {
                let length = self.u16()?;
                self.text(length.into())?
            }
            0xc6 | 0xdb => {
                let length = self.u32()?;
                self.text(length)?
            }
            0xc7 => {
                let length = self.u8()?;
                self.extension(length.into())?
            }
            0xc8 => {
                let length = self.u16()?;
                self.extension(length.into())?
            }
            0xc9 => {
                let length = self.u32()?;
                self.extension(length)?
            }
            0xca => Head::Float(f32::from_be_bytes(self.number()?).into()),
            0xcb => Head::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Head::UInt(self.u8()?.into()),
            0xcd => Head::UInt(self.u16()?.into()),
            0xce => Head::UInt(self.u32()?.into()),
            0xcf => Head::UInt(u64::from_be_bytes(self.number()?)),
            0xd0 => Head::Int(i8::from_be_bytes(self.number()?).into()),
            0xd1 => Head::Int(i16::from_be_bytes(self.number()?).into()),
            0xd2 => Head::Int(i32::from_be_bytes(self.number()?).into()),
            0xd3 => Head::Int(i64::from_be_bytes(self.number()?)),
            byte @ 0xd4..=0xd8 => self.extension(1 << (byte - 0xd4))?,
            0xdc => Head::List(self.u16()?.into()),
            0xdd => Head::List(self.u32()?),
            0xde => Head::Map(self.u16()?.into()),
            0xdf => Head::Map(self.u32()?),
            byte @ 0xe0..=0xff => Head::Int((byte as i8).into()),
        })
    }

    fn within(&self, depth: usize) -> Result<()> {
        if depth < self.depth_max { Ok(()) } else { Err(MsgpackError::TooDeep { max: self.depth_max }) }
    }

    fn write_value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        match self.head()? {
            Head::Nil | Head::Extension => out.extend(b"null"),
            Head::Bool(flag) => out.extend(if flag { &b"true"[..] } else { b"false" }),
            Head::UInt(number) => out.extend(number.to_string().bytes()),
            Head::Int(number) => out.extend(number.to_string().bytes()),
            Head::Float(number) => write_json(out, &number),
            Head::Bytes(text) => write_json(out, &String::from_utf8_lossy(text)),
            Head::List(length) => {
                self.within(depth)?;
                out.push(b'[');
                for place in 0..length {
                    if place > 0 {
                        out.push(b',');
                    }
                    self.write_value(out, depth + 1)?;
                }
                out.push(b']');
            }
            Head::Map(length) => {
                self.within(depth)?;
                out.push(b'{');
                for place in 0..length {
                    if place > 0 {
                        out.push(b',');
                    }
                    self.write_key(out, depth + 1)?;
                    out.push(b':');
                    self.write_value(out, depth + 1)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn write_key(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        let mut key = Vec::new();
        self.write_value(&mut key, depth)?;
        if key.first() == Some(&b'"') {
            out.extend(key);
        } else {
            write_json(out, &String::from_utf8_lossy(&key));
        }
        Ok(())
    }

    /// A text or binary value; `None` for any other, which is passed over.
    fn bytes_or_skip(&mut self) -> Result<Option<&'a [u8]>> {
        let first = self.head()?;
        if let Head::Bytes(bytes) = first {
            return Ok(Some(bytes));
        }
        // Without recursion, so that depth needs no bound: only what is still to come is counted.
        let mut left = first.members();
        while left > 0 {
            left = left - 1 + self.head()?.members();
        }
        Ok(None)
    }
}

impl Head<'_> {
    /// How many values follow that belong to it.
    fn members(&self) -> u64 {
        match self {
            Self::List(length) => u64::from(*length),
            Self::Map(length) => 2 * u64::from(*length),
            _ => 0,
        }
    }
}

fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Infinity and NaN are written as null; writing to memory cannot fail.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend(b"null");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Only what the tests need, and each number and text in a form of its own choosing.
    fn encode(value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Null => out.push(0xc0),
            Value::Bool(flag) => out.push(if *flag { 0xc3 } else { 0xc2 }),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(n), _) if n < 0x80 => out.push(n as u8),
                (Some(n), _) => {
                    out.push(0xcf);
                    out.extend(n.to_be_bytes());
                }
                (None, Some(n)) => {
                    out.push(0xd3);
                    out.extend(n.to_be_bytes());
                }
                _ => {
                    out.push(0xcb);
                    out.extend(number.as_f64().unwrap().to_be_bytes());
                }
            },
            Value::String(text) if text.len() < 32 => {
                out.push(0xa0 | text.len() as u8);
                out.extend(text.bytes());
            }
            Value::String(text) => {
                out.push(0xdb);
                out.extend((text.len() as u32).to_be_bytes());
                out.extend(text.bytes());
            }
            Value::Array(members) => {
                out.push(0xdc);
                out.extend((members.len() as u16).to_be_bytes());
                members.iter().for_each(|member| encode(member, out));
            }
            Value::Object(members) => {
                out.push(0xde);
                out.extend((members.len() as u16).to_be_bytes());
                for (key, member) in members {
                    encode(&Value::String(key.clone()), out);
                    encode(member, out);
                }
            }
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<u64>().prop_map(Value::from),
            (i64::MIN..0).prop_map(Value::from),
            // Exact in few digits: serde_json reads long ones to within a digit.
            (-1_000_000..1_000_000i32).prop_map(|n| Value::from(f64::from(n) / 4.0)),
            ".{0,40}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((".{0,8}", inner), 0..6).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_json_can_say_comes_back(value in json_value()) {
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            let json = to_json(&bytes, 20).expect("well formed");
            prop_assert_eq!(serde_json::from_slice::<Value>(&json).expect("valid JSON"), value);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(json) = to_json(&bytes, 20) {
                serde_json::from_slice::<serde::de::IgnoredAny>(&json).expect("valid JSON");
            }
            let _ = byte_members(&bytes);
        }

        #[test]
        fn what_is_cut_short_is_an_error(value in json_value(), cut in 0usize..100) {
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            bytes.truncate(bytes.len().saturating_sub(1 + cut % bytes.len()));
            prop_assert_eq!(to_json(&bytes, 20), Err(MsgpackError::Short));
        }
    }

    #[test]
    fn nesting_and_leftovers_are_refused() {
        assert_eq!(to_json(&[0x91; 30], 20), Err(MsgpackError::TooDeep { max: 20 }));
        assert_eq!(to_json(&[0xc0, 0xc0], 20), Err(MsgpackError::Trailing(1)));
        assert_eq!(to_json(&[0xc1], 20), Err(MsgpackError::Reserved));
        // A list that says it is longer than anything is.
        assert_eq!(to_json(&[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0], 20), Err(MsgpackError::Short));
    }

    #[test]
    fn what_json_cannot_say_becomes_null_and_keys_become_text() {
        let bytes = [&[0x82, 0x07][..], &[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], &[0xc4, 1, 0xff, 0xd4, 1, 2]].concat();
        assert_eq!(to_json(&bytes, 20).expect("well formed"), "{\"7\":null,\"\u{fffd}\":null}".as_bytes());
    }

    #[test]
    fn members_that_are_bytes_are_found_among_others() {
        let value = json!({ "skipped": { "a": ["b", { "c": "d" }] }, "n": 5, "replay_event": "{}", "e": "" });
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        assert_eq!(byte_members(&bytes), Ok(vec![(&b"replay_event"[..], &b"{}"[..]), (&b"e"[..], &b""[..])]));
        assert_eq!(byte_members(&[0x90]), Err(MsgpackError::NotMap));
    }
}
