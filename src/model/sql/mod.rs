//! A database statement without its values: the text and the number by which equal queries are known as equal.
//!
//! Owns what counts as the same query: values and placeholders are `?`, lists of values and rows are one, white space,
//! comments, the case of keywords and the names of savepoints and cursors do not matter. Reads PostgreSQL, MySQL,
//! SQLite and SQL Server, and what is like them. Knows neither spans nor attributes; takes any text, in one pass, and
//! never fails: what is no SQL comes out as words.

mod keywords;
mod lexer;
mod summary;
#[cfg(test)]
mod tests;

use xxhash_rust::xxh3::xxh3_64;

use keywords::keyword;
use lexer::{Lexer, Token};
use summary::Summary;

/// Bytes that are read of a statement: as many as are kept of an attribute.
const SQL_READ_BYTES_MAX: usize = 64 << 10;
/// Bytes kept of it without its values. Rows and lists of values are one there, so only what lists hundreds of columns
/// is longer.
const SQL_TEXT_BYTES_MAX: usize = 16 << 10;

/// How quotes, comments and placeholders are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    PostgreSql,
    MySql,
    Sqlite,
    SqlServer,
    /// Standard SQL: Oracle, Snowflake, Cassandra, …
    Other,
}

impl Dialect {
    /// The dialect of a `db.system` or `db.system.name`. `None` is a database that takes no SQL.
    pub fn of_system(db_system: &str) -> Option<Self> {
        Some(match db_system {
            "postgresql" | "postgres" | "cockroachdb" | "redshift" | "aws.redshift" => Self::PostgreSql,
            "mysql" | "mariadb" | "clickhouse" => Self::MySql,
            "sqlite" | "sqlite3" => Self::Sqlite,
            "mssql" | "microsoft.sql_server" | "mssqlcompact" => Self::SqlServer,
            "redis" | "valkey" | "memcached" | "mongodb" | "elasticsearch" | "opensearch" | "dynamodb"
            | "aws.dynamodb" | "couchdb" | "hbase" | "neo4j" | "cosmosdb" | "azure.cosmosdb" | "geode" => return None,
            _ => Self::Other,
        })
    }

    fn has_backslashes(self) -> bool {
        self == Self::MySql
    }

    fn has_bracket_names(self) -> bool {
        matches!(self, Self::SqlServer | Self::Sqlite)
    }

    fn has_at_parameters(self) -> bool {
        matches!(self, Self::SqlServer | Self::Sqlite)
    }
}

/// A statement as lists and comparisons want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// Without values: at most [`SQL_TEXT_BYTES_MAX`] bytes, the last character `…` when something was cut.
    pub text: String,
    /// Of `text`. The same in every version of the program: it is stored.
    pub fingerprint: u64,
    /// The first word in capitals, or what a `WITH` is for: `SELECT`, `INSERT`, `COMMIT`. Empty when there is none.
    pub operation: String,
    /// The table written to, or the first one read from, without quotes: `shop_book`, `public.shop_book`.
    pub table: Option<String>,
}

impl Sql {
    pub fn read(statement: &str, dialect: Dialect) -> Self {
        let is_cut = statement.len() > SQL_READ_BYTES_MAX;
        let mut writer = Writer::new(Lexer::new(cut(statement, SQL_READ_BYTES_MAX), dialect));
        while let Some(token) = writer.lexer.next() {
            writer.take(token);
        }
        writer.close_what_was_cut();
        let (operation, table) = writer.summary.finish();
        let mut text = writer.out;
        if text.ends_with(';') {
            text.truncate(text.trim_end_matches([';', ' ']).len());
        }
        if is_cut && !writer.is_cut_in_rows || text.len() > SQL_TEXT_BYTES_MAX {
            text.truncate(cut(&text, SQL_TEXT_BYTES_MAX - '…'.len_utf8()).len());
            text.push('…');
        }
        Self { fingerprint: xxh3_64(text.as_bytes()), text, operation, table }
    }

