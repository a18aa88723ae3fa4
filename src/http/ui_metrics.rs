//! Handlers of `/api/ui/metrics`: the list, and one metric over time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::{METRIC_SCAN_POINTS_MAX, METRICS_SHOWN_MAX};
use crate::model::metric::{MetricKind, MetricMinute, MetricPoint, MetricSum};
use crate::model::span::{AttributeValue, Resource};
use crate::model::time::minute_of;
use crate::store::{Drawn, MetricRow, Stretches};

use super::error::ApiError;
use super::ui::{Answer, ok};
use super::ui_logs::{project, query_ms};
use super::view::metric::{
    MetricExampleView, MetricListView, MetricRowView, MetricSeriesView, MetricSplitView, MetricVariantView, MetricView,
};
use super::{Query, Ready, fit, now_ms};

const DAY_MS: i64 = 86_400_000;
/// Points of a chart, and of the small one in the list.
const STRETCHES: i64 = 120;
const SPARK_STRETCHES: i64 = 30;
/// Points looked at when nothing is split: for examples and percentiles.
const SAMPLE_POINTS: usize = 20_000;
/// Lines of a split chart; more than eight cannot be told apart.
const SPLIT_LINES_MAX: usize = 7;
const ATTRIBUTES_SHOWN_MAX: usize = 100;
const EXAMPLES_MAX: usize = 10;
/// The percentiles shown.
const SHARES: [f64; 3] = [0.5, 0.95, 0.99];

pub(super) async fn metrics(ready: &Ready, query: &Query) -> Answer {
    let text = query.get("query").map(str::to_string);
    let mut rows = ready.store.metrics(project(ready, query)?, text, METRICS_SHOWN_MAX + 1).await?;
    let is_cut = rows.len() > METRICS_SHOWN_MAX;
    rows.truncate(METRICS_SHOWN_MAX);
    let (from_ms, to_ms) = range(query)?;
    let from_ms = fit::from_ms(ready, query, Drawn::Metrics, from_ms, to_ms).await?;
    let stretches = stretches(from_ms, to_ms, SPARK_STRETCHES);
    let sums = ready.store.metric_sums(rows.iter().map(|row| row.id).collect(), stretches).await?;
    let has_any = !rows.is_empty() || ready.store.has_metrics().await?;
    let metrics = rows.into_iter().zip(sums).map(|(row, sums)| row_view(ready, row, &sums)).collect();
    ok(&MetricListView { metrics, is_cut, has_any, from_ms: stretches.from_minute * 60_000 })
}

fn row_view(ready: &Ready, row: MetricRow, sums: &[Option<MetricSum>]) -> MetricRowView {
    let value = |sum: &MetricSum| match row.key.kind {
        MetricKind::Counter => sum.sum,
        _ => sum.sum / sum.count.max(1) as f64,
    };
    MetricRowView {
        project_slug: project_slug(ready, &row),
        last: row.last,
        last_ms: row.last_ns as f64 / 1e6,
        count: sums.iter().flatten().map(|sum| sum.count).sum(),
        spark: sums.iter().map(|sum| sum.as_ref().map(value)).collect(),
        kind: row.key.kind.as_str().to_string(),
        name: row.key.name,
        unit: row.key.unit,
        description: row.description,
    }
}

/// `name`: as in the address, percent-encoded.
pub(super) async fn metric(ready: &Ready, name: &str, query: &Query) -> Answer {
    // A part of a path holds neither & nor =, so it reads as the name of a single parameter.
    let name = form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default();
    let all = ready.store.metrics_named(project(ready, query)?, name).await?;
    let wanted = |row: &&MetricRow| {
        query.get("kind").is_none_or(|kind| row.key.kind.as_str() == kind)
            && query.get("unit").is_none_or(|unit| row.key.unit == unit)
    };
    let row = all.iter().find(wanted).cloned().ok_or_else(|| ApiError::not_found("metric"))?;
    let (from_ms, to_ms) = range(query)?;
    let from_ms = fit::from_ms(ready, query, Drawn::Metrics, from_ms, to_ms).await?;
    let stretches = stretches(from_ms, to_ms, STRETCHES);
    let measured = ready.store.metric_stretches(row.id, stretches).await?;
    let split = query.get("split");
    let limit = if split.is_some() { METRIC_SCAN_POINTS_MAX } else { SAMPLE_POINTS };
    let (from_ns, to_ns) = (from_ms.saturating_mul(1_000_000), to_ms.saturating_mul(1_000_000));
    let found = ready.store.metric_points(row.clone(), from_ns, to_ns, limit).await?;
    let is_complete = found.searched_to_ns.is_none() && found.points.iter().all(|(point, _)| point.histogram.is_none());
    let quantiles = match row.key.kind {
        MetricKind::Distribution if is_complete => quantiles(&found.points),
        MetricKind::Distribution => overall_quantiles(&measured).unwrap_or_else(|| quantiles(&found.points)),
        _ => [None; 3],
    };
    let examples = examples(ready, row.key.kind, &found.points).await?;
    let variant = |row: &MetricRow| MetricVariantView {
        kind: row.key.kind.as_str().to_string(),
        unit: row.key.unit.clone(),
        project_slug: project_slug(ready, row),
    };
    ok(&MetricView {
        variants: all.iter().map(variant).collect(),
        project_slug: project_slug(ready, &row),
        from_ms: stretches.from_minute * 60_000,
        step_ms: stretches.minutes * 60_000,
        series: series_view(&measured),
        split: split.map(|key| split_view(key, &found.points, stretches)).unwrap_or_default(),
        attributes: attribute_names(&found.points),
        p50: quantiles[0],
        p95: quantiles[1],
        p99: quantiles[2],
        points_seen: found.points.len() as u64,
        searched_to_ms: found.searched_to_ns.map(|time_ns| time_ns as f64 / 1e6),
        examples,
        kind: row.key.kind.as_str().to_string(),
        name: row.key.name,
        unit: row.key.unit,
        description: row.description,
    })
}

