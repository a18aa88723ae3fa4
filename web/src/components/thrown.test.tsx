// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { scrolledTo, useOutline } from "./thrown";

function Row() {
  return <p>{useOutline() ? "outline" : "whole"}</p>;
}

const draw = (keys: readonly string[]) => void act(() => render(keys.map((key) => <Row key={key} />), document.body));
const shown = () => [...document.querySelectorAll("p")].map((row) => row.textContent);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.advanceTimersByTime(1000);
  scrolledTo(0);
});
afterEach(() => {
  act(() => void vi.runAllTimers());
  render(null, document.body);
  vi.useRealTimers();
});

const scroll = (y: number, ms = 40) => {
  vi.advanceTimersByTime(ms);
  act(() => scrolledTo(y));
};

test("rows that come while the page is thrown are outlines until it rests", () => {
  draw(["a"]);
  scroll(700, 1000);
  scroll(1400);
  draw(["a", "b"]);
  expect(shown()).toEqual(["whole", "outline"]);
  scroll(2100);
  expect(shown()).toEqual(["whole", "outline"]);
  act(() => void vi.advanceTimersByTime(500));
  expect(shown()).toEqual(["whole", "whole"]);
});

test("a jump is looked at, and so is what goes by slowly", () => {
  scroll(20_000, 1000);
  draw(["a"]);
  for (let y = 20_000; y < 21_000; y += 120) scroll(y);
  draw(["a", "b"]);
  expect(shown()).toEqual(["whole", "whole"]);
});
