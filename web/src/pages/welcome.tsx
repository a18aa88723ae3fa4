// The first page: what to paste, and everything that reaches the server while one tries.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { load, post } from "../api/client";
import { useLive } from "../api/live";
import type { ApiError } from "../api/client";
import type { IngestRowView, IssueListView, TraceListView } from "../api/types";
import { CodeBox } from "../components/code-box";
import { CopyButton, Tabs } from "../components/controls";
import { Select } from "../components/filters";
import { LedgerTable, useLedger } from "../components/ledger";
import { LevelMark } from "../components/marks";
import { copied } from "../components/copy-menu";
import { PageTitle } from "../components/shell";
import { ErrorNote } from "../components/states";
import { useKeys } from "../keys";
import { duration, plural } from "../lib/format";
import { more, type Platform, snippets } from "../lib/snippets";
import { composeDsn, issuePath, tracePath, withQuery } from "../lib/urls";
import { navigate, query } from "../router";
import { boot, bootError, refreshBoot, rememberChoice, remembered, say } from "../state";

const TABS = [
  { value: "django", name: "Django" },
  { value: "python", name: "Python" },
  { value: "otel", name: "OpenTelemetry" },
] as const;
/** Silence of this long is worth a hint. */
const SILENT_MS = 60_000;

/** The client under which the server's own sample stands in the ledger. */
const SAMPLE_CLIENT = "trapline sample";
const isSample = (row: IngestRowView) => row.client === SAMPLE_CLIENT;
const isKept = (row: IngestRowView) => row.short_id !== null || row.trace_id !== null;
/** Seen without data, and since then with nothing but samples; outlives the page, so that coming back changes nothing. */
const wasEmpty = signal(false);

type Arrival = { kind: "issue" | "trace"; isSample: boolean; title: string; detail: string; href: string; level: string };

