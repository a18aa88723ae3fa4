-- What was seen of an issue in one environment; empty for events that name none.
CREATE TABLE issue_environment (
    issue_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    PRIMARY KEY (environment, issue_id)
) WITHOUT ROWID;
CREATE INDEX issue_environment_last_seen ON issue_environment (environment, last_seen_ms, issue_id);
CREATE INDEX issue_environment_first_seen ON issue_environment (environment, first_seen_ms, issue_id);

INSERT INTO issue_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
SELECT issue_id, coalesce(environment, ''), min(timestamp_ms), max(timestamp_ms), count(*)
FROM event GROUP BY issue_id, coalesce(environment, '');
