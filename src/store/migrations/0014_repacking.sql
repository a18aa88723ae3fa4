-- What the content of a dictionary is compressed with: 1 for zstd alone, from 16 up the id of another dictionary (that of
-- its project), whose own content is compressed with zstd alone.
ALTER TABLE dictionary ADD COLUMN content_codec INTEGER NOT NULL DEFAULT 1;
CREATE INDEX dictionary_content ON dictionary (content_codec) WHERE content_codec >= 16;

-- Whose event it was; none for what was trained on a project.
ALTER TABLE dictionary ADD COLUMN issue_id INTEGER;
UPDATE dictionary SET issue_id = (
    SELECT issue_hash.issue_id FROM dictionary_use JOIN issue_hash
        ON issue_hash.project_id = dictionary_use.project_id AND issue_hash.hash = dictionary_use.grouping_hash
    WHERE dictionary_use.dictionary_id = dictionary.id LIMIT 1);
CREATE INDEX dictionary_issue ON dictionary (issue_id, id) WHERE issue_id IS NOT NULL;
-- Those that may still be compressed with their project's.
CREATE INDEX dictionary_alone ON dictionary (id) WHERE content_codec = 1 AND issue_id IS NOT NULL;
