// Everything one span carries, fetched when it is opened.

import { useResource } from "../api/client";
import type { LogRowView, SpanView, TraceErrorView } from "../api/types";
import { bytes, duration, offset, oneLine, plural } from "../lib/format";
import { markOf } from "../lib/logs";
import { isTree } from "../lib/python-value";
import { eventPath, tracePath, tracesWith } from "../lib/urls";
import { movedWords } from "../lib/waterfall";
import { Sql } from "./code";
import { CopyIcon } from "./controls";
import { CodePlaces, EditorLink } from "./editor-link";
import { Icon } from "./icons";
import { LevelMark } from "./marks";
import { Part } from "./part";
import { LoadError, Partial, SkeletonRows } from "./states";
import { Entry, KeyValues } from "./values";

/** Where SDKs old and new put the text of a query. */
const SQL_KEYS = ["db.query.text", "db.statement"];
/** Logs told in the panel; all of them have a view of their own. */
const LOGS_MAX = 20;
/** Of a query, in common with its equals. */
const FINGERPRINT = "trapline.query.fingerprint";
const ENDED_BEFORE_START = "trapline.ended_before_start_ns";
/** And the place in the code: file, line, function. */
const CODE_KEYS = [
  ["code.file.path", "code.filepath"],
  ["code.line.number", "code.lineno"],
  ["code.function.name", "code.function"],
];

export function SpanPanel({ traceId, spanId, name, startNs, selfNs, shiftNs, errors, logs, originMs, onClose }: {
  traceId: string;
  spanId: string;
  name: string;
  startNs: number;
  selfNs: number;
  /** By how much the span is drawn later than its clock says. */
  shiftNs: number;
  errors: readonly TraceErrorView[];
  /** What was logged in it, and when the trace began. */
  logs: readonly LogRowView[];
  originMs: number;
  onClose: () => void;
}) {
  const { data, error, reload } = useResource<SpanView>(`/api/ui/traces/${encodeURIComponent(traceId)}/spans/${encodeURIComponent(spanId)}`);
  const statement = data && sqlOf(data);
  return (
    <aside class="span-panel" aria-label="Span">
      <header>
        <h2 title={data?.name ?? name}>{oneLine(data?.name ?? name, 400)}</h2>
        {data && <CopyIcon label="Copy the span as JSON" text={() => JSON.stringify(data, null, 2)} />}
        <CopyIcon label="Copy link to the span" icon="link" text={() => new URL(tracePath(traceId, spanId), location.href).href} />
        <button type="button" class="icon-button small" aria-label="Close the span panel" onClick={onClose}>
          <Icon name="close" size={14} />
        </button>
      </header>
      {error && <LoadError error={error} what="The span" hasData={data !== undefined} onRetry={reload} />}
      {errors.map((e) => (
        <p key={e.event_id} class="span-error">
          <LevelMark level={e.level} />
          <a href={eventPath(e.short_id, e.event_id)}>{oneLine(e.title, 140)}</a> <span class="short-id">{e.short_id}</span>
        </p>
      ))}
      {!data && !error && <SkeletonRows rows={8} height={28} />}
      {data && (
        <>
          <dl class="span-facts">
            <Fact name="Duration" value={duration(data.duration_ns)} />
            <Fact name="Ended" value={endedBefore(data)} isBad />
            <Fact name="Itself" value={duration(selfNs)} />
            <Fact name="Start" value={offset(startNs)} />
            <Fact name="Clock" value={shiftNs === 0 ? null : movedWords(shiftNs)} />
            <Code span={data} />
            <Fact name="Operation" value={data.op} />
            <Fact name="Service" value={data.service} />
            <Fact name="Kind" value={data.kind} />
            <Fact name="Status" value={[data.status, data.http_status, data.status_message].filter(Boolean).join(" · ")} isBad={data.status === "error"} />
            <Fact name="Source" value={[data.source === "otel" ? "OpenTelemetry" : "Sentry", data.sdk].filter(Boolean).join(" · ")} />
            <Fact name="Release" value={data.release} />
            <Fact name="Environment" value={data.environment} />
            <Fact name="Span id" value={data.span_id} />
          </dl>
          {statement && (
            <Part title="Query">
              <Sql text={statement} />
              {data.query && (
                <p class="hint">
                  <a href={tracesWith(FINGERPRINT, data.query.fingerprint)}>Traces with this query</a>, whatever its values
                </p>
              )}
            </Part>
          )}
          {data.attributes.length > 0 && (
            <Part title={`Attributes ${data.attributes.length}`}>
              <KeyValues pairs={data.attributes.filter(({ name: key }) => !(statement && (SQL_KEYS.includes(key) || key === FINGERPRINT)))} linkOf={sameValue} />
            </Part>
          )}
          {cutNames(data).length > 0 && <Partial>{`Cut when it came in: of ${cutNames(data).join(", ")} the first ${bytes(ATTRIBUTE_BYTES)} are kept.`}</Partial>}
          {logs.length > 0 && (
            <Part title={`Logs ${logs.length}`}>
              <ul class="span-logs">
                {logs.slice(0, LOGS_MAX).map((log) => (
                  <li key={log.id}>
                    <LevelMark level={markOf(log.level)} /> <span class="mono">{offset(Math.round((log.time_ms - originMs) * 1e6))}</span> <bdi>{oneLine(log.body, 300)}</bdi>
                  </li>
                ))}
              </ul>
              <p class="hint">
                <a href={`${tracePath(traceId)}?view=logs`}>{logs.length > LOGS_MAX ? `All logs of the trace, ${logs.length} of this span` : "All logs of the trace"}</a>
              </p>
            </Part>
          )}
          {data.events.length > 0 && (
            <Part title={`Events ${data.events.length}`}>
              {data.events.map((event, i) => (
                <div key={i} class="span-event">
                  <p>
                    <span class="mono">{offset(event.time_ns)}</span> <b>{event.name}</b>
                  </p>
                  <KeyValues pairs={event.attributes} />
                </div>
              ))}
            </Part>
          )}
          {data.links.length > 0 && (
            <Part title="Links">
              {data.links.map((link) => (
                <div key={link.span_id}>
                  <a class="mono" href={tracePath(link.trace_id, link.span_id)}>
                    {link.trace_id.slice(0, 16)}…/{link.span_id}
                  </a>
                  {link.attributes.length > 0 && <KeyValues pairs={link.attributes} />}
                </div>
              ))}
            </Part>
          )}
          {data.dropped > 0 && <Partial>{`${plural(data.dropped, "attribute, event or link was", "attributes, events or links were")} dropped by the SDK's limits.`}</Partial>}
          {data.resource.length > 0 && (
            <details class="fold">
              <summary>{`Resource ${data.resource.length}`}</summary>
              <KeyValues pairs={data.resource} linkOf={sameValue} />
            </details>
          )}
          {isTree(data.transaction) && (
            <details class="fold">
              <summary>Transaction</summary>
              <div class="vars">
                {Object.entries(data.transaction).map(([key, value]) => (
                  <Entry key={key} name={key} value={value} separator=" " />
                ))}
              </div>
            </details>
          )}
        </>
      )}
    </aside>
  );
}

