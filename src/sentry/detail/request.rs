//! The HTTP request as shown: every shape the protocol allows, as pairs.

use serde_json::Value;

use crate::config::event::{DATA_DEPTH_MAX, URL_CHARS_MAX};
use crate::model::detail::{Pair, RequestDetail};
use crate::sentry::detail::{Raw, parse, shallow, variables};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Entries, Scalar, wire_object};

wire_object! {
    WireRequestDetail {
        method: Scalar<'a> = "method",
        url: Scalar<'a> = "url",
        /// A text, a map or a list of pairs; so are cookies.
        query_string: Raw<'a> = "query_string" | "query",
        headers: Raw<'a> = "headers",
        cookies: Raw<'a> = "cookies",
        env: Entries<'a, Raw<'a>> = "env",
        data: Raw<'a> = "data",
    }
}

pub(super) fn request(wire: &WireRequestDetail<'_>) -> RequestDetail {
    let mut url = wire.url.limited(8192);
    let (data, inferred_content_type) = data(wire.data);
    let mut query = match text(wire.query_string) {
        Some(query) => query_pairs(query.trim_start_matches('?')),
        None => pairs(wire.query_string),
    };
    if query.is_empty()
        && let Some((before, after)) = url.as_deref().and_then(|url| url.split_once('?'))
    {
        query = query_pairs(after.split('#').next().unwrap_or_default());
        url = Some(before.to_owned());
    }
    // Query and fragment are not part of it, whoever sent them again.
    let url = url.and_then(|url| url.split(['?', '#']).next().map(|url| cut(url, URL_CHARS_MAX)));
    let mut headers = pairs(wire.headers);
    for header in &mut headers {
        header.key = canonical(&header.key);
    }
    let mut cookies = match text(wire.cookies) {
        Some(cookies) => cookie_pairs(&cookies),
        None => pairs(wire.cookies),
    };
    let cookie_header = headers.iter().position(|header| header.key == "Cookie" && header.value.contains('='));
    if let Some(at) = cookie_header.filter(|_| cookies.is_empty()) {
        cookies = cookie_pairs(&headers.remove(at).value);
    }
    RequestDetail {
        method: wire.method.text().map(|method| method.to_ascii_uppercase()).filter(|method| is_method(method)),
        url,
        query,
        headers,
        cookies,
        env: variables(&wire.env, DATA_DEPTH_MAX),
        data,
        inferred_content_type,
    }
}

pub(super) fn is_method(text: &str) -> bool {
    (3..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
}

/// The body of the request. A text that is JSON or a form is taken apart, and it is said as what it was read.
fn data(raw: Raw<'_>) -> (Value, Option<String>) {
    let value: Value = parse(raw);
    let Value::String(text) = &value else { return (shallow(value, DATA_DEPTH_MAX), None) };
    let start = text.trim_start();
    if start.starts_with(['{', '['])
        && let Ok(read @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(start)
    {
        return (shallow(read, DATA_DEPTH_MAX), Some("application/json".to_owned()));
    }
    if is_form(text) {
        let mut form = serde_json::Map::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match form.get_mut(key.as_ref()) {
                None => {
                    form.insert(key.into_owned(), Value::String(value.into_owned()));
                }
                Some(Value::Array(earlier)) => earlier.push(Value::String(value.into_owned())),
                Some(earlier) => {
                    let first = earlier.take();
                    *earlier = Value::Array(vec![first, Value::String(value.into_owned())]);
                }
            }
        }
        return (Value::Object(form), Some("application/x-www-form-urlencoded".to_owned()));
    }
    (value, None)
}

/// `a=1&b=2`, and nothing that a text or other markup would have.
fn is_form(text: &str) -> bool {
    let is_form_byte = |b: u8| b.is_ascii_alphanumeric() || b"*-._+%=&[]~!'(),;:@/$".contains(&b);
    // Not the padding of base64.
    let is_pair =
        |pair: &str| pair.split_once('=').is_some_and(|(name, value)| !name.is_empty() && !value.starts_with('='));
    let has_value = text.split('&').any(|pair| !pair.ends_with('='));
    text.bytes().all(is_form_byte) && has_value && text.split('&').all(is_pair)
}

fn text(raw: Raw<'_>) -> Option<String> {
    parse::<Scalar<'_>>(raw).as_str().map(str::to_owned)
}

/// Pairs of a map or a list of pairs; list values are joined by commas, other JSON is shown as it is.
fn pairs(raw: Raw<'_>) -> Vec<Pair> {
    let entries: Entries<'_, Raw<'_>> = parse(raw);
    entries.0.iter().map(|(key, value)| Pair { key: key.to_string(), value: plain(*value) }).collect()
}

fn plain(raw: Raw<'_>) -> String {
    let Some(value) = raw else { return String::new() };
    if value.get().starts_with('[') {
        let members: Vec<Raw<'_>> = parse(raw);
        // One level: a list within a list is shown as JSON.
        let texts: Vec<String> = members.iter().map(|member| text(*member).unwrap_or_else(|| json(*member))).collect();
        return texts.join(",");
    }
    text(raw).unwrap_or_else(|| json(raw))
}

fn json(raw: Raw<'_>) -> String {
    raw.map_or_else(String::new, |raw| raw.get().to_owned())
}

fn query_pairs(query: &str) -> Vec<Pair> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.map(|(key, value)| Pair { key: key.into_owned(), value: value.into_owned() }).collect()
}

