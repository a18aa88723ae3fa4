//! A metric point: one measurement somebody's code made, of any origin.
//!
//! Knows neither protocol. What screens draw are the sums by minute ([`MetricSum`]), which merge in any order.

use crate::model::buckets::{Buckets, COUNT_MAX};
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Attribute, Resource};

/// The metric points of one request from a client, with the resources they refer to by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricBatch {
    pub resources: Vec<Resource>,
    pub points: Vec<MetricPoint>,
    /// What metrics of a name measure, in the words of whoever made them. Not kept with the points.
    pub descriptions: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricPoint {
    pub name: String,
    pub kind: MetricKind,
    /// `millisecond`, `byte`, …; empty when it was not said.
    pub unit: String,
    /// Always finite. Of a histogram the average.
    pub value: f64,
    /// Measurements the client summed up; a point without is one measurement.
    pub histogram: Option<Box<MetricHistogram>>,
    /// Value and histogram are totals since then, which is 0 when it was not said; else they are of this point alone.
    pub since_ns: Option<i64>,
    /// Unix nanoseconds.
    pub time_ns: i64,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// What was measured in that trace, where the point is of more than that.
    pub example: Option<f64>,
    /// Index into [`MetricBatch::resources`].
    pub resource: usize,
    pub attributes: Vec<Attribute>,
    /// Attributes left out, by the client or by our limits.
    pub dropped: u32,
}

impl MetricPoint {
    /// What it adds to the sums of its minute.
    pub fn sum(&self) -> MetricSum {
        match &self.histogram {
            Some(histogram) => histogram.sum(self.time_ns),
            None => MetricSum::of(self.value, self.time_ns),
        }
    }

    /// What it adds to the spread of its minute.
    pub fn buckets(&self) -> Buckets {
        match &self.histogram {
            Some(histogram) => histogram.buckets.clone(),
            None if self.kind == MetricKind::Distribution => Buckets::of_value(self.value),
            None => Buckets::default(),
        }
    }
}

/// Measurements summed up by whoever made them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricHistogram {
    pub count: u64,
    /// Always finite, as are the ends.
    pub sum: f64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub buckets: Buckets,
}

impl MetricHistogram {
    pub fn average(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    fn sum(&self, time_ns: i64) -> MetricSum {
        let average = self.average();
        let extent = self.buckets.extent();
        MetricSum {
            count: self.count.min(COUNT_MAX),
            sum: self.sum,
            min: self.min.or(extent.map(|(low, _)| low.min(average))).unwrap_or(average),
            max: self.max.or(extent.map(|(_, high)| high.max(average))).unwrap_or(average),
            last: average,
            last_ns: time_ns,
        }
    }
}

/// What the values of a metric mean together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricKind {
    /// Increments: their sum is of interest.
    #[default]
    Counter,
    /// States: the last one is of interest.
    Gauge,
    /// Measurements: their spread is of interest.
    Distribution,
}

impl MetricKind {
    pub const ALL: [Self; 3] = [Self::Counter, Self::Gauge, Self::Distribution];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Distribution => "distribution",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What tells one metric of a project from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricKey {
    pub name: String,
    pub kind: MetricKind,
    pub unit: String,
}

/// Sums stay within; what measures more than that is broken.
const SUM_MAX: f64 = 1.7e308;

/// Points of a stretch of time, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricSum {
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    /// The value of the latest point, and when that was.
    pub last: f64,
    pub last_ns: i64,
}

impl MetricSum {
    pub fn of(value: f64, time_ns: i64) -> Self {
        Self { count: 1, sum: value, min: value, max: value, last: value, last_ns: time_ns }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count).min(COUNT_MAX);
        // Finite, so that it can be kept and written as JSON.
        self.sum = (self.sum + other.sum).clamp(-SUM_MAX, SUM_MAX);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_ns >= self.last_ns {
            (self.last, self.last_ns) = (other.last, other.last_ns);
        }
    }
}

/// What was measured in a stretch of time: sums, and for distributions the spread.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricMinute {
    pub sum: MetricSum,
    pub buckets: Buckets,
}

impl MetricMinute {
    pub fn of(point: &MetricPoint) -> Self {
        Self { sum: point.sum(), buckets: point.buckets() }
    }

    pub fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.buckets.merge(&other.buckets);
    }

    /// See [`Buckets::quantile`].
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.buckets.quantile(share, Some(self.sum.min), Some(self.sum.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_merge_in_any_order() {
        let parts = [MetricSum::of(3.0, 10), MetricSum::of(-1.0, 30), MetricSum::of(8.0, 20)];
        let mut forwards = parts[0];
        forwards.merge(&parts[1]);
        forwards.merge(&parts[2]);
        let mut backwards = parts[2];
        backwards.merge(&parts[1]);
        backwards.merge(&parts[0]);
        assert_eq!(forwards, backwards);
        assert_eq!(forwards, MetricSum { count: 3, sum: 10.0, min: -1.0, max: 8.0, last: -1.0, last_ns: 30 });
    }
}
