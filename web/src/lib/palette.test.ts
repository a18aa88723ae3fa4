import { expect, it } from "vitest";
import { type Entry, fit, GROUP_MAX, matching } from "./palette";

const entry = (label: string, group = "Go to", note?: string): Entry => ({ id: label, group, label, ...(note ? { note } : {}) });
const labels = (entries: readonly Entry[]) => entries.map(({ label }) => label);

it("finds by the beginnings of words, in any order, and by letters last", () => {
  const all = [entry("Settings"), entry("Performance"), entry("Metrics"), entry("Settings: editor and paths")];
  expect(labels(matching(all, "set"))).toEqual(["Settings", "Settings: editor and paths"]);
  expect(labels(matching(all, "paths set"))).toEqual(["Settings: editor and paths"]);
  expect(labels(matching(all, "perf"))).toEqual(["Performance"]);
  expect(labels(matching(all, "prfm"))).toEqual(["Performance"]);
  expect(labels(matching(all, "zzz"))).toEqual([]);
  expect(labels(matching(all, ""))).toEqual(labels(all));
  expect(fit("a+b (c)", "(c)")).not.toBeNull();
});

it("keeps groups together and short", () => {
  const many = [...Array.from({ length: 20 }, (_, i) => entry(`Issue ${i}`, "Seen last")), entry("Issues")];
  const found = matching(many, "issue");
  expect(found.filter(({ group }) => group === "Seen last")).toHaveLength(GROUP_MAX);
  expect(labels(found)[0]).toBe("Issues");
  expect(labels(matching([entry("ValueError", "Seen last", "SHOP-12")], "shop-12"))).toEqual(["ValueError"]);
});
