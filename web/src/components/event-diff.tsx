// Two events of an issue side by side: only what differs, unless asked for all.

import { useMemo, useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { EventView } from "../api/types";
import { apiEvent, type OfIssue } from "../api/use-issue";
import { useTrace } from "../api/use-trace";
import { useKeys } from "../keys";
import { type DiffRow, type DiffSection, diffEvents, diffSpans, differing, marks } from "../lib/diff";
import { bytes, count, dateTime, offset, plural, shortId } from "../lib/format";
import { changed, keptSearch, NO_FILTERS } from "../lib/issue-place";
import { isTree, leaf } from "../lib/python-value";
import { eventPath, normaliseId } from "../lib/urls";
import { navigate, place, query } from "../router";
import { remembered, rememberChoice } from "../state";
import { Ago } from "./marks";
import { isNotHere } from "./not-here";
import { Empty, LoadError, Partial, SkeletonRows } from "./states";
import { Entry, Leaf } from "./values";

export function EventDiff({ of, a, b }: { of: OfIssue; a: string; b: string }) {
  const older = useResource<EventView>(apiEvent(of.name, normaliseId(a), NO_FILTERS));
  const newer = useResource<EventView>(apiEvent(of.name, normaliseId(b), NO_FILTERS));
  const close = () => {
    const search = changed(query.value, {}).toString();
    navigate(`${newer.data ? eventPath(of.name, newer.data.event_id) : place.value.path}${search === "" ? "" : `?${search}`}`);
  };
  useKeys("issue", { close });
  const failed = older.error ?? newer.error;
  if (failed && !(older.data && newer.data))
    return isNotHere(failed) ? (
      <Empty title="One of the two events is not here">
        <p>It is no longer kept, or is of another issue.</p>
        <p class="buttons">
          <button type="button" class="button primary" onClick={close}>
            Back to the event
          </button>
        </p>
      </Empty>
    ) : (
      <LoadError error={failed} what="The events" hasData={false} onRetry={() => (older.error ? older.reload() : newer.reload())} />
    );
  if (!older.data || !newer.data) return <SkeletonRows rows={10} height={36} />;
  return <Diff name={of.name} a={older.data} b={newer.data} onClose={close} />;
}

function Diff({ name, a, b, onClose }: { name: string; a: EventView; b: EventView; onClose: () => void }) {
  const [isAll, setAll] = useState(remembered("diff", "different") === "all");
  const [traceA, traceB] = [useTrace(a.trace?.has_spans ? a.trace.trace_id : null), useTrace(b.trace?.has_spans ? b.trace.trace_id : null)];
  const sections = useMemo(() => diffEvents(a, b), [a, b]);
  const hasSpans = a.trace?.has_spans || b.trace?.has_spans;
  const spans = useMemo(() => diffSpans(traceA.data, traceB.data), [traceA.data, traceB.data]);
  const isReadingSpans = traceA.isLoading || traceB.isLoading;
  const spansError = traceA.error ?? traceB.error;
  const all = hasSpans && !isReadingSpans && !spansError ? [...sections, spans] : sections;
  const differences = differing(all);
  const equal = all.reduce((n, { rows }) => n + rows.length, 0) - differences;
  const moved = all.reduce((n, { rows }) => n + rows.filter(({ isMoved }) => isMoved).length, 0);
  const swap = () => navigate(`${place.value.path}?${changed(query.value, { diff: `${b.event_id}..${a.event_id}` })}`, { replace: true });
  return (
    <div class="diff">
      <div class="diff-head">
        <h2>
          {differences === 0 ? "The two events are alike" : plural(differences, "difference")}
          <small>{`${count(equal)} equal${moved > 0 ? `, ${count(moved)} of them but for an address in memory` : ""}`}</small>
        </h2>
        <div class="buttons">
          <button
            type="button"
            class="toggle"
            aria-pressed={isAll}
            onClick={() => {
              setAll(!isAll);
              rememberChoice("diff", isAll ? "different" : "all");
            }}
          >
            Show equal
          </button>
          <button type="button" class="button" onClick={swap}>
            Swap
          </button>
          <button type="button" class="button" onClick={onClose}>
            Close <kbd>Esc</kbd>
          </button>
        </div>
      </div>
      <div class="diff-sides" role="group" aria-label="The two events">
        <Side name={name} event={a} word="A" />
        <Side name={name} event={b} word="B" note={offset((b.timestamp_ms - a.timestamp_ms) * 1e6)} />
      </div>
      {a.event_id === b.event_id && <Partial>This is one event on both sides.</Partial>}
      {all.map((one) => (
        <Section key={one.id} section={one} isAll={isAll} />
      ))}
      {isReadingSpans && <SkeletonRows rows={3} height={28} />}
      {spansError && <LoadError error={spansError} what="The spans" hasData={false} onRetry={() => (traceA.error ? traceA.reload() : traceB.reload())} />}
    </div>
  );
}

function Side({ name, event, word, note }: { name: string; event: EventView; word: string; note?: string }) {
  return (
    <p>
      <b aria-hidden="true">{word}</b>{" "}
      <a class="mono" href={`${eventPath(name, event.event_id)}${keptSearch(query.value)}`}>
        {shortId(event.event_id)}
      </a>{" "}
      <span title={dateTime(event.timestamp_ms)}>
        <Ago ms={event.timestamp_ms} />
      </span>{" "}
      <span class="quiet">{dateTime(event.timestamp_ms).slice(0, 19)}</span>
      {note && <span class="quiet">{` ${note}`}</span>}
    </p>
  );
}

/** Of one section; a click shows all. */
const ROWS_AT = 60;

function Section({ section, isAll }: { section: DiffSection; isAll: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const rows = isAll ? section.rows : section.rows.filter(({ change }) => change !== "same");
  if (rows.length === 0) return null;
  const shown = isWhole ? rows : rows.slice(0, ROWS_AT);
  return (
    <section class="diff-section" aria-labelledby={`diff-${section.id}`}>
      <h3 id={`diff-${section.id}`}>
        <bdi>{section.title}</bdi>
        {section.note && <small>{section.note}</small>}
      </h3>
      <table class="diff-table">
        <thead class="offscreen">
          <tr>
            <th scope="col">Where</th>
            <th scope="col">A</th>
            <th scope="col">B</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <Row key={i} row={row} />
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {`Show all ${count(rows.length)}`}
        </button>
      )}
      {section.omitted > 0 && <Partial>{`${plural(section.omitted, "more place")} left out.`}</Partial>}
    </section>
  );
}

