-- Errors of traces, by what tells whether two of them are one: hashes over type and place in the code, or message.
CREATE TABLE trace_error (
    trace_id BLOB NOT NULL,
    -- event.id
    event_row INTEGER NOT NULL,
    project_id INTEGER NOT NULL,
    -- Who tells it: 0 an SDK that sends events, 1 a span, 2 a log record. The smaller one is shown.
    source INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    place_key INTEGER,
    crash_key INTEGER,
    message_key INTEGER NOT NULL,
    PRIMARY KEY (trace_id, event_row)
) WITHOUT ROWID;

-- Every report of an error by a span or a log record, that of the event itself included, by the id it is sent again with.
CREATE TABLE error_report (
    event_row INTEGER NOT NULL,
    report_id BLOB NOT NULL,
    project_id INTEGER NOT NULL,
    source INTEGER NOT NULL,
    -- Which span, or which logging call.
    reporter INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    span_id BLOB,
    label TEXT NOT NULL,
    PRIMARY KEY (event_row, report_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX error_report_id ON error_report (report_id, project_id);

CREATE TRIGGER event_forgotten AFTER DELETE ON event WHEN old.trace_id IS NOT NULL BEGIN
    DELETE FROM trace_error WHERE trace_id = old.trace_id AND event_row = old.id;
    DELETE FROM error_report WHERE event_row = old.id;
END;
-- A log record without a trace has a report, too.
CREATE TRIGGER event_forgotten_alone AFTER DELETE ON event WHEN old.trace_id IS NULL BEGIN
    DELETE FROM error_report WHERE event_row = old.id;
END;
-- The body of a better report takes the place of another's.
CREATE TRIGGER event_replaced AFTER UPDATE OF body ON event BEGIN
    UPDATE stored_day SET bytes = bytes + length(new.body) - length(old.body)
    WHERE kind = 'errors' AND day = old.received_ms / 86400000;
END;
