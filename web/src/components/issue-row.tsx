// One issue in a list: two lines of a fixed height, three on a phone.

import { prefetch } from "../api/client";
import type { IssueRow as Row, Priority } from "../api/issues-types";
import { ageWords, ago, count, countShort, dateTime, noun, oneLine, plural } from "../lib/format";
import { stateWords } from "../lib/issue-actions";
import { initials } from "../lib/who";
import { issueHref } from "../lib/issue-place";
import { now } from "../state";
import { Icon } from "./icons";
import { Ago, IssueHeadline, LevelMark, Marked, Sparkline } from "./marks";
import { useOutline } from "./thrown";

/** Read ahead when a row is about to be opened. */
function ahead(shortId: string, search: string): void {
  prefetch(`/api/ui/issues/${encodeURIComponent(shortId)}`);
  if (search === "") prefetch(`/api/ui/issues/${encodeURIComponent(shortId)}/events/latest`);
}

/** Drawn again only when one of these changes, or the clock: keep them stable. */
export function IssueRow({ row, index, isCurrent, isSelected, isSample, showProject, words, search, onSelect }: {
  row: Row;
  index: number;
  isCurrent: boolean;
  isSelected: boolean;
  isSample: boolean;
  showProject: boolean;
  /** To mark where they are found. */
  words: string;
  /** Of the list's address: goes along to the issue. */
  search: string;
  onSelect: (id: string, isRange: boolean) => void;
}) {
  const isOutline = useOutline();
  const file = row.filename ? `${row.filename}${row.line === null ? "" : `:${row.line}`}` : null;
  const most = Math.max(0, ...row.hours);
  const read = () => ahead(row.short_id, search);
  if (isOutline) return <Outline row={row} index={index} place={`${row.function ?? ""} ${file ?? ""}`} />;
  return (
    <tr data-row={row.short_id} aria-rowindex={index + 2} class={`${isCurrent ? "current" : ""}${isSelected ? " selected" : ""}`}>
      <td class="c-select">
        <label class="row-check">
          <input
            type="checkbox"
            checked={isSelected}
            aria-label={`Select ${row.short_id}`}
            onClick={(event) => {
              onSelect(row.id, event.shiftKey);
            }}
          />
        </label>
      </td>
      <td class="c-issue">
        <div class="issue-cell">
          <LevelMark level={row.level} />
          <div class="issue-lines">
            <a class="row-link" href={issueHref(row.short_id, search)} onPointerDown={read} onFocus={read}>
              <IssueHeadline row={row} search={words} />
            </a>
            <div class="issue-meta">
              {isSample && <span class="badge">sample</span>}
              <Badges row={row} />
              {(row.function || file) && (
                <span class="mono where">
                  {row.function && (
                    <span class="fn">
                      <Marked text={row.function} search={words} />
                    </span>
                  )}{" "}
                  {file && <Marked text={file} search={words} />}
                </span>
              )}
              {row.culprit !== "" && row.culprit !== row.function && (
                <span class="culprit">
                  <Marked text={row.culprit} search={words} />
                </span>
              )}
              <span class="short-id">
                <Marked text={row.short_id} search={isShortId(words) ? words : ""} />
              </span>
              {showProject && <span>{row.project_slug}</span>}
            </div>
          </div>
          <Side row={row} />
        </div>
      </td>
      <td class="c-trend">
        {row.hours.length > 0 && <Sparkline values={row.hours} label="Events per hour" height={22} />}
        <span class="spark-most" aria-hidden="true">{most === 0 ? "" : `max ${countShort(most)}/h`}</span>
      </td>
      <td class="num c-events" title={count(row.event_count)}>
        {countShort(row.event_count)}
        <span class="unit">{` ${noun(row.event_count, "event")}`}</span>
      </td>
      <td class="num c-users" title={row.users_in_all ? `${count(row.user_count)} in all: too many events to count those of this environment` : count(row.user_count)}>
        {row.users_in_all && <span class="none">≤ </span>}
        {row.user_count === 0 ? <span class="none">–</span> : countShort(row.user_count)}
        <span class="unit">{` ${noun(row.user_count, "user")}`}</span>
      </td>
      <td class="num c-seen">
        <Ago ms={row.last_seen_ms} />
        <span class="issue-age" title={`First seen ${dateTime(row.first_seen_ms)}`}>
          {ageWords(row.first_seen_ms, now.value)}
        </span>
      </td>
    </tr>
  );
}

