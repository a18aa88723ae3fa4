-- Metrics that clients sum up themselves: histograms by minute, and the last report of every total.
ALTER TABLE metric ADD COLUMN description TEXT NOT NULL DEFAULT '';

-- Measurements by range, of distributions (store/metric_buckets.rs); null: none, or from before this.
ALTER TABLE metric_minute ADD COLUMN buckets BLOB;

-- What a client has counted so far, by its last report: the next one is told from it.
CREATE TABLE metric_stream (
    -- Hash of project, metric, attributes, process and the time counting began.
    stream_key INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    -- The sum of a histogram.
    value REAL NOT NULL,
    -- Of histograms; else 0 and null.
    measured_count INTEGER NOT NULL,
    buckets BLOB,
    -- Hours since the epoch, by our clock: those not heard of any more are forgotten.
    heard_hour INTEGER NOT NULL
);
CREATE INDEX metric_stream_heard ON metric_stream (heard_hour);

-- Processes that report totals, and when each was first heard of, by its own clock.
CREATE TABLE metric_source (
    source_key INTEGER PRIMARY KEY,
    first_ns INTEGER NOT NULL,
    heard_hour INTEGER NOT NULL
);
CREATE INDEX metric_source_heard ON metric_source (heard_hour);

-- The room of minutes counts their buckets.
DROP TRIGGER metric_minute_stored;
DROP TRIGGER metric_minute_dropped;
CREATE TRIGGER metric_minute_stored AFTER INSERT ON metric_minute BEGIN
    INSERT INTO stored_day VALUES ('metrics', new.minute / 1440, 0, 80 + coalesce(length(new.buckets), 0))
    ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER metric_minute_changed AFTER UPDATE OF buckets ON metric_minute BEGIN
    UPDATE stored_day SET bytes = bytes + coalesce(length(new.buckets), 0) - coalesce(length(old.buckets), 0)
    WHERE kind = 'metrics' AND day = new.minute / 1440;
END;
CREATE TRIGGER metric_minute_dropped AFTER DELETE ON metric_minute BEGIN
    UPDATE stored_day SET bytes = bytes - 80 - coalesce(length(old.buckets), 0)
    WHERE kind = 'metrics' AND day = old.minute / 1440;
END;
