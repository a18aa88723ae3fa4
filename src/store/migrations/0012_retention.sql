-- What is kept, by kind and the day it came in (days since the epoch). Bytes are those of the rows, without indexes and
-- what pages leave empty. Triggers keep it, so that whatever inserts, seals, merges or drops keeps it true.
CREATE TABLE stored_day (
    -- errors, spans, logs, metrics, attachments, profiles, replays, check_ins, feedback
    kind TEXT NOT NULL,
    day INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (kind, day)
) WITHOUT ROWID;

-- What pages a kind took when it was last measured, beside what was counted of it then.
CREATE TABLE stored_measure (
    kind TEXT PRIMARY KEY,
    page_bytes INTEGER NOT NULL,
    counted_bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- What retention dropped, by the day it did.
CREATE TABLE dropped_day (
    kind TEXT NOT NULL,
    -- age, size
    cause TEXT NOT NULL,
    day INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (kind, cause, day)
) WITHOUT ROWID;

-- What a whole blob is kept as, and its bytes after compression. One that is not whole any more is being dropped.
ALTER TABLE blob ADD COLUMN kind TEXT;
ALTER TABLE blob ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE blob SET
    kind = CASE WHEN EXISTS (SELECT 1 FROM profile WHERE profile.id = blob.id) THEN 'profiles'
                WHEN EXISTS (SELECT 1 FROM replay_part WHERE replay_part.id = blob.id) THEN 'replays'
                ELSE 'attachments' END,
    stored_bytes = (SELECT coalesce(sum(length(body)), 0) FROM blob_chunk WHERE blob_chunk.blob_id = blob.id)
WHERE is_whole = 1;
CREATE INDEX attachment_blob ON attachment (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX blob_unfinished ON blob (received_ms) WHERE is_whole = 0;

INSERT INTO stored_day
SELECT 'errors', received_ms / 86400000 AS day, count(*), sum(length(body) + 250) FROM event GROUP BY day;
INSERT INTO stored_day
SELECT 'spans', received_ms / 86400000 AS day, sum(span_count), sum(length(body) + 50) FROM span_batch GROUP BY day;
INSERT INTO stored_day
SELECT 'spans', received_ms / 86400000 AS day, sum(span_count), sum(bytes + trace_count * 80 + 200) FROM span_chunk
WHERE true GROUP BY day
ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
INSERT INTO stored_day
SELECT 'logs', received_ms / 86400000 AS day, sum(record_count), sum(length(body) + 150) FROM log_batch GROUP BY day;
INSERT INTO stored_day
SELECT 'logs', received_ms / 86400000 AS day, sum(record_count), sum(bytes + 200) FROM log_chunk
WHERE true GROUP BY day
ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
INSERT INTO stored_day
SELECT 'metrics', received_ms / 86400000 AS day, sum(point_count), sum(length(body) + 50) FROM metric_batch GROUP BY day;
INSERT INTO stored_day
SELECT 'metrics', minute / 1440 AS day, 0, count(*) * 80 FROM metric_minute WHERE true GROUP BY day
ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + excluded.bytes;
INSERT INTO stored_day
SELECT kind, received_ms / 86400000 AS day, count(*), sum(stored_bytes + 150) FROM blob WHERE is_whole = 1
GROUP BY kind, day;
INSERT INTO stored_day
SELECT 'check_ins', received_ms / 86400000 AS day, count(*), count(*) * 150 FROM check_in GROUP BY day;
INSERT INTO stored_day
SELECT 'feedback', received_ms / 86400000 AS day, count(*), sum(coalesce(length(body), 0) + 500)
FROM feedback GROUP BY day;

CREATE TRIGGER event_stored AFTER INSERT ON event BEGIN
    INSERT INTO stored_day VALUES ('errors', new.received_ms / 86400000, 1, length(new.body) + 250)
    ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER event_dropped AFTER DELETE ON event BEGIN
    UPDATE stored_day SET row_count = row_count - 1, bytes = bytes - (length(old.body) + 250)
    WHERE kind = 'errors' AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER span_batch_stored AFTER INSERT ON span_batch BEGIN
    INSERT INTO stored_day VALUES ('spans', new.received_ms / 86400000, new.span_count, length(new.body) + 50)
    ON CONFLICT (kind, day) DO UPDATE SET
        row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER span_batch_dropped AFTER DELETE ON span_batch BEGIN
    UPDATE stored_day SET row_count = row_count - old.span_count, bytes = bytes - (length(old.body) + 50)
    WHERE kind = 'spans' AND day = old.received_ms / 86400000;
END;

-- With the rows of its traces.
CREATE TRIGGER span_chunk_stored AFTER INSERT ON span_chunk BEGIN
    INSERT INTO stored_day
    VALUES ('spans', new.received_ms / 86400000, new.span_count, new.bytes + new.trace_count * 80 + 200)
    ON CONFLICT (kind, day) DO UPDATE SET
        row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER span_chunk_dropped AFTER DELETE ON span_chunk BEGIN
    UPDATE stored_day
    SET row_count = row_count - old.span_count, bytes = bytes - (old.bytes + old.trace_count * 80 + 200)
    WHERE kind = 'spans' AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER log_chunk_stored AFTER INSERT ON log_chunk BEGIN
    INSERT INTO stored_day VALUES ('logs', new.received_ms / 86400000, new.record_count, new.bytes + 200)
    ON CONFLICT (kind, day) DO UPDATE SET
        row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER log_chunk_dropped AFTER DELETE ON log_chunk BEGIN
    UPDATE stored_day SET row_count = row_count - old.record_count, bytes = bytes - (old.bytes + 200)
    WHERE kind = 'logs' AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER log_batch_stored AFTER INSERT ON log_batch BEGIN
    INSERT INTO stored_day VALUES ('logs', new.received_ms / 86400000, new.record_count, length(new.body) + 150)
    ON CONFLICT (kind, day) DO UPDATE SET
        row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER log_batch_dropped AFTER DELETE ON log_batch BEGIN
    UPDATE stored_day SET row_count = row_count - old.record_count, bytes = bytes - (length(old.body) + 150)
    WHERE kind = 'logs' AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER metric_batch_stored AFTER INSERT ON metric_batch BEGIN
    INSERT INTO stored_day VALUES ('metrics', new.received_ms / 86400000, new.point_count, length(new.body) + 50)
    ON CONFLICT (kind, day) DO UPDATE SET
        row_count = row_count + excluded.row_count, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER metric_batch_dropped AFTER DELETE ON metric_batch BEGIN
    UPDATE stored_day SET row_count = row_count - old.point_count, bytes = bytes - (length(old.body) + 50)
    WHERE kind = 'metrics' AND day = old.received_ms / 86400000;
END;

-- Sums by minute are room, not points.
CREATE TRIGGER metric_minute_stored AFTER INSERT ON metric_minute BEGIN
    INSERT INTO stored_day VALUES ('metrics', new.minute / 1440, 0, 80)
    ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + 80;
END;
CREATE TRIGGER metric_minute_dropped AFTER DELETE ON metric_minute BEGIN
    UPDATE stored_day SET bytes = bytes - 80 WHERE kind = 'metrics' AND day = old.minute / 1440;
END;

-- A blob counts from the moment it is whole to the moment it is dropped.
CREATE TRIGGER blob_stored AFTER UPDATE OF is_whole ON blob WHEN old.is_whole = 0 AND new.is_whole = 1 BEGIN
    INSERT INTO stored_day VALUES (new.kind, new.received_ms / 86400000, 1, new.stored_bytes + 150)
    ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER blob_dropped AFTER UPDATE OF is_whole ON blob WHEN old.is_whole = 1 AND new.is_whole = 0 BEGIN
    UPDATE stored_day SET row_count = row_count - 1, bytes = bytes - (old.stored_bytes + 150)
    WHERE kind = old.kind AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER check_in_stored AFTER INSERT ON check_in BEGIN
    INSERT INTO stored_day VALUES ('check_ins', new.received_ms / 86400000, 1, 150)
    ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + 1, bytes = bytes + 150;
END;
CREATE TRIGGER check_in_dropped AFTER DELETE ON check_in BEGIN
    UPDATE stored_day SET row_count = row_count - 1, bytes = bytes - 150
    WHERE kind = 'check_ins' AND day = old.received_ms / 86400000;
END;

CREATE TRIGGER feedback_stored AFTER INSERT ON feedback BEGIN
    INSERT INTO stored_day
    VALUES ('feedback', new.received_ms / 86400000, 1, coalesce(length(new.body), 0) + 500)
    ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER feedback_dropped AFTER DELETE ON feedback BEGIN
    UPDATE stored_day SET row_count = row_count - 1,
        bytes = bytes - (coalesce(length(old.body), 0) + 500)
    WHERE kind = 'feedback' AND day = old.received_ms / 86400000;
END;
