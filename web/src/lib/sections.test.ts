import { expect, it } from "vitest";
import { readingLine, sectionAt } from "./sections";

/** Sections at these places of a page of 3000 px, in a window of 800. */
const PAGE = [["a", 300], ["b", 700], ["c", 2300], ["d", 2500], ["e", 2900]] as const;
const at = (scrollPx: number, mostPx = 2200, viewPx = 800) => sectionAt(PAGE.map(([id, top]) => ({ id, topPx: top - scrollPx })), readingLine({ scrollPx, mostPx, viewPx }));

it("the section a quarter down the window is read", () => {
  expect([0, 150, 450, 550, 1300].map((px) => at(px))).toEqual(["", "a", "a", "b", "b"]);
});

it("near the end of the page each of the last sections is marked once, and the last one at the very end", () => {
  expect([1800, 1950, 2100, 2200].map((px) => at(px))).toEqual(["c", "d", "d", "e"]);
});

it("a page that can hardly be scrolled begins at its top", () => {
  expect(readingLine({ scrollPx: 0, mostPx: 0, viewPx: 800 })).toBe(200);
  expect(readingLine({ scrollPx: 0, mostPx: 40, viewPx: 800 })).toBe(200);
  expect(readingLine({ scrollPx: 40, mostPx: 40, viewPx: 800 })).toBe(800);
});
