import { expect, it } from "vitest";
import { dueWords, durationsOf, monitorPath, monitorSnippets, stateWords, summary } from "./monitors";

const plain = (s: string) => s.replaceAll("\u202f", " ");
const NOW = 1_800_000_000_000;

it.each([
  [NOW + 300_000, "in 5 min"],
  [NOW - 120_000, "late by 2 min"],
  [NOW + 2000, "now"],
  [null, "no schedule"],
])("what is due at %s is due %s", (due, words) => expect(plain(dueWords(due, NOW))).toBe(words));

it("an environment says how it is and whether it runs", () => {
  expect(stateWords({ state: "ok", is_running: false })).toBe("Healthy");
  expect(stateWords({ state: "failing", is_running: true })).toBe("Failing, running");
  expect(stateWords({ state: "waiting", is_running: true })).toBe("Running");
});

it("runs that did not end have no duration", () => {
  const runs = [5, null, 30, 10].map((duration_ms) => ({ duration_ms }));
  expect(durationsOf(runs)).toEqual({ median: 10, longest: 30 });
  expect(durationsOf([{ duration_ms: null }])).toBeNull();
});

it("a strip is heard as counts", () => expect(summary([{ status: "ok" }, { status: "missed" }, { status: "ok" }])).toBe("2 OK, 1 missed"));

it("addresses name the project only when it is needed", () => {
  expect(monitorPath("a-b")).toBe("/monitors/a-b");
  expect(monitorPath("a", "shop")).toBe("/monitors/a?project=shop");
});

it("snippets carry this server's address and key", () => {
  const texts = monitorSnippets("http://abc@127.0.0.1:4318/7", "http://127.0.0.1:4318").map((snippet) => snippet.text);
  expect(texts[0]).toContain('dsn="http://abc@127.0.0.1:4318/7"');
  expect(texts[2]).toContain("http://127.0.0.1:4318/api/7/cron/backup/abc/?status=$S");
});
