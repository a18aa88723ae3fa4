//! Globs: `*`, `?`, `[abc]`, and for paths `**`. Compiled to `regex`, which is linear whatever the pattern.
//!
//! Text in, yes or no out.

use regex::RegexBuilder;

use crate::config::GROUPING_PATTERN_BYTES_MAX;

/// What a compiled pattern may take, in bytes: ample for 512 bytes of glob without Unicode classes.
const COMPILED_BYTES_MAX: usize = 512 << 10;

/// How a pattern is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// `*` is any text.
    Exact,
    /// The same, whatever the case.
    AnyCase,
    /// Whatever the case, `/` and `\` alike; `*` stays within a directory, `**` does not. A path without a slash
    /// before it is taken to have one.
    Path,
}

#[derive(Clone, Debug)]
pub(in crate::grouping) enum Pattern {
    Any,
    Literal(String),
    Glob(regex::Regex),
}

impl Pattern {
    pub(super) fn parse(text: &str, reading: Reading) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a pattern is empty: use * for anything".to_owned());
        }
        if text.len() > GROUPING_PATTERN_BYTES_MAX {
            return Err(format!("a pattern is longer than {GROUPING_PATTERN_BYTES_MAX} bytes"));
        }
        if matches!((text, reading), ("*", Reading::Exact | Reading::AnyCase) | ("**", _)) {
            return Ok(Self::Any);
        }
        if reading == Reading::Exact && !text.contains(['*', '?', '[', '\\']) {
            return Ok(Self::Literal(text.to_owned()));
        }
        let regex = RegexBuilder::new(&to_regex(text, reading))
            .case_insensitive(reading != Reading::Exact)
            .dot_matches_new_line(true)
            .size_limit(COMPILED_BYTES_MAX)
            .build();
        regex.map(Self::Glob).map_err(|_| format!("the pattern {text:?} is too complicated"))
    }

    pub(in crate::grouping) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal == text,
            Self::Glob(regex) => regex.is_match(text),
        }
    }
}

fn to_regex(glob: &str, reading: Reading) -> String {
    let is_path = reading == Reading::Path;
    let mut out = String::with_capacity(glob.len() * 2 + 8);
    out.push('^');
    let mut rest = glob;
    if is_path {
        if let Some(after) = rest.strip_prefix("**/") {
            out.push_str(r"(?:.*[/\\])?");
            rest = after;
        } else if let Some(after) = rest.strip_prefix('/') {
            out.push_str(r"[/\\]?");
            rest = after;
        }
    }
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' if is_path && !rest.starts_with('*') => out.push_str(r"[^/\\]*"),
            '*' => {
                rest = rest.trim_start_matches('*');
                out.push_str(".*");
            }
            '?' if is_path => out.push_str(r"[^/\\]"),
            '?' => out.push('.'),
            '/' | '\\' if is_path => out.push_str(r"[/\\]"),
            '\\' => {
                let next = rest.chars().next().unwrap_or('\\');
                rest = rest.strip_prefix(next).unwrap_or(rest);
                push_literal(next, &mut out);
            }
            '[' => match class(rest) {
                Some((class, after)) => {
                    out.push_str(&class);
                    rest = after;
                }
                None => push_literal('[', &mut out),
            },
            c => push_literal(c, &mut out),
        }
    }
    out.push('$');
    out
}

fn push_literal(c: char, out: &mut String) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// `abc]…` or `!abc]…`, behind the opening bracket: the class, and what follows it. `-` between two is a range.
fn class(text: &str) -> Option<(String, &str)> {
    let (negated, text) = match text.strip_prefix(['!', '^']) {
        Some(text) => ("^", text),
        None => ("", text),
    };
    let end = text.find(']').filter(|end| *end > 0)?;
    let members: Vec<char> = text[..end].chars().collect();
    let mut class = format!("[{negated}");
    for (index, c) in members.iter().enumerate() {
        let is_range = *c == '-' && index > 0 && members.get(index + 1).is_some_and(|last| members[index - 1] <= *last);
        if is_range {
            class.push('-');
        } else {
            class.push_str(&format!("\\u{{{:x}}}", u32::from(*c)));
        }
    }
    class.push(']');
    Some((class, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reading: Reading, glob: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::parse(glob, reading).unwrap();
        for text in yes {
            assert!(pattern.matches(text), "{glob} should match {text}");
        }
        for text in no {
            assert!(!pattern.matches(text), "{glob} should not match {text}");
        }
    }

    #[test]
    fn texts() {
        check(Reading::Exact, "KeyError", &["KeyError"], &["keyerror", "KeyErrors", ""]);
        check(Reading::Exact, "*Error", &["KeyError", "Error", "a/b\nError"], &["KeyErrors"]);
        check(Reading::Exact, "?b[cd][!e-g]", &["abcx", "äbdh"], &["abce", "abxx", "bcx"]);
        check(Reading::Exact, r"a\*b", &["a*b"], &["axb"]);
        check(Reading::Exact, "[a.b", &["[a.b"], &["axb"]);
        check(Reading::Exact, "(a|b)+$", &["(a|b)+$"], &["a"]);
        check(Reading::Exact, "*", &["", "x"], &[]);
        check(Reading::AnyCase, "*Timeout*", &["timeout", "a TIMEOUT b"], &["time out"]);
    }

    #[test]
    fn paths() {
        check(
            Reading::Path,
            "**/release_webhook.py",
            &["/srv/a/release_webhook.py", "release_webhook.py", "C:\\a\\Release_Webhook.py"],
            &["/srv/a/x_release_webhook.py"],
        );
        check(Reading::Path, "/srv/*.py", &["/srv/a.py", "srv/a.py"], &["/srv/b/a.py", "/x/srv/a.py"]);
        check(Reading::Path, "**/venv/**", &["/a/venv/b/c.py", "venv/c.py"], &["/a/venvs/b"]);
        check(Reading::Path, r"C:\srv\**", &["c:/srv/x/y.py"], &["d:/srv/x"]);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert!(Pattern::parse("", Reading::Exact).is_err());
        assert!(Pattern::parse(&"x".repeat(GROUPING_PATTERN_BYTES_MAX + 1), Reading::Path).is_err());
        assert!(Pattern::parse(&"*?".repeat(GROUPING_PATTERN_BYTES_MAX / 2), Reading::AnyCase).is_ok());
        assert!(Pattern::parse("[z-a]", Reading::Exact).is_ok());
    }

    /// A backtracking matcher would take centuries.
    #[test]
    fn stars_do_not_multiply() {
        let pattern = Pattern::parse(&"*a".repeat(200), Reading::AnyCase).unwrap();
        assert!(!pattern.matches(&"a".repeat(199)));
        assert!(pattern.matches(&"ab".repeat(199).repeat(2).replace('b', "a")));
    }
}
