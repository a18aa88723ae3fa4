//! Metric points: bodies by request, the list of metrics, and their sums by minute.

use rusqlite::{Connection, Row, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::readers::check_time;
use super::staged_signals::{decode_metrics, metric_kind_from_code, metric_kind_to_code};
use super::write::{MetricPart, MetricsWrite};
use super::writer::Batch;
use super::{Store, StoreError};
use crate::model::ids::ProjectId;
use crate::model::metric::{MetricKey, MetricPoint, MetricSum};
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
        let metric_id = upsert_metric(tx, metrics.project_id, part)?;
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
        for (minute, sum) in &part.minutes {
            add_minute(tx, metric_id, *minute, sum)?;
        }
    }
    Ok(())
}

fn upsert_metric(tx: &Transaction<'_>, project_id: ProjectId, part: &MetricPart) -> Result<i64, StoreError> {
    // The latest minute holds the latest point.
    let latest = part.minutes.last().map(|(_, sum)| *sum).unwrap_or(MetricSum::of(0.0, part.max_ns));
    let mut statement = tx.prepare_cached(
        "INSERT INTO metric (project_id, name, kind, unit, last, last_ns)
         VALUES (:project_id, :name, :kind, :unit, :last, :last_ns)
         ON CONFLICT (name, project_id, kind, unit) DO UPDATE SET
             last = CASE WHEN :last_ns >= last_ns THEN :last ELSE last END,
             last_ns = max(last_ns, :last_ns)
         RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":project_id": project_id.0,
            ":name": part.key.name,
            ":kind": metric_kind_to_code(part.key.kind),
            ":unit": part.key.unit,
            ":last": latest.last,
            ":last_ns": latest.last_ns,
        },
        |row| row.get(0),
    )?)
}

fn add_minute(tx: &Transaction<'_>, metric_id: i64, minute: i64, sum: &MetricSum) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        // A sum stays finite: infinity less infinity would be no number, which is no value of the column.
        "INSERT INTO metric_minute (metric_id, minute, point_count, sum, min, max, last, last_ns)
         VALUES (:metric_id, :minute, :point_count, :sum, :min, :max, :last, :last_ns)
         ON CONFLICT (metric_id, minute) DO UPDATE SET
             point_count = point_count + :point_count,
             sum = max(min(sum + :sum, 1.7e308), -1.7e308),
             min = min(min, :min),
             max = max(max, :max),
             last = CASE WHEN :last_ns >= last_ns THEN :last ELSE last END,
             last_ns = max(last_ns, :last_ns)",
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

    /// The sums of each stretch, for each of the metrics.
    pub async fn metric_sums(
        &self,
        metrics: Vec<i64>,
        stretches: Stretches,
    ) -> Result<Vec<Vec<Option<MetricSum>>>, StoreError> {
        self.readers
            .run(move |connection| metrics.into_iter().map(|id| read_sums(connection, id, stretches)).collect())
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
        "SELECT id, project_id, name, kind, unit, last, last_ns FROM metric
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
        "SELECT id, project_id, name, kind, unit, last, last_ns FROM metric
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
    })
}

/// Minutes of one metric.
pub(super) const MINUTES_SQL: &str = "SELECT minute, point_count, sum, min, max, last, last_ns FROM metric_minute
     WHERE metric_id = :metric_id AND minute >= :from_minute AND minute < :to_minute ORDER BY minute";

fn read_sums(
    connection: &Connection,
    metric_id: i64,
    stretches: Stretches,
) -> Result<Vec<Option<MetricSum>>, StoreError> {
    let mut sums: Vec<Option<MetricSum>> = vec![None; stretches.count];
    let mut statement = connection.prepare_cached(MINUTES_SQL)?;
    let mut rows = statement.query(named_params! {
        ":metric_id": metric_id,
        ":from_minute": stretches.from_minute,
        ":to_minute": stretches.to_minute(),
    })?;
    while let Some(row) = rows.next()? {
        let place = (row.get::<_, i64>(0)? - stretches.from_minute) / stretches.minutes.max(1);
        let sum = MetricSum {
            count: row.get::<_, i64>(1)?.max(0) as u64,
            sum: row.get(2)?,
            min: row.get(3)?,
            max: row.get(4)?,
            last: row.get(5)?,
            last_ns: row.get(6)?,
        };
        if let Some(known) = usize::try_from(place).ok().and_then(|place| sums.get_mut(place)) {
            match known {
                Some(known) => known.merge(&sum),
                None => *known = Some(sum),
            }
        }
    }
    Ok(sums)
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
    let mut statement = connection.prepare_cached(POINTS_SQL)?;
    let mut rows = statement.query(named_params! { ":metric_id": metric.id, ":from_ns": from_ns, ":to_ns": to_ns })?;
    let mut found = MetricPoints::default();
    while let Some(row) = rows.next()? {
        check_time()?;
        if found.points.len() >= limit {
            found.searched_to_ns = Some(row.get(0)?);
            break;
        }
        let body: Vec<u8> = row.get(2)?;
        let batch = decode_metrics(&expand(row.get(1)?, &body)?)?;
        for point in batch.points {
            let is_meant = point.name == metric.key.name
                && point.kind == metric.key.kind
                && point.unit == metric.key.unit
                && (from_ns..=to_ns).contains(&point.time_ns);
            if is_meant {
                let resource = batch.resources[point.resource].clone();
                found.points.push((point, resource));
            }
        }
    }
    Ok(found)
}
