import { expect, test } from "vitest";
import type { ComponentView, GroupingVariantView, GroupingView } from "../api/types";
import { answer, counted, frameName, isCounted, runs, standing } from "./grouping";

const leaf = (id: string, value: string, contributes = true): ComponentView => ({ id, name: id, contributes, hint: null, values: [value], parts: [] });
const frame = (name: string, hint: string | null): ComponentView => ({ id: "frame", name: "frame", contributes: hint === null, hint, values: [], parts: [leaf("function", name)] });
const variant = (change: Partial<GroupingVariantView>): GroupingVariantView => ({
  key: "app",
  description: "in-app exception stack trace",
  hash: "0".repeat(32),
  is_contributing: true,
  is_chosen: true,
  hint: null,
  component: frame("x", null),
  omitted: 0,
  ...change,
});
const grouping = (change: Partial<GroupingView>): GroupingView => ({ version: 1, note: null, leads_to: null, fingerprint: null, variants: [variant({})], ...change });

test("neighbours left out for one reason are folded, others stand alone and in order", () => {
  const parts = [frame("a", "library"), frame("b", "library"), frame("c", null), frame("d", "library"), frame("e", "recursion"), leaf("value", "x", false)];
  expect(runs(parts).map((run) => (run.kind === "part" ? run.part.parts[0]?.values[0] ?? run.part.id : run.parts.length))).toEqual([2, "c", "d", "e", "value"]);
  expect(runs([])).toEqual([]);
});

test("a part counts when something below it does", () => {
  expect(isCounted(frame("a", null))).toBe(true);
  expect(isCounted(frame("a", "library"))).toBe(false);
  expect(isCounted({ ...frame("a", null), parts: [leaf("function", "a", false)] })).toBe(false);
});

test("frames are called by what they have", () => {
  expect(frameName(frame("pay", null))).toBe("pay");
  expect(frameName({ ...frame("pay", null), parts: [leaf("filename", "cart.py")] })).toBe("cart.py");
  expect(frameName({ ...frame("pay", null), parts: [] })).toBe("frame");
  expect([counted(frame("a", null), 1), counted(frame("a", null), 3)]).toEqual(["1 frame", "3 frames"]);
});

test("the answer is a sentence for every way of grouping", () => {
  expect(answer(grouping({}))).toContain("It is grouped by its in-app exception stack trace");
  expect(answer(grouping({ note: "changed", variants: [variant({ is_chosen: false })] }))).toContain("It would be grouped");
  expect(answer(grouping({ variants: [variant({ key: "fallback" })] }))).toContain("no stack trace");
  expect(answer(grouping({ variants: [variant({ key: "checksum" })] }))).toContain("checksum");
  expect(answer(grouping({ variants: [] }))).toContain("Nothing");
  const fingerprint = { source: "rule", values: ["a"], resolved: ["a"], overruled: null, rule: null };
  expect(answer(grouping({ fingerprint, variants: [variant({ key: "custom_fingerprint" })] }))).toContain("project rule");
});

test("every variant says how it stands to the issue", () => {
  expect(standing(variant({})).kind).toBe("chosen");
  expect(standing(variant({ is_chosen: false })).words).toBe("also leads here");
  expect(standing(variant({ is_chosen: false, is_contributing: false })).kind).toBe("unused");
});
