-- Of a query: the lines of code that asked it last, the latest first, as JSON: [[place, times, minute], …]
-- (src/perf/call_sites.rs). NULL when none is known.
ALTER TABLE perf_group ADD COLUMN call_sites TEXT;
