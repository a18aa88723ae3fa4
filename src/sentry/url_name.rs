//! A name made of an address, without the parts that differ from request to request.
//!
//! Where a framework has no route to offer, an SDK names the transaction after the URL (Channels sends
//! `ws://host:port/ws/room/123/`), and every room would be a line of its own in a list. Pure text in, text out; what was
//! sent stays in the payload.

/// What stands where an id stood.
const ID: &str = "*";
/// Fewer hexadecimal digits than this may well be a word.
const HASH_CHARS_MIN: usize = 8;
/// Random tokens are at least this long; words with capitals and digits are shorter.
const TOKEN_CHARS_MIN: usize = 20;

/// `ws://h:1/room/42/?x=1` as `ws://h:1/room/*/`; a method in front stays.
pub(super) fn without_ids(name: &str) -> String {
    let (before, address) = match name.split_once(' ') {
        Some((method, rest)) if is_method(method) => (&name[..=method.len()], rest),
        _ => ("", name),
    };
    let address = address.split(['?', '#']).next().unwrap_or_default();
    // Scheme and host are no path; a port is a number that means something.
    let path_at = match address.find("://") {
        Some(at) => address[at + 3..].find('/').map_or(address.len(), |slash| at + 3 + slash),
        None => 0,
    };
    let (origin, path) = address.split_at(path_at);
    let mut out = String::with_capacity(name.len());
    out.push_str(before);
    out.push_str(origin);
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        push_segment(&mut out, segment);
    }
    out
}

fn is_method(word: &str) -> bool {
    (3..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// One part of a path: gone as a whole when it is an id, else without the numbers in it (`order-42`, `img_001.png`).
fn push_segment(out: &mut String, segment: &str) {
    if is_id(segment) {
        out.push_str(ID);
        return;
    }
    let is_mark = |c: char| matches!(c, '-' | '_' | '.' | ',' | ':' | '~' | '+' | '=');
    let mut rest = segment;
    loop {
        let end = rest.find(is_mark).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        out.push_str(if is_number(word) || is_hash(word) { ID } else { word });
        let Some(mark) = tail.chars().next() else { return };
        out.push(mark);
        rest = &tail[mark.len_utf8()..];
    }
}

/// A UUID, a number, a hash, a random token, or somebody's e-mail address.
fn is_id(segment: &str) -> bool {
    is_number(segment)
        || is_hash(segment)
        || is_uuid(segment)
        || is_token(segment)
        || segment.contains('@')
        || segment.contains("%40")
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix("0x").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match digits {
        Some(hex) => !hex.is_empty(),
        None => !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_hash(word: &str) -> bool {
    word.len() >= HASH_CHARS_MIN
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_token(segment: &str) -> bool {
    let has = |of: fn(&u8) -> bool| segment.as_bytes().iter().any(of);
    segment.len() >= TOKEN_CHARS_MIN
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_become_stars_and_the_rest_stays() {
        for (name, expected) in [
            ("ws://127.0.0.1:8001/ws/room/123/", "ws://127.0.0.1:8001/ws/room/*/"),
            ("GET /orders/42?page=3#top", "GET /orders/*"),
            ("/users/3fa85f64-5717-4562-b3fc-2c963f66afa6/edit", "/users/*/edit"),
            ("/commit/9f86d081884c7d65", "/commit/*"),
            ("/o/0x1F/2026-11-21", "/o/*/*-*-*"),
            ("/img_001.png", "/img_*.png"),
            ("/reset/dGhpc0lzQVJhbmRvbVRva2Vu42", "/reset/*"),
            ("/by/ada@example.com", "/by/*"),
            ("/api/v2/python3/added/facade", "/api/v2/python3/added/facade"),
            ("https://shop.example", "https://shop.example"),
            ("/", "/"),
            ("", ""),
            ("generic WSGI request", "generic WSGI request"),
        ] {
            assert_eq!(without_ids(name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_fine_and_twice_is_once(name in "\\PC{0,80}") {
            let once = without_ids(&name);
            prop_assert_eq!(without_ids(&once), once.clone());
        }

        #[test]
        fn no_number_is_left(number in 0_u64.., word in "[a-z]{1,12}") {
            prop_assert_eq!(without_ids(&format!("/{word}/{number}/")), format!("/{word}/*/"));
        }
    }
}
