//! Metric points to a batch ready to be stored, with the sums by minute that charts are drawn from.

use std::collections::BTreeMap;

use crate::model::ids::ProjectId;
use crate::model::metric::{MetricBatch, MetricKey, MetricSum};
use crate::model::project::Project;
use crate::model::time::minute_of;
use crate::scrub::{self, scrub_attributes, scrub_metric};
use crate::store::{MetricPart, MetricsWrite, compress, encode_metrics};

use super::logs::content_key;
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
    write(batch, project.id, received_ms)
}

/// `None` when there are no points.
pub(super) fn write(mut batch: MetricBatch, project_id: ProjectId, received_ms: i64) -> Option<MetricsWrite> {
    let resources_len = batch.resources.len();
    batch.points.retain(|point| point.resource < resources_len);
    let parts = parts(&batch);
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
fn parts(batch: &MetricBatch) -> Vec<MetricPart> {
    let mut sums: BTreeMap<MetricKey, BTreeMap<i64, MetricSum>> = BTreeMap::new();
    let mut times: BTreeMap<MetricKey, (i64, i64)> = BTreeMap::new();
    for point in &batch.points {
        let key = MetricKey { name: point.name.clone(), kind: point.kind, unit: point.unit.clone() };
        let sum = MetricSum::of(point.value, point.time_ns);
        let (min_ns, max_ns) = times.entry(key.clone()).or_insert((point.time_ns, point.time_ns));
        *min_ns = point.time_ns.min(*min_ns);
        *max_ns = point.time_ns.max(*max_ns);
        let minutes = sums.entry(key).or_default();
        minutes.entry(minute_of(point.time_ns)).and_modify(|known| known.merge(&sum)).or_insert(sum);
    }
    let part = |(key, minutes): (MetricKey, BTreeMap<i64, MetricSum>)| {
        let (min_ns, max_ns) = times.get(&key).copied().unwrap_or_default();
        MetricPart { key, min_ns, max_ns, minutes: minutes.into_iter().collect() }
    };
    sums.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::metric::{MetricKind, MetricPoint};

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
        };
        let parts = parts(&batch);
        let names: Vec<_> = parts.iter().map(|part| part.key.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((parts[1].min_ns, parts[1].max_ns), (61_000_000_000, 120_000_000_000));
        let minutes: Vec<_> =
            parts[1].minutes.iter().map(|(minute, sum)| (*minute, sum.count, sum.sum, sum.last)).collect();
        assert_eq!(minutes, [(1, 2, 6.0, 5.0), (2, 1, 3.0, 3.0)]);
    }
}
