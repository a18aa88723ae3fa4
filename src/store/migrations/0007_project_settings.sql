-- What a project wants done with what it is sent, as JSON: the shape is model::project::settings.
CREATE TABLE project_settings (
    project_id INTEGER PRIMARY KEY REFERENCES project (id),
    -- Rises with every change, so that two open pages cannot overwrite each other unseen.
    version INTEGER NOT NULL,
    settings TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
);

-- Which filter or limit dropped what; its sums are in outcome as well.
CREATE TABLE outcome_detail (
    project_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- Hours since the epoch.
    hour INTEGER NOT NULL,
    category TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (project_id, reason, detail, hour, category)
) WITHOUT ROWID;

-- What was let in by day and key: quotas are summed from it after a start.
CREATE TABLE key_use (
    project_id INTEGER NOT NULL,
    -- Days since the epoch, UTC.
    day INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    -- error, span, log, …; attachments in bytes.
    data_group TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (project_id, day, public_key, data_group)
) WITHOUT ROWID;
