// One issue through one of its events: what was raised, where, with which values, and what led to it.

import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { forget, prefetch, useResource } from "../api/client";
import { useLive } from "../api/live";
import type { EventDetail, EventView, FieldError, IssueRowView, IssueView } from "../api/types";
import type { PageProps } from "../app";
import { CopyMenu } from "../components/copy-menu";
import { CodePlaces } from "../components/editor-link";
import { Contexts, contextFacts, Exceptions, Extra, Message, Modules, Request, Threads, Timeline, TraceLink, type ViewOptions } from "../components/event-sections";
import { Csp, Report } from "../components/csp";
import { Voices } from "../components/feedback";
import { Reports } from "../components/reports";
import { Icon, type IconName } from "../components/icons";
import { Ago, IssueHeadline, LevelMark, Sparkline } from "../components/marks";
import { lazy } from "../components/lazy";
import { isNotHere, NotHere } from "../components/not-here";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { KeyValues } from "../components/values";
import { editorSetupPath, openInEditor } from "../editor";
import { useKeys } from "../keys";
import { useCoalesced } from "../lib/coalesce";
import { crashFrameOf } from "../lib/exceptions";
import { monitorOf } from "../lib/monitors";
import { queryFindingOf } from "../lib/performance";
import { count, dateTime, oneLine, plural, shortId } from "../lib/format";
import { eventPath, issuePath, normaliseId, tracePath } from "../lib/urls";
import { navigate } from "../router";
import { remembered, rememberChoice, say, serverNow } from "../state";

const extras = () => import("../components/issue-extras");
const Attachments = lazy("Attachments", () => extras().then((module) => module.Attachments), "part-loading");
const EventLogs = lazy("EventLogs", () => extras().then((module) => module.EventLogs), "part-loading");
const Grouping = lazy("Grouping", () => extras().then((module) => module.Grouping), "part-loading");
const QuerySection = lazy("QuerySection", () => extras().then((module) => module.QuerySection), "part-loading");
const MonitorSection = lazy("MonitorSection", () => extras().then((module) => module.MonitorSection), "part-loading");
const Replays = lazy("Replays", () => extras().then((module) => module.Replays), "part-loading");

/** Spans of an event's trace come soon after it or never; until then it is read again at most this often. */
const TRACE_WAIT_MS = 120_000;
const TRACE_MS = 1000;

const apiIssue = (shortId: string) => `/api/ui/issues/${encodeURIComponent(shortId)}`;
const apiEvent = (shortId: string, eventId: string) => `${apiIssue(shortId)}/events/${encodeURIComponent(eventId)}`;

