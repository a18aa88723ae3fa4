// Monitors in words: what a check-in came to, how an environment is, when the next one is due. Pure.

import type { CheckInView, EventDetail, MonitorEnvironmentView } from "../api/types";
import { age, duration } from "./format";
import type { Snippet } from "./snippets";

export const STATUS_WORDS: Record<string, string> = {
  ok: "OK",
  error: "Failed",
  missed: "Missed",
  timeout: "Ran too long",
  in_progress: "Running",
  unknown: "Unknown",
};

export const statusWord = (status: string): string => STATUS_WORDS[status] ?? status;

const STATE_WORDS: Record<string, string> = { ok: "Healthy", failing: "Failing", shaky: "Failed, below the threshold", waiting: "No result yet" };

export function stateWords(environment: Pick<MonitorEnvironmentView, "state" | "is_running">): string {
  const words = STATE_WORDS[environment.state] ?? environment.state;
  return environment.is_running ? (environment.state === "waiting" ? "Running" : `${words}, running`) : words;
}

/** `in 5 min`, `now`, `late by 2 min`; an em dash's worth of nothing without a schedule. */
export function dueWords(dueMs: number | null, nowMs: number): string {
  if (dueMs === null) return "no schedule";
  if (Math.abs(dueMs - nowMs) < 5000) return "now";
  return dueMs > nowMs ? `in ${age(nowMs, dueMs)}` : `late by ${age(dueMs, nowMs)}`;
}

export const milliseconds = (ms: number | null): string => (ms === null ? "–" : ms === 0 ? "under 1\u202fms" : duration(ms * 1e6));

/** The middle and the longest of the runs that ended, in milliseconds. */
export function durationsOf(checkIns: readonly Pick<CheckInView, "duration_ms">[]): { median: number; longest: number } | null {
  const all = checkIns.flatMap(({ duration_ms }) => (duration_ms === null ? [] : [duration_ms])).toSorted((a, b) => a - b);
  const longest = all[all.length - 1];
  const median = all[Math.floor((all.length - 1) / 2)];
  return longest === undefined || median === undefined ? null : { median, longest };
}

/** `3 OK, 1 missed`, for those who hear the strip. */
export function summary(checkIns: readonly Pick<CheckInView, "status">[]): string {
  const counts = new Map<string, number>();
  for (const { status } of checkIns) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, n]) => `${n} ${statusWord(status) === "OK" ? "OK" : statusWord(status).toLowerCase()}`).join(", ");
}

export const monitorPath = (slug: string, project?: string): string => `/monitors/${encodeURIComponent(slug)}${project ? `?project=${encodeURIComponent(project)}` : ""}`;

export function monitorSnippets(dsn: string, origin: string): Snippet[] {
  const [, key = "", project = "1"] = /\/\/([^@]*)@[^/]*\/(\d+)/.exec(dsn) ?? [];
  return [
    {
      title: "Celery beat: every task of the schedule, no further code",
      language: "python",
      text: `import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration

sentry_sdk.init(
    dsn="${dsn}",
    integrations=[CeleryIntegration(monitor_beat_tasks=True)],
)`,
    },
    {
      title: "a management command, or any function",
      language: "python",
      text: `from sentry_sdk.crons import monitor

@monitor(
    monitor_slug="nightly-report",
    monitor_config={
        "schedule": {"type": "crontab", "value": "15 3 * * *"},
        "timezone": "Europe/Berlin",
        "checkin_margin": 5,  # minutes late
        "max_runtime": 30,    # minutes
    },
)
def nightly_report():
    ...`,
    },
    {
      title: "crontab -e",
      language: "shell",
      text: `# the least: a run that fails is an issue
15 3 * * * /srv/backup.sh && S=ok || S=error; curl -s "${origin}/api/${project}/cron/backup/${key}/?status=$S"

# with its schedule, a run that does not come is one too
15 3 * * * /srv/backup.sh && S=ok || S=error; curl -s "${origin}/api/${project}/cron/backup/${key}/?status=$S" -d '{"monitor_config":{"schedule":"15 3 * * *","timezone":"Europe/Berlin","checkin_margin":30}}'`,
    },
  ];
}

/** The monitor an event is about: made here for a failed run, or sent by an SDK with an error within one. */
export function monitorOf(detail: EventDetail): { slug: string; project: string | null; environment: string | null } | null {
  const entries = detail.contexts.find(({ name }) => name === "monitor")?.entries ?? [];
  const text = (name: string) => {
    const value = entries.find((entry) => entry.name === name)?.value;
    return typeof value === "string" && value !== "" ? value : null;
  };
  const slug = text("slug");
  return slug === null ? null : { slug, project: text("project"), environment: text("environment") };
}