    /// `SELECT shop_book`: OpenTelemetry's `db.query.summary`.
    pub fn summary(&self) -> String {
        match &self.table {
            Some(table) if !self.operation.is_empty() => format!("{} {table}", self.operation),
            _ => self.operation.clone(),
        }
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// What was written last: decides on spaces and on signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    Keyword,
    Name,
    /// A name behind which a bracket does not call a function.
    Table,
    Value,
    Opening,
    Closing,
    Comma,
    Operator,
}

/// Parentheses inside each other that are looked into for lists; those further in are only copied.
const FRAMES_MAX: usize = 64;

#[derive(Clone, Copy, Debug)]
enum List {
    /// `IN (…)`, `ARRAY[…]`: one element stands for all.
    Values,
    /// Behind `VALUES`.
    Row,
    /// Any other parenthesis.
    Other,
}

#[derive(Debug)]
struct Frame {
    list: List,
    /// Nothing but values, and tuples of them, so far.
    only_values: bool,
    /// Where the first element ended in the output.
    first_end: Option<usize>,
}

struct Writer<'a> {
    lexer: Lexer<'a>,
    out: String,
    last: Last,
    /// The last keyword, until something else was written.
    after: &'static str,
    frames: Vec<Frame>,
    /// Parentheses open beyond [`FRAMES_MAX`].
    deeper: usize,
    is_after_row: bool,
    is_after_cast: bool,
    is_cut_in_rows: bool,
    summary: Summary,
}

