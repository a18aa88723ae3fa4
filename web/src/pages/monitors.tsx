// Jobs that are expected to report: each environment with its last runs, and when the next is due.

import { useLive } from "../api/live";
import type { MonitorListView, MonitorView } from "../api/types";
import { CheckInStrip, StateMark } from "../components/check-ins";
import { useListKeys } from "../components/list-keys";
import { Ago } from "../components/marks";
import { usePaged } from "../components/paged";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { count, dateTime, plural } from "../lib/format";
import { dueWords, milliseconds, monitorPath, monitorSnippets } from "../lib/monitors";
import { composeDsn, issuePath } from "../lib/urls";
import { boot, now } from "../state";
import { CodeBox } from "./welcome";

const LIVE_MS = 1000;
const read = (view: MonitorListView) => ({ rows: view.monitors, next: view.next_cursor, total: view.total });

export function MonitorsPage() {
  const list = usePaged<MonitorListView, MonitorView>("/api/ui/monitors", read);
  const reload = useCoalesced(() => void list.reload(), LIVE_MS);
  useLive({ monitor: reload, resync: reload });
  const rows = list.rows;
  const projects = boot.value?.projects ?? [];
  const project = (monitor: MonitorView) => (projects.length > 1 ? monitor.project_slug : undefined);
  const keyOf = (monitor: MonitorView) => `${monitor.project_slug}/${monitor.slug}`;
  const hrefs = new Map(rows?.map((monitor) => [keyOf(monitor), monitorPath(monitor.slug, project(monitor))]));
  const { current } = useListKeys("monitors", [...hrefs.keys()], (key) => hrefs.get(key) ?? "/monitors");
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Monitors" />
        {list.total !== null && list.total > 0 && <p class="head-count">{plural(list.total, "monitor")}</p>}
      </header>
      {list.error && <LoadError error={list.error} what="The monitors" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {rows === undefined && !list.error && <SkeletonRows rows={6} height={86} />}
      {rows?.length === 0 && <NoMonitors />}
      {rows && rows.length > 0 && (
        <ul class="monitors">
          {rows.map((monitor) => (
            <MonitorItem key={keyOf(monitor)} id={keyOf(monitor)} monitor={monitor} project={project(monitor)} isCurrent={current === keyOf(monitor)} />
          ))}
        </ul>
      )}
      {list.next && rows && (
        <p class="list-end">
          <button type="button" class="button" disabled={list.isLoadingMore} onClick={list.more}>
            {list.isLoadingMore ? "Loading…" : "Load more"}
          </button>
          <span>{`${count(rows.length)} of ${count(Math.max(rows.length, list.total ?? 0))} shown`}</span>
        </p>
      )}
    </div>
  );
}

function MonitorItem({ id, monitor, project, isCurrent }: { id: string; monitor: MonitorView; project: string | undefined; isCurrent: boolean }) {
  return (
    <li class={isCurrent ? "monitor current" : "monitor"} data-row={id}>
      <div class="monitor-head">
        <h2>
          <a href={monitorPath(monitor.slug, project)}>{monitor.name}</a>
        </h2>
        {project && <span class="badge">{project}</span>}
        <ScheduleLine monitor={monitor} />
      </div>
      <EnvironmentRows monitor={monitor} />
    </li>
  );
}

export function ScheduleLine({ monitor }: { monitor: MonitorView }) {
  if (monitor.schedule === null) return <p class="schedule quiet">No schedule sent: runs are recorded, and nothing counts as missed</p>;
  return (
    <p class="schedule">
      {monitor.schedule_words} <span class="quiet">{monitor.timezone}</span>
      {monitor.schedule_type === "crontab" && <code>{monitor.schedule}</code>}
    </p>
  );
}

/** One line for each environment; also on the page of an issue. */
export function EnvironmentRows({ monitor, only, places = 30 }: { monitor: MonitorView; only?: string | undefined; places?: number }) {
  const environments = only === undefined ? monitor.environments : monitor.environments.filter(({ name }) => name === only);
  return (
    <ul class="environments">
      {environments.map((environment) => (
        <li key={environment.name}>
          <span class="environment-name">
            <b>{environment.name}</b>
            <StateMark environment={environment} />
          </span>
          <span class="strip-box">
            <CheckInStrip checkIns={environment.check_ins} places={places} />
          </span>
          <dl>
            <div>
              <dt>Next</dt>
              <dd class={environment.overdue_ms !== null && environment.overdue_ms < now.value ? "late" : undefined} title={environment.next_expected_ms === null ? undefined : dateTime(environment.next_expected_ms)}>
                {dueWords(environment.next_expected_ms, now.value)}
              </dd>
            </div>
            <div>
              <dt>Last</dt>
              <dd>{environment.last_check_in_ms === null ? "never" : <Ago ms={environment.last_check_in_ms} />}</dd>
            </div>
            <div>
              <dt>Took</dt>
              <dd>{milliseconds(environment.last_duration_ms)}</dd>
            </div>
            {environment.short_id && (
              <div>
                <dt>Issue</dt>
                <dd>
                  <a href={issuePath(environment.short_id)}>{environment.short_id}</a>
                </dd>
              </div>
            )}
          </dl>
        </li>
      ))}
    </ul>
  );
}

function NoMonitors() {
  const project = boot.value?.projects[0];
  const dsn = project ? composeDsn(location, project.public_key, project.id) : "";
  return (
    <>
      <Empty title="No job has checked in yet">
        <p>A monitor is made by the first check-in of a job. From then on a run that fails, does not come or does not end is an issue.</p>
      </Empty>
      {project && (
        <div class="monitor-snippets">
          {monitorSnippets(dsn, location.origin).map((snippet) => (
            <CodeBox key={snippet.title} snippet={snippet} />
          ))}
        </div>
      )}
    </>
  );
}
