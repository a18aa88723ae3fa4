//! Metric points to a batch ready to be stored, with the sums by minute that charts are drawn from.

use std::collections::BTreeMap;

use crate::model::ids::ProjectId;
use crate::model::metric::{MetricBatch, MetricKey, MetricKind, MetricMinute};
use crate::model::metric_total::{MetricTotal, source_key};
use crate::model::project::Project;
use crate::model::time::minute_of;
use crate::scrub::{self, scrub_attributes, scrub_metric};
use crate::store::{MetricPart, MetricsWrite, compress, encode_metrics};

use super::logs::{content_key, has_no_time};
use super::spans::flatten;

/// `None` when there are no points.
pub(super) fn prepare(
    mut batch: MetricBatch,
    project: &Project,
    rules: &scrub::Rules,
    received_ms: i64,
) -> Option<MetricsWrite> {
    for resource in &mut batch.resources {
        if resource.service.is_empty() {
            resource.service.clone_from(&project.slug);
        }
        flatten(&mut resource.attributes);
        scrub_attributes(&mut resource.attributes, rules);
    }
    for point in &mut batch.points {
        flatten(&mut point.attributes);
        scrub_metric(point, rules);
    }
    if !batch.points.iter().any(|point| has_no_time(point.time_ns, received_ms)) {
        return write(batch, project.id, received_ms);
    }
    // Known again by what was sent, whenever it comes again.
    let sent_key = content_key(&encode_metrics(batch.clone()), project.id);
    for point in batch.points.iter_mut().filter(|point| has_no_time(point.time_ns, received_ms)) {
        point.time_ns = received_ms.saturating_mul(1_000_000);
    }
    let write = write(batch, project.id, received_ms)?;
    Some(MetricsWrite { content_key: sent_key, ..write })
}

/// `None` when there are no points.
pub(super) fn write(mut batch: MetricBatch, project_id: ProjectId, received_ms: i64) -> Option<MetricsWrite> {
    let resources_len = batch.resources.len();
    batch.points.retain(|point| point.resource < resources_len);
    let parts = parts(&batch, project_id);
    if parts.is_empty() {
        return None;
    }
    let point_count = batch.points.len() as u64;
    let bytes = encode_metrics(batch);
    Some(MetricsWrite {
        project_id,
        received_ms,
        content_key: content_key(&bytes, project_id),
        body: compress(&bytes),
        point_count,
        parts,
    })
}

/// One part per metric, in the order of their names.
fn parts(batch: &MetricBatch, project_id: ProjectId) -> Vec<MetricPart> {
    let sources: Vec<i64> = batch.resources.iter().map(|resource| source_key(project_id, resource)).collect();
    let mut metrics: BTreeMap<(&str, MetricKind, &str), Part> = BTreeMap::new();
    for point in &batch.points {
        let part = metrics.entry((&point.name, point.kind, &point.unit)).or_insert_with(|| Part {
            min_ns: point.time_ns,
            max_ns: point.time_ns,
            ..Part::default()
        });
        part.min_ns = point.time_ns.min(part.min_ns);
        part.max_ns = point.time_ns.max(part.max_ns);
        if let Some(total) = sources.get(point.resource).and_then(|source_key| MetricTotal::of(point, *source_key)) {
            part.totals.push(total);
            continue;
        }
        let minute = MetricMinute::of(point);
        let known = part.minutes.entry(minute_of(point.time_ns));
        known.and_modify(|known| known.merge(&minute)).or_insert(minute);
    }
    let described = |name: &str| batch.descriptions.iter().find(|(known, _)| known == name);
    let finished = |((name, kind, unit), mut part): ((&str, MetricKind, &str), Part)| {
        // A Collector may send several reports of one total at once.
        part.totals.sort_by_key(|total| total.time_ns);
        MetricPart {
            key: MetricKey { name: name.to_owned(), kind, unit: unit.to_owned() },
            description: described(name).map(|(_, text)| text.clone()).unwrap_or_default(),
            min_ns: part.min_ns,
            max_ns: part.max_ns,
            minutes: part.minutes.into_iter().collect(),
            totals: part.totals,
        }
    };
    metrics.into_iter().map(finished).collect()
}

/// One metric of a batch, being put together.
#[derive(Default)]
struct Part {
    min_ns: i64,
    max_ns: i64,
    minutes: BTreeMap<i64, MetricMinute>,
    totals: Vec<MetricTotal>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PublicKey;
    use crate::model::metric::MetricPoint;
    use crate::model::span::Resource;

    #[test]
    fn points_are_summed_by_metric_and_minute() {
        let point = |name: &str, value: f64, seconds: i64| MetricPoint {
            name: name.into(),
            kind: MetricKind::Gauge,
            value,
            time_ns: seconds * 1_000_000_000,
            ..MetricPoint::default()
        };
        let batch = MetricBatch {
            resources: vec![],
            points: vec![point("b", 1.0, 61), point("a", 2.0, 59), point("b", 5.0, 119), point("b", 3.0, 120)],
            descriptions: vec![("b".into(), "how many".into())],
        };
        let parts = parts(&batch, ProjectId(1));
        assert_eq!((parts[0].description.as_str(), parts[1].description.as_str()), ("", "how many"));
        let names: Vec<_> = parts.iter().map(|part| part.key.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((parts[1].min_ns, parts[1].max_ns), (61_000_000_000, 120_000_000_000));
        let minutes: Vec<_> =
            parts[1].minutes.iter().map(|(minute, of)| (*minute, of.sum.count, of.sum.sum, of.sum.last)).collect();
        assert_eq!(minutes, [(1, 2, 6.0, 5.0), (2, 1, 3.0, 3.0)]);
    }

    #[test]
    fn totals_wait_for_the_last_ones_and_do_not_count_by_themselves() {
        let total = |time_ns: i64| MetricPoint { since_ns: Some(1), time_ns, value: 7.0, ..MetricPoint::default() };
        let batch = MetricBatch {
            resources: vec![Resource::default()],
            points: vec![total(9), total(3)],
            ..Default::default()
        };
        let parts = parts(&batch, ProjectId(1));
        assert_eq!((parts.len(), parts[0].minutes.len()), (1, 0));
        assert_eq!(parts[0].totals.iter().map(|total| total.time_ns).collect::<Vec<_>>(), [3, 9]);
        assert_eq!(parts[0].totals[0].stream_key, parts[0].totals[1].stream_key);
    }

    #[test]
    fn points_without_a_time_happened_now_and_are_known_again_later() {
        let project = Project {
            id: ProjectId(1),
            slug: "shop".into(),
            name: "Shop".into(),
            platform: "python".into(),
            public_key: PublicKey([1; 16]),
            created_ms: 0,
        };
        let prepared = |time_ns: i64, received_ms: i64| {
            let points = vec![MetricPoint { time_ns, ..MetricPoint::default() }];
            let batch = MetricBatch { resources: vec![Resource::default()], points, ..Default::default() };
            prepare(batch, &project, &scrub::Rules::default(), received_ms).unwrap()
        };
        let (first, again) = (prepared(0, 5_000), prepared(0, 9_000));
        assert_eq!(first.content_key, again.content_key);
        assert_eq!((first.parts[0].max_ns, again.parts[0].max_ns), (5_000_000_000, 9_000_000_000));
        let future = 90_000_000_000;
        assert_eq!(prepared(future, 5_000).parts[0].max_ns, 5_000_000_000);
        assert_eq!(prepared(future, 40_000).parts[0].max_ns, future);
    }
}
