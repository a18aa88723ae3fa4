// When: a range that moves with the clock, or two times. A chip that says it and a panel that changes it.

import { useState } from "preact/hooks";
import { localInput, ofLocalInput, type Range, RANGES, type Time, timeWords } from "../lib/scope";
import { serverNow } from "../state";
import { FilterChip } from "./filter-chip";

/** What goes into the address; `null` takes a part out of it. */
export type TimeChange = { range: string | null; from: string | null; to: string | null };

const DAY_MS = 86_400_000;

export function TimeRange({ time, ranges = RANGES, initial = "all", onChange }: {
  time: Time;
  ranges?: readonly Range[];
  /** What it is when the address says nothing. */
  initial?: string;
  onChange: (change: TimeChange) => void;
}) {
  // Charts may begin later than the usual time does: whoever chooses that means it.
  const isUnsaid = (key: string) => key === initial && initial === "all";
  const isSet = time.fromMs !== null || time.toMs !== null || (time.range !== null && time.range !== initial);
  const current = time.fromMs !== null || time.toMs !== null ? null : (time.range ?? initial);
  return (
    <FilterChip name="Time" value={timeWords(time.range === null && current !== null ? { ...time, range: current } : time, ranges)} isSet={isSet} panelClass="time-panel" onClear={() => onChange({ range: null, from: null, to: null })}>
      {(close) => (
        <>
          <div class="choices" role="group" aria-label="Moves with the clock">
            {ranges.map(({ key, words }) => (
              <button
                key={key}
                type="button"
                data-first={key === current || undefined}
                aria-pressed={key === current}
                onClick={() => {
                  close();
                  onChange({ range: isUnsaid(key) ? null : key, from: null, to: null });
                }}
              >
                {words}
              </button>
            ))}
          </div>
          <Absolute
            time={time}
            onChange={(change) => {
              close();
              onChange(change);
            }}
          />
        </>
      )}
    </FilterChip>
  );
}

function Absolute({ time, onChange }: { time: Time; onChange: (change: TimeChange) => void }) {
  const nowMs = serverNow();
  const [from, setFrom] = useState(localInput(time.fromMs ?? nowMs - DAY_MS));
  const [to, setTo] = useState(time.toMs === null ? "" : localInput(time.toMs));
  const fromMs = ofLocalInput(from);
  const toMs = ofLocalInput(to);
  const isBackwards = fromMs !== null && toMs !== null && fromMs >= toMs;
  const isFine = (fromMs !== null || toMs !== null) && !isBackwards;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isFine) onChange({ range: null, from: fromMs === null ? null : String(fromMs), to: toMs === null ? null : String(toMs) });
      }}
    >
      <label>
        <span>From</span>
        <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        <span>To</span>
        <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
      </label>
      {isBackwards && <p class="field-problem">The end is before the beginning.</p>}
      <button type="submit" class="button" disabled={!isFine}>
        {to === "" ? "From then on" : "Between these"}
      </button>
    </form>
  );
}
