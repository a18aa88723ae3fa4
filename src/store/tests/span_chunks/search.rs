//! Searches for one span with several conditions, against looking at every span there is.

use super::*;
use crate::store::{SpanCondition, SpanNames, SpanQuery, SpanSearch};

type Takes = fn(&Span, &Resource) -> bool;

fn is_int(attributes: &[Attribute], key: &str, number: i64) -> bool {
    attributes.iter().any(|attribute| attribute.key == key && attribute.value == AttributeValue::Int(number))
}

fn query(service: &str) -> SpanQuery {
    SpanQuery {
        service: service.to_string(),
        name: None,
        conditions: Vec::new(),
        start_ns: i64::MIN..=i64::MAX,
        duration_ns: 0..=i64::MAX,
        limit: 1_000,
        time: Duration::from_secs(60),
    }
}

fn cases() -> Vec<(SpanQuery, Takes)> {
    let attribute = |key: &str, value: &str| SpanCondition::Attribute(key.to_string(), value.to_string());
    let shop = || query("shop");
    let named = |name: &str| SpanQuery { name: Some(name.to_string()), ..query("billing") };
    let with = |conditions: Vec<Vec<SpanCondition>>| SpanQuery { conditions, ..query("shop") };
    let of_time = |start_ns| SpanQuery { start_ns, ..query("shop") };
    const FROM: i64 = START_NS + 3_000_000_000;
    const TO: i64 = START_NS + 6_000_004_000;
    vec![
        (shop(), |_, resource| resource.service == "shop"),
        (query("nobody"), |_, _| false),
        (named("GET /"), |span, resource| resource.service == "billing" && span.name == "GET /"),
        (SpanQuery { duration_ns: 400_000..=500_000, ..shop() }, |span, resource| {
            resource.service == "shop" && (400_000..=500_000).contains(&span.duration_ns())
        }),
        (of_time(FROM..=TO), |span, resource| {
            resource.service == "shop" && span.start_ns >= FROM && span.start_ns <= TO
        }),
        (
            with(vec![vec![SpanCondition::Kind(SpanKind::Producer)], vec![attribute("span.status", "error")]]),
            |span, resource| {
                resource.service == "shop" && span.kind == SpanKind::Producer && span.status == SpanStatus::Error
            },
        ),
        (with(vec![vec![SpanCondition::StatusMessage("boom".to_string())]]), |span, resource| {
            resource.service == "shop" && span.status_message == "boom"
        }),
        (with(vec![vec![attribute("a", "GET")], vec![attribute("db.system", "199")]]), |span, resource| {
            let text = |attributes: &[Attribute]| {
                attributes.iter().any(|a| a.key == "a" && a.value == AttributeValue::Text("GET".to_string()))
            };
            let either = [&span.attributes, &resource.attributes];
            resource.service == "shop"
                && either.iter().any(|attributes| text(attributes))
                && either.iter().any(|attributes| is_int(attributes, "db.system", 199))
        }),
        (with(vec![vec![attribute("span.op", "db"), SpanCondition::Kind(SpanKind::Server)]]), |span, resource| {
            resource.service == "shop" && (span.op == "db" || span.kind == SpanKind::Server)
        }),
    ]
}

/// As [`Store::find_spans`], the long way.
fn expected(seen: &Seen, takes: Takes) -> Vec<TraceId> {
    let start_of = |spans: &[(Span, Resource)]| spans.iter().map(|(span, _)| span.start_ns).min();
    let mut traces: Vec<_> =
        seen.spans.iter().filter(|spans| spans.iter().any(|(span, known)| takes(span, known))).collect();
    traces.sort_by_key(|spans| std::cmp::Reverse((start_of(spans), spans[0].0.trace_id)));
    traces.into_iter().map(|spans| spans[0].0.trace_id).collect()
}

async fn assert_found(opened: &Opened, traces: u64, what: &str) -> usize {
    let seen = look(&opened.store, traces).await;
    let mut some = 0;
    for (number, (query, takes)) in cases().into_iter().enumerate() {
        let all = expected(&seen, takes);
        let found = opened.store.find_spans(query.clone()).await.unwrap();
        assert_eq!(found, SpanSearch { traces: all.clone(), searched_to_ns: None }, "{what}: case {number}");
        let two = opened.store.find_spans(SpanQuery { limit: 2, ..query }).await.unwrap();
        assert_eq!(two.traces, all.iter().take(2).copied().collect::<Vec<_>>(), "{what}: two of case {number}");
        some += usize::from(!all.is_empty() && all.len() < traces as usize);
    }
    let spans = seen.spans.iter().flatten();
    let mut names: Vec<(String, SpanKind)> = spans
        .filter(|(_, resource)| resource.service == "shop")
        .map(|(span, _)| (span.name.clone(), span.kind))
        .collect();
    names.sort_by_key(|(name, kind)| (name.clone(), *kind as u8));
    names.dedup();
    let time = Duration::from_secs(60);
    let found = opened.store.span_names("shop".to_string(), 1_000, time).await.unwrap();
    assert_eq!(found, SpanNames { names, searched_to_ns: None }, "{what}");
    assert_eq!(opened.store.span_services().await.unwrap(), ["billing", "shop"], "{what}");
    some
}

#[tokio::test]
async fn one_span_has_it_all_before_and_after_sealing_and_merging() {
    const TRACES: u64 = 25;
    for seed in 1..4 {
        let mut seed = Seed(seed);
        let opened = open_still().await;
        for round in 0..4 {
            for writes in requests(&mut seed, 3, TRACES) {
                opened.store.append(writes).await.unwrap();
            }
            let some = assert_found(&opened, TRACES, "waiting").await;
            assert!(some > 4, "of all cases {some} tell anything");
            if round < 3 {
                run(&opened, 0, span_sealer::seal).await;
                assert_found(&opened, TRACES, "sealed").await;
            }
        }
        run(&opened, 0, span_sealer::merge).await;
        assert_found(&opened, TRACES, "merged").await;
    }
}

#[tokio::test]
async fn what_there_was_no_time_or_room_for_is_said() {
    let opened = open_still().await;
    let mut seed = Seed(5);
    for writes in requests(&mut seed, 4, 10) {
        opened.store.append(writes).await.unwrap();
    }
    run(&opened, 0, span_sealer::seal).await;
    let hasty = opened.store.find_spans(SpanQuery { time: Duration::ZERO, ..query("shop") }).await.unwrap();
    assert!(hasty.traces.is_empty() && hasty.searched_to_ns.is_some_and(|ns| ns >= START_NS), "{hasty:?}");
    let hasty = opened.store.span_names("shop".to_string(), 1_000, Duration::ZERO).await.unwrap();
    assert!(hasty.names.is_empty() && hasty.searched_to_ns.is_some(), "{hasty:?}");
    let few = opened.store.span_names("shop".to_string(), 3, Duration::from_secs(60)).await.unwrap();
    assert!(few.names.len() == 3 && few.searched_to_ns.is_some(), "{few:?}");
}
