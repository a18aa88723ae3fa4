// A trace that may still be growing: its spans come in several requests, from several services.

import { useCoalesced } from "../lib/coalesce";
import { unpack } from "../lib/packed-trace";
import { serverNow } from "../state";
import { type Resource, useResource } from "./client";
import { useLive } from "./live";
import type { EventTraceView, TraceView } from "./types";

/** An old trace does not grow, and need not be read for every other trace. */
const GROWS_MS = 120_000;
const EVERY_MS = 2000;

const SMALL_SPANS = 1000;
const SMALL_LOGS = 1000;

/** Read within a few milliseconds, so that it may be read before it is asked for. */
export const isSmall = (trace: EventTraceView) => trace.span_count <= SMALL_SPANS && trace.log_count <= SMALL_LOGS;

/** Where a trace is asked for, also ahead of need. */
export const traceAnswer = (traceId: string) => `/api/ui/traces/${encodeURIComponent(traceId)}?packed=1`;

/** `null` as long as it is not wanted. */
export function useTrace(traceId: string | null): Resource<TraceView> {
  const resource = useResource<TraceView>(traceId === null ? null : traceAnswer(traceId));
  const { error, reload } = resource;
  const data = resource.data && unpack(resource.data);
  const readAgain = useCoalesced(reload, EVERY_MS);
  useLive({
    trace: () => {
      const isGrowing = data ? serverNow() - (data.start_ms + data.duration_ns / 1e6) < GROWS_MS : error?.status === 404;
      if (isGrowing) readAgain();
    },
    resync: reload,
  });
  return resource;
}
