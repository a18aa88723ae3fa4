//! Search over issues: what counts as a hit, the index that finds it, and the chore that fills the index.
//!
//! A hit holds every word that was typed, anywhere in its title, culprit, type, value, file or function, in any case and
//! otherwise literally. The index answers words of three characters and more; shorter ones, and issues the index has not
//! taken in yet, are looked at row by row with the same function, so that an answer never depends on what the index has
//! got to. Knows nothing of lists and their order.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::StoreError;
use super::keeper::{Keeper, Progress};
use crate::config::{SEARCH_SLICE_ISSUES_MAX, SEARCH_SLICE_MS, SEARCH_TEXT_CHARS_MAX};
use crate::model::ids::IssueId;

/// The columns a word may stand in, in the order `has_words` takes them.
pub(super) const SEARCHED: &str = "title, culprit, ty, value, filename, function";
/// How many there are.
const SEARCHED_COUNT: usize = 6;
/// The tokenizer cuts text into pieces of this many characters, so that is the least the index can find.
const INDEXED_CHARS_MIN: usize = 3;

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// Folded, distinct, without blanks; never empty.
    words: Vec<String>,
    /// `shop` and 12 of `SHOP-12`.
    short_id: Option<(String, i64)>,
}

impl Wanted {
    /// `None` when there is nothing to look for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = first_chars(text.trim(), SEARCH_TEXT_CHARS_MAX);
        let mut words: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let word = fold(word).into_owned();
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let short_id = text.rsplit_once('-').and_then(|(slug, number)| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            Some((fold(slug).into_owned(), number.parse().ok().filter(|_| is_number)?))
        });
        (!words.is_empty()).then_some(Self { words, short_id })
    }

    /// For `has_words`: all of them.
    pub(super) fn all_words(&self) -> String {
        self.words.join("\n")
    }

    /// For `has_words`: those the index cannot answer.
    pub(super) fn short_words(&self) -> Option<String> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).filter(|word| !is_indexed(word)).collect();
        (!words.is_empty()).then(|| words.join("\n"))
    }

    /// For the index; `None` when it can answer none of the words.
    pub(super) fn match_expression(&self) -> Option<String> {
        // A string of FTS5's query language: only its quote has a meaning in it.
        let strings: Vec<String> = self
            .words
            .iter()
            .filter(|word| is_indexed(word))
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
            .collect();
        (!strings.is_empty()).then(|| strings.join(" AND "))
    }

    /// The issue whose short id was typed.
    pub(super) fn named_issue(&self, connection: &Connection) -> Result<Option<IssueId>, StoreError> {
        let Some((slug, number)) = &self.short_id else { return Ok(None) };
        let mut statement = connection.prepare_cached(
            "SELECT issue.id FROM project CROSS JOIN issue
                 ON issue.project_id = project.id AND issue.short_no = :short_no
             WHERE project.slug = :slug",
        )?;
        let found = statement
            .query_row(named_params! { ":slug": slug, ":short_no": number }, |row| row.get(0).map(IssueId))
            .optional()?;
        Ok(found)
    }
}

/// What the index holds of an issue, and what words are looked for in.
fn search_text(parts: &[&str]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        let part = fold(part);
        // Type and value usually stand in the title.
        if !part.is_empty() && !text.contains(&*part) {
            text.push_str(first_chars(&part, SEARCH_TEXT_CHARS_MAX));
            text.push('\n');
        }
    }
    text
}

/// Small letters, character by character, so that what a text holds before folding it holds after. NUL would end a text
/// for FTS5, so its picture stands for it, and two that are no characters are the one that FTS5 takes them for.
fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase() && byte != 0) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase().replace('\0', "␀"));
    }
    let fold_char = |c: char| match c {
        '\0' => '␀',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    Cow::Owned(text.chars().map(fold_char).flat_map(char::to_lowercase).collect())
}

fn is_indexed(word: &str) -> bool {
    word.chars().nth(INDEXED_CHARS_MIN - 1).is_some()
}

