//! Log records to batches ready to be stored: scrubbed, in order, an hour at most in each, with what is said of them.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::config::{LOG_BATCH_SPAN_NS, LOG_BATCHES_MAX};
use crate::model::decoded::Refusal;
use crate::model::ids::ProjectId;
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::model::span::{Attribute, AttributeValue};
use crate::scrub::{self, scrub_attributes, scrub_log};
use crate::store::{LogMinute, LogsWrite, compress, encode_logs};

use super::spans::flatten;

/// Names the service of records that do not say, cuts attributes nested too deeply to be read again, and scrubs.
pub(super) fn normalise(batch: &mut LogBatch, project: &Project, rules: &scrub::Rules, received_ms: i64) {
    for resource in &mut batch.resources {
        if resource.service.is_empty() {
            resource.service.clone_from(&project.slug);
        }
        flatten(&mut resource.attributes);
        scrub_attributes(&mut resource.attributes, rules);
    }
    for record in &mut batch.records {
        flatten(&mut record.attributes);
        scrub_log(record, rules);
        if has_no_time(record.time_ns, received_ms) && record.time_ns != 0 {
            let value = AttributeValue::Int(record.time_ns);
            record.attributes.push(Attribute { key: SENT_TIME.to_owned(), value });
            record.time_ns = 0;
        }
    }
}

/// The time a record claimed to be of, which had not come yet.
const SENT_TIME: &str = "trapline.sent_time_unix_nano";
/// Further ahead than this nothing can have happened yet: clocks differ, and requests take a while.
const FUTURE_MAX_NS: i64 = 60_000_000_000;

/// Whether something sent is of no time at all, or of one that has not come yet; then it has just happened.
pub(super) fn has_no_time(time_ns: i64, received_ms: i64) -> bool {
    time_ns == 0 || time_ns > received_ms.saturating_mul(1_000_000).saturating_add(FUTURE_MAX_NS)
}

/// One write per stretch of time, and what lay too far apart from the rest.
pub(super) fn prepare(batch: LogBatch, project: &Project, received_ms: i64) -> (Vec<LogsWrite>, Option<Refusal>) {
    let mut batches = split(batch);
    let beyond: u64 = batches.iter().skip(LOG_BATCHES_MAX).map(|batch| batch.records.len() as u64).sum();
    batches.truncate(LOG_BATCHES_MAX);
    let writes = batches.into_iter().map(|batch| write_timed(batch, project.id, received_ms)).collect();
    let refusal = (beyond > 0).then(|| Refusal {
        category: "log".to_string(),
        reason: Reason::TooLarge,
        detail: format!("logs of more than {LOG_BATCHES_MAX} different hours in one request"),
        quantity: beyond,
    });
    (writes, refusal)
}

/// As [`prepare`], of records that were kept before.
pub(super) fn prepare_again(batch: LogBatch, project_id: ProjectId, received_ms: i64) -> Vec<LogsWrite> {
    split(batch).into_iter().map(|batch| write(batch, project_id, received_ms)).collect()
}

/// Batches of at most an hour, the newest first, each in the order of time.
fn split(mut batch: LogBatch) -> Vec<LogBatch> {
    // A record that names no resource there is can only come from a decoder's mistake.
    let resources_len = batch.resources.len();
    batch.records.retain(|record| record.resource < resources_len);
    batch.records.sort_by_key(|record| record.time_ns);
    let mut batches: Vec<LogBatch> = Vec::new();
    let mut end_ns = i64::MIN;
    for record in batch.records {
        if batches.is_empty() || record.time_ns > end_ns {
            end_ns = record.time_ns.saturating_add(LOG_BATCH_SPAN_NS);
            batches.push(LogBatch::default());
        }
        if let Some(last) = batches.last_mut() {
            last.records.push(record);
        }
    }
    let [only] = batches.as_mut_slice() else {
        for part in &mut batches {
            take_resources(part, &batch.resources);
        }
        batches.reverse();
        return batches;
    };
    only.resources = batch.resources;
    batches
}

/// Copies the resources that the part's records name.
fn take_resources(part: &mut LogBatch, all: &[crate::model::span::Resource]) {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for record in &mut part.records {
        record.resource = *places.entry(record.resource).or_insert_with_key(|place| {
            part.resources.push(all[*place].clone());
            part.resources.len() - 1
        });
    }
}

/// Records without a time come first and lie a long way before all others, so they have a batch of their own. It is known
/// again by what was sent, whenever it comes again; what is kept is when it came first.
fn write_timed(mut batch: LogBatch, project_id: ProjectId, received_ms: i64) -> LogsWrite {
    if batch.records.first().is_none_or(|record| record.time_ns != 0) {
        return write(batch, project_id, received_ms);
    }
    let sent_key = content_key(&encode_logs(batch.clone()), project_id);
    for record in &mut batch.records {
        record.time_ns = received_ms.saturating_mul(1_000_000);
    }
    LogsWrite { content_key: sent_key, ..write(batch, project_id, received_ms) }
}

