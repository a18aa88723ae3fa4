// What the settings screen says in words: filters, limits, and where a problem belongs. Pure.

import type { DataGroup, DropView, FieldProblem, FilterSettings, LimitPeriod, LimitRule, ProjectKeyView, ProjectSettings } from "../api/types";
import { bytes, count, countShort, plural } from "./format";

export type SwitchFilter = { [K in keyof FilterSettings]: FilterSettings[K] extends boolean ? K : never }[keyof FilterSettings];
export type GlobFilter = Exclude<keyof FilterSettings, SwitchFilter>;

type FilterText = { title: string; text: string; patterns?: { label: string; placeholder: string } };

/** In the order of the page. */
export const FILTERS: readonly (readonly [keyof FilterSettings, FilterText])[] = [
  ["disallowed_hosts", { title: "Requests for foreign hosts", text: "DisallowedHost, which Django raises when a scanner asks for a name that is not in ALLOWED_HOSTS. On from the start; switch it off while you set up a new domain." }],
  ["crawlers", { title: "Known crawlers", text: "Requests of search engines, link previews and other robots, told by their user agent." }],
  ["health_checks", { title: "Health checks", text: "Errors and traces of the paths that load balancers and orchestrators ask all day.", patterns: { label: "Paths, one per line", placeholder: "/healthz\n/status/*" } }],
  ["localhost", { title: "Localhost", text: "Requests to localhost, 127.0.0.1 or ::1: somebody's own machine that runs with the production DSN." }],
  ["browser_extensions", { title: "Browser extensions", text: "JavaScript errors with a frame of an extension that the visitor's browser brought along." }],
  ["releases", { title: "Releases", text: "Errors, traces, logs, metrics, sessions and feedback of releases that you no longer mend.", patterns: { label: "Releases, one per line", placeholder: "shop@1.*\n*-dev" } }],
  ["error_messages", { title: "Error messages", text: "Errors by “Type: message”, by the message or by the type alone, and logs by their text.", patterns: { label: "Patterns, one per line: * is any text, ? one character", placeholder: "BrokenPipeError*\n*connection reset by peer*" } }],
];

export const GROUPS: readonly (readonly [DataGroup, string, string])[] = [
  ["error", "Errors", "error"],
  ["span", "Spans", "span"],
  ["log", "Logs", "log"],
  ["metric", "Metrics", "metric"],
  ["attachment", "Attachment bytes", "byte"],
  ["session", "Sessions", "session"],
  ["monitor", "Check-ins", "check-in"],
  ["feedback", "Feedback", "report"],
  ["replay", "Replays", "replay"],
  ["profile", "Profiles", "profile"],
];

export const PERIODS: readonly (readonly [string, string])[] = [
  ["10s", "10 seconds"],
  ["60s", "minute"],
  ["600s", "10 minutes"],
  ["3600s", "hour"],
  ["day", "day (UTC)"],
  ["month", "month (UTC)"],
];

export function periodOf(rule: LimitRule): string {
  return rule.per === "seconds" ? `${rule.seconds}s` : rule.per;
}

export function withPeriod(rule: LimitRule, period: string): LimitRule {
  const per: LimitPeriod = period === "day" || period === "month" ? period : "seconds";
  return { ...rule, per, seconds: per === "seconds" ? Number.parseInt(period, 10) : 0 };
}

/** The name under which the server counts what a rule refused. */
export function limitName(rule: LimitRule): string {
  return `${rule.key === null ? "project" : `key ${rule.key.slice(0, 8)}`}/${rule.group}/${periodOf(rule)}`;
}

export function amount(group: string, n: number): string {
  return group === "attachment" ? bytes(n) : countShort(n);
}

/** "1,204 errors, 31k spans in 30 days" */
export function useWords(key: ProjectKeyView): string {
  const parts = key.used.map(({ group, quantity }) => {
    if (group === "attachment") return `${bytes(quantity)} of attachments`;
    const noun = GROUPS.find(([id]) => id === group)?.[2] ?? group;
    return quantity < 10_000 ? plural(quantity, noun) : `${countShort(quantity)} ${noun}s`;
  });
  return parts.length === 0 ? "nothing in 30 days" : `${parts.join(", ")} in 30 days`;
}

export type Drops = { day: number; month: number; words: string };

/** What one filter or limit dropped; spans of a transaction are not counted twice. */
export function dropsOf(drops: readonly DropView[], reason: string, detail: string): Drops {
  const own = drops.filter((drop) => drop.reason === reason && drop.detail === detail);
  const hasOthers = own.some((drop) => drop.category !== "span");
  const counted = own.filter((drop) => drop.category !== "span" || !hasOthers);
  const sum = (of: (drop: DropView) => number) => counted.reduce((n, drop) => n + of(drop), 0);
  const words = own.map((drop) => `${count(drop.last_month)} ${drop.category.replaceAll("_", " ")}${drop.last_month === 1 ? "" : "s"}`).join(", ");
  return { day: sum((drop) => drop.last_day), month: sum((drop) => drop.last_month), words };
}

/** One per line; blank lines mean nothing. */
export const toLines = (list: readonly string[]): string => list.join("\n");
export const fromLines = (text: string): string[] => text.split("\n");
const cleaned = (list: readonly string[]): string[] => list.map((line) => line.trim()).filter((line) => line !== "");

/** As it is sent: without the blank lines that stand in a box while somebody types. */
export function tidy(settings: ProjectSettings): ProjectSettings {
  const { scrub, filters } = settings;
  const globs = (name: GlobFilter) => ({ ...filters[name], patterns: cleaned(filters[name].patterns) });
  return {
    ...settings,
    scrub: { ...scrub, sensitive_keys: cleaned(scrub.sensitive_keys), safe_keys: cleaned(scrub.safe_keys) },
    filters: { ...filters, health_checks: globs("health_checks"), releases: globs("releases"), error_messages: globs("error_messages") },
  };
}

export const isSame = (a: ProjectSettings, b: ProjectSettings): boolean => JSON.stringify(tidy(a)) === JSON.stringify(tidy(b));

/** The problems of a field and of what is inside it. */
export function problemsOf(problems: readonly FieldProblem[], field: string): FieldProblem[] {
  return problems.filter((problem) => problem.field === field || problem.field.startsWith(`${field}.`));
}

/** "Line 3: …" for a list or a text of several lines. */
export function problemWords(problem: FieldProblem, field: string): string {
  const index = problem.field.slice(field.length + 1);
  const line = problem.line ?? (/^\d+$/.test(index) ? Number(index) + 1 : null);
  return line === null ? problem.message : `Line ${line}: ${problem.message}`;
}

/** Which part of the page holds a field. */
export function sectionOf(field: string): string {
  const section = field.split(".")[0] ?? "";
  return ["scrub", "filters", "limits", "grouping"].includes(section) ? section : "project";
}

export const SCRUB_SAMPLE = `{
  "user": { "id": "42", "email": "ada@example.org", "ip_address": "203.0.113.9" },
  "request": {
    "url": "https://shop.example/pay/",
    "query_string": "order=7&token=3f9a",
    "headers": { "Authorization": "Bearer abc123", "User-Agent": "Firefox" },
    "data": { "card": "4111 1111 1111 1111", "customer_number": "K-1009", "password": "hunter2" }
  },
  "extra": { "note": "paid with 4111 1111 1111 1111" }
}`;