pub(super) fn range(query: &Query) -> Result<(i64, i64), ApiError> {
    let to_ms = query_ms(query, "to")?.unwrap_or_else(now_ms);
    let from_ms = query_ms(query, "from")?.unwrap_or(to_ms.saturating_sub(DAY_MS));
    Ok((from_ms.min(to_ms), to_ms))
}

/// Whole minutes, at most one more than `wanted`, in which both ends lie.
pub(super) fn stretches(from_ms: i64, to_ms: i64, wanted: i64) -> Stretches {
    let (first, last) = (minute_of(from_ms.saturating_mul(1_000_000)), minute_of(to_ms.saturating_mul(1_000_000)));
    let minutes = ((last - first) / wanted + 1).max(1);
    let from_minute = first.div_euclid(minutes) * minutes;
    Stretches { from_minute, minutes, count: ((last - from_minute) / minutes + 1).clamp(1, wanted + 1) as usize }
}

fn series_view(measured: &[Option<MetricMinute>]) -> MetricSeriesView {
    let column = |value: fn(&MetricSum) -> f64| {
        measured.iter().map(|minute| minute.as_ref().map(|minute| value(&minute.sum))).collect()
    };
    let quantile =
        |share: f64| measured.iter().map(|minute| minute.as_ref().and_then(|minute| minute.quantile(share))).collect();
    MetricSeriesView {
        count: measured.iter().map(|minute| minute.as_ref().map_or(0, |minute| minute.sum.count)).collect(),
        p50: quantile(SHARES[0]),
        p95: quantile(SHARES[1]),
        p99: quantile(SHARES[2]),
        sum: column(|sum| sum.sum),
        min: column(|sum| sum.min),
        max: column(|sum| sum.max),
        last: column(|sum| sum.last),
    }
}

/// One line per value of the attribute, those with most points first, and one for all others.
fn split_view(key: &str, points: &[(MetricPoint, Resource)], stretches: Stretches) -> Vec<MetricSplitView> {
    let mut lines: HashMap<Option<String>, (u64, Vec<Option<MetricMinute>>)> = HashMap::new();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (point, resource) in points {
        *counts.entry(attribute_text(point, resource, key)).or_default() += 1;
    }
    let mut named: Vec<(String, u64)> = counts.into_iter().collect();
    named.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    named.truncate(SPLIT_LINES_MAX);
    for (point, resource) in points {
        let Some(place) = stretches.place(point.time_ns) else { continue };
        let value = attribute_text(point, resource, key);
        let line = named.iter().any(|(name, _)| *name == value).then_some(value);
        let (count, sums) = lines.entry(line).or_insert_with(|| (0, vec![None; stretches.count]));
        let minute = MetricMinute::of(point);
        *count += minute.sum.count;
        match &mut sums[place] {
            Some(known) => known.merge(&minute),
            none => *none = Some(minute),
        }
    }
    let mut lines: Vec<_> = lines
        .into_iter()
        .map(|(value, (points, sums))| MetricSplitView { value, points, series: series_view(&sums) })
        .collect();
    lines.sort_by(|a, b| (a.value.is_none(), b.points, &a.value).cmp(&(b.value.is_none(), a.points, &b.value)));
    lines
}

