//! What a statement does to which table, found while its tokens go by.

use super::keywords::keyword;
use super::lexer::Token;

/// Characters kept of the operation and of the table's name.
const OPERATION_CHARS_MAX: usize = 24;
const TABLE_CHARS_MAX: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Summary {
    operation: String,
    /// A `WITH` is for the first of these behind its queries.
    is_with: bool,
    table: Option<String>,
    /// The first table read inside parentheses, for a query that reads from nothing else.
    inner_table: Option<String>,
    /// What `WITH` called its first query.
    with_name: Option<String>,
    reading: Reading,
    is_distinct: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Nothing,
    /// The next name is this.
    Expected(Name),
    /// A part of it is read; behind a dot comes another.
    Part(Name),
    Dot(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Table,
    Inner,
    With,
}

impl Summary {
    /// Takes the next token, the keyword right in front of it, and how deep in parentheses it stands.
    pub(super) fn see(&mut self, token: Token<'_>, after: &str, depth: usize) {
        match token {
            Token::Word(word) if matches!(self.reading, Reading::Dot(_)) => self.name(word),
            Token::Word(word) => match keyword(word) {
                Some(keyword) => self.keyword(keyword, after, depth),
                None if self.operation.is_empty() => {
                    self.operation = word.chars().take(OPERATION_CHARS_MAX).collect::<String>().to_ascii_uppercase();
                }
                // Modifiers, not names: `UPDATE LOW_PRIORITY a`, `DELETE QUICK FROM a`.
                None if is_modifier(word) && after == self.operation => {}
                None => self.name(word),
            },
            Token::Quoted(name) => self.name(name),
            Token::Dot => match self.reading {
                Reading::Part(name) => self.reading = Reading::Dot(name),
                _ => self.reading = Reading::Nothing,
            },
            _ => self.reading = Reading::Nothing,
        }
    }

    fn keyword(&mut self, keyword: &'static str, after: &str, depth: usize) {
        let was_distinct = std::mem::take(&mut self.is_distinct);
        let is_first = self.operation.is_empty();
        let is_statement = matches!(keyword, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE");
        if is_first {
            keyword.clone_into(&mut self.operation);
            self.is_with = keyword == "WITH";
        } else if self.is_with && depth == 0 && is_statement {
            keyword.clone_into(&mut self.operation);
            self.is_with = false;
        }
        let names_now = self.operation == keyword && (is_first || depth == 0);
        self.reading = match keyword {
            "WITH" if is_first => Reading::Expected(Name::With),
            "RECURSIVE" if after == "WITH" => Reading::Expected(Name::With),
            // `a IS DISTINCT FROM b`.
            "FROM" if was_distinct => Reading::Nothing,
            "FROM" if depth > 0 => Reading::Expected(Name::Inner),
            "FROM" | "INTO" | "TABLE" => Reading::Expected(Name::Table),
            "UPDATE" | "COPY" | "TRUNCATE" | "LOCK" if names_now => Reading::Expected(Name::Table),
            // `FROM ONLY a`, `TABLE IF NOT EXISTS a`, `UPDATE OR IGNORE a`.
            "ONLY" | "IF" | "NOT" | "EXISTS" | "OR" | "REPLACE" => self.reading,
            "DISTINCT" => {
                self.is_distinct = after == "IS" || after == "NOT";
                Reading::Nothing
            }
            _ => Reading::Nothing,
        };
    }

    fn name(&mut self, name: &str) {
        let (Reading::Expected(which) | Reading::Dot(which)) = self.reading else {
            self.reading = Reading::Nothing;
            return;
        };
        let is_further = matches!(self.reading, Reading::Dot(_));
        let place = match which {
            Name::Table => &mut self.table,
            Name::Inner => &mut self.inner_table,
            Name::With => &mut self.with_name,
        };
        let bare = name.trim_matches(['"', '`', '[', ']']);
        match place {
            Some(known) if is_further => {
                known.push('.');
                known.push_str(bare);
            }
            // The first one counts.
            Some(_) => {
                self.reading = Reading::Nothing;
                return;
            }
            None => *place = Some(bare.to_owned()),
        }
        self.reading = Reading::Part(which);
    }

    pub(super) fn finish(self) -> (String, Option<String>) {
        let is_with_name = self.table.is_some() && self.table == self.with_name;
        let table = if is_with_name || self.table.is_none() && self.operation == "SELECT" {
            self.inner_table.or(self.table)
        } else {
            self.table
        };
        let table = table.map(|table| table.chars().take(TABLE_CHARS_MAX).collect::<String>());
        (self.operation, table.filter(|table| !table.is_empty()))
    }
}

fn is_modifier(word: &str) -> bool {
    ["low_priority", "high_priority", "quick", "ignore", "delayed"].iter().any(|known| word.eq_ignore_ascii_case(known))
}
