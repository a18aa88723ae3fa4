// One issue through one of its events: what was raised, where, with which values, and what led to it. Around it everything
// that is read by itself: the past, what changed, tags, all events, the difference of two, relatives, what people said.

import { Fragment } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { forget, prefetch, useResource } from "../api/client";
import { useLive } from "../api/live";
import type { EventNav } from "../api/issue-types";
import type { IssueRow } from "../api/issues-types";
import type { EventDetail, EventView, FieldError, IssueView } from "../api/types";
import { apiEvent, apiIssue, type OfIssue } from "../api/use-issue";
import type { PageProps } from "../app";
import { type Callout, Callouts } from "../components/callouts";
import { CopyMenu } from "../components/copy-menu";
import { CodePlaces } from "../components/editor-link";
import { contextFacts, Exceptions, Message, Request, Surroundings, Threads, TraceLink, type ViewOptions } from "../components/event-sections";
import { EventPager, eventHref, Recommended } from "../components/event-pager";
import { Csp, Report } from "../components/csp";
import { Voices } from "../components/feedback";
import { Reports } from "../components/reports";
import { clearFilters, IssueFilters, setFilters } from "../components/issue-filters";
import { IssueHead } from "../components/issue-head";
import { KeyHint } from "../components/key-hint";
import { Ago } from "../components/marks";
import { lazy } from "../components/lazy";
import { isNarrow } from "../components/narrow";
import { isNotHere } from "../components/not-here";
import { Guard, WhenNear } from "../components/region";
import { jumpTo, SectionNav, type SectionName } from "../components/section-nav";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { KeyValues } from "../components/values";
import { editorSetupPath, openInEditor } from "../editor";
import { keysOf, useKeys } from "../keys";
import { useCoalesced } from "../lib/coalesce";
import { diffOf } from "../lib/diff-address";
import { crashFrameOf, stackShape } from "../lib/exceptions";
import { monitorOf } from "../lib/monitors";
import { isQueryFinding, queryFindingOf } from "../lib/performance";
import { count, dateTime, plural, shortId } from "../lib/format";
import { type Filters, filterSearch, filtersOf, isFiltered, keptSearch } from "../lib/issue-place";
import { eventPath, issuePath, matchPath, normaliseId, tracePath } from "../lib/urls";
import { navigate, place, query } from "../router";
import { remembered, rememberChoice, say, serverNow } from "../state";
import "../styles/issue.css";

const extras = () => import("../components/issue-extras");
const rare = () => import("../components/issue-rare");
const Activity = lazy("Activity", () => extras().then((module) => module.Activity), "part-loading");
const Attachments = lazy("Attachments", () => extras().then((module) => module.Attachments), "part-loading");
const EventDiff = lazy("EventDiff", () => rare().then((module) => module.EventDiff), "part-loading");
const EventsList = lazy("EventsList", () => rare().then((module) => module.EventsList), "part-loading");
const Grouping = lazy("Grouping", () => rare().then((module) => module.Grouping), "part-loading");
const History = lazy("History", () => extras().then((module) => module.History), "history");
const IssueRail = lazy("IssueRail", () => extras().then((module) => module.IssueRail), "part-loading");
const Merged = lazy("Merged", () => extras().then((module) => module.Merged), "part-loading");
const MonitorSection = lazy("MonitorSection", () => rare().then((module) => module.MonitorSection), "part-loading");
const NoIssue = lazy("NoIssue", () => rare().then((module) => module.NoIssue), "part-loading");
const QuerySection = lazy("QuerySection", () => rare().then((module) => module.QuerySection), "part-loading");
const Replays = lazy("Replays", () => extras().then((module) => module.Replays), "part-loading");
const Similar = lazy("Similar", () => extras().then((module) => module.Similar), "part-loading");
const Timeline = lazy("Timeline", () => extras().then((module) => module.Timeline), "part-loading");

/** Spans of an event's trace come soon after it or never; until then it is read again at most this often. */
const TRACE_WAIT_MS = 120_000;
const TRACE_MS = 1000;

/** Names that stand for an event, besides its id. */
const NAMED = ["latest", "first", "recommended"];

