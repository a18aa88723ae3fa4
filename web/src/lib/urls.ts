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

/** An id that somebody pastes: of what it may be, in the order worth trying. */
export type PastedId = { kind: "issue" | "event" | "trace" | "span"; id: string; path: string };

/**
 * Short ids, ids with capitals and dashes, `traceparent`, and addresses of ours with any of them. 32 hexadecimal digits
 * may be an event or a trace: only the server knows.
 */
export function pastedIds(text: string, origin = ""): PastedId[] {
  const whole = text.trim();
  if (whole === "" || whole.length > 400) return [];
  if (origin !== "" && whole.startsWith(`${origin}/`)) return idsInPath(whole.slice(origin.length));
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/i.exec(whole);
  if (parent?.[1] && parent[2]) return [traceOf(parent[1].toLowerCase(), parent[2].toLowerCase())];
  const id = normaliseId(whole);
  if (/^[0-9a-f]{32}$/.test(id))
    return [
      { kind: "event", id, path: `/e/${id}` },
      { kind: "trace", id, path: tracePath(id) },
    ];
  if (/^[0-9a-f]{16}$/.test(id)) return [{ kind: "span", id, path: `/s/${id}` }];
  const short = /^#?([a-z0-9][a-z0-9_-]*-[0-9]{1,12})$/i.exec(whole)?.[1]?.toUpperCase();
  return short ? [{ kind: "issue", id: short, path: issuePath(short) }] : [];
}

const traceOf = (id: string, span: string | null): PastedId => ({ kind: "trace", id, path: tracePath(id, span) });

function idsInPath(path: string): PastedId[] {
  const [bare = "", search = ""] = path.split("?");
  const [kind = "", first = "", second, third] = bare.split("/").filter(Boolean);
  if (first === "") return [];
  const id = normaliseId(first);
  if (kind === "issues") {
    const event = second === "events" && third ? normaliseId(third) : null;
    return [event && /^[0-9a-f]{32}$/.test(event) ? { kind: "event", id: event, path } : { kind: "issue", id: first.toUpperCase(), path }];
  }
  if (kind === "e" && /^[0-9a-f]{32}$/.test(id)) return [{ kind: "event", id, path: `/e/${id}` }];
  if (kind === "s" && /^[0-9a-f]{16}$/.test(id)) return [{ kind: "span", id, path: `/s/${id}` }];
  if ((kind === "t" || kind === "traces") && /^[0-9a-f]{32}$/.test(id)) return [{ kind: "trace", id, path: kind === "t" ? tracePath(id) : `/traces/${id}${search === "" ? "" : `?${search}`}` }];
  return [];
}

const LISTS = ["/issues", "/traces", "/logs"];

/** Lists take `q` for `query`, as addresses written by hand have it; on an issue it is the query of the list one came from. */
export function withLongQuery(path: string, search: string): string {
  const params = new URLSearchParams(search);
  const short = params.get("q");
  if (short === null || !LISTS.includes(path.replace(/\/$/u, ""))) return search;
  params.delete("q");
  if (!params.has("query")) params.set("query", short);
  return `?${params}`;
}
