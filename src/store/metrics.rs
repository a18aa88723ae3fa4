//! Metric points: bodies by request, the list of metrics, and their sums by minute.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::metric_buckets::{decode_buckets, encode_buckets};
use super::metric_totals::minutes_of;
use super::readers::check_time;
use super::staged_signals::{decode_metrics, metric_kind_from_code, metric_kind_to_code};
use super::write::{MetricPart, MetricsWrite};
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::{METRIC_BASELINE_NS, METRIC_MINUTE_BUCKETS_MAX};
use crate::model::ids::ProjectId;
use crate::model::metric::{MetricKey, MetricMinute, MetricPoint, MetricSum};
use crate::model::metric_total::{grown_points, source_key};
use crate::model::outcome::Reason;
use crate::model::span::Resource;

/// A metric of a project and its latest value.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    pub id: i64,
    pub project_id: ProjectId,
    pub key: MetricKey,
    pub last: f64,
    pub last_ns: i64,
    /// Empty when it was not said.
    pub description: String,
}

/// Equal stretches of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretches {
    /// Minutes since the epoch.
    pub from_minute: i64,
    /// Of one stretch, at least 1.
    pub minutes: i64,
    pub count: usize,
}

impl Stretches {
    pub fn to_minute(&self) -> i64 {
        self.from_minute.saturating_add(self.minutes.saturating_mul(self.count as i64))
    }

    /// The stretch an instant falls in.
    pub fn place(&self, time_ns: i64) -> Option<usize> {
        let minute = crate::model::time::minute_of(time_ns) - self.from_minute;
        usize::try_from(minute.div_euclid(self.minutes)).ok().filter(|place| *place < self.count)
    }
}

/// Points of one metric as they were sent, newest batches first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricPoints {
    pub points: Vec<(MetricPoint, Resource)>,
    /// Nothing older was looked at, by the limit asked for.
    pub searched_to_ns: Option<i64>,
}

/// Inserts the points of one request, unless they are there already.
pub(super) fn insert_metrics(
    tx: &Transaction<'_>,
    metrics: &MetricsWrite,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let batch_id = batch.ids.next(batch.now_ms);
    let mut statement = tx.prepare_cached(
        "INSERT INTO metric_batch (id, project_id, content_key, received_ms, point_count, body_codec, body)
         VALUES (:id, :project_id, :content_key, :received_ms, :point_count, :body_codec, :body)
         ON CONFLICT (content_key) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": batch_id,
        ":project_id": metrics.project_id.0,
        ":content_key": metrics.content_key,
        ":received_ms": metrics.received_ms,
        ":point_count": metrics.point_count as i64,
        ":body_codec": CODEC_ZSTD,
        ":body": metrics.body.bytes,
    })?;
    let reason = if inserted == 0 { Reason::Duplicate } else { Reason::Accepted };
    batch.outcomes.add(metrics.project_id, metrics.received_ms, "trace_metric", reason.as_str(), metrics.point_count);
    if inserted == 0 {
        return Ok(());
    }
    batch.metrics += metrics.point_count;
    for part in &metrics.parts {
        let minutes = minutes_of(tx, part, metrics.received_ms)?;
        let metric_id = upsert_metric(tx, metrics.project_id, part, minutes.last().map(|(_, minute)| &minute.sum))?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO metric_part (metric_id, batch_id, min_ns, max_ns)
             VALUES (:metric_id, :batch_id, :min_ns, :max_ns)",
        )?;
        statement.execute(named_params! {
            ":metric_id": metric_id,
            ":batch_id": batch_id,
            ":min_ns": part.min_ns,
            ":max_ns": part.max_ns,
        })?;
        for (minute, measured) in minutes {
            add_minute(tx, metric_id, minute, measured)?;
        }
    }
    Ok(())
}

