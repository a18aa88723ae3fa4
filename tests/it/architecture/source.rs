//! Rust source as the rules need it: code without comments and texts, texts without code, both without tests.
//!
//! Knows the lexical grammar well enough to tell a comment, a string and a lifetime apart; parses nothing.

use std::path::{Path, PathBuf};

/// One file of the repository.
pub struct Source {
    /// From the repository's root, with slashes: `src/http/mod.rs`.
    pub path: String,
    pub text: String,
    /// The text with comments and the insides of strings blanked, line by line as before.
    pub code: String,
    /// [`Self::code`] with what is behind `#[cfg(test)]` blanked as well.
    pub shipped_code: String,
    /// String literals outside of tests, with the line they start in.
    pub shipped_strings: Vec<(usize, String)>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let (code, strings) = split(text);
        let shipped_code = without_tests(&code);
        let starts: Vec<usize> = line_starts(text);
        let shipped_strings = strings
            .into_iter()
            .filter(|(at, _)| shipped_code.as_bytes()[*at] == b'"')
            .map(|(at, inside)| (starts.partition_point(|start| *start <= at), inside))
            .collect();
        Self { path: path.to_string(), text: text.to_string(), code, shipped_code, shipped_strings }
    }

    /// `http` for `src/http/ui.rs`, `app` for `src/app.rs`; `None` for `src/lib.rs` and what is not in `src`.
    pub fn module(&self) -> Option<&str> {
        let name = self.path.strip_prefix("src/")?.split('/').next()?;
        let name = name.strip_suffix(".rs").unwrap_or(name);
        (name != "lib").then_some(name)
    }

    /// Parts of the module path: `src/http/ui.rs` is `crate::http::ui`, 2.
    pub fn depth(&self) -> usize {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path).trim_end_matches(".rs");
        path.trim_end_matches("/mod").split('/').count()
    }
}

/// All sources below these folders; files that are only compiled for tests have no shipped code.
pub fn read_sources(folders: &[&str]) -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root.join(folder), "rs", &mut paths);
    }
    let mut sources: Vec<Source> =
        paths.iter().map(|path| Source::new(&relative(path), &std::fs::read_to_string(path).unwrap())).collect();
    let test_modules: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let is_test =
            |module: &String| source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"));
        if test_modules.iter().any(is_test) {
            source.shipped_code.clear();
            source.shipped_strings.clear();
        }
    }
    assert!(!sources.is_empty());
    sources
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}

/// Every file with that ending, sorted.
pub fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, ending, found);
        } else if entry.extension().is_some_and(|known| known == ending) {
            found.push(entry);
        }
    }
}

/// Where identifiers that read `name` stand on their own: line and offset.
pub fn words<'c>(code: &'c str, name: &'c str) -> impl Iterator<Item = (usize, usize)> + 'c {
    code.match_indices(name).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        (!is_part(before) && !is_part(after)).then(|| (line_of(code, at), at))
    })
}

pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The paths, without ending, of modules declared `#[cfg(test)] mod name;` in a file.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_string(),
        _ => source.path.trim_end_matches(".rs").to_string(),
    };
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices("#[cfg(test)]") {
        let item = source.code[at + "#[cfg(test)]".len()..].trim_start();
        let item = item.strip_prefix("pub ").or(item.strip_prefix("pub(crate) ")).unwrap_or(item);
        if let Some(name) = item.strip_prefix("mod ").and_then(|rest| rest.split_once(';')).map(|(name, _)| name.trim())
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            found.push(format!("{folder}/{name}"));
        }
    }
    found
}

