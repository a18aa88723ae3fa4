-- Time is unix milliseconds (_ms) or nanoseconds (_ns), UTC. Ids of events and batches rise with time.

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    -- The next short id is one more.
    last_short_no INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE project_key (
    public_key BLOB PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    label TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE issue (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    short_no INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    culprit TEXT NOT NULL,
    ty TEXT,
    value TEXT,
    filename TEXT,
    function TEXT,
    line INTEGER,
    level TEXT NOT NULL,
    platform TEXT NOT NULL,
    status TEXT NOT NULL,
    is_unhandled INTEGER NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    user_count INTEGER NOT NULL,
    first_release TEXT,
    last_release TEXT,
    UNIQUE (project_id, short_no)
);
CREATE INDEX issue_last_seen ON issue (last_seen_ms, id);
CREATE INDEX issue_first_seen ON issue (first_seen_ms, id);

-- Which issue a grouping hash belongs to: secondary hashes and merges.
CREATE TABLE issue_hash (
    project_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    issue_id INTEGER NOT NULL,
    PRIMARY KEY (project_id, hash)
) WITHOUT ROWID;

CREATE TABLE issue_hour (
    issue_id INTEGER NOT NULL,
    -- Hours since the epoch.
    hour INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    PRIMARY KEY (issue_id, hour)
) WITHOUT ROWID;

-- Distinct users as a mergeable sketch; apart from the issue so that a busy issue's row stays small.
CREATE TABLE issue_users (
    issue_id INTEGER PRIMARY KEY,
    sketch BLOB NOT NULL
);

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    issue_id INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    platform TEXT NOT NULL,
    title TEXT NOT NULL,
    culprit TEXT NOT NULL,
    release TEXT,
    environment TEXT,
    trace_id BLOB,
    span_id BLOB,
    grouping_version INTEGER NOT NULL,
    -- Length of the JSON before compression.
    body_bytes INTEGER NOT NULL,
    -- 1: zstd without dictionary.
    body_codec INTEGER NOT NULL,
    body BLOB NOT NULL,
    -- The event id first: it is looked up with and without its project.
    UNIQUE (event_id, project_id)
);
CREATE INDEX event_issue ON event (issue_id, id);
CREATE INDEX event_trace ON event (trace_id) WHERE trace_id IS NOT NULL;

-- Spans as acknowledged, one body per request; sealing into chunks comes on top of this.
CREATE TABLE span_batch (
    id INTEGER PRIMARY KEY,
    received_ms INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    body_codec INTEGER NOT NULL,
    body BLOB NOT NULL
);

-- Which batches hold spans of a trace. spans_key is a hash over the span ids, so that a batch delivered twice
-- (OTLP clients retry when an answer is lost) counts once.
CREATE TABLE trace_part (
    trace_key INTEGER NOT NULL,
    spans_key INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    PRIMARY KEY (trace_key, spans_key)
) WITHOUT ROWID;

-- One row per trace, merged from its parts in whatever order they come.
CREATE TABLE trace (
    trace_key INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL,
    project_id INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    root_rank INTEGER NOT NULL,
    root_span_id BLOB NOT NULL,
    root_name TEXT NOT NULL,
    root_op TEXT NOT NULL,
    root_service TEXT NOT NULL,
    root_kind INTEGER NOT NULL,
    root_source INTEGER NOT NULL,
    root_status INTEGER NOT NULL,
    root_http_status INTEGER,
    root_start_ns INTEGER NOT NULL,
    root_duration_ns INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    failed_span_count INTEGER NOT NULL,
    db_span_count INTEGER NOT NULL,
    has_sentry INTEGER NOT NULL,
    has_otel INTEGER NOT NULL,
    -- A request or a job, rather than a lone database or client call outside of any.
    is_request INTEGER NOT NULL,
    -- Service names, sorted, one per line.
    services TEXT NOT NULL
);
CREATE INDEX trace_start ON trace (start_ns, trace_key);
CREATE INDEX trace_request_start ON trace (is_request, start_ns, trace_key);

-- What became of everything that reached us.
CREATE TABLE outcome (
    project_id INTEGER NOT NULL,
    -- Hours since the epoch.
    hour INTEGER NOT NULL,
    category TEXT NOT NULL,
    reason TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, category, reason)
) WITHOUT ROWID;
