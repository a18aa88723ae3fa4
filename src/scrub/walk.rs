//! One pass over the JSON of an event: which bytes are replaced, and where that is remarked on.
//!
//! Collects edits instead of writing a copy, so that an event without secrets costs one look and no allocation.

use std::borrow::Cow;

use super::area::{Area, Pairs, is_address_header};
use super::cursor::{Cursor, Text, escape_into};
use super::marks::{Marks, Remark};
use super::text::{self, Hit, Style};
use super::{FILTERED, Rule, Rules};

/// Deeper than any body that is taken in (`config::JSON_DEPTH_MAX`); bounds the recursion for all others.
const DEPTH_MAX: usize = 120;

pub(super) fn scrub<'a>(body: &'a [u8], rules: &Rules) -> Cow<'a, [u8]> {
    let mut walk = Walk {
        cursor: Cursor { json: body, at: 0 },
        rules,
        path: Vec::new(),
        edits: Vec::new(),
        marks: Marks::default(),
        hits: Vec::new(),
        meta: None,
        close: None,
        params_are_secret: false,
    };
    if walk.value(Area::Top).is_none() || walk.edits.is_empty() {
        return Cow::Borrowed(body);
    }
    Cow::Owned(walk.assemble())
}

struct Walk<'a, 'r> {
    cursor: Cursor<'a>,
    rules: &'r Rules,
    path: Vec<Step>,
    /// In order, apart from each other.
    edits: Vec<Edit>,
    marks: Marks,
    /// Kept for its memory.
    hits: Vec<Hit>,
    /// Where the last `_meta` stands, whose members count.
    meta: Option<(usize, usize)>,
    /// The brace that closes the event, and whether it has members.
    close: Option<(usize, bool)>,
    /// The template of the log entry at hand names a secret among its parameters.
    params_are_secret: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Name(Text),
    Position(usize),
}

struct Edit {
    start: usize,
    end: usize,
    new: Cow<'static, [u8]>,
}

/// What to do with the value of a member.
enum Fate {
    Look(Area),
    Filter(Rule),
}

impl Walk<'_, '_> {
    fn value(&mut self, area: Area) -> Option<()> {
        if area == Area::Skip {
            return self.cursor.skip();
        }
        if area == Area::Ip {
            return if self.rules.scrub_ip { self.filter(Rule::Ip) } else { self.cursor.skip() };
        }
        match self.cursor.peek()? {
            b'{' if self.path.len() < DEPTH_MAX => self.object(area),
            b'[' if self.path.len() < DEPTH_MAX => self.list(area),
            b'{' | b'[' => None,
            b'"' => {
                let text = self.cursor.string()?;
                if let Some(style) = area.style() {
                    self.look(text, style);
                }
                Some(())
            }
            _ => self.cursor.skip(),
        }
    }

    fn object(&mut self, area: Area) -> Option<()> {
        if area == Area::Meta {
            let start = self.cursor.at;
            self.cursor.skip()?;
            self.meta = Some((start, self.cursor.at));
            return Some(());
        }
        if area == Area::Message {
            let mut ahead = Cursor { json: self.cursor.json, at: self.cursor.at };
            ahead.skip()?;
            let entry = &self.cursor.json[self.cursor.at..ahead.at];
            self.params_are_secret = text::has_secret_placeholder(&self.rules.patterns, entry);
        }
        self.cursor.expect(b'{')?;
        let mut more = self.cursor.peek()? != b'}';
        if !more {
            self.cursor.at += 1;
        }
        let has_members = more;
        while more {
            let name = self.cursor.string()?;
            self.cursor.expect(b':')?;
            self.member(area, name)?;
            more = self.cursor.another(b'}')?;
        }
        if area == Area::Top {
            self.close = Some((self.cursor.at - 1, has_members));
        }
        Some(())
    }

    fn member(&mut self, area: Area, name: Text) -> Option<()> {
        self.path.push(Step::Name(name));
        match self.fate(area, name) {
            Fate::Look(below) => self.value(below)?,
            Fate::Filter(rule) => self.filter(rule)?,
        }
        self.path.pop();
        Some(())
    }

