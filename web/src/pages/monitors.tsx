// Jobs that are expected to report: each environment with its last runs, and when the next is due.

import { useLive } from "../api/live";
import type { MonitorListView, MonitorView } from "../api/types";
import { EnvironmentRows, ScheduleLine } from "../components/check-ins";
import { Teach } from "../components/code-box";
import { ListEnd } from "../components/filters";
import { useListKeys } from "../components/list-keys";
import { usePaged } from "../components/paged";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { plural } from "../lib/format";
import { monitorPath, monitorSnippets } from "../lib/monitors";
import { boot, ownDsn } from "../state";

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
      <ListEnd list={list} noun="monitor" />
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

function NoMonitors() {
  return (
    <>
      <Empty title="No job has checked in yet">
        <p>A monitor is made by the first check-in of a job. From then on a run that fails, does not come or does not end is an issue.</p>
      </Empty>
      <Teach snippets={monitorSnippets(ownDsn(), location.origin)} />
    </>
  );
}
