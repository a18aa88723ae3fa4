//! JSON from strangers: checked for depth, repaired when a known SDK habit broke it, read without trusting any type.
//!
//! Knows nothing of events. Everything above it reads through [`read_object`], so no payload is parsed unchecked.

mod flatten;
pub(crate) mod lenient;
mod repair;
mod scan;
pub(crate) mod shorten;

use std::borrow::Cow;

use thiserror::Error;

pub(crate) use flatten::{Flattened, flatten};
pub(crate) use lenient::{Entries, Listed, Object, Scalar, WireObject, wire_object};
pub(crate) use repair::repair;
use scan::{Look, look};
pub(crate) use scan::{depth_within, has_lone_surrogate};

/// Why a payload is not usable JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("payload is empty")]
    Empty,
    #[error("payload is nested deeper than {max} levels")]
    TooDeep { max: usize },
    #[error("payload is not a json object but starts with {start:?}")]
    NotObject { start: char },
    /// The parser's words, bounded.
    #[error("payload is not json: {problem}")]
    Syntax { problem: String },
}

/// Reads a JSON object with `read`, repairing the text first or on failure.
///
/// Returns what was read and the text it was read from: what was sent, or the repaired copy.
pub(crate) fn read_object<'p, T>(
    payload: &'p [u8],
    depth_max: usize,
    read: impl Fn(&str) -> serde_json::Result<T>,
) -> Result<(T, Cow<'p, [u8]>), JsonError> {
    let start = payload.iter().position(|b| !b.is_ascii_whitespace()).ok_or(JsonError::Empty)?;
    let look = look(payload, depth_max);
    if look == Look::TooDeep {
        return Err(JsonError::TooDeep { max: depth_max });
    }
    let is_whole = look == Look::Whole || !has_lone_surrogate(payload);
    let sound = std::str::from_utf8(payload).ok().filter(|_| is_whole);
    let problem = match sound.map(&read) {
        Some(Ok(value)) if payload[start] == b'{' => return Ok((value, Cow::Borrowed(payload))),
        Some(Ok(_)) => return Err(JsonError::NotObject { start: char::from(payload[start]) }),
        Some(Err(error)) => Some(error),
        None => None,
    };
    let Some(repaired) = repair(payload) else {
        // Nothing to mend. A text that was not even tried only looked broken: `\\ud800` is six characters, not a half.
        return match std::str::from_utf8(payload).ok().filter(|_| problem.is_none()).map(&read) {
            Some(Ok(value)) if payload[start] == b'{' => Ok((value, Cow::Borrowed(payload))),
            Some(Ok(_)) => Err(JsonError::NotObject { start: char::from(payload[start]) }),
            Some(Err(error)) => Err(syntax(Some(error))),
            None => Err(syntax(problem)),
        };
    };
    match read(&repaired) {
        Ok(value) if repaired.trim_start().starts_with('{') => Ok((value, Cow::Owned(repaired.into_bytes()))),
        Ok(_) => Err(JsonError::NotObject { start: char::from(payload[start]) }),
        Err(error) => Err(syntax(problem.or(Some(error)))),
    }
}

fn syntax(problem: Option<serde_json::Error>) -> JsonError {
    let text = problem.map_or_else(|| "not utf-8".to_owned(), |error| error.to_string());
    JsonError::Syntax { problem: lenient::cut(&text, 200) }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn read(payload: &[u8]) -> Result<Cow<'_, [u8]>, JsonError> {
        read_object(payload, 10, |text| serde_json::from_str::<IgnoredAny>(text)).map(|(_, body)| body)
    }

    #[test]
    fn sound_objects_are_not_copied() {
        assert!(matches!(read(br#" {"a":1}"#), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn python_literals_and_lone_surrogates_are_repaired() {
        assert_eq!(read(br#"{"a":NaN}"#), Ok(Cow::Owned(br#"{"a":null}"#.to_vec())));
        assert_eq!(read(br#"{"a":"\ud800"}"#), Ok(Cow::Owned(br#"{"a":"\ufffd"}"#.to_vec())));
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Ok(Cow::Owned("{\"a\":\"\u{fffd}\"}".as_bytes().to_vec())));
    }

    /// As Python itself says it: `can't encode character '\ud83d'`.
    #[test]
    fn an_escaped_backslash_before_a_half_surrogate_is_text() {
        for sound in [&br#"{"a":"\\ud83d"}"#[..], br#"{"a":"[\\ud800-\\udfff]"}"#] {
            assert_eq!(read(sound), Ok(Cow::Borrowed(sound)));
        }
        let mixed = read(br#"{"a":"\\ud83d \ud83d"}"#);
        assert_eq!(mixed, Ok(Cow::Owned(br#"{"a":"\\ud83d \ufffd"}"#.to_vec())));
        assert_eq!(read(br#"["\\ud800"]"#), Err(JsonError::NotObject { start: '[' }));
    }

    #[test]
    fn other_things_are_refused_with_the_reason() {
        assert_eq!(read(b" "), Err(JsonError::Empty));
        assert_eq!(read(b"[]"), Err(JsonError::NotObject { start: '[' }));
        assert_eq!(read(br#"{"a":[[[[[[[[[[[[]]]]]]]]]]]]}"#), Err(JsonError::TooDeep { max: 10 }));
        assert!(matches!(read(br#"{"a":"#), Err(JsonError::Syntax { .. })));
    }
}
