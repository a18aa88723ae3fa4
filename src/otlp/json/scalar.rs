//! The small values of OTLP/JSON and every way real exporters write them.
//!
//! Each function is one `deserialize_with`: `null` and nothing are the default. Knows no message by name.

use std::fmt;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Json, Wire};
use crate::otlp::attribute::cut_chars;

/// A message or nothing.
pub(super) fn message<'de, D: Deserializer<'de>, T: Json>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Wire<T>>::deserialize(deserializer)?.map(|wire| wire.0))
}

/// A list of messages. `null`, `{}` and nothing are empty, `null` in it is a default message.
pub(super) fn list<'de, D: Deserializer<'de>, T: Json + Default>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Elements<T>(std::marker::PhantomData<T>);

    impl<'de, T: Json + Default> Visitor<'de> for Elements<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            match map.next_key::<IgnoredAny>()? {
                None => Ok(Vec::new()),
                Some(_) => Err(Error::custom("expected a list, found an object")),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut out = Vec::new();
            while let Some(element) = seq.next_element::<Option<Wire<T>>>()? {
                out.push(element.map(|wire| wire.0).unwrap_or_default());
            }
            Ok(out)
        }
    }

    deserializer.deserialize_any(Elements(std::marker::PhantomData))
}

/// Text. Lone surrogates, which JavaScript lets through and Rust's strings cannot hold, become U+FFFD.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0).unwrap_or_default())
}

/// See [`text`].
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(without_surrogates(bytes.to_vec())))
            }
        }

        // Asked for bytes, serde_json does not insist on UTF-8 and spells a lone surrogate in WTF-8.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

fn without_surrogates(bytes: Vec<u8>) -> String {
    let mut bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    // Both take three bytes, so the one is written over the other.
    for at in 0..bytes.len().saturating_sub(2) {
        if bytes[at] == 0xed && bytes[at + 1] >= 0xa0 {
            bytes[at..at + 3].copy_from_slice("\u{fffd}".as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An id in hex, either case. What is not hex has no bytes, so that it costs its span and not the request.
pub(super) fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = text(deserializer)?;
    let nibble = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect::<Option<Vec<u8>>>();
    Ok(bytes.filter(|_| rest.is_empty()).unwrap_or_default())
}

/// Bytes in base64 of either alphabet, padded or not.
pub(super) fn base64<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    let decode = |alphabet: &Alphabet| {
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(alphabet, config).decode(text)
    };
    decode(&STANDARD).or_else(|_| decode(&URL_SAFE)).map_err(|error| E::custom(format_args!("base64: {error}")))
}

/// A number, however it was written.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    /// Above `i64::MAX`.
    Large(u64),
    Float(f64),
}

impl Number {
    /// Negative numbers and NaN become 0.
    fn to_u64(self) -> u64 {
        match self {
            Self::Int(number) => u64::try_from(number).unwrap_or(0),
            Self::Large(number) => number,
            Self::Float(number) => number as u64,
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Large(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// `42.0` is 42; `None` for what no 64-bit integer holds.
    pub(super) fn to_i64(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Large(_) => None,
            // 2^63 is the first float that does not fit.
            Self::Float(number) => (number.fract() == 0.0 && (-(2_f64.powi(63))..2_f64.powi(63)).contains(&number))
                .then_some(number as i64),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let int = text.parse().map(Self::Int).ok();
        // f64's own parser knows NaN and Infinity, in any case.
        int.or_else(|| text.parse().map(Self::Large).ok()).or_else(|| text.parse().map(Self::Float).ok())
    }
}

struct NumberVisitor(fn(&str) -> Option<Number>);

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Option<Number>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Number::Int(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(i64::try_from(number).map_or(Number::Large(number), Number::Int)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Number::Float(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Ok(None);
        }
        match (self.0)(text) {
            None => Err(E::custom(format_args!("expected a number, found \"{}\"", cut_chars(text, 40)))),
            number => Ok(number),
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Any number, as itself or in quotes.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Number>, D::Error> {
    deserializer.deserialize_any(NumberVisitor(Number::parse))
}

/// See [`number`].
#[derive(Default)]
pub(super) struct AnyNumber(pub(super) Option<Number>);

impl<'de> Deserialize<'de> for AnyNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(Self)
    }
}

impl Json for AnyNumber {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Nanoseconds and counts of 64 bits; negative numbers become 0.
pub(super) fn uint64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(number(deserializer)?.map_or(0, Number::to_u64))
}

/// Counts and flags of 32 bits; larger ones become `u32::MAX`.
pub(super) fn uint32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::try_from(uint64(deserializer)?).unwrap_or(u32::MAX))
}

/// Offsets and scales; saturates.
pub(super) fn sint32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    Ok(number(deserializer)?.map_or(0, |number| number.to_f64() as i32))
}

/// A float; missing is 0.
pub(super) fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(number(deserializer)?.map_or(0.0, Number::to_f64))
}

/// A float or nothing.
pub(super) fn maybe_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(number(deserializer)?.map(Number::to_f64))
}

