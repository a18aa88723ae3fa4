// What led to an event: breadcrumbs, logs, spans and other errors of its trace in one list, told relative to the event.
// Logs and spans are read when the list comes near the screen; what could not be read is said, and the rest stays.

import { useMemo, useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { Breadcrumb, EventView, LogListView, LogRowView, TraceView } from "../api/types";
import { isSmall, useTrace } from "../api/use-trace";
import { useCoalesced } from "../lib/coalesce";
import { exceptionName } from "../lib/export";
import { count, dateTime, duration, offset, oneLine, plural } from "../lib/format";
import { withAttribute } from "../lib/log-attribute";
import { markOf } from "../lib/logs";
import { around, type Entry as Moment, type Folded, folded, isHttp, isQuery, levelsOf, shown, timeline, typesOf } from "../lib/timeline";
import { eventPath, tracePath, withQuery } from "../lib/urls";
import { navigate } from "../router";
import { remembered, rememberChoice, serverNow } from "../state";
import { Sql } from "./code";
import { lazy } from "./lazy";
import { LevelMark } from "./marks";
import { useNear } from "./region";
import { LoadError, Partial, SkeletonRows } from "./states";
import { Entry } from "./values";

const LogDetail = lazy("LogDetail", () => import("./log-detail").then((module) => module.LogDetail), "part-loading");

/** These many show what led to the event; the others are a click away, and then this many more at a time. */
const BEFORE = 25;
const AFTER = 5;
const MORE = 200;

const LOGS_WAIT_MS = 120_000;
const LOGS_MS = 1500;

const TYPE_WORDS: Record<string, string | undefined> = { query: "Queries", http: "HTTP", span: "Spans", log: "Logs", error: "Errors", breadcrumb: "Breadcrumbs", navigation: "Navigation", user: "Clicks", ui: "Clicks" };

const hiddenAtFirst = () => new Set(remembered("timeline", "").split(",").filter((name) => name !== ""));

export function Timeline({ event }: { event: EventView }) {
  const { trace } = event;
  const [place, isNear] = useNear<HTMLDivElement>(trace ? isSmall(trace) : false);
  const traceId = isNear && trace ? trace.trace_id : null;
  // Logs are sent a moment after the event they belong to.
  const isFresh = serverNow() - event.received_ms < LOGS_WAIT_MS;
  const logs = useResource<LogListView>(traceId && trace && (trace.log_count > 0 || isFresh) ? `/api/ui/logs?trace=${encodeURIComponent(traceId)}` : null);
  const readLogs = useCoalesced(logs.reload, LOGS_MS);
  useLive({ log: () => isFresh && traceId !== null && readLogs() });
  const spans = useTrace(traceId && trace?.has_spans ? traceId : null);
  const entries = useMemo(() => timeline(event, logs.data?.logs, spans.data), [event, logs.data, spans.data]);
  const [hidden, setHidden] = useState(hiddenAtFirst);
  const [room, setRoom] = useState({ before: BEFORE, after: AFTER });
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
    rememberChoice("timeline", [...next].join(","));
  };
  const visible = useMemo(() => shown(entries, hidden), [entries, hidden]);
  const lines = useMemo(() => folded(visible, (entry) => saying(entry, spans.data)), [visible, spans.data]);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const turn = (key: string) => {
    const next = new Set(opened);
    if (!next.delete(key)) next.add(key);
    setOpened(next);
  };
  const { rows, earlier, later } = around(lines, room.before, room.after);
  const isWaiting = logs.isLoading || spans.isLoading;
  return (
    <div ref={place}>
      <Chips entries={entries} hidden={hidden} onToggle={toggle} />
      {logs.error && <LoadError error={logs.error} what="The logs" hasData onRetry={logs.reload} />}
      {spans.error && <LoadError error={spans.error} what="The spans" hasData onRetry={spans.reload} />}
      {logs.data && logs.data.omitted > 0 && <Partial>{`${plural(logs.data.omitted, "more log")} of this trace ${logs.data.omitted === 1 ? "is" : "are"} kept but not listed.`}</Partial>}
      {spans.data && spans.data.spans_omitted > 0 && <Partial>{`${plural(spans.data.spans_omitted, "more span")} of this trace ${spans.data.spans_omitted === 1 ? "is" : "are"} kept but not listed.`}</Partial>}
      {isWaiting && entries.length === 1 && <SkeletonRows rows={4} height={28} />}
      <ol class="timeline">
        {earlier > 0 && <More count={earlier} word="earlier" onMore={() => setRoom({ ...room, before: room.before + MORE })} />}
        {rows.flatMap((entry) => {
          const isOpen = opened.has(entry.key);
          return [
            <Row key={entry.key} entry={entry} event={event} trace={spans.data} times={entry.alike.length > 0 ? <Times entry={entry} trace={spans.data} isOpen={isOpen} onToggle={() => turn(entry.key)} /> : null} />,
            ...(isOpen ? entry.alike.map((one) => <Row key={one.key} entry={one} event={event} trace={spans.data} times={null} />) : []),
          ];
        })}
        {later > 0 && <More count={later} word="later" onMore={() => setRoom({ ...room, after: room.after + MORE })} />}
      </ol>
      {visible.length < entries.length && <p class="quiet timeline-end">{`${plural(entries.length - visible.length, "entry", "entries")} hidden by the choice above.`}</p>}
      {trace && trace.log_count > 0 && (
        <p class="timeline-end">
          <a href={`${tracePath(trace.trace_id)}?view=logs`}>All logs of the trace</a>
        </p>
      )}
    </div>
  );
}

