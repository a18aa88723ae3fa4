//! Totals that clients count up for as long as they run, and what each report of one adds to the report before it.
//!
//! Decides what is growth and what a fresh start; keeps nothing itself. Which reports follow each other is told by a key
//! made of everything that names a total: metric, attributes, process and when it began counting, so that processes which
//! say nothing else of themselves are still told apart, and a restarted one is another.

use std::collections::HashMap;

use xxhash_rust::xxh3::Xxh3;

use crate::model::buckets::Buckets;
use crate::model::ids::ProjectId;
use crate::model::metric::{MetricHistogram, MetricKind, MetricMinute, MetricPoint};
use crate::model::span::{Attribute, AttributeValue, Resource};

/// A process that began counting so long before it was first heard of has counted nothing yet that is worth being left
/// out: a few times the minute between two reports.
const FIRST_NS: i64 = 600_000_000_000;

/// One report of a total.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricTotal {
    /// Reports of the same total have the same.
    pub stream_key: i64,
    /// Totals of the same process have the same.
    pub source_key: i64,
    /// When counting began; 0 when it was not said.
    pub since_ns: i64,
    pub time_ns: i64,
    pub value: f64,
    pub histogram: Option<Box<MetricHistogram>>,
}

/// What has to be known of the last report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastTotal {
    pub time_ns: i64,
    /// The sum of a histogram.
    pub value: f64,
    /// 0 but for histograms.
    pub count: u64,
    pub buckets: Buckets,
}

/// Of one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    pub value: f64,
    pub histogram: Option<Box<MetricHistogram>>,
}

impl Growth {
    /// As if a client had sent it by itself.
    pub fn into_minute(self, time_ns: i64) -> MetricMinute {
        // The kind decides only how single values spread, and of those there are none here.
        let kind = MetricKind::Counter;
        MetricMinute::of(&MetricPoint {
            kind,
            value: self.value,
            histogram: self.histogram,
            time_ns,
            ..Default::default()
        })
    }
}

impl MetricTotal {
    /// `None` when the point is no total.
    pub fn of(point: &MetricPoint, source_key: i64) -> Option<Self> {
        let since_ns = point.since_ns?;
        let mut hash = Xxh3::new();
        hash.update(&source_key.to_le_bytes());
        hash.update(&since_ns.to_le_bytes());
        hash_text(&mut hash, &point.name);
        hash_text(&mut hash, point.kind.as_str());
        hash_text(&mut hash, &point.unit);
        hash_attributes(&mut hash, &point.attributes);
        Some(Self {
            stream_key: key_of(&hash),
            source_key,
            since_ns,
            time_ns: point.time_ns,
            value: point.value,
            histogram: point.histogram.clone(),
        })
    }

    pub fn as_last(&self) -> LastTotal {
        match &self.histogram {
            None => LastTotal { time_ns: self.time_ns, value: self.value, ..LastTotal::default() },
            Some(histogram) => LastTotal {
                time_ns: self.time_ns,
                value: histogram.sum,
                count: histogram.count,
                buckets: histogram.buckets.clone(),
            },
        }
    }

    /// Whether a first report holds only what happened since its process was first heard of, at `heard_ns` by its own
    /// clock: then all of it is news. A process that ran for long before that brings what nobody knows the time of.
    pub fn is_news(&self, heard_ns: i64) -> bool {
        self.since_ns > 0 && self.since_ns >= heard_ns.saturating_sub(FIRST_NS)
    }

    /// What came since the last report. `None`: nothing did, or the report is older than the last one.
    pub fn growth_since(&self, last: &LastTotal) -> Option<Growth> {
        if self.time_ns <= last.time_ns {
            return None;
        }
        let Some(histogram) = &self.histogram else {
            // What only ever rises and fell began anew.
            let value = if self.value >= last.value { self.value - last.value } else { self.value };
            return (value != 0.0).then_some(Growth { value, histogram: None });
        };
        let grown = histogram.count.checked_sub(last.count).zip(histogram.buckets.since(&last.buckets));
        let Some((count, buckets)) = grown else { return self.all() };
        if count == 0 {
            return None;
        }
        // The ends are those of the whole total, so they say nothing of what was added.
        let histogram =
            MetricHistogram { count, sum: finite(histogram.sum - last.value), min: None, max: None, buckets };
        Some(Growth { value: histogram.average(), histogram: Some(Box::new(histogram)) })
    }

