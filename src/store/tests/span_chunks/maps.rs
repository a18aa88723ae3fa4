//! Maps, facts, comparisons and breakdowns of many traces, against looking at every trace and span there is; sealed or not.

use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::config::explore::{COMPARE_ITEMS_MAX, COMPARE_VALUES_TOLD};
use crate::model::conventions::names_of;
use crate::search::Expr;
use crate::store::trace_compare::{APART_MIN, kind_name};
use crate::store::{
    ComparedFact, SpanListQuery, TraceBreakdown, TraceComparison, TraceFacets, TraceHeat, TraceScope, TraceSelection,
    trace_breakdown,
};

const TRACES: u64 = 30;
const SECOND: i64 = 1_000_000_000;
const STEP: i64 = 2 * SECOND;

fn scopes() -> Vec<TraceScope> {
    let all = TraceScope { from_ns: START_NS - SECOND, to_ns: START_NS + 60 * SECOND, ..TraceScope::default() };
    vec![
        all.clone(),
        TraceScope { requests_only: true, ..all.clone() },
        TraceScope { service: Some("billing".to_string()), ..all.clone() },
        TraceScope { expr: asked("select"), ..all.clone() },
        TraceScope { expr: asked("span.name:\"GET /\""), ..all.clone() },
        TraceScope { expr: asked("a:200"), requests_only: true, ..all.clone() },
        TraceScope { from_ns: START_NS + 7 * SECOND, to_ns: START_NS + 19 * SECOND, ..all.clone() },
        TraceScope { project_id: Some(ProjectId(77)), ..all },
    ]
}

/// The same traces by the list, which is tested by itself.
async fn listed(store: &Store, scope: &TraceScope) -> Vec<TraceSummary> {
    let mut query = TraceQuery {
        requests_only: scope.requests_only,
        project_id: scope.project_id,
        service: scope.service.clone(),
        expr: scope.expr.clone(),
        limit: 7,
        ..TraceQuery::default()
    };
    let mut all = Vec::new();
    loop {
        let page = store.traces(query.clone()).await.unwrap();
        all.extend(page.traces);
        query.before = page.next_before;
        if query.before.is_none() {
            break;
        }
    }
    all.retain(|trace| (scope.from_ns..scope.to_ns).contains(&trace.start_ns));
    all
}

fn is_failed(trace: &TraceSummary) -> bool {
    trace.root.status == SpanStatus::Error || trace.root.http_status.is_some_and(|status| status >= 500)
}

fn assert_heat(heat: &TraceHeat, scope: &TraceScope, traces: &[TraceSummary]) {
    assert_eq!((heat.total, heat.searched_to_ns), (traces.len() as u64, None));
    let mut counts = heat.counts.iter().map(|column| vec![0; column.len()]).collect::<Vec<_>>();
    let mut failed = counts.clone();
    for trace in traces {
        let column = ((trace.start_ns - scope.from_ns) / STEP) as usize;
        let duration_ns = trace.end_ns - trace.start_ns;
        let within = |row: &usize| heat.bounds_ns[*row] <= duration_ns && duration_ns < heat.bounds_ns[row + 1];
        let row = (0..heat.bounds_ns.len() - 1).find(within).unwrap_or(0);
        counts[column][row] += 1;
        failed[column][row] += u64::from(is_failed(trace));
    }
    assert_eq!((&heat.counts, &heat.failed), (&counts, &failed), "{scope:?}");
}

