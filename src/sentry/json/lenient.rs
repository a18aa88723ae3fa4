//! Wire types that accept what SDKs really send: numbers as text, lists as single objects, maps as pair lists.
//!
//! None of them ever fails on a type, only on syntax: the wrong type costs the value, never what surrounds it. All
//! borrow from the text, let the last of duplicate keys win, and bound what they keep.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value without members, whatever its type; lists and objects count as absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Int(i64),
    UInt(u64),
    Float(f64),
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// The value as JSON would write it, without quotes. `None` when absent or empty.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Absent => return None,
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Int(n) => Cow::Owned(n.to_string()),
            Self::UInt(n) => Cow::Owned(n.to_string()),
            Self::Float(n) => Cow::Owned(n.to_string()),
            Self::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
        };
        (!text.is_empty()).then_some(text)
    }

    /// As Sentry turns tag values and fingerprints into text: `True` for true, `1` for 1.5.
    pub(crate) fn python_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Bool(b) => Some(Cow::Borrowed(if *b { "True" } else { "False" })),
            Self::Float(n) => Some(Cow::Owned((n.trunc() + 0.0).to_string())),
            _ => self.text(),
        }
    }

    /// [`Scalar::text`], cut to so many characters.
    pub(crate) fn limited(&self, chars_max: usize) -> Option<String> {
        self.text().map(|text| cut(&text, chars_max))
    }

    /// Text only if it was sent as text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whole numbers, floats (cut off) and numeric text. `None` for anything negative.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::UInt(n) => Some(*n),
            Self::Int(n) => u64::try_from(*n).ok(),
            Self::Float(n) if *n >= 0.0 && *n < 1.8e19 => Some(*n as u64),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Booleans, 0 and 1, and the words for them.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            Self::Int(0) | Self::UInt(0) => Some(false),
            Self::Int(1) | Self::UInt(1) => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

/// At most `chars_max` characters, the last three being `...` when something was cut; NUL becomes U+FFFD, because it
/// ends a text in too many tools.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let is_long = text.len() > chars_max && text.chars().nth(chars_max).is_some();
    let kept = if is_long {
        let end = text.char_indices().nth(chars_max.saturating_sub(3)).map_or(text.len(), |(at, _)| at);
        let end = if chars_max >= LONG_CHARS_MIN { whole_words_end(text, end) } else { end };
        format!("{}...", &text[..end])
    } else {
        text.to_owned()
    };
    if kept.contains('\0') { kept.replace('\0', "\u{fffd}") } else { kept }
}

/// Texts allowed to be this long may hold anything.
const LONG_CHARS_MIN: usize = 1024;
/// How far a cut is moved to fall between words.
const WORD_BYTES_MAX: usize = 256;
/// Groups of four that a card or account number is written in.
const NUMBER_GROUPS_MAX: usize = 12;

/// The last place before `end` where a text may be cut without halving a word, a URL or a number in groups: half of a
/// secret is a secret that no rule recognises. `end` itself when there is none nearby.
pub(crate) fn whole_words_end(text: &str, end: usize) -> usize {
    let bytes = &text.as_bytes()[..end];
    let ends_word = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>,;&".contains(byte);
    let nearest = bytes.len().saturating_sub(WORD_BYTES_MAX);
    let Some(mut at) = bytes[nearest..].iter().rposition(ends_word).map(|found| nearest + found) else { return end };
    for _ in 0..NUMBER_GROUPS_MAX {
        let group =
            bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).count();
        let before = at - group;
        if group == 0 || group > 4 {
            break;
        }
        if before == 0 {
            return 0;
        }
        at = match bytes[before - 1] {
            b' ' | b'-' => before - 1,
            byte if ends_word(&byte) => before,
            _ => break,
        };
    }
    at
}

/// An object of known members. Implemented by [`wire_object!`].
pub(crate) trait WireObject<'de>: Default {
    /// Reads the value of `key` into its field, or skips it.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;

    /// What a bare text in place of the object means.
    fn of_text(_text: Cow<'de, str>) -> Option<Self> {
        None
    }
}

/// Declares a struct that reads its fields from the JSON keys given, aliases separated by `|`.
macro_rules! wire_object {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty = $($key:literal)|+ ),* $(,)? }
        $(text $text:ident)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $name<'a> {
            $( $(#[$field_meta])* pub(crate) $field: $type, )*
        }

        impl<'a> $crate::sentry::json::WireObject<'a> for $name<'a> {
            fn take<A: serde::de::MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $( $($key)|+ => self.$field = map.next_value()?, )*
                    _ => {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
                Ok(())
            }

            $(fn of_text(text: std::borrow::Cow<'a, str>) -> Option<Self> {
                Some(Self { $text: $crate::sentry::json::Scalar::Text(text), ..Self::default() })
            })?
        }
    };
}
pub(crate) use wire_object;

/// An object, or `None` when something else was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Object<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

