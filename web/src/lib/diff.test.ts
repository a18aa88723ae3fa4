import { describe, expect, it } from "vitest";
import type { EventDetail, EventView, ExceptionDetail, FrameDetail, TraceView, Variable } from "../api/types";
import { align, type DiffRow, type DiffSection, diffEvents, differing, diffSpans, marks } from "./diff";
import { diffOf } from "./diff-address";

function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}
const WORDS = ["a", "b", "cart", "voucher", "", "\u202eabc", "𝒳", "x.y", "<b>"];

/** Events of every shape, small enough that two of them often agree. */
function randomEvent(random: () => number): EventView {
  const pick = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const some = <T,>(most: number, make: () => T): T[] => Array.from({ length: Math.floor(random() * (most + 1)) }, make);
  const value = (depth = 0): unknown => {
    const at = random();
    if (depth > 2 || at < 0.5) return pick<unknown>([null, true, 1, "'x'", ...WORDS, [], {}]);
    return at < 0.75 ? some(3, () => value(depth + 1)) : Object.fromEntries(some(3, () => [pick(WORDS), value(depth + 1)]));
  };
  const variables = (): Variable[] => some(4, () => ({ name: pick(["line", "code", ...WORDS]), value: value() }));
  const pairsOf = () => some(4, () => ({ key: pick(WORDS), value: pick(WORDS) }));
  const frame = (): FrameDetail => ({
    filename: pick(["a.py", "b.py", null]), abs_path: null, module: null, function: pick(["f", "g", "h", null]), line: pick([1, 2, null]), column: null,
    in_app: true, is_crash: false, pre_context: [], context_line: pick([null, "  x = 1"]), post_context: [], vars: variables(),
  });
  const exception = (): ExceptionDetail => ({
    ty: pick(["ValueError", "KeyError"]), value: pick(WORDS), module: null, mechanism: null, is_raised: true, relation: null, group_depth: 0, frames: some(5, frame), frames_omitted: 0,
  });
  const detail: EventDetail = {
    message: pick([null, "m"]), message_template: null, logger: null, transaction: pick(["/a/", "/b/"]), release: pick(["1", "2", null]), dist: null, environment: null, server_name: pick(["w1", "w2"]),
    sdk: null, csp: null, report: [], exceptions: some(3, exception), threads: [],
    request: random() < 0.5 ? null : { method: "GET", url: "/", query: pairsOf(), headers: pairsOf(), cookies: pairsOf(), env: variables(), data: value(), inferred_content_type: null },
    user: variables(), breadcrumbs: [], tags: pairsOf(), contexts: some(3, () => ({ name: pick(["os", "runtime"]), ty: "x", summary: null, entries: variables() })), extra: variables(), modules: pairsOf(), field_errors: [],
  };
  return { event_id: "e", title: "t", culprit: "", level: "error", platform: "python", detail } as unknown as EventView;
}
const byPath = (rows: readonly DiffRow[]) => new Map(rows.map((row) => [row.path, row]));
const flat = (sections: readonly DiffSection[]) => sections.flatMap(({ id, rows }) => rows.map((row) => ({ ...row, path: `${id}|${row.path}` })));
const OPPOSITE = { same: "same", changed: "changed", added: "removed", removed: "added" } as const;
const seeds = Array.from({ length: 60 }, (_, i) => i * 7919 + 1);