/** As much as is kept of an attribute: what is this long was longer. */
const ATTRIBUTE_BYTES = 65_536;

function cutNames(span: SpanView): string[] {
  // The cut falls between two characters, which are four bytes at most.
  const isCut = (value: unknown) => typeof value === "string" && value.length > ATTRIBUTE_BYTES / 4 && new TextEncoder().encode(value).length > ATTRIBUTE_BYTES - 4;
  return [...span.attributes, ...span.resource].filter(({ value }) => isCut(value)).map(({ name }) => name);
}

/** Where the other traces with this value are. */
function sameValue(name: string, value: unknown): string | null {
  return typeof value === "object" || value === "" ? null : tracesWith(name, String(value));
}

function Fact({ name, value, isBad = false }: { name: string; value: string | null; isBad?: boolean }) {
  if (value === null || value === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd class={isBad ? "bad" : undefined}>{value}</dd>
    </div>
  );
}

/** Where the span began in the application's code, as `function  file:line`, and the way there. */
function Code({ span }: { span: SpanView }) {
  const [path, line, name] = CODE_KEYS.map((keys) => keys.map((key) => span.attributes.find((pair) => pair.name === key)?.value).find((value) => value !== undefined && value !== null && value !== ""));
  const file = path === undefined ? "" : line === undefined ? String(path) : `${String(path)}:${String(line)}`;
  const text = [name === undefined ? "" : String(name), file].filter(Boolean).join("  ");
  if (text === "") return null;
  return (
    <div>
      <dt>Code</dt>
      <dd class="mono code">
        {text}
        <CodePlaces.Provider value={[span.service]}>
          <EditorLink path={path === undefined ? null : String(path)} line={line === undefined ? null : Number(line)} />
        </CodePlaces.Provider>
      </dd>
    </div>
  );
}

/** What was repaired when it came in. */
function endedBefore(span: SpanView): string | null {
  const ns = span.attributes.find(({ name }) => name === ENDED_BEFORE_START)?.value;
  return typeof ns === "number" ? `${duration(ns)} before it began, as it was sent: shown with no length` : null;
}

function sqlOf(span: SpanView): string | null {
  for (const key of SQL_KEYS) {
    const found = span.attributes.find(({ name }) => name === key);
    if (typeof found?.value === "string" && found.value !== "") return found.value;
  }
  return /^(db|sql)/.test(span.op) && !/redis|memcache/.test(span.op) && /^\s*(select|insert|update|delete|with|create|alter|drop|begin|commit|savepoint|release)\b/i.test(span.name) ? span.name : null;
}