fn first_chars(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// Gives a connection `has_words(words, <the searched columns>)`.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("has_words", 1 + SEARCHED_COUNT as i32, flags, |context| {
        let words = context.get_raw(0).as_str().unwrap_or_default();
        let mut parts = [""; SEARCHED_COUNT];
        for (index, part) in parts.iter_mut().enumerate() {
            *part = context.get_raw(index + 1).as_str_or_null()?.unwrap_or_default();
        }
        let text = search_text(&parts);
        Ok(words.split('\n').all(|word| text.contains(word)))
    })
}

/// A chore: takes in a slice of the issues that are due. Not more than one slice at a time, because nothing is lost by
/// being late: a search looks at what is due by itself.
pub(super) fn index_due(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM issue_search_due)";
    let is_due: bool = keeper.reader.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    if is_due {
        keeper.write(|tx, _| index_some(tx, SEARCH_SLICE_ISSUES_MAX))?;
    }
    Ok(Progress::Idle)
}

/// Takes in the issues that have been due longest, `limit` at most; returns how many.
pub(super) fn index_some(tx: &Transaction<'_>, limit: usize) -> Result<usize, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SEARCH_SLICE_MS);
    let mut next = tx.prepare_cached(
        "SELECT due.seq, issue.project_id << 40 | issue.short_no, issue.title, issue.culprit, issue.ty, issue.value,
             issue.filename, issue.function
         FROM issue_search_due AS due CROSS JOIN issue ON issue.id = due.issue_id ORDER BY due.seq LIMIT :limit",
    )?;
    // Read to the end first: what is written below would move the ground under an open walk.
    let rows = next.query_map(named_params! { ":limit": limit as i64 }, |row| {
        let mut parts = [""; SEARCHED_COUNT];
        for (index, part) in parts.iter_mut().enumerate() {
            *part = row.get_ref(index + 2)?.as_str_or_null()?.unwrap_or_default();
        }
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, search_text(&parts)))
    })?;
    let rows: Vec<(i64, i64, String)> = rows.collect::<Result<_, _>>()?;
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO issue_search (rowid, text) VALUES (:place, :text)")?;
    let mut done = tx.prepare_cached("DELETE FROM issue_search_due WHERE seq = :seq")?;
    let mut count = 0;
    for (seq, place, text) in rows {
        put.execute(named_params! { ":place": place, ":text": text })?;
        done.execute(named_params! { ":seq": seq })?;
        count += 1;
        if Instant::now() > deadline {
            break;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_taken_literally_and_in_small_letters() {
        let wanted = Wanted::parse("  KeyError: \"a\"  OR\t* ÜBER or ").unwrap();
        assert_eq!(wanted.words, ["keyerror:", "\"a\"", "or", "*", "über"]);
        assert_eq!(wanted.match_expression().unwrap(), "\"keyerror:\" AND \"\"\"a\"\"\" AND \"über\"");
        assert_eq!(wanted.short_words().unwrap(), "or\n*");
        assert_eq!(Wanted::parse(" \t\n"), None);
        assert_eq!(Wanted::parse("ab").unwrap().match_expression(), None);
    }

    #[test]
    fn a_short_id_is_a_name_and_a_number() {
        let short_id = |text: &str| Wanted::parse(text).unwrap().short_id;
        assert_eq!(short_id(" Shop-12 "), Some(("shop".to_string(), 12)));
        assert_eq!(short_id("my-shop-3"), Some(("my-shop".to_string(), 3)));
        for none in ["shop", "shop-", "shop-x", "shop-+1", "shop-99999999999999999999"] {
            assert_eq!(short_id(none), None, "{none}");
        }
    }

    #[test]
    fn what_stands_in_the_title_is_kept_once() {
        let parts = ["KeyError: 'sku'", "/cart/", "KeyError", "'sku'", "", "shop.cart"];
        assert_eq!(search_text(&parts), "keyerror: 'sku'\n/cart/\nshop.cart\n");
    }

    proptest! {
        /// A part of a text is found in it, whatever the characters.
        #[test]
        fn any_part_of_a_text_is_a_hit(text in "\\PC{0,40}", from in 0usize..40, len in 1usize..20) {
            let part: String = text.chars().skip(from).take(len).collect();
            let folded = search_text(&[&text]);
            if let Some(wanted) = Wanted::parse(&part) {
                prop_assert!(wanted.words.iter().all(|word| folded.contains(word)), "{wanted:?} in {folded:?}");
            }
        }
    }
}
