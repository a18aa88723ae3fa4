// The logs of one trace in the order of time: on its page, and around an error event.

import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { LogListView, LogRowView } from "../api/types";
import { useCoalesced } from "../lib/coalesce";
import { dateTime, offset, plural } from "../lib/format";
import { markOf } from "../lib/logs";
import { tracePath } from "../lib/urls";
import { navigate } from "../router";
import { LogDetail } from "./log-detail";
import { LevelMark } from "./marks";
import { LoadError, Partial, SkeletonRows } from "./states";
import "../styles/logs.css";

const AGAIN_MS = 1500;
/** Shown of each side of an event; the others one click away. */
const AROUND = 12;

function useTraceLogs(traceId: string) {
  const answer = useResource<LogListView>(`/api/ui/logs?trace=${encodeURIComponent(traceId)}`);
  const again = useCoalesced(answer.reload, AGAIN_MS);
  useLive({ log: again, resync: answer.reload });
  return answer;
}

/** `originMs`: what times are told relative to. */
export function TraceLogs({ traceId, originMs }: { traceId: string; originMs: number }) {
  const { data, error, reload } = useTraceLogs(traceId);
  return (
    <div class="trace-logs">
      {error && <LoadError error={error} what="The logs" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={8} height={26} />}
      {data && data.omitted > 0 && <Partial>{`${plural(data.omitted, "more log")} of this trace ${data.omitted === 1 ? "is" : "are"} kept but not shown.`}</Partial>}
      {data?.logs.length === 0 && <p class="quiet">No log names this trace.</p>}
      {data && <Rows logs={data.logs} traceId={traceId} originMs={originMs} markAfter={null} />}
    </div>
  );
}

export function EventLogs({ traceId, atMs }: { traceId: string; atMs: number }) {
  const { data, error, reload } = useTraceLogs(traceId);
  const [isWhole, setWhole] = useState(false);
  if (error) return <LoadError error={error} what="The logs" hasData={data !== undefined} onRetry={reload} />;
  if (!data) return <SkeletonRows rows={4} height={26} />;
  const at = data.logs.findIndex((log) => log.time_ms > atMs);
  const here = at < 0 ? data.logs.length : at;
  const from = isWhole ? 0 : Math.max(0, here - AROUND);
  const shown = data.logs.slice(from, isWhole ? undefined : here + AROUND);
  const hidden = data.logs.length - shown.length;
  return (
    <>
      <Rows logs={shown} traceId={traceId} originMs={atMs} markAfter={here - from} />
      <p class="log-more">
        {hidden > 0 && (
          <button type="button" class="link" onClick={() => setWhole(true)}>
            {`Show ${plural(hidden, "more log")}`}
          </button>
        )}
        <a href={`${tracePath(traceId)}?view=logs`}>All logs of the trace</a>
      </p>
    </>
  );
}

function Rows({ logs, traceId, originMs, markAfter }: { logs: readonly LogRowView[]; traceId: string; originMs: number; markAfter: number | null }) {
  const [open, setOpen] = useState<string | null>(null);
  const filter = (name: string, value: string) => navigate(`/logs?attribute=${encodeURIComponent(`${name}:${value}`)}`);
  const mark = <li class="log-here">this event</li>;
  return (
    <ol class="log-lines">
      {logs.map((log, i) => (
        <>
          {markAfter === i && mark}
          <li key={log.id} class={`log-line lv-${log.level}${open === log.id ? " open" : ""}`}>
            <div class="log-line-head">
              <span class="log-time" title={dateTime(log.time_ms)}>{offset(Math.round((log.time_ms - originMs) * 1e6))}</span>
              <LevelMark level={markOf(log.level)} />
              <button type="button" class="log-line-text" aria-expanded={open === log.id} onClick={() => setOpen(open === log.id ? null : log.id)}>
                {log.logger && <span class="log-logger">{log.logger}</span>}
                <bdi>{log.body === "" ? "empty" : log.body}</bdi>
              </button>
              {log.span_id && (
                <a class="log-span" href={tracePath(traceId, log.span_id)} title={`Span ${log.span_id}`}>
                  span
                </a>
              )}
            </div>
            {open === log.id && <LogDetail id={log.id} onFilter={filter} />}
          </li>
        </>
      ))}
      {markAfter === logs.length && mark}
    </ol>
  );
}
