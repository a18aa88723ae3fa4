// How many logs of which level there were over time. A bar chosen is a time chosen.

import type { LogVolumeView } from "../api/types";
import { count, countShort, dateTime, plural, whenShort } from "../lib/format";
import { stacks } from "../lib/logs";
import { now } from "../state";

const HEIGHT = 56;

export function LogVolume({ volume, isFitted, isFiltered, onChoose }: { volume: LogVolumeView; /** There are no older logs. */ isFitted: boolean; isFiltered: boolean; onChoose: (fromMs: number, toMs: number) => void }) {
  const { bars, most, total } = stacks(volume);
  if (total === 0) return null;
  const step = 1000 / bars.length;
  const endMs = volume.from_ms + bars.length * volume.step_ms;
  const label = `${plural(total, "log")} from ${dateTime(volume.from_ms)} to ${dateTime(endMs)}: ${volume.levels.map(({ level, counts }) => `${count(counts.reduce((a, b) => a + b, 0))} ${level}`).join(", ")}`;
  return (
    <figure class="log-volume">
      <svg viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <path class="base" d={`M0 ${HEIGHT - 0.5}h1000`} />
        {bars.map((stack, i) => {
          const fromMs = volume.from_ms + i * volume.step_ms;
          const sum = stack.reduce((n, part) => n + part.count, 0);
          return (
            <g key={i} class="bar" onClick={() => sum > 0 && onChoose(fromMs, fromMs + volume.step_ms - 1)}>
              <title>{`${dateTime(fromMs).slice(0, 16)}: ${sum === 0 ? "no logs" : stack.map((part) => `${count(part.count)} ${part.level}`).join(", ")}`}</title>
              <rect class="hit" x={i * step} y={0} width={step} height={HEIGHT} />
              {stack.map((part) => {
                const tall = Math.max(1.5, (part.count / most) * (HEIGHT - 3));
                const top = HEIGHT - (part.from / most) * (HEIGHT - 3) - tall;
                return <rect key={part.level} class={`fill-${part.level}`} x={i * step + step * 0.08} y={Math.max(0, top)} width={step * 0.84} height={tall} />;
              })}
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>
          {whenShort(volume.from_ms, now.value)}
          {isFitted && <span class="quiet">, no log is older</span>}
        </span>
        <ul>
          {volume.levels.toReversed().map(({ level, counts }) => (
            <li key={level}>
              <span class={`swatch fill-${level}`} /> {countShort(counts.reduce((a, b) => a + b, 0))} {level}
            </li>
          ))}
          {isFiltered && <li class="quiet">before text and attribute filters</li>}
        </ul>
        <span>{endMs > now.value ? "now" : whenShort(endMs, now.value)}</span>
      </figcaption>
    </figure>
  );
}
