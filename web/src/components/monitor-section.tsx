// On the page of an issue: the monitor that an event is about, with its last runs, and the way there.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { MonitorView } from "../api/types";
import { monitorPath } from "../lib/monitors";
import { EnvironmentRows, ScheduleLine } from "./check-ins";

export function MonitorSection({ slug, project, environment }: { slug: string; project: string | null; environment: string | null }) {
  const path = `/api/ui/monitors/${encodeURIComponent(slug)}${project ? `?project=${encodeURIComponent(project)}` : ""}`;
  const monitor = useResource<MonitorView>(path);
  useLive({ monitor: monitor.reload, resync: monitor.reload });
  const href = monitorPath(slug, project ?? undefined);
  return (
    <div class="monitor-section">
      {monitor.data && (
        <>
          <ScheduleLine monitor={monitor.data} />
          <EnvironmentRows monitor={monitor.data} only={environment ?? undefined} />
        </>
      )}
      <p>
        <a href={href}>All check-ins of {monitor.data?.name ?? slug}</a>
      </p>
    </div>
  );
}