fn write(batch: LogBatch, project_id: ProjectId, received_ms: i64) -> LogsWrite {
    let mut minutes: BTreeMap<(i64, &str, &str, LogLevel), u64> = BTreeMap::new();
    let mut traces: BTreeMap<i64, u64> = BTreeMap::new();
    let mut levels = 0;
    for record in &batch.records {
        let resource = &batch.resources[record.resource];
        let level = LogLevel::of(record.severity);
        levels |= level.bit();
        let environment = resource.environment.as_deref().unwrap_or("");
        *minutes.entry((minute_of(record), &resource.service, environment, level)).or_default() += 1;
        if let Some(trace_id) = record.trace_id {
            *traces.entry(trace_id.key()).or_default() += 1;
        }
    }
    let minutes: Vec<LogMinute> = minutes
        .into_iter()
        .map(|((minute, service, environment, level), count)| LogMinute {
            minute,
            service: service.to_string(),
            environment: environment.to_string(),
            level,
            count,
        })
        .collect();
    let distinct = |name: fn(&LogMinute) -> &str| {
        let mut names: Vec<String> = minutes.iter().map(|minute| name(minute).to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    let record_count = batch.records.len() as u64;
    let (services, environments) = (distinct(|minute| &minute.service), distinct(|minute| &minute.environment));
    let min_ns = batch.records.first().map_or(0, |record| record.time_ns);
    let max_ns = batch.records.last().map_or(0, |record| record.time_ns);
    let bytes = encode_logs(batch);
    LogsWrite {
        project_id,
        received_ms,
        content_key: content_key(&bytes, project_id),
        body: compress(&bytes),
        record_count,
        min_ns,
        max_ns,
        levels,
        services,
        environments,
        traces: traces.into_iter().collect(),
        minutes,
    }
}

fn minute_of(record: &LogRecord) -> i64 {
    crate::model::time::minute_of(record.time_ns)
}

/// The same content of the same project gives the same key, which is what makes a second delivery change nothing.
pub(super) fn content_key(bytes: &[u8], project_id: ProjectId) -> i64 {
    // The shift keeps it a positive i64.
    (xxh3_64_with_seed(bytes, u64::from(project_id.0)) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{PublicKey, TraceId};
    use crate::model::span::Resource;

    const HOUR: i64 = LOG_BATCH_SPAN_NS;
    const RECEIVED_MS: i64 = 10_000_000_000;

    fn project() -> Project {
        Project {
            id: ProjectId(1),
            slug: "shop".into(),
            name: "Shop".into(),
            platform: "python".into(),
            public_key: PublicKey([1; 16]),
            created_ms: 0,
        }
    }

    fn log(time_ns: i64, resource: usize) -> LogRecord {
        LogRecord { time_ns, resource, severity: 9, trace_id: Some(TraceId([1; 16])), ..LogRecord::default() }
    }

    fn prepared(records: Vec<LogRecord>) -> (Vec<LogsWrite>, Option<Refusal>) {
        let resources = ["", "billing"].map(|service| Resource { service: service.into(), ..Resource::default() });
        let mut batch = LogBatch { resources: resources.to_vec(), records };
        normalise(&mut batch, &project(), &scrub::Rules::default(), RECEIVED_MS);
        prepare(batch, &project(), RECEIVED_MS)
    }

    #[test]
    fn a_batch_says_what_is_in_it() {
        let (writes, refusal) = prepared(vec![log(HOUR + 5, 1), log(HOUR, 0), log(HOUR + 9, 0)]);
        assert_eq!((writes.len(), refusal), (1, None));
        let write = &writes[0];
        assert_eq!((write.min_ns, write.max_ns, write.record_count), (HOUR, HOUR + 9, 3));
        assert_eq!((write.services.join(","), write.environments.join(",")), ("billing,shop".into(), "".into()));
        assert_eq!(write.levels, LogLevel::Info.bit());
        assert_eq!(write.traces, [(TraceId([1; 16]).key(), 3)]);
        let minutes: Vec<_> = write.minutes.iter().map(|m| (m.minute, m.service.as_str(), m.count)).collect();
        assert_eq!(minutes, [(60, "billing", 1), (60, "shop", 2)]);
    }

    #[test]
    fn no_batch_spans_more_than_an_hour() {
        let (writes, _) = prepared(vec![log(5 * HOUR, 1), log(1, 0), log(HOUR, 0), log(HOUR + 2, 1)]);
        let spans: Vec<_> = writes.iter().map(|write| (write.min_ns, write.max_ns)).collect();
        assert_eq!(spans, [(5 * HOUR, 5 * HOUR), (HOUR + 2, HOUR + 2), (1, HOUR)]);
        assert_eq!(writes[0].services, ["billing"]);
    }

    #[test]
    fn hours_without_end_are_refused_beyond_a_number() {
        let records = (0..LOG_BATCHES_MAX as i64 + 3).map(|n| log(n * 2 * HOUR, 0)).collect();
        let (writes, refusal) = prepared(records);
        assert_eq!(writes.len(), LOG_BATCHES_MAX);
        assert_eq!(refusal.map(|refusal| refusal.quantity), Some(3));
        assert_eq!(writes[0].max_ns, (LOG_BATCHES_MAX as i64 + 2) * 2 * HOUR);
    }

    #[test]
    fn the_same_content_has_the_same_key() {
        let key = |time_ns: i64| prepared(vec![log(time_ns, 0)]).0[0].content_key;
        assert_eq!(key(HOUR), key(HOUR));
        assert_ne!(key(HOUR), key(HOUR + 1));
    }

    #[test]
    fn records_without_a_time_or_of_one_to_come_have_just_happened() {
        let received_ns = RECEIVED_MS * 1_000_000;
        let (writes, _) = prepared(vec![log(received_ns + 3 * HOUR, 0), log(received_ns, 1), log(0, 0)]);
        let times: Vec<_> = writes.iter().map(|write| (write.min_ns, write.max_ns, write.record_count)).collect();
        assert_eq!(times, [(received_ns, received_ns, 1), (received_ns, received_ns, 2)]);
        let mut batch = LogBatch { resources: vec![Resource::default()], records: vec![log(0, 0)] };
        normalise(&mut batch, &project(), &scrub::Rules::default(), 1);
        let key = |received_ms: i64| prepare(batch.clone(), &project(), received_ms).0[0].content_key;
        assert_eq!(key(1_000_000), key(2_000_000), "the same delivered again");
    }
}
