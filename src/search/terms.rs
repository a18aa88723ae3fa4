//! One filter: which key it names and what its value means there.
//!
//! Owns the types of values and what is said of wrong ones. Knows nothing of what stands around a filter.

use super::expr::{Expr, Leaf, Op, Value};
use super::keys::{Dataset, KEYS, Key, KeyInfo, Known, Type, find, find_elsewhere};
use super::lex::{Comparison, Filter, KeyForm, Part, Raw, RawKey, RawValue};
use super::parse::SearchError;
use super::pattern::Pattern;
use super::print::written_key;
use super::states;
use super::suggest::{nearest, slip_of};
use super::values;
use super::version::Version;
use crate::config::search::{SEARCH_LIST_MAX, SEARCH_WILDCARDS_MAX};
use crate::model::event::{Level, tag_key};
use crate::model::log::LogLevel;

pub(super) struct Terms {
    pub(super) dataset: Dataset,
    pub(super) now_ms: i64,
}

/// A key with what there is to know of it.
enum Named {
    /// With the name that was typed, which may be another one of its names.
    Known(&'static KeyInfo, String),
    /// A tag, flag or attribute.
    Free(Key),
}

impl Named {
    fn key(&self) -> Key {
        match self {
            Self::Known(info, _) => Key::Known(info.known),
            Self::Free(key) => key.clone(),
        }
    }

    /// As it is written.
    fn written(&self) -> String {
        match self {
            Self::Known(_, typed) => typed.clone(),
            Self::Free(key) => written_key(key),
        }
    }
}

type Result<T> = std::result::Result<T, SearchError>;

impl Terms {
    pub(super) fn filter(&self, filter: &Filter<'_>) -> Result<Expr> {
        let named = self.named(&filter.key)?;
        if let Named::Known(KeyInfo { ty: Type::KeyName, .. }, _) = named {
            return self.has(filter);
        }
        let op = match filter.op {
            Some(Comparison::NotEqual) => Some(Comparison::Equal),
            other => other,
        };
        let expr = match &filter.value {
            RawValue::Missing | RawValue::Key(_) => {
                let name = named.written();
                let (from, to) = (filter.key.from, filter.to);
                let message = format!("`{name}` has no value");
                let help = format!("write it right behind the colon, as {name}:value, or put the words in quotes");
                return Err(SearchError::new(message, help, from, to));
            }
            RawValue::One(raw) => {
                balanced(*raw, &named)?;
                self.one(&named, op, *raw, filter)?
            }
            RawValue::List(items, is_closed) => {
                let items = self.items(items, *is_closed, ']', filter)?;
                if let Some(op) = op.filter(|op| *op != Comparison::Equal) {
                    return Err(self.no_comparison(&named, op, filter, "a list is any of its values"));
                }
                let any = items.iter().map(|raw| self.one(&named, None, *raw, filter)).collect::<Result<Vec<_>>>()?;
                any_of(any)
            }
            RawValue::Call(part, items, is_closed) => {
                let items = self.items(items, *is_closed, ')', filter)?;
                let any = items.iter().map(|raw| self.part(&named, *part, *raw, filter)).collect::<Result<Vec<_>>>()?;
                any_of(any)
            }
        };
        Ok(if filter.op == Some(Comparison::NotEqual) { expr.negated() } else { expr })
    }