/** What can be read in passing, of a quarter of the elements: with whole rows a thrown page would miss every other frame. */
function Outline({ row, index, place }: { row: Row; index: number; place: string }) {
  return (
    <tr data-row={row.short_id} aria-rowindex={index + 2}>
      <td class="c-select" />
      <td class="c-issue">
        <div class="outline">
          <b class="headline-ty">{oneLine(row.ty ?? row.title)}</b> {row.ty === null ? "" : oneLine(row.value ?? "")}
          <div class="mono">{`${place} ${row.short_id}`}</div>
        </div>
      </td>
      <td class="c-trend" />
      <td class="num c-events">{countShort(row.event_count)}</td>
      <td class="num c-users">{countShort(row.user_count)}</td>
      <td class="num c-seen">{ago(row.last_seen_ms, now.value)}</td>
    </tr>
  );
}

function Badges({ row }: { row: Row }) {
  return (
    <>
      {row.substatus === "new" && row.status === "unresolved" && <span class="badge new">new</span>}
      {row.substatus === "regressed" && row.status === "unresolved" && (
        <span class="badge regressed" title="It was resolved, and came again">
          <span aria-hidden="true">↺ </span>
          {row.regressed_release ? `regressed ${row.regressed_release}` : "regressed"}
        </span>
      )}
      {row.status !== "unresolved" && (
        <span class={row.status === "resolved" ? "badge ok" : "badge"} title={row.status_detail?.by ? `by ${row.status_detail.by}, ${dateTime(row.status_detail.at_ms)}` : undefined}>
          {row.status === "resolved" && <span aria-hidden="true">✓ </span>}
          {stateWords(row, now.value)}
        </span>
      )}
      {row.is_unhandled && <span class="badge unhandled">unhandled</span>}
      {row.merged_count > 0 && <span class="badge merged" title={`${plural(row.merged_count, "issue")} merged into it`}>{`+${count(row.merged_count)} merged`}</span>}
    </>
  );
}

/** What people have done: who looks at it, what they said, what they marked. */
function Side({ row }: { row: Row }) {
  return (
    <div class="issue-side">
      {row.is_bookmarked && (
        <span class="bookmarked" title="Bookmarked">
          <Icon name="bookmark" size={14} />
          <span class="offscreen">bookmarked</span>
        </span>
      )}
      {row.comment_count > 0 && (
        <span class="comments" title={plural(row.comment_count, "comment")}>
          <Icon name="comment" size={13} /> {countShort(row.comment_count)}
          <span class="offscreen"> {noun(row.comment_count, "comment")}</span>
        </span>
      )}
      <PriorityMark priority={row.priority} />
      {row.assignee !== null && (
        <span class="assignee" title={`Assigned to ${row.assignee}`}>
          <span aria-hidden="true">{initials(row.assignee)}</span>
          <span class="offscreen">{`assigned to ${row.assignee}`}</span>
        </span>
      )}
    </div>
  );
}

/** One path for bars of one colour. */
const barsPath = (bars: readonly number[]) => bars.map((n) => `M${n * 4 - 4} 12v${-n * 3.4}h3v${n * 3.4}z`).join("");
const FULL = { low: barsPath([1]), medium: barsPath([1, 2]), high: barsPath([1, 2, 3]) };
const REST = { low: barsPath([2, 3]), medium: barsPath([3]), high: "" };

export function PriorityMark({ priority }: { priority: Priority }) {
  const known = priority in FULL ? priority : "medium";
  return (
    <span class={`priority priority-${priority}`} title={`Priority ${priority}`}>
      <svg width="12" height="12" viewBox="0 0 12 12" role="img" aria-label={`priority ${priority}`}>
        {REST[known] !== "" && <path d={REST[known]} />}
        <path class="full" d={FULL[known]} />
      </svg>
    </span>
  );
}

/** The short id is not searched by its parts. */
function isShortId(search: string): boolean {
  return /^\S+-\d+$/u.test(search.trim());
}
