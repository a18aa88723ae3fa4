//! Takes out of a message what differs between two occurrences of one bug: numbers, ids, addresses, dates.
//!
//! One regex of many alternatives, compiled once; `regex` has no look-around and no backtracking, so every
//! search is linear in what is left of the message, and the message is cut to `PARAMETERISED_BYTES_MAX` before.
//! Two alternatives (host names, random ids) are checked again when they match; what they give back is searched for
//! the others. Knows nothing of events.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;

/// Work bound: no more of a message than this is searched or hashed. Two lines that agree for 2 KiB are the same.
pub(in crate::grouping) const PARAMETERISED_BYTES_MAX: usize = 2048;

/// A message says what happened in its first lines; below come dumps.
const LINES_MAX: usize = 2;

/// No word character before; `\b` that does not ask for one after. ASCII, so that the fast engine can be used.
const NO_WORD_BEFORE: &str = r"(?-u:\b{start-half})";
const NO_WORD_AFTER: &str = r"(?-u:\b{end-half})";

/// All-lower or all-upper host names under these are taken as such. Endings that are also common attribute
/// names or file types in tracebacks (`id`, `name`, `info`, `site`, `py`, `rs`, `sh`, `md`, `so`) are left out.
const TLDS: &str = "com|org|net|edu|gov|mil|int|biz|aero|coop|museum|jobs|mobi|travel|asia|xxx|arpa|local|internal|\
    localdomain|app|dev|cloud|online|tech|xyz|shop|blog|live|agency|digital|solutions|network|world|club|\
    website|io|ai|co|tv|us|uk|eu|de|fr|it|es|pt|nl|be|lu|ch|at|li|dk|se|no|fi|ie|cz|sk|hu|ro|bg|gr|hr|si|ee|\
    lv|lt|ua|by|ru|su|tr|il|ae|sa|za|ng|ke|eg|cn|hk|tw|jp|kr|in|sg|my|th|vn|ph|au|nz|ca|mx|br|ar|cl|pe|uy|ve";

/// The alternatives in the order they are tried; the name is what the placeholder says.
static PATTERNS: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    vec![
        ("email", r"[a-zA-Z0-9._%+-]+@(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}".to_owned()),
        ("url", format!(r"{NO_WORD_BEFORE}(?:wss?|https?|ftp)://[^\s]+")),
        ("hostname", hostname()),
        ("ip", ip()),
        (
            "traceparent",
            r"(?-u:\b)(?:00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]|1-[0-9a-f]{8}-[0-9a-f]{24})(?-u:\b)".to_owned(),
        ),
        ("uuid", r"(?-u:\b)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?-u:\b)".to_owned()),
        ("sha1", r"(?-u:\b)[0-9a-fA-F]{40}(?-u:\b)".to_owned()),
        ("md5", r"(?-u:\b)[0-9a-fA-F]{32}(?-u:\b)".to_owned()),
        ("date", date()),
        ("duration", r"(?-u:\b)(?:[0-9]+ms|[0-9]+(?:\.[0-9]+)?s)(?-u:\b)".to_owned()),
        ("swift_txn_id", r"(?-u:\b)tx[0-9a-f]{21}-[0-9a-f]{10}(?:[0-9A-Za-z_-]*[0-9A-Za-z_])?(?-u:\b)".to_owned()),
        ("hex", hex()),
        ("git_sha", git_sha()),
        // Ids of services: `ch_3MtwBwLkdIwHu7ix0snN0B9I`. Sentry's own pattern is not published.
        ("random_id", r"(?-u:\b)(?:[a-z]{2,8}_)?[0-9A-Za-z]{16,}(?-u:\b)".to_owned()),
        ("float", format!(r"{NO_WORD_BEFORE}[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?(?-u:\b)")),
        // More digits than seven are one-case hex already.
        ("int", format!(r"{NO_WORD_BEFORE}-?[0-9]{{1,7}}(?-u:\b)")),
        ("quoted_str", r#"=(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"#.to_owned()),
        ("bool", r"=(?:[Tt]rue|[Ff]alse|TRUE|FALSE)(?-u:\b)".to_owned()),
    ]
});

/// Alternatives whose match is only a candidate.
const CHECKED: [&str; 2] = ["hostname", "random_id"];

