// Sections of an issue's page that few events have, or that are below what one came for: one chunk for all of them.

export { Grouping } from "./grouping";
export { Attachments, Replays } from "./kept";
export { MonitorSection } from "./monitor-section";
export { QuerySection } from "./query-section";
export { EventLogs } from "./trace-logs";
