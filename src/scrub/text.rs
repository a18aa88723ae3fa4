//! Secrets within a text: which parts of it go, and by which rule.
//!
//! Works on text as a reader sees it, without JSON's escapes. Linear: every rule either rejects within a bounded
//! number of bytes or moves on past what it looked at.

use memchr::{memchr, memmem};

use super::patterns::{Patterns, Start};
use super::{FILTERED, Rule};

/// How a text is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Only card numbers: what an exception says is what a reader came for.
    Cards,
    /// The secret parts go.
    Inline,
    /// A text that mentions a sensitive word goes whole; else as `Inline`.
    Whole,
    /// `a=1&token=x`, by the names of parameters.
    Query,
    /// An address: its query as `Query`.
    Url,
    /// `a=1; sessionid=x`, by the names of cookies.
    Cookies,
}

/// A part that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: Rule,
}

/// Names of cookies that are sessions; those with a sensitive word go anyway.
const COOKIES: [&str; 26] = [
    "sentrysid",
    "sudo",
    "su",
    "session",
    "__session",
    "sessionid",
    "user_session",
    "symfony",
    "phpsessid",
    "fasthttpsessionid",
    "mysession",
    "irissessionid",
    "_vercel_jwt",
    "csrf",
    "xsrf",
    "_xsrf",
    "_csrf",
    "csrf-token",
    "csrf_token",
    "xsrf-token",
    "xsrf_token",
    "fastcsrf",
    "_iris_csrf",
    "jsessionid",
    "connect.sid",
    "__host-session",
];

/// Countries that issue IBANs.
const IBAN_COUNTRIES: &[u8] = b"ADAEALAOATAZBABEBFBGBHBIBJBRBYCFCGCHCICMCRCVCYCZDEDJDKDODZEEEGESFIFOFRGAGBGEGIGLGQGRGT\
    GWHNHRHUIEILIQIRISITJOKMKWKZLBLCLILTLULVLYMAMCMDMEMGMKMLMRMTMUMZNENINLNOPKPLPSPTQARORSSASCSESISKSMSNSTSVTDTGTLTNTR\
    UAVAVGXK";

/// A label between the dashes of a PEM header; the longest in use has 23 characters.
const PEM_LABEL_MAX: usize = 64;

pub(super) fn is_session_cookie(name: &[u8]) -> bool {
    COOKIES.iter().any(|cookie| cookie.as_bytes().eq_ignore_ascii_case(name))
}

/// Collects the parts that go, in order and apart from each other. True: the whole text goes.
pub(super) fn find(patterns: &Patterns, text: &[u8], style: Style, hits: &mut Vec<Hit>) -> bool {
    let mut finder = Finder { patterns, text, hits };
    match style {
        Style::Cards if patterns.looks_at_values() => finder.inline(0, text.len(), Start::CARDS, false),
        Style::Cards => false,
        Style::Inline => finder.inline(0, text.len(), Start::EVERYTHING, false),
        Style::Whole => finder.inline(0, text.len(), Start::EVERYTHING, true),
        Style::Query => finder.query(0),
        Style::Url => {
            let query = text.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(text.len());
            finder.inline(0, query, Start::EVERYTHING, false) || finder.query(query)
        }
        Style::Cookies => finder.cookies(),
    }
}

/// Whether a template fills a sensitive name from elsewhere: `login with token=%s`.
pub(super) fn has_secret_placeholder(patterns: &Patterns, text: &[u8]) -> bool {
    let mut at = 0;
    while let Some((place, start)) = patterns.next(text, at, Start::WORDS) {
        at = place + 1;
        let Some(len) = patterns.word_at(text, place, start) else { continue };
        at = name_end(text, place + len);
        if !is_author(&text[place..at])
            && let Some(value) = parameter_value(text, at)
            && is_placeholder(&text[value])
        {
            return true;
        }
    }
    false
}

