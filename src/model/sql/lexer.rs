//! The tokens of a statement, one at a time, in one pass: as much of SQL as it takes to tell values from the rest.
//!
//! Takes any text, whole or cut in the middle of a string, and never fails: what is not understood is an operator of
//! one character. Knows no keywords.

use super::Dialect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A word without quotes: keyword, name, function, `@variable` of MySQL.
    Word(&'a str),
    /// A name with its quotes: `"a"`, `` `a` ``, `[a]`.
    Quoted(&'a str),
    /// A literal or a placeholder.
    Value,
    /// The same, but a number, in front of which a sign may stand.
    Number,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Semicolon,
    /// PostgreSQL's `::`.
    Cast,
    Operator(&'a str),
}

/// Operators of more than one character, the longest of those with the same beginning first.
const OPERATORS: [&str; 28] = [
    "->>", "->", "#>>", "#>", "#-", "<=>", "<->", "<=", "<>", "<@", "<<", ">=", ">>", "!~*", "!~", "!=", "||", "&&",
    "@>", "@@", "@?", "~*", "?|", "?&", ":=", "==", "=>", "**",
];

#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    /// A name or a number ends right in front, so a dot begins no number and a colon no parameter.
    is_behind_operand: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { text, at: 0, dialect, is_behind_operand: false }
    }

    /// What comes next, without taking it.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// White space, control characters and comments.
    fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                0..=b' ' | 0x7f => self.at += 1,
                b'-' if self.byte(1) == b'-' && !self.is_minus_minus() => self.skip_line(),
                b'#' if self.dialect == Dialect::MySql => self.skip_line(),
                b'/' if self.byte(1) == b'*' => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// In MySQL `5--1` is six.
    fn is_minus_minus(&self) -> bool {
        self.dialect == Dialect::MySql && self.byte(2) > b' '
    }

    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// PostgreSQL's comments stand inside each other.
    fn skip_comment(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 1_usize;
        self.at += 2;
        while self.at < bytes.len() {
            match (bytes[self.at], self.byte(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                (b'/', b'*') if self.dialect == Dialect::PostgreSql => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// To behind the closing quote, which stands for itself when doubled, or to the end of a text that was cut.
    fn skip_quoted(&mut self, quote: u8, has_backslashes: bool) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            if *byte == b'\\' && has_backslashes {
                self.at += 1;
            } else if *byte == quote {
                if self.byte(0) != quote {
                    return;
                }
                self.at += 1;
            }
        }
        // A backslash was the last byte.
        self.at = self.at.min(bytes.len());
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
    }

    fn quoted_name(&mut self, quote: u8) -> Token<'a> {
        let start = self.at;
        self.skip_quoted(quote, false);
        Token::Quoted(self.slice(start))
    }

    /// From `start` to here. Both stand at ASCII characters or at an end, except behind a backslash at the end of a
    /// text, where a character may be cut in two.
    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn word(&mut self) -> Token<'a> {
        let start = self.at;
        self.skip_while(is_word_byte);
        let word = self.slice(start);
        if self.byte(0) == b'\'' {
            // `E'a\'b'`, `X'ff'`, `B'01'`, `N'ä'`; the first one has backslashes in every dialect that knows it.
            if let [b'E' | b'e' | b'X' | b'x' | b'B' | b'b' | b'N' | b'n'] = word.as_bytes() {
                let has_backslashes = matches!(word, "E" | "e") || self.dialect.has_backslashes();
                self.skip_quoted(b'\'', has_backslashes);
                return Token::Value;
            }
        }
        Token::Word(word)
    }

    /// `12`, `1.5e-3`, `0xff`, `1_000`; the letters of a name that begins with a digit are part of it.
    fn number(&mut self) -> Token<'a> {
        self.at += 1;
        loop {
            self.skip_while(is_word_byte);
            let last = self.text.as_bytes()[self.at - 1];
            let is_exponent = matches!(last, b'e' | b'E') && matches!(self.byte(0), b'+' | b'-');
            let is_fraction = self.byte(0) == b'.' && last != b'.';
            if !(is_exponent && self.byte(1).is_ascii_digit() || is_fraction) {
                return Token::Number;
            }
            self.at += 1;
        }
    }

    /// `$1`, `$name` of SQLite, `$$text$$` and `$tag$text$tag$` of PostgreSQL.
    fn dollar(&mut self) -> Token<'a> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| byte != b'$' && is_word_byte(byte));
        let has_tag = self.byte(0) == b'$' && self.dialect == Dialect::PostgreSql;
        if has_tag && !self.text.as_bytes()[start + 1].is_ascii_digit() {
            self.at += 1;
            let tag = self.slice(start);
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += rest.find(tag).map_or(rest.len(), |found| found + tag.len());
        }
        Token::Value
    }

    /// `%s`, `%(name)s` of Python's drivers; `None` is an operator.
    fn percent(&mut self) -> Option<Token<'a>> {
        let mut end = self.at + 1;
        if self.byte(1) == b'(' {
            let rest = &self.text.as_bytes()[end + 1..];
            let name = rest.iter().take_while(|byte| is_word_byte(**byte) || **byte == b'.').count();
            if rest.get(name) != Some(&b')') {
                return None;
            }
            end += name + 2;
        }
        let ahead = |end: usize| self.text.as_bytes().get(end).copied().unwrap_or(0);
        if !matches!(ahead(end), b's' | b'b' | b't' | b'd') || is_word_byte(ahead(end + 1)) {
            return None;
        }
        self.at = end + 1;
        Some(Token::Value)
    }

    fn operator(&mut self) -> Token<'a> {
        let rest = &self.text[self.at..];
        let long = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).map(|operator| operator.len());
        let start = self.at;
        self.at += long.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
        Token::Operator(self.slice(start))
    }

    fn single(&mut self, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        token
    }

    fn read(&mut self) -> Option<Token<'a>> {
        let before = self.at;
        self.skip_blanks();
        self.is_behind_operand &= self.at == before;
        let byte = *self.text.as_bytes().get(self.at)?;
        let next = self.byte(1);
        let dialect = self.dialect;
        Some(match byte {
            b'\'' => {
                self.skip_quoted(b'\'', dialect.has_backslashes());
                Token::Value
            }
            b'"' if dialect == Dialect::MySql => {
                self.skip_quoted(b'"', true);
                Token::Value
            }
            b'"' | b'`' => self.quoted_name(byte),
            b'[' if dialect.has_bracket_names() => self.quoted_name(b']'),
            b'0'..=b'9' => self.number(),
            b'.' if next.is_ascii_digit() && !self.is_behind_operand => self.number(),
            b'?' if dialect == Dialect::PostgreSql && matches!(next, b'|' | b'&') => self.operator(),
            b'?' => {
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_digit());
                Token::Value
            }
            b'$' if next == b'$' || is_word_byte(next) => self.dollar(),
            b'%' => match self.percent() {
                Some(placeholder) => placeholder,
                None => self.operator(),
            },
            b':' if next == b':' => {
                self.at += 2;
                Token::Cast
            }
            b':' if is_name_start(next) && !self.is_behind_operand => self.parameter(),
            b'@' if dialect.has_at_parameters() && is_name_start(next) => self.parameter(),
            b'@' if dialect == Dialect::MySql && (is_name_start(next) || next == b'@') => {
                let start = self.at;
                self.skip_while(|byte| byte == b'@' || is_word_byte(byte));
                Token::Word(self.slice(start))
            }
            b'(' => self.single(Token::Open),
            b')' => self.single(Token::Close),
            b'[' => self.single(Token::OpenBracket),
            b']' => self.single(Token::CloseBracket),
            b',' => self.single(Token::Comma),
            b'.' => self.single(Token::Dot),
            b';' => self.single(Token::Semicolon),
            _ if is_word_byte(byte) => self.word(),
            _ => self.operator(),
        })
    }

    fn parameter(&mut self) -> Token<'a> {
        self.at += 1;
        self.skip_while(is_word_byte);
        Token::Value
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let before = self.at;
        let token = self.read()?;
        debug_assert!(self.at > before, "every token is at least a byte");
        self.is_behind_operand =
            matches!(token, Token::Word(_) | Token::Quoted(_) | Token::Number | Token::Close | Token::CloseBracket);
        Some(token)
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Every byte of a character beyond ASCII belongs to a word.
fn is_word_byte(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit() || byte == b'$'
}
