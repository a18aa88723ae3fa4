//! The log message: which text is the template, which is shown.
//!
//! Grouping uses the template, so this decides which messages are one issue (protocol notes, section 3.2, logentry).

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::event::Message;
use crate::sentry::json::lenient::cut;
use crate::sentry::wire::{WireEvent, WireMessage};

/// Characters of either text.
const MESSAGE_CHARS_MAX: usize = 8192;

pub(super) fn of_event(wire: &WireEvent<'_>) -> Option<Message> {
    let entry = wire.logentry.get().and_then(read_message);
    entry.or_else(|| wire.message.get().and_then(read_message))
}

/// `None` when there is no text at all. The template is kept only where it differs from what is shown.
pub(crate) fn read_message(wire: &WireMessage<'_>) -> Option<Message> {
    let template = wire.message.limited(MESSAGE_CHARS_MAX).filter(|text| !text.trim().is_empty());
    let formatted = wire.formatted.limited(MESSAGE_CHARS_MAX).filter(|text| !text.trim().is_empty());
    let formatted = formatted.or_else(|| {
        let template = template.as_deref()?;
        Some(wire.params.and_then(|params| format_message(template, params)).unwrap_or_else(|| template.to_owned()))
    })?;
    Some(Message { template: template.filter(|template| *template != formatted), formatted })
}

/// The template with its parameters put in: Python's `%` first, else `{}`. `None` when there are no parameters.
///
/// sentry-python before 1.20 and several other SDKs send `params` without `formatted`.
fn format_message(template: &str, params: &RawValue) -> Option<String> {
    let params: Value = serde_json::from_str(params.get()).ok()?;
    let is_empty = match &params {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => true,
    };
    if is_empty {
        return None;
    }
    format_values(template, &params)
}

/// The template with these values put in. `None` when it has no usable placeholder.
pub(crate) fn format_values(template: &str, values: &Value) -> Option<String> {
    let text = format_percent(template, values).or_else(|| format_braces(template, values))?;
    Some(cut(&text, MESSAGE_CHARS_MAX))
}

/// Python's `%s`, `%(name)s`, `%d`, `%5.2f`, `%%`. `None` when the template has no usable placeholder.
fn format_percent(template: &str, params: &Value) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    let mut position = 0;
    let mut found = false;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let Some((placeholder, after)) = Placeholder::parse(rest) else {
            out.push('%');
            continue;
        };
        let value = match placeholder.name {
            Some(name) => params.get(name),
            None => {
                position += 1;
                params.get(position - 1)
            }
        };
        let Some(value) = value else {
            out.push('%');
            continue;
        };
        placeholder.write(value, &mut out);
        if out.len() > 4 * MESSAGE_CHARS_MAX {
            break;
        }
        found = true;
        rest = after;
    }
    out.push_str(rest);
    found.then_some(out)
}

/// What stands between `%` and the end of a placeholder.
struct Placeholder<'a> {
    name: Option<&'a str>,
    precision: Option<usize>,
    conversion: char,
}

impl<'a> Placeholder<'a> {
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let (name, rest) = match text.strip_prefix('(') {
            Some(rest) => {
                let (name, rest) = rest.split_once(')')?;
                (Some(name), rest)
            }
            None => (None, text),
        };
        let rest = rest.trim_start_matches(['#', '0', '-', ' ', '+']).trim_start_matches(|c: char| c.is_ascii_digit());
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                (rest[..end].parse().ok(), &rest[end..])
            }
            None => (None, rest),
        };
        let rest = rest.trim_start_matches(['h', 'l', 'L']);
        let conversion = rest.chars().next().filter(|c| "diouxXeEfFgGcrsa".contains(*c))?;
        Some((Self { name, precision, conversion }, &rest[conversion.len_utf8()..]))
    }

    fn write(&self, value: &Value, out: &mut String) {
        match (self.conversion, value.as_f64()) {
            ('f' | 'F', Some(number)) => {
                out.push_str(&format!("{number:.*}", self.precision.unwrap_or(6).min(30)));
            }
            ('d' | 'i' | 'u', Some(number)) if value.is_f64() => out.push_str(&format!("{}", number.trunc())),
            ('r' | 'a', _) if value.is_string() => {
                out.push('\'');
                write_plain(value, out);
                out.push('\'');
            }
            _ => write_plain(value, out),
        }
    }
}

