//! Which shape each field of an event must have, as one table, and a line for every field that has another.
//!
//! Readers take what they can use and drop the rest without a word; this table says what they drop. It stands apart
//! from them so that the way in pays nothing for it. Fields whose faults need more than a shape are in `checks`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::event::{LOGGER_CHARS_MAX, MESSAGE_CHARS_MAX, URL_CHARS_MAX};
use crate::model::detail::FieldError;
use crate::model::ids::EventId;
use crate::sentry::clock::time_ns;
use crate::sentry::detail::request::is_method;
use crate::sentry::event::{platform, span_id, trace_id};
use crate::sentry::json::Scalar;
use crate::sentry::json::lenient::cut;

/// Lines about one event; what is beyond them is counted.
const LINES_MAX: usize = 60;
/// Characters shown of a value that was left out.
const SHOWN_CHARS_MAX: usize = 60;
/// What our own scrubbing, and that of SDKs, puts in place of any value.
const FILTERED: &str = "[Filtered]";
/// A limit that is told elsewhere, or none.
const ANY: usize = usize::MAX;

/// What may stand in a field. Nothing, `null` and [`FILTERED`] may stand everywhere.
enum Shape {
    /// A text, number or flag of so many characters; a longer one is shown shortened.
    Text(usize),
    Number,
    Flag,
    Time,
    EventId,
    TraceId,
    SpanId,
    Method,
    Platform,
    /// Cut without its query.
    Url,
    /// A list of texts, or one.
    Texts,
    Object(Fields),
    /// The same as a bare text.
    TextOr(Fields),
    /// A list of objects, as such, under `values`, or one of them alone.
    List(Fields),
    /// The same, where members may be bare texts.
    TextList(Fields),
    /// A map, or a list of pairs of name and value.
    Pairs(Fields),
    /// The same as a bare text.
    TextPairs,
    /// A map whose members are maps in turn.
    Maps(Fields),
}

/// Names with their aliases, and what stands there: a number is the limit its reader has. Fields that are not named may hold anything.
type Fields = &'static [(&'static str, Shape)];

use Shape::{
    Flag, List, Maps, Method, Number, Object, Pairs, Platform, SpanId, Text, TextList, TextOr, TextPairs, Texts, Time,
    TraceId, Url,
};

static EVENT: Fields = &[
    ("event_id", Shape::EventId),
    ("type", Text(ANY)),
    ("platform", Platform),
    ("level", Text(ANY)),
    ("logger", Text(LOGGER_CHARS_MAX)),
    ("logentry|sentry.interfaces.Message", TextOr(MESSAGE)),
    ("message", TextOr(MESSAGE)),
    ("transaction", Text(200)),
    ("culprit", Text(200)),
    ("server_name", Text(200)),
    ("site", Text(200)),
    ("checksum", Text(128)),
    ("release", Text(ANY)),
    ("dist", Text(ANY)),
    ("environment", Text(ANY)),
    ("fingerprint", Texts),
    ("exception|sentry.interfaces.Exception", List(EXCEPTION)),
    ("threads|sentry.interfaces.Threads", List(THREAD)),
    ("stacktrace|sentry.interfaces.Stacktrace", Object(STACKTRACE)),
    ("breadcrumbs|sentry.interfaces.Breadcrumbs", TextList(BREADCRUMB)),
    ("request|sentry.interfaces.Http", Object(REQUEST)),
    ("user|sentry.interfaces.User", Pairs(USER)),
    ("tags", Pairs(&[])),
    ("extra", Pairs(&[])),
    ("modules", Pairs(&[])),
    ("contexts|sentry.interfaces.Contexts", Maps(CONTEXTS)),
    ("sdk", Object(SDK)),
    ("template|sentry.interfaces.Template", Object(&[])),
    ("csp|sentry.interfaces.Csp", Object(&[])),
    ("errors", List(&[])),
];

static MESSAGE: Fields = &[("message", Text(MESSAGE_CHARS_MAX)), ("formatted", Text(MESSAGE_CHARS_MAX))];

static EXCEPTION: Fields =
    &[("type", Text(ANY)), ("module", Text(256)), ("mechanism", Object(MECHANISM)), ("stacktrace", Object(STACKTRACE))];

static MECHANISM: Fields = &[
    ("type", Text(128)),
    ("handled", Flag),
    ("exception_id", Number),
    ("parent_id", Number),
    ("source", Text(256)),
    ("description", Text(1024)),
    ("help_link", Text(256)),
    ("data", Pairs(&[])),
    ("meta", Pairs(&[])),
];