describe("of any two events", () => {
  it.each(seeds)("an event does not differ from itself or its copy (seed %d)", (seed) => {
    const event = randomEvent(randomOf(seed));
    expect(differing(diffEvents(event, JSON.parse(JSON.stringify(event)) as EventView))).toBe(0);
  });

  it.each(seeds)("the other way round is the mirror image (seed %d)", (seed) => {
    const random = randomOf(seed);
    const [a, b] = [randomEvent(random), randomEvent(random)];
    // Frames align one way or another when several pairings are equally long, so they are left to the next test.
    const plain = (sections: DiffSection[]) => byPath(flat(sections.filter(({ id }) => !id.startsWith("frame"))));
    const [there, back] = [plain(diffEvents(a, b)), plain(diffEvents(b, a))];
    expect([...there.keys()].toSorted()).toEqual([...back.keys()].toSorted());
    for (const [path, row] of there) expect(back.get(path)).toEqual({ path, change: OPPOSITE[row.change], a: row.b, b: row.a });
  });

  it.each(seeds)("every place stands once, and both sides can be put together again (seed %d)", (seed) => {
    const random = randomOf(seed);
    const [a, b] = [randomEvent(random), randomEvent(random)];
    const sections = diffEvents(a, b);
    const paths = flat(sections).map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    for (const { a: left, b: right, change } of flat(sections)) {
      expect(change === "added").toBe(left === undefined);
      expect(change === "removed").toBe(right === undefined);
      if (change === "same") expect(JSON.stringify(left).length).toBe(JSON.stringify(right).length);
    }
    const tags = sections.find(({ id }) => id === "tags")?.rows ?? [];
    expect(tags.flatMap(({ a: value }) => (value === undefined ? [] : [value]))).toEqual(a.detail.tags.map(({ value }) => value));
    expect(tags.filter(({ b: value }) => value !== undefined).map(({ path, b: value }) => `${path} ${String(value)}`).toSorted()).toHaveLength(b.detail.tags.length);
  });

  it.each(seeds)("frames keep their order and none is lost (seed %d)", (seed) => {
    const random = randomOf(seed);
    const frames = (event: EventView) => event.detail.exceptions.flatMap((exception) => exception.frames);
    const [a, b] = [frames(randomEvent(random)), frames(randomEvent(random))];
    const aligned = align(a, b);
    expect(aligned.flatMap(([x]) => x ?? [])).toEqual(a);
    expect(aligned.flatMap(([, y]) => y ?? [])).toEqual(b);
    for (const [x, y] of aligned) if (x && y) expect([x.function, x.filename]).toEqual([y.function, y.filename]);
  });

  it.each(seeds)("marks put both texts together again (seed %d)", (seed) => {
    const random = randomOf(seed);
    const text = () => Array.from({ length: Math.floor(random() * 8) }, () => WORDS[Math.floor(random() * WORDS.length)]).join("");
    const [a, b] = [text(), text()];
    const marked = marks(a, b);
    expect(marked.before + marked.a + marked.after).toBe(a);
    expect(marked.before + marked.b + marked.after).toBe(b);
    for (const part of Object.values(marked)) expect(/\p{Surrogate}/u.test(part)).toBe(false);
  });
});

it("a variable that changed inside a dictionary is named by its way there", () => {
  const frame = (percent: number): FrameDetail => ({ filename: "cart.py", abs_path: null, module: null, function: "apply", line: 35, column: null, in_app: true, is_crash: true, pre_context: [], context_line: null, post_context: [], vars: [{ name: "voucher", value: { code: "'BF26'", percent, lines: [1, 2] } }] });
  const random = randomOf(3);
  const event = randomEvent(random);
  const of = (percent: number): EventView => ({ ...event, detail: { ...event.detail, exceptions: [{ ty: "ValueError", value: "bad", module: null, mechanism: null, is_raised: true, relation: null, group_depth: 0, frames: [frame(percent)], frames_omitted: 0 }] } });
  const different = flat(diffEvents(of(0), of(10))).filter(({ change }) => change !== "same");
  expect(different).toEqual([{ path: "frame-0-0|voucher['percent']", change: "changed", a: 0, b: 10 }]);
});

describe("spans", () => {
  const trace = (spans: [string, string, number, string?][]): TraceView => ({ spans: { op: spans.map(([op]) => op), name: spans.map(([, name]) => name), duration_ns: spans.map(([, , ns]) => ns), status: spans.map(([, , , status]) => status ?? "ok") } }) as unknown as TraceView;
  it("differ by how many, how slow, and whether they failed", () => {
    const a = trace([["db", "SELECT 1", 1e6], ["db", "SELECT 1", 1e6], ["http", "GET /", 5e6], ["", "lone", 3], ["x", "ok", 1]]);
    const b = trace([["db", "SELECT 1", 1e6], ["http", "GET /", 12e6], ["", "lone", 900_000], ["x", "ok", 1, "error"], ["y", "new", 1]]);
    const changes = Object.fromEntries(diffSpans(a, b).rows.map(({ path, change }) => [path, change]));
    expect(changes).toEqual({ "db SELECT 1": "changed", "http GET /": "changed", lone: "same", "x ok": "changed", "y new": "added" });
  });
  it("of no trace are none", () => expect(diffSpans(undefined, undefined).rows).toEqual([]));
});

it("an object that only lies elsewhere in memory is no difference", () => {
  const random = randomOf(4);
  const event = randomEvent(random);
  const of = (user: string, key: string): EventView => ({ ...event, detail: { ...event.detail, exceptions: [], extra: [{ name: "user", value: user }, { name: "key", value: key }] } });
  const rows = flat(diffEvents(of("<User ada at 0x7f2a8e75ac00>", "0x7f2a8e75ac00"), of("<User ada at 0x7f2a8e75bd40>", "0x12"))).filter(({ path }) => path.startsWith("extra"));
  expect(rows.map(({ path, change, isMoved }) => [path, change, isMoved ?? false])).toEqual([["extra|user", "same", true], ["extra|key", "changed", false]]);
});

it("addresses of a diff", () => {
  expect(diffOf("aa..BB-1")).toEqual({ a: "aa", b: "BB-1" });
  for (const text of [null, "", "a", "a..", "..b", "a..b..c", "a b..c"]) expect(diffOf(text)).toBeNull();
});