struct Finder<'a> {
    patterns: &'a Patterns,
    text: &'a [u8],
    hits: &'a mut Vec<Hit>,
}

impl Finder<'_> {
    /// Looks from `at` to `end`. True as soon as a word is found, when that is asked for.
    fn inline(&mut self, mut at: usize, end: usize, wanted: Start, whole: bool) -> bool {
        let mut at_sign = at;
        while let Some((place, start)) = self.patterns.next(&self.text[..end], at, wanted) {
            at = place + 1;
            if start.is_word()
                && let Some(len) = self.patterns.word_at(&self.text[..end], place, start)
            {
                if whole {
                    return true;
                }
                at = self.parameter(place, len, end);
                continue;
            }
            let hit = if start.is_number() { number(&self.text[..end], place, wanted == Start::CARDS) } else { None };
            let hit = hit.or_else(|| if start.is_iban() { iban(&self.text[..end], place) } else { None });
            let hit = hit.or_else(|| if start.is_bearer() { bearer(&self.text[..end], place) } else { None });
            let hit = hit.or_else(|| if start.is_pem() { pem(&self.text[..end], place) } else { None });
            let hit = if start.is_at() { user_info(&self.text[..end], at_sign, place) } else { hit };
            if start.is_at() {
                at_sign = place + 1;
            }
            if let Some(hit) = hit {
                at = at.max(hit.end);
                self.push(hit);
            }
        }
        false
    }

    /// `token=…`, `"password": "…"`: a word was found at `place`. Returns where to go on.
    fn parameter(&mut self, place: usize, word_len: usize, end: usize) -> usize {
        let text = &self.text[..end];
        let name_end = name_end(text, place + word_len);
        if is_author(&text[place..name_end]) {
            return name_end;
        }
        let Some(value) = parameter_value(text, name_end) else { return name_end };
        // `$1`, `%s`: a statement or template, whose values stand elsewhere.
        if value.start < value.end && !is_placeholder(&text[value.start..value.end]) {
            self.push(Hit { start: value.start, end: value.end, rule: Rule::Parameter });
        }
        value.end.max(name_end)
    }

    fn query(&mut self, from: usize) -> bool {
        let mut at = from;
        while at < self.text.len() {
            let rest = &self.text[at..];
            let end = at + rest.iter().position(|byte| matches!(byte, b'&' | b'#')).unwrap_or(rest.len());
            self.named(at, end, Rule::Parameter, |name, patterns| {
                let name = name.strip_prefix(b"?").unwrap_or(name);
                patterns.is_sensitive(&percent_decoded(name))
            });
            at = end + 1;
        }
        false
    }

    fn cookies(&mut self) -> bool {
        let mut at = 0;
        while at < self.text.len() {
            let end = memchr(b';', &self.text[at..]).map_or(self.text.len(), |step| at + step);
            self.named(at, end, Rule::Cookie, |name, patterns| {
                let name = name.trim_ascii();
                patterns.is_sensitive(name) || (patterns.looks_at_values() && is_session_cookie(name))
            });
            at = end + 1;
        }
        false
    }

    /// `name=value` between two separators: the value goes by name, else what is secret in it.
    fn named(&mut self, at: usize, end: usize, rule: Rule, is_secret: impl Fn(&[u8], &Patterns) -> bool) {
        match memchr(b'=', &self.text[at..end]) {
            Some(name_len) if is_secret(&self.text[at..at + name_len], self.patterns) => {
                self.push(Hit { start: at + name_len + 1, end, rule });
            }
            _ => {
                self.inline(at, end, Start::EVERYTHING, false);
            }
        }
    }

    fn push(&mut self, mut hit: Hit) {
        let part = &self.text[hit.start..hit.end];
        if part.is_empty() || part.starts_with(FILTERED.as_bytes()) {
            return;
        }
        // The password of a URL begins before the `@` it was found by, and may hold what looked like a card.
        while let Some(last) = self.hits.last().filter(|last| last.end > hit.start) {
            if last.start < hit.start {
                hit.start = last.end;
                break;
            }
            self.hits.pop();
        }
        if hit.start < hit.end {
            self.hits.push(hit);
        }
    }
}

