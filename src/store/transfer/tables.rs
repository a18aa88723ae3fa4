//! What is carried over row by row: which columns, how rows that others need are named, and what happens to a row that is
//! there already.
//!
//! Rows name each other by what is the same in every store (a monitor by its slug, bytes by their hash), never by
//! numbers a store gave out. Written twice, every statement here changes nothing.

use super::issues::ISSUE_WRITE;
use super::json::Ty;

/// What an issue counts by itself, also when others are merged into it.
macro_rules! own {
    ($column:literal) => {
        concat!(
            "iif(merged_count > 0, (SELECT own.",
            $column,
            " FROM issue_own AS own WHERE own.issue_id = issue.id), ",
            $column,
            ")"
        )
    };
}

/// Rows that become a line each.
pub(super) struct Table {
    pub(super) kind: &'static str,
    /// Name in the line, type, and what is read for it.
    pub(super) fields: &'static [(&'static str, Ty, &'static str)],
    pub(super) from: &'static str,
    /// What rows are ordered and paged by; unique.
    pub(super) key: &'static [&'static str],
    /// The project of a row.
    pub(super) project: Option<&'static str>,
    /// When a row came, in unix milliseconds.
    pub(super) time: Option<&'static str>,
    /// `body_codec` and `body` are JSON, kept as events are.
    pub(super) has_body: bool,
    /// Run in turn with the line's values by name. Counts are collected first ([`super::counts`]).
    pub(super) write: &'static [&'static str],
    /// Sketches of users: field, and how to read and write the one that is there.
    pub(super) sketches: &'static [(&'static str, &'static str, &'static str)],
}

impl Table {
    pub(super) const fn new(kind: &'static str, from: &'static str, key: &'static [&'static str]) -> Self {
        Self { kind, fields: &[], from, key, project: None, time: None, has_body: false, write: &[], sketches: &[] }
    }
}