static COMBINED: LazyLock<Regex> = LazyLock::new(|| combine(&PATTERNS));
/// What may stand inside a candidate that was turned down.
static EXACT_PATTERNS: LazyLock<Vec<(&'static str, String)>> =
    LazyLock::new(|| PATTERNS.iter().filter(|(name, _)| !CHECKED.contains(name)).cloned().collect());
static EXACT: LazyLock<Regex> = LazyLock::new(|| combine(&EXACT_PATTERNS));

fn combine(patterns: &[(&'static str, String)]) -> Regex {
    let mut combined = String::new();
    for (name, pattern) in patterns {
        let separator = if combined.is_empty() { "" } else { "|" };
        write!(combined, "{separator}(?P<{name}>{pattern})").expect("writing to a String cannot fail");
    }
    Regex::new(&combined).expect("the patterns are literals that the tests compile")
}

/// A message as grouping sees it: its first lines, cut to the work bound, with placeholders.
pub(super) fn steady_message(text: &str) -> Cow<'_, str> {
    match first_lines(text) {
        Cow::Borrowed(lines) => parameterise(lines),
        Cow::Owned(lines) => Cow::Owned(parameterise(&lines).into_owned()),
    }
}

/// The text with everything that looks like a parameter replaced by `<name>`.
pub(in crate::grouping) fn parameterise(text: &str) -> Cow<'_, str> {
    // Every alternative needs a digit or one of these; most plain sentences have none.
    if !text.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b':' | b'=' | b'.')) {
        return Cow::Borrowed(text);
    }
    match replace(text, &COMBINED, &PATTERNS) {
        Some(replaced) => Cow::Owned(replaced),
        None => Cow::Borrowed(text),
    }
}

