// The pages of single things that were looked at last, for the palette: kept in this browser.

import { rememberChoice, remembered } from "./state";

export type Visit = { path: string; title: string };
const RECENT_MAX = 12;
const TITLE_MAX = 160;
/** Pages of one thing each; lists and settings are a key away anyhow. */
const WORTH = /^\/(?:issues|traces|metrics|monitors|performance|feedback)\/[^/]+/;

export function recentVisits(): Visit[] {
  try {
    const stored: unknown = JSON.parse(remembered("recent", "[]"));
    if (!Array.isArray(stored)) return [];
    return stored.filter((visit): visit is Visit => typeof visit?.path === "string" && typeof visit.title === "string" && WORTH.test(visit.path)).slice(0, RECENT_MAX);
  } catch {
    return [];
  }
}

export function visited(path: string, title: string): void {
  if (!WORTH.test(path)) return;
  // Another event of the same issue takes the place of the one before.
  const root = WORTH.exec(path)?.[0] ?? path;
  const others = recentVisits().filter((visit) => WORTH.exec(visit.path)?.[0] !== root);
  rememberChoice("recent", JSON.stringify([{ path, title: title.slice(0, TITLE_MAX) }, ...others].slice(0, RECENT_MAX)));
}