fn cookie_pairs(header: &str) -> Vec<Pair> {
    let parts = header.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Pair { key: key.to_owned(), value: value.to_owned() }
        })
        .collect()
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    let mut at_start = true;
    let letter = |c: char| {
        let out = if at_start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        at_start = c == '-';
        out
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentry::json::Object;

    fn read(json: &str) -> RequestDetail {
        let wire: Object<WireRequestDetail<'_>> = serde_json::from_str(json).expect("json");
        request(&wire.0.expect("an object"))
    }

    fn shown(pairs: &[Pair]) -> Vec<(&str, &str)> {
        pairs.iter().map(|pair| (pair.key.as_str(), pair.value.as_str())).collect()
    }

    #[test]
    fn queries_come_as_text_map_pairs_or_in_the_url() {
        for json in [
            r#"{"query_string":"?b=1+x&a=2"}"#,
            r#"{"query_string":{"b":"1 x","a":2}}"#,
            r#"{"query_string":[["b","1 x"],["a","2"]]}"#,
            r##"{"url":"http://h/p?b=1%20x&a=2#f"}"##,
        ] {
            assert_eq!(shown(&read(json).query), [("b", "1 x"), ("a", "2")], "{json}");
        }
        assert_eq!(read(r#"{"url":"http://h/p?b=1"}"#).url.as_deref(), Some("http://h/p"));
    }

    #[test]
    fn headers_have_one_spelling_and_lists_are_joined() {
        let request = read(r#"{"method":"post","headers":{"content-type":"a/b","X-LIST":["a","b",1],"x-none":null}}"#);
        assert_eq!(shown(&request.headers), [("Content-Type", "a/b"), ("X-List", "a,b,1"), ("X-None", "")]);
        assert_eq!(request.method.as_deref(), Some("POST"));
    }

    #[test]
    fn cookies_come_as_text_map_pairs_or_header() {
        for json in [
            r#"{"cookies":"b=1; a=2=3;"}"#,
            r#"{"cookies":{"b":"1","a":"2=3"}}"#,
            r#"{"cookies":[["b","1"],["a","2=3"]]}"#,
            r#"{"headers":{"cookie":"b=1; a=2=3"}}"#,
        ] {
            let request = read(json);
            assert_eq!((shown(&request.cookies), request.headers.len()), (vec![("b", "1"), ("a", "2=3")], 0), "{json}");
        }
        let filtered = read(r#"{"headers":{"Cookie":"[Filtered]"}}"#);
        assert_eq!((filtered.cookies.len(), filtered.headers.len()), (0, 1));
    }

    #[test]
    fn data_is_any_json() {
        assert_eq!(read(r#"{"data":{"a":[1]}}"#).data, serde_json::json!({"a": [1]}));
        assert_eq!(read(r#"{"data":"a b"}"#).data, serde_json::json!("a b"));
    }
}
