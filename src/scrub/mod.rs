//! Default scrubbing: what looks like a secret is replaced before anything is written to disk.
//!
//! Owns the rules (Sentry's defaults, protocol notes section 3.3) and their application to Sentry-shaped JSON, to span
//! attributes and to the columns made of them. Pure; knows neither who sent the bytes nor where they go.
//!
//! # Rules
//!
//! - **Names** chosen by users (extra, variables, contexts, breadcrumb data, user data, request data, headers, cookies,
//!   query parameters, span attributes) that contain `password`, `secret`, `token`, `auth`, … lose their value: it becomes
//!   `[Filtered]`. `author` and `token_usage` are hit as well; that is Sentry's behaviour.
//! - **Texts** in the free-form areas (variables, extra, contexts, breadcrumb data, user data, request data) that
//!   mention such a word go whole.
//! - **Anywhere looked at**: card numbers, IBANs, US social security numbers, bodies of PEM keys, passwords in URLs,
//!   `Bearer …`, and `token=…` are replaced where they stand.
//! - Headers, cookies and query parameters go by name.
//! - **Untouched**: file names and lines of code, exception types, tags, modules, debug images, user id, name and
//!   e-mail address, the User-Agent, the names the protocol itself defines.
//! - Bodies of logs also lose addresses of mail, and say what stood there: `[creditcard]`, `[email]`, `[token]`, `[iban]`.
//! - **Feedback** of people: the message like any text, the page's address like any URL; name and e-mail address stay,
//!   because they were given to be answered.
//! - Numbers are never searched, only replaced by name. Empty texts, lists and objects and null have nothing to hide and stay.
//!
//! Every replacement is remarked on in `_meta`, so that a reader sees why a value is missing.
//!
//! # Where it differs from Sentry, on purpose
//!
//! - Card numbers in exception values are replaced, too; nothing else is there.
//! - A log entry whose template says `token=%s` loses its parameters.
//! - Objects, lists, numbers and flags become `[Filtered]`, too; Sentry leaves null, which reads as if nothing had been there.
//! - `[Filtered]` everywhere, where Sentry writes `[creditcard]` or `[token]` into messages; e-mail addresses in
//!   messages stay, as they do in the user.
//! - The password of a URL goes, not its user name. Messages also lose `token=…` and `"password": "…"`.
//! - `token=…` in query strings and URLs, also in the Referer: sentry-python 2.75 sends it unmasked.
//! - `Set-Cookie`, `HTTP_COOKIE` and the session cookies of Java and Express are filtered, too.
//! - The digits of a fraction are no card number, and counts of tokens (`gen_ai.usage.…`) of spans are kept.
//! - Names of feature flags and the trace context are the protocol's own; an IBAN may stand in groups of four.

mod area;
mod cursor;
mod logs;
mod marks;
mod patterns;
mod spans;
mod text;
mod walk;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::model::event::Event;
use crate::model::feedback::Feedback;
pub use logs::{scrub_line, scrub_log, scrub_metric};
pub use spans::{scrub_attributes, scrub_span};

use patterns::{DEFAULT_EXACT, DEFAULT_WORDS, Patterns};
use text::Style;

/// What stands where a secret stood.
pub const FILTERED: &str = "[Filtered]";

/// What a project wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Off: everything passes as it is.
    pub enabled: bool,
    /// Sentry's default rules; off: only `sensitive_keys` and `scrub_ip`.
    pub defaults: bool,
    /// More words of sensitive names, in any case.
    pub sensitive_keys: Vec<String>,
    /// Names, in any case, whose values are never touched.
    pub safe_keys: Vec<String>,
    /// Addresses of users go, too.
    pub scrub_ip: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { enabled: true, defaults: true, sensitive_keys: Vec::new(), safe_keys: Vec::new(), scrub_ip: false }
    }
}

/// [`Options`] made ready; build once.
pub struct Rules {
    enabled: bool,
    scrub_ip: bool,
    patterns: Patterns,
    safe: Vec<Box<[u8]>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&Options::default())
    }
}