fn assert_facets(facets: &TraceFacets, traces: &[TraceSummary]) {
    assert_eq!((facets.of, facets.searched_to_ns), (traces.len() as u64, None));
    let mut expected: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for trace in traces {
        let mut count = |key: &'static str, value: &str| {
            if !value.is_empty() {
                *expected.entry((key, value.to_string())).or_default() += 1;
            }
        };
        trace.services.iter().for_each(|service| count("service", service));
        count("name", &trace.root.name);
        count("op", &trace.root.op);
        count("status", if is_failed(trace) { "error" } else { "ok" });
        count("http.status_code", &trace.root.http_status.map(|status| status.to_string()).unwrap_or_default());
        count("source", if trace.has_sentry { "sentry" } else { "" });
        count("source", if trace.has_otel { "otel" } else { "" });
    }
    let told = facets.facets.iter().flat_map(|(key, values)| values.iter().map(move |(value, n)| (*key, value, *n)));
    let told: BTreeMap<(&str, String), u64> = told.map(|(key, value, n)| ((key, value.clone()), n)).collect();
    assert_eq!(told, expected);
    for (_, values) in &facets.facets {
        assert!(values.windows(2).all(|pair| pair[0].1 >= pair[1].1), "the most common first");
    }
}

fn plain(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        AttributeValue::Int(number) => Some(number.to_string()),
        AttributeValue::Double(number) => Some(number.to_string()),
        AttributeValue::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn facts_of(span: &Span, resource: &Resource) -> Vec<(String, String)> {
    let status = match span.status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    };
    let own = [
        ("span.name", span.name.clone()),
        ("span.op", span.op.clone()),
        ("span.kind", kind_name(span.kind).unwrap_or_default().to_string()),
        ("span.status", status.to_string()),
        ("http.response.status_code", span.http_status.map(|status| status.to_string()).unwrap_or_default()),
        ("service.name", resource.service.clone()),
        ("service.version", resource.release.clone().unwrap_or_default()),
        ("deployment.environment.name", resource.environment.clone().unwrap_or_default()),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_string(), value));
    let attributes = span.attributes.iter().chain(&resource.attributes);
    let canonical = |key: &str| names_of(key).first().map_or(key, |name| *name).to_string();
    own.chain(attributes.filter_map(|a| Some((canonical(&a.key), plain(&a.value)?)))).collect()
}

fn compared(
    traces: &[TraceSummary],
    spans: &HashMap<TraceId, BTreeSet<(String, String)>>,
    selection: &TraceSelection,
) -> TraceComparison {
    let is_selected = |trace: &TraceSummary| {
        selection.start_ns.contains(&trace.start_ns) && selection.duration_ns.contains(&(trace.end_ns - trace.start_ns))
    };
    let mut found = TraceComparison::default();
    let mut facts: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for trace in traces {
        let is_in = is_selected(trace);
        *(if is_in { &mut found.selected } else { &mut found.rest }) += 1;
        for fact in &spans[&trace.trace_id] {
            let (selected, rest) = facts.entry(fact.clone()).or_default();
            *(if is_in { selected } else { rest }) += 1;
        }
    }
    (found.selected_seen, found.rest_seen) = (found.selected, found.rest);
    let share = |has: u64, of: u64| if of == 0 { 0.0 } else { has as f64 / of as f64 };
    let apart = |(_, (a, b)): &((String, String), (u64, u64))| share(*a, found.selected) - share(*b, found.rest);
    let mut facts: Vec<_> = facts.into_iter().filter(|fact| apart(fact) >= APART_MIN).collect();
    facts.sort_by(|a, b| apart(b).total_cmp(&apart(a)).then_with(|| a.0.cmp(&b.0)));
    let mut of_key: BTreeMap<String, usize> = BTreeMap::new();
    facts.retain(|((key, _), _)| {
        *of_key.entry(key.clone()).or_default() += 1;
        of_key[key] <= COMPARE_VALUES_TOLD
    });
    facts.truncate(COMPARE_ITEMS_MAX);
    found.items =
        facts.into_iter().map(|((key, value), (selected, rest))| ComparedFact { key, value, selected, rest }).collect();
    found
}

