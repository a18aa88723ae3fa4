//! Reports that browsers send by themselves: Content Security Policy in two generations, network errors, and the
//! retired Expect-CT, Expect-Staple and key pinning.
//!
//! Turns one body into events. Knows the shapes and which reports are noise: caused by an extension of the visitor's
//! browser, or of no page on the web. Knows nothing of the route they came by.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::config::{SECURITY_BYTES_MAX, SECURITY_REPORTS_MAX};
use crate::model::decoded::{Decoded, Incoming, Refusal};
use crate::model::event::EventKind;
use crate::model::ids::EventId;
use crate::model::outcome::Reason;
use crate::model::time::rfc3339;
use crate::sentry::Limits;
use crate::sentry::csp::{self, WireCsp};
use crate::sentry::event::{Arrival, decode_event};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{JsonError, Object, Scalar, depth_within, has_lone_surrogate, repair, wire_object};

/// Under which name reports are counted.
const CATEGORY: &str = "security";
/// Characters of the type of a report that nobody knows.
const TYPE_CHARS_MAX: usize = 32;
const URL_CHARS_MAX: usize = 2048;
const HOST_CHARS_MAX: usize = 255;
/// A browser may hold a report back while it is offline, not longer than this.
const AGE_MS_MAX: u64 = 7 * 24 * 3_600_000;

/// What stands around a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// `sentry_release` and `sentry_environment` of the address the browser was given.
    pub release: Option<String>,
    pub environment: Option<String>,
    /// Of the request; the Reporting API sends its own.
    pub user_agent: Option<String>,
    pub received_ms: i64,
}

/// Nothing of the body could be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecurityError {
    #[error("body of {bytes} bytes exceeds the limit of {max}")]
    TooLarge { bytes: usize, max: usize },
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("no known report: expected csp-report, a list of reports of the Reporting API, or one of the older kinds")]
    Unknown,
}

impl SecurityError {
    /// As it is counted.
    pub fn refusal(&self) -> Refusal {
        let reason = if matches!(self, Self::TooLarge { .. }) { Reason::TooLarge } else { Reason::Invalid };
        Refusal { category: CATEGORY.to_owned(), reason, detail: self.to_string(), quantity: 1 }
    }
}

wire_object! {
    /// The envelope around a report of the older kinds; a key pinning report has none. The last five are the Reporting
    /// API's own.
    WireBody {
        csp: Raw<'a> = "csp-report" | "csp_report",
        expect_ct: Raw<'a> = "expect-ct-report" | "expect_ct_report",
        expect_staple: Raw<'a> = "expect-staple-report" | "expect_staple_report",
        known_pins: Raw<'a> = "known-pins" | "known_pins",
        ty: Scalar<'a> = "type",
        body: Raw<'a> = "body",
        url: Scalar<'a> = "url",
        user_agent: Scalar<'a> = "user_agent",
        age: Scalar<'a> = "age",
    }
}

type Raw<'a> = Option<&'a RawValue>;

wire_object! {
    /// What the kinds without a policy say: whose connection it was, and what was wrong with it.
    WireHost {
        hostname: Scalar<'a> = "hostname" | "server_ip",
        phase: Scalar<'a> = "phase",
        ty: Scalar<'a> = "type",
        referrer: Scalar<'a> = "referrer",
    }
}