export function IssuePage({ params }: PageProps) {
  const name = params.shortId ?? "";
  const wanted = params.eventId ?? "latest";
  const eventId = wanted === "latest" || wanted === "first" ? wanted : normaliseId(wanted);
  const issue = useResource<IssueView>(apiIssue(name));
  const answer = useResource<EventView>(apiEvent(name, eventId));
  // While the next event is on its way the last one stays, so that nothing jumps.
  const held = useRef<EventView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const event = answer.data ?? (answer.error ? undefined : held.current);
  const id = issue.data?.issue.id;
  const readAgain = () => {
    issue.reload();
    // "newer" of the event on screen may exist now.
    forget(`${apiIssue(name)}/events/`);
    answer.reload();
  };
  // A transaction arrives just after the error within it.
  const readEvent = useCoalesced(answer.reload, TRACE_MS);
  useLive({
    issue: (ids) => id !== undefined && ids.includes(id) && readAgain(),
    trace: () => event?.trace && !event.trace.has_spans && serverNow() - event.received_ms < TRACE_WAIT_MS && readEvent(),
    feedback: readAgain,
    resync: readAgain,
  });
  const nav = event?.nav;
  useEffect(() => {
    if (!nav) return;
    for (const neighbour of [nav.previous, nav.next]) prefetch(neighbour && apiEvent(name, neighbour));
  }, [nav?.previous, nav?.next, name]);

  if (!issue.data && isNotHere(issue.error))
    return (
      <div class="page issue-page">
        <NotHere title={`There is no issue ${name}`} href="/issues" back="All issues" />
      </div>
    );
  const isEventMissing = !event && isNotHere(answer.error);
  return (
    <div class="page issue-page" aria-busy={answer.isLoading}>
      {issue.data ? <IssueHead view={issue.data} name={name} isSample={event?.detail.tags.some(({ key, value }) => key === "sample" && value === "true") ?? false} /> : (
        <header class="issue-head">
          <p class="crumbs">
            <a href="/issues">Issues</a> <span aria-hidden="true">/</span> {name}
          </p>
          <PageTitle title={name} />
        </header>
      )}
      {issue.error && <LoadError error={issue.error} what="The issue" hasData={issue.data !== undefined} onRetry={issue.reload} />}
      {isEventMissing && issue.data?.oldest_event_ms === null && <EventsDropped view={issue.data} />}
      {isEventMissing && issue.data?.oldest_event_ms !== null && (
        <Empty title={`${name} has no event ${shortId(eventId)}`}>
          <p class="buttons">
            <a class="button primary" href={issuePath(name)}>
              Latest event
            </a>
          </p>
        </Empty>
      )}
      {answer.error && !isEventMissing && <LoadError error={answer.error} what="The event" hasData={event !== undefined} onRetry={answer.reload} />}
      {event ? (
        <CodePlaces.Provider value={issue.data ? [issue.data.issue.project_slug] : []}>
          <EventPart name={name} event={event} />
        </CodePlaces.Provider>
      ) : answer.error === null && <SkeletonRows rows={10} height={36} />}
    </div>
  );
}

/** Its numbers outlive its events. */
function EventsDropped({ view: { issue, keep_days: days } }: { view: IssueView }) {
  return (
    <Empty title="Its events are not kept any more">
      <p>
        {`${plural(issue.event_count, "event")} ${issue.event_count === 1 ? "was" : "were"} counted between ${dateTime(issue.first_seen_ms)} and ${dateTime(issue.last_seen_ms)}; the numbers above stay. `}
        {days > 0 ? `Events are kept for ${plural(days, "day")}, or until room is short` : "Events are kept as long as there is room"}: see <code>keep_errors_days</code> and <code>max_size</code>. Should it happen again, its new events are shown here.
      </p>
      <p class="buttons">
        <a class="button" href="/storage">
          What takes how much room
        </a>
      </p>
    </Empty>
  );
}

const STATUS_WORDS: Record<string, string> = { unresolved: "Open", resolved: "Resolved", ignored: "Ignored" };

function IssueHead({ view, name, isSample }: { view: IssueView; name: string; isSample: boolean }) {
  const { issue, days } = view;
  return (
    <header class="issue-head">
      <p class="crumbs">
        <a href="/issues">Issues</a> <span aria-hidden="true">/</span> <span class="mono">{issue.short_id}</span>
        <LevelMark level={issue.level} withWord />
        <span class={`status status-${issue.status}`}>{STATUS_WORDS[issue.status] ?? issue.status}</span>
        {issue.is_unhandled && <span class="badge unhandled">unhandled</span>}
        {isSample && <span class="badge">sample</span>}
      </p>
      <PageTitle title={`${name} ${oneLine(issue.title, 80)}`} class="issue-title">
        <IssueHeadline row={issue} />
      </PageTitle>
      <p class="issue-where">
        <Where issue={issue} />
      </p>
      <dl class="facts">
        <div>
          <dt>Events</dt>
          <dd class="big">{count(issue.event_count)}</dd>
        </div>
        <div>
          <dt>Users</dt>
          <dd class="big">{issue.user_count === 0 ? "–" : count(issue.user_count)}</dd>
        </div>
        {view.feedback_count > 0 && (
          <div>
            <dt>Feedback</dt>
            <dd class="big">
              <a href={`/feedback?issue=${encodeURIComponent(issue.short_id)}`}>{count(view.feedback_count)}</a>
            </dd>
          </div>
        )}
        <div>
          <dt>First seen</dt>
          <dd>
            <Ago ms={issue.first_seen_ms} />
            {issue.first_release && <span class="release">{issue.first_release}</span>}
          </dd>
        </div>
        <div>
          <dt>Last seen</dt>
          <dd>
            <Ago ms={issue.last_seen_ms} />
            {issue.last_release && <span class="release">{issue.last_release}</span>}
          </dd>
        </div>
        <div class="days">
          <dt>
            30 days <span>{`peak ${count(Math.max(0, ...days))} a day`}</span>
          </dt>
          <dd>
            <Sparkline values={days} label="Events per day" width={240} height={32} />
          </dd>
        </div>
      </dl>
    </header>
  );
}

