//! What a search of Jaeger's query API asks for, out of the parameters of its address. Text in, values out.

use std::time::Duration;

use serde_json::Value;

use super::Query;
use super::view::jaeger::UNKNOWN_SERVICE;
use crate::config::{JAEGER_LOOKBACK_NS, JAEGER_SEARCH_MS, JAEGER_TAGS_MAX, JAEGER_TRACES, JAEGER_TRACES_MAX};
use crate::model::ids::TraceId;
use crate::model::span::SpanKind;
use crate::store::{SpanCondition, SpanQuery};

#[derive(Debug, PartialEq)]
pub(super) enum Search {
    /// Of so many at most.
    Spans(SpanQuery),
    Traces(Vec<TraceId>),
}

/// # Errors
/// What is wrong with it.
pub(super) fn read(query: &Query, now_ns: i64) -> Result<Search, String> {
    let limit = match number(query, "limit")? {
        Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(usize::MAX).min(JAEGER_TRACES_MAX),
        _ => JAEGER_TRACES,
    };
    let ids: Vec<&str> = query.all("traceID").take(limit).collect();
    if !ids.is_empty() {
        let read = |id: &str| trace_id(id).ok_or_else(|| format!("traceID: {:?} is no trace id", cut(id)));
        return Ok(Search::Traces(ids.into_iter().map(read).collect::<Result<_, _>>()?));
    }
    let service = query.get("service").ok_or("parameter 'service' is required")?;
    let end_ns = number(query, "end")?.map_or(now_ns, |us| us.saturating_mul(1_000));
    let start_ns = match (number(query, "start")?, query.get("lookback")) {
        (Some(us), _) => us.saturating_mul(1_000),
        // Which of the choices of Jaeger's own page it was; with `custom`, start and end say it.
        (None, Some(lookback)) if lookback != "custom" => end_ns.saturating_sub(duration_of("lookback", lookback)?),
        (None, _) => end_ns.saturating_sub(JAEGER_LOOKBACK_NS),
    };
    let duration = |name: &str| query.get(name).map(|text| duration_of(name, text)).transpose();
    let (shortest, longest) = (duration("minDuration")?, duration("maxDuration")?);
    if shortest > longest.or(Some(i64::MAX)) {
        return Err("'maxDuration' should be greater than 'minDuration'".to_string());
    }
    Ok(Search::Spans(SpanQuery {
        service: known_service(service).to_string(),
        name: query.get("operation").map(str::to_string),
        conditions: tags(query)?.into_iter().map(condition).collect(),
        start_ns: start_ns..=end_ns,
        duration_ns: shortest.unwrap_or(0)..=longest.filter(|ns| *ns > 0).unwrap_or(i64::MAX),
        limit,
        time: Duration::from_millis(JAEGER_SEARCH_MS),
    }))
}

/// The service as it is kept.
pub(super) fn known_service(service: &str) -> &str {
    if service == UNKNOWN_SERVICE { "" } else { service }
}

/// Jaeger leaves the zeros in front away.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    let is_id = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { TraceId::parse(&format!("{text:0>32}")) } else { TraceId::parse(text) }
}

fn number(query: &Query, name: &str) -> Result<Option<i64>, String> {
    let unreadable = |text: &str| format!("unable to parse param '{name}': {:?} is no whole number", cut(text));
    query.get(name).map(|text| text.parse().map_err(|_| unreadable(text))).transpose()
}

/// Pairs of `tag=key:value` and of the objects in `tags=`.
fn tags(query: &Query) -> Result<Vec<(String, String)>, String> {
    let mut tags = Vec::new();
    for tag in query.all("tag") {
        let (key, value) = tag
            .split_once(':')
            .ok_or_else(|| format!("malformed 'tag' parameter, expecting key:value, received: {:?}", cut(tag)))?;
        tags.push((key.to_string(), value.to_string()));
    }
    for text in query.all("tags") {
        let malformed = |why: &str| format!("malformed 'tags' parameter, expecting an object of texts: {why}");
        let Value::Object(members) = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))? else {
            return Err(malformed("it is none"));
        };
        for (key, value) in members {
            let value = match value {
                Value::String(text) => text,
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(malformed(&format!("{:?} is another value", cut(&key)))),
            };
            tags.push((key, value));
        }
    }
    if tags.len() > JAEGER_TAGS_MAX {
        return Err(format!("a search takes {JAEGER_TAGS_MAX} tags at most"));
    }
    Ok(tags)
}

/// What a tag stands for: an attribute of that name, or what is kept under one of our own and shown as that tag.
fn condition((key, value): (String, String)) -> Vec<SpanCondition> {
    let more = match (key.as_str(), value.as_str()) {
        ("error", "true") => Some(SpanCondition::Attribute("span.status".to_string(), "error".to_string())),
        ("span.kind", kind) => kind_named(kind).map(SpanCondition::Kind),
        ("otel.status_description", text) => Some(SpanCondition::StatusMessage(text.to_string())),
        _ => None,
    };
    std::iter::once(SpanCondition::Attribute(key, value)).chain(more).collect()
}

