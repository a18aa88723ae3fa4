//! The crash-report dialog: a script that a page of any origin loads after an error, and the form it sends back.
//!
//! Owns the route's rules: which origins, which parameters, which errors in which words (Sentry's, because its SDKs and
//! Django templates of old know them). The dialog itself is `error_page.js`; what a page may say in it comes in by the
//! address and is data, never code.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::{DIALOG_FORM_BYTES_MAX, DIALOG_TEXT_CHARS_MAX};
use crate::model::decoded::{Decoded, Incoming as Item};
use crate::model::ids::EventId;
use crate::sentry::dsn::parse_dsn;
use crate::sentry::feedback::Report;

use super::error::ApiError;
use super::ingest_sentry::{Answered, refused, tell_retry};
use super::ledger::Ending;
use super::respond::{Body, bytes, empty, json as json_response, set};
use super::take::take_in_within;
use super::{Query, Ready, Server, arrival, fresh_event_id, now_ms};

/// A function that takes the texts.
const SCRIPT: &str = include_str!("error_page.js");

/// What the dialog says unless the address says otherwise: Sentry's names, our words.
const TEXTS: [(&str, &str); 15] = [
    ("title", "Something went wrong"),
    ("subtitle", "The people who run this site have been told."),
    ("subtitle2", "If you would like to help, describe what happened."),
    ("labelName", "Name"),
    ("labelEmail", "Email"),
    ("labelComments", "What happened?"),
    ("labelClose", "Close"),
    ("labelSubmit", "Send report"),
    ("errorGeneric", "The report could not be sent. Please try again."),
    (LATER, "The report could not be taken now. Please try again later."),
    ("errorFormEntry", "Some fields are missing or not right. Please mend them and send again."),
    ("successMessage", "Your report has been sent. Thank you!"),
    ("name", ""),
    ("email", ""),
    ("comments", ""),
];

/// Ours alone: said when a limit of the project is reached.
const LATER: &str = "errorLater";

const INVALID: &str = "Missing or invalid parameter.";
const REQUIRED: &str = "This field is required.";
const NO_EMAIL: &str = "Enter a valid email address.";

/// GET, POST and OPTIONS of `/api/embed/error-page/`.
pub(super) async fn answer(server: &Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let origin = request.headers().get(ORIGIN).cloned();
    let is_allowed = |origin: &HeaderValue| {
        is_origin(origin) && origin.to_str().is_ok_and(|origin| server.settings.allows_origin(origin))
    };
    let mut response = if origin.as_ref().is_some_and(|origin| !is_allowed(origin)) {
        json_response(StatusCode::FORBIDDEN, &json!({ "detail": "this origin is not allowed" }))
    } else {
        answer_allowed(server, request).await
    };
    allow(response.headers_mut(), origin.filter(is_allowed));
    response
}

async fn answer_allowed(server: &Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    match *request.method() {
        Method::OPTIONS => empty(StatusCode::OK),
        Method::GET | Method::HEAD => {
            let Ok(ready) = server.ready().await else { return empty(StatusCode::SERVICE_UNAVAILABLE) };
            let query = Query::of(&request);
            match event_of(&query).and_then(|_| known_dsn(&ready, &query)) {
                Ok(_) => script(&query),
                Err(wrong) => wrong.response(),
            }
        }
        Method::POST => {
            let arrival = arrival(&request, "sentry");
            let (response, ending) = take_report(server, request).await;
            server.ledger.record(arrival, ending, &server.live);
            response
        }
        _ => ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "the dialog is read with GET and answered with POST")
            .response(),
    }
}

/// A parameter of the address that is wrong, in Sentry's words.
struct Wrong {
    status: StatusCode,
    parameter: &'static str,
}

impl Wrong {
    fn response(&self) -> Response<Body> {
        json_response(self.status, &json!({ self.parameter: INVALID }))
    }

    fn ending(&self) -> Ending {
        let fix = "the address needs dsn and eventId: the DSN as the welcome page shows it, and the id of the event";
        let error = ApiError::new(self.status, format!("{} is missing or invalid", self.parameter)).with_fix(fix);
        Ending::refused(&error, 0)
    }
}

fn event_of(query: &Query) -> Result<EventId, Wrong> {
    let id = query.get("eventId").and_then(|id| EventId::parse(id.trim())).filter(|id| !id.is_zero());
    id.ok_or(Wrong { status: StatusCode::BAD_REQUEST, parameter: "eventId" })
}

/// The project whose key and number the DSN names.
fn known_dsn(ready: &Ready, query: &Query) -> Result<crate::model::project::Project, Wrong> {
    let named = query.get("dsn").and_then(|dsn| parse_dsn(dsn).ok());
    let found = named.and_then(|(key, id)| ready.project(id).filter(|project| project.public_key == key));
    found.cloned().ok_or(Wrong { status: StatusCode::NOT_FOUND, parameter: "dsn" })
}

