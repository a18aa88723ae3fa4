//! What was replaced, as the payload's own `_meta` tells it: a mirror of the payload with remarks under `""`.
//!
//! Owns merging into the `_meta` an SDK sent. Bounded: what finds no room is counted.

use std::collections::BTreeMap;

use super::Rule;
use super::cursor::{Cursor, escape_into};

/// Places remarked on. A page shows a hundred.
const MARKS_MAX: usize = 200;
/// Bytes of the names along all those places.
const PATH_BYTES_MAX: usize = 32 << 10;
/// Remarks on one place.
const REMARKS_MAX: usize = 8;
/// Names along a path: a remark nests four levels deeper than what it is about, and must be readable again.
const PATH_LEN_MAX: usize = 90;

/// A rule that struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) rule: Rule,
    /// Of the replacement, in characters of the new text; `None` when the value is gone.
    pub(super) range: Option<(usize, usize)>,
}

#[derive(Default)]
pub(super) struct Marks {
    root: Node,
    count: usize,
    path_bytes: usize,
    omitted: usize,
}

#[derive(Default)]
struct Node {
    remarks: Vec<Remark>,
    /// Characters of the text before.
    len: Option<usize>,
    below: BTreeMap<Vec<u8>, Node>,
}

impl Marks {
    /// `path`: names as a reader sees them, positions as decimals.
    pub(super) fn add(&mut self, path: &[Vec<u8>], remarks: impl Iterator<Item = Remark>, len: Option<usize>) {
        let path_bytes: usize = path.iter().map(Vec::len).sum();
        let is_full = self.count >= MARKS_MAX || self.path_bytes + path_bytes > PATH_BYTES_MAX;
        // Under the empty name stand the remarks themselves.
        if is_full || path.len() > PATH_LEN_MAX || path.iter().any(Vec::is_empty) {
            self.omitted += 1;
            return;
        }
        self.count += 1;
        self.path_bytes += path_bytes;
        let mut node = &mut self.root;
        for name in path {
            node = node.below.entry(name.clone()).or_default();
        }
        node.remarks.extend(remarks.take(REMARKS_MAX));
        node.len = len;
    }

    /// The `_meta` to be, given the one that was sent, if any.
    pub(super) fn written(mut self, sent: Option<&[u8]>) -> Vec<u8> {
        if self.omitted > 0 {
            self.root.remarks.push(Remark { rule: Rule::More, range: Some((0, self.omitted)) });
        }
        let mut out = Vec::new();
        match sent.filter(|sent| sent.starts_with(b"{")) {
            Some(sent) if self.root.merge_into(sent, &mut out).is_some() => {}
            _ => {
                out.clear();
                self.root.write(&mut out);
            }
        }
        out
    }
}

impl Node {
    fn has_entry(&self) -> bool {
        !self.remarks.is_empty()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        self.write_rest(&[], false, &mut first, out);
        out.push(b'}');
    }

    /// The members that were not among the `written`.
    fn write_rest(&self, written: &[Vec<u8>], entry_written: bool, first: &mut bool, out: &mut Vec<u8>) {
        if self.has_entry() && !entry_written {
            write_name(b"", first, out);
            self.write_entry(out);
        }
        for (name, node) in &self.below {
            if !written.contains(name) {
                write_name(name, first, out);
                node.write(out);
            }
        }
    }

    fn write_entry(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"rem\":[");
        self.write_remarks(true, out);
        out.push(b']');
        if let Some(len) = self.len {
            out.extend_from_slice(format!(",\"len\":{len}").as_bytes());
        }
        out.push(b'}');
    }

    fn write_remarks(&self, mut first: bool, out: &mut Vec<u8>) {
        for remark in &self.remarks {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            let rule = remark.rule.name();
            let text = match remark.range {
                Some((start, end)) => format!("[\"{rule}\",\"s\",{start},{end}]"),
                None => format!("[\"{rule}\",\"x\"]"),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Copies the object sent, with our remarks in their places. Depth is that of our own paths.
    fn merge_into(&self, sent: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut cursor = Cursor { json: sent, at: 0 };
        cursor.expect(b'{')?;
        out.push(b'{');
        let mut first = true;
        let mut written: Vec<Vec<u8>> = Vec::new();
        let mut entry_written = false;
        let mut more = cursor.peek()? != b'}';
        while more {
            let name = cursor.string()?;
            cursor.expect(b':')?;
            cursor.peek()?;
            let start = cursor.at;
            cursor.skip()?;
            let value = &sent[start..cursor.at];
            let is_object = value.first() == Some(&b'{');
            let read = cursor.read(name);
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(cursor.raw(name));
            out.extend_from_slice(b"\":");
            match self.below.get(read.as_ref()) {
                _ if read.is_empty() && self.has_entry() && !entry_written => {
                    entry_written = true;
                    if is_object { self.merge_entry(value, out)? } else { self.write_entry(out) }
                }
                Some(node) if !written.iter().any(|name| *name == *read) => {
                    written.push(read.into_owned());
                    if is_object { node.merge_into(value, out)? } else { node.write(out) }
                }
                _ => out.extend_from_slice(value),
            }
            more = cursor.another(b'}')?;
        }
        self.write_rest(&written, entry_written, &mut first, out);
        out.push(b'}');
        Some(())
    }

    /// What the SDK remarked on the same place stands before ours.
    fn merge_entry(&self, sent: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut cursor = Cursor { json: sent, at: 0 };
        cursor.expect(b'{')?;
        out.extend_from_slice(b"{\"rem\":[");
        let mut others: Vec<u8> = Vec::new();
        let mut first = true;
        let mut has_len = false;
        let mut more = cursor.peek()? != b'}';
        while more {
            let name = cursor.string()?;
            cursor.expect(b':')?;
            cursor.peek()?;
            let start = cursor.at;
            cursor.skip()?;
            let value = &sent[start..cursor.at];
            match (cursor.raw(name), value) {
                (b"rem", [b'[', list @ .., b']']) => {
                    let list = list.trim_ascii();
                    if !list.is_empty() {
                        if !std::mem::take(&mut first) {
                            out.push(b',');
                        }
                        out.extend_from_slice(list);
                    }
                }
                (b"rem", _) => {}
                (raw, value) => {
                    has_len |= raw == b"len";
                    others.extend_from_slice(b",\"");
                    others.extend_from_slice(raw);
                    others.extend_from_slice(b"\":");
                    others.extend_from_slice(value);
                }
            }
            more = cursor.another(b'}')?;
        }
        self.write_remarks(first, out);
        out.push(b']');
        out.extend_from_slice(&others);
        // The length before the SDK cut it is the one to keep.
        if let Some(len) = self.len.filter(|_| !has_len) {
            out.extend_from_slice(format!(",\"len\":{len}").as_bytes());
        }
        out.push(b'}');
        Some(())
    }
}

fn write_name(name: &[u8], first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    out.push(b'"');
    escape_into(name, out);
    out.extend_from_slice(b"\":");
}
