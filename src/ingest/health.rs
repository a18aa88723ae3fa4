//! Release health as rows to be: sessions, client reports, and the releases spans were made by.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::client_report::ClientReport;
use crate::model::ids::ProjectId;
use crate::model::session::{SessionBatch, SessionState};
use crate::model::span::SpanBatch;
use crate::store::{ClientReportWrite, ReleaseKey, ReleaseSeen, SessionBucketWrite, SessionUpdateWrite, SessionsWrite};

pub(super) fn prepare_sessions(batch: SessionBatch, project_id: ProjectId, received_ms: i64) -> SessionsWrite {
    // Who it was is only counted, so only a hash is kept.
    let hash = |user: Option<String>| user.map(|user| xxh3_64(user.as_bytes()));
    SessionsWrite {
        key: ReleaseKey { project_id, version: batch.release, environment: batch.environment },
        received_ms,
        delivery_key: batch.delivery_key,
        updates: batch
            .updates
            .into_iter()
            .map(|update| SessionUpdateWrite {
                sid: update.sid,
                started_ms: update.started_ms,
                state: SessionState {
                    sequence: update.sequence,
                    timestamp_ms: update.timestamp_ms,
                    fate: update.fate,
                    duration_ms: update.duration_ms,
                },
                user_hash: hash(update.user),
            })
            .collect(),
        buckets: batch
            .buckets
            .into_iter()
            .map(|bucket| SessionBucketWrite {
                started_ms: bucket.started_ms,
                counts: bucket.counts,
                user_hash: hash(bucket.user),
            })
            .collect(),
    }
}

pub(super) fn prepare_client_report(
    report: ClientReport,
    project_id: ProjectId,
    received_ms: i64,
) -> ClientReportWrite {
    ClientReportWrite { project_id, received_ms, delivery_key: report.delivery_key, discards: report.discards }
}

/// The releases of a batch, with the first and the last start among their spans. A span of the future was seen now: one
/// wrong clock must not keep a release on top of the list.
pub(super) fn releases_of(batch: &SpanBatch, project_id: ProjectId, received_ms: i64) -> Vec<ReleaseSeen> {
    let mut times: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
    for span in &batch.spans {
        let time_ms = (span.start_ns / 1_000_000).min(received_ms);
        let seen = times.entry(span.resource).or_insert((time_ms, time_ms));
        *seen = (seen.0.min(time_ms), seen.1.max(time_ms));
    }
    times
        .into_iter()
        .filter_map(|(resource, (first_ms, last_ms))| {
            let resource = batch.resources.get(resource)?;
            let key = ReleaseKey::of(project_id, resource.release.as_deref(), resource.environment.as_deref())?;
            Some(ReleaseSeen { key, first_ms, last_ms })
        })
        .collect()
}