/// The dialog with its texts. They are JSON without any character that HTML or JavaScript could take for its own, so
/// that nothing in an address breaks out of its string, not even where a page copies the script into itself.
fn script(query: &Query) -> Response<Body> {
    let mut texts = Map::new();
    for (name, default) in TEXTS {
        // A page that speaks another language than ours has words of its own for this, if not these.
        let own = query.get(name).or_else(|| query.get("errorGeneric").filter(|_| name == LATER));
        let text: String = own.unwrap_or(default).chars().take(DIALOG_TEXT_CHARS_MAX).collect();
        texts.insert(name.to_owned(), Value::String(text));
    }
    let texts = harmless(&Value::Object(texts).to_string());
    let function = SCRIPT.find("(function").map_or(SCRIPT, |start| &SCRIPT[start..]).trim_end();
    let body = format!("{function}({texts});\n");
    let mut response = bytes(StatusCode::OK, "text/javascript; charset=utf-8", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// JSON with everything escaped that ends a script element, begins a comment, or is a line's end in old JavaScript.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\'' | '`' | '\u{2028}' | '\u{2029}' | '\u{7f}'..='\u{9f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

async fn take_report(server: &Arc<Server>, request: Request<Incoming>) -> Answered {
    let query = Query::of(&request);
    let decode = move |ready: &Ready, body: &[u8]| {
        let checked = event_of(&query).and_then(|event| Ok((event, known_dsn(ready, &query)?)));
        let (event_id, project) = match checked {
            Ok(checked) => checked,
            // Nothing is stored; any project does.
            Err(wrong) => return Ok((anyone(ready)?, Decoded::default(), Some(Refused::Parameter(wrong)))),
        };
        let fields: Vec<_> = form_urlencoded::parse(body).collect();
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
        let mut report = Report::of_fields(None, field("name"), field("email"), field("comments"));
        let errors = form_errors(&report);
        if !errors.is_empty() {
            return Ok((project, Decoded::default(), Some(Refused::Form(errors))));
        }
        report.event_id = Some(event_id);
        let feedback = report.into_feedback(now_ms(), fresh_event_id());
        Ok((project, Decoded { items: vec![Item::Feedback(Box::new(feedback))], refused: Vec::new() }, None))
    };
    let (body_bytes, stored) = take_in_within(server, request, DIALOG_FORM_BYTES_MAX, decode).await;
    match stored {
        Err(error) => refused(&error, body_bytes),
        Ok(stored) => match stored.extra {
            Some(Refused::Parameter(wrong)) => (wrong.response(), Ending { body_bytes, ..wrong.ending() }),
            Some(Refused::Form(errors)) => {
                let error =
                    ApiError::new(StatusCode::BAD_REQUEST, "the form of the crash-report dialog is not complete")
                        .with_fix("nothing to change: the dialog shows the visitor which fields to mend");
                (
                    json_response(StatusCode::BAD_REQUEST, &json!({ "errors": errors })),
                    Ending::refused(&error, body_bytes),
                )
            }
            None => {
                if stored.admission.is_all_limited() {
                    let status = StatusCode::TOO_MANY_REQUESTS;
                    let words = "the report could not be taken now: try later";
                    let mut response = json_response(status, &json!({ "detail": words, "later": true }));
                    tell_retry(&mut response, &stored.admission);
                    return (response, stored.ending(status, body_bytes));
                }
                let ending = stored.ending(StatusCode::OK, body_bytes);
                (json_response(StatusCode::OK, &json!({})), ending)
            }
        },
    }
}

/// Why nothing was stored.
enum Refused {
    Parameter(Wrong),
    Form(Map<String, Value>),
}

fn anyone(ready: &Ready) -> Result<crate::model::project::Project, ApiError> {
    ready.projects.first().cloned().ok_or_else(|| ApiError::not_found("project"))
}

/// Field names and what is wrong with each; empty when nothing is.
fn form_errors(report: &Report) -> Map<String, Value> {
    let mut errors = Map::new();
    let fields = [("name", &report.name), ("email", &report.email), ("comments", &report.comments)];
    for (name, value) in fields {
        let problem = match value {
            None => REQUIRED,
            Some(text) if name == "email" && !is_email(text) => NO_EMAIL,
            Some(_) => continue,
        };
        errors.insert(name.to_owned(), json!([problem]));
    }
    errors
}

/// Somebody at some place; whether mail arrives there only a mail can tell.
pub(super) fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(who, place)| {
        !who.is_empty() && !place.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

/// `scheme://host[:port]` as browsers write it, or `null` for pages without one.
fn is_origin(origin: &HeaderValue) -> bool {
    let Ok(text) = origin.to_str() else { return false };
    if text == "null" {
        return true;
    }
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let is_host = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    !scheme.is_empty() && is_scheme && !host.is_empty() && is_host
}

/// The page that asked may load the script and read whether its report arrived; there is nothing else to read.
fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    let allowed = "accept, content-type, x-requested-with, sentry-trace, baggage, traceparent";
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    set(headers, "cross-origin-resource-policy", "cross-origin");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn origins_are_what_browsers_write() {
        for origin in ["http://localhost:8000", "https://shop.example", "null", "http://[::1]:8000", "app://shop"] {
            assert!(is_origin(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in
            ["", "shop.example", "https://", "://x", "https://a b", "https://shop.example/path", "http://a,http://b"]
        {
            assert!(!is_origin(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = form_errors(&Report::of_fields(None, Some(" "), Some("ada"), None));
        assert_eq!(Value::Object(errors), json!({ "name": [REQUIRED], "email": [NO_EMAIL], "comments": [REQUIRED] }));
        assert!(form_errors(&Report::of_fields(None, Some("Ada"), Some("ada@shop"), Some("no"))).is_empty());
        for wrong in ["@", "a@", "@b", "a b@c"] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }

    #[test]
    fn texts_cannot_break_out() {
        let text = "</script><!--\u{2028}\u{2029}'`&\"\\";
        let safe = harmless(&Value::from(text).to_string());
        assert_eq!(safe, r#""\u003c/script\u003e\u003c!--\u2028\u2029\u0027\u0060\u0026\"\\""#);
    }

    proptest! {
        /// Escaped or not, it is the same text.
        #[test]
        fn harmless_json_says_the_same(text in any::<String>()) {
            let safe = harmless(&Value::from(text.as_str()).to_string());
            let is_free = !safe.contains(['<', '>', '&', '\'', '`', '\u{2028}', '\u{2029}', '\n', '\r']);
            prop_assert!(is_free, "{}", safe);
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }
}