/// Empty where the point has no such attribute.
fn attribute_text(point: &MetricPoint, resource: &Resource, key: &str) -> String {
    match key {
        "service" => return resource.service.clone(),
        "environment" => return resource.environment.clone().unwrap_or_default(),
        "release" => return resource.release.clone().unwrap_or_default(),
        _ => {}
    }
    let found = point.attributes.iter().chain(&resource.attributes).find(|attribute| attribute.key == key);
    match found.map(|attribute| &attribute.value) {
        Some(AttributeValue::Text(text)) => text.clone(),
        Some(AttributeValue::Int(number)) => number.to_string(),
        Some(AttributeValue::Double(number)) => number.to_string(),
        Some(AttributeValue::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

fn attribute_names(points: &[(MetricPoint, Resource)]) -> Vec<String> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (point, resource) in points {
        names.extend(point.attributes.iter().map(|attribute| attribute.key.as_str()));
        names.extend(resource.environment.as_ref().map(|_| "environment"));
        names.extend(resource.release.as_ref().map(|_| "release"));
        names.insert("service");
        if names.len() > ATTRIBUTES_SHOWN_MAX {
            break;
        }
    }
    names.into_iter().take(ATTRIBUTES_SHOWN_MAX).map(str::to_string).collect()
}

/// From the buckets of all stretches, unless some of what was measured is in none.
fn overall_quantiles(measured: &[Option<MetricMinute>]) -> Option<[Option<f64>; 3]> {
    let mut minutes = measured.iter().flatten().cloned();
    let mut all = minutes.next()?;
    minutes.for_each(|minute| all.merge(&minute));
    (all.buckets.count() >= all.sum.count).then(|| SHARES.map(|share| all.quantile(share)))
}

/// The value that so many percent of the points do not exceed.
fn quantiles(points: &[(MetricPoint, Resource)]) -> [Option<f64>; 3] {
    let mut values: Vec<f64> = points.iter().map(|(point, _)| point.value).collect();
    values.sort_by(f64::total_cmp);
    let rank = |share: f64| (share * values.len() as f64).ceil() as usize;
    SHARES.map(|share| values.get(rank(share).saturating_sub(1)).copied())
}

async fn examples(
    ready: &Ready,
    kind: MetricKind,
    points: &[(MetricPoint, Resource)],
) -> Result<Vec<MetricExampleView>, ApiError> {
    let mut traced: Vec<&MetricPoint> =
        points.iter().map(|(point, _)| point).filter(|point| point.trace_id.is_some()).collect();
    match kind {
        MetricKind::Distribution => traced.sort_by(|a, b| example_value(b).total_cmp(&example_value(a))),
        _ => traced.sort_by_key(|point| std::cmp::Reverse(point.time_ns)),
    }
    let mut examples: Vec<MetricExampleView> = Vec::new();
    let mut seen = BTreeSet::new();
    for point in traced {
        let Some(trace_id) = point.trace_id.filter(|trace_id| seen.insert(*trace_id)) else { continue };
        examples.push(MetricExampleView {
            time_ms: point.time_ns as f64 / 1e6,
            value: example_value(point),
            trace_id: trace_id.to_string(),
            span_id: point.span_id.map(|id| id.to_string()),
            has_spans: ready.store.has_trace(trace_id).await?,
        });
        if examples.len() == EXAMPLES_MAX {
            break;
        }
    }
    Ok(examples)
}

/// What was measured in the trace a point names.
fn example_value(point: &MetricPoint) -> f64 {
    point.example.unwrap_or(point.value)
}

fn project_slug(ready: &Ready, row: &MetricRow) -> String {
    ready.project(row.project_id).map(|project| project.slug.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::Attribute;

    fn point(value: f64, minute: i64, country: &str) -> (MetricPoint, Resource) {
        let attribute = Attribute { key: "country".into(), value: AttributeValue::Text(country.into()) };
        let time_ns = minute * 60_000_000_000;
        (MetricPoint { value, time_ns, attributes: vec![attribute], ..MetricPoint::default() }, Resource::default())
    }

    #[test]
    fn stretches_hold_both_ends_and_begin_at_a_whole_one() {
        let hour = stretches(0, 3_600_000, 120);
        assert_eq!((hour.from_minute, hour.minutes, hour.count), (0, 1, 61));
        let day = stretches(90_000, DAY_MS, 120);
        assert_eq!(day.minutes, 12);
        assert!(day.to_minute() > minute_of(DAY_MS * 1_000_000) && day.from_minute <= 1);
    }

    #[test]
    fn a_split_has_a_line_per_common_value_and_one_for_the_rest() {
        let mut points = vec![point(1.0, 0, "DE"), point(2.0, 0, "DE"), point(4.0, 1, "DE"), point(8.0, 1, "FR")];
        points.extend((0..8).flat_map(|n| [point(1.0, 0, &format!("X{n}")), point(1.0, 1, &format!("X{n}"))]));
        let lines = split_view("country", &points, Stretches { from_minute: 0, minutes: 1, count: 2 });
        assert_eq!(lines.len(), SPLIT_LINES_MAX + 1);
        assert_eq!((lines[0].value.as_deref(), lines[0].points), (Some("DE"), 3));
        assert_eq!(lines[0].series.sum, [Some(3.0), Some(4.0)]);
        assert_eq!(lines[SPLIT_LINES_MAX].value, None);
        assert_eq!(lines.iter().map(|line| line.points).sum::<u64>(), points.len() as u64);
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let points: Vec<_> = (1..=100).map(|n| point(f64::from(n), 0, "DE")).collect();
        assert_eq!(quantiles(&points), [Some(50.0), Some(95.0), Some(99.0)]);
        assert_eq!(quantiles(&points[..1]), [Some(1.0); 3]);
        assert_eq!(quantiles(&[]), [None; 3]);
    }
}