    /// All of it, when there is any.
    pub fn all(&self) -> Option<Growth> {
        let is_empty = match &self.histogram {
            None => self.value == 0.0,
            Some(histogram) => histogram.count == 0,
        };
        (!is_empty).then(|| Growth { value: self.value, histogram: self.histogram.clone() })
    }
}

/// Points that are totals, in place of what each added to the one before it; all others as they are. `is_news` says whether
/// all of a first report counts.
pub fn grown_points(
    points: Vec<(MetricPoint, Resource)>,
    source_key: impl Fn(&Resource) -> i64,
    is_news: impl Fn(&MetricTotal) -> bool,
) -> Vec<(MetricPoint, Resource)> {
    let (mut totals, mut grown): (Vec<_>, Vec<_>) = points.into_iter().partition(|(point, _)| point.since_ns.is_some());
    totals.sort_by_key(|(point, _)| point.time_ns);
    let mut last: HashMap<i64, LastTotal> = HashMap::new();
    for (mut point, resource) in totals {
        let Some(total) = MetricTotal::of(&point, source_key(&resource)) else { continue };
        let growth = match last.get(&total.stream_key) {
            Some(last) if total.time_ns <= last.time_ns => continue,
            Some(last) => total.growth_since(last),
            None if is_news(&total) => total.all(),
            None => None,
        };
        last.insert(total.stream_key, total.as_last());
        if let Some(growth) = growth {
            (point.value, point.histogram, point.since_ns) = (growth.value, growth.histogram, None);
            grown.push((point, resource));
        }
    }
    grown
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The key of everything a resource says of itself.
pub fn source_key(project_id: ProjectId, resource: &Resource) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(&project_id.0.to_le_bytes());
    hash_text(&mut hash, &resource.service);
    hash_text(&mut hash, resource.release.as_deref().unwrap_or(""));
    hash_text(&mut hash, resource.environment.as_deref().unwrap_or(""));
    hash_attributes(&mut hash, &resource.attributes);
    key_of(&hash)
}

fn key_of(hash: &Xxh3) -> i64 {
    // The shift keeps it a positive i64.
    (hash.digest() >> 1) as i64
}

/// Attributes come in any order.
fn hash_attributes(hash: &mut Xxh3, attributes: &[Attribute]) {
    let mut sorted: Vec<&Attribute> = attributes.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for attribute in sorted {
        hash_text(hash, &attribute.key);
        hash_value(hash, &attribute.value);
    }
}

fn hash_value(hash: &mut Xxh3, value: &AttributeValue) {
    match value {
        AttributeValue::Empty => hash.update(b"e"),
        AttributeValue::Bool(flag) => hash.update(&[b'b', u8::from(*flag)]),
        AttributeValue::Int(number) => hash.update(&number.to_le_bytes()),
        AttributeValue::Double(number) => hash.update(&number.to_bits().to_le_bytes()),
        AttributeValue::Text(text) => hash_text(hash, text),
        AttributeValue::Bytes(bytes) => hash.update(bytes),
        AttributeValue::List(values) => values.iter().for_each(|value| hash_value(hash, value)),
        AttributeValue::Map(members) => hash_attributes(hash, members),
    }
    hash.update(b"\0");
}

