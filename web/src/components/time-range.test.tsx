// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test } from "vitest";
import { TimeRange, type TimeChange } from "./time-range";

const asked: TimeChange[] = [];
const open = (range: string | null, initial: string) => {
  act(() => render(<TimeRange time={{ range, fromMs: null, toMs: null }} initial={initial} onChange={(change) => asked.push(change)} />, document.body));
  act(() => document.querySelector<HTMLElement>("[aria-haspopup]")?.click());
};
afterEach(() => {
  render(null, document.body);
  asked.length = 0;
});

test("the choices open at the one that holds", () => {
  open("7d", "all");
  expect(document.activeElement?.textContent).toBe("Last 7 days");
});

test("the usual time is told apart from one that is chosen, but all there is can only be meant", () => {
  open(null, "24h");
  act(() => (document.activeElement as HTMLElement).click());
  open("7d", "all");
  act(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "All time")?.click());
  expect(asked.map(({ range }) => range)).toEqual(["24h", null]);
});