    fn items<'t, 'f>(
        &self,
        items: &'f [Raw<'t>],
        is_closed: bool,
        end: char,
        filter: &Filter<'_>,
    ) -> Result<&'f [Raw<'t>]> {
        let fail = |message: &str, help: String| Err(SearchError::new(message, help, filter.from, filter.to));
        if !is_closed {
            return fail("the list has no end", format!("write {end} behind its last value"));
        }
        if items.is_empty() {
            return fail("the list is empty", "write values between commas, as [a, b]".to_string());
        }
        if items.len() > SEARCH_LIST_MAX {
            return fail(
                "the list is too long",
                format!("a list takes at most {SEARCH_LIST_MAX} values: use a wildcard"),
            );
        }
        Ok(items)
    }

    fn named(&self, raw: &RawKey<'_>) -> Result<Named> {
        let name = if raw.name.is_quoted {
            let read = Pattern::read(raw.name.text);
            read.as_literal().map(str::to_string).unwrap_or_else(|| raw.name.text.to_string())
        } else {
            raw.name.text.to_string()
        };
        let has_tags = self.dataset.has_tags();
        match raw.form {
            KeyForm::Flag if has_tags => return Ok(Named::Free(Key::Flag(name))),
            // As Sentry's SDKs write flags into spans.
            KeyForm::Flag => return Ok(Named::Free(Key::Attribute(format!("flag.evaluation.{name}")))),
            KeyForm::Tag => return Ok(self.free_key(name)),
            KeyForm::Plain => {}
        }
        if let Some(info) = find(&name, self.dataset) {
            return Ok(Named::Known(info, name));
        }
        let own = if has_tags { "tag" } else { "attribute" };
        if let Some((_, other)) = find_elsewhere(&name, self.dataset).filter(|(info, _)| is_of_one_kind(info.ty)) {
            let message = format!("`{name}` is a key of {}, not of {}", other.as_str(), self.dataset.as_str());
            let help = format!("search there, or write tags[{name}]: for {own}s of that name");
            return Err(SearchError::new(message, help, raw.from, raw.to));
        }
        let names = KEYS.iter().filter(|info| info.is_in(self.dataset)).map(|info| info.name);
        if let Some(meant) = slip_of(&name, names) {
            let message = format!("there is no key `{name}`");
            let help = format!("did you mean `{meant}`? For {own}s of that name write tags[{name}]:");
            return Err(SearchError::new(message, help, raw.from, raw.to));
        }
        Ok(self.free_key(name))
    }

    /// A tag is kept under its name as ingestion writes it.
    fn free_key(&self, name: String) -> Named {
        let is_blank = name.trim().is_empty();
        Named::Free(match self.dataset.has_tags() {
            true if is_blank => Key::Tag(name),
            true => Key::Tag(tag_key(&name)),
            false => Key::Attribute(name),
        })
    }

    fn has(&self, filter: &Filter<'_>) -> Result<Expr> {
        let RawValue::Key(raw) = &filter.value else {
            let help = "write the name of a key, as has:user.email or has:tags[my key]";
            return Err(SearchError::new("`has` asks for a key", help, filter.key.from, filter.to));
        };
        let named = self.named(raw)?;
        if let Named::Known(KeyInfo { ty: Type::State | Type::KeyName, .. }, name) = &named {
            let help = "write the name of another key, as has:user.email";
            return Err(SearchError::new(format!("`{name}` is nothing that anything has"), help, raw.from, raw.to));
        }
        Ok(Expr::Leaf(Leaf::Has(named.key())))
    }

    fn one(&self, named: &Named, op: Option<Comparison>, raw: Raw<'_>, filter: &Filter<'_>) -> Result<Expr> {
        if !raw.is_closed {
            let help = "write \" at its end, or \\\" for a quote that is meant";
            return Err(SearchError::new("the quote is not closed", help, raw.from, raw.to));
        }
        let info = match named {
            Named::Known(info, _) => *info,
            Named::Free(key) => return self.free(key, op, raw, filter),
        };
        if let Some((info, raw)) = self.labelled_user(info, raw) {
            return self.one(&Named::Known(info, named.written()), op, raw, filter);
        }
        let key = named.key();
        let name = named.written();
        if raw.text.is_empty() && !matches!(info.ty, Type::State) {
            return Ok(Expr::Leaf(Leaf::Has(key)).negated());
        }
        if raw.text == "*" && !raw.is_quoted && !matches!(info.ty, Type::State) {
            return Ok(Expr::Leaf(Leaf::Has(key)));
        }
        let only_equal = |why: &str| match op {
            None | Some(Comparison::Equal | Comparison::NotEqual) => Ok(()),
            Some(op) => Err(self.no_comparison(named, op, filter, why)),
        };
        let wrong = |message: String, help: &str| Err(SearchError::new(message, help, raw.from, raw.to));
        let is_pattern = Pattern::read(raw.text).wildcards() > 0;
        match info.ty {
            Type::State => {
                only_equal("a state is one or it is not")?;
                self.state(raw)
            }
            Type::KeyName => Ok(Expr::Everything),
            Type::Text | Type::Prose => {
                only_equal("its values are texts")?;
                let pattern = self.pattern(raw)?;
                let is_part = info.ty == Type::Prose && pattern.wildcards() == 0;
                Ok(text(key, if is_part { pattern.open() } else { pattern }))
            }
            Type::Capitals => {
                only_equal("its values are texts")?;
                Ok(text(key, self.pattern_of(&raw.text.to_ascii_uppercase(), raw)?))
            }
            Type::ShortId => {
                only_equal("its values are names")?;
                Ok(text(key, self.pattern_of(&raw.text.to_ascii_uppercase(), raw)?))
            }
            Type::Choice(choices) => {
                only_equal("its values are words")?;
                if is_pattern {
                    return Ok(text(key, self.pattern(raw)?));
                }
                let chosen = choices.iter().find(|choice| choice.eq_ignore_ascii_case(raw.text));
                match chosen {
                    Some(chosen) => Ok(text(key, Pattern::literal(chosen))),
                    None => Err(self.no_choice(&name, raw, choices)),
                }
            }
            Type::Level => self.level(&name, key, op, raw, is_pattern),
            Type::Number => match values::number(raw.text) {
                Some(number) => Ok(Expr::compare(key, as_op(op), Value::Number(number))),
                None => wrong(
                    format!("`{name}` is compared with a number, and {} is none", shown(raw.text)),
                    &format!("write {name}:>100, {name}:<=5k or {name}:3"),
                ),
            },
            Type::HttpStatus => self.http_status(key, op, raw),
            Type::Duration => match duration(raw.text) {
                Some(ns) => Ok(Expr::compare(key, as_op(op), Value::DurationNs(ns))),
                None => wrong(
                    format!("`{name}` is compared with a duration, and {} is none", shown(raw.text)),
                    &format!("write a number with ms, s, min, h, d or w behind it, as {name}:>300ms or {name}:<=1.5s"),
                ),
            },
            Type::Time => self.time(key, op, raw, filter),
            Type::Age => self.age(op, raw),
            Type::Flag | Type::NotFlag => {
                only_equal("it is true or false")?;
                match values::truth(raw.text) {
                    Some(is_true) => {
                        let value = Value::Bool(is_true == (info.ty == Type::Flag));
                        Ok(Expr::compare(key, Op::Is, value))
                    }
                    None => wrong(
                        format!("`{name}` is true or false, not {}", shown(raw.text)),
                        &format!("write {name}:true"),
                    ),
                }
            }
            Type::Version => {
                if let Some(version) = Version::parse(raw.text).filter(|_| !is_pattern) {
                    return Ok(Expr::compare(key, as_op(op), Value::Version(version)));
                }
                if op.is_none_or(|op| op == Comparison::Equal) {
                    return Ok(text(key, self.pattern(raw)?));
                }
                wrong(
                    format!("{} is no version that others are above or below", shown(raw.text)),
                    &format!("write {name}:>1.2 or {name}:1.2.*"),
                )
            }
            Type::Release => {
                only_equal("releases have names; release.version compares, as release.version:>1.2")?;
                if !raw.is_quoted && raw.text.eq_ignore_ascii_case("latest") {
                    return Ok(Expr::compare(key, Op::Is, Value::Latest));
                }
                Ok(text(key, self.pattern(raw)?))
            }
            Type::Person => {
                only_equal("its values are names")?;
                self.person(key, raw)
            }
            Type::Id(digits) => {
                only_equal("it is an id")?;
                let hex = raw.text.to_ascii_lowercase().replace('-', "");
                let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'*');
                if !is_hex || (hex.len() != digits && !hex.contains('*')) {
                    return wrong(
                        format!("`{name}` is {digits} hexadecimal digits"),
                        "paste it whole, or write * for what is left out",
                    );
                }
                Ok(text(key, self.pattern_of(&hex, raw)?))
            }
        }
    }

    /// A tag, flag or attribute: a text, unless something is above or below it.
    fn free(&self, key: &Key, op: Option<Comparison>, raw: Raw<'_>, filter: &Filter<'_>) -> Result<Expr> {
        let above_or_below = op.filter(|op| !matches!(op, Comparison::Equal | Comparison::NotEqual));
        let Some(comparison) = above_or_below else {
            if raw.text.is_empty() {
                return Ok(Expr::Leaf(Leaf::Has(key.clone())).negated());
            }
            if raw.text == "*" && !raw.is_quoted {
                return Ok(Expr::Leaf(Leaf::Has(key.clone())));
            }
            return Ok(text(key.clone(), self.pattern(raw)?));
        };
        let number = values::number(raw.text).or_else(|| values::size(raw.text)).map(Value::Number);
        let value = number.or_else(|| values::duration_ns(raw.text).map(Value::DurationNs));
        match value {
            Some(value) => Ok(Expr::compare(key.clone(), as_op(Some(comparison)), value)),
            None => {
                let message = format!("{} is no number to compare with", shown(raw.text));
                let name = written_key(key);
                let help = format!("write {name}:>100 or {name}:>300ms; for the text itself put it in quotes");
                Err(SearchError::new(message, help, filter.from, filter.to))
            }
        }
    }

    /// `user:id:42`, as users of events are called, asked of spans, which have the parts alone.
    fn labelled_user<'t>(&self, info: &KeyInfo, raw: Raw<'t>) -> Option<(&'static KeyInfo, Raw<'t>)> {
        if info.known != Known::User || self.dataset != Dataset::Spans {
            return None;
        }
        let (label, text) = raw.text.split_once(':')?;
        let name = match label {
            "id" => "user.id",
            "email" => "user.email",
            "username" => "user.username",
            "ip" => "user.ip",
            _ => return None,
        };
        find(name, self.dataset).map(|info| (info, Raw { text, ..raw }))
    }

    /// `contains(…)` and its like.
    fn part(&self, named: &Named, part: Part, raw: Raw<'_>, filter: &Filter<'_>) -> Result<Expr> {
        let is_text = match named {
            Named::Free(_) => true,
            Named::Known(info, _) => matches!(
                info.ty,
                Type::Text
                    | Type::Prose
                    | Type::Capitals
                    | Type::Release
                    | Type::Version
                    | Type::ShortId
                    | Type::Person
            ),
        };
        let fail = |message: String, help: &str| Err(SearchError::new(message, help, filter.from, filter.to));
        if !is_text {
            return fail(format!("`{}` is no text that has parts", named.written()), "compare it with a value");
        }
        if let Some(op) = filter.op.filter(|op| !matches!(op, Comparison::Equal | Comparison::NotEqual)) {
            return Err(self.no_comparison(named, op, filter, "parts of texts are there or not"));
        }
        if raw.text.is_empty() {
            return fail("that part is empty".to_string(), "write what to look for between the parentheses");
        }
        let is_capital = matches!(named, Named::Known(KeyInfo { ty: Type::Capitals | Type::ShortId, .. }, _));
        let written = if is_capital { raw.text.to_ascii_uppercase() } else { raw.text.to_string() };
        let pattern = self.pattern_of(&written, raw)?;
        let pattern = match part {
            Part::Anywhere => pattern.open(),
            Part::Start => pattern.open_end(),
            Part::End => pattern.open_start(),
        };
        self.bounded(&pattern, raw)?;
        Ok(text(named.key(), pattern))
    }

    fn pattern(&self, raw: Raw<'_>) -> Result<Pattern> {
        self.pattern_of(raw.text, raw)
    }

    fn pattern_of(&self, written: &str, raw: Raw<'_>) -> Result<Pattern> {
        let pattern = Pattern::read(written);
        self.bounded(&pattern, raw)?;
        Ok(pattern)
    }

    fn bounded(&self, pattern: &Pattern, raw: Raw<'_>) -> Result<()> {
        if pattern.wildcards() > SEARCH_WILDCARDS_MAX {
            let help =
                format!("write at most {SEARCH_WILDCARDS_MAX} of them in one value, or \\* for a star that is meant");
            return Err(SearchError::new("too many wildcards", help, raw.from, raw.to));
        }
        Ok(())
    }

    fn state(&self, raw: Raw<'_>) -> Result<Expr> {
        states::read(raw.text).ok_or_else(|| self.no_choice("is", raw, &states::names()))
    }

    fn person(&self, key: Key, raw: Raw<'_>) -> Result<Expr> {
        let lower = raw.text.to_ascii_lowercase();
        let is_bookmark = key == Key::Known(Known::Bookmarked);
        if is_bookmark && let Some(is_true) = values::truth(raw.text) {
            return Ok(Expr::compare(key, Op::Is, Value::Bool(is_true)));
        }
        Ok(match lower.as_str() {
            _ if raw.is_quoted => text(key, self.pattern(raw)?),
            // There are no teams: theirs is one's own.
            "me" | "my_teams" => Expr::compare(key, Op::Is, Value::Me),
            "none" => Expr::Leaf(Leaf::Has(key)).negated(),
            _ => text(key, self.pattern(raw)?),
        })
    }

    fn level(&self, name: &str, key: Key, op: Option<Comparison>, raw: Raw<'_>, is_pattern: bool) -> Result<Expr> {
        if is_pattern && op.is_none_or(|op| op == Comparison::Equal) {
            return Ok(text(key, self.pattern(raw)?));
        }
        let levels = self.levels();
        let Some(place) = self.level_place(raw.text) else {
            return Err(self.no_choice(name, raw, &levels));
        };
        let wanted: Vec<Value> = (0..)
            .zip(&levels)
            .filter(|(other, level)| {
                let takes = as_op(op).takes(usize::cmp(other, &place));
                // What has no level is neither above nor below one.
                takes && (**level != "unknown" || *other == place)
            })
            .map(|(_, level)| Value::Text(Pattern::literal(level)))
            .collect();
        Ok(match wanted.len() {
            0 => Expr::nothing(),
            1 => Expr::or(wanted.into_iter().map(|value| Expr::compare(key.clone(), Op::Is, value))),
            _ => Expr::compare(key, Op::Is, Value::List(wanted)),
        })
    }

    /// Rising.
    fn levels(&self) -> Vec<&'static str> {
        if self.dataset == Dataset::Logs {
            return LogLevel::ALL.into_iter().map(LogLevel::as_str).collect();
        }
        [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Fatal].map(Level::as_str).to_vec()
    }

    fn level_place(&self, word: &str) -> Option<usize> {
        let lower = word.to_ascii_lowercase();
        let level = if self.dataset == Dataset::Logs {
            LogLevel::parse(&lower)?.as_str()
        } else {
            match lower.as_str() {
                "warn" => "warning",
                "critical" => "fatal",
                "log" | "notice" => "info",
                other => Level::parse(other)?.as_str(),
            }
        };
        self.levels().iter().position(|other| *other == level)
    }

    fn http_status(&self, key: Key, op: Option<Comparison>, raw: Raw<'_>) -> Result<Expr> {
        let lower = raw.text.to_ascii_lowercase();
        let class = lower.strip_suffix("xx").or_else(|| lower.strip_suffix('*')).and_then(|class| class.parse().ok());
        if let Some(class) = class.filter(|class: &i32| (1..=5).contains(class))
            && op.is_none_or(|op| op == Comparison::Equal)
        {
            let bound = |op, hundred: i32| Expr::compare(key.clone(), op, Value::Number(f64::from(hundred * 100)));
            return Ok(Expr::and([bound(Op::GreaterOrEqual, class), bound(Op::Less, class + 1)]));
        }
        match values::plain_number(raw.text) {
            Some(number) => Ok(Expr::compare(key, as_op(op), Value::Number(number))),
            None => {
                let message = format!("{} is no status of HTTP", shown(raw.text));
                Err(SearchError::new(message, "write 404, 5xx or >=500", raw.from, raw.to))
            }
        }
    }

    fn time(&self, key: Key, op: Option<Comparison>, raw: Raw<'_>, filter: &Filter<'_>) -> Result<Expr> {
        let compare = |op, ms| Expr::compare(key.clone(), op, Value::TimeMs(ms));
        if let Some((is_older, ago_ns)) = values::relative_ns(raw.text) {
            let default = if is_older { Op::LessOrEqual } else { Op::GreaterOrEqual };
            let op = op.filter(|op| *op != Comparison::Equal).map_or(default, |op| as_op(Some(op)));
            return Ok(compare(op, values::before(self.now_ms, ago_ns)));
        }
        let Some((from_ms, to_ms)) = values::stretch_ms(raw.text) else {
            let message = format!("{} is no time", shown(raw.text));
            let help = "write a date (>2026-11-01, 2026-11-01T12:00), or how long ago: -24h is within, +7d is before";
            return Err(SearchError::new(message, help, filter.from, raw.to));
        };
        Ok(match as_op(op) {
            Op::Is => Expr::and([compare(Op::GreaterOrEqual, from_ms), compare(Op::Less, to_ms)]),
            op => compare(op, from_ms),
        })
    }

    fn age(&self, op: Option<Comparison>, raw: Raw<'_>) -> Result<Expr> {
        let first_seen = |op, ago_ns| {
            let value = Value::TimeMs(values::before(self.now_ms, ago_ns));
            Ok(Expr::compare(Key::Known(Known::FirstSeen), op, value))
        };
        let older_or_newer = op.filter(|op| !matches!(op, Comparison::Equal | Comparison::NotEqual));
        match (values::relative_ns(raw.text), values::duration_ns(raw.text), older_or_newer) {
            (Some((true, ns)), _, None) => first_seen(Op::LessOrEqual, ns),
            (Some((false, ns)), _, None) => first_seen(Op::GreaterOrEqual, ns),
            // Older is a greater age.
            (_, Some(ns), Some(Comparison::Greater)) => first_seen(Op::Less, ns),
            (_, Some(ns), Some(Comparison::GreaterOrEqual)) => first_seen(Op::LessOrEqual, ns),
            (_, Some(ns), Some(Comparison::Less)) => first_seen(Op::Greater, ns),
            (_, Some(ns), Some(_)) => first_seen(Op::GreaterOrEqual, ns),
            _ => {
                let help = "write age:-24h for newer, age:+7d or age:>7d for older";
                Err(SearchError::new(format!("{} is no age", shown(raw.text)), help, raw.from, raw.to))
            }
        }
    }

    fn no_comparison(&self, named: &Named, op: Comparison, filter: &Filter<'_>, why: &str) -> SearchError {
        let name = named.written();
        let message = format!("`{name}` cannot be compared with {}: {why}", as_op(Some(op)).as_str());
        let help = format!("write {name}:value, or put the value in quotes if it begins like that");
        SearchError::new(message, help, filter.from, filter.to)
    }

    fn no_choice(&self, name: &str, raw: Raw<'_>, choices: &[&'static str]) -> SearchError {
        let message = format!("`{name}` is never {}", shown(raw.text));
        let all = format!("it is one of {}", choices.join(", "));
        let help = match nearest(raw.text, choices.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? {all}"),
            None => all,
        };
        SearchError::new(message, help, raw.from, raw.to)
    }
}