/// A list sent bare, as `{"values": […]}` or as its only member. Members that are no objects are skipped. The first
/// `HEAD` and the last `TAIL` members are kept, the rest is counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed<T, const HEAD: usize, const TAIL: usize> {
    pub(crate) members: Vec<T>,
    pub(crate) omitted: u64,
}

impl<T, const HEAD: usize, const TAIL: usize> Default for Listed<T, HEAD, TAIL> {
    fn default() -> Self {
        Self { members: Vec::new(), omitted: 0 }
    }
}

impl<T, const HEAD: usize, const TAIL: usize> Listed<T, HEAD, TAIL> {
    fn push(&mut self, member: T) {
        // Trimmed in steps of TAIL, so that a long list costs no more than a short one per member.
        if self.members.len() >= HEAD + 2 * TAIL {
            self.trim();
        }
        self.members.push(member);
    }

    fn trim(&mut self) {
        let excess = self.members.len().saturating_sub(HEAD + TAIL);
        if excess > 0 {
            self.members.drain(HEAD..HEAD + excess);
            self.omitted += excess as u64;
        }
    }
}

/// Members kept of one map; a hostile map would otherwise cost eleven times its bytes.
const ENTRIES_MAX: usize = 4096;

/// A map, or a list of pairs, in the order sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entries<'a, V>(pub(crate) Vec<(Cow<'a, str>, V)>);

impl<V> Default for Entries<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Entries<'_, V> {
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value)
    }
}