export function WelcomePage() {
  const stored = remembered("platform", "django");
  const [platform, setPlatform] = useState<Platform>(TABS.find(({ value }) => value === stored)?.value ?? "django");
  const [arrival, setArrival] = useState<Arrival | null>(null);
  const [isSilent, setSilent] = useState(false);
  const isExpecting = useRef(false);
  const isSampleWanted = useRef(false);
  const view = boot.value;

  // Only the first arrival of one's own, and the sample that was asked for, get a card: the ledger shows the rest.
  const look = async (row: IngestRowView) => {
    const wanted = isSample(row) ? isSampleWanted : isExpecting;
    if (!wanted.current) return;
    wanted.current = false;
    const found = row.short_id ? await firstIssue(row.short_id) : row.trace_id ? await firstTrace(row.trace_id) : null;
    if (found) {
      setArrival({ ...found, isSample: isSample(row) });
      say(`Arrived: ${found.title}`);
      void refreshBoot();
    } else wanted.current = true;
  };
  const ledger = useLedger({
    onRows: (rows) => {
      for (const kind of [rows.filter(isSample), rows.filter((row) => !isSample(row))]) {
        const best = kind.find((row) => row.short_id) ?? kind.find((row) => row.trace_id);
        if (best) void look(best);
      }
    },
  });
  useLive({ resync: () => void refreshBoot() });
  const isEmpty = view !== null && !view.has_events && !view.has_traces;
  const hasOwn = ledger.rows.some((row) => isKept(row) && !isSample(row));
  const isFirst = isEmpty || (wasEmpty.value && !hasOwn);
  useEffect(() => {
    if (isEmpty) wasEmpty.value = true;
    else if (hasOwn) wasEmpty.value = false;
  }, [isEmpty, hasOwn]);
  useEffect(() => {
    if (isFirst) isExpecting.current = true;
  }, [isFirst]);
  const isQuiet = ledger.isLoaded && ledger.rows.every(isSample);
  useEffect(() => {
    if (!isQuiet) {
      setSilent(false);
      return undefined;
    }
    const timer = setTimeout(() => setSilent(true), SILENT_MS);
    return () => clearTimeout(timer);
  }, [isQuiet]);

  const setupText = useRef("");
  useKeys("welcome", { copySnippet: () => copied("The snippet", setupText.current) });
  if (bootError.value && !view)
    return (
      <div class="page">
        <header class="page-head">
          <PageTitle title="Setup" />
        </header>
        <ErrorNote title="trapline does not answer" detail={bootError.value.message} causes={bootError.value.causes} onRetry={() => void refreshBoot()} />
      </div>
    );
  const projects = view?.projects ?? [];
  const project = projects.find(({ slug }) => slug === query.value.get("project")) ?? projects[0];
  const dsn = project ? composeDsn(location, project.public_key, project.id) : "…";
  const parts = snippets(platform, dsn, location.origin);
  setupText.current = parts.setup.map(({ text }) => text).join("\n");
  const extended = more(platform, dsn);
  return (
    <div class="page welcome">
      <div class="setup">
        <header class="welcome-head">
          <PageTitle title={isFirst ? (platform === "otel" ? "Send your first trace" : "Send your first error") : "Setup"} />
          <p>
            {isFirst
              ? "Three steps, under a minute. This page shows everything your application sends as it arrives."
              : "Connect another application to this server."}
          </p>
        </header>
        {projects.length > 1 && (
          <Select label="Project" value={project?.slug ?? ""} onChange={(slug) => navigate(`/welcome${withQuery(location.search, { project: slug })}`, { replace: true })}>
            {projects.map(({ id, slug, name }) => (
              <option key={id} value={slug}>
                {name}
              </option>
            ))}
          </Select>
        )}
        <Tabs
          label="Platform"
          tabs={TABS}
          value={platform}
          panelId="setup-panel"
          onChange={(value) => {
            setPlatform(value);
            rememberChoice("platform", value);
          }}
        />
        <div id="setup-panel" role="tabpanel" aria-label={TABS.find(({ value }) => value === platform)?.name} class="steps">
          <Step number={1} title="Install">
            <CodeBox snippet={{ title: "shell", language: "shell", text: parts.install }} />
          </Step>
          <Step number={2} title={platform === "otel" ? "Point the exporter here" : "Initialise"}>
            {parts.setup.map((snippet) => (
              <CodeBox key={snippet.title} snippet={snippet} />
            ))}
          </Step>
          <Step number={3} title="Trigger one">
            <CodeBox snippet={parts.trigger} />
            <p class="step-note">
              {platform === "django" && (
                <>
                  then open <code>/boom/</code>.{" "}
                </>
              )}
              No application at hand? <SampleButton onSent={() => (isSampleWanted.current = true)} />
            </p>
          </Step>
        </div>
        {extended && (
          <details class="more-signals">
            <summary>Logs, metrics, profiles and cron jobs, with the same DSN</summary>
            <CodeBox snippet={extended} />
            <p class="step-note">
              Each line stands alone: leave out what you do not want. Without Celery, leave out <code>integrations</code>; <a href="/monitors">Monitors</a> has what a crontab sends. Releases and their sessions come from <code>release</code>.
            </p>
          </details>
        )}
        {project && platform !== "otel" && (
          <div class="dsn">
            <h2>DSN</h2>
            <code>
              {dsn.slice(0, dsn.indexOf("@") + 1)}
              <span>{dsn.slice(dsn.indexOf("@") + 1)}</span>
            </code>
            <CopyButton text={() => dsn} label="Copy DSN" />
          </div>
        )}
      </div>
      <section class="arrivals" aria-labelledby="arrivals-title">
        {arrival && <ArrivalCard key={arrival.href} arrival={arrival} />}
        <div class="row-between">
          <h2 id="arrivals-title">What reaches this server</h2>
          {ledger.rows.length > 0 && <a href="/ingest">All requests</a>}
        </div>
        <LedgerTable ledger={ledger} limit={12}>
          <div class="waiting">
            <p class="pulse-line">
              <span class="pulse" aria-hidden="true" /> Waiting for the first request…
            </p>
            <p class="quiet">Refused requests appear here too, with the reason and what to change.</p>
          </div>
        </LedgerTable>
        {isSilent && isQuiet && <Checklist platform={platform} />}
      </section>
    </div>
  );
}

async function firstIssue(shortId: string): Promise<Omit<Arrival, "isSample"> | null> {
  const found = await load<{ issue: IssueListView["issues"][number] }>(`/api/ui/issues/${encodeURIComponent(shortId)}`).catch(() => null);
  if (!found) return null;
  const { issue } = found;
  const file = issue.filename ? `${issue.filename}${issue.line === null ? "" : `:${issue.line}`}` : issue.culprit;
  return { kind: "issue", title: issue.title, detail: [issue.function, file].filter(Boolean).join("  "), href: issuePath(shortId), level: issue.level };
}