/// Where a name ends that goes on at `at`: `token` in `user[token_2]=`.
fn name_end(text: &[u8], at: usize) -> usize {
    skip(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']'))
}

fn skip(text: &[u8], at: usize, allowed: impl Fn(&u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !allowed(byte)).unwrap_or(rest.len())
}

/// Whether a word could go on here: a letter, digit, underscore or any byte beyond ASCII.
fn is_word_byte(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
}

fn starts_word(text: &[u8], at: usize) -> bool {
    at == 0 || !is_word_byte(text.get(at - 1))
}

/// `author=` in a text is a person; `authorization=` is not.
fn is_author(name: &[u8]) -> bool {
    let starts = |head: &[u8]| name.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head));
    starts(b"author") && !starts(b"authoriz") && !starts(b"authoris")
}

/// Where the value of a parameter stands whose name ends at `at`. Bare names take `=`, and spaces around it only
/// before a literal, or every join of SQL would be one; quoted names take what JSON, Python and PHP write.
fn parameter_value(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let quote = if text.get(at) == Some(&b'\\') { at + 1 } else { at };
    let is_quoted = matches!(text.get(quote), Some(b'"' | b'\''));
    let space = |byte: &u8| *byte == b' ';
    if is_quoted {
        let colon = skip(text, quote + 1, space);
        let value = match text.get(colon..)? {
            [b':', ..] => colon + 1,
            [b'=', b'>', ..] => colon + 2,
            _ => return None,
        };
        return Some(value_range(text, skip(text, value, space), b""));
    }
    if text.get(at..at + 3).is_some_and(|sign| sign.eq_ignore_ascii_case(b"%3d")) {
        return Some(value_range(text, at + 3, b"%26"));
    }
    let sign = skip(text, at, space);
    if text.get(sign) != Some(&b'=') || matches!(text.get(sign + 1), Some(b'=' | b'>' | b'~')) {
        return None;
    }
    let value = skip(text, sign + 1, space);
    let is_tight = sign == at && value == sign + 1;
    (is_tight || text.get(value) == Some(&b'\'')).then(|| value_range(text, value, b""))
}

/// A value in quotes without them, or up to what cannot be part of a bare one.
fn value_range(text: &[u8], at: usize, stop: &[u8]) -> std::ops::Range<usize> {
    let open = if text.get(at) == Some(&b'\\') { at + 1 } else { at };
    if let Some(&quote @ (b'"' | b'\'')) = text.get(open) {
        let mut end = open + 1;
        while let Some(&byte) = text.get(end) {
            match byte {
                // In JSON within JSON the closing quote has a backslash, as the opening one had.
                b'\\' if open > at && text.get(end + 1) == Some(&quote) => break,
                b'\\' => end += 1,
                byte if byte == quote => break,
                _ => {}
            }
            end += 1;
        }
        return open + 1..end.min(text.len());
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b'"' | b'\'' | b'<' | b'>');
    let mut end = skip(text, at, |byte| !ends(byte));
    if !stop.is_empty()
        && let Some(step) = memmem::find(&text[at..end], stop)
    {
        end = at + step;
    }
    if !text[at..end].starts_with(FILTERED.as_bytes()) {
        while end > at && matches!(text[end - 1], b')' | b']' | b'}' | b',' | b'.' | b'\\') {
            end -= 1;
        }
    }
    at..end
}

