//! Content Security Policy reports, as three generations of browsers spell them: what was blocked, by which directive.
//!
//! Knows spellings and the words made of a report. Does not know how a report reached us, nor how it is grouped.

use crate::model::detail::CspDetail;
use crate::model::event::Csp;
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Scalar, wire_object};

/// Characters of a directive, of an address, and of a directive with its list of sources.
const DIRECTIVE_CHARS_MAX: usize = 64;
const URI_CHARS_MAX: usize = 2048;
const SOURCES_CHARS_MAX: usize = 4096;
/// Characters of a whole policy as shown; the longest in the wild have about so many.
const POLICY_CHARS_MAX: usize = 16_384;
/// Characters of a tag's value.
const TAG_CHARS_MAX: usize = 200;

wire_object! {
    /// A report: `report-uri` spells it with dashes, the Reporting API in camel case, Sentry with underscores.
    WireCsp {
        effective_directive: Scalar<'a> = "effective-directive" | "effective_directive" | "effectiveDirective",
        violated_directive: Scalar<'a> = "violated-directive" | "violated_directive" | "violatedDirective",
        blocked_uri: Scalar<'a> = "blocked-uri" | "blocked_uri" | "blockedURL" | "blockedURI" | "blocked-url",
        document_uri: Scalar<'a> = "document-uri" | "document_uri" | "documentURL" | "documentURI" | "document-url",
        original_policy: Scalar<'a> = "original-policy" | "original_policy" | "originalPolicy",
        referrer: Scalar<'a> = "referrer",
        source_file: Scalar<'a> = "source-file" | "source_file" | "sourceFile",
        line_number: Scalar<'a> = "line-number" | "line_number" | "lineNumber",
        column_number: Scalar<'a> = "column-number" | "column_number" | "columnNumber",
        sample: Scalar<'a> = "script-sample" | "script_sample" | "scriptSample" | "sample",
        disposition: Scalar<'a> = "disposition",
        status_code: Scalar<'a> = "status-code" | "status_code" | "statusCode",
    }
}

/// What grouping, titles and tags need of a report.
pub(super) fn read(wire: &WireCsp<'_>) -> Csp {
    let violated = wire.violated_directive.limited(SOURCES_CHARS_MAX).unwrap_or_default();
    let named = wire.effective_directive.limited(DIRECTIVE_CHARS_MAX);
    // Browsers of the first generation name the directive only together with its sources.
    let directive = named.unwrap_or_else(|| violated.clone());
    let directive = directive.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let blocked_uri = wire.blocked_uri.limited(URI_CHARS_MAX).unwrap_or_default();
    let local_script_violation = is_local_script(&directive, &violated, blocked_uri.trim());
    Csp {
        effective_directive: cut(&directive, DIRECTIVE_CHARS_MAX),
        blocked_uri: blocked_uri.trim().to_owned(),
        document_uri: wire.document_uri.limited(URI_CHARS_MAX).unwrap_or_default().trim().to_owned(),
        violated_directive: violated.trim().to_owned(),
        local_script_violation,
    }
}

fn is_local_script(directive: &str, violated: &str, blocked_uri: &str) -> bool {
    if !(directive.starts_with("script-src") || directive == "default-src") {
        return false;
    }
    match blocked_uri {
        "inline" | "eval" | "wasm-eval" => true,
        // Browsers of the first generation leave the address empty, or name the page itself.
        "" | "self" | "'self'" => violated.contains("'unsafe-inline'") || violated.contains("'unsafe-eval'"),
        _ => false,
    }
}

