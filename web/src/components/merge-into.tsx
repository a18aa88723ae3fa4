// Which issue this one becomes part of: one of the list it came from, or any by its short id.

import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { IssueRow } from "../api/issues-types";
import type { IssueView } from "../api/types";
import { apiIssue } from "../api/use-issue";
import { oneLine, plural } from "../lib/format";
import { Confirm } from "./dialog";
import { Ago } from "./marks";

const ROWS_SHOWN = 12;
const SHORT_ID = /^\S+-\d+$/u;

export function MergeInto({ issue, rows, onMerge, onClose }: { issue: IssueRow; rows: readonly IssueRow[]; onMerge: (id: string) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const [into, setInto] = useState<string | null>(null);
  const typed = text.trim();
  const others = rows.filter((row) => row.id !== issue.id && row.project_slug === issue.project_slug);
  const fitting = others.filter((row) => `${row.short_id} ${row.title} ${row.culprit}`.toLowerCase().includes(typed.toLowerCase())).slice(0, ROWS_SHOWN);
  const isNamed = SHORT_ID.test(typed) && !fitting.some((row) => row.short_id.toLowerCase() === typed.toLowerCase());
  const named = useResource<IssueView>(isNamed ? apiIssue(typed.toUpperCase()) : null);
  const found = named.data && named.data.issue.id !== issue.id && named.data.issue.project_slug === issue.project_slug ? [named.data.issue as IssueRow] : [];
  const shown = [...found, ...fitting.filter((row) => !found.some(({ id }) => id === row.id))];
  const chosen = shown.find((row) => row.id === into);
  return (
    <Confirm title={`Merge ${issue.short_id} into…`} confirm={chosen ? `Merge into ${chosen.short_id}` : "Merge"} isDisabled={!chosen} onConfirm={() => chosen && onMerge(chosen.id)} onClose={onClose}>
      <p>{`Its ${plural(issue.event_count, "event")} and what comes of it go there. It can be taken out again on that issue's page.`}</p>
      <p>
        <input type="text" data-first aria-label="Short id or words" placeholder="Short id or words" value={text} spellcheck={false} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      </p>
      <fieldset class="merge-rows">
        <legend>Into</legend>
        {shown.map((row) => (
          <label key={row.id}>
            <input type="radio" name="merge-into" value={row.id} checked={row.id === into} onChange={() => setInto(row.id)} />
            <span class="merge-words">
              <span class="mono">{row.short_id}</span> {oneLine(row.title, 160)}
              <small>
                {`${plural(row.event_count, "event")}, last seen `}
                <Ago ms={row.last_seen_ms} />
              </small>
            </span>
          </label>
        ))}
        {shown.length === 0 && <p class="quiet">{named.error ? `There is no issue ${typed} in this project.` : named.isLoading ? "Looking…" : "No issue of the list fits; a short id finds any."}</p>}
      </fieldset>
    </Confirm>
  );
}