impl Rules {
    pub fn new(options: &Options) -> Self {
        let defaults: &[&str] = if options.defaults { &DEFAULT_WORDS } else { &[] };
        let exact: &[&str] = if options.defaults { &DEFAULT_EXACT } else { &[] };
        let words = defaults.iter().copied().chain(options.sensitive_keys.iter().map(String::as_str));
        Self {
            enabled: options.enabled,
            scrub_ip: options.scrub_ip,
            patterns: Patterns::new(words, exact, options.defaults),
            safe: options.safe_keys.iter().map(|key| key.trim().as_bytes().into()).collect(),
        }
    }

    fn is_safe(&self, name: &[u8]) -> bool {
        self.safe.iter().any(|safe| safe.eq_ignore_ascii_case(name))
    }
}

/// Which rule struck. The names are those of Sentry's rules where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Name,
    Word,
    Cookie,
    Card,
    Iban,
    Ssn,
    Pem,
    UrlPassword,
    Bearer,
    Parameter,
    Ip,
    /// Not a rule: so many more replacements without a remark of their own.
    More,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Name => "@password:filter",
            Self::Word => "@password:text",
            Self::Cookie => "@cookie:filter",
            Self::Card => "@creditcard:filter",
            Self::Iban => "@iban:filter",
            Self::Ssn => "@usssn:filter",
            Self::Pem => "@pemkey:filter",
            Self::UrlPassword => "@urlauth:filter",
            Self::Bearer => "@bearer:filter",
            Self::Parameter => "@parameter:filter",
            Self::Ip => "@ip:remove",
            Self::More => "@more",
        }
    }
}

/// Scrubs an event, or a transaction without its spans: valid JSON of bounded depth in, valid JSON out. Whatever is
/// not replaced stays byte for byte; without a match, and for anything but JSON, the input itself comes back.
pub fn scrub_event<'a>(body: &'a [u8], rules: &Rules) -> Cow<'a, [u8]> {
    if rules.enabled { walk::scrub(body, rules) } else { Cow::Borrowed(body) }
}

/// Scrubs an event with its body: what columns, titles and grouping are made of must not say more than the body does. What
/// else was taken of a body that is another now is forgotten, to be read from it again.
pub fn scrub_whole_event(event: &mut Event, rules: &Rules) {
    if !rules.enabled {
        return;
    }
    if let Cow::Owned(body) = scrub_event(&event.body, rules) {
        event.body = body;
        event.more = None;
    }
    for value in event.exceptions.iter_mut().filter_map(|exception| exception.value.as_mut()) {
        scrub_text(value, Style::Cards, rules);
    }
    if let Some(message) = &mut event.message {
        scrub_text(&mut message.formatted, Style::Inline, rules);
        if let Some(template) = &mut message.template {
            scrub_text(template, Style::Inline, rules);
        }
    }
    if let Some(csp) = &mut event.csp {
        for text in [&mut csp.blocked_uri, &mut csp.document_uri, &mut csp.violated_directive] {
            scrub_text(text, Style::Inline, rules);
        }
    }
    if let Some(url) = &mut event.request_url {
        scrub_text(url, Style::Url, rules);
    }
    if rules.scrub_ip && event.user.as_deref().is_some_and(|user| user.starts_with("ip:")) {
        event.user = None;
    }
}

/// Scrubs what a person wrote. Name and e-mail address stay as they are: they were given to be answered.
pub fn scrub_feedback(feedback: &mut Feedback, rules: &Rules) {
    if !rules.enabled {
        return;
    }
    if let Cow::Owned(body) = scrub_event(&feedback.body, rules) {
        feedback.body = body;
    }
    scrub_text(&mut feedback.message, Style::Inline, rules);
    if let Some(url) = &mut feedback.url {
        scrub_text(url, Style::Url, rules);
    }
}

fn scrub_text(text: &mut String, style: Style, rules: &Rules) {
    let mut hits = Vec::new();
    if text::find(&rules.patterns, text.as_bytes(), style, &mut hits) {
        *text = FILTERED.to_owned();
        return;
    }
    // Backwards, so that earlier places stay where they are. Rules only cut beside ASCII.
    for hit in hits.iter().rev() {
        text.replace_range(hit.start..hit.end, FILTERED);
    }
}