const CHANGE_WORDS = { same: "equal", changed: "changed", added: "only in B", removed: "only in A" } as const;

function Row({ row: { path, change, a, b, isMoved } }: { row: DiffRow }) {
  return (
    <tr class={`diff-row ${change}`}>
      <th scope="row">
        <bdi>{path === "" ? "(no name)" : path}</bdi>
        <span class={isMoved || change === "added" || change === "removed" ? "diff-word" : "offscreen"}>{isMoved ? "same but for an address" : CHANGE_WORDS[change]}</span>
      </th>
      <td data-side="A">{a === undefined ? <span class="none">–</span> : <Value value={a} other={b} />}</td>
      <td data-side="B">{b === undefined ? <span class="none">–</span> : <Value value={b} other={a} isAfter />}</td>
    </tr>
  );
}

/** Texts of such a length show where they differ, letter by letter; shorter ones are seen whole, longer ones would take long. */
const MARK_MIN = 8;
const MARK_MAX = 4000;
/** Unmarked text kept on both sides of the difference. */
const NEAR = 120;

function Value({ value, other, isAfter = false }: { value: unknown; other: unknown; isAfter?: boolean }) {
  if (isTree(value)) return <Entry name="" separator="" value={value} />;
  const text = leaf(value);
  if (other === undefined || isTree(other)) return <Leaf value={value} />;
  const against = leaf(other);
  const isMarkable = (length: number) => length >= MARK_MIN && length <= MARK_MAX;
  if (text === against || !isMarkable(text.length) || !isMarkable(against.length)) return <Leaf value={value} />;
  const parts = isAfter ? marks(against, text) : marks(text, against);
  const { before, after } = parts;
  return (
    <bdi class="leaf marked">
      {before.length > NEAR ? `… ${before.slice(-NEAR)}` : before}
      <mark>{isAfter ? parts.b : parts.a}</mark>
      {after.length > NEAR ? `${after.slice(0, NEAR)} …` : after}
      {before.length + after.length > 2 * NEAR && <span class="quiet">{` ${bytes(text.length)}`}</span>}
    </bdi>
  );
}
