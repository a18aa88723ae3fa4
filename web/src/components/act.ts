// Doing something to issues: drawn at once, sent, taken back when the server refuses, and offered to be undone when it does not.

import { type ApiError, change, forget } from "../api/client";
import type { ActionAnswer, IssueAction, IssueRow, UndoAnswer } from "../api/issues-types";
import { plural, sentence } from "../lib/format";
import { ACT_MAX, applied, doneWords } from "../lib/issue-actions";
import { who } from "../lib/who";
import { serverNow } from "../state";
import { offerUndo, sayFailure, watchChange } from "./toast";

/** So much the server's clock may differ from what this browser takes it for, before one's own change looks like another's. */
const CLOCK_SLACK_MS = 2000;

export type ActOn = {
  /** Draws what the rows will be, before the server has answered, or were, when it refuses. `null`: gone from every list. */
  patch: (rows: ReadonlyMap<string, IssueRow | null>) => void;
  /** Reads again what the server has. */
  refresh: () => void;
};

/** Ends when the server has answered; never throws. */
export function act(rows: readonly IssueRow[], action: IssueAction, on: ActOn): Promise<void> {
  const done = perform(rows, action, on);
  watchChange(done);
  return done;
}

async function perform(rows: readonly IssueRow[], action: IssueAction, on: ActOn): Promise<void> {
  const chosen = (action.kind === "merge" ? rows.filter(({ id }) => id !== action.into) : rows).slice(0, ACT_MAX);
  const [first] = chosen;
  if (!first) return;
  const before = new Map(rows.map((row) => [row.id, row]));
  const at = serverNow();
  const after = (row: IssueRow, changedMs: number) => {
    const next = applied(row, action, who.value, at);
    return next && { ...next, changed_ms: changedMs };
  };
  on.patch(new Map(rows.map((row) => [row.id, after(row, row.changed_ms)])));
  // What has changed after that was changed by somebody else, and the server says so.
  const seenMs = Math.max(0, ...chosen.map((row) => row.changed_ms));
  let answer: ActionAnswer;
  try {
    answer = await change<ActionAnswer>("POST", "/api/ui/issues/actions", { ids: chosen.map(({ id }) => id), ...(who.value === "" ? {} : { by: who.value }), seen_ms: seenMs, action });
  } catch (error) {
    on.patch(before);
    sayFailure(`${chosen.length === 1 ? first.short_id : plural(chosen.length, "issue")}: ${(error as ApiError).message}`);
    on.refresh();
    return;
  }
  const doneMs = serverNow() + CLOCK_SLACK_MS;
  on.patch(new Map(rows.map((row) => [row.id, after(row, doneMs)])));
  // What was read before is not true any more, wherever it was read.
  forget("/api/ui/issues");
  forget("/api/ui/people");
  on.refresh();
  const words = doneWords(action, chosen.length, first.short_id, at);
  const { undo } = answer;
  if (undo !== null)
    offerUndo(words, async () => {
      await change<UndoAnswer>("POST", "/api/ui/issues/undo", { token: undo });
      forget("/api/ui/issues");
      on.patch(before);
      on.refresh();
    });
  if (answer.problems.length > 0) {
    const names = new Map(rows.map((row) => [row.id, row.short_id]));
    const told = answer.problems.slice(0, 3).map(({ id, detail }) => `${names.get(id) ?? id}: ${detail}`);
    const rest = answer.problems.length - told.length;
    sayFailure(`${told.map(sentence).join(" · ")}${rest > 0 ? ` · and ${plural(rest, "more")}` : ""}`);
  }
}
