// The menus and questions by which something is done to one issue or many. What they decide goes to `onAct`.

import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { IssueAction, IssueRow, PeopleView } from "../api/issues-types";
import { count, plural } from "../lib/format";
import { ignoreChoices, PRIORITIES } from "../lib/issue-actions";
import { cleanName, initials, who } from "../lib/who";
import { query } from "../router";
import { serverNow } from "../state";
import { Confirm } from "./dialog";
import { Icon } from "./icons";
import { Ago } from "./marks";
import { Menu, type MenuEntry, Popover } from "./menu";
import { isNarrow } from "./narrow";
import { WhoField } from "./who";

export type ActProps = { rows: readonly IssueRow[]; onAct: (action: IssueAction) => void };

const RELEASES_OFFERED = 6;
/** To choose from when many are merged: the oldest. */
const MERGE_ROWS_SHOWN = 20;
const sum = (rows: readonly IssueRow[], of: (row: IssueRow) => number) => rows.reduce((n, row) => n + of(row), 0);

/** Resolve at once, or from a release on; reopens what is not open. */
export function ResolveMenu({ rows, onAct, releases = [] }: ActProps & { releases?: readonly string[] }) {
  const [isAsking, ask] = useState(false);
  const hasClosed = rows.some((row) => row.status !== "unresolved");
  const isAllResolved = rows.length > 0 && rows.every((row) => row.status === "resolved");
  const resolve = (over: Partial<Extract<IssueAction, { kind: "resolve" }>> = {}) => onAct({ kind: "resolve", in: "now", ...over });
  const items: MenuEntry[] = [
    { label: "Resolve now", note: "e", run: () => resolve() },
    { label: "In the next release", note: "older releases do not reopen it", run: () => resolve({ in: "next_release" }) },
    ...(releases.length > 0 ? ["In release", ...releases.slice(0, RELEASES_OFFERED).map((release) => ({ label: release, run: () => resolve({ in: "release", release }) }))] : []),
    null,
    { label: "In another release…", run: () => ask(true) },
    ...(hasClosed ? [null, { label: "Reopen", note: "u", run: () => onAct({ kind: "unresolve" }) }] : []),
  ];
  return (
    <>
      <span class="split">
        {isAllResolved ? (
          <button type="button" class="button" onClick={() => onAct({ kind: "unresolve" })}>
            Reopen
          </button>
        ) : (
          <button type="button" class="button" onClick={() => resolve()}>
            <Icon name="check" size={14} /> Resolve
          </button>
        )}
        <Menu label="" name="More ways to resolve" items={items} />
      </span>
      {isAsking && <ReleaseQuestion releases={releases} onClose={() => ask(false)} onRelease={(release) => resolve({ in: "release", release })} />}
    </>
  );
}