static STACKTRACE: Fields = &[("frames", List(FRAME)), ("frames_omitted", Texts)];

static FRAME: Fields = &[
    ("filename", Text(256)),
    ("abs_path", Text(256)),
    ("module", Text(256)),
    ("function", Text(512)),
    ("lineno", Number),
    ("colno", Number),
    ("in_app", Flag),
    ("pre_context", Texts),
    ("context_line", Text(ANY)),
    ("post_context", Texts),
    ("vars", Pairs(&[])),
];

static THREAD: Fields = &[
    ("id", Text(64)),
    ("name", Text(256)),
    ("crashed", Flag),
    ("current", Flag),
    ("state", Text(64)),
    ("stacktrace", Object(STACKTRACE)),
];

static BREADCRUMB: Fields = &[
    ("timestamp", Time),
    ("type", Text(128)),
    ("category", Text(128)),
    ("level", Text(32)),
    ("message", Text(MESSAGE_CHARS_MAX)),
];

static REQUEST: Fields = &[
    ("method", Method),
    ("url", Url),
    ("query_string|query", TextPairs),
    ("headers", Pairs(&[])),
    ("cookies", TextPairs),
    ("env", Pairs(&[])),
];

static USER: Fields =
    &[("id", Text(128)), ("username", Text(128)), ("name", Text(128)), ("email", Text(75)), ("ip_address", Text(ANY))];

static CONTEXTS: Fields = &[("trace", Object(TRACE)), ("flags", List(&[]))];

static TRACE: Fields = &[("trace_id", TraceId), ("span_id", SpanId)];

static SDK: Fields = &[("name", Text(128)), ("version", Text(64)), ("settings", Object(&[]))];

/// One line for every field that has another shape than its reader can use.
pub(super) fn shapes(body: &str) -> Vec<FieldError> {
    let mut report = Report::default();
    if let Ok(Value::Object(event)) = serde_json::from_str(body) {
        report.fields(&event, EVENT);
    }
    if report.more > 0 {
        let problem = format!("{} more fields of another shape than expected", report.more);
        report.found.push(FieldError { path: String::new(), problem });
    }
    report.found
}

#[derive(Default)]
struct Report {
    found: Vec<FieldError>,
    /// Lines beyond [`LINES_MAX`].
    more: usize,
    /// Where we are: `exception.values.0.`
    path: String,
}

impl Report {
    fn fields(&mut self, object: &Map<String, Value>, fields: Fields) {
        for (names, shape) in fields {
            for name in names.split('|') {
                if let Some(value) = object.get(name) {
                    self.below(name, |report| report.value(value, shape));
                }
            }
        }
    }

    /// Depth is that of the table.
    fn below(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(&cut(name, SHOWN_CHARS_MAX));
        look(self);
        self.path.truncate(before);
    }

    fn say(&mut self, problem: impl FnOnce() -> String) {
        if self.found.len() < LINES_MAX {
            self.found.push(FieldError { path: self.path.clone(), problem: problem() });
        } else {
            self.more += 1;
        }
    }

    fn left_out(&mut self, value: &Value, expected: &str) {
        self.say(|| format!("left out: not {expected}: {}", cut(&value.to_string(), SHOWN_CHARS_MAX)));
    }

    fn value(&mut self, value: &Value, shape: &Shape) {
        if value.is_null() || value == FILTERED {
            return;
        }
        match shape {
            Object(fields) => self.object(value, fields, "an object"),
            TextOr(fields) if !value.is_string() => self.object(value, fields, "a text or an object"),
            List(fields) => self.list(value, fields, false),
            TextList(fields) => self.list(value, fields, true),
            Pairs(fields) => self.pairs(value, fields, "an object or a list of pairs"),
            TextPairs if !value.is_string() => self.pairs(value, &[], "a text, an object or a list of pairs"),
            TextOr(_) | TextPairs => {}
            Maps(fields) => self.maps(value, fields),
            Texts if value.is_array() => {}
            Texts => self.scalar(value, &Text(ANY)),
            scalar => self.scalar(value, scalar),
        }
    }

    fn object(&mut self, value: &Value, fields: Fields, expected: &str) {
        match value {
            Value::Object(object) => self.fields(object, fields),
            other => self.left_out(other, expected),
        }
    }

