// Short addresses for terminals, chat and mail: /e/<event id>, /t/<trace id> and /s/<span id>, dashes and capitals accepted.

import { useEffect } from "preact/hooks";
import { useResource } from "../api/client";
import type { EventView, SpanPlaceView } from "../api/types";
import type { PageProps } from "../app";
import { isNotHere, NotHere } from "../components/not-here";
import { PageTitle } from "../components/shell";
import { ErrorNote, SkeletonRows } from "../components/states";
import { shortId } from "../lib/format";
import { eventPath, normaliseId, tracePath } from "../lib/urls";
import { navigate } from "../router";

export function EventRedirect({ params }: PageProps) {
  const eventId = normaliseId(params.eventId ?? "");
  const { data, error, reload } = useResource<EventView>(`/api/ui/events/${encodeURIComponent(eventId)}`);
  useEffect(() => {
    if (data) navigate(eventPath(data.short_id, data.event_id), { replace: true });
  }, [data]);
  if (isNotHere(error))
    return (
      <div class="page">
        <NotHere title={`There is no event ${shortId(eventId)}`} href="/issues" back="All issues" error={error} />
      </div>
    );
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Event" />
      </header>
      {error ? <ErrorNote title="The event could not be opened" detail={error.message} causes={error.causes} onRetry={reload} /> : <SkeletonRows />}
    </div>
  );
}

export function TraceRedirect({ params }: PageProps) {
  useEffect(() => navigate(tracePath(normaliseId(params.traceId ?? "")), { replace: true }), []);
  return null;
}

/** Only the server knows the trace of a span. */
export function SpanRedirect({ params }: PageProps) {
  const spanId = normaliseId(params.spanId ?? "");
  const { data, error, reload } = useResource<SpanPlaceView>(`/api/ui/spans/${encodeURIComponent(spanId)}`);
  useEffect(() => {
    if (data) navigate(tracePath(data.trace_id, data.span_id), { replace: true });
  }, [data]);
  if (isNotHere(error))
    return (
      <div class="page">
        <NotHere title={`There is no span ${spanId}`} href="/traces" back="All traces" />
      </div>
    );
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Span" />
      </header>
      {error ? <ErrorNote title="The span could not be opened" detail={error.message} causes={error.causes} onRetry={reload} /> : <SkeletonRows />}
    </div>
  );
}
