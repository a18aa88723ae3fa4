//! Logs and metrics: bodies lose what is secret in them, attributes by name as those of spans do.
//!
//! A body is what a log is read for, so it is never filtered whole, and what stands in for a part says what it was:
//! `[creditcard]`, `[email]`, `[token]`, `[iban]`. The parameters a body was made of lose the same parts.

use memchr::memchr_iter;

use crate::model::log::LogRecord;
use crate::model::metric::MetricPoint;
use crate::model::span::AttributeValue;

use super::text::{self, Hit, Style};
use super::{FILTERED, Rule, Rules, scrub_attributes};

const PARAMETER: &str = "sentry.message.parameter.";

/// The longest address that mail servers take, and its part before the `@`.
const EMAIL_BYTES_MAX: usize = 254;

/// Scrubs a record with everything in it. Nesting of attributes is bounded by whoever calls.
pub fn scrub_log(record: &mut LogRecord, rules: &Rules) {
    if !rules.enabled {
        return;
    }
    let fills_secret =
        record.template.as_deref().is_some_and(|text| text::has_secret_placeholder(&rules.patterns, text.as_bytes()));
    scrub_body(&mut record.body, rules);
    if let Some(template) = &mut record.template {
        scrub_body(template, rules);
    }
    for attribute in &mut record.attributes {
        if !attribute.key.starts_with(PARAMETER) {
            continue;
        }
        match &mut attribute.value {
            // `login with token=%s`: which of the parameters is the token is not looked into.
            value if fills_secret => *value = AttributeValue::Text(FILTERED.to_owned()),
            AttributeValue::Text(text) => scrub_body(text, rules),
            _ => {}
        }
    }
    scrub_attributes(&mut record.attributes, rules);
}

/// Scrubs a point's attributes; names and numbers are the developer's own.
pub fn scrub_metric(point: &mut MetricPoint, rules: &Rules) {
    scrub_attributes(&mut point.attributes, rules);
}

/// A name or a remark that was made of what was sent. Keeps what looks like an address: `shop@1.2.net` is a release.
pub fn scrub_line(text: &mut String, rules: &Rules) {
    if rules.enabled {
        scrub_parts(text, rules, false);
    }
}

fn scrub_body(text: &mut String, rules: &Rules) {
    scrub_parts(text, rules, true);
}

fn scrub_parts(text: &mut String, rules: &Rules, with_emails: bool) {
    let mut hits = Vec::new();
    text::find(&rules.patterns, text.as_bytes(), Style::Inline, &mut hits);
    let mut parts: Vec<(usize, usize, &str)> = hits.iter().map(|hit| (hit.start, hit.end, stand_in(hit))).collect();
    if with_emails && rules.patterns.looks_at_values() {
        for (start, end) in emails(text.as_bytes()) {
            if !hits.iter().any(|hit| hit.start < end && start < hit.end) {
                parts.push((start, end, "[email]"));
            }
        }
        parts.sort_unstable_by_key(|(start, ..)| *start);
    }
    // Backwards, so that earlier places stay where they are. Rules only cut beside ASCII.
    for (start, end, stand_in) in parts.into_iter().rev() {
        text.replace_range(start..end, stand_in);
    }
}

fn stand_in(hit: &Hit) -> &'static str {
    match hit.rule {
        Rule::Card => "[creditcard]",
        Rule::Iban => "[iban]",
        Rule::Bearer | Rule::Parameter | Rule::Name | Rule::Word | Rule::Cookie => "[token]",
        _ => FILTERED,
    }
}

/// Addresses: what stands around an `@`, with a dot in the name of the host. Linear: what was looked at after one
/// `@` is not looked at again before the next.
fn emails(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in memchr_iter(b'@', text) {
        let floor = found.last().map_or(0, |(_, end)| *end).max(at.saturating_sub(64));
        let local = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
        let before = text[floor..at].iter().rev().take_while(|byte| local(byte)).count();
        let host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let rest = &text[at + 1..text.len().min(at + EMAIL_BYTES_MAX)];
        let mut after = rest.iter().take_while(|byte| host(byte)).count();
        // A full stop ends a sentence, not an address.
        while after > 0 && matches!(rest[after - 1], b'.' | b'-') {
            after -= 1;
        }
        let name = &rest[..after];
        let top = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let is_host = name.contains(&b'.') && top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
        if before > 0 && is_host {
            found.push((at - before, at + 1 + after));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::Attribute;
    use crate::scrub::Options;

    fn body(text: &str) -> String {
        let mut record = LogRecord { body: text.to_owned(), ..LogRecord::default() };
        scrub_log(&mut record, &Rules::default());
        record.body
    }

    #[test]
    fn parts_of_bodies_are_replaced_by_what_they_were() {
        for (text, expected) in [
            ("paid with 4111 1111 1111 1111 today", "paid with [creditcard] today"),
            ("mail to ada.lovelace+x@mail.example.com.", "mail to [email]."),
            ("from DE89370400440532013000 now", "from [iban] now"),
            ("retry with token=abc123 failed", "retry with token=[token] failed"),
            ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [token]"),
            ("<ada@example.com>, bob@example.org!", "<[email]>, [email]!"),
            ("a@b and @decorator and x@localhost and 5@1.23", "a@b and @decorator and x@localhost and 5@1.23"),
            ("the secret plan of the author", "the secret plan of the author"),
            ("Zürich: ä@exämple.de ü@example.de", "Zürich: ä@exämple.de ü@example.de"),
        ] {
            assert_eq!(body(text), expected);
        }
    }

    #[test]
    fn parameters_lose_what_the_body_loses() {
        let attribute =
            |key: &str, value: &str| Attribute { key: key.into(), value: AttributeValue::Text(value.into()) };
        let mut record = LogRecord {
            body: "mail to ada@example.com".into(),
            template: Some("mail to %s".into()),
            attributes: vec![
                attribute("sentry.message.parameter.0", "ada@example.com"),
                attribute("user.email", "ada@example.com"),
                attribute("password", "hunter2"),
            ],
            ..LogRecord::default()
        };
        scrub_log(&mut record, &Rules::default());
        let values: Vec<_> = record.attributes.iter().map(|a| a.value.clone()).collect();
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        assert_eq!(values, [text("[email]"), text("ada@example.com"), text(FILTERED)]);

        record.template = Some("login with token=%s".into());
        scrub_log(&mut record, &Rules::default());
        assert_eq!(record.attributes[0].value, text(FILTERED));
    }

    #[test]
    fn switched_off_nothing_changes() {
        let mut record = LogRecord { body: "token=abc ada@example.com".into(), ..LogRecord::default() };
        scrub_log(&mut record, &Rules::new(&Options { enabled: false, ..Options::default() }));
        assert_eq!(record.body, "token=abc ada@example.com");
        scrub_log(&mut record, &Rules::new(&Options { defaults: false, ..Options::default() }));
        assert_eq!(record.body, "token=abc ada@example.com");
    }

    #[test]
    fn many_signs_are_looked_at_once() {
        let text = "a@".repeat(200_000);
        let started = std::time::Instant::now();
        assert_eq!(body(&text), text);
        assert!(started.elapsed().as_secs() < 5);
    }
}
