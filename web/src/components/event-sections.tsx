// The parts of an event, in the order one reads them.

import { useState } from "preact/hooks";
import type { Context, EventDetail, EventView, ExceptionDetail, MechanismDetail, RequestDetail } from "../api/types";
import { chainOf, type ExceptionNode, exceptionTrees } from "../lib/exceptions";
import { exceptionName, fullUrl, jointWords } from "../lib/export";
import { bytes, count, plural } from "../lib/format";
import { safeHref, tracePath } from "../lib/urls";
import { Block } from "./code";
import { Part } from "./part";
import { ReplayMenu } from "./replay-menu";
import { type Opens, Stack, type StackOptions } from "./stack";
import { TracePreview } from "./trace-preview";
import { Entry, KeyValues, Variables } from "./values";

export type ViewOptions = Pick<StackOptions, "showLibrary" | "showVars" | "newestFirst">;

/** Longer chains and larger groups open the frames of what was raised and of its cause only. */
const OPEN_CHAIN_MAX = 3;

type TreeOptions = ViewOptions & { opens: Opens };

/** As Python prints them: causes first, then what was raised; a group before its members. Newest first turns the chains round. */
export function Exceptions({ exceptions, options }: { exceptions: readonly ExceptionDetail[]; options: ViewOptions }) {
  const trees = exceptionTrees(exceptions);
  if (options.newestFirst) trees.reverse();
  const opens: Opens = exceptions.length <= OPEN_CHAIN_MAX ? "crash" : "none";
  return (
    <div class="exceptions">
      {trees.map((tree, i) => (
        <Chain key={i} node={tree} options={{ ...options, opens }} />
      ))}
    </div>
  );
}

function Chain({ node, options }: { node: ExceptionNode; options: TreeOptions }) {
  const chain = chainOf(node);
  const raised = chain[0]?.exception.is_raised;
  const parts = chain.map((at, i) => {
    const { exception, members, before } = at;
    const opens = exception.is_raised ? "app" : raised && i === 1 ? "crash" : options.opens;
    // Read upwards, the words stand after the newer of two and say what follows below.
    const joint = options.newestFirst ? before && jointBelow(before.exception, members.length > 0) : i > 0 ? jointWords(exception.relation) : null;
    return (
      <div key={i} class={`exception${exception.is_raised ? " raised" : ""}`}>
        <OneException exception={exception} options={{ ...options, opens }} />
        {members.length > 0 && (
          <ol class="members">
            {members.map((member, number) => (
              <li key={number}>
                <p class="member-name">{`Sub-exception ${number + 1} of ${members.length}`}</p>
                <Chain node={member} options={options} />
              </li>
            ))}
          </ol>
        )}
        {joint && <p class="joint">{joint}</p>}
      </div>
    );
  });
  return <>{options.newestFirst ? parts : parts.toReversed()}</>;
}

function jointBelow(older: ExceptionDetail, isGroup: boolean): string | null {
  const above = isGroup ? "The group above" : "The exception above";
  switch (older.relation) {
    case "cause":
      return `${above} was directly caused by:`;
    case "context":
      return `${above} occurred while handling:`;
    default:
      return older.relation === null ? null : `${above} followed:`;
  }
}

function OneException({ exception, options }: { exception: ExceptionDetail; options: TreeOptions }) {
  const { mechanism } = exception;
  return (
    <>
      <h3 class="exception-title">
        <span class="ty">{exceptionName(exception)}</span>
        {exception.value && (
          <>
            <span class="colon">: </span>
            <bdi class="value">
              <LongText text={exception.value} />
            </bdi>
          </>
        )}
        {exception.is_raised && <span class="badge">raised</span>}
        {exception.is_raised && mechanism?.handled === true && <span class="badge ok">handled</span>}
        {exception.is_raised && mechanism?.handled === false && <span class="badge unhandled">unhandled</span>}
        {exception.is_raised && mechanism?.ty && !["chained", "generic"].includes(mechanism.ty) && <span class="mechanism">{`via ${mechanism.ty}`}</span>}
      </h3>
      {mechanism && <MechanismNotes mechanism={mechanism} />}
      {exception.frames.length > 0 ? (
        <Stack frames={exception.frames} omitted={exception.frames_omitted} options={options} />
      ) : (
        <p class="quiet no-stack">No stack trace was sent with this exception.</p>
      )}
    </>
  );
}

/** What an SDK says of how it came to see the exception, beside the word for it. */
function MechanismNotes({ mechanism }: { mechanism: MechanismDetail }) {
  const { description, help_link: link, data } = mechanism;
  if (!description && !link && data.length === 0) return null;
  const href = link ? safeHref(link) : null;
  return (
    <div class="mechanism-notes">
      {description && <p class="quiet">{description}</p>}
      {link && <p class="quiet">{href ? <a href={href} target="_blank" rel="noopener noreferrer">{link}</a> : link}</p>}
      {data.length > 0 && <Variables vars={data} label="What the mechanism says" />}
    </div>
  );
}

/** A message may be a whole document. */
const LONG_AT = 600;