/// `%s`, `%(name)s`, `{}`, `{name}`, `?`, `$1`, `:name`.
fn is_placeholder(value: &[u8]) -> bool {
    match value {
        [b'?'] | [b'%', b's' | b'd' | b'r' | b'i' | b'f' | b'x'] => true,
        [b'%', b'(', .., b's' | b'd' | b'r'] => value.contains(&b')'),
        // The closing brace may have been taken for the end of the sentence.
        [b'{', name @ ..] => name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'}' | b'!')),
        [b'$', rest @ ..] => !rest.is_empty() && rest.len() < 4 && rest.iter().all(u8::is_ascii_digit),
        [b':', rest @ ..] => !rest.is_empty() && rest.len() < 8 && rest.iter().all(u8::is_ascii_alphanumeric),
        _ => false,
    }
}

fn percent_decoded(name: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr(b'%', name).is_none() {
        return name.into();
    }
    let mut out = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(&byte) = name.get(at) {
        let hex = name.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out.into()
}

/// A card or, unless only cards are wanted, a US social security number.
fn number(text: &[u8], at: usize, cards_only: bool) -> Option<Hit> {
    if !starts_word(text, at) {
        return None;
    }
    if let Some(end) = card_end(text, at) {
        return Some(Hit { start: at, end, rule: Rule::Card });
    }
    let end = if cards_only { None } else { ssn_end(text, at) }?;
    Some(Hit { start: at, end, rule: Rule::Ssn })
}

/// American Express, Visa, Mastercard, Discover; single dashes or spaces between the digits after the prefix. A
/// fraction (`0.4666666666666667`, in every second list of variables) is none.
fn card_end(text: &[u8], at: usize) -> Option<usize> {
    let prefix_len = match text.get(at..at + 4)? {
        [b'3', b'4' | b'7', b'0'..=b'9', _] => 3,
        [b'4', b, c, d] | [b'5', b @ b'1'..=b'5', c, d] | [b'6', b @ b'5', c, d]
            if [b, c, d].iter().all(|byte| byte.is_ascii_digit()) =>
        {
            4
        }
        b"6011" => 4,
        _ => return None,
    };
    let mut end = at + prefix_len;
    for _ in 0..12 {
        let separated = text.get(end).is_some_and(|byte| *byte == b'-' || byte.is_ascii_whitespace());
        end += usize::from(separated);
        if !text.get(end)?.is_ascii_digit() {
            return None;
        }
        end += 1;
    }
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    let follows_point = at > 0 && text[at - 1] == b'.' && is_whole_number(&text[..at - 1]);
    // Unless what stands behind the point is looked for itself: no fraction has a dash.
    let fraction_end = skip(text, end + 1, u8::is_ascii_digit);
    let is_fraction = !(text.get(fraction_end) == Some(&b'-') && is_digit(Some(fraction_end + 1)));
    let precedes_point = text.get(end) == Some(&b'.') && is_digit(Some(end + 1)) && is_fraction;
    (!is_word_byte(text.get(end)) && !follows_point && !precedes_point).then_some(end)
}

/// Whether a text ends in a number that is no part of anything else that is looked for.
fn is_whole_number(text: &[u8]) -> bool {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = &text[..text.len() - digits];
    let is_part = match before {
        [.., b'0'..=b'9', b'-'] => true,
        [.., last] => is_word_byte(Some(last)),
        [] => false,
    };
    digits > 0 && !is_part
}

/// `123-45-6789`, in ranges that were ever given out.
fn ssn_end(text: &[u8], at: usize) -> Option<usize> {
    let ssn = text.get(at..at + 11)?;
    let is_shaped =
        ssn.iter().enumerate().all(|(i, byte)| if i == 3 || i == 6 { *byte == b'-' } else { byte.is_ascii_digit() });
    let is_given =
        &ssn[..3] != b"000" && &ssn[..3] != b"666" && ssn[0] != b'9' && &ssn[4..6] != b"00" && &ssn[7..] != b"0000";
    (is_shaped && is_given && !is_word_byte(text.get(at + 11))).then_some(at + 11)
}

/// `DE89370400440532013000`, or in groups of four when the checksum holds.
fn iban(text: &[u8], at: usize) -> Option<Hit> {
    let head = text.get(at..at + 4)?;
    if !starts_word(text, at)
        || !head[3].is_ascii_digit()
        || !IBAN_COUNTRIES.chunks(2).any(|country| country == &head[..2])
    {
        return None;
    }
    let tail = text[at + 4..].iter().take(30).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let end = at + 4 + tail;
    if (11..=29).contains(&tail) && !is_word_byte(text.get(end)) {
        return Some(Hit { start: at, end, rule: Rule::Iban });
    }
    let end = grouped_iban_end(text, at)?;
    Some(Hit { start: at, end, rule: Rule::Iban })
}

/// Tries every end of a group, longest last: the next word may look like one more group.
fn grouped_iban_end(text: &[u8], at: usize) -> Option<usize> {
    let (mut here, mut end, mut len, mut rest) = (at + 4, None, 4, 0);
    while text.get(here) == Some(&b' ') && len < 34 {
        let group = &text[here + 1..text.len().min(here + 5)];
        let group_len = skip(group, 0, |byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        rest = iban_rest(rest, &group[..group_len]);
        len += group_len;
        here += 1 + group_len;
        if group_len == 0 || is_word_byte(text.get(here)) {
            break;
        }
        // Country and check digits are moved to the end; the whole is 1 modulo 97.
        if len >= 15 && iban_rest(rest, &text[at..at + 4]) == 1 {
            end = Some(here);
        }
        if group_len < 4 {
            break;
        }
    }
    end
}

/// The number so far, modulo 97, with more digits; letters count from ten.
fn iban_rest(rest: u32, digits: &[u8]) -> u32 {
    digits.iter().fold(rest, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        byte => (rest * 100 + u32::from(byte - b'A' + 10)) % 97,
    })
}

/// `Bearer …`: the token.
fn bearer(text: &[u8], at: usize) -> Option<Hit> {
    let word_end = at + "bearer".len();
    if !starts_word(text, at) || !text.get(at..word_end)?.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let start = skip(text, word_end, u8::is_ascii_whitespace);
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b';' | b'&' | b'<' | b'>' | b'\\')
    };
    let end = skip(text, start, |byte| !ends(byte));
    (start > word_end && end > start).then_some(Hit { start, end, rule: Rule::Bearer })
}

