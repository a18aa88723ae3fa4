// A trace in a few rows, for the event that happened in it. Read when it comes near the screen, a small one before; all of it leads to the trace.

import type { EventTraceView } from "../api/types";
import { isSmall, useTrace } from "../api/use-trace";
import { duration, plural } from "../lib/format";
import { tracePath } from "../lib/urls";
import { KeyHint } from "./key-hint";
import { lazy } from "./lazy";
import { useNear } from "./region";
import { SkeletonRows } from "./states";

const ROWS = 8;
/** Laid out as the waterfall lays out its own: code that most pages of an issue do without. */
const Rows = lazy("PreviewRows", () => import("./trace-preview-rows").then((module) => module.PreviewRows), "trace-room");

export function TracePreview({ trace, eventId }: { trace: EventTraceView; eventId: string }) {
  const [place, isNear] = useNear<HTMLDivElement>(isSmall(trace));
  const { data, error } = useTrace(isNear ? trace.trace_id : null);
  return (
    <div ref={place} class="trace-preview">
      <p class="trace-line">
        <a class="button" href={tracePath(trace.trace_id, trace.span_id)}>
          Open the trace <KeyHint scope="issue" id="trace" />
        </a>
        {data && data.spans.span_id.length > 0 ? (
          <span class="quiet">
            {[plural(data.spans.span_id.length, "span"), duration(data.duration_ns), data.services.length > 1 ? data.services.join(", ") : ""].filter(Boolean).join(" · ")}
          </span>
        ) : (
          <code class="quiet">{trace.trace_id}</code>
        )}
      </p>
      {data ? (
        <Rows trace={data} eventId={eventId} most={ROWS} />
      ) : (
        !error && (
          <div class="trace-room">{isNear && <SkeletonRows rows={ROWS} height={23} />}</div>
        )
      )}
    </div>
  );
}