    fn list(&mut self, value: &Value, fields: Fields, with_texts: bool) {
        match value {
            Value::Array(list) => {
                for (at, member) in list.iter().enumerate().filter(|(_, member)| !member.is_null()) {
                    if !(with_texts && member.is_string()) {
                        self.below(&at.to_string(), |report| report.object(member, fields, "an object"));
                    }
                }
            }
            Value::Object(object) => match object.get("values") {
                Some(Value::Null) => {}
                Some(values @ (Value::Array(_) | Value::Object(_))) => {
                    self.below("values", |report| report.list(values, fields, with_texts));
                }
                Some(other) => self.below("values", |report| report.left_out(other, "a list")),
                None => self.fields(object, fields),
            },
            other => self.left_out(other, "a list"),
        }
    }

    fn pairs(&mut self, value: &Value, fields: Fields, expected: &str) {
        match value {
            Value::Object(object) => self.fields(object, fields),
            Value::Array(list) => {
                for (at, member) in list.iter().enumerate().filter(|(_, member)| !member.is_null()) {
                    if !is_pair(member) {
                        self.below(&at.to_string(), |report| report.left_out(member, "a pair of name and value"));
                    }
                }
            }
            other => self.left_out(other, expected),
        }
    }

    fn maps(&mut self, value: &Value, fields: Fields) {
        let Value::Object(object) = value else { return self.pairs(value, &[], "an object") };
        self.fields(object, fields);
        let named = |name: &str| fields.iter().any(|(known, _)| *known == name);
        for (name, member) in object.iter().filter(|(name, _)| !named(name)) {
            self.below(name, |report| report.value(member, &Pairs(&[])));
        }
    }

    fn scalar(&mut self, value: &Value, shape: &Shape) {
        let Ok(sent) = Scalar::deserialize(value) else { return };
        if sent == Scalar::Absent {
            return self.left_out(value, expected(shape));
        }
        let text = sent.text().unwrap_or(Cow::Borrowed(""));
        if text.trim().is_empty() {
            return;
        }
        let is_fine = match shape {
            Number => sent.unsigned().is_some() || matches!(sent, Scalar::Int(-1)),
            Flag => sent.flag().is_some(),
            Time => time_ns(&sent).is_some(),
            Shape::EventId => sent.as_str().and_then(EventId::parse).is_some_and(|id| !id.is_zero()),
            TraceId => trace_id(&sent).is_some(),
            SpanId => span_id(&sent).is_some(),
            Method => is_method(&text.to_ascii_uppercase()),
            Platform => text == "other" || platform(&sent) != "other",
            Text(chars_max) => return self.long(&text, *chars_max),
            Url => return self.long(text.split(['?', '#']).next().unwrap_or_default(), URL_CHARS_MAX),
            _ => true,
        };
        match shape {
            _ if is_fine => {}
            Platform => {
                self.say(|| {
                    format!("no platform known here, taken for other: {}", cut(&value.to_string(), SHOWN_CHARS_MAX))
                });
            }
            shape => self.left_out(value, expected(shape)),
        }
    }

    fn long(&mut self, text: &str, chars_max: usize) {
        if text.len() > chars_max && text.chars().nth(chars_max).is_some() {
            self.say(|| format!("shortened from {} characters to {chars_max}", text.chars().count()));
        }
    }
}

