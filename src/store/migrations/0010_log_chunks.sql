-- Log records at rest, in columns: those of a contiguous range of batches, each chunk with a stretch of their time.
CREATE TABLE log_chunk (
    -- Small, because its parts are named after it.
    id INTEGER PRIMARY KEY,
    -- The batches whose records it holds, together with the other chunks of the same range. Ranges do not overlap.
    first_batch_id INTEGER NOT NULL,
    last_batch_id INTEGER NOT NULL,
    -- Of its records' times.
    min_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    -- When the last of its batches came.
    received_ms INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    -- Of its parts.
    bytes INTEGER NOT NULL,
    -- As in log_batch.
    levels INTEGER NOT NULL,
    -- Distinct, sorted, one per line; null: too many to say.
    projects TEXT,
    services TEXT,
    environments TEXT
);
CREATE INDEX log_chunk_time ON log_chunk (max_ns);
CREATE INDEX log_chunk_range ON log_chunk (last_batch_id, first_batch_id);

-- Groups of columns and filters of a chunk, each readable without the others.
CREATE TABLE log_part (
    -- 16 times the chunk's id, and: 0 places, 1 texts, 2 traces, 3 details (proto/log_chunk.proto); filters: 4 of pieces
    -- of texts, 5 of attributes, 6 of traces.
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- Contents of sealed batches, for a while, so that a late second delivery is known.
CREATE TABLE log_delivery (
    content_key INTEGER PRIMARY KEY,
    batch_id INTEGER NOT NULL
);

-- The traces of a batch that is not sealed: for each its key (8 bytes) and how many records name it (4 bytes), both big
-- endian. Chunks have filters instead of a row for every trace.
CREATE TABLE log_batch_trace (
    batch_id INTEGER PRIMARY KEY,
    traces BLOB NOT NULL
);
INSERT INTO log_batch_trace
SELECT batch_id, unhex(group_concat(printf('%016x%08x', trace_key, record_count), '')) FROM log_trace
GROUP BY batch_id;
DROP TABLE log_trace;

-- Batches wait for a minute; those of a time are found among the few there are.
DROP INDEX log_batch_received;
