import { expect, it } from "vitest";
import type { CompletionView } from "./issues-types";
import { narrowed } from "./use-completion";

const item = (insert: string) => ({ insert, label: insert, note: "", count: 1 });
const view: CompletionView = { from: 6, to: 7, context: "value", items: [item("error"), item("warning"), item("debug")], is_partial: false };
const answer = { view, text: "level:e", at: 7 };
const inserts = (text: string, at = text.length) => narrowed(answer, text, at).items.map(({ insert }) => insert);

it("shows the answer to this very question as it came", () => {
  expect(inserts("level:e")).toEqual(["error", "warning", "debug"]);
});

it("narrows it by what was typed since", () => {
  expect(inserts("level:er")).toEqual(["error"]);
  expect(narrowed(answer, "level:er", 8).to).toBe(8);
  expect(inserts("level:zz")).toEqual([]);
});

it("drops it when it is about something else", () => {
  expect(inserts("level:e x")).toEqual([]);
  expect(inserts("lever:e")).toEqual([]);
  expect(inserts("lev")).toEqual([]);
  expect(narrowed({ ...answer, view: { ...view, context: "none" } }, "level:e", 7).items).toEqual([]);
});
