// Addresses of our pages, and what may be a link at all. All state that matters is in the URL.

/** Ids come in upper or lower case, with or without dashes. */
export function normaliseId(id: string): string {
  return id.replaceAll("-", "").toLowerCase();
}

export const issuePath = (shortId: string) => `/issues/${encodeURIComponent(shortId)}`;
export const eventPath = (shortId: string, eventId: string) => `${issuePath(shortId)}/events/${encodeURIComponent(eventId)}`;
export const tracePath = (traceId: string, spanId?: string | null) =>
  `/traces/${encodeURIComponent(traceId)}${spanId ? `?span=${encodeURIComponent(spanId)}` : ""}`;

/** The traces with a span that has an attribute of this value. */
export const tracesWith = (name: string, value: string) => `/traces${withQuery("", { kind: "all", attribute: `${name}:${value}` })}`;

export const feedbackPath = (feedbackId: string) => `/feedback/${encodeURIComponent(feedbackId)}`;

/** The query with some values replaced; `null` and the default "" take a key out, unknown keys stay. */
export function withQuery(search: string, changes: Record<string, string | null>): string {
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(key);
    else params.set(key, value);
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

export type Match = { params: Record<string, string> } | null;

/** `/issues/:id` against `/issues/SHOP-1/`: a trailing slash is fine. */
export function matchPath(pattern: string, path: string): Match {
  const want = pattern.split("/").filter(Boolean);
  const have = path.split("/").filter(Boolean);
  if (want.length !== have.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    const value = have[index] ?? "";
    if (part.startsWith(":")) {
      try {
        params[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return { params };
}

/** Data of an event may carry any scheme; only these become links. */
export function safeHref(text: string): string | null {
  if (!/^https?:\/\//i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

export function composeDsn(location: { protocol: string; host: string }, publicKey: string, projectId: string): string {
  return `${location.protocol}//${publicKey}@${location.host}/${projectId}`;
}

/** A condition as the search has it: quotes around what would end it. */
export const term = (key: string, value: string): string => `${key}:${/^[\w./<>@+-]+$/.test(value) && !/^[<>]/.test(value) ? value : `"${value.replaceAll(/[\\"]/g, "\\$&")}"`}`;

/** A search with one condition more, unless it is there already. */
export const withTerm = (text: string, more: string): string => (` ${text} `.includes(` ${more} `) ? text : `${text.trim()} ${more}`.trim());

/** A search in which nothing is taken as an attribute. */
export const asWords = (text: string): string => `"${text.replaceAll('"', "")}"`;
