//! What of a browser's report counts: the policy that was violated, and by whom.
//!
//! Knows nothing of how reports are sent.

use std::borrow::Cow;

use crate::grouping::v1::sink::{Sink, Verdict};
use crate::model::event::{Csp, Event, EventKind};

/// What a browser says of a page's own code and address.
const SELF: &str = "'self'";

pub(super) enum ReportPlan<'e> {
    Csp {
        directive: &'e str,
        /// `unsafe-inline` or `unsafe-eval`: the page's own script.
        violation: Option<&'static str>,
        uri: Cow<'e, str>,
    },
    /// Reports of other kinds: what kind, and of which host.
    Other { id: &'static str, salt: &'static str, host: &'e str },
}

impl<'e> ReportPlan<'e> {
    pub(super) fn of(event: &'e Event) -> Option<Self> {
        let (id, salt) = match (&event.csp, event.kind) {
            (Some(csp), _) => {
                let violation = local_violation(csp);
                return Some(Self::Csp { directive: &csp.effective_directive, violation, uri: blocked(csp) });
            }
            (None, EventKind::Hpkp) => ("hpkp", "public-key-pins"),
            (None, EventKind::ExpectCt) => ("expect_ct", "expect-ct"),
            (None, EventKind::ExpectStaple) => ("expect_staple", "expect-staple"),
            (None, _) => return None,
        };
        let host = event.request_url.as_deref().map(|url| host_of(url).unwrap_or(url));
        Some(Self::Other { id, salt, host: host? })
    }

    pub(super) fn contributes(&self) -> bool {
        match self {
            Self::Csp { directive, .. } => !directive.is_empty(),
            Self::Other { .. } => true,
        }
    }

    pub(super) fn walk<S: Sink>(&self, verdict: Verdict<'_>, sink: &mut S) {
        match self {
            Self::Csp { directive, violation, uri } => {
                sink.open("csp", verdict);
                sink.leaf("salt", directive, Verdict::YES);
                match violation {
                    Some(violation) => {
                        sink.leaf("violation", violation, Verdict::YES);
                        sink.leaf("uri", uri, Verdict::no("the page's own script, whatever its address"));
                    }
                    None => sink.leaf("uri", uri, Verdict::YES),
                }
            }
            Self::Other { id, salt, host } => {
                sink.open(id, verdict);
                sink.leaf("salt", salt, Verdict::YES);
                sink.leaf("hostname", host, Verdict::YES);
            }
        }
        sink.close();
    }
}

/// Which rule against a page's own scripts was violated.
fn local_violation(csp: &Csp) -> Option<&'static str> {
    if !csp.local_script_violation {
        return None;
    }
    let says = |word: &str| csp.violated_directive.contains(word) || csp.blocked_uri.contains(word);
    Some(if says("eval") && !says("inline") { "unsafe-eval" } else { "unsafe-inline" })
}

/// The host that was blocked; its scheme alone when that is all there is (`data`, `blob`).
fn blocked(csp: &Csp) -> Cow<'_, str> {
    let uri = csp.blocked_uri.trim();
    if matches!(uri, "" | "self" | SELF) {
        return Cow::Borrowed(SELF);
    }
    let Some((scheme, _)) = uri.split_once(':') else { return Cow::Borrowed(uri) };
    match host_of(uri) {
        Some(host) if host_of(&csp.document_uri) == Some(host) => Cow::Borrowed(SELF),
        Some(host) if matches!(scheme, "http" | "https" | "ws" | "wss") => Cow::Borrowed(host),
        _ => Cow::Borrowed(scheme),
    }
}

/// The host in `scheme://host:port/path`.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
}