/// Parentheses within a value belong to it; at its ends they must be a pair: `error.type:(KeyError OR ValueError)` is meant
/// as something else than it would be read as.
fn balanced(raw: Raw<'_>, named: &Named) -> Result<()> {
    if raw.is_quoted {
        return Ok(());
    }
    let (mut open, mut never_opened) = (0, false);
    for char in raw.text.chars() {
        match char {
            '(' => open += 1,
            ')' if open == 0 => never_opened = true,
            ')' => open -= 1,
            _ => {}
        }
    }
    let name = named.written();
    if raw.text.starts_with('(') && open > 0 {
        let help = format!("write {name}:[a, b] for one of several values, or put the value in quotes");
        return Err(SearchError::new("a value has no parentheses around it", help, raw.from, raw.to));
    }
    if raw.text.ends_with(')') && never_opened {
        let help = "take it away, or put the value in quotes";
        return Err(SearchError::new("this parenthesis was never opened", help, raw.to - 1, raw.to));
    }
    Ok(())
}

/// Values that only the key's own things have; others may be attributes or tags of that name.
fn is_of_one_kind(ty: Type) -> bool {
    matches!(ty, Type::State | Type::Person | Type::Number | Type::Duration | Type::Time | Type::Age | Type::ShortId)
}

fn as_op(comparison: Option<Comparison>) -> Op {
    match comparison {
        None | Some(Comparison::Equal | Comparison::NotEqual) => Op::Is,
        Some(Comparison::Greater) => Op::Greater,
        Some(Comparison::GreaterOrEqual) => Op::GreaterOrEqual,
        Some(Comparison::Less) => Op::Less,
        Some(Comparison::LessOrEqual) => Op::LessOrEqual,
    }
}

