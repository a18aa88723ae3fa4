-- What people wrote. Event and issue are found by event_id when somebody looks: the event may arrive later or never.
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    -- The SDK's event id, or computed of event and e-mail address: what makes two of them one.
    feedback_id BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    -- feedback, user_report
    source TEXT NOT NULL,
    event_id BLOB,
    message TEXT NOT NULL,
    name TEXT,
    email TEXT,
    url TEXT,
    replay_id BLOB,
    trace_id BLOB,
    span_id BLOB,
    release TEXT,
    environment TEXT,
    -- The whole event of a feedback item; none for user reports.
    body_codec INTEGER NOT NULL,
    body BLOB,
    UNIQUE (feedback_id, project_id)
);
CREATE INDEX feedback_event ON feedback (event_id, project_id) WHERE event_id IS NOT NULL;
CREATE INDEX feedback_project ON feedback (project_id, id);
