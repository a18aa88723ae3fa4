-- Bytes kept as they came. What they are is said by the row that names them: attachment, profile, replay_part.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    -- Hash over the bytes and what they are: the same thing sent again has the same key.
    key BLOB NOT NULL UNIQUE,
    received_ms INTEGER NOT NULL,
    -- Before compression.
    bytes INTEGER NOT NULL,
    chunk_count INTEGER NOT NULL,
    -- 0 until the last chunk and the row that names it are written. One that stays 0 was never acknowledged.
    is_whole INTEGER NOT NULL
);
CREATE INDEX blob_received ON blob (received_ms);

CREATE TABLE blob_chunk (
    blob_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    -- 0 as it came, 1 zstd.
    codec INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (blob_id, seq)
);

-- Files of events, whether the event is here or not.
CREATE TABLE attachment (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT,
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    -- Empty when the file was refused; then there is no blob but a problem.
    sha1 BLOB NOT NULL,
    problem TEXT,
    blob_id INTEGER,
    received_ms INTEGER NOT NULL,
    UNIQUE (event_id, project_id, sha1, name, kind)
);
CREATE INDEX attachment_received ON attachment (received_ms);

CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    profile_id BLOB NOT NULL,
    -- Of the process that sends chunks.
    profiler_id BLOB,
    -- Event id of the transaction it came with.
    transaction_id BLOB,
    trace_id BLOB,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- The JSON at the beginning; less than bytes when something else follows.
    json_bytes INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (profile_id, project_id)
);
CREATE INDEX profile_trace ON profile (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX profile_profiler ON profile (profiler_id, start_ms) WHERE profiler_id IS NOT NULL;
CREATE INDEX profile_received ON profile (received_ms);

-- Summary of the parts that have arrived, in whatever order.
CREATE TABLE replay (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    replay_id BLOB NOT NULL,
    start_ms INTEGER,
    end_ms INTEGER,
    url TEXT,
    platform TEXT,
    environment TEXT,
    release TEXT,
    segment_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- Of the last part.
    received_ms INTEGER NOT NULL,
    UNIQUE (replay_id, project_id)
);
CREATE INDEX replay_received ON replay (received_ms, id);

CREATE TABLE replay_part (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    replay_id BLOB NOT NULL,
    segment_id INTEGER NOT NULL,
    -- event, recording, video
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (replay_id, project_id, segment_id, kind)
);
CREATE INDEX replay_part_received ON replay_part (received_ms);

-- Traces and errors that a replay names.
CREATE TABLE replay_link (
    -- A trace id or an event id.
    target BLOB NOT NULL,
    replay_id BLOB NOT NULL,
    project_id INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (target, replay_id, project_id)
) WITHOUT ROWID;
CREATE INDEX replay_link_received ON replay_link (received_ms);