/// Reads a body in any of its shapes. `fresh_ids` names each event.
pub fn decode_security(
    body: &[u8],
    context: &Context,
    fresh_ids: &mut dyn FnMut() -> EventId,
    limits: &Limits,
) -> Result<Decoded, SecurityError> {
    if body.len() > SECURITY_BYTES_MAX {
        return Err(SecurityError::TooLarge { bytes: body.len(), max: SECURITY_BYTES_MAX });
    }
    let text = sound_text(body, limits.depth_max)?;
    let mut run = Run { context, fresh_ids, limits, decoded: Decoded::default() };
    if text.trim_start().starts_with('[') {
        let reports: Vec<&RawValue> = serde_json::from_str(&text).map_err(syntax)?;
        for report in reports.iter().take(SECURITY_REPORTS_MAX) {
            run.take_report(report);
        }
        let omitted = reports.len().saturating_sub(SECURITY_REPORTS_MAX) as u64;
        if omitted > 0 {
            let detail = format!("more than {SECURITY_REPORTS_MAX} reports in one request");
            run.refuse(Reason::TooLarge, detail, omitted);
        }
        return Ok(run.decoded);
    }
    let raw: &RawValue = serde_json::from_str(&text).map_err(syntax)?;
    let wire: Object<WireBody<'_>> = serde_json::from_str(raw.get()).map_err(syntax)?;
    let Some(wire) = wire.get() else {
        let start = raw.get().chars().next().unwrap_or(' ');
        return Err(JsonError::NotObject { start }.into());
    };
    let around = Around::default();
    match wire {
        WireBody { csp: Some(report), .. } => run.take_csp(report, &around),
        WireBody { expect_ct: Some(report), .. } => run.take_host(EventKind::ExpectCt, report, &around),
        WireBody { expect_staple: Some(report), .. } => run.take_host(EventKind::ExpectStaple, report, &around),
        WireBody { known_pins: Some(_), .. } => run.take_host(EventKind::Hpkp, raw, &around),
        WireBody { ty: Scalar::Text(_), body: Some(_), .. } => run.take_report(raw),
        _ => return Err(SecurityError::Unknown),
    }
    Ok(run.decoded)
}

/// UTF-8 without lone surrogates and of bounded depth, repaired where that is enough.
fn sound_text(body: &[u8], depth_max: usize) -> Result<Cow<'_, str>, JsonError> {
    if body.trim_ascii().is_empty() {
        return Err(JsonError::Empty);
    }
    if !depth_within(body, depth_max) {
        return Err(JsonError::TooDeep { max: depth_max });
    }
    let is_sound =
        |text: &&str| !has_lone_surrogate(text.as_bytes()) && serde_json::from_str::<&RawValue>(text).is_ok();
    let sound = std::str::from_utf8(body).ok().filter(is_sound);
    match sound {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => repair(body).map(Cow::Owned).ok_or(JsonError::Syntax { problem: "not json".to_owned() }),
    }
}

fn syntax(error: serde_json::Error) -> JsonError {
    JsonError::Syntax { problem: cut(&error.to_string(), 200) }
}

/// What the Reporting API says about a report from outside of it.
#[derive(Default)]
struct Around {
    url: Option<String>,
    user_agent: Option<String>,
    age_ms: u64,
}

struct Run<'r> {
    context: &'r Context,
    fresh_ids: &'r mut dyn FnMut() -> EventId,
    limits: &'r Limits,
    decoded: Decoded,
}

/// An event as an SDK would have sent it.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    ty: &'static str,
    platform: &'static str,
    logger: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    logentry: Logentry,
    #[serde(skip_serializing_if = "Option::is_none")]
    culprit: Option<String>,
    tags: Vec<(String, String)>,
    request: Request<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csp: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expectct: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expectstaple: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hpkp: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nel: Raw<'a>,
}

#[derive(Serialize)]
struct Logentry {
    formatted: String,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    headers: Vec<(&'static str, Cow<'a, str>)>,
}