function Chips({ entries, hidden, onToggle }: { entries: readonly Moment[]; hidden: ReadonlySet<string>; onToggle: (name: string) => void }) {
  const types = typesOf(entries);
  const levels = levelsOf(entries);
  if (types.length + levels.length < 3) return null;
  return (
    <div class="timeline-chips" role="group" aria-label="What the timeline shows">
      {types.map(({ name, count: n }) => (
        <button key={name} type="button" class="toggle" aria-pressed={!hidden.has(name)} onClick={() => onToggle(name)}>
          {TYPE_WORDS[name] ?? name} <small>{count(n)}</small>
        </button>
      ))}
      <span class="chips-gap" />
      {levels.map(({ name, count: n }) => (
        <button key={name} type="button" class="toggle" aria-pressed={!hidden.has(`level:${name}`)} onClick={() => onToggle(`level:${name}`)}>
          <LevelMark level={name} withWord /> <small>{count(n)}</small>
        </button>
      ))}
    </div>
  );
}

function More({ count: n, word, onMore }: { count: number; word: string; onMore: () => void }) {
  return (
    <li class="earlier">
      <button type="button" class="link" onClick={onMore}>
        {n > MORE ? `Show ${count(MORE)} of ${count(n)} ${word} entries` : `Show ${plural(n, `${word} entry`, `${word} entries`)}`}
      </button>
    </li>
  );
}

/** What makes two entries one; `null` for what is told one by one. */
function saying(entry: Moment, trace: TraceView | undefined): string | null {
  if (entry.kind === "span") return `${trace?.spans.op[entry.span] ?? ""} ${trace?.spans.name[entry.span] ?? ""} ${trace?.spans.status[entry.span] ?? ""}`;
  if (entry.kind === "crumb") return entry.crumb.message === null || entry.crumb.message === "" ? null : `${entry.crumb.category ?? ""} ${entry.crumb.level} ${entry.crumb.message}`;
  return null;
}

function Times({ entry, trace, isOpen, onToggle }: { entry: Folded; trace: TraceView | undefined; isOpen: boolean; onToggle: () => void }) {
  const all = [entry, ...entry.alike];
  const ns = trace ? all.reduce((sum, one) => sum + (one.kind === "span" ? (trace.spans.duration_ns[one.span] ?? 0) : 0), 0) : 0;
  return (
    <button type="button" class="times" aria-expanded={isOpen} onClick={onToggle} title={isOpen ? "Show once" : "Show each of them"}>
      {`×${count(all.length)}`}
      {ns > 0 && <span class="quiet">{` ${duration(ns)} in all`}</span>}
    </button>
  );
}

function Row({ entry, event, trace, times }: { entry: Moment; event: EventView; trace: TraceView | undefined; times: preact.ComponentChildren }) {
  const when = <When atNs={entry.atNs} atMs={event.timestamp_ms} />;
  switch (entry.kind) {
    case "crumb":
      return <Crumb crumb={entry.crumb} when={when} times={times} />;
    case "log":
      return <Log log={entry.log} when={when} />;
    case "span":
      return trace ? <Span trace={trace} at={entry.span} when={when} times={times} /> : null;
    case "error":
      return trace ? <OtherError trace={trace} at={entry.error} when={when} /> : null;
    case "event":
      return <ThisEvent event={event} />;
  }
}

function When({ atNs, atMs }: { atNs: number | null; atMs: number }) {
  return (
    <span class="when" title={atNs === null ? undefined : dateTime(atMs + atNs / 1e6)}>
      {atNs === null ? "?" : offset(Math.round(atNs))}
    </span>
  );
}

type Child = { when: preact.ComponentChildren };

