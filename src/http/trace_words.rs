//! What is typed into the search of traces: words of names, and the attribute of a span as `name:value` or `name=value`.
//!
//! Text in, values out. Decides what is an attribute; looks nothing up.

#[derive(Debug, Default, PartialEq)]
pub(super) struct TraceWords {
    pub(super) text: Option<String>,
    pub(super) attribute: Option<(String, String)>,
}

/// Quotes hold what would end a word, and make text of what would be an attribute.
///
/// # Errors
/// What to write instead.
pub(super) fn read(query: &str) -> Result<TraceWords, String> {
    let mut words: Vec<&str> = Vec::new();
    let mut attribute: Option<(String, String)> = None;
    let mut rest = query.trim();
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let mut used = end;
        if let Some((quoted, length)) = quoted(rest) {
            words.push(quoted);
            used = length;
        } else if let Some(name) = name_of(&rest[..end]) {
            let behind = &rest[name.len() + 1..];
            let mut value = &rest[name.len() + 1..end];
            if let Some((quoted, length)) = quoted(behind) {
                (value, used) = (quoted, name.len() + 1 + length);
            } else if behind.starts_with('"') {
                return Err(format!("the quote behind {name} is not closed: write {name}:\"value with blanks\""));
            }
            if value.is_empty() {
                return Err(format!(
                    "write a value right behind {name}, as {name}:value, or put it in quotes to look for it in names"
                ));
            }
            if let Some((first, _)) = &attribute {
                return Err(format!(
                    "a search takes one attribute, and {first} is one already: put {name} in quotes to look for it in names"
                ));
            }
            attribute = Some((name.to_string(), value.to_string()));
        } else {
            words.push(&rest[..end]);
        }
        rest = rest[used..].trim_start();
    }
    let text = Some(words.join(" ")).filter(|text| !text.is_empty());
    Ok(TraceWords { text, attribute })
}

/// What stands in the quotes that a text begins with, and how long it is with them.
fn quoted(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix('"')?;
    let length = inside.find('"')?;
    Some((&inside[..length], length + 2))
}

/// The name in front of a value. Addresses, paths of code and times of day are words.
fn name_of(word: &str) -> Option<&str> {
    let at = word.find([':', '='])?;
    let (name, value) = (&word[..at], &word[at + 1..]);
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    (is_name && !value.starts_with("//") && !value.starts_with([':', '='])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, attribute: Option<(&str, &str)>) -> TraceWords {
        let attribute = attribute.map(|(name, value)| (name.to_string(), value.to_string()));
        TraceWords { text: Some(text.to_string()).filter(|text| !text.is_empty()), attribute }
    }

    #[test]
    fn attributes_are_told_from_words() {
        for (query, expected) in [
            ("", words("", None)),
            ("GET /pay/", words("GET /pay/", None)),
            ("http.route:/checkout", words("", Some(("http.route", "/checkout")))),
            ("shop.tenant=acme", words("", Some(("shop.tenant", "acme")))),
            ("pay http.route:/checkout/<id>/ now", words("pay now", Some(("http.route", "/checkout/<id>/")))),
            ("db.statement:\"SELECT 1\" pay", words("pay", Some(("db.statement", "SELECT 1")))),
            ("url.full=http://a/?b=c", words("", Some(("url.full", "http://a/?b=c")))),
            ("\"http.route:/checkout\"", words("http.route:/checkout", None)),
            ("http://shop.example/", words("http://shop.example/", None)),
            ("Shop::pay", words("Shop::pay", None)),
            ("at 12:30 /a:b", words("at 12:30 /a:b", None)),
            ("an \"open quote", words("an \"open quote", None)),
        ] {
            assert_eq!(read(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        for (query, advice) in [
            ("http.route:", "write a value right behind http.route"),
            ("http.route: /checkout", "http.route:value"),
            ("a:\"b", "a:\"value with blanks\""),
            ("a:b c:d", "one attribute"),
            ("a:\"\"", "write a value"),
        ] {
            let error = read(query).unwrap_err();
            assert!(error.contains(advice), "{query}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_typed_is_too_much(query in "\\PC{0,60}") {
            let _ = read(&query);
        }
    }
}
