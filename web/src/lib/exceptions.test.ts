import { expect, it } from "vitest";
import type { ExceptionDetail } from "../api/types";
import { type ExceptionNode, exceptionTrees } from "./exceptions";

const one = (ty: string, group_depth: number, relation: ExceptionDetail["relation"], source: string | null = null): ExceptionDetail => ({
  ty, value: null, module: null, mechanism: { ty: null, handled: null, source, description: null, help_link: null, data: [] }, is_raised: relation === null, relation, group_depth, frames: [], frames_omitted: 0,
});
const shape = ({ exception, before, members }: ExceptionNode): string =>
  `${exception.ty}${before ? ` < ${shape(before)}` : ""}${members.length > 0 ? ` (${members.map(shape).join(", ")})` : ""}`;
const shapes = (list: ExceptionDetail[]) => exceptionTrees(list).map(shape);

it("knows chains, groups and groups in groups", () => {
  expect(shapes([])).toEqual([]);
  expect(shapes([one("C", 0, "context"), one("B", 0, "cause"), one("A", 0, null)])).toEqual(["A < B < C"]);
  expect(shapes([one("E4", 2, "cause"), one("E3", 2, "group_member"), one("InGroup", 1, "group_member"), one("E1", 1, "group_member"), one("Group", 0, null)])).toEqual([
    "Group (E1, InGroup (E3 < E4))",
  ]);
});

it("tells a group's members from those of the group that caused it", () => {
  expect(
    shapes([
      one("D", 1, "group_member", "exceptions[0]"), one("C", 1, "group_member", "exceptions[1]"), one("B", 1, "group_member", "exceptions[0]"),
      one("CauseGroup", 0, "cause", "__cause__"), one("AGroup", 0, null),
    ]),
  ).toEqual(["AGroup < CauseGroup (B, C) (D)"]);
});

it("loses nothing of lists that make no sense", () => {
  const names = (list: ExceptionDetail[]) => shapes(list).join(" ").replaceAll(/[^A-Z]/g, "").split("").toSorted().join("");
  expect(names([one("A", 7, "group_member"), one("B", 0, "group_member"), one("C", 3, "cause"), one("D", 0, null), one("E", 0, null)])).toBe("ABCDE");
});