impl Run<'_> {
    /// One report of the Reporting API.
    fn take_report(&mut self, report: &RawValue) {
        let wire = serde_json::from_str::<Object<WireBody<'_>>>(report.get());
        let Ok(Object(Some(WireBody { ty, body: Some(body), url, user_agent, age, .. }))) = wire else {
            return self.refuse(Reason::Invalid, "a report without type or body".to_owned(), 1);
        };
        let around = Around {
            url: url.limited(URL_CHARS_MAX),
            user_agent: user_agent.limited(512),
            age_ms: age.unsigned().unwrap_or(0).min(AGE_MS_MAX),
        };
        match ty.as_str() {
            Some("csp-violation") => self.take_csp(body, &around),
            Some("network-error") => self.take_host(EventKind::Nel, body, &around),
            other => self.count(other.unwrap_or_default()),
        }
    }

    fn take_csp(&mut self, report: &RawValue, around: &Around) {
        let Ok(Object(Some(wire))) = serde_json::from_str::<Object<WireCsp<'_>>>(report.get()) else {
            return self.refuse(Reason::Invalid, "a Content Security Policy report that is no object".to_owned(), 1);
        };
        let csp = csp::read(&wire);
        if csp.effective_directive.is_empty() && csp.blocked_uri.is_empty() {
            return self.refuse(Reason::Invalid, "a report that names neither directive nor address".to_owned(), 1);
        }
        let source_file = wire.source_file.limited(URL_CHARS_MAX).unwrap_or_default();
        if let Some(reason) = noise(&csp.document_uri, &csp.blocked_uri, &source_file) {
            let category = CATEGORY.to_owned();
            return self.decoded.items.push(Incoming::Filtered { category, reason, quantity: 1 });
        }
        let mut tags = Vec::new();
        csp::add_tags(&csp, &mut tags);
        let url = Some(csp.document_uri.clone()).filter(|url| !url.is_empty()).or_else(|| around.url.clone());
        let body = Body {
            csp: Some(report),
            culprit: csp::culprit(&csp),
            tags,
            ..self.body(EventKind::Csp, csp::message(&csp), url, wire.referrer.limited(URL_CHARS_MAX), around)
        };
        let text = serde_json::to_vec(&body);
        self.push(text);
    }

    /// A report about a connection to a host.
    fn take_host(&mut self, kind: EventKind, report: &RawValue, around: &Around) {
        let Ok(Object(Some(wire))) = serde_json::from_str::<Object<WireHost<'_>>>(report.get()) else {
            return self.refuse(Reason::Invalid, format!("a report of type {} that is no object", kind.as_str()), 1);
        };
        let of_url = around.url.as_deref().and_then(csp::split_url).map(|(_, host, _)| host.to_owned());
        let named = wire.hostname.limited(HOST_CHARS_MAX);
        let host = if kind == EventKind::Nel { of_url.or(named) } else { named.or(of_url) };
        let host = host.unwrap_or_else(|| "unknown host".to_owned());
        let why = wire.ty.limited(128);
        let message = match (kind, &why) {
            (EventKind::ExpectCt, _) => format!("Expect-CT failed for '{host}'"),
            (EventKind::ExpectStaple, _) => format!("Expect-Staple failed for '{host}'"),
            (EventKind::Hpkp, _) => format!("Public key pinning failed for '{host}'"),
            // A policy may ask for a share of the successes, too: those are no news.
            (_, Some(why)) if why == "ok" => return self.count("network-success"),
            (_, Some(why)) => format!("Network error '{why}' on '{host}'"),
            (_, None) => format!("Network error on '{host}'"),
        };
        let mut body = self.body(kind, message, around.url.clone(), wire.referrer.limited(URL_CHARS_MAX), around);
        body.culprit = Some(wire.phase.limited(64).unwrap_or_else(|| host.clone()));
        body.tags.push(("hostname".to_owned(), host));
        body.tags.extend(why.filter(|why| !why.contains('\n')).map(|why| ("error".to_owned(), why)));
        match kind {
            EventKind::ExpectCt => body.expectct = Some(report),
            EventKind::ExpectStaple => body.expectstaple = Some(report),
            EventKind::Hpkp => body.hpkp = Some(report),
            _ => body.nel = Some(report),
        }
        let text = serde_json::to_vec(&body);
        self.push(text);
    }

    fn body<'b>(
        &'b self,
        kind: EventKind,
        message: String,
        url: Option<String>,
        referrer: Option<String>,
        around: &'b Around,
    ) -> Body<'b> {
        let agent = around.user_agent.as_deref().or(self.context.user_agent.as_deref());
        let headers = [("User-Agent", agent.map(Cow::Borrowed)), ("Referer", referrer.map(Cow::Owned))];
        Body {
            ty: kind.as_str(),
            platform: "javascript",
            logger: kind.as_str(),
            timestamp: rfc3339(self.context.received_ms - around.age_ms as i64),
            release: self.context.release.as_deref(),
            environment: self.context.environment.as_deref(),
            logentry: Logentry { formatted: message },
            culprit: None,
            tags: Vec::new(),
            request: Request {
                url,
                headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            },
            csp: None,
            expectct: None,
            expectstaple: None,
            hpkp: None,
            nel: None,
        }
    }

    /// Through the same reading as any event, so that every rule holds for these, too.
    fn push(&mut self, body: serde_json::Result<Vec<u8>>) {
        let arrival = Arrival {
            header_event_id: None,
            sent_at_ns: None,
            received_ms: self.context.received_ms,
            client_ip: None,
            infer_ip: None,
            fresh_id: (self.fresh_ids)(),
        };
        // What surrounds a report makes it a little larger and deeper than it came.
        let limits = Limits {
            event_bytes_max: self.limits.event_bytes_max.max(2 * SECURITY_BYTES_MAX),
            depth_max: self.limits.depth_max + 2,
            ..*self.limits
        };
        let event = body
            .map_err(|error| error.to_string())
            .and_then(|body| decode_event(&body, &arrival, &limits).map_err(|error| error.to_string()));
        match event {
            Ok(event) => self.decoded.items.push(Incoming::Event(Box::new(event))),
            Err(detail) => self.refuse(Reason::Invalid, detail, 1),
        }
    }

    /// A report of another type: understood to be one, and not kept.
    fn count(&mut self, ty: &str) {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let ty: String = ty.chars().take(TYPE_CHARS_MAX).map(plain).collect();
        let category = if ty.is_empty() { "browser_report".to_owned() } else { format!("{ty}_report") };
        self.decoded.items.push(Incoming::Counted { category, quantity: 1 });
    }

    fn refuse(&mut self, reason: Reason, detail: String, quantity: u64) {
        self.decoded.refused.push(Refusal { category: CATEGORY.to_owned(), reason, detail, quantity });
    }
}

