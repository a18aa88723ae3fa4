// How tags are spread over an issue's events: which deserve bars, which are one line, what differs from the rest. Pure.

import type { TagsView, TagValueView, TagView } from "../api/issue-types";

export type Split = {
  /** More than one value, or not on every event. */
  varying: TagView[];
  /** One value on every event. */
  constant: { key: string; value: string }[];
};

export function split({ tags }: Pick<TagsView, "tags">): Split {
  const varying: TagView[] = [];
  const constant: Split["constant"] = [];
  for (const tag of tags) {
    const only = tag.values[0];
    if (!only) continue;
    if (tag.distinct === 1 && tag.missing === 0) constant.push({ key: tag.key, value: only.value });
    else varying.push(tag);
  }
  return { varying, constant };
}

export type Bar = TagValueView & { share: number };

/** The first few values, each with its part of all the events; what is left is one more bar at the end. */
export function bars(tag: TagView, most: number): { bars: Bar[]; rest: number; restValues: number; total: number } {
  const total = tag.values.reduce((n, { count }) => n + count, 0) + tag.other + tag.missing;
  const shown = tag.values.slice(0, most);
  const told = shown.reduce((n, { count }) => n + count, 0);
  return { bars: shown.map((value) => ({ ...value, share: value.count / Math.max(1, total) })), rest: total - tag.missing - told, restValues: Math.max(0, tag.distinct - shown.length), total };
}

export type Unusual = { key: string; value: string; share: number; restShare: number; lift: number };

/** This many times as frequent as elsewhere is worth a line. */
const LIFT_MIN = 1.5;
/** A value of a few events says little, however rare it is elsewhere. */
const SHARE_MIN = 0.1;

/** What the events of this issue have more often than the other events of the project. A lift of null: only here. */
export function unusual(view: TagsView, most: number): Unusual[] {
  const out: Unusual[] = [];
  for (const tag of view.tags)
    for (const { value, count, rest_share: restShare, lift } of tag.values) {
      const share = count / Math.max(1, view.events);
      if (restShare === null || share < SHARE_MIN) continue;
      const times = restShare === 0 ? Infinity : (lift ?? share / restShare);
      if (times >= LIFT_MIN) out.push({ key: tag.key, value, share, restShare, lift: times });
    }
  // Only here comes first; among those, what more of the events have.
  return out.toSorted((a, b) => (a.lift === b.lift ? b.share - a.share : b.lift - a.lift)).slice(0, most);
}

export function liftWords(lift: number): string {
  if (lift === Infinity) return "only here";
  return `×${lift >= 9.95 ? Math.round(lift) : lift.toFixed(1)}`;
}
