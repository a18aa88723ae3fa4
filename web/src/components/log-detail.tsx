// Everything one log carries, fetched when its row is opened.

import { useResource } from "../api/client";
import type { LogView, Variable } from "../api/types";
import { bytes, dateTime, offset, oneLine, plural } from "../lib/format";
import { leaf } from "../lib/python-value";
import { markOf } from "../lib/logs";
import { eventPath, tracePath } from "../lib/urls";
import { CopyIcon } from "./controls";
import { CodePlaces, EditorLink } from "./editor-link";
import { LevelMark } from "./marks";
import { isNotHere } from "./not-here";
import { LoadError, SkeletonRows } from "./states";
import "../styles/logs.css";

/** Shown as facts above, or told by the body. */
const TOLD = /^(sentry\.origin|sentry\.is_localhost)$/;
const PARAMETER = "sentry.message.parameter.";

export function LogDetail({ id, onFilter }: { id: string; onFilter: (name: string, value: string) => void }) {
  const { data, error, reload } = useResource<LogView>(`/api/ui/logs/${encodeURIComponent(id)}`);
  if (!data && isNotHere(error)) return <p class="log-detail quiet">There is no such log, or it is no longer kept.</p>;
  if (!data) return <div class="log-detail">{error ? <LoadError error={error} what="The log" hasData={false} onRetry={reload} /> : <SkeletonRows rows={4} height={26} />}</div>;
  const parameters = data.attributes.filter(({ name }) => name.startsWith(PARAMETER));
  const attributes = data.attributes.filter(({ name }) => !name.startsWith(PARAMETER) && !TOLD.test(name));
  const code = codeOf(data.attributes);
  const facts: [string, string | null][] = [
    ["Time", dateTime(data.time_ms)],
    ["Level", data.severity_text !== "" ? `${data.severity_text} (${data.severity})` : `${data.level} (${data.severity})`],
    ["Logger", data.logger],
    ["Code", code?.text ?? null],
    ["Service", data.service],
    ["Environment", data.environment],
    ["Release", data.release],
    ["SDK", data.sdk],
  ];
  return (
    <div class="log-detail">
      <div class="log-body-line">
        <pre class="log-whole">{data.body === "" ? <span class="none">empty</span> : data.body}</pre>
        <CopyIcon label="Copy the message" text={() => data.body} />
      </div>
      {data.template !== null && (
        <p class="log-template">
          <span>Template</span> <code>{oneLine(data.template, 600)}</code>
          {parameters.map(({ name, value }) => (
            <span key={name} class="log-parameter">
              {name.slice(PARAMETER.length)} = <code>{oneLine(leaf(value), 120)}</code>
            </span>
          ))}
        </p>
      )}
      {(data.trace_id !== null || data.events.length > 0) && (
        <ul class="log-links">
          {data.trace_id !== null && (
            <li>
              {data.has_spans ? <a href={tracePath(data.trace_id, data.span_id)}>Trace {data.trace_id.slice(0, 8)}</a> : <a href={`/logs?trace=${data.trace_id}`}>Logs of trace {data.trace_id.slice(0, 8)}</a>}
              {data.has_spans && <a href={`${tracePath(data.trace_id)}?view=logs`}>its logs</a>}
            </li>
          )}
          {data.events.map((event) => (
            <li key={event.event_id}>
              <LevelMark level={event.level} />
              <a href={eventPath(event.short_id, event.event_id)}>{oneLine(event.title, 100)}</a>
              <span class="quiet">{`${event.short_id} · ${offset(event.offset_ms * 1e6)}`}</span>
            </li>
          ))}
        </ul>
      )}
      <dl class="log-facts">
        {facts.map(([name, value]) =>
          value === null || value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {name === "Level" && <LevelMark level={markOf(data.level)} />} {value}
                {name === "Code" && code && (
                  <CodePlaces.Provider value={[data.project_slug, data.service]}>
                    <EditorLink path={code.file} line={code.line} />
                  </CodePlaces.Provider>
                )}
              </dd>
            </div>
          ),
        )}
      </dl>
      <Attributes title={`Attributes ${attributes.length}`} attributes={attributes} onFilter={onFilter} />
      <Attributes title="Process" attributes={data.resource} onFilter={onFilter} />
      {data.dropped > 0 && <p class="quiet">{`${plural(data.dropped, "attribute")} left out: over a limit, or of a type nobody knows.`}</p>}
    </div>
  );
}

/** Characters shown of an attribute: a stack trace is read whole, in a box that scrolls. */
const room = (text: string) => (text.includes("\n") ? 16_000 : 600);

function Attributes({ title, attributes, onFilter }: { title: string; attributes: readonly Variable[]; onFilter: (name: string, value: string) => void }) {
  if (attributes.length === 0) return null;
  return (
    <section class="log-attributes" aria-label={title}>
      <h3>{title}</h3>
      <dl>
        {attributes.map(({ name, value }, i) => {
          const text = leaf(value);
          return (
            <div key={`${i}${name}`}>
              <dt>{name}</dt>
              <dd>
                {text.length > room(text) ? `${text.slice(0, room(text))}… (${bytes(text.length)})` : text}
                {(typeof value !== "object" || value === null) && (
                  <button type="button" class="link" aria-label={`Only logs with ${name} ${oneLine(text, 60)}`} title="Only logs with this value" onClick={() => onFilter(name, String(value))}>
                    filter
                  </button>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}

function codeOf(attributes: readonly Variable[]): { text: string; file: string; line: string } | null {
  const text = (...names: string[]) => {
    const found = attributes.find(({ name }) => names.includes(name))?.value;
    return found === undefined || found === null ? "" : String(found);
  };
  const file = text("code.file.path", "code.filepath");
  if (file === "") return null;
  const line = text("code.line.number", "code.lineno");
  const name = text("code.function.name", "code.function");
  return { text: `${file}${line === "" ? "" : `:${line}`}${name === "" ? "" : ` in ${name}`}`, file, line };
}