function Where({ issue }: { issue: IssueRowView }) {
  return (
    <>
      {issue.function && <span class="mono fn">{issue.function}</span>}
      {issue.filename && <span class="mono">{`${issue.filename}${issue.line === null ? "" : `:${issue.line}`}`}</span>}
      {issue.culprit !== "" && issue.culprit !== issue.function && <span>{issue.culprit}</span>}
    </>
  );
}

type Section = { id: string; name: string; note?: string; body: preact.ComponentChildren };

function EventPart({ name, event }: { name: string; event: EventView }) {
  const { nav, detail, trace } = event;
  const [options, setOptions] = useState<ViewOptions>(() => ({
    showLibrary: false,
    showVars: remembered("vars", "on") === "on",
    newestFirst: remembered("order", "python") === "newest",
  }));
  const copyButton = useRef<HTMLButtonElement>(null);
  const places = useContext(CodePlaces);
  const go = (id: string | null) => {
    if (id !== null && id !== event.event_id) navigate(eventPath(name, id));
  };
  const set = (change: Record<string, boolean>) => setOptions({ ...options, ...change });
  const toggleVars = () => {
    set({ showVars: !options.showVars });
    rememberChoice("vars", options.showVars ? "off" : "on");
    say(options.showVars ? "Variables hidden" : "Variables shown");
  };
  const toggleFrames = () => {
    set({ showLibrary: !options.showLibrary });
    say(options.showLibrary ? "Library frames folded" : "All frames shown");
  };
  useKeys("issue", {
    older: () => go(nav.previous),
    newer: () => go(nav.next),
    first: () => go(nav.first),
    latest: () => go(nav.latest),
    frames: toggleFrames,
    variables: toggleVars,
    copy: () => copyButton.current?.click(),
    editor: () => openCode(detail, places),
    ...(trace?.has_spans ? { trace: () => navigate(tracePath(trace.trace_id, trace.span_id)) } : {}),
  });

  const sections: Section[] = [];
  if (detail.csp) sections.push({ id: "csp", name: "Policy violation", body: <Csp csp={detail.csp} /> });
  if (detail.report.length > 0) sections.push({ id: "report", name: "Report", body: <Report detail={detail} /> });
  const monitor = monitorOf(detail);
  const finding = queryFindingOf(detail);
  if (detail.exceptions.length > 0)
    sections.push({
      id: "exception",
      name: "Exception",
      body: (
        <>
          <div class="section-tools">
            <button type="button" class="toggle" aria-pressed={options.showLibrary} onClick={toggleFrames}>
              All frames <kbd>f</kbd>
            </button>
            <button type="button" class="toggle" aria-pressed={options.showVars} onClick={toggleVars}>
              Variables <kbd>v</kbd>
            </button>
            <button
              type="button"
              class="toggle"
              aria-pressed={options.newestFirst}
              onClick={() => {
                set({ newestFirst: !options.newestFirst });
                rememberChoice("order", options.newestFirst ? "python" : "newest");
              }}
            >
              Newest first
            </button>
          </div>
          <Exceptions exceptions={detail.exceptions} options={options} />
        </>
      ),
    });
  // The message of a browser's report is made of it, and is the title already.
  const isReport = detail.csp !== null || detail.report.length > 0;
  if (finding) sections.push({ id: "query", name: finding.kind === "n_plus_one" ? "N+1 query" : "Slow query", body: <QuerySection finding={finding} /> });
  if (detail.message !== null && !isReport && !finding) sections.push({ id: "message", name: "Message", body: <Message detail={detail} /> });
  if (monitor) sections.push({ id: "monitor", name: "Monitor", body: <MonitorSection {...monitor} /> });
  if (detail.threads.length > 0) sections.push({ id: "threads", name: "Threads", note: count(detail.threads.length), body: <Threads detail={detail} options={options} /> });
  if (event.feedback.length > 0) sections.push({ id: "feedback", name: "User feedback", note: count(event.feedback.length), body: <Voices rows={event.feedback} /> });
  if (detail.request) sections.push({ id: "request", name: "Request", body: <Request request={detail.request} /> });
  if (detail.breadcrumbs.length > 0) sections.push({ id: "timeline", name: "Timeline", note: count(detail.breadcrumbs.length), body: <Timeline event={event} /> });
  if (event.reports.length > 0) sections.push({ id: "reports", name: "Also reported by", note: count(event.reports.length), body: <Reports event={event} /> });
  if (trace) sections.push({ id: "trace", name: "Trace", body: <TraceLink event={event} /> });
  if (event.replays.length > 0) sections.push({ id: "replay", name: "Replay", body: <Replays replays={event.replays} /> });
  if (event.attachments.length > 0) sections.push({ id: "attachments", name: "Attachments", note: count(event.attachments.length), body: <Attachments eventId={event.event_id} files={event.attachments} /> });
  if (trace && trace.log_count > 0) sections.push({ id: "logs", name: "Logs around this event", note: count(trace.log_count), body: <EventLogs traceId={trace.trace_id} atMs={event.timestamp_ms} /> });
  if (detail.tags.length > 0) sections.push({ id: "tags", name: "Tags", note: count(detail.tags.length), body: <KeyValues pairs={detail.tags} /> });
  if (detail.user.length > 0) sections.push({ id: "user", name: "User", body: <KeyValues pairs={detail.user} /> });
  if (detail.contexts.length > 0 && !finding) sections.push({ id: "contexts", name: "Contexts", body: <Contexts detail={detail} /> });
  if (detail.extra.length > 0) sections.push({ id: "extra", name: "Extra", note: count(detail.extra.length), body: <Extra detail={detail} /> });
  if (detail.modules.length > 0) sections.push({ id: "modules", name: "Modules", body: <Modules detail={detail} /> });
  sections.push({ id: "grouping", name: "Grouping", body: <Grouping key={event.event_id} eventId={event.event_id} /> });

  const facts: [string, string | null][] = [
    ["environment", detail.environment],
    ["release", detail.release],
    ["dist", detail.dist],
    ["transaction", detail.transaction],
    ["server", detail.server_name],
    ["logger", detail.logger],
    ...contextFacts(detail.contexts),
    ["sdk", detail.sdk],
  ];
  // What was left out on purpose is no problem.
  const isOnPurpose = ({ problem }: FieldError) => problem.startsWith("filtered by");
  const filtered = detail.field_errors.filter(isOnPurpose);
  const problems = detail.field_errors.filter((error) => !isOnPurpose(error));
  return (
    <>
      <div class="event-bar">
        <div class="event-id">
          <h2>
            Event <span class="mono" title={event.event_id}>{shortId(event.event_id)}</span>
          </h2>
          <span class="event-when">
            <Ago ms={event.timestamp_ms} />
            <span class="exact">{dateTime(event.timestamp_ms)}</span>
          </span>
        </div>
        <div class="event-tools">
          <div class="pager" role="group" aria-label="Events of this issue">
            <PagerButton name="First event" icon="first" to={nav.first === event.event_id ? null : nav.first} issue={name} />
            <PagerButton name="Older event" icon="left" to={nav.previous} issue={name} words="Older" />
            <PagerButton name="Newer event" icon="right" to={nav.next} issue={name} words="Newer" isAfter />
            <PagerButton name="Latest event" icon="last" to={nav.latest === event.event_id ? null : nav.latest} issue={name} />
          </div>
          <CopyMenu event={event} link={new URL(eventPath(name, event.event_id), location.href).href} buttonRef={copyButton} />
        </div>
      </div>
      <ul class="event-facts">
        {facts.map(([key, value]) =>
          value === null || value === "" ? null : (
            <li key={key}>
              <span>{key}</span> {value}
            </li>
          ),
        )}
        {filtered.length > 0 && (
          <li class="filtered">
            <FieldErrors errors={filtered} words="filtered" />
          </li>
        )}
      </ul>
      {problems.length > 0 && (
        <div class="partial">
          <FieldErrors errors={problems} words="shortened or not usable" />
        </div>
      )}
      <SectionNav sections={sections} />
      {sections.map(({ id, name: title, body, note }) => (
        <section key={id} id={id} class="event-section" aria-labelledby={`h-${id}`}>
          <h2 id={`h-${id}`}>
            {title}
            {note && <small>{note}</small>}
          </h2>
          {body}
        </section>
      ))}
      {sections.length === 1 && <Partial>The event carries nothing but its title.</Partial>}
    </>
  );
}

