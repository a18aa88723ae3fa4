//! A shorter copy of a value that is too large: valid JSON still, every name kept as long as there is room.
//!
//! What there is room for is shared out fairly: small members stay whole, the large ones are cut to the same size. So
//! one long text among the variables of a frame does not cost its neighbours.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::sentry::json::lenient::whole_words_end;
use crate::sentry::json::{Entries, Scalar};

/// Levels taken apart; each is scanned once more. What lies deeper is cut as text.
const LEVELS_MAX: usize = 8;
/// Below this a list or an object is not worth its brackets.
const CONTAINER_BYTES_MIN: usize = 32;
/// A member gets at least this much, or is left out with those after it.
const SHARE_BYTES_MIN: usize = 16;
/// The shortest text that says something was cut.
const CUT_TEXT: &str = "\"...\"";

/// A member of the outermost object that was cut or left out, and its bytes before; of the whole value when the name
/// is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) name: String,
    pub(crate) bytes: usize,
}

/// At most `bytes_max` bytes of the value, and at most `member_bytes_max` of each member of an object.
pub(crate) fn shorten(json: &str, bytes_max: usize, member_bytes_max: usize, cuts: &mut Vec<Cut>) -> String {
    let mut out = String::with_capacity(bytes_max.min(json.len()));
    let members = match json.starts_with('{') {
        true => serde_json::from_str::<Entries<'_, &RawValue>>(json).unwrap_or_default().0,
        false => Vec::new(),
    };
    if members.is_empty() {
        write(json, bytes_max, LEVELS_MAX, &mut out);
        if out.len() < json.len() {
            cuts.push(Cut { name: String::new(), bytes: json.len() });
        }
        return out;
    }
    write_object(&members, bytes_max, member_bytes_max, LEVELS_MAX, &mut out, &mut |name, bytes| {
        cuts.push(Cut { name: name.to_owned(), bytes });
    });
    out
}

/// At most so many characters of a JSON text, ending in dots.
pub(crate) fn shorten_text(json: &str, chars_max: usize) -> Option<String> {
    let Ok(Scalar::Text(text)) = serde_json::from_str::<Scalar<'_>>(json) else { return None };
    serde_json::to_string(&super::lenient::cut(&text, chars_max)).ok()
}

fn write(json: &str, bytes_max: usize, levels: usize, out: &mut String) {
    if json.len() <= bytes_max {
        out.push_str(json);
        return;
    }
    let is_apart = levels > 0 && bytes_max >= CONTAINER_BYTES_MIN;
    match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Scalar<'_>>(json) {
            Ok(Scalar::Text(text)) => write_text(&text, bytes_max, out),
            _ => out.push_str(CUT_TEXT),
        },
        Some(b'{') if is_apart => {
            let members: Entries<'_, &RawValue> = serde_json::from_str(json).unwrap_or_default();
            write_object(&members.0, bytes_max, usize::MAX, levels, out, &mut |_, _| {});
        }
        Some(b'[') if is_apart => {
            let members: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            write_list(&members, bytes_max, levels, out);
        }
        Some(b'{' | b'[') => write_text(json, bytes_max, out),
        // A number of so many digits is none that anybody can read.
        _ => out.push_str("null"),
    }
}

