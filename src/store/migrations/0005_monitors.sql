-- Jobs that are expected to report. Time is unix milliseconds (_ms) or minutes (_min).

CREATE TABLE monitor (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    slug TEXT NOT NULL,
    -- As the code spells it.
    name TEXT NOT NULL,
    -- A crontab line, when schedule_unit is NULL, else a number of that unit. NULL: nothing is ever missed.
    schedule TEXT,
    schedule_unit TEXT,
    timezone TEXT,
    margin_min INTEGER NOT NULL,
    runtime_min_max INTEGER NOT NULL,
    failure_threshold INTEGER NOT NULL,
    recovery_threshold INTEGER NOT NULL,
    owner TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (project_id, slug)
);

-- Each environment of a monitor is watched for itself.
CREATE TABLE monitor_environment (
    id INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL REFERENCES monitor (id),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    next_expected_ms INTEGER,
    -- The end of the margin after next_expected_ms.
    overdue_ms INTEGER,
    last_check_in_ms INTEGER,
    -- Results in a row.
    failures INTEGER NOT NULL DEFAULT 0,
    successes INTEGER NOT NULL DEFAULT 0,
    incident_since_ms INTEGER,
    incident_events INTEGER NOT NULL DEFAULT 0,
    incident_event_ms INTEGER,
    -- Where its failures are events of.
    issue_id INTEGER,
    UNIQUE (monitor_id, name)
);
CREATE INDEX monitor_environment_overdue ON monitor_environment (overdue_ms) WHERE overdue_ms IS NOT NULL;

-- One run of a job, from begin to end, or one that did not come. Ids rise with time.
CREATE TABLE check_in (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    check_in_id BLOB NOT NULL,
    environment_id INTEGER NOT NULL REFERENCES monitor_environment (id),
    status TEXT NOT NULL,
    -- When it began, by our clock; for one that did not come, when it was due.
    started_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    -- The time of the schedule it stands for.
    expected_ms INTEGER,
    duration_ms INTEGER,
    -- When it will have run for too long.
    timeout_ms INTEGER,
    -- Why nobody can tell: the stretch in which no report could reach us.
    unwatched_from_ms INTEGER,
    unwatched_to_ms INTEGER,
    release TEXT,
    trace_id BLOB,
    UNIQUE (check_in_id, project_id)
);
CREATE INDEX check_in_environment ON check_in (environment_id, id);
CREATE INDEX check_in_received ON check_in (received_ms);
CREATE INDEX check_in_running ON check_in (timeout_ms) WHERE status = 'in_progress';

-- What has happened to a monitor and is not yet told as an event, in order. Written with the check-in it is about.
CREATE TABLE monitor_notice (
    id INTEGER PRIMARY KEY,
    environment_id INTEGER NOT NULL,
    -- check_in.id
    check_in INTEGER NOT NULL,
    kind TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL
);

-- Stretches in which no check-in could reach the server: it was stopped, or the machine slept.
CREATE TABLE unwatched (
    from_ms INTEGER PRIMARY KEY,
    to_ms INTEGER NOT NULL
);