/** The line it was raised at, or that asked the query. */
function openCode(detail: EventDetail, places: readonly string[]): void {
  const frame = crashFrameOf(detail.exceptions) ?? crashFrameOf(detail.threads);
  const finding = queryFindingOf(detail);
  const path = finding ? finding.file : (frame?.abs_path ?? frame?.filename);
  if (!path) return say("This event names no line of code");
  const place = { path, line: finding ? finding.line : (frame?.line ?? null), column: frame?.column ?? null, places };
  if (!openInEditor(place)) navigate(editorSetupPath(place));
}

function FieldErrors({ errors, words }: { errors: readonly FieldError[]; words: string }) {
  return (
    <details>
      <summary>{`${plural(errors.length, "field")} ${words}`}</summary>
      <ul>
        {errors.map(({ path, problem }, i) => (
          <li key={i}>
            <code>{path}</code> {problem}
          </li>
        ))}
      </ul>
    </details>
  );
}

function PagerButton({ name, icon, to, issue, words, isAfter = false }: { name: string; icon: IconName; to: string | null; issue: string; words?: string; isAfter?: boolean }) {
  const inside = (
    <>
      {!isAfter && <Icon name={icon} size={14} />}
      {words && <span class="pager-words">{words}</span>}
      {isAfter && <Icon name={icon} size={14} />}
    </>
  );
  // A link that leads nowhere is said to be disabled, and keeps its place.
  return to === null ? (
    <span class="button disabled" role="link" aria-disabled="true" aria-label={name}>
      {inside}
    </span>
  ) : (
    <a class="button" href={eventPath(issue, to)} aria-label={name} title={name} onPointerDown={() => prefetch(apiEvent(issue, to))}>
      {inside}
    </a>
  );
}

function SectionNav({ sections }: { sections: readonly Section[] }) {
  const [current, setCurrent] = useState("");
  const ids = sections.map(({ id }) => id).join(" ");
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) setCurrent(entry.target.id);
      },
      { rootMargin: "-60px 0px -75% 0px" },
    );
    for (const id of ids.split(" ")) {
      const section = document.getElementById(id);
      if (section) observer.observe(section);
    }
    return () => observer.disconnect();
  }, [ids]);
  return (
    <nav class="section-nav" aria-label="Sections of the event">
      <ul>
        {sections.map(({ id, name, note }) => (
          <li key={id}>
            <a href={`#${id}`} aria-current={current === id ? "true" : undefined}>
              {name}
              {note && <small>{note}</small>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