/// Code with comments and strings blanked (quotes stay), and the strings with the offset of their first quote.
fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut strings = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let end = if rest.starts_with("//") {
            let end = at + rest.find('\n').unwrap_or(rest.len());
            blank(&mut code, at, end);
            end
        } else if rest.starts_with("/*") {
            let end = at + block_comment(rest);
            blank(&mut code, at, end);
            end
        } else if let Some(hashes) = raw_string(text, at) {
            let quote = at + rest.find('"').unwrap_or(0);
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = text[quote + 1..].find(&close).map_or(text.len(), |length| quote + 1 + length);
            strings.push((quote, text[quote + 1..inside].to_string()));
            blank(&mut code, quote + 1, inside);
            (inside + close.len()).min(text.len())
        } else if bytes[at] == b'"' {
            let inside = string_end(bytes, at + 1);
            strings.push((at, text[at + 1..inside].to_string()));
            blank(&mut code, at + 1, inside);
            inside + 1
        } else if bytes[at] == b'\'' {
            let end = char_end(text, at);
            blank(&mut code, at + 1, end.saturating_sub(1).max(at + 1));
            end
        } else {
            at + rest.chars().next().map_or(1, char::len_utf8)
        };
        at = end;
    }
    (String::from_utf8(code).unwrap(), strings)
}

fn blank(code: &mut [u8], from: usize, to: usize) {
    let to = to.min(code.len());
    for byte in &mut code[from.min(to)..to] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The number of hashes when a raw string (`r"`, `br#"`) starts here.
fn raw_string(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = text[at..].strip_prefix("br").or(text[at..].strip_prefix("cr")).or(text[at..].strip_prefix('r'))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// The place after a character literal, or after the quote of a lifetime.
fn char_end(text: &str, at: usize) -> usize {
    let mut inside = text[at + 1..].char_indices();
    match inside.next() {
        Some((_, '\\')) => text[at + 3..].find('\'').map_or(text.len(), |length| at + 3 + length + 1),
        Some((_, c)) if text[at + 1 + c.len_utf8()..].starts_with('\'') => at + 1 + c.len_utf8() + 1,
        _ => at + 1,
    }
}

/// Blanks every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut shipped = code.as_bytes().to_vec();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0_i32;
        let mut end = code.len();
        for (offset, byte) in code.as_bytes().iter().enumerate().skip(at + attribute.len()) {
            match byte {
                b'{' | b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b'}' => {
                    depth -= 1;
                    if depth <= 0 {
                        end = offset + 1;
                        break;
                    }
                }
                b';' | b',' if depth == 0 => {
                    end = offset + 1;
                    break;
                }
                _ => {}
            }
        }
        blank(&mut shipped, at, end);
    }
    String::from_utf8(shipped).unwrap()
}

#[test]
fn comments_and_strings_are_not_code() {
    let text = "use a::b; // use c::d;\n/* use /* e */ f */ let g = \"use h \\\" i\"; let j = r#\"k \" l\"#;\n\
                let m: &'static str = n('\"', '\\'', 'o'); /// p\n";
    let source = Source::new("src/x.rs", text);
    for kept in ["a", "b", "g", "j", "static", "str", "n"] {
        assert_eq!(words(&source.code, kept).count(), 1, "{kept} in {}", source.code);
    }
    for gone in ["c", "d", "e", "f", "h", "i", "k", "l", "o", "p"] {
        assert_eq!(words(&source.code, gone).count(), 0, "{gone} in {}", source.code);
    }
    let strings: Vec<&str> = source.shipped_strings.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(strings, ["use h \\\" i", "k \" l"]);
    assert_eq!(source.shipped_strings[1].0, 2);
    assert_eq!(source.code.lines().count(), text.lines().count());
}

#[test]
fn tests_are_not_shipped() {
    let text = "fn a() {}\n#[cfg(test)]\nuse b;\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn c() { \"d\"; } }\nfn e() {}\n\
                #[cfg(test)]\nmod f;\nstruct G;\n#[cfg(test)]\nconst H: [u8; 2] = [1, 2];\nfn i() {}";
    let source = Source::new("src/x.rs", text);
    for kept in ["a", "e", "G", "i"] {
        assert_eq!(words(&source.shipped_code, kept).count(), 1, "{kept} in {}", source.shipped_code);
    }
    for gone in ["b", "tests", "c", "f", "H"] {
        assert_eq!(words(&source.shipped_code, gone).count(), 0, "{gone} in {}", source.shipped_code);
    }
    assert_eq!(source.shipped_strings.len(), 0);
    assert_eq!(test_modules(&source), ["src/x/f"]);
}
