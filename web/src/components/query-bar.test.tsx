import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { forget } from "../api/client";
import { QueryBar } from "./query-bar";

const waiting: { at: string; answer: (items: string[]) => Promise<void> }[] = [];
const sent: [string, boolean][] = [];
let root: HTMLElement;
const field = () => root.querySelector("input") as HTMLInputElement;
const options = () => [...root.querySelectorAll("[role=option] .qb-label")].map((label) => label.textContent);
const pause = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

beforeEach(() => {
  vi.useFakeTimers();
  waiting.length = 0;
  sent.length = 0;
  forget("");
  root = document.createElement("div");
  document.body.append(root);
  vi.stubGlobal("fetch", (path: string) => {
    const url = new URL(path, "http://x");
    return new Promise<Response>((done) => {
      waiting.push({
        at: url.searchParams.get("query") ?? "",
        answer: async (items) => {
          done(new Response(JSON.stringify({ from: 0, to: Number(url.searchParams.get("at")), context: "key", is_partial: false, items: items.map((insert) => ({ insert, label: insert, note: "", count: 961 })) })));
          await pause(5);
        },
      });
    });
  });
  act(() => render(<QueryBar dataset="issues" value="" label="Search" placeholder="" onChange={(query, isDone) => sent.push([query, isDone])} />, root));
});
afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function type(text: string) {
  const input = field();
  if (document.activeElement !== input) act(() => input.focus());
  input.value = text;
  input.setSelectionRange(text.length, text.length);
  act(() => void input.dispatchEvent(new InputEvent("input", { bubbles: true })));
  await pause(80);
}
/** False when the field has answered the key. */
function press(key: string): boolean {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  act(() => void field().dispatchEvent(event));
  return !event.defaultPrevented;
}

it("says how often something was met, unless it was met elsewhere", async () => {
  const counted = () => [...root.querySelectorAll(".qb-count")].map((part) => part.textContent);
  await type("te");
  await waiting.find(({ at }) => at === "te")?.answer(["tenant:"]);
  expect(counted()).toEqual(["961"]);
  act(() => render(<QueryBar dataset="issues" value="" label="Search" placeholder="" hasCounts={false} onChange={() => {}} />, root));
  expect(options()).toEqual(["tenant:"]);
});

it("drops the answer to what is no longer typed", async () => {
  await type("l");
  await type("lo");
  const [first, second] = waiting.filter(({ at }) => at !== "");
  await second?.answer(["logger:"]);
  expect(options()).toEqual(["logger:"]);
  await first?.answer(["level:", "lastSeen:"]);
  expect(options()).toEqual(["logger:"]);
});

it("asks as typed on Enter while nothing is chosen, and takes what is", async () => {
  await type("le");
  await waiting.findLast(({ at }) => at === "le")?.answer(["level:"]);
  expect(options()).toEqual(["level:"]);
  press("Enter");
  expect(sent).toEqual([["le", true]]);
  await type("lev");
  await waiting.findLast(({ at }) => at === "lev")?.answer(["level:"]);
  press("ArrowDown");
  press("Enter");
  expect(field().value).toBe("level:");
  // A key alone is no question yet.
  expect(sent).toHaveLength(1);
});

it("Tab finishes a word that was begun with the first suggestion, and else moves on", async () => {
  await type("le");
  await waiting.findLast(({ at }) => at === "le")?.answer(["level:", "release:"]);
  expect(press("Tab")).toBe(false);
  expect(field().value).toBe("level:");
  // What a choice offers next was not asked for by typing.
  await waiting.findLast(({ at }) => at === "level:")?.answer(["error"]);
  expect(press("Tab")).toBe(true);
  expect(field().value).toBe("level:");
  await type("rel");
  await waiting.findLast(({ at }) => at === "rel")?.answer(["release:"]);
  press("Escape");
  expect(press("Tab")).toBe(true);
  expect(field().value).toBe("rel");
  // Nothing is typed: what is listed are all keys there are.
  await type("");
  await waiting.findLast(({ at }) => at === "")?.answer(["level:"]);
  expect(options()).toContain("level:");
  expect(press("Tab")).toBe(true);
  expect(field().value).toBe("");
});

it("searches when typing pauses, without the server's suggestions, and not for what is unfinished", async () => {
  await type("timeout");
  await pause(320);
  expect(sent).toEqual([]);
  await pause(700);
  expect(sent).toEqual([["timeout", false]]);
  await type("timeout level:");
  await pause(400);
  expect(sent).toHaveLength(1);
});

it("does not search what is half typed: the beginning of a key, a value that may go on", async () => {
  await type("rel");
  await waiting.findLast(({ at }) => at === "rel")?.answer(["release:"]);
  await pause(1000);
  expect(sent).toEqual([]);
  await type("release:1.");
  await waiting.findLast(({ at }) => at === "release:1.")?.answer(["1.2.0"]);
  await pause(1000);
  expect(sent).toEqual([]);
  await type("release:1.2.0 ");
  await pause(400);
  expect(sent).toEqual([["release:1.2.0", false]]);
});

it("closes the suggestions on Escape before it takes back what was typed", async () => {
  await type("le");
  await waiting.findLast(({ at }) => at === "le")?.answer(["level:"]);
  press("Escape");
  expect(options()).toEqual([]);
  expect(field().value).toBe("le");
  press("Escape");
  expect(field().value).toBe("");
});
