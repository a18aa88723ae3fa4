import { expect, test } from "vitest";
import type { DiscardView } from "../api/types";
import { ago } from "./format";
import { discardOf, droppedWords, sinceWords } from "./discarded";

const NOW = 1_795_350_000_000;
const HOUR = 3_600_000;
const discard = (changes: Partial<DiscardView> = {}): DiscardView => ({ id: "1", project_slug: "shop", short_id: "SHOP-7", title: "KeyError: 'x'", culprit: "shop/views.py in pay", by: null, at_ms: NOW - 3 * HOUR, event_count: 0, last_ms: null, ...changes });

test("the one an address names is found in any case", () => {
  const list = { discarded: [discard(), discard({ id: "2", short_id: "SHOP-70" })] };
  expect(discardOf(list, "shop-7")?.id).toBe("1");
  expect(discardOf(list, "SHOP-8")).toBeUndefined();
  expect(discardOf(undefined, "SHOP-7")).toBeUndefined();
});

test("what was dropped is told in numbers", () => {
  expect(droppedWords(discard(), NOW)).toBe("no event came since");
  expect(droppedWords(discard({ event_count: 1, last_ms: NOW - 2 * HOUR }), NOW)).toBe(`1 event dropped since, ${ago(NOW - 2 * HOUR, NOW)}`);
  expect(droppedWords(discard({ event_count: 12, last_ms: NOW - 2 * HOUR }), NOW)).toBe(`12 events dropped since, the last ${ago(NOW - 2 * HOUR, NOW)}`);
});

test("who did it is told where somebody said", () => {
  expect(sinceWords(discard(), NOW)).toBe(ago(NOW - 3 * HOUR, NOW));
  expect(sinceWords(discard({ by: "ann" }), NOW)).toBe(`${ago(NOW - 3 * HOUR, NOW)} by ann`);
});