export function IssuePage({ params }: PageProps) {
  const name = params.shortId ?? "";
  const wanted = params.eventId ?? "latest";
  const eventId = NAMED.includes(wanted) ? wanted : normaliseId(wanted);
  const filters = filtersOf(query.value);
  const pair = diffOf(query.value.get("diff"));
  const isList = matchPath("/issues/:shortId/events", place.value.path) !== null;
  const issue = useResource<IssueView>(apiIssue(name));
  const id = issue.data?.issue.id;
  const [isSample, setSample] = useState(false);
  // The same while one steps from event to event, so that what does not depend on the event is not drawn again.
  const of = useMemo<OfIssue>(() => ({ name, issueId: id ?? "", filters }), [name, id, filterSearch(filters)]);
  const firstSeenMs = issue.data?.issue.first_seen_ms ?? 0;
  const history = useMemo(() => <History of={of} firstSeenMs={firstSeenMs} onRange={(range) => setFilters({ range: range === "all" ? null : range, from: null, to: null })} onStretch={(from, to) => setFilters({ from: String(from), to: String(to), range: null })} />, [of, firstSeenMs]);
  const isFinding = issue.data !== undefined && isQueryFinding(issue.data.issue);
  const rail = useMemo(() => <IssueRail of={of} isFinding={isFinding} />, [of, isFinding]);
  const head = useMemo(() => issue.data && <IssueHead view={issue.data} name={name} isSample={isSample} onChange={issue.reload} />, [issue.data, name, isSample]);
  useLive({ issue: (ids) => id !== undefined && ids.includes(id) && issue.reload(), feedback: issue.reload, resync: issue.reload });

  // Of an issue that was merged the server answers the one it is part of now.
  const shortName = issue.data?.issue.short_id;
  useEffect(() => {
    if (shortName && shortName !== name) navigate(`${place.value.path.replace(/^\/issues\/[^/]+/, issuePath(shortName))}${place.value.search}`, { replace: true });
  }, [shortName, name]);

  if (!issue.data && isNotHere(issue.error))
    return (
      <div class="page issue-page">
        <NoIssue name={name} error={issue.error} />
      </div>
    );
  return (
    <div class="page issue-page">
      {issue.data ? (
        <Guard what="The head of the issue" about={name}>
          {head}
        </Guard>
      ) : (
        <HeadToCome name={name} />
      )}
      {issue.error && <LoadError error={issue.error} what="The issue" hasData={issue.data !== undefined} onRetry={issue.reload} />}
      {id !== undefined && !pair && (
        <Guard what="The history" about={place.value.search}>
          {history}
          <div class="issue-line">
            <Views name={name} isList={isList} />
            <IssueFilters of={of} />
          </div>
        </Guard>
      )}
      {id === undefined && !issue.error && !pair && (
        <>
          <div class="history" />
          <div class="issue-line" />
        </>
      )}
      {pair && id !== undefined ? (
        <Guard what="The difference" about={`${pair.a}..${pair.b}`}>
          <EventDiff key={`${pair.a}..${pair.b}`} of={of} a={pair.a} b={pair.b} />
        </Guard>
      ) : (
        <div class="issue-body">
          <div class="issue-main">
            <Guard what={isList ? "The events" : "The event"} about={place.value.path}>
              {isList && id !== undefined ? <EventsList of={of} /> : <OneEvent name={name} eventId={eventId} filters={filters} issue={issue.data} onSample={setSample} onChange={issue.reload} />}
            </Guard>
          </div>
          <aside class="issue-rail" aria-label="All events of the issue">
            {id !== undefined && (
              <Guard what="What is beside the event" about={place.value.search}>
                {rail}
              </Guard>
            )}
          </aside>
        </div>
      )}
    </div>
  );
}

function HeadToCome({ name }: { name: string }) {
  return (
    <header class="issue-head to-come">
      <p class="crumbs">
        <a href="/issues">Issues</a> <span aria-hidden="true">/</span> {name}
      </p>
      <PageTitle title={name} />
    </header>
  );
}

function Views({ name, isList }: { name: string; isList: boolean }) {
  const search = keptSearch(query.value);
  return (
    <nav class="tabs" aria-label="Views of the issue">
      <a href={`${issuePath(name)}${search}`} aria-current={isList ? undefined : "true"}>
        Event
      </a>
      <a href={`${issuePath(name)}/events${search}`} aria-current={isList ? "true" : undefined}>
        All events
      </a>
    </nav>
  );
}

