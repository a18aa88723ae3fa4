-- What events are searched by (model::facts). Those of one group commit wait here as they were written.
CREATE TABLE fact_batch (
    -- Of the server's ids, as events have; never used again.
    id INTEGER PRIMARY KEY,
    -- event.id, the least and the greatest
    first_event_id INTEGER NOT NULL,
    last_event_id INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);

-- Sealed: the events of many batches in the order of their ids, a column for each key.
CREATE TABLE fact_chunk (
    id INTEGER PRIMARY KEY,
    -- The last batch it was made of; 0 for events that were filled in afterwards.
    last_batch_id INTEGER NOT NULL,
    first_event_id INTEGER NOT NULL,
    last_event_id INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    min_ms INTEGER NOT NULL,
    max_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    -- Of its columns, as they are kept.
    bytes INTEGER NOT NULL,
    -- Of its facts, before compression.
    expanded_bytes INTEGER NOT NULL,
    -- Ids, issues, projects and times.
    events BLOB NOT NULL
);
CREATE INDEX fact_chunk_last ON fact_chunk (last_event_id);

CREATE TABLE fact_column (
    id INTEGER PRIMARY KEY,
    chunk_id INTEGER NOT NULL,
    -- model::facts::FactKey as text; empty for the column of all keys that have none of their own.
    key TEXT NOT NULL,
    -- Events that have it.
    event_count INTEGER NOT NULL,
    -- By which a chunk is passed by unopened.
    filter BLOB,
    body BLOB NOT NULL,
    UNIQUE (chunk_id, key)
);

-- Events of which a better report came: what batches before this one say of them counts no more.
CREATE TABLE fact_replaced (
    event_id INTEGER PRIMARY KEY,
    batch_id INTEGER NOT NULL
);

-- Room of errors, beside that of the events themselves.
CREATE TRIGGER fact_batch_stored AFTER INSERT ON fact_batch BEGIN
    INSERT INTO stored_day VALUES ('errors', new.received_ms / 86400000, 0, length(new.body) + 50)
    ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER fact_batch_dropped AFTER DELETE ON fact_batch BEGIN
    UPDATE stored_day SET bytes = bytes - (length(old.body) + 50)
    WHERE kind = 'errors' AND day = old.received_ms / 86400000;
END;
CREATE TRIGGER fact_chunk_stored AFTER INSERT ON fact_chunk BEGIN
    INSERT INTO stored_day VALUES ('errors', new.received_ms / 86400000, 0, new.bytes + 200)
    ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER fact_chunk_dropped AFTER DELETE ON fact_chunk BEGIN
    DELETE FROM fact_column WHERE chunk_id = old.id;
    UPDATE stored_day SET bytes = bytes - (old.bytes + 200)
    WHERE kind = 'errors' AND day = old.received_ms / 86400000;
END;

-- Events up to this one came before there were facts, and get theirs from their bodies.
INSERT INTO setting (key, value) SELECT 'facts_due', CAST(max(id) AS TEXT) FROM event HAVING max(id) IS NOT NULL;
