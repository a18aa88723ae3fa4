//! How each language spells modules and functions, and which parts of a name are made up at run time.
//!
//! Text in, text out; knows nothing of frames, variants or hashes.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Platforms whose stack traces read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Python,
    /// In a browser.
    JavaScript,
    Node,
    Java,
    Php,
    Ruby,
    Native,
    Other,
}

impl Family {
    pub(super) fn of(platform: &str) -> Self {
        match platform {
            "python" => Self::Python,
            "javascript" => Self::JavaScript,
            "node" => Self::Node,
            "java" => Self::Java,
            "php" => Self::Php,
            "ruby" => Self::Ruby,
            "native" | "c" | "objc" | "cocoa" => Self::Native,
            _ => Self::Other,
        }
    }

    pub(super) fn is_javascript(self) -> bool {
        matches!(self, Self::JavaScript | Self::Node)
    }

    /// SDKs of the other platforms do not send source lines, or send them only sometimes.
    pub(super) fn has_context_lines(self) -> bool {
        matches!(self, Self::Python | Self::JavaScript | Self::Node | Self::Php | Self::Ruby)
    }
}

/// The name rules know a platform's family by.
pub(super) fn family_name(platform: &str) -> &'static str {
    match platform {
        "javascript" | "node" => "javascript",
        "native" | "c" | "cpp" | "rust" | "objc" | "cocoa" | "swift" => "native",
        _ => "other",
    }
}

/// Replaced in this order, each by its text. `$` is doubled in replacements, as `regex` wants it.
static JAVA_MODULE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    vec![
        (compile(r"\$\$(?:Enhancer|FastClass)By[A-Za-z0-9_]*\$\$[0-9a-fA-F]+"), "$$$$<auto>"),
        (compile(r"\$\$(?:Spring)?CGLIB\$\$[0-9a-fA-F]+"), "$$$$<auto>"),
        (compile(r"_\$\$_(?:javassist|jvst)[A-Za-z0-9_]*"), "_$$$$_<auto>"),
        (compile(r"\$HibernateProxy\$[A-Za-z0-9]+"), "$$HibernateProxy$$<auto>"),
        (compile(r"\$Proxy[0-9]+"), "$$Proxy<auto>"),
        (
            compile(r"Generated(Method|Constructor|SerializationConstructor)Accessor[0-9]+"),
            "Generated${1}Accessor<auto>",
        ),
        (compile(r"\b(fn|eval|reify)__?[0-9]+"), "${1}__<auto>"),
    ]
});

static RUBY_BLOCK: LazyLock<Regex> = LazyLock::new(|| compile(r"\bblock \([0-9]+ levels?\)"));
static RUBY_TEMPLATE: LazyLock<Regex> = LazyLock::new(|| compile(r"(_(?:erb|haml|slim))__[0-9_]+"));
static PHP_CLOSURE: LazyLock<Regex> = LazyLock::new(|| compile(r"\{closure:[^}]*\}"));

/// The class behind proxies and generated accessors, which are numbered anew in every process.
pub(super) fn java_module(module: &str) -> Cow<'_, str> {
    if !module.contains('$') && !module.contains("Generated") && !module.contains("__") && !module.contains("eval") {
        return Cow::Borrowed(module);
    }
    let mut cleaned = Cow::Borrowed(module);
    for (pattern, replacement) in JAVA_MODULE.iter() {
        if pattern.is_match(&cleaned) {
            cleaned = Cow::Owned(pattern.replace_all(&cleaned, *replacement).into_owned());
        }
    }
    cleaned
}

/// JavaScript SDKs fill in the path of the address when a script has no module of its own.
pub(super) fn is_module_from_url(module: &str, abs_path: &str) -> bool {
    let Some((_, rest)) = abs_path.split_once("://") else { return false };
    let Some((_, path)) = rest.split_once('/') else { return false };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let module = module.trim_start_matches('/');
    let bare = [".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx"].into_iter().find_map(|ending| path.strip_suffix(ending));
    module == path || Some(module) == bare || bare.and_then(|bare| bare.strip_suffix(".min")) == Some(module)
}

/// A web address, whose file name changes with every build. `file:` is one for browsers only.
pub(super) fn is_url(path: &str, in_browser: bool) -> bool {
    ["http:", "https:", "applewebdata:", "blob:"].iter().any(|scheme| path.starts_with(scheme))
        || (in_browser && path.starts_with("file:"))
}

/// `None` for a function that names something.
pub(super) fn why_function_is_ignored(family: Family, function: &str) -> Option<&'static str> {
    match family {
        Family::Java if function.starts_with("lambda$") => Some("a lambda: its name is made up by the compiler"),
        Family::Native if matches!(function, "<redacted>" | "<unknown>") => Some("the name is not known"),
        Family::JavaScript | Family::Node if is_anonymous(last_segment(function)) => Some("an anonymous function"),
        _ if function == "?" => Some("the name is not known"),
        _ => None,
    }
}

/// The function's name without what differs from run to run.
pub(super) fn function(family: Family, function: &str) -> Cow<'_, str> {
    match family {
        Family::JavaScript | Family::Node => Cow::Borrowed(last_segment(function)),
        Family::Ruby => ruby_function(function),
        Family::Php => php_function(function),
        _ => Cow::Borrowed(function),
    }
}

fn is_anonymous(name: &str) -> bool {
    matches!(name, "" | "?" | "anonymous" | "<anonymous>" | "anonymous function" | "(anonymous)")
}

/// `Object.Foo.bar` is called so or otherwise depending on the browser.
fn last_segment(function: &str) -> &str {
    function.rsplit('.').next().unwrap_or(function)
}

fn ruby_function(function: &str) -> Cow<'_, str> {
    if let Cow::Owned(cleaned) = RUBY_BLOCK.replace_all(function, "block") {
        return Cow::Owned(RUBY_TEMPLATE.replace_all(&cleaned, "$1").into_owned());
    }
    RUBY_TEMPLATE.replace_all(function, "$1")
}

/// `class@anonymous` is followed by a NUL, a path and numbers; closures of PHP 8.4 carry their line.
fn php_function(function: &str) -> Cow<'_, str> {
    const ANONYMOUS: &str = "class@anonymous";
    let cleaned = PHP_CLOSURE.replace_all(function, "{closure}");
    let Some(start) = cleaned.find(ANONYMOUS) else { return cleaned };
    let after = start + ANONYMOUS.len();
    let end = cleaned[after..].rfind("::").map_or(cleaned.len(), |offset| after + offset);
    if end == after {
        return cleaned;
    }
    Cow::Owned(format!("{}{}", &cleaned[..after], &cleaned[end..]))
}

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a literal that the tests compile")
}