async function firstTrace(traceId: string): Promise<Omit<Arrival, "isSample"> | null> {
  const found = await load<TraceListView>("/api/ui/traces?kind=all").catch(() => null);
  const trace = found?.traces.find((row) => row.trace_id === traceId);
  return { kind: "trace", title: trace?.name ?? "A trace", detail: trace ? `${duration(trace.duration_ns)} · ${plural(trace.span_count, "span")}` : traceId, href: tracePath(traceId), level: "info" };
}

function ArrivalCard({ arrival }: { arrival: Arrival }) {
  const open = useRef<HTMLAnchorElement>(null);
  useEffect(() => open.current?.focus(), []);
  return (
    <article class="arrival">
      <p class="arrival-kind">
        {arrival.kind === "issue" ? <LevelMark level={arrival.level} /> : <span class="kind-mark k-http" aria-hidden="true" />}
        {arrival.isSample ? "The sample is here" : arrival.kind === "issue" ? "Your error is here" : "Your trace is here"}
      </p>
      <h3>{arrival.title}</h3>
      <p class="mono quiet">{arrival.detail}</p>
      <a ref={open} class="button primary" href={arrival.href}>
        Open
      </a>
    </article>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: preact.ComponentChildren }) {
  return (
    <section class="step">
      <h2>
        <span class="step-number">{number}</span> {title}
      </h2>
      {children}
    </section>
  );
}

function SampleButton({ onSent }: { onSent: () => void }) {
  const [state, setState] = useState<"idle" | "sending" | "sent">("idle");
  const [problem, setProblem] = useState<string | null>(null);
  return (
    <>
      <button
        type="button"
        class="button"
        disabled={state === "sending"}
        onClick={() => {
          setState("sending");
          setProblem(null);
          onSent();
          post("/api/ui/sample").then(
            () => {
              setState("sent");
              say("Sample sent");
            },
            (error: ApiError) => {
              setState("idle");
              setProblem(error.status === 200 ? null : error.message);
            },
          );
        }}
      >
        {state === "sending" ? "Sending…" : state === "sent" ? "Sent. Send another" : "Send a sample"}
      </button>
      {problem && (
        <span class="problem" role="alert">
          {" "}
          {problem}
        </span>
      )}
    </>
  );
}

function Checklist({ platform }: { platform: Platform }) {
  const host = location.host;
  return (
    <div class="checklist" role="status">
      <h3>Nothing for a minute. Usual reasons:</h3>
      <ul>
        <li>
          The application runs in a container, where <code>{location.hostname}</code> is the container itself: use <code>host.docker.internal:{location.port || "80"}</code>. On Linux that name needs <code>extra_hosts: ["host.docker.internal:host-gateway"]</code>, and trapline to listen where containers reach it: <code>--listen 172.17.0.1:{location.port || "80"}</code>.
        </li>
        {platform === "otel" ? <OtelReasons /> : <SentryReasons />}
        <li>
          A firewall or proxy stands between: try <code>curl http://{host}/</code> from the application's machine.
        </li>
      </ul>
    </div>
  );
}

function SentryReasons() {
  return (
    <>
      <li>
        The snippet runs too late or never: put it at the top of <code>settings.py</code>, outside any <code>if not DEBUG</code>, and restart the server.
      </li>
      <li>
        The call has no <code>dsn=</code>: then <code>SENTRY_DSN</code> of the environment counts, and may name another server. A <code>dsn=</code> in the call wins.
      </li>
      <li>
        Add <code>debug=True</code> to <code>sentry_sdk.init</code>: the SDK then prints why it sends nothing.
      </li>
    </>
  );
}

function OtelReasons() {
  return (
    <>
      <li>
        <code>DJANGO_SETTINGS_MODULE</code> is unset where <code>opentelemetry-instrument</code> starts: Django is then not instrumented, or stops.
      </li>
      <li>
        <code>runserver</code> without <code>--noreload</code>: the process that answers is not the instrumented one.
      </li>
      <li>
        Set <code>OTEL_TRACES_EXPORTER=console</code>: spans are then printed instead of sent, if there are any.
      </li>
    </>
  );
}
