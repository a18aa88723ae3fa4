// Small signs: the level by shape, colour and word; bars of an issue's hours and days; times that stay true.

import type { IssueRowView } from "../api/types";
import { ago, count, dateTime, oneLine } from "../lib/format";
import { matches } from "../lib/matches";
import { now } from "../state";

const LEVELS = ["fatal", "error", "warning", "info", "debug"];

export function LevelMark({ level, withWord = false }: { level: string; withWord?: boolean }) {
  const known = LEVELS.includes(level) ? level : "error";
  return (
    <span class={`level level-${known}`} title={withWord ? undefined : level}>
      {/* Named by itself: a word out of sight would be one more layer to paint in every row of a list. */}
      <svg width="12" height="12" viewBox="0 0 12 12" {...(withWord ? { "aria-hidden": "true" } : { role: "img", "aria-label": level })}>
        {known === "fatal" && <rect x="1.5" y="1.5" width="9" height="9" rx="1" />}
        {known === "error" && <circle cx="6" cy="6" r="4.5" />}
        {known === "warning" && <path d="M6 1 11.3 10.5H.7z" />}
        {known === "info" && <circle class="ring" cx="6" cy="6" r="3.8" />}
        {known === "debug" && <circle cx="6" cy="6" r="2.2" />}
      </svg>
      {withWord && <span>{level}</span>}
    </span>
  );
}

export function Sparkline({ values, label, width = 120, height = 24 }: { values: readonly number[]; label: string; width?: number; height?: number }) {
  const most = Math.max(1, ...values);
  const step = width / values.length;
  const bar = Math.max(1, step - (step > 4 ? 1.5 : 1));
  let past = "";
  let current = "";
  for (const [i, value] of values.entries()) {
    if (value === 0) continue;
    const tall = Math.max(1.5, (value / most) * (height - 2));
    const piece = `M${(i * step).toFixed(1)} ${height}v${(-tall).toFixed(1)}h${bar.toFixed(1)}v${tall.toFixed(1)}z`;
    if (i === values.length - 1) current += piece;
    else past += piece;
  }
  const text = `${label}: at most ${count(Math.max(0, ...values))}, now ${count(values[values.length - 1] ?? 0)}`;
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} preserveAspectRatio="none" role="img" aria-label={text}>
      <title>{text}</title>
      <path class="base" d={`M0 ${height - 0.5}h${width}`} />
      {past !== "" && <path class="past" d={past} />}
      {current !== "" && <path class="current" d={current} />}
    </svg>
  );
}

export function Ago({ ms }: { ms: number }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={dateTime(ms)}>
      {ago(ms, now.value)}
    </time>
  );
}

export function SourceMarks({ sentry, otel }: { sentry: boolean; otel: boolean }) {
  return (
    <span class="sources">
      {sentry && <span class="source" title="Spans sent by a Sentry SDK">Sentry</span>}
      {otel && <span class="source" title="Spans sent over OpenTelemetry">OTel</span>}
    </span>
  );
}

/** A text in which the words that were searched for stand out. */
export function Marked({ text, search }: { text: string; search: string }) {
  return <>{matches(text, search).map((part, index) => (part.isMatch ? <mark key={index}>{part.text}</mark> : part.text))}</>;
}

export function IssueHeadline({ row, search = "" }: { row: Pick<IssueRowView, "ty" | "value" | "title">; search?: string }) {
  if (row.ty === null)
    return (
      <b class="headline-ty">
        <bdi>
          <Marked text={oneLine(row.title)} search={search} />
        </bdi>
      </b>
    );
  return (
    <>
      <b class="headline-ty">
        <Marked text={row.ty} search={search} />
      </b>{" "}
      <bdi class="headline-value">
        <Marked text={oneLine(row.value ?? "")} search={search} />
      </bdi>
    </>
  );
}