fn selections() -> Vec<TraceSelection> {
    let all = i64::MIN..i64::MAX;
    vec![
        TraceSelection { start_ns: START_NS..START_NS + 9 * SECOND, duration_ns: all.clone() },
        TraceSelection { start_ns: all.clone(), duration_ns: 600_000..900_000 },
        TraceSelection { start_ns: all.clone(), duration_ns: all.clone() },
        TraceSelection { start_ns: 0..1, duration_ns: all },
    ]
}

/// Everything that is told of many traces.
#[derive(Debug, PartialEq)]
struct Told {
    heats: Vec<TraceHeat>,
    facets: Vec<TraceFacets>,
    comparisons: Vec<TraceComparison>,
    breakdowns: Vec<TraceBreakdown>,
}

async fn tell(store: &Store) -> Told {
    let mut facts: HashMap<TraceId, BTreeSet<(String, String)>> = HashMap::new();
    let mut breakdowns = Vec::new();
    for no in 0..TRACES {
        let batch = store.trace_spans(trace_id(no), usize::MAX).await.unwrap().batch;
        let all = batch.spans.iter().flat_map(|span| facts_of(span, &batch.resources[span.resource]));
        facts.insert(trace_id(no), all.collect());
        let outline = store.trace_outline(trace_id(no), usize::MAX).await.unwrap().batch;
        let drawn = |span: &Span| (span.span_id, span.parent_span_id, span.start_ns, span.end_ns, span.name.clone());
        assert!(outline.spans.iter().map(drawn).eq(batch.spans.iter().map(drawn)), "the outline is of the same spans");
        let parts = trace_breakdown::parts(batch.spans);
        breakdowns.push(TraceBreakdown { trace_id: trace_id(no), parts, is_partial: false });
    }
    let mut told = Told { heats: vec![], facets: vec![], comparisons: vec![], breakdowns: vec![] };
    told.breakdowns = store.trace_breakdowns((0..TRACES).map(trace_id).collect()).await.unwrap();
    assert_eq!(told.breakdowns, breakdowns);
    for scope in scopes() {
        let traces = listed(store, &scope).await;
        let heat = store.trace_heat(scope.clone(), STEP).await.unwrap();
        assert_heat(&heat, &scope, &traces);
        let facets = store.trace_facets(scope.clone(), 1_000).await.unwrap();
        assert_facets(&facets, &traces);
        for selection in selections() {
            let comparison = store.compare_traces(scope.clone(), selection.clone()).await.unwrap();
            assert_eq!(comparison, compared(&traces, &facts, &selection), "{scope:?} {selection:?}");
            told.comparisons.push(comparison);
        }
        told.heats.push(heat);
        told.facets.push(facets);
    }
    told
}

#[tokio::test]
async fn what_is_told_of_many_traces_is_what_each_of_them_says() {
    let opened = open_still().await;
    let mut seed = Seed(5);
    for round in 0..3 {
        for writes in requests(&mut seed, 14, TRACES) {
            opened.store.append(writes).await.unwrap();
        }
        let before = tell(&opened.store).await;
        assert!(before.heats.iter().filter(|heat| heat.total > 0).count() >= 6, "scopes hold something");
        assert!(before.comparisons.iter().any(|comparison| comparison.items.len() > 3), "something is apart");
        if round < 2 {
            run(&opened, 0, span_sealer::seal).await;
            assert!(before == tell(&opened.store).await, "sealing changes nothing");
        }
    }
}