fn is_pair(member: &Value) -> bool {
    let Value::Array(pair) = member else { return false };
    matches!(pair.as_slice(), [Value::String(_) | Value::Number(_) | Value::Bool(_), _, ..])
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Number => "a whole number",
        Flag => "true or false",
        Time => "a time",
        Shape::EventId => "an id of 32 hex digits",
        TraceId => "a trace id of 32 hex digits",
        SpanId => "a span id of 16 hex digits",
        Method => "a method",
        _ => "a text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::sentry::detail::event_detail;

    fn lines(body: &serde_json::Value) -> Vec<(String, String)> {
        let errors = event_detail(body.to_string().as_bytes()).field_errors;
        errors.into_iter().map(|error| (error.path, error.problem)).collect()
    }

    #[test]
    fn a_field_of_another_shape_is_named() {
        let wrong = json!({"message":["a",1],"level":{"a":1},"tags":5,"extra":"x","user":[1],"exception":"boo",
            "breadcrumbs":7,"request":[],"contexts":[1],"platform":9,"release":{"a":1},"fingerprint":{"x":1},"sdk":3,
            "modules":[1],"logentry":4,"threads":"t","stacktrace":"s","environment":[1],"transaction":{"a":1},
            "dist":[2],"logger":[3],"server_name":{"a":1},"event_id":"../../etc/passwd"});
        let shown = lines(&wrong);
        for name in wrong.as_object().unwrap().keys() {
            let is_it = |path: &str| path == name || path.strip_prefix(name.as_str()).is_some_and(|at| at == ".0");
            assert_eq!(shown.iter().filter(|(path, _)| is_it(path)).count(), 1, "{name}: {shown:?}");
        }
        assert!(shown.contains(&("logentry".to_owned(), "left out: not a text or an object: 4".to_owned())));
    }

    #[test]
    fn a_fault_deep_inside_is_named_by_its_place() {
        for (body, path, problem) in [
            (json!({"request":{"method":"lower post!"}}), "request.method", "left out: not a method: \"lower post!\""),
            (json!({"user":{"email":{"a":1}}}), "user.email", "left out: not a text: {\"a\":1}"),
            (
                json!({"breadcrumbs":[{"timestamp":"soon"}]}),
                "breadcrumbs.0.timestamp",
                "left out: not a time: \"soon\"",
            ),
            (json!({"breadcrumbs":{"values":[3]}}), "breadcrumbs.values.0", "left out: not an object: 3"),
            (json!({"contexts":{"a":5}}), "contexts.a", "left out: not an object or a list of pairs: 5"),
            (
                json!({"contexts":{"trace":{"trace_id":"zz"}}}),
                "contexts.trace.trace_id",
                "left out: not a trace id of 32 hex digits: \"zz\"",
            ),
            (
                json!({"exception":{"values":[{"type":"E","stacktrace":{"frames":"f"}}]}}),
                "exception.values.0.stacktrace.frames",
                "left out: not a list: \"f\"",
            ),
            (
                json!({"exception":[{"type":"E","stacktrace":{"frames":[{"lineno":"x","vars":3}]}}]}),
                "exception.0.stacktrace.frames.0.vars",
                "left out: not an object or a list of pairs: 3",
            ),
            (json!({"tags":[["a","b"],["c"]]}), "tags.1", "left out: not a pair of name and value: [\"c\"]"),
            (json!({"platform":"Python"}), "platform", "no platform known here, taken for other: \"Python\""),
            (json!({"transaction":"t".repeat(201)}), "transaction", "shortened from 201 characters to 200"),
            (json!({"logger":"l".repeat(65)}), "logger", "shortened from 65 characters to 64"),
            (json!({"user":{"id":"i".repeat(129)}}), "user.id", "shortened from 129 characters to 128"),
            (
                json!({"request":{"url":format!("{}?q", "u".repeat(257))}}),
                "request.url",
                "shortened from 257 characters to 256",
            ),
        ] {
            let shown = lines(&body);
            assert!(shown.contains(&(path.to_owned(), problem.to_owned())), "{body}: {shown:?}");
        }
    }

    #[test]
    fn what_sdks_send_and_what_was_filtered_is_no_fault() {
        let fine = json!({"event_id":"0123456789abcdef0123456789abcdef","platform":"other","level":40,"message":"m",
            "logentry":{"message":"m","params":{"a":1}},"tags":[["a",1],null],"extra":[],"user":{"id":1,"data":{}},
            "breadcrumbs":{"values":[{"timestamp":1.5},"text",null]},"contexts":{"a":"[Filtered]","flags":{"values":[]},
            "b":null,"trace":{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":""}},"fingerprint":"one",
            "request":{"method":"get","url":format!("http://a/?{}", "q".repeat(300)),"cookies":"a=b","headers":[["a","b"]],
            "query_string":"","env":"[Filtered]","data":[1]},"exception":{"type":"E","value":{"a":1},"mechanism":{"handled":1}},
            "threads":{"values":[]},"modules":null,"sdk":{"name":"n","version":1}});
        assert_eq!(lines(&fine), []);
    }

    #[test]
    fn many_faults_are_counted() {
        let crumbs: Vec<_> = (0..100).map(|_| json!({"timestamp": "soon"})).collect();
        let shown = lines(&json!({"breadcrumbs": crumbs}));
        assert_eq!(shown.len(), super::LINES_MAX + 1);
        assert!(shown.contains(&(String::new(), "40 more fields of another shape than expected".to_owned())));
    }
}