/// Everything worth showing of a report.
pub(super) fn detail(wire: &WireCsp<'_>) -> CspDetail {
    let csp = read(wire);
    let text = |text: String| (!text.is_empty()).then_some(text);
    CspDetail {
        effective_directive: text(csp.effective_directive),
        violated_directive: text(csp.violated_directive),
        blocked_uri: text(csp.blocked_uri),
        document_uri: text(csp.document_uri),
        referrer: wire.referrer.limited(URI_CHARS_MAX),
        source_file: wire.source_file.limited(URI_CHARS_MAX),
        line: wire.line_number.unsigned(),
        column: wire.column_number.unsigned(),
        sample: wire.sample.limited(SOURCES_CHARS_MAX),
        original_policy: wire.original_policy.limited(POLICY_CHARS_MAX),
        disposition: wire.disposition.limited(DIRECTIVE_CHARS_MAX),
        status_code: wire.status_code.unsigned().filter(|status| *status > 0),
    }
}

/// `Blocked 'script' from 'evil.example'`
pub(super) fn message(csp: &Csp) -> String {
    let what = what_was_blocked(&csp.effective_directive);
    match source(csp).as_str() {
        "inline" => format!("Blocked inline '{what}'"),
        "eval" => format!("Blocked eval in '{what}'"),
        "wasm-eval" => format!("Blocked WebAssembly in '{what}'"),
        "" => format!("Blocked '{what}'"),
        source => format!("Blocked '{what}' from '{source}'"),
    }
}

/// The directive alone.
pub(super) fn culprit(csp: &Csp) -> Option<String> {
    (!csp.effective_directive.is_empty()).then(|| csp.effective_directive.clone())
}

/// `effective-directive` and `blocked-uri`, unless the client set them. An address keeps neither its query, where
/// secrets live, nor its user.
pub(super) fn add_tags(csp: &Csp, tags: &mut Vec<(String, String)>) {
    let blocked = match split_url(&csp.blocked_uri) {
        Some((scheme, host, path)) => format!("{scheme}://{host}{path}"),
        None => source(csp),
    };
    for (key, value) in [("effective-directive", csp.effective_directive.clone()), ("blocked-uri", blocked)] {
        if !value.is_empty() && !value.contains('\n') && !tags.iter().any(|(known, _)| known == key) {
            tags.push((key.to_owned(), cut(&value, TAG_CHARS_MAX)));
        }
    }
}

/// A directive in the words of a reader.
fn what_was_blocked(directive: &str) -> &str {
    match directive {
        "script-src" | "script-src-elem" | "script-src-attr" => "script",
        "style-src" | "style-src-elem" | "style-src-attr" => "style",
        "img-src" => "image",
        "connect-src" => "connect",
        "font-src" => "font",
        "media-src" => "media",
        "object-src" => "object",
        "frame-src" | "child-src" => "frame",
        "frame-ancestors" => "embedding",
        "worker-src" => "worker",
        "manifest-src" => "manifest",
        "form-action" => "form",
        "base-uri" => "base URI",
        "navigate-to" => "navigation",
        "require-trusted-types-for" | "trusted-types" => "DOM sink",
        "" | "default-src" => "resource",
        other => other,
    }
}

/// The host, `self` for the page's own, the scheme of what has no host, or the browser's own word.
pub(super) fn source(csp: &Csp) -> String {
    let blocked = csp.blocked_uri.trim_matches('\'');
    if let Some((_, host, _)) = split_url(blocked) {
        let is_own = split_url(&csp.document_uri).is_some_and(|(_, own, _)| own.eq_ignore_ascii_case(host));
        return if is_own { "self".to_owned() } else { host.to_ascii_lowercase() };
    }
    match blocked {
        "" if csp.local_script_violation => {
            if csp.violated_directive.contains("'unsafe-inline'") {
                "inline".to_owned()
            } else {
                "eval".to_owned()
            }
        }
        "" => String::new(),
        // Some browsers send the scheme alone, others the whole of a `data:` address.
        "data" | "blob" | "filesystem" | "http" | "https" | "ws" | "wss" => format!("{blocked}:"),
        _ => match blocked.split_once(':') {
            Some((scheme, _)) if is_scheme(scheme) => format!("{}:", scheme.to_ascii_lowercase()),
            _ => cut(blocked, TAG_CHARS_MAX),
        },
    }
}