    fn list(&mut self, area: Area) -> Option<()> {
        self.cursor.expect(b'[')?;
        if self.cursor.peek()? == b']' {
            self.cursor.at += 1;
            return Some(());
        }
        let mut position = 0;
        loop {
            self.path.push(Step::Position(position));
            match area {
                Area::Pairs(_) if self.cursor.peek()? == b'[' => self.pair(area)?,
                // `_meta` as a list means nothing, and lists within lists of areas neither.
                Area::Meta | Area::Top => self.cursor.skip()?,
                area => self.value(area)?,
            }
            self.path.pop();
            position += 1;
            if !self.cursor.another(b']')? {
                return Some(());
            }
        }
    }

    /// `["Authorization", "…"]`
    fn pair(&mut self, area: Area) -> Option<()> {
        let start = self.cursor.at;
        self.cursor.expect(b'[')?;
        if self.cursor.peek()? != b'"' {
            self.cursor.at = start;
            // Not a pair: an ordinary list.
            return self.list(Area::Open(Style::Inline));
        }
        let name = self.cursor.string()?;
        let mut position = 1;
        while self.cursor.another(b']')? {
            self.path.push(Step::Position(position));
            match self.fate(area, name) {
                Fate::Look(below) => self.value(below)?,
                Fate::Filter(rule) => self.filter(rule)?,
            }
            self.path.pop();
            position += 1;
        }
        Some(())
    }

    fn fate(&self, area: Area, name: Text) -> Fate {
        let name = self.cursor.read(name);
        let (below, is_users) = area.under(&name);
        if matches!(below, Area::Ip) {
            return Fate::Look(below);
        }
        if area == Area::Message && name.as_ref() == b"params" && self.params_are_secret {
            return Fate::Filter(Rule::Parameter);
        }
        if !is_users {
            return Fate::Look(below);
        }
        if self.rules.is_safe(&name) {
            return Fate::Look(Area::Skip);
        }
        let by_list = self.rules.patterns.looks_at_values();
        match area {
            _ if self.rules.patterns.is_sensitive(&name) => Fate::Filter(Rule::Name),
            Area::Pairs(Pairs::Headers) if by_list && is_cookie_header(&name) => Fate::Filter(Rule::Name),
            Area::Pairs(Pairs::Env) if by_list && name.as_ref() == b"HTTP_COOKIE" => Fate::Filter(Rule::Name),
            Area::Pairs(Pairs::Cookies) if by_list && text::is_session_cookie(&name) => Fate::Filter(Rule::Cookie),
            _ if self.rules.scrub_ip && is_address_name(&name) => Fate::Look(Area::Ip),
            _ => Fate::Look(below),
        }
    }

    /// The value goes, whatever it is: a reader is shown that something stood there. Nothing is nothing to hide.
    fn filter(&mut self, rule: Rule) -> Option<()> {
        let first = self.cursor.peek()?;
        let start = self.cursor.at;
        let whole = Remark { rule, range: Some((0, FILTERED.len())) };
        if first == b'"' && rule != Rule::Ip {
            let text = self.cursor.string()?;
            let raw = self.cursor.raw(text);
            if !raw.is_empty() && raw != FILTERED.as_bytes() {
                self.replace_text(text, FILTERED.as_bytes().into());
                let len = characters(&self.cursor.read(text));
                self.mark([whole].into_iter(), Some(len));
            }
            return Some(());
        }
        self.cursor.skip()?;
        let value = &self.cursor.json[start..self.cursor.at];
        let is_empty = match value {
            [b'{', within @ .., b'}'] | [b'[', within @ .., b']'] => within.trim_ascii().is_empty(),
            value => value == b"null",
        };
        if is_empty {
            return Some(());
        }
        // Sentry leaves null of all that is no text. An address is no text anybody is to read: those are removed.
        let (new, remark) = match rule {
            Rule::Ip => (b"null".to_vec(), Remark { rule, range: None }),
            _ => ([b"\"", FILTERED.as_bytes(), b"\""].concat(), whole),
        };
        self.edits.push(Edit { start, end: self.cursor.at, new: new.into() });
        self.mark([remark].into_iter(), None);
        Some(())
    }