/// `latest`: the latest minute, which holds the latest point; without one nothing was added to any total.
fn upsert_metric(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    part: &MetricPart,
    latest: Option<&MetricSum>,
) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO metric (project_id, name, kind, unit, last, last_ns, description)
         VALUES (:project_id, :name, :kind, :unit, coalesce(:last, 0), :last_ns, :description)
         ON CONFLICT (name, project_id, kind, unit) DO UPDATE SET
             last = CASE WHEN :last_ns >= last_ns THEN coalesce(:last, last) ELSE last END,
             last_ns = max(last_ns, :last_ns),
             description = CASE WHEN :description = '' THEN description ELSE :description END
         RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":project_id": project_id.0,
            ":name": part.key.name,
            ":kind": metric_kind_to_code(part.key.kind),
            ":unit": part.key.unit,
            ":last": latest.map(|latest| latest.last),
            ":last_ns": latest.map_or(part.max_ns, |latest| latest.last_ns),
            ":description": part.description,
        },
        |row| row.get(0),
    )?)
}

fn add_minute(
    tx: &Transaction<'_>,
    metric_id: i64,
    minute: i64,
    MetricMinute { sum, mut buckets }: MetricMinute,
) -> Result<(), StoreError> {
    if !buckets.is_empty() {
        let mut known =
            tx.prepare_cached("SELECT buckets FROM metric_minute WHERE metric_id = :metric_id AND minute = :minute")?;
        let known = known.query_row(named_params! { ":metric_id": metric_id, ":minute": minute }, |row| row.get(0));
        let known: Option<Option<Vec<u8>>> = known.optional()?;
        if let Some(known) = known.flatten() {
            buckets.merge(&decode_buckets(&known)?);
        }
        buckets.coarsen(METRIC_MINUTE_BUCKETS_MAX);
    }
    let mut statement = tx.prepare_cached(
        // A sum stays finite: infinity less infinity would be no number, which is no value of the column.
        "INSERT INTO metric_minute (metric_id, minute, point_count, sum, min, max, last, last_ns, buckets)
         VALUES (:metric_id, :minute, :point_count, :sum, :min, :max, :last, :last_ns, :buckets)
         ON CONFLICT (metric_id, minute) DO UPDATE SET
             point_count = min(point_count + :point_count, 9007199254740992),
             sum = max(min(sum + :sum, 1.7e308), -1.7e308),
             min = min(min, :min),
             max = max(max, :max),
             last = CASE WHEN :last_ns >= last_ns THEN :last ELSE last END,
             last_ns = max(last_ns, :last_ns),
             buckets = coalesce(:buckets, buckets)",
    )?;
    statement.execute(named_params! {
        ":metric_id": metric_id,
        ":minute": minute,
        ":point_count": sum.count as i64,
        ":sum": sum.sum,
        ":min": sum.min,
        ":max": sum.max,
        ":last": sum.last,
        ":last_ns": sum.last_ns,
        ":buckets": encode_buckets(&buckets),
    })?;
    Ok(())
}

impl Store {
    /// Metrics by name; `text` is looked for in it, in any case. One more than the limit is never returned.
    pub async fn metrics(
        &self,
        project_id: Option<ProjectId>,
        text: Option<String>,
        limit: usize,
    ) -> Result<Vec<MetricRow>, StoreError> {
        self.readers.run(move |connection| read_metrics(connection, project_id, text.as_deref(), limit)).await
    }

    /// The metrics of that name, the one measured last first.
    pub async fn metrics_named(
        &self,
        project_id: Option<ProjectId>,
        name: String,
    ) -> Result<Vec<MetricRow>, StoreError> {
        self.readers.run(move |connection| read_named(connection, project_id, &name)).await
    }

    /// What was measured in each stretch, sums and spread.
    pub async fn metric_stretches(
        &self,
        metric: i64,
        stretches: Stretches,
    ) -> Result<Vec<Option<MetricMinute>>, StoreError> {
        self.readers.run(move |connection| read_stretches(connection, metric, stretches)).await
    }

    /// The sums of each stretch, for each of the metrics.
    pub async fn metric_sums(
        &self,
        metrics: Vec<i64>,
        stretches: Stretches,
    ) -> Result<Vec<Vec<Option<MetricSum>>>, StoreError> {
        self.readers
            .run(move |connection| metrics.iter().map(|id| read_sums(connection, *id, stretches)).collect())
            .await
    }

