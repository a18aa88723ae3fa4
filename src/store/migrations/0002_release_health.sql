-- Releases by environment ('' is none), as seen on events, spans and sessions.
CREATE TABLE release (
    project_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    environment TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    PRIMARY KEY (project_id, version, environment)
) WITHOUT ROWID;
CREATE INDEX release_last_seen ON release (last_seen_ms);

-- What is counted of a release, by hour since the epoch. Every session stands in exactly one of the session counts.
CREATE TABLE release_hour (
    project_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    environment TEXT NOT NULL,
    hour INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    new_issue_count INTEGER NOT NULL,
    healthy_count INTEGER NOT NULL,
    errored_count INTEGER NOT NULL,
    unhandled_count INTEGER NOT NULL,
    abnormal_count INTEGER NOT NULL,
    crashed_count INTEGER NOT NULL,
    duration_ms_sum INTEGER NOT NULL,
    duration_count INTEGER NOT NULL,
    PRIMARY KEY (project_id, version, environment, hour)
) WITHOUT ROWID;
CREATE INDEX release_hour_hour ON release_hour (hour);

-- Distinct users as mergeable sketches; apart from the counts so that those rows stay small.
CREATE TABLE release_users (
    project_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    environment TEXT NOT NULL,
    hour INTEGER NOT NULL,
    users BLOB NOT NULL,
    crashed_users BLOB NOT NULL,
    PRIMARY KEY (project_id, version, environment, hour)
);
CREATE INDEX release_users_hour ON release_users (hour);

-- Single sessions that may still be heard of: where they are counted, so that the count can move with them.
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    sid BLOB NOT NULL,
    version TEXT NOT NULL,
    environment TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    fate INTEGER NOT NULL,
    duration_ms INTEGER,
    UNIQUE (project_id, sid)
);
CREATE INDEX session_started ON session (started_ms);

-- Deliveries of things that have no id of their own but came in a request that can be told from others.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    delivery_key INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (project_id, delivery_key)
);
CREATE INDEX delivery_received ON delivery (received_ms);

-- What SDKs say they did not send; apart from outcome, which is what became of what they did send.
CREATE TABLE client_discard (
    project_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    category TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, kind, reason, category)
) WITHOUT ROWID;