/// Scheme, host with port, and path; without user, query and fragment. `None` for what is no `scheme://`.
pub(super) fn split_url(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !is_scheme(scheme) {
        return None;
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    Some((scheme, host, path))
}

pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentry::json::Object;

    fn csp(json: &str) -> Csp {
        let wire: Object<WireCsp<'_>> = serde_json::from_str(json).unwrap();
        read(wire.get().unwrap())
    }

    #[test]
    fn three_spellings_are_one_report() {
        let expected = Csp {
            effective_directive: "img-src".to_owned(),
            blocked_uri: "https://evil.example/x.png".to_owned(),
            document_uri: "http://shop.example/".to_owned(),
            ..Csp::default()
        };
        for json in [
            r#"{"effective-directive":"img-src","blocked-uri":"https://evil.example/x.png","document-uri":"http://shop.example/"}"#,
            r#"{"effective_directive":"img-src","blocked_uri":"https://evil.example/x.png","document_uri":"http://shop.example/"}"#,
            r#"{"effectiveDirective":"img-src","blockedURL":"https://evil.example/x.png","documentURL":"http://shop.example/"}"#,
        ] {
            assert_eq!(csp(json), expected, "{json}");
        }
    }

    #[test]
    fn the_directive_is_derived_from_the_violated_one() {
        let read = csp(
            r#"{"violated-directive":"script-src 'self' https://cdn.example","blocked-uri":"http://evil.example"}"#,
        );
        assert_eq!(read.effective_directive, "script-src");
        assert_eq!(read.violated_directive, "script-src 'self' https://cdn.example");
        assert!(!read.local_script_violation);
        assert_eq!(csp("{}"), Csp::default());
    }

    #[test]
    fn messages_say_what_was_blocked_and_where_it_came_from() {
        for (directive, blocked, message) in [
            ("script-src-elem", "https://Evil.example:8443/a.js?token=1", "Blocked 'script' from 'evil.example:8443'"),
            ("img-src", "data", "Blocked 'image' from 'data:'"),
            ("img-src", "data:image/png;base64,AAAA", "Blocked 'image' from 'data:'"),
            ("style-src-elem", "inline", "Blocked inline 'style'"),
            ("script-src", "eval", "Blocked eval in 'script'"),
            ("connect-src", "http://shop.example/api", "Blocked 'connect' from 'self'"),
            ("font-src", "self", "Blocked 'font' from 'self'"),
            ("img-src", "https://ada:pw@evil.example/x", "Blocked 'image' from 'evil.example'"),
            ("x-src", "", "Blocked 'x-src'"),
        ] {
            let json = serde_json::json!({
                "effective-directive": directive, "blocked-uri": blocked, "document-uri": "http://shop.example/cart",
            });
            assert_eq!(super::message(&csp(&json.to_string())), message);
        }
        let old = csp(r#"{"violated-directive":"script-src 'unsafe-inline'","blocked-uri":""}"#);
        assert!(old.local_script_violation);
        assert_eq!(super::message(&old), "Blocked inline 'script'");
    }

    #[test]
    fn tags_hold_no_query_and_no_user() {
        let csp =
            csp(r#"{"effective-directive":"img-src","blocked-uri":"https://u:p@evil.example/x.png?token=abc#f"}"#);
        let mut tags = vec![("effective-directive".to_owned(), "own".to_owned())];
        add_tags(&csp, &mut tags);
        let expected = [("effective-directive", "own"), ("blocked-uri", "https://evil.example/x.png")];
        assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn only_scripts_of_the_page_itself_are_local() {
        for (directive, blocked, is_local) in [
            ("script-src", "inline", true),
            ("script-src-attr", "inline", true),
            ("script-src", "wasm-eval", true),
            ("style-src", "inline", false),
            ("script-src", "https://x.example/", false),
            ("script-src", "self", false),
        ] {
            let json = serde_json::json!({ "effective-directive": directive, "blocked-uri": blocked });
            assert_eq!(csp(&json.to_string()).local_script_violation, is_local, "{directive} {blocked}");
        }
    }
}
