// What the copy menu fetches when it is opened: everything that turns an event into text.

export { markdown } from "./markdown";
export { REPLAYS, replay, type ReplayKind } from "./request";
export { traceback } from "./traceback";