    /// The latest points of a metric in a time, at most about so many.
    pub async fn metric_points(
        &self,
        metric: MetricRow,
        from_ns: i64,
        to_ns: i64,
        limit: usize,
    ) -> Result<MetricPoints, StoreError> {
        self.readers.run(move |connection| read_points(connection, &metric, from_ns, to_ns, limit)).await
    }

    /// Whether any metric was ever stored.
    pub async fn has_metrics(&self) -> Result<bool, StoreError> {
        self.readers
            .run(|connection| Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM metric)", [], |row| row.get(0))?))
            .await
    }
}

fn read_metrics(
    connection: &Connection,
    project_id: Option<ProjectId>,
    text: Option<&str>,
    limit: usize,
) -> Result<Vec<MetricRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, project_id, name, kind, unit, last, last_ns, description FROM metric
         WHERE (:project_id IS NULL OR project_id = :project_id) AND (:text IS NULL OR instr(lower(name), :text))
         ORDER BY name, project_id, kind, unit LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": project_id.map(|id| id.0),
            ":text": text.map(str::to_ascii_lowercase),
            ":limit": limit as i64,
        },
        metric_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_named(
    connection: &Connection,
    project_id: Option<ProjectId>,
    name: &str,
) -> Result<Vec<MetricRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, project_id, name, kind, unit, last, last_ns, description FROM metric
         WHERE name = :name AND (:project_id IS NULL OR project_id = :project_id) ORDER BY last_ns DESC LIMIT 100",
    )?;
    let rows =
        statement.query_map(named_params! { ":name": name, ":project_id": project_id.map(|id| id.0) }, metric_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn metric_row(row: &Row<'_>) -> rusqlite::Result<MetricRow> {
    Ok(MetricRow {
        id: row.get(0)?,
        project_id: ProjectId(row.get(1)?),
        key: MetricKey { name: row.get(2)?, kind: metric_kind_from_code(row.get(3)?), unit: row.get(4)? },
        last: row.get(5)?,
        last_ns: row.get(6)?,
        description: row.get(7)?,
    })
}

/// Minutes of one metric.
pub(super) const MINUTES_SQL: &str = "SELECT minute, point_count, sum, min, max, last, last_ns FROM metric_minute
     WHERE metric_id = :metric_id AND minute >= :from_minute AND minute < :to_minute ORDER BY minute";

/// The same with their spread.
pub(super) const SPREAD_SQL: &str =
    "SELECT minute, point_count, sum, min, max, last, last_ns, buckets FROM metric_minute
     WHERE metric_id = :metric_id AND minute >= :from_minute AND minute < :to_minute ORDER BY minute";

fn read_sums(
    connection: &Connection,
    metric_id: i64,
    stretches: Stretches,
) -> Result<Vec<Option<MetricSum>>, StoreError> {
    let mut sums: Vec<Option<MetricSum>> = vec![None; stretches.count];
    read_minutes(connection, MINUTES_SQL, metric_id, stretches, |place, sum, _| {
        match &mut sums[place] {
            Some(known) => known.merge(&sum),
            none => *none = Some(sum),
        }
        Ok(())
    })?;
    Ok(sums)
}

fn read_stretches(
    connection: &Connection,
    metric_id: i64,
    stretches: Stretches,
) -> Result<Vec<Option<MetricMinute>>, StoreError> {
    let mut found: Vec<Option<MetricMinute>> = vec![None; stretches.count];
    read_minutes(connection, SPREAD_SQL, metric_id, stretches, |place, sum, row| {
        let buckets: Option<Vec<u8>> = row.get(7)?;
        let buckets = buckets.as_deref().map(decode_buckets).transpose()?.unwrap_or_default();
        let minute = MetricMinute { sum, buckets };
        match &mut found[place] {
            Some(known) => known.merge(&minute),
            none => *none = Some(minute),
        }
        Ok(())
    })?;
    Ok(found)
}

fn read_minutes(
    connection: &Connection,
    sql: &str,
    metric_id: i64,
    stretches: Stretches,
    mut take: impl FnMut(usize, MetricSum, &Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! {
        ":metric_id": metric_id,
        ":from_minute": stretches.from_minute,
        ":to_minute": stretches.to_minute(),
    })?;
    while let Some(row) = rows.next()? {
        let place = (row.get::<_, i64>(0)? - stretches.from_minute) / stretches.minutes.max(1);
        let Some(place) = usize::try_from(place).ok().filter(|place| *place < stretches.count) else { continue };
        let sum = MetricSum {
            count: row.get::<_, i64>(1)?.max(0) as u64,
            sum: row.get(2)?,
            min: row.get(3)?,
            max: row.get(4)?,
            last: row.get(5)?,
            last_ns: row.get(6)?,
        };
        take(place, sum, row)?;
    }
    Ok(())
}

/// The bodies with points of one metric in a time.
pub(super) const POINTS_SQL: &str = "SELECT metric_part.max_ns, metric_batch.body_codec, metric_batch.body
    FROM metric_part JOIN metric_batch ON metric_batch.id = metric_part.batch_id
    WHERE metric_part.metric_id = :metric_id AND metric_part.max_ns >= :from_ns AND metric_part.min_ns <= :to_ns
    ORDER BY metric_part.batch_id DESC";

fn read_points(
    connection: &Connection,
    metric: &MetricRow,
    from_ns: i64,
    to_ns: i64,
    limit: usize,
) -> Result<MetricPoints, StoreError> {
    // What the first report of a total added is told from the one before it.
    let mut known_from_ns = from_ns.saturating_sub(METRIC_BASELINE_NS);
    let mut statement = connection.prepare_cached(POINTS_SQL)?;
    let mut rows =
        statement.query(named_params! { ":metric_id": metric.id, ":from_ns": known_from_ns, ":to_ns": to_ns })?;
    let mut found = MetricPoints::default();
    while let Some(row) = rows.next()? {
        check_time()?;
        if found.points.len() >= limit {
            let searched_to_ns = row.get(0)?;
            (found.searched_to_ns, known_from_ns) = (Some(searched_to_ns), known_from_ns.max(searched_to_ns));
            break;
        }
        let body: Vec<u8> = row.get(2)?;
        let batch = decode_metrics(&expand(row.get(1)?, &body)?)?;
        for point in batch.points {
            let begin_ns = if point.since_ns.is_some() { known_from_ns } else { from_ns };
            let is_meant = point.name == metric.key.name
                && point.kind == metric.key.kind
                && point.unit == metric.key.unit
                && (begin_ns..=to_ns).contains(&point.time_ns);
            if is_meant {
                let resource = batch.resources[point.resource].clone();
                found.points.push((point, resource));
            }
        }
    }
    let key = |resource: &Resource| source_key(metric.project_id, resource);
    let heard = first_heard(connection, &found.points, key)?;
    found.points = grown_points(found.points, key, |total| {
        total.since_ns >= known_from_ns.max(1) && heard.get(&total.source_key).is_none_or(|ns| total.is_news(*ns))
    });
    found.points.retain(|(point, _)| (from_ns..=to_ns).contains(&point.time_ns));
    // Of searches that went no further back than the time asked for nothing is missing.
    found.searched_to_ns = found.searched_to_ns.filter(|searched_to_ns| *searched_to_ns >= from_ns);
    Ok(found)
}

/// When the processes whose totals these are were first heard of, as far as that is known.
fn first_heard(
    connection: &Connection,
    points: &[(MetricPoint, Resource)],
    key: impl Fn(&Resource) -> i64,
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut heard = HashMap::new();
    let mut asked = HashSet::new();
    for (_, resource) in points.iter().filter(|(point, _)| point.since_ns.is_some()) {
        let source_key = key(resource);
        if asked.insert(source_key)
            && let Some(first_ns) = super::metric_totals::first_heard_ns(connection, source_key)?
        {
            heard.insert(source_key, first_ns);
        }
    }
    Ok(heard)
}
