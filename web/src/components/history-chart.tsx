// Events of an issue over time: bars, marks where a release was first seen, a readout for the pointer and for arrow keys,
// and the same as a table. A bar that is pressed becomes the time filter.

import { useEffect, useRef, useState } from "preact/hooks";
import type { HistoryView } from "../api/issue-types";
import { type OfIssue, useIssuePart } from "../api/use-issue";
import { count, plural } from "../lib/format";
import { asked, barTime, barWords, perStep, releaseMarks, releasesAt, ticks } from "../lib/history";
import { filterSearch, TIMES } from "../lib/issue-place";
import { serverNow } from "../state";
import { Region } from "./region";

const WIDTH = 1000;
const HEIGHT = 56;
/** At the right end of the axis stands what opens the table. */
const TABLE_PX = 92;

export function History({ of, firstSeenMs, onRange, onStretch }: { of: OfIssue; firstSeenMs: number; onRange: (range: string) => void; onStretch: (from: number, to: number) => void }) {
  const { filters } = of;
  const answer = useIssuePart<HistoryView>(of, `history${filterSearch(filters, asked(filters, firstSeenMs, serverNow()))}`);
  // While another stretch is read the last one stays, dimmed, so that nothing jumps.
  const held = useRef<HistoryView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const isOld = answer.data === undefined && held.current !== undefined;
  return (
    <section class={`history${isOld ? " is-old" : ""}`} aria-label="Events over time">
      <Region answer={{ ...answer, data: answer.data ?? (answer.error ? undefined : held.current), isLoading: answer.isLoading && !held.current }} what="The history" rows={2} height={48}>
        {(view) => <Chart view={view} onStretch={onStretch} />}
      </Region>
      <div class="history-times" role="group" aria-label="Time">
        {TIMES.map(({ key, words }) => (
          <button key={key} type="button" class="toggle" aria-pressed={filters.from === null && filters.range === key} onClick={() => onRange(key)}>
            {words}
          </button>
        ))}
      </div>
    </section>
  );
}

function Chart({ view, onStretch }: { view: HistoryView; onStretch: (from: number, to: number) => void }) {
  const [at, setAt] = useState<number | null>(null);
  const size = Math.max(1, view.counts.length);
  const most = Math.max(1, ...view.counts);
  const total = view.counts.reduce((sum, n) => sum + n, 0);
  const plot = useRef<HTMLDivElement>(null);
  const px = useWidth(plot);
  const marks = releaseMarks(view, px);
  const pointed = (event: PointerEvent & { currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(size - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * size)));
  };
  const choose = (index: number) => onStretch(view.start_ms + index * view.step_ms, view.start_ms + (index + 1) * view.step_ms);
  const onKeyDown = (event: KeyboardEvent) => {
    const from = at ?? size - 1;
    const to = { ArrowLeft: at === null ? from : from - 1, ArrowRight: from + 1, Home: 0, End: size - 1, PageUp: from - 7, PageDown: from + 7 }[event.key];
    if (to !== undefined) setAt(Math.min(size - 1, Math.max(0, to)));
    else if (event.key === "Enter" && at !== null) choose(at);
    else if (event.key === "Escape" && at !== null) setAt(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const label = `${plural(total, "event")}, at most ${count(Math.max(0, ...view.counts))} ${perStep(view)}`;
  return (
    <>
      <p class="history-readout" aria-hidden="true">
        {at === null ? `${label}${view.is_partial ? ", still being counted" : ""}` : barWords(view, at)}
      </p>
      <div
        ref={plot}
        class="history-plot"
        role="slider"
        tabIndex={0}
        data-arrows
        aria-label={`Events over time: ${label}`}
        aria-valuemin={0}
        aria-valuemax={size - 1}
        aria-valuenow={at ?? size - 1}
        aria-valuetext={barWords(view, at ?? size - 1)}
        onKeyDown={onKeyDown}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && setAt(size - 1)}
        onBlur={() => setAt(null)}
        onPointerMove={(event) => setAt(pointed(event))}
        onPointerLeave={() => setAt(null)}
        onClick={(event) => choose(pointed(event as unknown as PointerEvent & { currentTarget: Element }))}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {at !== null && <rect class="history-at" x={(at / size) * WIDTH} y={0} width={WIDTH / size} height={HEIGHT} />}
          <path class="base" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
          <path class="bars" d={barPath(view.counts.slice(0, -1), size, most, 0)} />
          <path class="bars current" d={barPath(view.counts.slice(-1), size, most, view.counts.length - 1)} />
        </svg>
        {marks.map(({ version, at: share, label: name, isLeft, others }) => (
          <span key={`${version}${share}`} class={`release-mark${isLeft ? " left" : ""}`} style={{ left: `${share * 100}%` }} aria-hidden="true" title={others.length > 0 ? `${version} was first seen here, and ${others.join(", ")} just before` : `${version} was first seen here`}>
            {name !== null && <bdi>{others.length > 0 ? `${name} +${others.length}` : name}</bdi>}
          </span>
        ))}
      </div>
      <p class="history-axis" aria-hidden="true">
        {ticks(view, px, px - TABLE_PX).map(({ at: share, words }) => (
          <span key={share} style={{ left: `${share * 100}%` }}>
            {words}
          </span>
        ))}
      </p>
      <details class="history-table">
        <summary>As a table</summary>
        <Twin view={view} />
      </details>
    </>
  );
}

/** Of what is drawn to scale: names have room or they have not. */
function useWidth(element: { current: HTMLElement | null }): number {
  const [px, set] = useState(0);
  useEffect(() => {
    const now = element.current;
    if (!now) return undefined;
    const observer = new ResizeObserver(() => set(now.clientWidth));
    observer.observe(now);
    set(now.clientWidth);
    return () => observer.disconnect();
  }, []);
  return px;
}

function barPath(counts: readonly number[], size: number, most: number, offset: number): string {
  const step = WIDTH / size;
  // As wide as its step: what happened at its end stands within it.
  const wide = Math.max(0.5, step - Math.min(1.4, step * 0.16));
  let path = "";
  for (const [i, n] of counts.entries()) {
    if (n === 0) continue;
    const tall = Math.max(1.5, (n / most) * (HEIGHT - 2));
    path += `M${((i + offset) * step).toFixed(1)} ${HEIGHT}v${(-tall).toFixed(1)}h${wide.toFixed(1)}v${tall.toFixed(1)}z`;
  }
  return path;
}

const TABLE_ROWS = 60;

/** The newest first; what is all zero is left out, because silence is not worth a row. */
function Twin({ view }: { view: HistoryView }) {
  const [most, setMost] = useState(TABLE_ROWS);
  const rows = view.counts.map((n, at) => ({ n, at, first: releasesAt(view, at) })).filter(({ n, first }) => n > 0 || first.length > 0).toReversed();
  return (
    <>
      <table>
        <caption class="offscreen">Events over time, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" class="num">Events</th>
            <th scope="col">Releases first seen</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map(({ n, at, first }) => (
            <tr key={at}>
              <td>{barTime(view, at)}</td>
              <td class="num">{count(n)}</td>
              <td class="mono">{first.join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && (
        <button type="button" class="link" onClick={() => setMost(Infinity)}>
          {`Show all ${count(rows.length)}`}
        </button>
      )}
    </>
  );
}
