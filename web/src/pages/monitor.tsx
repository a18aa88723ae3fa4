// One monitor: how each environment is, how long its runs take, every check-in, and what it is watched by.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { CheckInListView, CheckInView, MonitorView } from "../api/types";
import type { PageProps } from "../app";
import { CheckInMark, DurationChart, EnvironmentRows, ScheduleLine } from "../components/check-ins";
import { ListEnd } from "../components/filters";
import { Ago } from "../components/marks";
import { isNotHere, NotHere } from "../components/not-here";
import { usePaged } from "../components/paged";
import { PageTitle } from "../components/shell";
import { LoadError, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { dateTime, plural } from "../lib/format";
import { durationsOf, milliseconds } from "../lib/monitors";
import { tracePath, withQuery } from "../lib/urls";
import { place, query } from "../router";

const LIVE_MS = 1000;
const read = (view: CheckInListView) => ({ rows: view.check_ins, next: view.next_cursor, total: null });

export function MonitorPage({ params }: PageProps) {
  const slug = params.slug ?? "";
  const project = query.value.get("project");
  const environment = query.value.get("environment");
  const base = `/api/ui/monitors/${encodeURIComponent(slug)}`;
  const monitor = useResource<MonitorView>(`${base}${withQuery("", { project })}`);
  const list = usePaged<CheckInListView, CheckInView>(`${base}/checkins${withQuery("", { project, environment })}`, read);
  const reload = useCoalesced(() => {
    monitor.reload();
    // Who has loaded older pages keeps them.
    if ((list.rows?.length ?? 0) <= 50) void list.reload();
  }, LIVE_MS);
  useLive({ monitor: reload, resync: reload });
  if (!monitor.data && isNotHere(monitor.error))
    return (
      <div class="page">
        <NotHere title={`There is no monitor ${slug}`} href="/monitors" back="All monitors" />
      </div>
    );
  const view = monitor.data;
  const environments = view?.environments ?? [];
  const charted = environments.find(({ name }) => name === environment) ?? environments[0];
  const durations = charted ? durationsOf(charted.check_ins) : null;
  return (
    <div class="page monitor-page">
      <header class="issue-head">
        <p class="crumbs">
          <a href="/monitors">Monitors</a> <span aria-hidden="true">/</span> <span class="mono">{slug}</span>
        </p>
        <PageTitle title={view?.name ?? slug} class="issue-title">
          <b>{view?.name ?? slug}</b>
        </PageTitle>
        {view && <ScheduleLine monitor={view} />}
      </header>
      {monitor.error && <LoadError error={monitor.error} what="The monitor" hasData={view !== undefined} onRetry={monitor.reload} />}
      {!view && !monitor.error && <SkeletonRows rows={8} height={36} />}
      {view && (
        <>
          <EnvironmentRows monitor={view} />
          {charted && durations && (
            <section class="event-section" aria-labelledby="h-durations">
              <h2 id="h-durations">
                Duration <small>{`${charted.name}: median ${milliseconds(durations.median)}, longest ${milliseconds(durations.longest)}`}</small>
              </h2>
              <DurationChart checkIns={charted.check_ins} />
            </section>
          )}
          <section class="event-section" aria-labelledby="h-check-ins">
            <h2 id="h-check-ins">Check-ins</h2>
            {environments.length > 1 && (
              <div class="filter-line">
                <nav class="tabs" aria-label="Environment">
                  {[null, ...environments.map(({ name }) => name)].map((name) => (
                    <a key={name ?? ""} href={`${place.value.path}${withQuery(place.value.search, { environment: name })}`} aria-current={name === environment ? "true" : undefined}>
                      {name ?? "All"}
                    </a>
                  ))}
                </nav>
              </div>
            )}
            {list.error && <LoadError error={list.error} what="The check-ins" hasData={list.rows !== undefined} onRetry={() => void list.reload()} />}
            {list.rows && list.rows.length > 0 && <CheckInTable rows={list.rows} withEnvironment={environments.length > 1 && environment === null} />}
            <ListEnd list={list} noun="check-in" />
          </section>
          <section class="event-section" aria-labelledby="h-config">
            <h2 id="h-config">Watched by</h2>
            <Config monitor={view} />
          </section>
        </>
      )}
    </div>
  );
}

function CheckInTable({ rows, withEnvironment }: { rows: readonly CheckInView[]; withEnvironment: boolean }) {
  return (
    <table class="check-ins">
      <thead>
        <tr>
          <th scope="col">Result</th>
          {withEnvironment && <th scope="col">Environment</th>}
          <th scope="col">When</th>
          <th scope="col" class="num">Took</th>
          <th scope="col">Details</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.check_in_id}>
            <td class="c-result">
              <CheckInMark status={row.status} />
            </td>
            {withEnvironment && <td class="quiet c-environment">{row.environment}</td>}
            <td class="c-when">
              <span class="exact">{dateTime(row.started_ms)}</span>{" "}
              <span class="quiet">
                <Ago ms={row.started_ms} />
              </span>
            </td>
            <td class="num c-took">{milliseconds(row.duration_ms)}</td>
            <td class="c-details">
              <Details row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Later than this after its time, in milliseconds, is worth a word. */
const LATE_MS = 5000;

const seconds = (ms: number) => dateTime(ms).replace(/\.\d+$/, "");

function Details({ row }: { row: CheckInView }) {
  const late = row.expected_ms === null || row.status === "missed" || row.status === "unknown" ? 0 : row.started_ms - row.expected_ms;
  return (
    <>
      {row.status === "missed" && <span>Nothing came</span>}
      {row.unwatched_from_ms !== null && row.unwatched_to_ms !== null && <span>{`Nobody can tell: the server was away from ${seconds(row.unwatched_from_ms)} to ${seconds(row.unwatched_to_ms)}`}</span>}
      {row.status === "unknown" && row.unwatched_from_ms === null && <span>The job sent a status of its own</span>}
      {row.status === "timeout" && row.finished_ms !== null && <span>{`Ended after all, ${dateTime(row.finished_ms)}`}</span>}
      {late > LATE_MS && <span class="quiet">{`${milliseconds(late)} late`}</span>}
      {row.release && <span class="release">{row.release}</span>}
      {row.trace_id && row.has_trace && <a href={tracePath(row.trace_id)}>Trace</a>}
    </>
  );
}

function Config({ monitor }: { monitor: MonitorView }) {
  const rows: [string, string][] = [
    ["Schedule", monitor.schedule === null ? "none: nothing counts as missed" : monitor.schedule_type === "crontab" ? `${monitor.schedule_words} (${monitor.schedule})` : (monitor.schedule_words ?? "")],
    ["Time zone", monitor.timezone],
    ["May be late by", plural(monitor.margin_min, "minute")],
    ["May run for", plural(monitor.runtime_min_max, "minute")],
    ["Issue after", monitor.failure_threshold === 1 ? "1 failure" : `${monitor.failure_threshold} failures in a row`],
    ["Resolved after", monitor.recovery_threshold === 1 ? "1 success" : `${monitor.recovery_threshold} successes in a row`],
    ...(monitor.owner ? ([["Owner", monitor.owner]] as [string, string][]) : []),
  ];
  return (
    <>
      <dl class="kv">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet note">
        {monitor.schedule === null ? (
          <>
            The job has sent no <code>monitor_config</code>; with one, late and missing runs are noticed, too.
          </>
        ) : (
          <>
            As the job's own <code>monitor_config</code> last said; change it there.
          </>
        )}
      </p>
    </>
  );
}