function ThisEvent({ event }: { event: EventView }) {
  const last = event.detail.exceptions[event.detail.exceptions.length - 1];
  return (
    <li class="crumb the-event">
      <span class="when">0</span>
      <span class="what">
        <LevelMark level={event.level} withWord />
      </span>
      <span class="text">
        <bdi>{last ? `${exceptionName(last)}${last.value ? `: ${oneLine(last.value, 200)}` : ""}` : oneLine(event.title, 200)}</bdi>
      </span>
    </li>
  );
}

/** As SDKs old and new call them. */
const HTTP_METHOD = ["method", "http.method", "http.request.method"];
const HTTP_STATUS = ["status_code", "http.response.status_code"];
const MARKED = ["warning", "error", "fatal"];

function Crumb({ crumb, when, times }: Child & { crumb: Breadcrumb; times: preact.ComponentChildren }) {
  const { data } = crumb;
  const entries: [string, unknown][] = typeof data === "object" && data !== null ? Object.entries(data) : [];
  const fields = new Map(entries);
  const url = fields.get("url");
  const status = HTTP_STATUS.map((key) => fields.get(key)).find(Boolean);
  const method = HTTP_METHOD.map((key) => fields.get(key)).find((value) => typeof value === "string");
  const httpText = isHttp(crumb) && typeof url === "string" ? `${String(method ?? "GET")} ${url}${status ? ` → ${String(status)}` : ""}` : null;
  const told = httpText ? ["url", "reason", ...HTTP_METHOD, ...HTTP_STATUS] : [];
  const rest = entries.filter(([key, value]) => value !== "" && value !== null && !told.includes(key));
  return (
    <li class={`crumb${crumb.level === "error" || crumb.level === "fatal" ? " failed" : ""}`}>
      {when}
      <span class="what">
        {MARKED.includes(crumb.level) && <LevelMark level={crumb.level} />}
        {crumb.category ?? crumb.ty}
      </span>
      <span class="text">
        {times}{times !== null && " "}
        {crumb.message !== null && crumb.message !== "" ? isQuery(crumb) ? <Sql text={crumb.message} inline /> : <bdi>{crumb.message}</bdi> : httpText && <span class="mono">{httpText}</span>}
        {crumb.message && httpText && <span class="mono crumb-http">{httpText}</span>}
        {rest.length > 0 && (
          <span class="crumb-data">
            {rest.map(([key, value]) => (
              <Entry key={key} name={key} value={value} separator=" " />
            ))}
          </span>
        )}
      </span>
    </li>
  );
}

function Log({ log, when }: Child & { log: LogRowView }) {
  const [isOpen, setOpen] = useState(false);
  const level = markOf(log.level);
  const filter = (name: string, value: string) => navigate(`/logs${withQuery("", { query: withAttribute("", name, value) })}`);
  return (
    <li class={`crumb${level === "error" || level === "fatal" ? " failed" : ""}`}>
      {when}
      <span class="what">
        <LevelMark level={level} />
        {log.logger ?? "log"}
      </span>
      <span class="text">
        <button type="button" class="crumb-open" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <bdi>{log.body === "" ? "empty" : log.body}</bdi>
          {log.is_cut && " …"}
        </button>
        {isOpen && <LogDetail id={log.id} onFilter={filter} />}
      </span>
    </li>
  );
}

function Span({ trace, at, when, times }: Child & { trace: TraceView; at: number; times: preact.ComponentChildren }) {
  const { spans } = trace;
  const op = spans.op[at] ?? "";
  const name = spans.name[at] ?? "";
  const isFailed = spans.status[at] === "error";
  const id = spans.span_id[at];
  return (
    <li class={`crumb span-row${isFailed ? " failed" : ""}`}>
      {when}
      <span class="what">
        {isFailed && <LevelMark level="error" />}
        {op || "span"}
      </span>
      <span class="text">
        {/^db(\.|$)/.test(op) ? <Sql text={oneLine(name, 600)} inline /> : <bdi>{oneLine(name, 300) || "(no name)"}</bdi>}{" "}
        <a class="took" href={tracePath(trace.trace_id, id ?? null)} aria-label={`${duration(spans.duration_ns[at] ?? 0)}: open the span in its trace`}>
          {duration(spans.duration_ns[at] ?? 0)}
        </a>{" "}
        {times}
      </span>
    </li>
  );
}

function OtherError({ trace, at, when }: Child & { trace: TraceView; at: number }) {
  const error = trace.errors[at];
  if (!error) return null;
  return (
    <li class="crumb failed">
      {when}
      <span class="what">
        <LevelMark level={error.level} withWord />
      </span>
      <span class="text">
        <a href={eventPath(error.short_id, error.event_id)}>
          <bdi>{oneLine(error.title, 200)}</bdi>
        </a>{" "}
        <span class="quiet">{error.short_id}</span>
      </span>
    </li>
  );
}
