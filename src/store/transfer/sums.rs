//! Rows of [`super::tables`] that sum others up: numbers by minute, hour and day, and what they are of.
//!
//! How counts are merged that one of two stores has summed further is in [`super::counts`].

use super::json::Ty;
use super::releases::SESSION_WRITE;
use super::tables::Table;

/// Sums, after everything that is summed: of two for the same hour or minute the larger one stays.
pub(super) const LAST: &[Table] = &[
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("name", Ty::Text, "name"),
            ("metric_kind", Ty::Int, "metric.kind"),
            ("unit", Ty::Text, "unit"),
            ("last", Ty::Real, "last"),
            ("last_ns", Ty::Int, "last_ns"),
            ("description", Ty::Text, "description"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO metric (project_id, name, kind, unit, last, last_ns, description)
             VALUES (:project_id, :name, :metric_kind, :unit, :last, :last_ns, coalesce(:description, ''))
             ON CONFLICT (name, project_id, kind, unit) DO UPDATE SET
                 description = CASE WHEN description = '' THEN excluded.description ELSE description END,
                 last = CASE WHEN excluded.last_ns > last_ns THEN excluded.last ELSE last END,
                 last_ns = max(last_ns, excluded.last_ns)"],
        ..Table::new("metric", "metric", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("name", Ty::Text, "name"),
            ("metric_kind", Ty::Int, "metric.kind"),
            ("unit", Ty::Text, "unit"),
            ("minute", Ty::Int, "minute"),
            ("point_count", Ty::Int, "point_count"),
            ("sum", Ty::Real, "sum"),
            ("min", Ty::Real, "min"),
            ("max", Ty::Real, "max"),
            ("last", Ty::Real, "metric_minute.last"),
            ("last_ns", Ty::Int, "metric_minute.last_ns"),
            ("buckets", Ty::Hex, "metric_minute.buckets"),
        ],
        project: Some("project_id"),
        time: Some("minute * 60000"),
        write: &["INSERT INTO metric_minute (metric_id, minute, point_count, sum, min, max, last, last_ns, buckets)
             VALUES ((SELECT id FROM metric WHERE name = :name AND project_id = :project_id AND kind = :metric_kind
                 AND unit = :unit), :minute, :point_count, :sum, :min, :max, :last, :last_ns, :buckets)
             ON CONFLICT (metric_id, minute) DO UPDATE SET point_count = excluded.point_count, sum = excluded.sum,
                 min = excluded.min, max = excluded.max, last = excluded.last, last_ns = excluded.last_ns,
                 buckets = excluded.buckets
             WHERE excluded.point_count > point_count"],
        ..Table::new(
            "metric_minute",
            "metric_minute JOIN metric ON metric.id = metric_id",
            &["metric_minute.metric_id", "metric_minute.minute"],
        )
    },
    Table {
        fields: &[
            ("minute", Ty::Int, "minute"),
            ("project_id", Ty::Int, "project_id"),
            ("service", Ty::Text, "service"),
            ("environment", Ty::Text, "environment"),
            ("level", Ty::Int, "level"),
            ("record_count", Ty::Int, "record_count"),
        ],
        project: Some("project_id"),
        time: Some("minute * 60000"),
        write: &["INSERT INTO log_minute (minute, project_id, service, environment, level, record_count)
             VALUES (:minute, :project_id, :service, :environment, :level, :record_count)
             ON CONFLICT (minute, project_id, service, environment, level)
                 DO UPDATE SET record_count = max(record_count, excluded.record_count)"],
        ..Table::new("log_minute", "log_minute", &["minute", "project_id", "service", "environment", "level"])
    },
    Table {
        fields: &[("key", Ty::Int, "key"), ("measured", Ty::Int, "perf_name.kind"), ("name", Ty::Text, "name")],
        write: &[
            "INSERT INTO perf_name (key, kind, name) VALUES (:key, :measured, :name) ON CONFLICT (key) DO NOTHING",
        ],
        ..Table::new("perf_name", "perf_name", &["key"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("name_key", Ty::Int, "name_key"),
            ("within_key", Ty::Int, "within_key"),
            ("service", Ty::Text, "service"),
            ("environment", Ty::Text, "environment"),
            ("release", Ty::Text, "release"),
            ("hour", Ty::Int, "hour"),
            ("count", Ty::Int, "count"),
            ("sums", Ty::Hex, "body"),
            // Of the group: once, with the last of its hours.
            ("call_sites", Ty::Json, "iif(hour = last_hour AND json_valid(call_sites), call_sites, NULL)"),
        ],
        project: Some("project_id"),
        time: Some("hour * 3600000"),
        write: &[
            "INSERT INTO perf_group (project_id, name_key, within_key, service, environment, release, last_hour)
             VALUES (:project_id, :name_key, :within_key, :service, :environment, :release, :hour)
             ON CONFLICT DO UPDATE SET last_hour = max(last_hour, excluded.last_hour)",
            "INSERT INTO perf_hour (hour, group_id, count, body)
             VALUES (:hour, (SELECT id FROM perf_group WHERE name_key = :name_key AND within_key = :within_key
                 AND project_id = :project_id AND service = :service AND environment = :environment
                 AND release = :release), :count, :sums)
             ON CONFLICT (hour, group_id) DO UPDATE SET count = excluded.count, body = excluded.body
             WHERE excluded.count > count",
            // Those of the store that was asked last.
            "UPDATE perf_group SET call_sites = :call_sites
             WHERE name_key = :name_key AND within_key = :within_key AND project_id = :project_id
                 AND service = :service AND environment = :environment AND release = :release
                 AND :call_sites IS NOT NULL
                 AND coalesce(:call_sites ->> '$[0][2]' > call_sites ->> '$[0][2]', call_sites IS NULL)",
        ],
        ..Table::new(
            "perf_hour",
            "perf_hour JOIN perf_group ON perf_group.id = group_id",
            &["perf_hour.hour", "perf_hour.group_id"],
        )
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("name_key", Ty::Int, "name_key"),
            ("within_key", Ty::Int, "within_key"),
            ("service", Ty::Text, "service"),
            ("environment", Ty::Text, "environment"),
            ("release", Ty::Text, "release"),
            ("minute", Ty::Int, "minute"),
            ("count", Ty::Int, "count"),
            ("sums", Ty::Hex, "body"),
        ],
        project: Some("project_id"),
        time: Some("minute * 60000"),
        write: &[
            "INSERT INTO perf_group (project_id, name_key, within_key, service, environment, release, last_hour)
             VALUES (:project_id, :name_key, :within_key, :service, :environment, :release, :minute / 60)
             ON CONFLICT DO UPDATE SET last_hour = max(last_hour, excluded.last_hour)",
            "INSERT INTO perf_minute (minute, group_id, count, body)
             VALUES (:minute, (SELECT id FROM perf_group WHERE name_key = :name_key AND within_key = :within_key
                 AND project_id = :project_id AND service = :service AND environment = :environment
                 AND release = :release), :count, :sums)
             ON CONFLICT (minute, group_id) DO UPDATE SET count = excluded.count, body = excluded.body
             WHERE excluded.count > count",
        ],
        ..Table::new(
            "perf_minute",
            "perf_minute JOIN perf_group ON perf_group.id = group_id",
            &["perf_minute.minute", "perf_minute.group_id"],
        )
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("version", Ty::Text, "version"),
            ("environment", Ty::Text, "environment"),
            ("first_seen_ms", Ty::Int, "first_seen_ms"),
            ("last_seen_ms", Ty::Int, "last_seen_ms"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO release (project_id, version, environment, first_seen_ms, last_seen_ms)
             VALUES (:project_id, :version, :environment, :first_seen_ms, :last_seen_ms)
             ON CONFLICT (project_id, version, environment) DO UPDATE SET
                 first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
                 last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)"],
        ..Table::new("release", "release", &["project_id", "version", "environment"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("version", Ty::Text, "version"),
            ("environment", Ty::Text, "environment"),
            ("hour", Ty::Int, "hour"),
            ("event_count", Ty::Int, "event_count"),
            ("new_issue_count", Ty::Int, "new_issue_count"),
            ("healthy_count", Ty::Int, "healthy_count"),
            ("errored_count", Ty::Int, "errored_count"),
            ("unhandled_count", Ty::Int, "unhandled_count"),
            ("abnormal_count", Ty::Int, "abnormal_count"),
            ("crashed_count", Ty::Int, "crashed_count"),
            ("duration_ms_sum", Ty::Int, "duration_ms_sum"),
            ("duration_count", Ty::Int, "duration_count"),
        ],
        project: Some("project_id"),
        // Merged when sessions have come ([`super::releases`]).
        write: &[
            "INSERT INTO temp.release_hour_in (project_id, version, environment, hour, event_count, new_issue_count,
                 healthy_count, errored_count, unhandled_count, abnormal_count, crashed_count, duration_ms_sum,
                 duration_count)
             VALUES (:project_id, :version, :environment, :hour, :event_count, :new_issue_count, :healthy_count,
                 :errored_count, :unhandled_count, :abnormal_count, :crashed_count, :duration_ms_sum, :duration_count)",
        ],
        ..Table::new("release_hour", "release_hour", &["project_id", "version", "environment", "hour"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("version", Ty::Text, "version"),
            ("environment", Ty::Text, "environment"),
            ("hour", Ty::Int, "hour"),
            ("users", Ty::Hex, "users"),
            ("crashed_users", Ty::Hex, "crashed_users"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO release_users (project_id, version, environment, hour, users, crashed_users)
             VALUES (:project_id, :version, :environment, :hour, :users, :crashed_users) ON CONFLICT DO NOTHING"],
        sketches: &[
            (
                "users",
                "SELECT users FROM release_users WHERE project_id = :project_id AND version = :version
                     AND environment = :environment AND hour = :hour",
                "UPDATE release_users SET users = :sketch WHERE project_id = :project_id AND version = :version
                     AND environment = :environment AND hour = :hour",
            ),
            (
                "crashed_users",
                "SELECT crashed_users FROM release_users WHERE project_id = :project_id AND version = :version
                     AND environment = :environment AND hour = :hour",
                "UPDATE release_users SET crashed_users = :sketch WHERE project_id = :project_id AND version = :version
                     AND environment = :environment AND hour = :hour",
            ),
        ],
        ..Table::new("release_users", "release_users", &["project_id", "version", "environment", "hour"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("sid", Ty::Hex, "sid"),
            ("version", Ty::Text, "version"),
            ("environment", Ty::Text, "environment"),
            ("started_ms", Ty::Int, "started_ms"),
            ("sequence", Ty::Int, "sequence"),
            ("timestamp_ms", Ty::Int, "timestamp_ms"),
            ("fate", Ty::Int, "fate"),
            ("duration_ms", Ty::Int, "duration_ms"),
        ],
        project: Some("project_id"),
        write: SESSION_WRITE,
        ..Table::new("session", "session", &["id"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("hour", Ty::Int, "hour"),
            ("discard_kind", Ty::Text, "client_discard.kind"),
            ("reason", Ty::Text, "reason"),
            ("category", Ty::Text, "category"),
            ("quantity", Ty::Int, "quantity"),
            // Of the sum of hours that are kept no more: what it may hold.
            (
                "until_hour",
                Ty::Int,
                "iif(hour = 0, (SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'counts_summed_to'), NULL)",
            ),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO temp.client_discard_in (project_id, hour, kind, reason, category, quantity, until_hour)
             VALUES (:project_id, :hour, :discard_kind, :reason, :category, :quantity, :until_hour)"],
        ..Table::new(
            "client_discard",
            "client_discard",
            &["project_id", "hour", "client_discard.kind", "reason", "category"],
        )
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("hour", Ty::Int, "hour"),
            ("category", Ty::Text, "category"),
            ("reason", Ty::Text, "reason"),
            ("quantity", Ty::Int, "quantity"),
            // Of the sum of hours that are kept no more: what it may hold.
            (
                "until_hour",
                Ty::Int,
                "iif(hour = 0, (SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'counts_summed_to'), NULL)",
            ),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO temp.outcome_in (project_id, hour, category, reason, quantity, until_hour)
             VALUES (:project_id, :hour, :category, :reason, :quantity, :until_hour)"],
        ..Table::new("outcome", "outcome", &["project_id", "hour", "category", "reason"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("reason", Ty::Text, "reason"),
            ("detail", Ty::Text, "detail"),
            ("hour", Ty::Int, "hour"),
            ("category", Ty::Text, "category"),
            ("quantity", Ty::Int, "quantity"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO outcome_detail (project_id, reason, detail, hour, category, quantity)
             VALUES (:project_id, :reason, :detail, :hour, :category, :quantity)
             ON CONFLICT (project_id, reason, detail, hour, category)
                 DO UPDATE SET quantity = max(quantity, excluded.quantity)"],
        ..Table::new("outcome_detail", "outcome_detail", &["project_id", "reason", "detail", "hour", "category"])
    },
    Table {
        fields: &[
            ("project_id", Ty::Int, "project_id"),
            ("day", Ty::Int, "day"),
            ("public_key", Ty::Hex, "public_key"),
            ("data_group", Ty::Text, "data_group"),
            ("quantity", Ty::Int, "quantity"),
        ],
        project: Some("project_id"),
        write: &["INSERT INTO key_use (project_id, day, public_key, data_group, quantity)
             VALUES (:project_id, :day, :public_key, :data_group, :quantity)
             ON CONFLICT (project_id, day, public_key, data_group)
                 DO UPDATE SET quantity = max(quantity, excluded.quantity)"],
        ..Table::new("key_use", "key_use", &["project_id", "day", "public_key", "data_group"])
    },
];