function OneEvent({ name, eventId, filters, issue, onSample, onChange }: { name: string; eventId: string; filters: Filters; issue: IssueView | undefined; onSample: (is: boolean) => void; onChange: () => void }) {
  const answer = useResource<EventView>(apiEvent(name, eventId, filters));
  // While the next event is on its way the last one stays, so that nothing jumps.
  const held = useRef<EventView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const event = answer.data ?? (answer.error ? undefined : held.current);
  const isSample = event?.detail.tags.some(({ key, value }) => key === "sample" && value === "true") ?? false;
  useEffect(() => onSample(isSample), [isSample]);
  const id = issue?.issue.id;
  const readAgain = () => {
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
  const nav = event?.nav as EventNav | undefined;
  // Whoever steps without looking is told where they are.
  const told = useRef(event?.event_id);
  useEffect(() => {
    if (event && told.current !== undefined && told.current !== event.event_id) say(nav?.position && nav.total ? `Event ${count(nav.position)} of ${count(nav.total)}` : `Event of ${dateTime(event.timestamp_ms)}`);
    told.current = event?.event_id ?? told.current;
  }, [event?.event_id]);
  useEffect(() => {
    if (!nav) return;
    for (const neighbour of [nav.previous, nav.next]) prefetch(neighbour && apiEvent(name, neighbour, filters));
  }, [nav?.previous, nav?.next, name]);
  if (!event && isNotHere(answer.error)) return <NoEvent name={name} eventId={eventId} filters={filters} view={issue} />;
  return (
    <div aria-busy={answer.isLoading}>
      {answer.error && <LoadError error={answer.error} what="The event" hasData={event !== undefined} onRetry={answer.reload} />}
      {event ? (
        <CodePlaces.Provider value={issue ? [issue.issue.project_slug] : []}>
          <EventPart name={name} event={event} filters={filters} issue={issue?.issue as IssueRow | undefined} onChange={onChange} />
        </CodePlaces.Provider>
      ) : answer.error === null && <SkeletonRows rows={10} height={36} />}
    </div>
  );
}

function NoEvent({ name, eventId, filters, view }: { name: string; eventId: string; filters: Filters; view: IssueView | undefined }) {
  if (view?.oldest_event_ms === null)
    return (
      <>
        <EventsDropped view={view} />
        <section class="event-section" aria-labelledby="h-activity" id="activity">
          <h2 id="h-activity">Activity</h2>
          <Activity of={{ name, issueId: view.issue.id, filters }} />
        </section>
      </>
    );
  if (isFiltered(filters) && NAMED.includes(eventId))
    return (
      <Empty title="No event matches">
        <p>Environment, release, time and words above all count together.</p>
        <p class="buttons">
          <button type="button" class="button primary" onClick={clearFilters}>
            Clear the filters
          </button>
        </p>
      </Empty>
    );
  return (
    <Empty title={NAMED.includes(eventId) ? `${name} has no event that is still kept` : `${name} has no event ${shortId(eventId)}`}>
      <p class="buttons">
        <a class="button primary" href={`${issuePath(name)}${keptSearch(query.value)}`}>
          Latest event
        </a>
      </p>
    </Empty>
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

type Section = SectionName & { body: preact.ComponentChildren };

function EventPart({ name, event, filters, issue, onChange }: { name: string; event: EventView; filters: Filters; issue: IssueRow | undefined; onChange: () => void }) {
  const { detail, trace } = event;
  const nav: EventNav = event.nav;
  const [options, setOptions] = useState<ViewOptions>(() => ({
    showLibrary: false,
    showVars: remembered("vars", "on") === "on",
    newestFirst: remembered("order", "python") === "newest",
  }));
  const copyButton = useRef<HTMLButtonElement>(null);
  const places = useContext(CodePlaces);
  const go = (id: string | null) => {
    if (id !== null && id !== event.event_id) navigate(eventHref(name, id), { keepScroll: true });
  };
  const diffHref = nav.previous === null ? null : `${eventPath(name, event.event_id)}${withDiff(nav.previous, event.event_id)}`;
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
    sections: (key) => jumpTo(sections[Number(key) - 1]?.id),
    ...(diffHref ? { diff: () => navigate(diffHref) } : {}),
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
              All frames <KeyHint scope="issue" id="frames" />
            </button>
            <button type="button" class="toggle" aria-pressed={options.showVars} onClick={toggleVars}>
              Variables <KeyHint scope="issue" id="variables" />
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
          <Exceptions key={stackShape(detail.exceptions)} exceptions={detail.exceptions} options={options} />
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
  if (detail.breadcrumbs.length > 0 || (trace && (trace.has_spans || trace.log_count > 0))) sections.push({ id: "timeline", name: "Timeline", body: <Timeline event={event} /> });
  if (event.reports.length > 0) sections.push({ id: "reports", name: "Also reported by", note: count(event.reports.length), body: <Reports event={event} /> });
  if (trace) sections.push({ id: "trace", name: "Trace", body: <TraceLink event={event} /> });
  if (event.replays.length > 0) sections.push({ id: "replay", name: "Replay", body: <Replays replays={event.replays} /> });
  if (event.attachments.length > 0) sections.push({ id: "attachments", name: "Attachments", note: count(event.attachments.length), body: <Attachments eventId={event.event_id} files={event.attachments} /> });
  if (detail.tags.length > 0) sections.push({ id: "tags", name: "Tags", note: count(detail.tags.length), body: <KeyValues pairs={detail.tags} /> });
  const withContexts = detail.contexts.length > 0 && !finding;
  if (withContexts || detail.user.length + detail.extra.length + detail.modules.length > 0) sections.push({ id: "contexts", name: "Context", body: <Surroundings detail={detail} withContexts={withContexts} /> });
  const own = sections.length;
  if (issue) {
    const of: OfIssue = { name, issueId: issue.id, filters };
    sections.push({ id: "similar", name: "Similar", body: <WhenNear height={90}><Similar of={of} issue={issue} onChange={onChange} /></WhenNear> });
    sections.push({ id: "activity", name: "Activity", ...(issue.comment_count > 0 ? { note: count(issue.comment_count) } : {}), body: <WhenNear height={120}><Activity of={of} /></WhenNear> });
    if (issue.merged_count > 0) sections.push({ id: "merged", name: "Merged", note: count(issue.merged_count), body: <Merged of={of} issue={issue} onChange={onChange} /> });
  }
  sections.push({ id: "grouping", name: "Grouping", body: <WhenNear height={40}><Grouping key={event.event_id} eventId={event.event_id} /></WhenNear> });

  const facts: [string, string | null][] = [
    ["at", dateTime(event.timestamp_ms)],
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
  // On a phone what was raised comes first, and what is around it below.
  const factList = (
      <ul class="event-facts">
        {facts.map(([key, value]) =>
          value === null || value === "" ? null : (
            <li key={key}>
              <span>{key}</span> {value}
            </li>
          ),
        )}
        {nav.recommended && nav.recommended !== event.event_id && (
          <li>
            <Recommended name={name} to={nav.recommended} />
          </li>
        )}
        {filtered.length > 0 && (
          <li class="filtered">
            <FieldErrors errors={filtered} words="filtered" />
          </li>
        )}
      </ul>
  );
  return (
    <>
      <div class="event-bar">
        <div class="event-id">
          <h2>
            Event <span class="mono" title={event.event_id}>{shortId(event.event_id)}</span>
          </h2>
          <span class="event-when">
            <Ago ms={event.timestamp_ms} />
          </span>
        </div>
        <div class="event-tools">
          <EventPager name={name} eventId={event.event_id} nav={nav} filters={filters} />
          {diffHref && (
            <a class="button diff-button" href={diffHref} title="Compare with the event before">
              Diff <KeyHint scope="issue" id="diff" />
            </a>
          )}
          <CopyMenu event={event} link={new URL(eventPath(name, event.event_id), location.href).href} buttonRef={copyButton} />
        </div>
      </div>
      {!isNarrow.value && factList}
      {problems.length > 0 && (
        <div class="partial">
          <FieldErrors errors={problems} words="shortened or not usable" />
        </div>
      )}
      {!isNarrow.value && <Callouts list={callouts(event)} />}
      <SectionNav sections={sections} />
      {sections.map(({ id, name: title, body, note }, place) => (
        <Fragment key={id}>
          <section id={id} class="event-section" aria-labelledby={`h-${id}`}>
            <h2 id={`h-${id}`}>
              {title}
              {note && <small>{note}</small>}
            </h2>
            <Guard what={title} about={event.event_id}>
              {body}
            </Guard>
          </section>
          {place === 0 && isNarrow.value && (
            <>
              {factList}
              <Callouts list={callouts(event)} />
            </>
          )}
        </Fragment>
      ))}
      {own === 0 && <Partial>The event carries nothing but its title.</Partial>}
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

function withDiff(a: string, b: string): string {
  const params = new URLSearchParams(keptSearch(query.value));
  params.set("diff", `${a}..${b}`);
  return `?${params}`;
}

/** What one would not find by looking, as far as this event has it. */
function callouts({ detail, trace }: EventView): Callout[] {
  const frames = detail.exceptions.flatMap((exception) => exception.frames);
  return [
    ...(frames.some(({ filename }) => filename !== null) ? [{ name: "Your editor", words: "opens at the line that raised it, once it is chosen.", keys: keysOf("issue", "editor") }] : []),
    ...(frames.some(({ vars }) => vars.length > 0) ? [{ name: "Local variables", words: "stand below each line of code, as they were when it was raised.", keys: keysOf("issue", "variables") }] : []),
    ...(trace?.has_spans ? [{ name: "The trace", words: "shows everything the request did, with this error in its place.", keys: keysOf("issue", "trace") }] : []),
  ];
}
