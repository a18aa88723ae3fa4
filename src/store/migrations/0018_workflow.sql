-- '' or regressed: an unresolved issue that was resolved before.
ALTER TABLE issue ADD COLUMN substatus TEXT NOT NULL DEFAULT '';
-- How it is resolved or ignored, and by whom: model::workflow::Standing.
ALTER TABLE issue ADD COLUMN status_json TEXT;
-- When being ignored ends by itself.
ALTER TABLE issue ADD COLUMN wake_ms INTEGER;
-- When people, or the events that reopened it, last changed anything of the following or of the status.
ALTER TABLE issue ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issue ADD COLUMN assignee TEXT;
-- 0 low, 1 medium, 2 high
ALTER TABLE issue ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
ALTER TABLE issue ADD COLUMN is_bookmarked INTEGER NOT NULL DEFAULT 0;
-- Those of the issues merged into it included.
ALTER TABLE issue ADD COLUMN comment_count INTEGER NOT NULL DEFAULT 0;
-- The issue it is shown as. Never one that is merged itself. Its row, its hashes, its events and what is counted of them
-- go on as before; the survivor counts them, too.
ALTER TABLE issue ADD COLUMN merged_into INTEGER;
-- How many are merged into it.
ALTER TABLE issue ADD COLUMN merged_count INTEGER NOT NULL DEFAULT 0;
-- Hidden since, and purged when this can no longer be undone.
ALTER TABLE issue ADD COLUMN deleted_ms INTEGER;

UPDATE issue SET priority = CASE
    WHEN is_unhandled = 1 OR level = 'fatal' THEN 2
    WHEN level IN ('error', 'warning') THEN 1
    ELSE 0 END;

CREATE INDEX issue_merged ON issue (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX issue_deleted ON issue (deleted_ms) WHERE deleted_ms IS NOT NULL;
CREATE INDEX issue_wake ON issue (wake_ms) WHERE wake_ms IS NOT NULL;

-- As before, but of what is listed alone; the last two columns, always NULL, keep queries that ask for that off the rows.
DROP INDEX issue_last_seen;
DROP INDEX issue_first_seen;
DROP INDEX issue_events;
DROP INDEX issue_filter;
CREATE INDEX issue_last_seen ON issue (last_seen_ms, id, status, project_id, merged_into, deleted_ms)
    WHERE merged_into IS NULL AND deleted_ms IS NULL;
CREATE INDEX issue_first_seen ON issue (first_seen_ms, id, status, project_id, merged_into, deleted_ms)
    WHERE merged_into IS NULL AND deleted_ms IS NULL;
CREATE INDEX issue_events ON issue (event_count, id, status, project_id, merged_into, deleted_ms)
    WHERE merged_into IS NULL AND deleted_ms IS NULL;
CREATE INDEX issue_filter ON issue (id, status, project_id, merged_into, deleted_ms)
    WHERE merged_into IS NULL AND deleted_ms IS NULL;

-- What an issue was seen in: its rows are laid out by environment first.
CREATE INDEX issue_environment_issue ON issue_environment (issue_id);

-- The issue was deleted: what comes begins a new one.
ALTER TABLE issue_hash ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
-- What comes is dropped, and counted there.
ALTER TABLE issue_hash ADD COLUMN discard_id INTEGER;
CREATE INDEX issue_hash_issue ON issue_hash (issue_id);
CREATE INDEX issue_hash_discard ON issue_hash (discard_id) WHERE discard_id IS NOT NULL;

-- Bugs nobody wants to hear of again, as they were called.
CREATE TABLE discard (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    -- That was deleted then.
    issue_id INTEGER NOT NULL,
    short_no INTEGER NOT NULL,
    title TEXT NOT NULL,
    culprit TEXT NOT NULL,
    by_name TEXT,
    at_ms INTEGER NOT NULL,
    -- Events dropped since, and when the last of them came.
    event_count INTEGER NOT NULL DEFAULT 0,
    last_ms INTEGER
);

-- What an issue that others are merged into counts by itself; its own row, hours, environments and users are those of all.
CREATE TABLE issue_own (
    issue_id INTEGER PRIMARY KEY,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    user_count INTEGER NOT NULL,
    comment_count INTEGER NOT NULL,
    is_unhandled INTEGER NOT NULL,
    first_release TEXT,
    last_release TEXT,
    -- As in issue_users.
    sketch BLOB
);
CREATE TABLE issue_own_hour (
    issue_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    PRIMARY KEY (issue_id, hour)
) WITHOUT ROWID;
CREATE TABLE issue_own_environment (
    issue_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    PRIMARY KEY (issue_id, environment)
) WITHOUT ROWID;

-- What happened to an issue, comments among it. Ids rise with time.
CREATE TABLE issue_activity (
    id INTEGER PRIMARY KEY,
    issue_id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    -- None for what events and time do.
    by_name TEXT,
    kind TEXT NOT NULL,
    -- Of a comment.
    text TEXT,
    edited_ms INTEGER,
    -- JSON, by kind.
    detail TEXT
);
CREATE INDEX issue_activity_issue ON issue_activity (issue_id, id);

-- Everybody who was ever assigned, or did something.
CREATE TABLE person (
    name TEXT PRIMARY KEY,
    last_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- What was done and can be undone for some minutes, and of each issue what it was before.
CREATE TABLE undo (
    token TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    by_name TEXT,
    kind TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX undo_at ON undo (at_ms);
CREATE TABLE undo_entry (
    token TEXT NOT NULL,
    seq INTEGER NOT NULL,
    issue_id INTEGER NOT NULL,
    -- JSON, by kind.
    before TEXT NOT NULL,
    PRIMARY KEY (token, seq)
) WITHOUT ROWID;

-- Events that were accepted and went with the issues people deleted.
CREATE TABLE purged (
    project_id INTEGER PRIMARY KEY,
    event_count INTEGER NOT NULL
);