/// `None` when there is nothing to replace. `patterns` are the alternatives of `regex`, in its order.
fn replace(text: &str, regex: &Regex, patterns: &[(&'static str, String)]) -> Option<String> {
    let mut out = String::new();
    let mut copied_to = 0;
    for captures in regex.captures_iter(text) {
        // Group 0 is the whole match; exactly one of the named groups is the same span.
        let matched = captures.iter().skip(1).zip(patterns).find_map(|(group, (name, _))| Some((group?, *name)));
        let Some((found, name)) = matched else { continue };
        let is_refused = match name {
            "hostname" => is_dotted_on(&text[found.end()..]),
            "random_id" => !is_random(found.as_str()),
            _ => false,
        };
        if is_refused {
            // The exact alternatives refuse nothing, so this goes one level deep.
            if let Some(within) = replace(found.as_str(), &EXACT, &EXACT_PATTERNS) {
                out.push_str(&text[copied_to..found.start()]);
                out.push_str(&within);
                copied_to = found.end();
            }
            continue;
        }
        out.push_str(&text[copied_to..found.start()]);
        if matches!(name, "quoted_str" | "bool") {
            out.push('=');
        }
        out.push('<');
        out.push_str(name);
        out.push('>');
        copied_to = found.end();
    }
    if copied_to == 0 {
        return None;
    }
    out.push_str(&text[copied_to..]);
    Some(out)
}

/// Chance mixes capitals, small letters and digits; people write words. `Base64Utf16Encoder` changes its kind of
/// character 7 times in 18, an id of the same length about 11 times.
fn is_random(text: &str) -> bool {
    let id = text.split_once('_').map_or(text, |(_, id)| id).as_bytes();
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let has = |is_it: fn(&u8) -> bool| id.iter().filter(|byte| is_it(byte)).count();
    let changes = id.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    has(u8::is_ascii_digit) >= 2
        && has(u8::is_ascii_uppercase) > 0
        && has(u8::is_ascii_lowercase) > 0
        && changes * 20 >= id.len() * 9
}

/// `java.net` of `java.net.SocketException` is not a host.
fn is_dotted_on(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|after| after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

/// The first two lines that are not blank, `...` after them when more was said; at most `PARAMETERISED_BYTES_MAX`
/// bytes and the dots.
pub(in crate::grouping) fn first_lines(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let mut lines = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
    let mut kept = Cow::Borrowed(lines.next().unwrap_or_default());
    for line in lines.by_ref().take(LINES_MAX - 1) {
        kept = Cow::Owned(format!(
            "{}\n{}",
            cut_at(&kept, PARAMETERISED_BYTES_MAX),
            cut_at(line, PARAMETERISED_BYTES_MAX)
        ));
    }
    let cut = cut_at(&kept, PARAMETERISED_BYTES_MAX);
    if cut.len() < kept.len() || lines.next().is_some() { Cow::Owned(format!("{cut}...")) } else { kept }
}

/// At most so many bytes, never half a character.
fn cut_at(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn hostname() -> String {
    let upper = TLDS.to_uppercase();
    format!(
        r"(?-u:\b)(?:(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{TLDS})|(?:[A-Z0-9](?:[A-Z0-9-]*[A-Z0-9])?\.)+(?:{upper}))(?-u:\b)"
    )
}

/// Every legal form is spelled out, so no match has to be checked and given back. `::` alone is left to C++.
fn ip() -> String {
    let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    let v4 = format!(r"(?:{octet}\.){{3}}{octet}");
    let h = "[0-9a-fA-F]{1,4}";
    // Those that end in an IPv4 address first: its first octet would do for a group of the others.
    let mut mixed = vec![format!("(?:{h}:){{6}}{v4}")];
    let mut forms = vec![format!("(?:{h}:){{7}}{h}")];
    // `::` stands for at least one group: n groups before it leave room for up to 7 - n after it.
    for before in 0..=7_usize {
        let head = match before {
            0 => ":".to_owned(),
            n => format!("(?:{h}:){{{n}}}"),
        };
        let room = 7 - before;
        for after in (0..=room).rev() {
            if after + 2 <= room {
                let groups = format!("(?:{h}:){{{after}}}");
                mixed.push(format!("{head}:{groups}{v4}"));
            }
            match after {
                0 if before == 0 => {}
                0 => forms.push(format!("{head}:")),
                n => forms.push(format!("{head}:(?:{h}:){{{}}}{h}", n - 1)),
            }
        }
    }
    let v6 = [mixed, forms].concat().join("|");
    format!(r"{NO_WORD_BEFORE}(?:{v4}|(?:{v6})(?:%[0-9A-Za-z]+)?){NO_WORD_AFTER}")
}

fn date() -> String {
    let day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]{3,6})?";
    let month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}";
    let clock = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?";
    let zone = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])";
    let numbers = "(?:0[1-9]|1[0-2])[-](?:0[1-9]|[12][0-9]|3[01])";
    let forms = [
        // repr() in Python messages
        r"datetime\.(?:datetime|date|time)\([0-9][0-9, ]*(?:tzinfo=[a-zA-Z0-9_.]+(?:\([^()]*\))?)?\)".to_owned(),
        // RFC 822, 850, 1123: Mon, 02 Jan 2006 15:04:05 GMT
        format!(r"(?:{day}, ?)?[0-9]{{1,2}}[ -]{month}[ -][0-9]{{2,4}} {clock}(?: ?(?:[A-Z]{{1,5}}\b|{zone}))?"),
        // JavaScript's Date: Mon Jan 02 2006 15:04:05 GMT+0000 (UTC)
        format!(r"{day} {month} [0-9]{{2}} [0-9]{{4}} {clock} GMT[+-][0-9]{{4}}(?: \([A-Za-z ]+\))?"),
        // ctime: Mon Jan  2 15:04:05 2006
        format!(r"{day} {month} [ 0-3][0-9] {clock}(?: [A-Z]{{3,5}})? [0-9]{{4}}"),
        // RFC 3339 and its relatives; the bare date
        format!(r"[0-9]{{4}}-{numbers}(?:[Tt ]{clock} ?{zone}|[Tt ]{clock})?"),
        r"(?:19|20)[0-9]{6}[Tt][0-9]{4}(?:[0-9]{2})?[Zz]?".to_owned(),
        format!(r"(?:{day},? )?{month} [0-9]{{1,2}}, [0-9]{{4}}"),
        format!(r"[0-9]{{1,2}} {month} [0-9]{{4}}"),
        r"[0-9]{4}/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])".to_owned(),
        r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}".to_owned(),
        format!(r"{clock}(?: ?[AaPp][Mm])?"),
    ];
    format!(r"(?-u:\b)(?:{}){NO_WORD_AFTER}", forms.join("|"))
}

/// `0x…`, or at least eight hex digits of one case with a decimal digit among them.
fn hex() -> String {
    let mut forms = vec!["0[xX][0-9a-fA-F]+".to_owned()];
    for letters in ["a-f", "A-F"] {
        // The first decimal digit comes after n letters; what follows fills up to eight.
        for n in 0..8 {
            forms.push(format!("[{letters}]{{{n}}}[0-9][0-9{letters}]{{{},}}", 7 - n));
        }
        forms.push(format!("[{letters}]{{8,}}[0-9][0-9{letters}]*"));
    }
    format!(r"(?-u:\b)(?:{})(?-u:\b)", forms.join("|"))
}

/// Seven lower-case hex digits with both a letter and a decimal digit: git's short form.
fn git_sha() -> String {
    let mut forms = Vec::new();
    for n in 1..7 {
        forms.push(format!("[0-9]{{{n}}}[a-f][0-9a-f]{{{}}}", 6 - n));
        forms.push(format!("[a-f]{{{n}}}[0-9][0-9a-f]{{{}}}", 6 - n));
    }
    format!(r"(?-u:\b)(?:{})(?-u:\b)", forms.join("|"))
}
