// Check-ins as shapes: a run that went well is a full bar, one that did not come an empty one. Shape and word, never colour alone.

import type { CheckInView, MonitorEnvironmentView, MonitorView } from "../api/types";
import { dateTime } from "../lib/format";
import { dueWords, milliseconds, stateWords, statusWord, summary } from "../lib/monitors";
import { issuePath } from "../lib/urls";
import { now } from "../state";
import { Ago } from "./marks";
import "../styles/monitors.css";

const CELL = 12;
const BAR = 8;
const TALL = 18;

function Shape({ status }: { status: string }) {
  switch (status) {
    case "ok":
      return <rect width={BAR} height={TALL} rx="1.5" />;
    case "error":
      return (
        <>
          <rect width={BAR} height={TALL} rx="1.5" />
          <path class="cut" d="M2 6.5l4 5M6 6.5l-4 5" />
        </>
      );
    case "missed":
      return <rect class="hollow" x="0.75" y="0.75" width={BAR - 1.5} height={TALL - 1.5} rx="1" />;
    case "timeout":
      return (
        <>
          <rect class="hollow" x="0.75" y="0.75" width={BAR - 1.5} height={TALL - 1.5} rx="1" />
          <path d={`M0 9h${BAR}v${TALL - 9}h-${BAR}z`} />
        </>
      );
    case "in_progress":
      return <path d={`M0 ${TALL}V${TALL - 7}l4 -3l4 3v7z`} />;
    default:
      return <circle cx={BAR / 2} cy={TALL / 2} r="2" />;
  }
}

function tip(checkIn: CheckInView): string {
  const took = checkIn.duration_ms === null ? "" : `, ${milliseconds(checkIn.duration_ms)}`;
  return `${statusWord(checkIn.status)}${took} · ${dateTime(checkIn.started_ms)}`;
}

/** Newest first in, oldest first drawn; what does not fit falls off on the left. */
export function CheckInStrip({ checkIns, places = 30 }: { checkIns: readonly CheckInView[]; places?: number }) {
  const shown = checkIns.slice(0, places).toReversed();
  const width = places * CELL - (CELL - BAR);
  const first = places - shown.length;
  return (
    <svg class="strip" viewBox={`0 0 ${width} ${TALL}`} width={width} height={TALL} role="img" aria-label={shown.length === 0 ? "No check-in yet" : `Last ${shown.length} check-ins: ${summary(shown)}`}>
      <path class="base" d={`M0 ${TALL - 0.5}h${width}`} />
      {shown.map((checkIn, i) => (
        <g key={checkIn.check_in_id} class={`run run-${checkIn.status}`} transform={`translate(${(first + i) * CELL} 0)`}>
          <title>{tip(checkIn)}</title>
          <Shape status={checkIn.status} />
        </g>
      ))}
    </svg>
  );
}

export function CheckInMark({ status }: { status: string }) {
  return (
    <span class={`run-mark run-${status}`}>
      <svg class={`run run-${status}`} width={BAR} height={TALL} viewBox={`0 0 ${BAR} ${TALL}`} aria-hidden="true">
        <Shape status={status} />
      </svg>
      {statusWord(status)}
    </span>
  );
}

/** The environment's state by shape, colour and word. */
export function StateMark({ environment }: { environment: MonitorEnvironmentView }) {
  const { state } = environment;
  const words = stateWords(environment);
  return (
    <span class={`state state-${state}`} title={words}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {state === "ok" && <path class="line" d="M1.8 6.5 4.8 9.5 10.2 3" />}
        {state === "failing" && <circle cx="6" cy="6" r="4.8" />}
        {state === "shaky" && <path d="M6 1 11.3 10.5H.7z" />}
        {state === "waiting" && <circle class="ring" cx="6" cy="6" r="4" />}
      </svg>
      <span>{words}</span>
    </span>
  );
}

/** How long runs took, oldest left; those without an end leave a gap. */
export function DurationChart({ checkIns, height = 72 }: { checkIns: readonly CheckInView[]; height?: number }) {
  const shown = checkIns.toReversed();
  const most = Math.max(1, ...shown.map(({ duration_ms }) => duration_ms ?? 0));
  const step = CELL;
  const width = Math.max(shown.length, 30) * step;
  const first = Math.max(shown.length, 30) - shown.length;
  return (
    <figure class="durations">
      <svg viewBox={`0 0 ${width} ${height}`} height={height} preserveAspectRatio="none" role="img" aria-label={`Duration of the last ${shown.length} check-ins, at most ${milliseconds(most)}`}>
        <path class="base" d={`M0 ${height - 0.5}h${width}M0 0.5h${width}`} />
        {shown.map((checkIn, i) => {
          if (checkIn.duration_ms === null) return null;
          const tall = Math.max(2, (checkIn.duration_ms / most) * (height - 4));
          return (
            <rect key={checkIn.check_in_id} class={`run run-${checkIn.status}`} x={(first + i) * step} y={height - tall} width={BAR} height={tall}>
              <title>{tip(checkIn)}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption>{milliseconds(most)}</figcaption>
    </figure>
  );
}

export function ScheduleLine({ monitor }: { monitor: MonitorView }) {
  if (monitor.schedule === null) return <p class="schedule quiet">No schedule sent: runs are recorded, and nothing counts as missed</p>;
  return (
    <p class="schedule">
      {monitor.schedule_words} <span class="quiet">{monitor.timezone}</span>
      {monitor.schedule_type === "crontab" && <code>{monitor.schedule}</code>}
    </p>
  );
}

/** One line for each environment; also on the page of an issue. */
export function EnvironmentRows({ monitor, only, places = 30 }: { monitor: MonitorView; only?: string | undefined; places?: number }) {
  const environments = only === undefined ? monitor.environments : monitor.environments.filter(({ name }) => name === only);
  return (
    <ul class="environments">
      {environments.map((environment) => (
        <li key={environment.name}>
          <span class="environment-name">
            <b>{environment.name}</b>
            <StateMark environment={environment} />
          </span>
          <span class="strip-box">
            <CheckInStrip checkIns={environment.check_ins} places={places} />
          </span>
          <dl>
            <div>
              <dt>Next</dt>
              <dd class={environment.overdue_ms !== null && environment.overdue_ms < now.value ? "late" : undefined} title={environment.next_expected_ms === null ? undefined : dateTime(environment.next_expected_ms)}>
                {dueWords(environment.next_expected_ms, now.value)}
              </dd>
            </div>
            <div>
              <dt>Last</dt>
              <dd>{environment.last_check_in_ms === null ? "never" : <Ago ms={environment.last_check_in_ms} />}</dd>
            </div>
            <div>
              <dt>Took</dt>
              <dd>{milliseconds(environment.last_duration_ms)}</dd>
            </div>
            {environment.short_id && (
              <div>
                <dt>Issue</dt>
                <dd>
                  <a href={issuePath(environment.short_id)}>{environment.short_id}</a>
                </dd>
              </div>
            )}
          </dl>
        </li>
      ))}
    </ul>
  );
}
