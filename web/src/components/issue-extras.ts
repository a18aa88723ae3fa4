// Sections of an issue's page that few events have, or that are below what one came for: one chunk for all of them.

import "../styles/issue-regions.css";
export { Activity } from "./activity";
export { EventDiff } from "./event-diff";
export { EventsList } from "./events-list";
export { Grouping } from "./grouping";
export { History } from "./history-chart";
export { IssueRail } from "./issue-rail";
export { Attachments, Replays } from "./kept";
export { MonitorSection } from "./monitor-section";
export { QuerySection } from "./query-section";
export { Merged, Similar } from "./relatives";
export { Timeline } from "./timeline";