/// A member name, borrowed unless it had escapes.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The visits that mean "something else was sent".
macro_rules! absent {
    ($absent:expr; $($visit:ident($type:ty)),*) => {
        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> { Ok($absent) })*
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($absent) }
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("any json") }
    };
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;
            absent!(Scalar::Absent;);
            fn visit_bool<E>(self, b: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Bool(b))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Int(n))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::UInt(n))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Float(n))
            }
            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scalar<'de>, A::Error> {
                skip_list(list).map(|()| Scalar::Absent)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar<'de>, A::Error> {
                skip_map(map).map(|()| Scalar::Absent)
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl<'de, T: WireObject<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: WireObject<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            absent!(Object(None); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64));
            fn visit_str<E>(self, text: &str) -> Result<Object<T>, E> {
                Ok(Object(T::of_text(Cow::Owned(text.to_owned()))))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Object<T>, E> {
                Ok(Object(T::of_text(Cow::Borrowed(text))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Object<T>, A::Error> {
                skip_list(list).map(|()| Object(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut object = T::default();
                while let Some(Key(key)) = map.next_key()? {
                    object.take(&key, &mut map)?;
                }
                Ok(Object(Some(object)))
            }
        }
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: WireObject<'de>, const HEAD: usize, const TAIL: usize> Deserialize<'de> for Listed<T, HEAD, TAIL> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const HEAD: usize, const TAIL: usize>(PhantomData<T>);
        impl<'de, T: WireObject<'de>, const HEAD: usize, const TAIL: usize> Visitor<'de> for ListVisitor<T, HEAD, TAIL> {
            type Value = Listed<T, HEAD, TAIL>;
            absent!(Listed::default(); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut kept = Listed::default();
                while let Some(Object(member)) = list.next_element::<Object<T>>()? {
                    if let Some(member) = member {
                        kept.push(member);
                    }
                }
                kept.trim();
                Ok(kept)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = None;
                let mut only = T::default();
                while let Some(Key(key)) = map.next_key()? {
                    if key == "values" {
                        values = Some(map.next_value()?);
                    } else {
                        only.take(&key, &mut map)?;
                    }
                }
                Ok(values.unwrap_or_else(|| Listed { members: vec![only], omitted: 0 }))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
            type Value = Entries<'de, V>;
            absent!(Entries::default(); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Pair(pair)) = list.next_element::<Pair<'de, V>>()? {
                    entries.extend(pair.filter(|_| entries.len() < ENTRIES_MAX));
                }
                Ok(Entries(entries))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while entries.len() < ENTRIES_MAX {
                    let Some(Key(key)) = map.next_key()? else { return Ok(Entries(entries)) };
                    entries.push((key, map.next_value()?));
                }
                skip_map(map)?;
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_any(EntriesVisitor(PhantomData))
    }
}

/// `[key, value]`; `None` for anything else.
struct Pair<'a, V>(Option<(Cow<'a, str>, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pair<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for PairVisitor<V> {
            type Value = Pair<'de, V>;
            absent!(Pair(None); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let Some(key) = list.next_element::<Scalar<'de>>()? else { return Ok(Pair(None)) };
                let Some(value) = list.next_element::<V>()? else { return Ok(Pair(None)) };
                skip_list(list)?;
                let key = match key {
                    Scalar::Text(text) => Some(text),
                    other => other.text().map(|text| Cow::Owned(text.into_owned())),
                };
                Ok(Pair(key.map(|key| (key, value))))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                skip_map(map).map(|()| Pair(None))
            }
        }
        deserializer.deserialize_any(PairVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    wire_object! {
        /// A member with a name.
        Named { name: Scalar<'a> = "name" | "alias", other: Scalar<'a> = "other" } text name
    }

    fn read<'a, T: Deserialize<'a>>(json: &'a str) -> T {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn scalars_take_any_type() {
        assert_eq!(read::<Scalar<'_>>("\"a\"").text().as_deref(), Some("a"));
        assert_eq!(read::<Scalar<'_>>("12").text().as_deref(), Some("12"));
        assert_eq!(read::<Scalar<'_>>("true").text().as_deref(), Some("true"));
        assert_eq!(read::<Scalar<'_>>("[1,[2]]").text(), None);
        assert_eq!(read::<Scalar<'_>>("{\"a\":{}}").text(), None);
        assert_eq!(read::<Scalar<'_>>("null").text(), None);
    }

    #[test]
    fn numbers_and_flags_come_as_text_too() {
        for json in ["7", "7.9", "\" 7 \""] {
            assert_eq!(read::<Scalar<'_>>(json).unsigned(), Some(7), "{json}");
        }
        assert_eq!(read::<Scalar<'_>>("-7").unsigned(), None);
        for json in ["true", "1", "\"True\""] {
            assert_eq!(read::<Scalar<'_>>(json).flag(), Some(true), "{json}");
        }
    }

    #[test]
    fn python_text_is_what_sentry_makes_of_tag_values() {
        assert_eq!(read::<Scalar<'_>>("true").python_text().as_deref(), Some("True"));
        assert_eq!(read::<Scalar<'_>>("1.5").python_text().as_deref(), Some("1"));
        assert_eq!(read::<Scalar<'_>>("-0.5").python_text().as_deref(), Some("0"));
    }

    #[test]
    fn lists_come_in_three_shapes_and_lose_bad_members() {
        for json in [
            r#"[{"name":"a"}]"#,
            r#"{"values":[null,{"alias":"a"},3,[]]}"#,
            r#"{"name":"a"}"#,
            r#"{"x":1,"values":["a"]}"#,
        ] {
            let list: Listed<Named<'_>, 2, 2> = read(json);
            let names: Vec<_> = list.members.iter().map(|m| m.name.as_str()).collect();
            assert_eq!(names, [Some("a")], "{json}");
        }
        assert!(read::<Listed<Named<'_>, 2, 2>>("\"x\"").members.is_empty());
        assert!(read::<Listed<Named<'_>, 2, 2>>(r#"{"values":null}"#).members.is_empty());
    }

    #[test]
    fn long_lists_keep_both_ends() {
        let json = format!("[{}]", (0..50).map(|n| format!("{{\"name\":{n}}}")).collect::<Vec<_>>().join(","));
        let list: Listed<Named<'_>, 2, 3> = read(&json);
        let names: Vec<_> = list.members.iter().filter_map(|m| m.name.unsigned()).collect();
        assert_eq!((names, list.omitted), (vec![0, 1, 47, 48, 49], 45));
    }

    #[test]
    fn the_last_of_duplicate_keys_wins() {
        assert_eq!(read::<Object<Named<'_>>>(r#"{"name":1,"name":2}"#).0.and_then(|n| n.name.unsigned()), Some(2));
    }

    #[test]
    fn entries_come_as_map_or_pairs_in_order() {
        for json in [r#"{"b":1,"a":2}"#, r#"[["b",1],["a",2,3],["x"],null,"y"]"#] {
            let Entries(entries) = read::<Entries<'_, Scalar<'_>>>(json);
            let keys: Vec<_> = entries.iter().map(|(key, _)| key.as_ref()).collect();
            assert_eq!(keys, ["b", "a"], "{json}");
        }
    }

    #[test]
    fn cuts_fall_between_words_urls_and_numbers() {
        let end = |text: &str| text[..whole_words_end(text, text.len())].to_owned();
        assert_eq!(end("one two thr"), "one two");
        assert_eq!(end("db at postgres://shop:hunt"), "db at postgres:/");
        assert_eq!(end("card 4111 1111 1111 11"), "card");
        assert_eq!(end("card 4111-1111-1111-11"), "card");
        assert_eq!(end("to DE89 3704 0044 05"), "to");
        assert_eq!(end("Authorization: Bearer abc"), "Authorization: Bearer");
        assert_eq!(end("4111 1111 1111 11"), "");
        assert_eq!(end("oneword"), "oneword");
        assert_eq!(end("ä\u{2003}öü"), "ä\u{2003}öü");
        let long = format!("a {}", "x".repeat(300));
        assert_eq!(end(&long), long);
        let text = format!("{} https://u:secret@h", "x".repeat(1012));
        assert!(!cut(&text, 1024).contains("sec"), "{}", cut(&text, 1024));
    }

    #[test]
    fn long_texts_end_in_dots() {
        assert_eq!(cut("äöüäöü", 6), "äöüäöü");
        assert_eq!(cut("äöüäöüä", 6), "äöü...");
        assert_eq!(cut("a\0b", 6), "a\u{fffd}b");
    }
}
