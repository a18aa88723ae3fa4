-- What bodies of events are compressed with, beside zstd itself. event.body_codec is 1 for zstd without a dictionary, and
-- from 16 up the id of one of these. Ids are never used again, because readers keep dictionaries by id.
CREATE TABLE dictionary (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- xxh3 of the content, 128 bits: the same content is kept once, and a damaged one is noticed.
    content_hash BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    -- Set when nothing is compressed with it any more: above the ids of all events that name it, but for requests under
    -- way at that moment.
    retired_id INTEGER,
    -- Length of the content before compression.
    content_bytes INTEGER NOT NULL,
    -- zstd without a dictionary.
    content BLOB NOT NULL
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('dictionary', 15);
CREATE INDEX dictionary_retired ON dictionary (retired_id) WHERE retired_id IS NOT NULL;

-- Which dictionary the next bodies are compressed with.
CREATE TABLE dictionary_use (
    project_id INTEGER NOT NULL,
    -- First grouping hash of the events it is for; empty for all others of the project.
    grouping_hash BLOB NOT NULL,
    dictionary_id INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    -- Events of the project at that time.
    at_events INTEGER NOT NULL,
    PRIMARY KEY (project_id, grouping_hash)
) WITHOUT ROWID;
