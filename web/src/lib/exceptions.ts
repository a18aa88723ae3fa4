// How the exceptions of an event hang together: chains of causes, and groups with members that have chains of their own.

import type { ExceptionDetail, FrameDetail } from "../api/types";

export type ExceptionNode = {
  exception: ExceptionDetail;
  /** What caused it, or was being handled; its `relation` says which. */
  before: ExceptionNode | null;
  /** Of a group, in the group's own order. */
  members: ExceptionNode[];
};

/**
 * The trees of a list in the server's order: what was raised comes last, and before it, read backwards, every exception
 * with its causes and then its members. Most events have one tree.
 */
export function exceptionTrees(exceptions: readonly ExceptionDetail[]): ExceptionNode[] {
  const trees: ExceptionNode[] = [];
  // For each depth, the chain that was read last: members that follow belong to a group in it.
  const chains: ExceptionNode[][] = [];
  let last: { node: ExceptionNode; depth: number } | null = null;
  for (const exception of exceptions.toReversed()) {
    const node: ExceptionNode = { exception, before: null, members: [] };
    let depth = 0;
    if (last === null) trees.push(node);
    else if (exception.relation === "group_member") {
      depth = Math.min(Math.max(1, exception.group_depth), chains.length);
      groupOf(chains[depth - 1] ?? [last.node], exception).members.push(node);
    } else if (exception.relation === null) trees.unshift(node);
    else {
      ({ depth } = last);
      last.node.before = node;
      chains[depth]?.push(node);
      last = { node, depth };
      continue;
    }
    chains.length = depth;
    chains.push([node]);
    last = { node, depth };
  }
  return trees;
}

/** A group and its cause may both be groups: the innermost one that has room for the member's number. */
function groupOf(chain: readonly ExceptionNode[], member: ExceptionDetail): ExceptionNode {
  const number = Number(/\[(\d+)\]$/.exec(member.mechanism?.source ?? "")?.[1] ?? Infinity);
  const groups = chain.filter(({ exception }) => exception.ty?.endsWith("Group"));
  return groups.findLast(({ members }) => members.length <= number) ?? groups[0] ?? (chain[0] as ExceptionNode);
}

/** From what was raised to its first cause. */
export function chainOf(node: ExceptionNode): ExceptionNode[] {
  const chain: ExceptionNode[] = [];
  for (let at: ExceptionNode | null = node; at; at = at.before) chain.push(at);
  return chain;
}

/** What stays open and closed while one steps from event to event is told apart by this: frames of one shape are the same frames. */
export function stackShape(exceptions: readonly ExceptionDetail[]): string {
  return exceptions.map(({ ty, frames }) => `${ty}(${frames.map((frame) => `${frame.function}${frame.in_app ? "+" : ""}${frame.is_crash ? "!" : ""}`).join()})`).join();
}

/** Where it was raised, in one's own code if there is any. */
export function crashFrameOf(exceptions: readonly { frames: FrameDetail[] }[]): FrameDetail | undefined {
  const frames = exceptions.flatMap((exception) => exception.frames);
  return frames.findLast((frame) => frame.is_crash) ?? frames.findLast((frame) => frame.in_app) ?? frames.at(-1);
}
