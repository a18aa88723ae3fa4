// Who else told of an event's error: spans and log records, counted with it.

import type { EventReportView, EventView } from "../api/types";
import { clock } from "../lib/format";
import { tracePath } from "../lib/urls";

const SOURCES: Record<string, string> = { span_event: "Span", log_record: "Log record" };

export function Reports({ event }: { event: EventView }) {
  return (
    <>
      <p class="quiet">OpenTelemetry told of this error, too. It is counted once.</p>
      <ul class="reports">
        {event.reports.map((report, at) => (
          <li key={at}>
            <span>{SOURCES[report.source] ?? report.source}</span> <Label report={report} traceId={event.trace?.trace_id} /> <time>{clock(report.timestamp_ms)}</time>
          </li>
        ))}
      </ul>
    </>
  );
}

function Label({ report, traceId }: { report: EventReportView; traceId: string | undefined }) {
  const text = <code>{report.label || report.span_id || "unnamed"}</code>;
  return traceId && report.span_id ? <a href={tracePath(traceId, report.span_id)}>{text}</a> : text;
}
