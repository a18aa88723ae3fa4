// The logs of one trace in the order of time.

import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { LogListView, LogRowView } from "../api/types";
import { useCoalesced } from "../lib/coalesce";
import { dateTime, offset, plural } from "../lib/format";
import { withAttribute } from "../lib/log-attribute";
import { markOf } from "../lib/logs";
import { tracePath, withQuery } from "../lib/urls";
import { navigate } from "../router";
import { LogDetail } from "./log-detail";
import { LevelMark } from "./marks";
import { LoadError, Partial, SkeletonRows } from "./states";
import "../styles/logs.css";

const AGAIN_MS = 1500;

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
      {data && <Rows logs={data.logs} traceId={traceId} originMs={originMs} />}
    </div>
  );
}

function Rows({ logs, traceId, originMs }: { logs: readonly LogRowView[]; traceId: string; originMs: number }) {
  const [open, setOpen] = useState<string | null>(null);
  const filter = (name: string, value: string) => navigate(`/logs${withQuery("", { query: withAttribute("", name, value) })}`);
  return (
    <ol class="log-lines">
      {logs.map((log) => (
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
      ))}
    </ol>
  );
}
