// What can be done with the issues that are selected, and how many that are.

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import type { IssueAction, IssueRow } from "../api/issues-types";
import { count, plural } from "../lib/format";
import { ACT_MAX } from "../lib/issue-actions";
import { Icon } from "./icons";
import { AssignMenu, IgnoreMenu, MoreMenu, PriorityMenu, ResolveMenu } from "./issue-actions";

export function BulkBar({ rows, loaded, total, releases, isGathering, assignRef, onAct, onAll, onClear }: {
  rows: readonly IssueRow[];
  loaded: number;
  total: number | null;
  releases: readonly string[];
  /** Rows that match are being read to be selected. */
  isGathering: boolean;
  assignRef: RefObject<HTMLButtonElement | null>;
  onAct: (action: IssueAction) => void;
  onAll: () => void;
  onClear: () => void;
}) {
  useLayoutEffect(() => {
    // What else stands at the lower edge makes room. Asked of the whole page by a selector, every row drawn would be looked through.
    document.documentElement.dataset.bulk = "";
    return () => {
      delete document.documentElement.dataset.bulk;
    };
  }, []);
  const matching = Math.max(total ?? loaded, loaded);
  const canAll = rows.length < Math.min(matching, ACT_MAX);
  return (
    <section class="bulk" aria-label="Selected issues">
      <p class="bulk-count">
        <b>{count(rows.length)}</b> selected
        {isGathering && <span class="quiet">{` · reading ${count(Math.min(matching, ACT_MAX))}…`}</span>}
        {!isGathering && canAll && (
          <button type="button" class="link" onClick={onAll}>
            {matching > ACT_MAX ? `Select the first ${count(ACT_MAX)} of ${count(matching)}` : `Select all ${plural(matching, "issue")}`}
          </button>
        )}
        {rows.length >= ACT_MAX && matching > ACT_MAX && <span class="quiet">{` · ${count(ACT_MAX)} at most at once, of ${count(matching)}`}</span>}
      </p>
      <div class="bulk-actions">
        <ResolveMenu rows={rows} onAct={onAct} releases={releases} />
        <IgnoreMenu rows={rows} onAct={onAct} />
        <AssignMenu rows={rows} onAct={onAct} buttonRef={assignRef} />
        <PriorityMenu rows={rows} onAct={onAct} />
        <MoreMenu rows={rows} onAct={onAct} />
      </div>
      <button type="button" class="icon-button" aria-label="Select none" title="Select none" onClick={onClear}>
        <Icon name="close" />
      </button>
    </section>
  );
}
