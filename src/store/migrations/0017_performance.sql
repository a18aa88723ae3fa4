-- How often and how fast endpoints, jobs and queries were.

-- What is measured, told once however many services, releases and hours there are.
CREATE TABLE perf_name (
    -- Hash of kind and name: the same in every store.
    key INTEGER PRIMARY KEY,
    -- 0 endpoint, 1 task, 2 query
    kind INTEGER NOT NULL,
    name TEXT NOT NULL
);

-- What is counted together.
CREATE TABLE perf_group (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name_key INTEGER NOT NULL,
    -- Of a query: the name of the request or job it was made in, 0 when that is not known, and for others.
    within_key INTEGER NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    release TEXT NOT NULL,
    -- The last hour that has a row.
    last_hour INTEGER NOT NULL,
    UNIQUE (name_key, within_key, project_id, service, environment, release)
);
CREATE INDEX perf_group_within ON perf_group (within_key) WHERE within_key <> 0;
CREATE INDEX perf_group_last_hour ON perf_group (last_hour);

-- Sums and a histogram (src/perf/stats.rs) by minute and by hour since the epoch. Minutes are kept for two days.
CREATE TABLE perf_minute (
    minute INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    -- Requests, runs or queries; also in the body.
    count INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (minute, group_id)
) WITHOUT ROWID;
CREATE TABLE perf_hour (
    hour INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    -- Requests, runs or queries; also in the body.
    count INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (hour, group_id)
) WITHOUT ROWID;

-- Mistakes found in traces that wait to become events. JSON.
CREATE TABLE perf_finding (
    event_id BLOB PRIMARY KEY,
    project_id INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;

-- Spans of batches up to this one are counted. Those that are here already are not. One row.
CREATE TABLE perf_place (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    batch_id INTEGER NOT NULL
);
INSERT INTO perf_place VALUES (1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'span_batch'), 0));

-- A row of an hour is a row, one of a minute only room.
CREATE TRIGGER perf_minute_stored AFTER INSERT ON perf_minute BEGIN
    INSERT INTO stored_day VALUES ('performance', new.minute / 1440, 0, length(new.body) + 24)
    ON CONFLICT (kind, day) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER perf_minute_changed AFTER UPDATE OF body ON perf_minute BEGIN
    UPDATE stored_day SET bytes = bytes + length(new.body) - length(old.body)
    WHERE kind = 'performance' AND day = new.minute / 1440;
END;
CREATE TRIGGER perf_minute_dropped AFTER DELETE ON perf_minute BEGIN
    UPDATE stored_day SET bytes = bytes - (length(old.body) + 24)
    WHERE kind = 'performance' AND day = old.minute / 1440;
END;
CREATE TRIGGER perf_hour_stored AFTER INSERT ON perf_hour BEGIN
    INSERT INTO stored_day VALUES ('performance', new.hour / 24, 1, length(new.body) + 24)
    ON CONFLICT (kind, day) DO UPDATE SET row_count = row_count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER perf_hour_changed AFTER UPDATE OF body ON perf_hour BEGIN
    UPDATE stored_day SET bytes = bytes + length(new.body) - length(old.body)
    WHERE kind = 'performance' AND day = new.hour / 24;
END;
CREATE TRIGGER perf_hour_dropped AFTER DELETE ON perf_hour BEGIN
    UPDATE stored_day SET row_count = row_count - 1, bytes = bytes - (length(old.body) + 24)
    WHERE kind = 'performance' AND day = old.hour / 24;
END;