fn text(key: Key, pattern: Pattern) -> Expr {
    if pattern.is_anything() {
        return Expr::Leaf(Leaf::Has(key));
    }
    Expr::compare(key, Op::Is, Value::Text(pattern))
}

/// Without a unit milliseconds are meant.
fn duration(text: &str) -> Option<i64> {
    let bare = values::plain_number(text).map(|number| number * 1e6).filter(|ns| (0.0..1e18).contains(ns));
    bare.map(|ns| ns.round() as i64).or_else(|| values::duration_ns(text))
}

/// Any of these, the plain values of one key as one list.
fn any_of(any: Vec<Expr>) -> Expr {
    let mut values = Vec::new();
    let mut of_values = None;
    let mut others = Vec::new();
    for expr in any {
        match expr {
            Expr::Leaf(Leaf::Compare { key, op: Op::Is, value: Value::List(inner) }) => {
                values.extend(inner);
                of_values = Some(key);
            }
            Expr::Leaf(Leaf::Compare { key, op: Op::Is, value }) => {
                if !values.contains(&value) {
                    values.push(value);
                }
                of_values = Some(key);
            }
            other => others.push(other),
        }
    }
    if let Some(key) = of_values {
        let value = if values.len() == 1 { values.remove(0) } else { Value::List(values) };
        others.insert(0, Expr::compare(key, Op::Is, value));
    }
    Expr::or(others)
}

/// So much of a value as an error shows.
fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(40).collect();
    if chars.next().is_some() { format!("\"{start}…\"") } else { format!("\"{start}\"") }
}