function ReleaseQuestion({ releases, onRelease, onClose }: { releases: readonly string[]; onRelease: (release: string) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const release = text.trim();
  return (
    <Confirm title="Resolved in which release?" confirm="Resolve" isDisabled={release === ""} onConfirm={() => onRelease(release)} onClose={onClose}>
      <p>Events of this release or a newer one reopen it as regressed; events of older ones are counted and do not.</p>
      <p>
        <label class="field">
          <span>Release</span>
          <input type="text" data-first value={text} maxLength={200} list="resolve-releases" spellcheck={false} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <datalist id="resolve-releases">
          {releases.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </p>
    </Confirm>
  );
}

/** For ever at once; for a time or until more of it comes from the menu. */
export function IgnoreMenu({ rows, onAct }: ActProps) {
  const [isAsking, ask] = useState(false);
  const { times, counts } = ignoreChoices(serverNow());
  const isAllIgnored = rows.length > 0 && rows.every((row) => row.status === "ignored");
  const forever = () => onAct({ kind: "ignore", until: "forever" });
  const entry = ({ label, action }: (typeof times)[number]) => ({ label, run: () => onAct(action) });
  const items: MenuEntry[] = [
    { label: "For ever", note: "m", run: forever },
    "For a time",
    ...times.map(entry),
    "Until it gets worse",
    ...counts.map(entry),
    null,
    { label: "Something else…", run: () => ask(true) },
    ...(isAllIgnored ? [null, { label: "Stop ignoring", note: "u", run: () => onAct({ kind: "unresolve" }) }] : []),
  ];
  return (
    <>
      <span class="split">
        <button type="button" class="button" onClick={isAllIgnored ? () => onAct({ kind: "unresolve" }) : forever}>
          {isAllIgnored ? "Stop ignoring" : "Ignore"}
        </button>
        <Menu label="" name="More ways to ignore" items={items} />
      </span>
      {isAsking && <IgnoreQuestion onAct={onAct} onClose={() => ask(false)} />}
    </>
  );
}

const UNITS = [
  ["hours", 3_600_000],
  ["days", 86_400_000],
] as const;
const WINDOWS = [
  [0, "in total"],
  [60, "within one hour"],
  [1440, "within one day"],
  [10_080, "within one week"],
] as const;
const IGNORE_COUNT_MAX = 1_000_000_000;
const IGNORE_DAYS_MAX = 3650;

function IgnoreQuestion({ onAct, onClose }: { onAct: (action: IssueAction) => void; onClose: () => void }) {
  const [until, setUntil] = useState<"time" | "events" | "users">("events");
  const [number, setNumber] = useState("50");
  const [unit, setUnit] = useState<string>("days");
  const [minutes, setMinutes] = useState(0);
  const n = Math.floor(Number(number));
  const unitMs = UNITS.find(([name]) => name === unit)?.[1] ?? 86_400_000;
  const isFine = n >= 1 && (until === "time" ? n * unitMs <= IGNORE_DAYS_MAX * 86_400_000 : n <= IGNORE_COUNT_MAX);
  const confirm = () =>
    onAct(until === "time" ? { kind: "ignore", until, until_ms: serverNow() + n * unitMs } : { kind: "ignore", until, count: n, ...(minutes > 0 ? { window_minutes: minutes } : {}) });
  return (
    <Confirm title="Ignore until…" confirm="Ignore" isDisabled={!isFine} onConfirm={confirm} onClose={onClose}>
      <p>It is counted as before, but is not among the open ones until then.</p>
      <p class="field-line">
        <input type="number" data-first aria-label="How many" min={1} value={number} onInput={(event) => setNumber(event.currentTarget.value)} />
        <select aria-label="Of what" value={until === "time" ? unit : until} onChange={(event) => {
          const { value } = event.currentTarget;
          if (value === "events" || value === "users") setUntil(value);
          else {
            setUntil("time");
            setUnit(value);
          }
        }}>
          <option value="events">more events</option>
          <option value="users">more users</option>
          {UNITS.map(([name]) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        {until !== "time" && (
          <select aria-label="Within" value={String(minutes)} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
            {WINDOWS.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        )}
      </p>
    </Confirm>
  );
}

/** Who looks at it: oneself, anybody seen before, or a new name. */
export function AssignMenu({ rows, onAct, buttonRef, label }: ActProps & { buttonRef?: RefObject<HTMLButtonElement | null>; label?: preact.ComponentChildren }) {
  const [first] = rows;
  const common = first && rows.every((row) => row.assignee === first.assignee) ? first.assignee : null;
  return (
    <Popover label={label ?? "Assign"} name={label === undefined ? undefined : common === null ? "Assign" : `Assigned to ${common}${isNarrow.value ? `, ${initials(common)}` : ""}`} title="Assign to" panelClass="people" buttonRef={buttonRef}>
      {(close) => (
        <People
          current={common}
          onChoose={(to) => {
            close();
            onAct({ kind: "assign", to });
          }}
        />
      )}
    </Popover>
  );
}

const PEOPLE_SHOWN = 8;

function People({ current, onChoose }: { current: string | null; onChoose: (name: string | null) => void }) {
  const [text, setText] = useState("");
  const [isAsking, ask] = useState(false);
  const { data, error } = useResource<PeopleView>("/api/ui/people");
  const me = who.value;
  const typed = cleanName(text);
  const known = [...new Set([...(current === null ? [] : [current]), ...(data?.names ?? [])])].filter((name) => name !== me);
  const fitting = known.filter((name) => name.toLowerCase().includes(typed.toLowerCase()));
  if (isAsking) return <WhoField why="Who are you?" button="Assign to me" onName={onChoose} />;
  const isNew = typed !== "" && typed !== me && !known.includes(typed);
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const name = fitting.length === 1 && !isNew ? fitting[0] : typed;
          if (name) onChoose(name);
        }}
      >
        <input type="text" class="menu-filter" aria-label="Name" placeholder="Name" autocomplete="off" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </form>
      <div class="choices" role="group" aria-label="People">
        {typed === "" && (
          <button type="button" aria-pressed={me !== "" && current === me} onClick={() => (me === "" ? ask(true) : onChoose(me))}>
            {me === "" ? "Me…" : `Me (${me})`}
          </button>
        )}
        {fitting.slice(0, PEOPLE_SHOWN).map((name) => (
          <button key={name} type="button" aria-pressed={current === name} onClick={() => onChoose(name)}>
            {name}
          </button>
        ))}
        {isNew && (
          <button type="button" onClick={() => onChoose(typed)}>
            {`“${typed}”`}
          </button>
        )}
        {typed === "" && current !== null && (
          <button type="button" onClick={() => onChoose(null)}>
            Nobody
          </button>
        )}
      </div>
      {error && <p class="quiet">{`The names could not be read: ${error.message}`}</p>}
    </>
  );
}

const PRIORITY_WORDS = { high: "High", medium: "Medium", low: "Low" } as const;

export function priorityItems(rows: readonly IssueRow[], onAct: ActProps["onAct"]): MenuEntry[] {
  const [first] = rows;
  const common = first && rows.every((row) => row.priority === first.priority) ? first.priority : null;
  return PRIORITIES.map((priority) => ({ label: PRIORITY_WORDS[priority], isChosen: priority === common, run: () => onAct({ kind: "priority", priority }) }));
}

export function PriorityMenu({ rows, onAct }: ActProps) {
  return <Menu label="Priority" items={priorityItems(rows, onAct)} />;
}

/** The rest, and what cannot be taken back for ever. `onMerge` is there when others can be merged with it. */
export function MoreMenu({ rows, onAct, items = [] }: ActProps & { items?: readonly MenuEntry[] }) {
  const [question, ask] = useState<"merge" | "delete" | "discard" | null>(null);
  const isMarked = rows.length > 0 && rows.every((row) => row.is_bookmarked);
  const close = () => ask(null);
  return (
    <>
      <Menu
        label={<Icon name="more" />}
        mark={null}
        name="More actions"
        class="icon-button"
        items={[
          { label: isMarked ? "Remove bookmark" : "Bookmark", icon: "bookmark", run: () => onAct({ kind: "bookmark", on: !isMarked }) },
          ...(rows.length > 1 ? [{ label: "Merge…", run: () => ask("merge") }] : []),
          ...items,
          null,
          { label: "Delete…", isDanger: true, run: () => ask("delete") },
          { label: "Delete and discard what comes…", isDanger: true, run: () => ask("discard") },
        ]}
      />
      {question === "merge" && <MergeQuestion rows={rows} onAct={onAct} onClose={close} />}
      {(question === "delete" || question === "discard") && <DeleteQuestion rows={rows} isForGood={question === "discard"} onAct={onAct} onClose={close} />}
    </>
  );
}

/** The rows count what the list is narrowed to, and an action takes all there is. */
const isNarrowedTo = () => ["environment", "release", "range", "from", "to"].some((name) => query.value.get(name));

export function DeleteQuestion({ rows, isForGood, onAct, onClose }: ActProps & { isForGood: boolean; onClose: () => void }) {
  const name = rows.length === 1 ? (rows[0]?.short_id ?? "") : plural(rows.length, "issue");
  const events = sum(rows, (row) => row.event_count);
  const it = rows.length === 1 ? "it" : "them";
  return (
    <Confirm title={isForGood ? `Delete ${name} and discard what comes?` : `Delete ${name}?`} confirm={isForGood ? "Delete and discard" : "Delete"} isDanger onConfirm={() => onAct({ kind: isForGood ? "discard" : "delete" })} onClose={onClose}>
      <p>{`${isNarrowedTo() ? "All events, also those outside of what is shown, go" : `${plural(events, "event")} ${events === 1 ? "goes" : "go"}`} with ${it}, and the comments. For ten minutes it can be undone; then the room is given back.`}</p>
      {isForGood ? (
        <p>
          {`What arrives of ${it} from now on is dropped and counted as `}
          <code>discarded</code> under Ingest. The settings of the project list what is discarded, and lift it.
        </p>
      ) : (
        <p>{`Should it happen again, it is a new issue with a new number.`}</p>
      )}
    </Confirm>
  );
}

/** Which one the others become part of: the oldest, unless another is chosen. */
export function MergeQuestion({ rows, onAct, onClose }: ActProps & { onClose: () => void }) {
  const oldest = rows.toSorted((a, b) => a.first_seen_ms - b.first_seen_ms).slice(0, MERGE_ROWS_SHOWN);
  const [into, setInto] = useState(oldest[0]?.id ?? "");
  const isMixed = rows.some((row) => row.project_slug !== rows[0]?.project_slug);
  return (
    <Confirm title={`Merge ${plural(rows.length, "issue")}`} confirm="Merge" isDisabled={into === "" || isMixed} onConfirm={() => onAct({ kind: "merge", into })} onClose={onClose}>
      <p>{`They become one issue with ${isNarrowedTo() ? "all their" : count(sum(rows, (row) => row.event_count))} events, and what comes of any of them goes there. They can be taken apart again on its page.`}</p>
      {isMixed && <p class="field-problem">Issues of different projects cannot be merged.</p>}
      <fieldset class="merge-rows">
        <legend>Into</legend>
        {oldest.map((row) => (
          <label key={row.id}>
            <input type="radio" name="merge-into" value={row.id} checked={row.id === into} data-first={row.id === into || undefined} onChange={() => setInto(row.id)} />
            <span class="merge-words">
              <span class="mono">{row.short_id}</span> {row.title}
              <small>
                {`${plural(row.event_count, "event")}, first seen `}
                <Ago ms={row.first_seen_ms} />
              </small>
            </span>
          </label>
        ))}
        {rows.length > oldest.length && <p class="quiet">{`and ${plural(rows.length - oldest.length, "newer one")}`}</p>}
      </fieldset>
    </Confirm>
  );
}