    fn look(&mut self, text: Text, style: Style) {
        let read = self.cursor.read(text);
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        if text::find(&self.rules.patterns, &read, style, &mut hits) {
            self.replace_text(text, FILTERED.as_bytes().into());
            let whole = Remark { rule: Rule::Word, range: Some((0, FILTERED.len())) };
            self.mark([whole].into_iter(), Some(characters(&read)));
        } else if !hits.is_empty() {
            let mut new = Vec::with_capacity(read.len() + hits.len() * FILTERED.len());
            let mut from = 0;
            for hit in &hits {
                push_text(&read[from..hit.start], text.escaped, &mut new);
                new.extend_from_slice(FILTERED.as_bytes());
                from = hit.end;
            }
            push_text(&read[from..], text.escaped, &mut new);
            self.replace_text(text, new.into());
            let remarks = Ranges { read: &read, hits: hits.iter(), at: 0, written: 0 };
            self.mark(remarks, Some(characters(&read)));
        }
        self.hits = hits;
    }

    fn replace_text(&mut self, text: Text, new: Cow<'static, [u8]>) {
        self.edits.push(Edit { start: text.start, end: text.end, new });
    }

    fn mark(&mut self, remarks: impl Iterator<Item = Remark>, len: Option<usize>) {
        let names = self.path.iter().map(|step| match step {
            Step::Name(name) => self.cursor.read(*name).into_owned(),
            Step::Position(position) => position.to_string().into_bytes(),
        });
        let path: Vec<Vec<u8>> = names.collect();
        self.marks.add(&path, remarks, len);
    }

    fn assemble(mut self) -> Vec<u8> {
        let json = self.cursor.json;
        let sent = self.meta.map(|(start, end)| &json[start..end]);
        let meta = self.marks.written(sent);
        let edit = match (self.meta, self.close) {
            (Some((start, end)), _) => Some(Edit { start, end, new: meta.into() }),
            (None, Some((close, has_members))) => {
                let mut new = if has_members { b",\"_meta\":".to_vec() } else { b"\"_meta\":".to_vec() };
                new.extend_from_slice(&meta);
                Some(Edit { start: close, end: close, new: new.into() })
            }
            // Not an object: nothing to remark in.
            (None, None) => None,
        };
        if let Some(edit) = edit {
            let place = self.edits.partition_point(|earlier| earlier.start < edit.start);
            self.edits.insert(place, edit);
        }
        let grown: usize = self.edits.iter().map(|edit| edit.new.len()).sum();
        let mut out = Vec::with_capacity(json.len() + grown);
        let mut from = 0;
        for edit in &self.edits {
            out.extend_from_slice(&json[from..edit.start]);
            out.extend_from_slice(&edit.new);
            from = edit.end;
        }
        out.extend_from_slice(&json[from..]);
        out
    }
}

/// Hits as remarks: where their replacements stand in the new text, in characters.
struct Ranges<'h> {
    read: &'h [u8],
    hits: std::slice::Iter<'h, Hit>,
    /// In the text before, in bytes.
    at: usize,
    /// Of the new text so far, in characters.
    written: usize,
}

impl Iterator for Ranges<'_> {
    type Item = Remark;

    fn next(&mut self) -> Option<Remark> {
        let hit = self.hits.next()?;
        let start = self.written + characters(&self.read[self.at..hit.start]);
        self.at = hit.end;
        self.written = start + FILTERED.len();
        Some(Remark { rule: hit.rule, range: Some((start, self.written)) })
    }
}

fn push_text(text: &[u8], escaped: bool, out: &mut Vec<u8>) {
    if escaped { escape_into(text, out) } else { out.extend_from_slice(text) }
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

fn is_cookie_header(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie")
}

/// Names of attributes that hold a client's address, and of headers that do.
pub(super) fn is_address_name(name: &[u8]) -> bool {
    let header = name.strip_prefix(b"http.request.header.").unwrap_or(name);
    matches!(name, b"client.address" | b"user.ip_address" | b"http.client_ip" | b"client.socket.address")
        || is_address_header(header)
}
