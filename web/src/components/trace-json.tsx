// The trace as JSON, with everything its spans carry: to read, to copy, to keep.

import { useState } from "preact/hooks";
import { load, useResource } from "../api/client";
import type { TraceJsonView } from "../api/types";
import { copyText } from "../clipboard";
import { bytes, count, plural } from "../lib/format";
import { say } from "../state";
import type { TraceViewProps } from "../pages/trace";
import { LoadError, Partial, SkeletonRows } from "./states";
import "../styles/trace-views.css";

/** Spans fetched to be read, and characters shown: nobody reads more, and a page of them is slow. */
const SPANS_SHOWN = 200;
const TEXT_SHOWN = 200_000;

export function JsonView({ trace }: TraceViewProps) {
  const path = `/api/ui/traces/${encodeURIComponent(trace.trace_id)}/json`;
  const { data, error, reload } = useResource<TraceJsonView>(`${path}?limit=${SPANS_SHOWN}`);
  const [isCopying, setCopying] = useState(false);
  const text = data ? JSON.stringify(data, null, 2) : "";
  const copy = () => {
    setCopying(true);
    const whole = data && data.spans_omitted > 0 ? load<TraceJsonView>(path) : Promise.resolve(data);
    whole
      .then((all) => copyText(JSON.stringify(all, null, 2)))
      .then(
        (isDone) => say(isDone ? "JSON copied" : "The browser does not allow copying here"),
        () => say("The trace could not be loaded"),
      )
      .finally(() => setCopying(false));
  };
  return (
    <div class="trace-view">
      <div class="view-line">
        <p class="quiet">{data ? `${plural(data.spans.length, "span")} with all they carry${data.spans_omitted === 0 ? "" : `, of ${count(data.spans.length + data.spans_omitted)}`}, ${bytes(text.length)}` : ""}</p>
        <div class="view-tools">
          <button type="button" class="button" disabled={!data || isCopying} onClick={copy}>
            {isCopying ? "Copying…" : "Copy all"}
          </button>
          <a class="button" href={`${path}?download=1`} download={`trace-${trace.trace_id}.json`}>
            Download
          </a>
        </div>
      </div>
      {error && <LoadError error={error} what="The trace" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={14} height={20} />}
      {data && (data.spans_omitted > 0 || text.length > TEXT_SHOWN) && (
        <Partial>{`Only the beginning is shown${data.spans_omitted > 0 ? `: ${plural(data.spans_omitted, "more span")}` : ""}. Copying and downloading take all of it.`}</Partial>
      )}
      {data && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre class="block trace-json scrolls" tabIndex={0} role="group" aria-label="The trace as JSON">
          <code>{text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN)}\n…` : text}</code>
        </pre>
      )}
    </div>
  );
}
