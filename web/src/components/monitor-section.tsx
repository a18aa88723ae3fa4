// On the page of an issue: the monitor that an event is about, with its last runs, and the way there.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { EventDetail, MonitorView } from "../api/types";
import { monitorPath } from "../lib/monitors";
import { EnvironmentRows, ScheduleLine } from "./check-ins";

/** Made here for a failed run, or sent by an SDK with an error within one. */
export function monitorOf(detail: EventDetail): { slug: string; project: string | null; environment: string | null } | null {
  const entries = detail.contexts.find(({ name }) => name === "monitor")?.entries ?? [];
  const text = (name: string) => {
    const value = entries.find((entry) => entry.name === name)?.value;
    return typeof value === "string" && value !== "" ? value : null;
  };
  const slug = text("slug");
  return slug === null ? null : { slug, project: text("project"), environment: text("environment") };
}

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
