import { expect, it } from "vitest";
import type { TagView } from "../api/issue-types";
import { bars, liftWords, split, unusual } from "./tag-shares";

const value = (name: string, count: number, rest: number | null = null) => ({ value: name, count, last_seen_ms: 0, rest_share: rest, lift: rest ? count / 100 / rest : null });
const tag = (over: Partial<TagView>): TagView => ({ key: "browser", distinct: 2, missing: 0, values: [value("Firefox", 71), value("Safari", 29)], other: 0, ...over });

it("constants are one line; what is missing on some events is no constant", () => {
  const same = tag({ key: "os", distinct: 1, values: [value("Linux", 100)] });
  const partly = tag({ key: "user", distinct: 1, values: [value("7", 30)], missing: 70 });
  const { varying, constant } = split({ tags: [tag({}), same, partly, tag({ key: "none", distinct: 0, values: [] })] });
  expect(varying.map(({ key }) => key)).toEqual(["browser", "user"]);
  expect(constant).toEqual([{ key: "os", value: "Linux" }]);
});

it("shares are of all events, also of those without the tag, and nothing is lost in the rest", () => {
  const shown = bars(tag({ distinct: 40, values: [value("a", 50), value("b", 20), value("c", 10)], other: 15, missing: 5 }), 2);
  expect(shown.bars.map(({ share }) => share)).toEqual([0.5, 0.2]);
  expect([shown.rest, shown.restValues, shown.total]).toEqual([25, 38, 100]);
  expect(shown.bars.reduce((n, { count }) => n + count, 0) + shown.rest + 5).toBe(shown.total);
});

it("what differs from the rest, the strangest first", () => {
  const view = { events: 100, is_partial: false, left_out: 0, next_cursor: null, tags: [tag({ values: [value("Firefox", 71, 0.7), value("Safari", 29, 0.01)] }), tag({ key: "release", values: [value("2", 100, 0.4), value("3", 4, 0), value("4", 50, 0), value("5", 90, null)] })] };
  expect(unusual(view, 9).map(({ key, value: name, lift }) => `${key} ${name} ${liftWords(lift)}`)).toEqual(["release 4 only here", "browser Safari ×29", "release 2 ×2.5"]);
  expect(unusual(view, 1)).toHaveLength(1);
});