pub(super) fn kind_named(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => return None,
    })
}

fn duration_of(name: &str, text: &str) -> Result<i64, String> {
    duration_ns(text)
        .ok_or_else(|| format!("unable to parse param '{name}': {:?} is no duration such as 1.5s or 200ms", cut(text)))
}

/// As Go writes durations (`1h30m`, `1.5s`, `200us`), with days and weeks, which Jaeger's own page knows.
fn duration_ns(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut sum_ns = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
        let number: f64 = rest[..unit_at].parse().ok()?;
        rest = &rest[unit_at..];
        let length = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        let unit_ns = match &rest[..length] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            "d" => 86_400e9,
            "w" => 7.0 * 86_400e9,
            _ => return None,
        };
        sum_ns += number * unit_ns;
        rest = &rest[length..];
    }
    // Beyond 292 years there is nothing to compare with.
    (!text.is_empty() && text != "+" && sum_ns < i64::MAX as f64).then_some(sum_ns.round() as i64)
}

/// Enough of a text to know it again.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: i64 = 1_800_000_000_000_000_000;

    fn query(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    fn spans(text: &str) -> SpanQuery {
        match read(&query(text), NOW_NS) {
            Ok(Search::Spans(spans)) => spans,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.5s", Some(1_500_000_000)),
            ("200ms", Some(200_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("100us", Some(100_000)),
            ("100µs", Some(100_000)),
            (".5ms", Some(500_000)),
            ("2d", Some(172_800_000_000_000)),
            ("7ns", Some(7)),
            ("", None),
            ("+", None),
            ("5", None),
            ("ms", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("1 s", None),
            ("1parsec", None),
            ("9999999h", None),
        ] {
            assert_eq!(duration_ns(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_search_is_read_with_its_defaults() {
        let plain = spans("service=shop");
        assert_eq!((plain.service.as_str(), plain.limit, plain.name), ("shop", JAEGER_TRACES, None));
        assert_eq!(plain.start_ns, NOW_NS - JAEGER_LOOKBACK_NS..=NOW_NS);
        assert_eq!(plain.duration_ns, 0..=i64::MAX);
        let full = spans(
            "service=unknown_service&operation=GET+%2F&limit=999999&start=1700000000000000&end=1700000001000000\
             &lookback=1h&minDuration=1ms&maxDuration=2s",
        );
        assert_eq!((full.service.as_str(), full.name.as_deref(), full.limit), ("", Some("GET /"), JAEGER_TRACES_MAX));
        assert_eq!(full.start_ns, 1_700_000_000_000_000_000..=1_700_000_001_000_000_000);
        assert_eq!(full.duration_ns, 1_000_000..=2_000_000_000);
        let back = spans("service=a&lookback=2d&limit=0");
        assert_eq!((back.start_ns, back.limit), (NOW_NS - 172_800_000_000_000..=NOW_NS, JAEGER_TRACES));
    }

    #[test]
    fn tags_stand_for_attributes_and_for_what_is_shown_as_tags() {
        let attribute = |key: &str, value: &str| SpanCondition::Attribute(key.to_string(), value.to_string());
        let found = spans(r#"service=a&tag=db.system:postgresql&tags={"error":"true","span.kind":"server","n":5}"#);
        let expected = [
            vec![attribute("db.system", "postgresql")],
            vec![attribute("error", "true"), attribute("span.status", "error")],
            vec![attribute("span.kind", "server"), SpanCondition::Kind(SpanKind::Server)],
            vec![attribute("n", "5")],
        ];
        assert_eq!(found.conditions, expected);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, why) in [
            ("", "'service' is required"),
            ("service=", "'service' is required"),
            ("service=a&limit=x", "'limit'"),
            ("service=a&start=now", "'start'"),
            ("service=a&minDuration=5", "'minDuration'"),
            ("service=a&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater"),
            ("service=a&tag=error", "expecting key:value"),
            ("service=a&tags=error%3Dtrue", "'tags'"),
            ("service=a&tags=[]", "'tags'"),
            (r#"service=a&tags={"a":{}}"#, "'tags'"),
            ("traceID=xyz", "no trace id"),
        ] {
            let error = read(&query(text), NOW_NS).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn trace_ids_may_lack_their_zeros() {
        assert_eq!(trace_id("1f"), Some(TraceId(0x1f_u128.to_be_bytes())));
        assert_eq!(trace_id(&"f".repeat(32)), Some(TraceId([0xff; 16])));
        assert_eq!((trace_id(""), trace_id("xyz"), trace_id(&"1".repeat(33))), (None, None, None));
        let two = read(&query("traceID=1f&traceID=2f"), NOW_NS);
        assert_eq!(two, Ok(Search::Traces(vec![trace_id("1f").unwrap(), trace_id("2f").unwrap()])));
    }

    proptest::proptest! {
        #[test]
        fn nothing_typed_is_too_much(text in "\\PC{0,60}", key in "service|start|tags|tag|minDuration|lookback|limit") {
            let _ = read(&Query(vec![("service".to_string(), "a".to_string()), (key, text)]), NOW_NS);
        }
    }
}
