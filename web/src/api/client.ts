// The only place that fetches. Keeps the last answers in memory, so going back and stepping to a neighbour is immediate.

import { useEffect, useReducer, useRef } from "preact/hooks";
import type { ErrorView, FieldProblem, RefusedChangeView } from "./types";

/** Answers kept for stale-while-revalidate; one is rarely over 100 kB. */
const CACHE_MAX = 200;
/** What was fetched ahead is this long as good as fresh, once; all other old answers are shown and asked for again. */
const FRESH_MS = 5000;

export class ApiError extends Error {
  readonly status: number;
  readonly causes: readonly string[];
  /** Of a refused change: which fields, and why. */
  readonly problems: readonly FieldProblem[];
  /** Of a query that cannot be read: where it is wrong, in UTF-16 units. */
  readonly at: { from: number; to: number } | null;
  constructor(status: number, detail: string, causes: readonly string[] = [], problems: readonly FieldProblem[] = [], at: { from: number; to: number } | null = null) {
    super(detail);
    this.at = at;
    this.status = status;
    this.causes = causes;
    this.problems = problems;
  }
}

type Entry = { data: unknown; at: number; isAhead: boolean };
const cache = new Map<string, Entry>();
const inFlight = new Map<string, Promise<unknown>>();

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { accept: "application/json", ...init.headers } });
  } catch {
    throw new ApiError(0, "The server could not be reached. Is trapline still running?");
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as (ErrorView & Partial<RefusedChangeView> & { at?: { from: number; to: number } | null }) | null;
    throw new ApiError(response.status, body?.detail ?? `The server answered ${response.status}.`, body?.causes ?? [], body?.problems ?? [], body?.at ?? null);
  }
  return (await response.json().catch(() => {
    throw new ApiError(response.status, "The server's answer was cut short or is not JSON.");
  })) as T;
}

/** Answers that came with the page, until they are read for the first time. */
const given = new Map<string, unknown>();

/** The page brings what its first paint needs: a block of data, an answer by the path that would be asked. */
export function readGiven(): void {
  const block = document.getElementById("first");
  if (!block) return;
  for (const [path, answer] of Object.entries(JSON.parse(block.textContent) as Record<string, unknown>)) {
    given.set(path, answer);
    remember(path, answer);
    const entry = cache.get(path);
    if (entry) entry.isAhead = true;
  }
  block.remove();
}

/** The answer that came with the page, once. */
export function takeGiven<T>(path: string): T | undefined {
  const answer = given.get(path);
  given.delete(path);
  return answer as T | undefined;
}

/** One request per path at a time; the answer goes to the cache. */
export function load<T>(path: string): Promise<T> {
  const pending = inFlight.get(path);
  if (pending) return pending as Promise<T>;
  const promise = request<T>(path, {}).then(
    (data) => {
      remember(path, data);
      inFlight.delete(path);
      return data;
    },
    (error: unknown) => {
      inFlight.delete(path);
      throw error;
    },
  );
  inFlight.set(path, promise);
  return promise;
}

/** For news: a request that is already on its way may have been answered before them, so another one follows it. */
function loadAgain<T>(path: string): Promise<T> {
  const pending = inFlight.get(path);
  const next = () => load<T>(path);
  return pending ? pending.then(next, next) : next();
}

export function remember(path: string, data: unknown): void {
  cache.delete(path);
  cache.set(path, { data, at: Date.now(), isAhead: false });
  for (const oldest of cache.keys()) {
    if (cache.size <= CACHE_MAX) break;
    cache.delete(oldest);
  }
}

/** What is looked at again is kept longer than what is not. */
export function recall<T>(path: string): T | undefined {
  const entry = cache.get(path);
  if (!entry) return undefined;
  cache.delete(path);
  cache.set(path, entry);
  return entry.data as T;
}

export function forget(prefix: string): void {
  for (const key of cache.keys()) if (key.startsWith(prefix)) cache.delete(key);
}

/** Fetches ahead of need; errors wait for the real request. */
export function prefetch(path: string | null): void {
  if (path === null || Date.now() - (cache.get(path)?.at ?? 0) < FRESH_MS) return;
  load(path).then(
    () => {
      const entry = cache.get(path);
      if (entry) entry.isAhead = true;
    },
    () => undefined,
  );
}

export function post<T>(path: string): Promise<T> {
  return request<T>(path, { method: "POST", headers: { "X-Trapline": "1" } });
}

/** Something that changes the server's state. */
export function change<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return request<T>(path, { method, headers: { "X-Trapline": "1", "content-type": "application/json" }, ...sent });
}

export type Resource<T> = { data: T | undefined; error: ApiError | null; isLoading: boolean; reload: () => void };

/** The answer to a path: from the cache at once when it is there, and then from the server. */
export function useResource<T>(path: string | null): Resource<T> {
  const [attempt, reload] = useReducer((n: number, _: void) => n + 1, 0);
  const [, draw] = useReducer((n: number, _: void) => n + 1, 0);
  const held = useRef<{ path: string | null; data: T | undefined; error: ApiError | null }>({ path: null, data: undefined, error: null });
  const asked = useRef<string | null>(null);
  if (held.current.path !== path) held.current = { path, data: path === null ? undefined : recall<T>(path), error: null };
  useEffect(() => {
    if (path === null) return;
    const isAgain = asked.current === path;
    asked.current = path;
    const known = cache.get(path);
    const isFresh = known?.isAhead === true && Date.now() - known.at < FRESH_MS;
    if (known) known.isAhead = false;
    if (isFresh && !isAgain) {
      // It came after the page was drawn and before this.
      if (held.current.data === undefined) {
        held.current = { path, data: known.data as T, error: null };
        draw();
      }
      return;
    }
    // An answer to an earlier question about the same is drawn too: under steady news there may never be a last one.
    const settle = (data: T | undefined, error: ApiError | null) => {
      if (held.current.path !== path) return;
      held.current = { path, data: data ?? held.current.data, error };
      draw();
    };
    (isAgain ? loadAgain<T>(path) : load<T>(path)).then(
      (data) => settle(data, null),
      (error: ApiError) => settle(undefined, error),
    );
  }, [path, attempt]);
  const { data, error } = held.current;
  return { data, error, isLoading: data === undefined && error === null && path !== null, reload: () => reload() };
}
