-- Spans sealed into chunks, and what is kept of a trace made small.

-- Spans at rest (proto/chunk.proto). A chunk holds the spans of all batches with ids from first_batch_id to
-- last_batch_id, which are gone from span_batch.
CREATE TABLE span_chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_batch_id INTEGER NOT NULL,
    last_batch_id INTEGER NOT NULL UNIQUE,
    -- 1: the groups of proto/chunk.proto, zstd.
    format INTEGER NOT NULL,
    -- When the newest batch of it was received.
    received_ms INTEGER NOT NULL,
    -- Starts of its first and last span, and of the first span of its youngest trace.
    min_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    last_trace_ns INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    trace_count INTEGER NOT NULL,
    -- Everything stored of it.
    bytes INTEGER NOT NULL,
    -- Distinct, sorted, one per line.
    services TEXT NOT NULL,
    -- Traces at its beginning that are forgotten already, while it is being dropped.
    dropped_traces INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX span_chunk_time ON span_chunk (last_trace_ns, id);

-- The filter and the groups of chunks, apart so that one is read without the others:
-- id is that of the chunk times 8, plus 0 for the filter of its attributes, else 1 and the number of the group.
CREATE TABLE span_chunk_part (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- What many traces have in common, told once.
CREATE TABLE trace_label (
    id INTEGER PRIMARY KEY,
    -- Hash of the texts; none: made before there were hashes, and not used again.
    key INTEGER UNIQUE,
    name TEXT NOT NULL,
    op TEXT NOT NULL,
    service TEXT NOT NULL,
    -- All service names of the trace, sorted, one per line.
    services TEXT NOT NULL,
    -- Day since the epoch of the start of the youngest trace that was given it; with older traces gone, so may it.
    last_day INTEGER NOT NULL
);
-- Labels are dropped with the last trace of their days.
CREATE INDEX trace_label_day ON trace_label (last_day);
INSERT INTO trace_label (name, op, service, services, last_day)
    SELECT root_name, root_op, root_service, services, max(start_ns) / 86400000000000
    FROM trace GROUP BY root_name, root_op, root_service, services;

ALTER TABLE trace RENAME TO old_trace;
DROP INDEX trace_start;
DROP INDEX trace_request_start;

-- One row per trace, merged from its parts in whatever order they come.
CREATE TABLE trace (
    -- Microseconds since the epoch times 1024, and something that tells traces of one microsecond apart: the list is
    -- read in the order of the rows. A trace whose start turns out to be earlier gets another id.
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL,
    project_id INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    -- The start less what the id says of it.
    start_rest_ns INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    -- Bits: 0-1 root rank, 2-4 root kind, 5 root source, 6-7 root status, 8 has Sentry's, 9 has OpenTelemetry's,
    -- 10 is a request or a job, rather than a lone database or client call outside of any.
    flags INTEGER NOT NULL,
    http_status INTEGER,
    -- First two bytes of the root's span id: of two roots the smaller counts.
    root_tie INTEGER NOT NULL,
    -- Of the root: its start since the trace's, and what is left of the trace after its end.
    root_offset_ns INTEGER NOT NULL,
    root_rest_ns INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    failed_span_count INTEGER NOT NULL,
    db_span_count INTEGER NOT NULL
);

CREATE INDEX trace_label_texts ON trace_label (name, op, service, services);
-- As ids are made of starts, but rising even where starts are equal.
CREATE TEMP TABLE trace_place AS
    SELECT trace_key, max(base) OVER (ORDER BY number) + number AS id
    FROM (SELECT trace_key, number, start_us * 1024 - number AS base
          FROM (SELECT trace_key, start_us, row_number() OVER (ORDER BY start_us, trace_key) AS number
                FROM (SELECT trace_key, min(max(start_ns / 1000, 0), 9007199254740000) AS start_us FROM old_trace)));
CREATE UNIQUE INDEX temp.trace_place_key ON trace_place (trace_key);

INSERT INTO trace
    SELECT trace_place.id, old_trace.trace_id, old_trace.project_id,
        (SELECT min(trace_label.id) FROM trace_label
         WHERE trace_label.name = old_trace.root_name AND trace_label.op = old_trace.root_op
             AND trace_label.service = old_trace.root_service AND trace_label.services = old_trace.services),
        old_trace.start_ns - (trace_place.id / 1024) * 1000,
        old_trace.end_ns - old_trace.start_ns,
        old_trace.root_rank | (old_trace.root_kind << 2) | (old_trace.root_source << 5) | (old_trace.root_status << 6)
            | (old_trace.has_sentry << 8) | (old_trace.has_otel << 9) | (old_trace.is_request << 10),
        old_trace.root_http_status,
        -- Hexadecimal digits to a number: there is no shorter way.
        (instr('0123456789ABCDEF', substr(hex(old_trace.root_span_id), 1, 1)) - 1) * 4096
            + (instr('0123456789ABCDEF', substr(hex(old_trace.root_span_id), 2, 1)) - 1) * 256
            + (instr('0123456789ABCDEF', substr(hex(old_trace.root_span_id), 3, 1)) - 1) * 16
            + instr('0123456789ABCDEF', substr(hex(old_trace.root_span_id), 4, 1)) - 1,
        old_trace.root_start_ns - old_trace.start_ns,
        old_trace.end_ns - old_trace.root_start_ns - old_trace.root_duration_ns,
        old_trace.span_count, old_trace.failed_span_count, old_trace.db_span_count
    FROM old_trace JOIN trace_place ON trace_place.trace_key = old_trace.trace_key
    ORDER BY trace_place.id;

-- Which batches hold spans of a trace. spans_key is a hash of 47 bits over the span ids, so that a batch delivered
-- twice (OTLP clients retry when an answer is lost) counts once.
ALTER TABLE trace_part RENAME TO old_trace_part;
CREATE TABLE trace_part (
    trace_key INTEGER NOT NULL,
    spans_key INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    -- Row of the trace; kept by the part with the smallest spans_key alone.
    trace_row INTEGER,
    PRIMARY KEY (trace_key, spans_key)
) WITHOUT ROWID;
INSERT OR IGNORE INTO trace_part
    SELECT trace_key, spans_key & 140737488355327, batch_id, NULL FROM old_trace_part
    ORDER BY trace_key, spans_key & 140737488355327, batch_id;
UPDATE trace_part SET trace_row = (SELECT id FROM trace_place WHERE trace_place.trace_key = trace_part.trace_key)
    WHERE spans_key = (SELECT min(first.spans_key) FROM trace_part AS first
                       WHERE first.trace_key = trace_part.trace_key);
DROP TABLE temp.trace_place;
DROP INDEX trace_label_texts;
DROP TABLE old_trace;
DROP TABLE old_trace_part;

-- Spans as acknowledged, one body per request, until they are sealed. Ids count from 1 and are never given again, so
-- that they are short in trace_part.
ALTER TABLE span_batch RENAME TO old_span_batch;
CREATE TABLE span_batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_ms INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    -- Of its youngest trace, the first span.
    last_trace_ns INTEGER NOT NULL,
    -- Of the body, before compression.
    expanded_bytes INTEGER NOT NULL,
    body_codec INTEGER NOT NULL,
    body BLOB NOT NULL
);
-- Lengths are not known of these: as long as spans of a request usually are.
INSERT INTO span_batch SELECT id, received_ms, span_count, 9223372036854775807, span_count * 600, body_codec, body
    FROM old_span_batch;
DROP TABLE old_span_batch;
