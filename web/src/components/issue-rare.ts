// Parts of an issue's page that are asked for by name or that few issues have: one chunk for all of them.

import "../styles/issue-regions.css";
export { EventDiff } from "./event-diff";
export { EventsList } from "./events-list";
export { Grouping } from "./grouping";
export { MonitorSection } from "./monitor-section";
export { NoIssue } from "./no-issue";
export { QuerySection } from "./query-section";