/// Before spans, logs and metrics, in this order: each may need those before it.
pub(super) const FIRST: &[Table] = &[
    Table {
        fields: &[
            ("id", Ty::Int, "id"),
            ("slug", Ty::Text, "slug"),
            ("name", Ty::Text, "name"),
            ("platform", Ty::Text, "platform"),
            ("created_ms", Ty::Int, "created_ms"),
            ("last_short_no", Ty::Int, "last_short_no"),
        ],
        project: Some("id"),
        write: &[
            // A project keeps its number, because it stands in DSNs. One that was never used takes the name that comes.
            "INSERT INTO project (id, slug, name, platform, created_ms, last_short_no)
             VALUES (:id, CASE WHEN EXISTS (SELECT 1 FROM project WHERE slug = :slug AND id <> :id)
                THEN :slug || '-' || :id ELSE :slug END, :name, :platform, :created_ms, :last_short_no)
             ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, name = excluded.name, platform = excluded.platform,
                 created_ms = excluded.created_ms
             WHERE NOT EXISTS (SELECT 1 FROM outcome WHERE project_id = :id)",
            "UPDATE project SET last_short_no = max(last_short_no, :last_short_no) WHERE id = :id",
        ],
        ..Table::new("project", "project", &["id"])
    },
    Table {
        fields: &[
            ("public_key", Ty::Hex, "public_key"),
            ("project_id", Ty::Int, "project_id"),
            ("label", Ty::Text, "label"),
            ("is_active", Ty::Int, "is_active"),
            ("created_ms", Ty::Int, "created_ms"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO project_key (public_key, project_id, label, is_active, created_ms)
             VALUES (:public_key, :project_id, :label, :is_active, :created_ms) ON CONFLICT (public_key) DO NOTHING"],
        ..Table::new("project_key", "project_key", &["public_key"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("version", Ty::Int, "version"),
            ("settings", Ty::Json, "settings"),
            ("updated_ms", Ty::Int, "updated_ms"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO project_settings (project_id, version, settings, updated_ms)
             VALUES (:project_id, :version, :settings, :updated_ms) ON CONFLICT (project_id) DO NOTHING"],
        ..Table::new("project_settings", "project_settings", &["project_id"])
    },
    Table {
        fields: &[
            ("id", Ty::Int, "id"),
            ("project_id", Ty::Int, "project_id"),
            ("short_no", Ty::Int, "short_no"),
            ("issue_kind", Ty::Text, "issue.kind"),
            ("title", Ty::Text, "title"),
            ("culprit", Ty::Text, "culprit"),
            ("ty", Ty::Text, "ty"),
            ("value", Ty::Text, "value"),
            ("filename", Ty::Text, "filename"),
            ("function", Ty::Text, "function"),
            ("line", Ty::Int, "line"),
            ("level", Ty::Text, "level"),
            ("platform", Ty::Text, "platform"),
            ("status", Ty::Text, "status"),
            ("is_unhandled", Ty::Int, own!("is_unhandled")),
            ("first_seen_ms", Ty::Int, own!("first_seen_ms")),
            ("last_seen_ms", Ty::Int, own!("last_seen_ms")),
            ("event_count", Ty::Int, own!("event_count")),
            ("user_count", Ty::Int, own!("user_count")),
            ("first_release", Ty::Text, own!("first_release")),
            ("last_release", Ty::Text, own!("last_release")),
            (
                "hashes",
                Ty::Json,
                "(SELECT json_group_array(lower(hex(hash))) FROM
                    (SELECT hash FROM issue_hash WHERE issue_hash.project_id = issue.project_id
                     AND issue_hash.issue_id = issue.id ORDER BY hash))",
            ),
            (
                "hours",
                Ty::Json,
                "(SELECT json_group_array(json_array(hour, event_count)) FROM
                    (SELECT hour, event_count FROM issue_hour WHERE issue_id = issue.id
                         AND NOT EXISTS (SELECT 1 FROM issue_own AS own WHERE own.issue_id = issue.id)
                     UNION ALL SELECT hour, event_count FROM issue_own_hour WHERE issue_id = issue.id
                     ORDER BY hour))",
            ),
            (
                "environments",
                Ty::Json,
                "(SELECT json_group_array(json_array(environment, first_seen_ms, last_seen_ms, event_count)) FROM
                    (SELECT environment, first_seen_ms, last_seen_ms, event_count FROM issue_environment
                     WHERE issue_id = issue.id
                         AND NOT EXISTS (SELECT 1 FROM issue_own AS own WHERE own.issue_id = issue.id)
                     UNION ALL SELECT environment, first_seen_ms, last_seen_ms, event_count FROM issue_own_environment
                     WHERE issue_id = issue.id
                     ORDER BY environment))",
            ),
            // Of one whose hours are not all here: where those of this store begin.
            (
                "hours_from",
                Ty::Int,
                "iif(coalesce((SELECT own.event_count FROM issue_own AS own WHERE own.issue_id = issue.id)
                             > (SELECT coalesce(sum(issue_own_hour.event_count), 0) FROM issue_own_hour
                                WHERE issue_id = issue.id),
                         event_count > (SELECT coalesce(sum(issue_hour.event_count), 0) FROM issue_hour
                                        WHERE issue_id = issue.id)),
                     (SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'issue_hours_from'), NULL)",
            ),
            (
                "users",
                Ty::Hex,
                "CASE WHEN EXISTS (SELECT 1 FROM issue_own AS own WHERE own.issue_id = issue.id)
                     THEN (SELECT own.sketch FROM issue_own AS own WHERE own.issue_id = issue.id)
                     ELSE (SELECT sketch FROM issue_users WHERE issue_id = issue.id) END",
            ),
            ("substatus", Ty::Text, "substatus"),
            ("standing", Ty::Json, "status_json"),
            ("changed_ms", Ty::Int, "changed_ms"),
            ("assignee", Ty::Text, "assignee"),
            ("priority", Ty::Int, "priority"),
            ("is_bookmarked", Ty::Int, "is_bookmarked"),
            ("merged_into", Ty::Int, "merged_into"),
            ("deleted_ms", Ty::Int, "deleted_ms"),
        ],
        project: Some("project_id"),
        write: ISSUE_WRITE,
        sketches: &[(
            "users",
            concat!("SELECT sketch FROM issue_users WHERE issue_id = ", here!(":id")),
            concat!(
                "INSERT INTO issue_users (issue_id, sketch) VALUES (",
                here!(":id"),
                ", :sketch) ON CONFLICT (issue_id) DO UPDATE SET sketch = :sketch"
            ),
        )],
        ..Table::new("issue", "issue", &["id"])
    },
    Table {
        fields: &[
            ("id", Ty::Int, "issue_activity.id"),
            ("project_id", Ty::Int, "issue.project_id"),
            ("issue_id", Ty::Int, "issue_activity.issue_id"),
            ("at_ms", Ty::Int, "at_ms"),
            ("by_name", Ty::Text, "by_name"),
            ("activity", Ty::Text, "issue_activity.kind"),
            ("text", Ty::Text, "text"),
            ("edited_ms", Ty::Int, "edited_ms"),
            ("detail", Ty::Json, "detail"),
        ],
        project: Some("issue.project_id"),
        write: &[
            concat!(
                "INSERT INTO issue_activity (id, issue_id, at_ms, by_name, kind, text, edited_ms, detail)
                 SELECT CASE WHEN EXISTS (SELECT 1 FROM issue_activity WHERE id = :id) THEN NULL ELSE :id END,
                     issue.id, :at_ms, :by_name, :activity, :text, :edited_ms, :detail
                 FROM issue WHERE issue.id = coalesce(",
                here!(":issue_id"),
                ", :issue_id) AND :activity IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM issue_activity AS known WHERE known.issue_id = issue.id
                         AND known.at_ms = :at_ms AND known.kind = :activity AND known.by_name IS :by_name
                         AND (known.text IS :text OR known.id = :id))"
            ),
            "INSERT INTO person (name, last_ms)
             SELECT value, :at_ms FROM json_each(json_array(:by_name, iif(:activity = 'assigned', :detail ->> 'to', NULL)))
             WHERE value IS NOT NULL
             ON CONFLICT (name) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)",
        ],
        ..Table::new(
            "issue_activity",
            "issue_activity JOIN issue ON issue.id = issue_activity.issue_id",
            &["issue_activity.id"],
        )
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("issue_id", Ty::Int, "issue_id"),
            ("short_no", Ty::Int, "short_no"),
            ("title", Ty::Text, "title"),
            ("culprit", Ty::Text, "culprit"),
            ("by_name", Ty::Text, "by_name"),
            ("at_ms", Ty::Int, "at_ms"),
            ("event_count", Ty::Int, "event_count"),
            ("last_ms", Ty::Int, "last_ms"),
            (
                "hashes",
                Ty::Json,
                "(SELECT json_group_array(lower(hex(hash))) FROM
                    (SELECT hash FROM issue_hash WHERE discard_id = discard.id ORDER BY hash))",
            ),
        ],
        project: Some("project_id"),
        write: &[
            "INSERT INTO discard (project_id, issue_id, short_no, title, culprit, by_name, at_ms, event_count, last_ms)
             SELECT :project_id, :issue_id, :short_no, :title, :culprit, :by_name, :at_ms, :event_count, :last_ms
             WHERE NOT EXISTS (SELECT 1 FROM discard WHERE project_id = :project_id AND issue_id = :issue_id
                 AND at_ms = :at_ms)",
            // A bug that is alive here is not discarded.
            "INSERT INTO issue_hash (project_id, hash, issue_id, is_deleted, discard_id)
             SELECT :project_id, unhex(value), :issue_id, 1, (SELECT id FROM discard WHERE project_id = :project_id
                 AND issue_id = :issue_id AND at_ms = :at_ms)
             FROM json_each(:hashes) WHERE true
             ON CONFLICT (project_id, hash) DO UPDATE SET discard_id = excluded.discard_id
             WHERE issue_hash.is_deleted = 1 AND issue_hash.discard_id IS NULL",
        ],
        ..Table::new("discard", "discard", &["id"])
    },
    Table {
        fields: &[
            ("id", Ty::Int, "id"),
            ("project_id", Ty::Int, "project_id"),
            ("event_id", Ty::Hex, "event_id"),
            ("issue_id", Ty::Int, "issue_id"),
            ("timestamp_ms", Ty::Int, "timestamp_ms"),
            ("received_ms", Ty::Int, "received_ms"),
            ("event_kind", Ty::Text, "event.kind"),
            ("level", Ty::Text, "level"),
            ("platform", Ty::Text, "platform"),
            ("title", Ty::Text, "title"),
            ("culprit", Ty::Text, "culprit"),
            ("release", Ty::Text, "release"),
            ("environment", Ty::Text, "environment"),
            ("trace_id", Ty::Hex, "trace_id"),
            ("span_id", Ty::Hex, "span_id"),
            ("grouping_version", Ty::Int, "grouping_version"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        has_body: true,
        write: &[concat!(
            "INSERT INTO event (id, project_id, event_id, issue_id, timestamp_ms, received_ms, kind, level, platform,
                 title, culprit, release, environment, trace_id, span_id, grouping_version, body_bytes, body_codec, body)
             VALUES (CASE WHEN EXISTS (SELECT 1 FROM event WHERE id = :id) THEN NULL ELSE :id END, :project_id,
                 :event_id, (SELECT id FROM issue WHERE id = coalesce(",
            here!(":issue_id"),
            ", :issue_id)), :timestamp_ms, :received_ms, :event_kind,
                 :level, :platform, :title, :culprit, :release, :environment, :trace_id, :span_id, :grouping_version,
                 :body_bytes, :body_codec, :body)
             ON CONFLICT (event_id, project_id) DO NOTHING"
        )],
        ..Table::new("event", "event", &["id"])
    },
    Table {
        fields: &[
            ("report_id", Ty::Hex, "report_id"),
            ("project_id", Ty::Int, "project_id"),
            ("event_id", Ty::Hex, "(SELECT event.event_id FROM event WHERE event.id = event_row)"),
            ("source", Ty::Int, "source"),
            ("reporter", Ty::Int, "reporter"),
            ("timestamp_ms", Ty::Int, "timestamp_ms"),
            ("span_id", Ty::Hex, "span_id"),
            ("label", Ty::Text, "label"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO error_report (event_row, report_id, project_id, source, reporter, timestamp_ms, span_id, label)
             SELECT event.id, :report_id, :project_id, :source, :reporter, :timestamp_ms, :span_id, :label
             FROM event WHERE event.event_id = :event_id AND event.project_id = :project_id
             ON CONFLICT DO NOTHING"],
        ..Table::new("error_report", "error_report", &["report_id", "project_id"])
    },
    Table {
        fields: &[
            ("id", Ty::Int, "id"),
            ("project_id", Ty::Int, "project_id"),
            ("feedback_id", Ty::Hex, "feedback_id"),
            ("received_ms", Ty::Int, "received_ms"),
            ("timestamp_ms", Ty::Int, "timestamp_ms"),
            ("source", Ty::Text, "source"),
            ("event_id", Ty::Hex, "event_id"),
            ("message", Ty::Text, "message"),
            ("name", Ty::Text, "name"),
            ("email", Ty::Text, "email"),
            ("url", Ty::Text, "url"),
            ("replay_id", Ty::Hex, "replay_id"),
            ("trace_id", Ty::Hex, "trace_id"),
            ("span_id", Ty::Hex, "span_id"),
            ("release", Ty::Text, "release"),
            ("environment", Ty::Text, "environment"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        has_body: true,
        write: &["INSERT INTO feedback (id, project_id, feedback_id, received_ms, timestamp_ms, source, event_id, message,
                 name, email, url, replay_id, trace_id, span_id, release, environment, body_codec, body)
             VALUES (CASE WHEN EXISTS (SELECT 1 FROM feedback WHERE id = :id) THEN NULL ELSE :id END, :project_id,
                 :feedback_id, :received_ms, :timestamp_ms, :source, :event_id, :message, :name, :email, :url,
                 :replay_id, :trace_id, :span_id, :release, :environment, :body_codec, :body)
             ON CONFLICT (feedback_id, project_id) DO NOTHING"],
        ..Table::new("feedback", "feedback", &["id"])
    },
];

/// A whole blob and then its chunks, each a line; those that were never acknowledged stay behind.
pub(super) const BLOB: Table = Table {
    fields: &[
        ("key", Ty::Hex, "key"),
        ("project_id", Ty::Int, "project_id"),
        ("received_ms", Ty::Int, "received_ms"),
        ("bytes", Ty::Int, "bytes"),
        ("chunk_count", Ty::Int, "chunk_count"),
        ("stored_as", Ty::Text, "stored_as"),
    ],
    project: Some("project_id"),
    time: Some("received_ms"),
    // Whole only when all chunks have come; see the end of a chunk's line. One that was never finished, or is being
    // dropped, becomes what the line says.
    write: &[
        "INSERT INTO blob (project_id, key, received_ms, bytes, chunk_count, is_whole, kind)
         VALUES (:project_id, :key, :received_ms, :bytes, :chunk_count, 0, coalesce(:stored_as, 'attachments'))
         ON CONFLICT (key) DO UPDATE SET received_ms = excluded.received_ms, bytes = excluded.bytes,
             chunk_count = excluded.chunk_count, kind = excluded.kind
         WHERE is_whole = 0",
        BLOB_WHOLE,
    ],
    ..Table::new(
        "blob",
        "(SELECT id, key, project_id, received_ms, bytes, chunk_count, kind AS stored_as FROM blob WHERE is_whole = 1)",
        &["id"],
    )
};

/// A blob counts as kept from here on, by what it is kept as and its bytes.
const BLOB_WHOLE: &str = "UPDATE blob SET is_whole = 1,
         stored_bytes = (SELECT coalesce(sum(length(body)), 0) FROM blob_chunk WHERE blob_id = blob.id)
     WHERE key = :key AND is_whole = 0
         AND chunk_count = (SELECT count(*) FROM blob_chunk WHERE blob_id = blob.id AND seq < chunk_count)";

pub(super) const CHUNK_WRITE: &[&str] = &[
    "INSERT INTO blob_chunk (blob_id, seq, codec, body)
     SELECT id, :seq, :codec, :body FROM blob WHERE key = :key AND is_whole = 0
     ON CONFLICT (blob_id, seq) DO NOTHING",
    BLOB_WHOLE,
];

/// What names blobs, and jobs.
pub(super) const MIDDLE: &[Table] = &[
    Table {
        fields: &[
            ("id", Ty::Int, "id"),
            ("project_id", Ty::Int, "project_id"),
            ("event_id", Ty::Hex, "event_id"),
            ("name", Ty::Text, "name"),
            ("content_type", Ty::Text, "content_type"),
            ("attachment_kind", Ty::Text, "attachment.kind"),
            ("bytes", Ty::Int, "bytes"),
            ("sha1", Ty::Hex, "sha1"),
            ("problem", Ty::Text, "problem"),
            ("blob", Ty::Hex, "(SELECT key FROM blob WHERE blob.id = attachment.blob_id)"),
            ("received_ms", Ty::Int, "received_ms"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO attachment (id, project_id, event_id, name, content_type, kind, bytes, sha1, problem, blob_id,
                 received_ms)
             VALUES (CASE WHEN EXISTS (SELECT 1 FROM attachment WHERE id = :id) THEN NULL ELSE :id END, :project_id,
                 :event_id, :name, :content_type, :attachment_kind, :bytes, :sha1, :problem,
                 (SELECT id FROM blob WHERE key = :blob), :received_ms)
             ON CONFLICT (event_id, project_id, sha1, name, kind) DO NOTHING"],
        ..Table::new("attachment", "attachment", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("profile_id", Ty::Hex, "profile_id"),
            ("profiler_id", Ty::Hex, "profiler_id"),
            ("transaction_id", Ty::Hex, "transaction_id"),
            ("trace_id", Ty::Hex, "trace_id"),
            ("name", Ty::Text, "name"),
            ("platform", Ty::Text, "platform"),
            ("start_ms", Ty::Int, "start_ms"),
            ("end_ms", Ty::Int, "end_ms"),
            ("samples", Ty::Int, "samples"),
            ("bytes", Ty::Int, "bytes"),
            ("json_bytes", Ty::Int, "json_bytes"),
            ("blob", Ty::Hex, "(SELECT key FROM blob WHERE blob.id = profile.blob_id)"),
            ("received_ms", Ty::Int, "received_ms"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO profile (id, project_id, profile_id, profiler_id, transaction_id, trace_id, name, platform,
                 start_ms, end_ms, samples, bytes, json_bytes, blob_id, received_ms)
             VALUES ((SELECT id FROM blob WHERE key = :blob), :project_id, :profile_id, :profiler_id, :transaction_id,
                 :trace_id, :name, :platform, :start_ms, :end_ms, :samples, :bytes, :json_bytes,
                 (SELECT id FROM blob WHERE key = :blob), :received_ms)
             ON CONFLICT DO NOTHING"],
        ..Table::new("profile", "profile", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("replay_id", Ty::Hex, "replay_id"),
            ("start_ms", Ty::Int, "start_ms"),
            ("end_ms", Ty::Int, "end_ms"),
            ("url", Ty::Text, "url"),
            ("platform", Ty::Text, "platform"),
            ("environment", Ty::Text, "environment"),
            ("release", Ty::Text, "release"),
            ("segment_count", Ty::Int, "segment_count"),
            ("error_count", Ty::Int, "error_count"),
            ("bytes", Ty::Int, "bytes"),
            ("received_ms", Ty::Int, "received_ms"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO replay (project_id, replay_id, start_ms, end_ms, url, platform, environment, release,
                 segment_count, error_count, bytes, received_ms)
             VALUES (:project_id, :replay_id, :start_ms, :end_ms, :url, :platform, :environment, :release,
                 :segment_count, :error_count, :bytes, :received_ms)
             ON CONFLICT (replay_id, project_id) DO UPDATE SET
                 start_ms = min(coalesce(start_ms, excluded.start_ms), coalesce(excluded.start_ms, start_ms)),
                 end_ms = max(coalesce(end_ms, excluded.end_ms), coalesce(excluded.end_ms, end_ms)),
                 segment_count = max(segment_count, excluded.segment_count),
                 error_count = max(error_count, excluded.error_count), bytes = max(bytes, excluded.bytes),
                 received_ms = max(received_ms, excluded.received_ms)"],
        ..Table::new("replay", "replay", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("replay_id", Ty::Hex, "replay_id"),
            ("segment_id", Ty::Int, "segment_id"),
            ("part_kind", Ty::Text, "replay_part.kind"),
            ("bytes", Ty::Int, "bytes"),
            ("blob", Ty::Hex, "(SELECT key FROM blob WHERE blob.id = replay_part.blob_id)"),
            ("received_ms", Ty::Int, "received_ms"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO replay_part (id, project_id, replay_id, segment_id, kind, bytes, blob_id, received_ms)
             VALUES ((SELECT id FROM blob WHERE key = :blob), :project_id, :replay_id, :segment_id, :part_kind, :bytes,
                 (SELECT id FROM blob WHERE key = :blob), :received_ms)
             ON CONFLICT DO NOTHING"],
        ..Table::new("replay_part", "replay_part", &["id"])
    },
    Table {
        fields: &[
            ("target", Ty::Hex, "target"),
            ("replay_id", Ty::Hex, "replay_id"),
            ("project_id", Ty::Int, "project_id"),
            ("received_ms", Ty::Int, "received_ms"),
        ],
        project: Some("project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO replay_link (target, replay_id, project_id, received_ms)
             VALUES (:target, :replay_id, :project_id, :received_ms) ON CONFLICT DO NOTHING"],
        ..Table::new("replay_link", "replay_link", &["target", "replay_id", "project_id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("slug", Ty::Text, "slug"),
            ("name", Ty::Text, "name"),
            ("schedule", Ty::Text, "schedule"),
            ("schedule_unit", Ty::Text, "schedule_unit"),
            ("timezone", Ty::Text, "timezone"),
            ("margin_min", Ty::Int, "margin_min"),
            ("runtime_min_max", Ty::Int, "runtime_min_max"),
            ("failure_threshold", Ty::Int, "failure_threshold"),
            ("recovery_threshold", Ty::Int, "recovery_threshold"),
            ("owner", Ty::Text, "owner"),
            ("created_ms", Ty::Int, "created_ms"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO monitor (project_id, slug, name, schedule, schedule_unit, timezone, margin_min,
                 runtime_min_max, failure_threshold, recovery_threshold, owner, created_ms)
             VALUES (:project_id, :slug, :name, :schedule, :schedule_unit, :timezone, :margin_min, :runtime_min_max,
                 :failure_threshold, :recovery_threshold, :owner, :created_ms)
             ON CONFLICT (project_id, slug) DO NOTHING"],
        ..Table::new("monitor", "monitor", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "monitor.project_id"),
            ("monitor", Ty::Text, "monitor.slug"),
            ("name", Ty::Text, "monitor_environment.name"),
            ("created_ms", Ty::Int, "monitor_environment.created_ms"),
            ("next_expected_ms", Ty::Int, "next_expected_ms"),
            ("overdue_ms", Ty::Int, "overdue_ms"),
            ("last_check_in_ms", Ty::Int, "last_check_in_ms"),
            ("failures", Ty::Int, "failures"),
            ("successes", Ty::Int, "successes"),
            ("incident_since_ms", Ty::Int, "incident_since_ms"),
            ("incident_events", Ty::Int, "incident_events"),
            ("incident_event_ms", Ty::Int, "incident_event_ms"),
            ("issue_id", Ty::Int, "issue_id"),
        ],
        project: Some("monitor.project_id"),
        // The state of a job is known best to the store that heard of it last.
        write: &[concat!("INSERT INTO monitor_environment (monitor_id, name, created_ms, next_expected_ms, overdue_ms,
                 last_check_in_ms, failures, successes, incident_since_ms, incident_events, incident_event_ms, issue_id)
             VALUES ((SELECT id FROM monitor WHERE project_id = :project_id AND slug = :monitor), :name, :created_ms,
                 :next_expected_ms, :overdue_ms, :last_check_in_ms, :failures, :successes, :incident_since_ms,
                 :incident_events, :incident_event_ms, coalesce(", here!(":issue_id"), ", :issue_id))
             ON CONFLICT (monitor_id, name) DO UPDATE SET next_expected_ms = excluded.next_expected_ms,
                 overdue_ms = excluded.overdue_ms, last_check_in_ms = excluded.last_check_in_ms,
                 failures = excluded.failures, successes = excluded.successes,
                 incident_since_ms = excluded.incident_since_ms, incident_events = excluded.incident_events,
                 incident_event_ms = excluded.incident_event_ms, issue_id = excluded.issue_id
             WHERE excluded.last_check_in_ms > coalesce(last_check_in_ms, 0)")],
        ..Table::new(
            "monitor_environment",
            "monitor_environment JOIN monitor ON monitor.id = monitor_id",
            &["monitor_environment.id"],
        )
    },
    Table {
        fields: &[
            ("id", Ty::Int, "check_in.id"),
            ("project_id", Ty::Int, "check_in.project_id"),
            ("check_in_id", Ty::Hex, "check_in_id"),
            ("monitor", Ty::Text, "monitor.slug"),
            ("environment", Ty::Text, "monitor_environment.name"),
            ("status", Ty::Text, "status"),
            ("started_ms", Ty::Int, "started_ms"),
            ("received_ms", Ty::Int, "received_ms"),
            ("finished_ms", Ty::Int, "finished_ms"),
            ("expected_ms", Ty::Int, "expected_ms"),
            ("duration_ms", Ty::Int, "duration_ms"),
            ("timeout_ms", Ty::Int, "timeout_ms"),
            ("unwatched_from_ms", Ty::Int, "unwatched_from_ms"),
            ("unwatched_to_ms", Ty::Int, "unwatched_to_ms"),
            ("release", Ty::Text, "release"),
            ("trace_id", Ty::Hex, "trace_id"),
        ],
        project: Some("check_in.project_id"),
        time: Some("received_ms"),
        write: &["INSERT INTO check_in (id, project_id, check_in_id, environment_id, status, started_ms, received_ms,
                 finished_ms, expected_ms, duration_ms, timeout_ms, unwatched_from_ms, unwatched_to_ms, release,
                 trace_id)
             VALUES (CASE WHEN EXISTS (SELECT 1 FROM check_in WHERE id = :id) THEN NULL ELSE :id END, :project_id,
                 :check_in_id, (SELECT monitor_environment.id FROM monitor_environment JOIN monitor ON monitor.id = monitor_id
                     WHERE monitor.project_id = :project_id AND monitor.slug = :monitor
                         AND monitor_environment.name = :environment),
                 :status, :started_ms, :received_ms, :finished_ms, :expected_ms, :duration_ms, :timeout_ms,
                 :unwatched_from_ms, :unwatched_to_ms, :release, :trace_id)
             ON CONFLICT (check_in_id, project_id) DO UPDATE SET status = excluded.status,
                 finished_ms = excluded.finished_ms, duration_ms = excluded.duration_ms, timeout_ms = excluded.timeout_ms,
                 unwatched_from_ms = excluded.unwatched_from_ms, unwatched_to_ms = excluded.unwatched_to_ms
             WHERE status = 'in_progress' AND excluded.status <> 'in_progress'"],
        ..Table::new(
            "check_in",
            "check_in JOIN monitor_environment ON monitor_environment.id = environment_id
                JOIN monitor ON monitor.id = monitor_id",
            &["check_in.id"],
        )
    },
    Table {
        fields: &[("from_ms", Ty::Int, "from_ms"), ("to_ms", Ty::Int, "to_ms")],
        write: &["INSERT INTO unwatched (from_ms, to_ms) VALUES (:from_ms, :to_ms)
             ON CONFLICT (from_ms) DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)"],
        ..Table::new("unwatched", "unwatched", &["from_ms"])
    },
];