/// What stands between the header and the footer of a key, or the end of the text when it was cut.
fn pem(text: &[u8], at: usize) -> Option<Hit> {
    let label_start = at + "-----BEGIN ".len();
    if text.get(at..label_start)? != b"-----BEGIN " {
        return None;
    }
    let label_len = memmem::find(&text[label_start..text.len().min(label_start + PEM_LABEL_MAX)], b"-----")?;
    memmem::find(&text[label_start..label_start + label_len], b"KEY")?;
    let body = label_start + label_len + "-----".len();
    let mut start = skip(text, body, u8::is_ascii_whitespace);
    let mut end = memmem::find(&text[start..], b"-----END").map_or(text.len(), |len| start + len);
    while end > start && text[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    // Python's repr writes newlines as two characters.
    if text[start..end].starts_with(b"\\n") {
        start += 2;
    }
    if text[start..end].ends_with(b"\\n") {
        end -= 2;
    }
    Some(Hit { start, end, rule: Rule::Pem })
}

/// The password of `scheme://user:password@host`; `at` is the first `@` after `from`.
fn user_info(text: &[u8], from: usize, at: usize) -> Option<Hit> {
    let before = &text[from..at];
    let authority = from + memmem::rfind(before, b"://")? + "://".len();
    let start = authority + memchr(b':', &text[authority..at])? + 1;
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>');
    if text[authority..at].iter().any(ends) {
        return None;
    }
    // A password may hold an `@` itself: the last one before the path counts.
    let authority_end = skip(text, at, |byte| !ends(byte));
    let end = at + memchr::memrchr(b'@', &text[at..authority_end]).unwrap_or(0);
    Some(Hit { start, end, rule: Rule::UrlPassword })
}