/// `{}`, `{0}` and `{name}`. `None` when the template has no usable placeholder.
fn format_braces(template: &str, params: &Value) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    let mut position = 0;
    let mut found = false;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((name, after)) = rest.split_once('}') else {
            out.push('{');
            continue;
        };
        let name = name.split([':', '!']).next().unwrap_or_default();
        let value = match name.parse::<usize>() {
            _ if name.is_empty() => {
                position += 1;
                params.get(position - 1)
            }
            Ok(index) => params.get(index),
            Err(_) => params.get(name),
        };
        match value {
            Some(value) if out.len() <= 4 * MESSAGE_CHARS_MAX => {
                write_plain(value, &mut out);
                found = true;
                rest = after;
            }
            _ => out.push('{'),
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// As Python's `str` would print it, nearly.
fn write_plain(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(&cut(text, MESSAGE_CHARS_MAX)),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Null => out.push_str("None"),
        other => out.push_str(&cut(&other.to_string(), MESSAGE_CHARS_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentry::json::Scalar;

    fn formatted(template: &str, params: &str) -> Option<String> {
        let params = RawValue::from_string(params.to_owned()).expect("params are json");
        format_message(template, &params)
    }

    #[test]
    fn python_percent_takes_lists_and_dicts() {
        assert_eq!(formatted("%s has %d of %5.1f%%", r#"["a",2,3]"#).as_deref(), Some("a has 2 of 3.0%"));
        assert_eq!(formatted("%(who)s: %(what)r", r#"{"who":"me","what":"x"}"#).as_deref(), Some("me: 'x'"));
        assert_eq!(formatted("%s %s", r#"[true]"#).as_deref(), Some("True %s"));
        assert_eq!(formatted("%s and %i", r#"[null,2.7]"#).as_deref(), Some("None and 2"));
    }

    #[test]
    fn braces_are_the_second_choice() {
        assert_eq!(formatted("{} and {}", r#"["a",[1]]"#).as_deref(), Some("a and [1]"));
        assert_eq!(formatted("{1} {0} {x}", r#"["a","b"]"#).as_deref(), Some("b a {x}"));
        assert_eq!(formatted("{who!r:>10} {", r#"{"who":"me"}"#).as_deref(), Some("me {"));
    }

    #[test]
    fn without_parameters_or_placeholders_nothing_is_formatted() {
        assert_eq!(formatted("100 %", "[]"), None);
        assert_eq!(formatted("plain", "[1]"), None);
        assert_eq!(formatted("%q 50% {", "[1]"), None);
        assert_eq!(formatted("%s", "\"text\""), None);
    }

    fn message(message: Option<&str>, formatted: Option<&str>, params: Option<&RawValue>) -> Option<Message> {
        let text = |t: Option<&'static str>| t.map_or(Scalar::Absent, |t| Scalar::Text(t.into()));
        let leak = |t: Option<&str>| t.map(|t| &*Box::leak(t.to_owned().into_boxed_str()));
        read_message(&WireMessage { message: text(leak(message)), formatted: text(leak(formatted)), params })
    }

    #[test]
    fn the_template_stays_only_where_it_differs() {
        let plain = Some(Message { template: None, formatted: "a".to_owned() });
        assert_eq!(message(Some("a"), None, None), plain);
        assert_eq!(message(None, Some("a"), None), plain);
        assert_eq!(message(Some("a"), Some("a"), None), plain);
        assert_eq!(message(None, None, None), None);
        assert_eq!(message(Some(" "), Some(""), None), None);
        let both = Some(Message { template: Some("%s".to_owned()), formatted: "a".to_owned() });
        assert_eq!(message(Some("%s"), Some("a"), None), both);
        let params = RawValue::from_string("[\"a\"]".to_owned()).expect("json");
        assert_eq!(message(Some("%s"), None, Some(&params)), both);
    }
}