#[tokio::test]
async fn a_list_of_a_time_and_of_durations_is_what_the_map_counts_there() {
    let opened = open_still().await;
    for writes in requests(&mut Seed(8), 20, TRACES) {
        opened.store.append(writes).await.unwrap();
    }
    let scope = scopes().swap_remove(0);
    let heat = opened.store.trace_heat(scope.clone(), STEP).await.unwrap();
    let mut seen = 0;
    for (column, rows) in heat.counts.iter().enumerate() {
        for (row, count) in rows.iter().enumerate().filter(|(_, count)| **count > 0) {
            let from_ns = scope.from_ns + column as i64 * STEP;
            // The first row holds what is shorter, too.
            let least_ns = if row == 0 { i64::MIN } else { heat.bounds_ns[row] };
            let query = TraceQuery {
                start_ns: Some(from_ns..from_ns + STEP),
                duration_ns: Some(least_ns..=heat.bounds_ns[row + 1] - 1),
                limit: 100,
                ..TraceQuery::default()
            };
            for words in ["", "span.name:nothing"] {
                let query = TraceQuery { expr: asked(words), ..query.clone() };
                let page = opened.store.traces(query).await.unwrap();
                assert_eq!(page.traces.len() as u64, if words.is_empty() { *count } else { 0 });
                seen += page.traces.len() as u64;
            }
        }
    }
    assert_eq!(seen, heat.total);
}

fn all_of(limit: usize) -> SpanListQuery {
    SpanListQuery {
        project_id: None,
        service: None,
        expr: Expr::Everything,
        start_ns: i64::MIN..i64::MAX,
        duration_ns: i64::MIN..=i64::MAX,
        before: None,
        limit,
    }
}

type Takes = fn(&Span, &Resource) -> bool;

fn lists() -> Vec<(SpanListQuery, Takes)> {
    vec![
        (all_of(9), |_, _| true),
        (SpanListQuery { service: Some("billing".to_string()), ..all_of(9) }, |_, resource| {
            resource.service == "billing"
        }),
        (SpanListQuery { expr: asked("span.name:\"SELECT 1\""), ..all_of(9) }, |span, _| span.name == "SELECT 1"),
        (SpanListQuery { expr: asked("span.op:http.server span.duration:<500us"), ..all_of(9) }, |span, _| {
            span.op == "http.server" && span.duration_ns() < 500_000
        }),
        (SpanListQuery { duration_ns: 100_000..=400_000, ..all_of(9) }, |span, _| {
            (100_000..=400_000).contains(&span.duration_ns())
        }),
        (SpanListQuery { start_ns: START_NS + SECOND..START_NS + 9 * SECOND, ..all_of(9) }, |span, _| {
            (START_NS + SECOND..START_NS + 9 * SECOND).contains(&span.start_ns)
        }),
        (SpanListQuery { project_id: Some(PROJECT), ..all_of(500) }, |_, _| true),
        (SpanListQuery { project_id: Some(ProjectId(77)), ..all_of(9) }, |_, _| false),
    ]
}

#[tokio::test]
async fn lists_of_spans_are_all_that_meet_them_the_youngest_first() {
    let opened = open_still().await;
    let mut seed = Seed(21);
    for round in 0..3 {
        for writes in requests(&mut seed, 10, TRACES) {
            opened.store.append(writes).await.unwrap();
        }
        if round < 2 {
            run(&opened, 0, span_sealer::seal).await;
        }
        let mut all = Vec::new();
        for no in 0..TRACES {
            let batch = opened.store.trace_spans(trace_id(no), usize::MAX).await.unwrap().batch;
            all.extend(batch.spans.into_iter().map(|span| (batch.resources[span.resource].clone(), span)));
        }
        all.sort_by_key(|(_, span)| (std::cmp::Reverse(span.start_ns), span.span_id));
        for (mut query, takes) in lists() {
            let expected = all.iter().filter(|(resource, span)| takes(span, resource));
            let expected: Vec<(SpanId, String)> =
                expected.map(|(resource, span)| (span.span_id, resource.service.clone())).collect();
            let mut found = Vec::new();
            loop {
                let page = opened.store.spans(query.clone()).await.unwrap();
                assert_eq!(page.searched_to_ns, None);
                assert!(page.rows.len() <= query.limit);
                found.extend(page.rows.into_iter().map(|row| (row.span.span_id, row.service)));
                query.before = page.next_before;
                if query.before.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{query:?}");
        }
    }
}