/// With its length, so that no two lists of texts read the same.
fn hash_text(hash: &mut Xxh3, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str, value: &str) -> Attribute {
        Attribute { key: key.into(), value: AttributeValue::Text(value.into()) }
    }

    fn point(value: f64, since_ns: i64, time_ns: i64) -> MetricPoint {
        MetricPoint { name: "orders".into(), value, since_ns: Some(since_ns), time_ns, ..MetricPoint::default() }
    }

    fn total(value: f64, time_ns: i64) -> MetricTotal {
        MetricTotal::of(&point(value, 1, time_ns), 7).unwrap()
    }

    fn histogram(count: u64, sum: f64, time_ns: i64) -> MetricTotal {
        let mut buckets = Buckets::default();
        buckets.add(0.0, 10.0, count);
        let histogram = MetricHistogram { count, sum, min: Some(1.0), max: Some(9.0), buckets };
        let value = histogram.average();
        let point = MetricPoint { histogram: Some(Box::new(histogram)), ..point(value, 1, time_ns) };
        MetricTotal::of(&point, 7).unwrap()
    }

    #[test]
    fn what_came_since_the_last_report_is_growth() {
        let last = total(10.0, 100).as_last();
        assert_eq!(total(13.0, 200).growth_since(&last).map(|growth| growth.value), Some(3.0));
        assert_eq!(total(10.0, 200).growth_since(&last), None);
        assert_eq!(total(99.0, 100).growth_since(&last), None, "the same report again, or an older one");
        assert_eq!(total(4.0, 200).growth_since(&last).map(|growth| growth.value), Some(4.0), "began anew");
    }

    #[test]
    fn histograms_grow_by_their_buckets() {
        let last = histogram(4, 20.0, 100).as_last();
        let grown = histogram(6, 38.0, 200).growth_since(&last).unwrap();
        let added = grown.histogram.unwrap();
        assert_eq!((grown.value, added.count, added.sum, added.min), (9.0, 2, 18.0, None));
        assert_eq!(added.buckets.count(), 2);
        assert_eq!(histogram(4, 20.0, 200).growth_since(&last), None);
        let anew = histogram(1, 5.0, 200).growth_since(&last).unwrap();
        assert_eq!(anew.histogram.map(|histogram| (histogram.count, histogram.max)), Some((1, Some(9.0))));
    }

    #[test]
    fn a_first_report_is_news_when_its_process_was_there_to_be_heard() {
        let began = |since_ns| MetricTotal { since_ns, ..total(1.0, 5) };
        let heard = 100 * FIRST_NS;
        assert!(began(heard + 5).is_news(heard));
        assert!(began(heard - FIRST_NS).is_news(heard));
        assert!(!began(heard - FIRST_NS - 1).is_news(heard));
        assert!(!began(0).is_news(heard) && !began(0).is_news(0));
    }

    #[test]
    fn totals_are_told_apart_by_what_names_them_in_any_order() {
        let key = |change: fn(&mut MetricPoint)| {
            let mut point = point(1.0, 1, 5);
            point.attributes = vec![text("a", "1"), text("b", "2")];
            change(&mut point);
            MetricTotal::of(&point, 7).unwrap().stream_key
        };
        let plain = key(|_| ());
        assert_eq!(key(|point| point.attributes.reverse()), plain);
        assert_eq!(key(|point| (point.value, point.time_ns) = (9.0, 9)), plain);
        let others: [fn(&mut MetricPoint); 5] = [
            |point| point.attributes[0].value = AttributeValue::Int(1),
            |point| point.since_ns = Some(2),
            |point| point.name.push('s'),
            |point| point.kind = MetricKind::Distribution,
            |point| drop(point.attributes.pop()),
        ];
        assert!(others.iter().all(|change| key(*change) != plain));
        assert_eq!(MetricTotal::of(&MetricPoint::default(), 7), None);
        let resource = |service: &str| Resource { service: service.into(), ..Resource::default() };
        assert_ne!(source_key(ProjectId(1), &resource("a")), source_key(ProjectId(1), &resource("b")));
        assert_ne!(source_key(ProjectId(1), &resource("a")), source_key(ProjectId(2), &resource("a")));
    }

    #[test]
    fn points_that_are_totals_become_what_each_added() {
        let plain = MetricPoint { value: 7.0, ..MetricPoint::default() };
        let all = [
            point(9.0, 1, 300),
            point(4.0, 1, 100),
            plain,
            point(5.0, 1, 200),
            point(2.0, 150, 200),
            point(2.0, 150, 300),
        ];
        let points = all.map(|point| (point, Resource::default())).to_vec();
        let grown = grown_points(points, |_| 7, |total| total.since_ns >= 100);
        let values: Vec<_> = grown.iter().map(|(point, _)| (point.time_ns, point.value, point.since_ns)).collect();
        assert_eq!(values, [(0, 7.0, None), (200, 1.0, None), (200, 2.0, None), (300, 4.0, None)]);
    }
}
