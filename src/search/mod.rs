//! The search language: what people type into the query bars of issues, events, spans and logs, as a typed expression.
//!
//! Text in, [`Expr`] out, or an error that points at the word and says what to do. One table ([`keys::KEYS`]) says which
//! keys there are, what their values are, and in which data set; parser, completion and help all read it. Knows no SQL and
//! no clock; what an expression means for one thing is said by [`naive`], to which every faster way of answering is held.
//!
//! ```text
//! text -> lex: words, phrases, filters, parentheses     where a word is text and where it is a key
//!      -> parse: AND, OR, NOT, limits                    what stands together
//!      -> terms: a filter's key and typed values         what it asks for
//! ```
//!
//! Some rules that are not obvious, each with its test:
//! - Words stand for themselves and all must be there, in any order; a phrase in quotes stands as it is written.
//! - Parentheses within a word belong to it; one that stands alone belongs to another, or is an error.
//! - A value without `*` is compared as written, one with `*` in any case; words and `contains()` in any case.
//! - What looks like a key and is followed by a blank is text: people paste `KeyError: 'sku'`.

mod complete;
mod expr;
pub mod keys;
mod lex;
pub mod naive;
mod parse;
mod pattern;
mod print;
mod states;
mod suggest;
mod terms;
#[cfg(test)]
mod tests;
mod values;
mod version;

pub use complete::{Candidate, Completion, Context, complete};
pub use expr::{Expr, IsState, Leaf, Op, Value};
pub use keys::{Dataset, Key, Known};
pub use parse::{SearchError, parse};
pub use pattern::Pattern;
pub use print::{written_key, written_value};
pub use suggest::nearest;
pub use version::{ReleaseName, Version};

/// A place in a text, counted as JavaScript counts it.
pub fn utf16_offset(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(start, _)| *start < byte).map(|(_, char)| char.len_utf16()).sum()
}

/// The inverse of [`utf16_offset`]; beyond the end is the end, within a character is its start.
pub fn byte_offset(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    for (start, char) in text.char_indices() {
        units += char.len_utf16();
        if units > utf16 {
            return start;
        }
    }
    text.len()
}
