// Lines or bars over time with two axes, and a readout of the stretch pointed at. Own SVG: boxes stretch, lines do not get thicker.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { clockShort, dateTime } from "../lib/format";
import { alone, extent, path } from "../lib/metrics";

export type Line = { name: string; colour: string; values: readonly (number | null)[] };

const WIDTH = 1000;
const HEIGHT = 220;

export function LineChart({ lines, fromMs, stepMs, label, print, mark = print, asBars }: {
  lines: readonly Line[];
  fromMs: number;
  stepMs: number;
  label: string;
  /** `at`: of which stretch, where one is read. */
  print: (n: number, at?: number) => string;
  /** Beside the axis, where there is little room. */
  mark?: (n: number) => string;
  asBars: boolean;
}) {
  const [at, setAt] = useState<number | null>(null);
  const size = Math.max(1, ...lines.map(({ values }) => values.length));
  const { low, high } = extent(lines.map(({ values }) => values));
  const step = WIDTH / size;
  const y = (n: number) => HEIGHT - ((n - low) / (high - low)) * HEIGHT;
  const marks = [low, low + (high - low) / 2, high];
  const stretches = [0, 0.25, 0.5, 0.75].map((share) => Math.round(share * size));
  const point = (event: PointerEvent & { currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.min(size - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * size))));
  };
  const shown = at === null ? [] : lines.flatMap(({ name, colour, values }) => (values[at] === null || values[at] === undefined ? [] : [{ name, colour, value: values[at] as number }]));
  return (
    <figure class="chart">
      <p class="chart-readout" aria-hidden="true">
        {at === null ? <span class="quiet">{label}</span> : (
          <>
            <b>{`${dateTime(fromMs + at * stepMs).slice(5, 16)} – ${dateTime(fromMs + (at + 1) * stepMs).slice(11, 16)}`}</b>
            {shown.length === 0 && <span class="quiet">nothing measured</span>}
            {shown.map(({ name, colour, value }) => (
              <span key={name}>
                <span class="swatch" style={{ background: `var(--${colour})` }} /> {lines.length > 1 ? `${name} ` : ""}
                {print(value, at)}
              </span>
            ))}
          </>
        )}
      </p>
      <div class="chart-box">
        <div class="chart-y" aria-hidden="true">
          {marks.map((n) => (
            <span key={n} style={{ top: `${(y(n) / HEIGHT) * 100}%` }}>{n === 0 ? "0" : mark(n)}</span>
          ))}
        </div>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label} onPointerMove={point} onPointerLeave={() => setAt(null)}>
          {marks.map((n) => (
            <path key={n} class="chart-grid" d={`M0 ${y(n).toFixed(1)}H${WIDTH}`} />
          ))}
          {at !== null && <rect class="chart-at" x={at * step} y={0} width={step} height={HEIGHT} />}
          {asBars
            ? (lines[0]?.values ?? []).map((n, i) => n !== null && n !== 0 && <rect key={i} x={i * step + step * 0.1} width={step * 0.8} y={Math.min(y(n), y(0))} height={Math.max(1.5, Math.abs(y(n) - y(0)))} fill={`var(--${lines[0]?.colour})`} />)
            : lines.map(({ name, colour, values }) => (
                <Fragment key={name}>
                  <path class="chart-line" d={path(values, low, high, WIDTH, HEIGHT)} stroke={`var(--${colour})`} />
                  <path class="chart-line dots" d={path(alone(values), low, high, WIDTH, HEIGHT)} stroke={`var(--${colour})`} />
                </Fragment>
              ))}
        </svg>
        <div class="chart-x" aria-hidden="true">
          {stretches.map((i) => (
            <span key={i} style={{ left: `${(i / size) * 100}%` }}>{stepMs * size > 86_400_000 ? dateTime(fromMs + i * stepMs).slice(5, 16) : clockShort(fromMs + i * stepMs)}</span>
          ))}
        </div>
      </div>
    </figure>
  );
}