/// A list of counts. As of messages, `null`, `{}` and nothing are empty.
pub(super) fn uint64s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let numbers: Vec<AnyNumber> = list(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.0.map_or(0, Number::to_u64)).collect())
}

/// A list of floats, likewise.
pub(super) fn doubles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let numbers: Vec<AnyNumber> = list(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.0.map_or(0.0, Number::to_f64)).collect())
}

/// A boolean; missing is false.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An enum as its number, or as its name with or without `prefix` in any case; unknown names are 0. (The
/// specification allows numbers only; producers built on protojson send names.)
pub(super) fn enumeration<'de, D: Deserializer<'de>>(
    deserializer: D,
    named: fn(&str) -> Option<Number>,
) -> Result<i32, D::Error> {
    Ok(deserializer.deserialize_any(NumberVisitor(named))?.map_or(0, |number| number.to_f64() as i32))
}

/// What an [`enumeration`] does with text: `values` are the names without the prefix they share.
pub(super) fn enum_number(text: &str, prefix: &str, values: &[(&str, i32)]) -> Option<Number> {
    let text = text.trim();
    let has_prefix = text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let name = if has_prefix { &text[prefix.len()..] } else { text };
    let known = values.iter().find(|(value, _)| value.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    known.map(|number| Number::Int(number.into())).or_else(|| Number::parse(text)).or(Some(Number::Int(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_are_replaced_and_other_text_kept() {
        assert_eq!(without_surrogates(b"a\xed\xa0\x80b\xed\x9f\xbf".to_vec()), "a\u{fffd}b\u{d7ff}");
        assert_eq!(without_surrogates(b"\xed\xa0".to_vec()), "\u{fffd}\u{fffd}");
        assert_eq!(without_surrogates("čaj".into()), "čaj");
    }

    #[test]
    fn numbers_keep_what_64_bits_can_hold() {
        assert_eq!(Number::parse(" 9223372036854775807 ").and_then(Number::to_i64), Some(i64::MAX));
        assert_eq!(Number::parse("9223372036854775808").and_then(Number::to_i64), None);
        assert_eq!(Number::parse("18446744073709551615").map(Number::to_u64), Some(u64::MAX));
        assert_eq!(Number::parse("-1").map(Number::to_u64), Some(0));
        assert_eq!(Number::parse("1e3").and_then(Number::to_i64), Some(1000));
        assert!(Number::parse("soon").is_none());
    }

    #[test]
    fn base64_of_both_alphabets_is_read_and_the_rest_refused() {
        type E = serde::de::value::Error;
        for text in ["/+8=", "/+8", "_-8=", "_-8"] {
            assert_eq!(base64::<E>(text), Ok(vec![0xff, 0xef]), "{text}");
        }
        assert!(base64::<E>("!").is_err());
    }
}
