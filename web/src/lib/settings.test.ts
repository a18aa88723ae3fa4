import { expect, it } from "vitest";
import type { DropView, LimitRule, ProjectSettings } from "../api/types";
import { dropsOf, isSame, limitName, periodOf, problemsOf, problemWords, sectionOf, tidy, useWords, withPeriod } from "./settings";

const settings: ProjectSettings = {
  scrub: { enabled: true, defaults: true, sensitive_keys: ["iban", " "], safe_keys: [""], scrub_ip: false },
  filters: {
    disallowed_hosts: true, crawlers: false, localhost: false, browser_extensions: false,
    health_checks: { enabled: false, patterns: ["/healthz"] }, releases: { enabled: true, patterns: [" a* ", ""] }, error_messages: { enabled: false, patterns: [] },
  },
  limits: { rules: [] },
  grouping: { fingerprint_rules: "", stack_trace_rules: "" },
};
const rule: LimitRule = { key: null, group: "error", max: 5, per: "seconds", seconds: 60 };

it("blank lines are no change", () => {
  expect(tidy(settings).filters.releases.patterns).toEqual(["a*"]);
  expect(isSame(settings, tidy(settings))).toBe(true);
  expect(isSame(settings, { ...settings, scrub: { ...settings.scrub, scrub_ip: true } })).toBe(false);
});

it("a limit is named as the server names it", () => {
  expect(limitName(rule)).toBe("project/error/60s");
  expect(limitName({ ...withPeriod(rule, "month"), key: "0a1b2c3d4e5f60718293a4b5c6d7e8f9" })).toBe("key 0a1b2c3d/error/month");
  expect(periodOf(withPeriod(withPeriod(rule, "day"), "3600s"))).toBe("3600s");
});

it("spans of dropped transactions are not counted twice", () => {
  const drop = (category: string, last_day: number, last_month: number): DropView => ({ reason: "filtered", detail: "crawlers", category, last_day, last_month });
  const all = [drop("event", 1, 2), drop("span", 60, 90), drop("transaction", 3, 5)];
  expect(dropsOf(all, "filtered", "crawlers")).toEqual({ day: 4, month: 7, words: "2 events, 90 spans, 5 transactions" });
  expect(dropsOf([drop("span", 60, 90)], "filtered", "crawlers").day).toBe(60);
  expect(dropsOf(all, "filtered", "localhost").month).toBe(0);
});

it("problems are found by field and told by line", () => {
  const problems = [
    { field: "filters.releases.patterns.1", line: null, message: "too long" },
    { field: "grouping.fingerprint_rules", line: 4, message: "expected an arrow" },
    { field: "filters.releases", line: null, message: "odd" },
  ];
  const found = problemsOf(problems, "filters.releases.patterns");
  expect(found.map((problem) => problemWords(problem, "filters.releases.patterns"))).toEqual(["Line 2: too long"]);
  expect(problemsOf(problems, "grouping.fingerprint_rules").map((problem) => problemWords(problem, "grouping.fingerprint_rules"))).toEqual(["Line 4: expected an arrow"]);
  expect(sectionOf("limits.rules.0.max")).toBe("limits");
  expect(sectionOf("name")).toBe("project");
});

it("what a key sent is said in words", () => {
  const key = { public_key: "", label: "", is_active: true, created_ms: 0 };
  expect(useWords({ ...key, used: [] })).toBe("nothing in 30 days");
  expect(useWords({ ...key, used: [{ group: "error", quantity: 1 }, { group: "span", quantity: 31_000 }] })).toBe("1 error, 31.0k spans in 30 days");
});