impl<'a> Writer<'a> {
    fn new(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            out: String::with_capacity(128),
            last: Last::Nothing,
            after: "",
            frames: Vec::new(),
            deeper: 0,
            is_after_row: false,
            is_after_cast: false,
            is_cut_in_rows: false,
            summary: Summary::default(),
        }
    }

    fn take(&mut self, token: Token<'a>) {
        let after = std::mem::take(&mut self.after);
        let is_after_row = std::mem::take(&mut self.is_after_row);
        let is_after_cast = std::mem::take(&mut self.is_after_cast);
        self.summary.see(token, after, self.frames.len() + self.deeper);
        match token {
            Token::Word(word) if self.last != Last::Nothing && self.out.ends_with('.') => self.name(word),
            Token::Word(word) => match keyword(word) {
                Some(keyword) => self.keyword(keyword),
                None if after == "SAVEPOINT" => self.value(),
                None if is_after_cast => self.append(word, Last::Value),
                None => self.named(word, after),
            },
            Token::Quoted(_) if after == "SAVEPOINT" => self.value(),
            // Django's cursors are named after the thread and a count.
            Token::Quoted(name) if name.starts_with("\"_django_curs_") => self.named("\"_django_curs_?\"", after),
            Token::Quoted(name) => {
                self.named(name, after);
                self.last = Last::Table;
            }
            Token::Value | Token::Number => self.value(),
            Token::Open => self.open("(", after),
            Token::OpenBracket => self.open("[", after),
            Token::Close => self.close(")"),
            Token::CloseBracket => self.close("]"),
            Token::Comma if is_after_row && matches!(self.lexer.peek(), Some(Token::Open) | None) => self.skip_row(),
            Token::Comma => self.comma(),
            Token::Dot => self.append(".", Last::Opening),
            Token::Semicolon => self.append(";", Last::Comma),
            Token::Cast => {
                self.append("::", Last::Opening);
                self.is_after_cast = true;
            }
            Token::Operator("-" | "+") if self.is_sign() => {}
            Token::Operator(operator) => self.other(operator, Last::Operator),
        }
    }

    fn append(&mut self, text: &str, last: Last) {
        self.out.push_str(text);
        self.last = last;
    }

    fn spaced(&mut self, text: &str, last: Last) {
        if !matches!(self.last, Last::Nothing | Last::Opening) {
            self.out.push(' ');
        }
        self.append(text, last);
    }

    /// Something that is no value, so a list with it is not only values.
    fn other(&mut self, text: &str, last: Last) {
        if let Some(frame) = self.frame() {
            frame.only_values = false;
        }
        self.spaced(text, last);
    }

    fn frame(&mut self) -> Option<&mut Frame> {
        if self.deeper > 0 { None } else { self.frames.last_mut() }
    }

    fn name(&mut self, name: &str) {
        self.other(name, Last::Name);
    }

    fn named(&mut self, name: &str, after: &str) {
        let is_table = matches!(after, "INTO" | "TABLE" | "EXISTS" | "AS" | "WITH" | "ON");
        self.other(name, if is_table { Last::Table } else { Last::Name });
    }

    fn keyword(&mut self, keyword: &'static str) {
        self.after = keyword;
        let in_list = self.frame().is_some_and(|frame| !matches!(frame.list, List::Other));
        match keyword {
            // As good as a value, where values stand.
            "NULL" | "TRUE" | "FALSE" if in_list => self.value(),
            _ => self.other(keyword, Last::Keyword),
        }
    }

    fn value(&mut self) {
        self.spaced("?", Last::Value);
    }

    /// A sign belongs to the number behind it.
    fn is_sign(&self) -> bool {
        let follows_operand = match self.last {
            Last::Name | Last::Table | Last::Value | Last::Closing => true,
            Last::Keyword => self.out.ends_with("END") || self.out.ends_with("NULL"),
            Last::Nothing | Last::Opening | Last::Comma | Last::Operator => false,
        };
        !follows_operand && self.lexer.peek() == Some(Token::Number)
    }

    fn open(&mut self, bracket: &str, after: &str) {
        let in_values = self.frame().is_some_and(|frame| matches!(frame.list, List::Values));
        let list = match (bracket, after) {
            ("(", "IN") | ("[", "ARRAY") => List::Values,
            ("(", "VALUES") => List::Row,
            // A tuple in a list.
            ("(", _) if in_values && matches!(self.last, Last::Opening | Last::Comma) => List::Row,
            _ => List::Other,
        };
        if matches!(list, List::Other)
            && let Some(frame) = self.frame()
        {
            frame.only_values = false;
        }
        if bracket == "[" || self.last == Last::Name {
            self.append(bracket, Last::Opening);
        } else {
            self.spaced(bracket, Last::Opening);
        }
        if self.deeper > 0 || self.frames.len() == FRAMES_MAX {
            self.deeper += 1;
        } else {
            self.frames.push(Frame { list, only_values: true, first_end: None });
        }
    }

    fn close(&mut self, bracket: &str) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(frame) = self.frames.pop() {
            match (frame.list, frame.only_values, frame.first_end) {
                (List::Values, true, Some(end)) => self.out.truncate(end),
                (List::Row, only_values, _) => {
                    let parent = self.frames.last_mut();
                    match parent {
                        Some(parent) if matches!(parent.list, List::Values) => parent.only_values &= only_values,
                        _ => self.is_after_row = true,
                    }
                }
                _ => {}
            }
        }
        self.append(bracket, Last::Closing);
    }

    /// A list of values that has no end, because the statement was cut in it, is as long as any other.
    fn close_what_was_cut(&mut self) {
        let is_cut = |frame: &&Frame| matches!(frame.list, List::Values) && frame.only_values;
        if let Some(end) = self.frames.iter().find(is_cut).and_then(|frame| frame.first_end) {
            self.out.truncate(end);
        }
    }

    fn comma(&mut self) {
        let end = self.out.len();
        if let Some(frame) = self.frame() {
            frame.first_end.get_or_insert(end);
        }
        self.append(",", Last::Comma);
    }

    /// The rows behind the first one, with their comma.
    fn skip_row(&mut self) {
        let mut depth = 0_usize;
        for token in self.lexer.by_ref() {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                self.is_after_row = true;
                return;
            }
        }
        self.is_cut_in_rows = true;
    }
}
