-- Log records as acknowledged, one body per request and hour of its records; what a list needs to pass a batch by
-- without opening it stands beside the body.
CREATE TABLE log_batch (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    -- Hash of project and content: the same batch delivered twice is kept once.
    content_key INTEGER NOT NULL UNIQUE,
    received_ms INTEGER NOT NULL,
    min_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    -- Sum of the bits of its levels: 1 unknown, 2 trace, 4 debug, 8 info, 16 warn, 32 error, 64 fatal.
    levels INTEGER NOT NULL,
    -- Distinct, sorted, one per line.
    services TEXT NOT NULL,
    environments TEXT NOT NULL,
    body_codec INTEGER NOT NULL,
    body BLOB NOT NULL
);
-- Newest first; the columns behind the first two spare opening the row of a batch that cannot match.
CREATE INDEX log_batch_time ON log_batch (max_ns, id, min_ns, project_id, levels, services, environments);
CREATE INDEX log_batch_received ON log_batch (received_ms);

-- Which batches hold logs of a trace.
CREATE TABLE log_trace (
    trace_key INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    PRIMARY KEY (trace_key, batch_id)
) WITHOUT ROWID;
CREATE INDEX log_trace_batch ON log_trace (batch_id);

-- Records by minute, for the histogram and the lists of services and environments.
CREATE TABLE log_minute (
    -- Minutes since the epoch.
    minute INTEGER NOT NULL,
    project_id INTEGER NOT NULL,
    service TEXT NOT NULL,
    -- Empty: none.
    environment TEXT NOT NULL,
    -- 0 unknown, 1 trace, 2 debug, 3 info, 4 warn, 5 error, 6 fatal.
    level INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    PRIMARY KEY (minute, project_id, service, environment, level)
) WITHOUT ROWID;

-- Metric points as acknowledged, one body per request.
CREATE TABLE metric_batch (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    content_key INTEGER NOT NULL UNIQUE,
    received_ms INTEGER NOT NULL,
    point_count INTEGER NOT NULL,
    body_codec INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX metric_batch_received ON metric_batch (received_ms);

-- What was ever measured.
CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- 0 counter, 1 gauge, 2 distribution.
    kind INTEGER NOT NULL,
    unit TEXT NOT NULL,
    -- Of the latest point.
    last REAL NOT NULL,
    last_ns INTEGER NOT NULL,
    UNIQUE (name, project_id, kind, unit)
);

-- Points by minute, which is what charts are drawn from.
CREATE TABLE metric_minute (
    metric_id INTEGER NOT NULL,
    -- Minutes since the epoch.
    minute INTEGER NOT NULL,
    point_count INTEGER NOT NULL,
    sum REAL NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    last REAL NOT NULL,
    last_ns INTEGER NOT NULL,
    PRIMARY KEY (metric_id, minute)
) WITHOUT ROWID;
CREATE INDEX metric_minute_time ON metric_minute (minute);

-- Which batches hold points of a metric, and of when.
CREATE TABLE metric_part (
    metric_id INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    min_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    PRIMARY KEY (metric_id, batch_id)
) WITHOUT ROWID;
CREATE INDEX metric_part_batch ON metric_part (batch_id);