function LongText({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  if (isWhole || text.length <= LONG_AT) return <>{text}</>;
  return (
    <>
      {text.slice(0, LONG_AT)}
      <button type="button" class="link" onClick={() => setWhole(true)}>
        {`… all ${bytes(text.length)}`}
      </button>
    </>
  );
}

export function Message({ detail }: { detail: EventDetail }) {
  return (
    <>
      <pre class="block wraps message">
        <bdi>{detail.message}</bdi>
      </pre>
      {detail.message_template && (
        <p class="quiet">
          Template <code>{detail.message_template}</code>
          {detail.logger && (
            <>
              {" "}from logger <code>{detail.logger}</code>
            </>
          )}
        </p>
      )}
    </>
  );
}

export function Request({ request }: { request: RequestDetail }) {
  const url = fullUrl(request);
  const href = safeHref(url);
  return (
    <>
      <div class="request-line">
        <b class="method">{request.method ?? "GET"}</b>
        <span class="url">{href && (request.method ?? "GET") === "GET" ? <a href={href} target="_blank" rel="noopener noreferrer">{url}</a> : url}</span>
        <ReplayMenu request={request} />
      </div>
      {request.query.length > 0 && (
        <Part title="Query">
          <KeyValues pairs={request.query} />
        </Part>
      )}
      {request.data !== null && request.data !== "" && (
        <Part title="Body" note={request.inferred_content_type ? `read as ${request.inferred_content_type}` : null}>
          {typeof request.data === "string" ? <Block text={request.data} label="Request body" /> : <div class="vars"><Entry name="body" value={request.data} /></div>}
        </Part>
      )}
      {request.headers.length > 0 && (
        <Part title={`Headers ${request.headers.length}`}>
          <KeyValues pairs={request.headers} />
        </Part>
      )}
      {request.cookies.length > 0 && (
        <Part title={`Cookies ${request.cookies.length}`}>
          <KeyValues pairs={request.cookies} />
        </Part>
      )}
      {request.env.length > 0 && (
        <Part title="Environment">
          <KeyValues pairs={request.env} />
        </Part>
      )}
    </>
  );
}

export function Threads({ detail, options }: { detail: EventDetail; options: ViewOptions }) {
  return (
    <>
      {detail.threads.map((thread, i) => (
        <div key={i} class="exception">
          <h3 class="exception-title">
            <span class="ty">{thread.name ?? "Thread"}</span>
            {thread.is_crashed && <span class="badge unhandled">crashed</span>}
            {thread.is_current && <span class="badge">current</span>}
            {thread.state && <span class="mechanism">{thread.state}</span>}
          </h3>
          <Stack frames={thread.frames} omitted={0} options={{ ...options, opens: thread.is_crashed || thread.is_current ? "app" : "none" }} />
        </div>
      ))}
    </>
  );
}

export function Contexts({ detail }: { detail: EventDetail }) {
  return (
    <div class="columns">
      {detail.contexts.map((context, i) => (
        <Part key={`${i}${context.name}`} title={CONTEXT_NAMES[context.name] ?? context.name} note={context.summary}>
          <KeyValues pairs={context.entries} />
        </Part>
      ))}
    </div>
  );
}

/** Who and what it happened to: the user, what the SDK knows of the surroundings, what the application added, the packages. */
export function Surroundings({ detail, withContexts }: { detail: EventDetail; withContexts: boolean }) {
  return (
    <>
      {detail.user.length > 0 && (
        <Part title="User">
          <KeyValues pairs={detail.user} />
        </Part>
      )}
      {withContexts && <Contexts detail={detail} />}
      {detail.extra.length > 0 && (
        <Part title="Extra" note={count(detail.extra.length)}>
          <Variables vars={detail.extra} label="Extra data" />
        </Part>
      )}
      {detail.modules.length > 0 && <Modules detail={detail} />}
    </>
  );
}

/** As people call them. The client's system is that of whoever made the request, the other one runs the application. */
const CONTEXT_NAMES: Record<string, string | undefined> = {
  client_os: "client's system",
  os: "system",
  flags: "feature flags",
};

/** Contexts worth a line at the top of the event. */
const FACTS = ["browser", "client_os", "os", "device", "runtime"];

export function contextFacts(contexts: readonly Context[]): [string, string | null][] {
  return FACTS.flatMap((name) => {
    const context = contexts.find((one) => one.name === name);
    return context?.summary ? [[CONTEXT_NAMES[name] ?? name, context.summary]] : [];
  });
}

function Modules({ detail }: { detail: EventDetail }) {
  return (
    <details class="modules">
      <summary>{plural(detail.modules.length, "installed package")}</summary>
      <ul>
        {detail.modules.map(({ key, value }) => (
          <li key={key}>
            {key} <span>{value}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

export function TraceLink({ event }: { event: EventView }) {
  const { trace } = event;
  if (!trace) return null;
  return trace.has_spans ? (
    <TracePreview trace={trace} eventId={event.event_id} />
  ) : (
    <p class="quiet">
      No span of trace <code>{trace.trace_id}</code> has been received. Tracing is on when <code>traces_sample_rate</code> is above 0.{" "}
      <a href={tracePath(trace.trace_id)}>Other errors of this trace</a>
    </p>
  );
}
