// Other issues this one has to do with: those that were merged into it, and those that look like it.

import { useState } from "preact/hooks";
import { act } from "./act";
import type { MergedMember, MergedView, SimilarView } from "../api/issue-types";
import type { IssueRow } from "../api/issues-types";
import { type OfIssue, useIssuePart } from "../api/use-issue";
import { count, oneLine, percent, plural } from "../lib/format";
import { issuePath } from "../lib/urls";
import { Ago, IssueHeadline, LevelMark } from "./marks";
import { Region } from "./region";

type Props = { of: OfIssue; issue: IssueRow; onChange: () => void };

const MEMBERS_AT = 10;

export function Merged({ of, issue, onChange }: Props) {
  const answer = useIssuePart<MergedView>(of, "merged");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [isWhole, setWhole] = useState(false);
  const refresh = () => {
    answer.reload();
    onChange();
  };
  const takeOut = (members: readonly MergedMember[]) => {
    const rows = members.map(({ id, short_id, event_count }) => ({ ...issue, id, short_id, event_count }));
    const ids = rows.map(({ id }) => id);
    setChosen(new Set());
    void act(rows, { kind: "unmerge", from: issue.id }, {
      // Drawn as gone at once; what is put back, by Undo or by a refusal, is drawn again.
      patch: (patched) => setGone((before) => (ids.every((id) => before.has(id)) && patched.size > 0 ? new Set() : new Set(ids))),
      refresh,
    });
  };
  return (
    <Region answer={answer} what="The merged issues" rows={2} height={36}>
      {(view) => {
        const members = view.members.filter(({ id }) => !gone.has(id));
        const picked = members.filter(({ id }) => chosen.has(id));
        if (members.length === 0) return <p class="quiet">Nothing is merged into this issue.</p>;
        return (
          <>
            <ul class="relatives">
              {members.slice(0, isWhole ? undefined : MEMBERS_AT).map((member) => (
                <li key={member.id}>
                  <label class="check">
                    <input
                      type="checkbox"
                      checked={chosen.has(member.id)}
                      onChange={(event) => {
                        const next = new Set(chosen);
                        if (event.currentTarget.checked) next.add(member.id);
                        else next.delete(member.id);
                        setChosen(next);
                      }}
                    />
                    <span class="relative-words">
                      <span class="mono">{member.short_id}</span> {oneLine(member.title, 160)}
                      <small>
                        {`${plural(member.event_count, "event")}, last seen `}
                        <Ago ms={member.last_seen_ms} />
                        {member.hash !== "" && <code title="The hash that leads here">{member.hash.slice(0, 8)}</code>}
                      </small>
                    </span>
                  </label>
                  <button type="button" class="button" onClick={() => takeOut([member])}>
                    Take out
                  </button>
                </li>
              ))}
            </ul>
            <p class="buttons">
              {picked.length > 1 && (
                <button type="button" class="button" onClick={() => takeOut(picked)}>
                  {`Take out ${count(picked.length)}`}
                </button>
              )}
              {!isWhole && members.length > MEMBERS_AT && (
                <button type="button" class="link" onClick={() => setWhole(true)}>
                  {`Show all ${count(members.length)}`}
                </button>
              )}
            </p>
          </>
        );
      }}
    </Region>
  );
}

export function Similar({ of, issue, onChange }: Props) {
  const answer = useIssuePart<SimilarView>(of, "similar");
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const merge = (row: IssueRow) => {
    void act([row], { kind: "merge", into: issue.id }, {
      patch: (patched) => setGone((before) => {
        const next = new Set(before);
        for (const [id, is] of patched) if (is === null) next.add(id);
        else next.delete(id);
        return next;
      }),
      refresh: () => {
        answer.reload();
        onChange();
      },
    });
  };
  return (
    <Region answer={answer} what="Similar issues" rows={2} height={44}>
      {(view) => {
        const rows = view.issues.filter(({ row }) => !gone.has(row.id));
        if (rows.length === 0) return <p class="quiet">No other issue looks like this one.</p>;
        return (
          <ul class="relatives">
            {rows.map(({ row, score, reasons }) => (
              <li key={row.id}>
                <span class="relative-words">
                  <LevelMark level={row.level} />{" "}
                  <a href={issuePath(row.short_id)}>
                    <IssueHeadline row={row} />
                  </a>
                  <small>
                    <span class="mono">{row.short_id}</span>
                    {` · ${plural(row.event_count, "event")}, last seen `}
                    <Ago ms={row.last_seen_ms} />
                    {row.status !== "unresolved" && <span class="badge">{row.status}</span>}
                  </small>
                  <small>{`${percent(score)} alike: ${reasons.join(", ")}`}</small>
                </span>
                <button type="button" class="button" onClick={() => merge(row)}>
                  Merge into this
                </button>
              </li>
            ))}
          </ul>
        );
      }}
    </Region>
  );
}
