import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { prefetch, type Resource, useResource } from "./client";

let answers: Record<string, unknown[]>;
const fetched: string[] = [];
const inFlight = new Set<Response>();
let root: HTMLElement;

beforeEach(() => {
  answers = {};
  fetched.length = 0;
  inFlight.clear();
  root = document.createElement("div");
  vi.stubGlobal("fetch", (path: string) => {
    fetched.push(path);
    const queue = answers[path] ?? [];
    const response = new Response(JSON.stringify(queue.length > 1 ? queue.shift() : queue[0]));
    const read = response.json.bind(response);
    inFlight.add(response);
    response.json = () => read().finally(() => inFlight.delete(response));
    return Promise.resolve(response);
  });
});
afterEach(() => {
  render(null, root);
  vi.unstubAllGlobals();
});

const turn = () => new Promise<void>((done) => setTimeout(done, 0));
/** Once so many requests were made and all of them are answered and shown, however busy the machine is. */
async function settled(requests: number) {
  do await act(turn);
  while (fetched.length < requests || inFlight.size > 0);
  await act(turn);
}
const seen: { last?: Resource<string> } = {};
const shown = () => seen.last as Resource<string>;
function Shows({ path, show }: { path: string; show: (resource: Resource<string>) => void }) {
  show(useResource<string>(path));
  return null;
}
const shows = (path: string) => <Shows path={path} show={(resource) => (seen.last = resource)} />;
async function visit(path: string) {
  render(null, root);
  await act(() => render(shows(path), root));
}

it("shows what it has at once and asks again, however new that is", async () => {
  answers["/a"] = ["old", "new"];
  await visit("/a");
  await settled(1);
  expect(shown().data).toBe("old");
  render(null, root);
  render(shows("/a"), root);
  expect(shown().data).toBe("old");
  await settled(2);
  expect(shown().data).toBe("new");
  expect(fetched).toEqual(["/a", "/a"]);
});

it("takes what was fetched ahead as fresh, once", async () => {
  answers["/b"] = ["ahead", "later"];
  prefetch("/b");
  await settled(1);
  await visit("/b");
  await settled(1);
  expect([shown().data, fetched.length]).toEqual(["ahead", 1]);
  await visit("/b");
  await settled(2);
  expect([shown().data, fetched.length]).toEqual(["later", 2]);
});

it("follows a request that is on its way with another when there is news", async () => {
  answers["/c"] = ["before", "after"];
  await visit("/c");
  shown().reload();
  await settled(2);
  await settled(2);
  expect(shown().data).toBe("after");
});

it("shows what was fetched ahead and came between its first drawing and its first effect", async () => {
  answers = { "/late": ["ahead"] };
  prefetch("/late");
  // The answer is there once this is drawn, before anything is asked for.
  await act(async () => {
    render(shows("/late"), root);
    expect(shown().data).toBeUndefined();
    for (let turns = 0; turns < 5; turns++) await turn();
  });
  await settled(1);
  expect(shown().data).toBe("ahead");
});