/// Why nobody wants to read of this: no page of the project caused it.
fn noise(document_uri: &str, blocked_uri: &str, source_file: &str) -> Option<Reason> {
    let scheme = |uri: &str| {
        let scheme = uri.split_once(':').map_or(uri, |(scheme, _)| scheme);
        scheme.trim().to_ascii_lowercase()
    };
    let [document, blocked, source] = [document_uri, blocked_uri, source_file].map(scheme);
    if [&document, &blocked, &source].into_iter().any(|scheme| is_extension(scheme)) {
        return Some(Reason::BrowserExtension);
    }
    let is_local_page = matches!(document.as_str(), "about" | "file" | "data" | "blob" | "filesystem");
    if is_local_page || is_of_the_browser(&document) || is_of_the_browser(&blocked) || is_of_the_browser(&source) {
        return Some(Reason::LocalPage);
    }
    // `about:srcdoc` and `about:blank` as a source say nothing; blocked, they are a frame that an extension made.
    matches!((blocked.as_str(), source.as_str()), ("about", _) | (_, "about")).then_some(Reason::LocalPage)
}

/// Every browser names its extensions `<something>-extension`; Firefox's own live in `resource:` and `chrome:`.
fn is_extension(scheme: &str) -> bool {
    scheme.ends_with("-extension") || matches!(scheme, "resource" | "chrome" | "moz-icon")
}

/// Schemes by which apps with a browser inside talk to their own pages.
fn is_of_the_browser(scheme: &str) -> bool {
    matches!(
        scheme,
        "webviewprogressproxy"
            | "mbinit"
            | "symres"
            | "mx"
            | "mxaddon-pkg"
            | "mxjscall"
            | "jsbridge"
            | "wvjbscheme"
            | "gsa"
            | "opera"
            | "edge"
            | "view-source"
            | "res"
            | "itms-apps"
            | "itms-appss"
    )
}

#[cfg(test)]
mod tests;