fn write_object(
    members: &[(Cow<'_, str>, &RawValue)],
    bytes_max: usize,
    member_bytes_max: usize,
    levels: usize,
    out: &mut String,
    on_cut: &mut dyn FnMut(&str, usize),
) {
    let names: Vec<String> = members.iter().map(|(name, _)| serde_json::to_string(name).unwrap_or_default()).collect();
    let sizes = members.iter().map(|(_, value)| value.get().len().min(member_bytes_max));
    let (kept, share) = shares(names.iter().map(String::len).zip(sizes), bytes_max);
    out.push('{');
    for (at, ((name, value), quoted)) in members.iter().zip(&names).enumerate() {
        let json = value.get();
        if at >= kept {
            on_cut(name, json.len());
            continue;
        }
        if at > 0 {
            out.push(',');
        }
        out.push_str(quoted);
        out.push(':');
        let most = share.min(member_bytes_max);
        if json.len() > most {
            on_cut(name, json.len());
        }
        write(json, most, levels - 1, out);
    }
    out.push('}');
}

fn write_list(members: &[&RawValue], bytes_max: usize, levels: usize, out: &mut String) {
    let (kept, share) = shares(members.iter().map(|value| (0, value.get().len())), bytes_max);
    out.push('[');
    for (at, value) in members.iter().take(kept).enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(value.get(), share, levels - 1, out);
    }
    out.push(']');
}

/// How many members there is room for, in their order, and the most that one of them may take.
fn shares(members: impl Iterator<Item = (usize, usize)>, bytes_max: usize) -> (usize, usize) {
    // Brackets; then comma and colon of each.
    let mut room = bytes_max.saturating_sub(2);
    let mut sizes = Vec::new();
    let mut least = 0;
    for (name, size) in members {
        let fixed = name + 2;
        let needed = least + fixed + size.min(SHARE_BYTES_MIN);
        if needed > room {
            break;
        }
        room -= fixed;
        least += size.min(SHARE_BYTES_MIN);
        sizes.push(size);
    }
    let kept = sizes.len();
    sizes.sort_unstable();
    for (at, size) in sizes.into_iter().enumerate() {
        let share = room / (kept - at);
        if size > share {
            return (kept, share);
        }
        room -= size;
    }
    (kept, usize::MAX)
}

fn write_text(text: &str, bytes_max: usize, out: &mut String) {
    let escaped_len = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        // Written as U+FFFD.
        c if c < ' ' => 3,
        c => c.len_utf8(),
    };
    // Quotes and dots.
    let mut room = bytes_max.saturating_sub(CUT_TEXT.len());
    let fits = |(_, c): &(usize, char)| {
        let len = escaped_len(*c);
        let is_room = len <= room;
        room = room.saturating_sub(len);
        is_room
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    out.push('"');
    for c in text[..whole_words_end(text, end)].chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push_str("...\"");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn short(value: &Value, bytes_max: usize) -> (Value, Vec<String>) {
        let mut cuts = Vec::new();
        let out = shorten(&value.to_string(), bytes_max, usize::MAX, &mut cuts);
        assert!(out.len() <= bytes_max, "{out}");
        (serde_json::from_str(&out).expect("json"), cuts.into_iter().map(|cut| cut.name).collect())
    }

    #[test]
    fn small_members_stay_whole_and_large_ones_share_the_room() {
        let value = json!({"a": 1, "long": "x".repeat(500), "b": [1, 2], "list": (0..300).collect::<Vec<_>>()});
        let (out, cuts) = short(&value, 200);
        assert_eq!((&out["a"], &out["b"]), (&json!(1), &json!([1, 2])));
        assert!(out["long"].as_str().is_some_and(|text| text.len() > 60 && text.ends_with("...")), "{out}");
        assert!(out["list"].as_array().is_some_and(|list| list.len() > 10), "{out}");
        assert_eq!(cuts, ["long", "list"]);
    }

    #[test]
    fn names_without_room_are_left_out_and_told() {
        let value: Value = (0..100).map(|n| (format!("name-{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let (out, cuts) = short(&value, 100);
        let kept = out.as_object().map_or(0, |map| map.len());
        assert!(kept > 3 && kept + cuts.len() == 100, "{out}");
    }

    #[test]
    fn texts_numbers_and_depths_are_cut_too() {
        assert_eq!(short(&json!("é\"\n".repeat(50)), 20).0, json!("é\"\né\"..."));
        assert_eq!(short(&json!("a"), 3).0, json!("a"));
        let mut deep = json!("x".repeat(100));
        for _ in 0..30 {
            deep = json!({ "d": deep });
        }
        assert!(short(&deep, 120).0.to_string().ends_with("...\"}}}}}}}}"), "{}", short(&deep, 120).0);
        let mut cuts = Vec::new();
        assert_eq!(shorten(&"9".repeat(100), 50, 50, &mut cuts), "null");
    }

    #[test]
    fn texts_are_cut_by_characters() {
        assert_eq!(shorten_text("\"äöüäöüä\"", 6).as_deref(), Some("\"äöü...\""));
        assert_eq!(shorten_text("[1]", 6), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_out_is_json_within_the_limit(
            names in prop::collection::vec(".{0,12}", 0..12), texts in prop::collection::vec(".{0,60}", 0..12),
            depth in 0..12_usize, bytes_max in 64..300_usize,
        ) {
            let mut value: Value = names.iter().cloned().zip(texts.iter().map(|t| json!([t, 1, {"k": t}])))
                .collect::<serde_json::Map<_, _>>().into();
            for _ in 0..depth {
                value = json!([value, texts]);
            }
            let mut cuts = Vec::new();
            let out = shorten(&value.to_string(), bytes_max, 100, &mut cuts);
            prop_assert!(out.len() <= bytes_max, "{} > {}", out.len(), bytes_max);
            prop_assert!(serde_json::from_str::<Value>(&out).is_ok(), "{}", out);
        }
    }
}
