// Sections of an issue's page that are below what one came for: one chunk for all of them.

import "../styles/issue-regions.css";
export { Activity } from "./activity";
export { History } from "./history-chart";
export { IssueRail } from "./issue-rail";
export { Attachments, Replays } from "./kept";
export { Merged, Similar } from "./relatives";
export { Timeline } from "./timeline";
