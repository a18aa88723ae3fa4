// One metric over time, split by an attribute if one likes, with the traces its values were measured in.

import { useRef } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { MetricView } from "../api/types";
import type { PageProps } from "../app";
import { Select } from "../components/filters";
import { type Line, LineChart } from "../components/line-chart";
import { isNotHere, NotHere } from "../components/not-here";
import { TimePill } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { fit, fittedTo } from "../lib/fit";
import { count, dateTime, plural } from "../lib/format";
import { RANGE_DEFAULT, RANGES, timeRange } from "../lib/logs";
import { column, metricPath, number, overall, STAT_WORDS, type Stat, STATS, unitWord, value } from "../lib/metrics";
import { tracePath, withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { now } from "../state";
import "../styles/logs.css";

const AGAIN_MS = 5000;

export function MetricPage({ params }: PageProps) {
  const name = params.name ?? "";
  const search = query.value;
  const range = timeRange(search, now.value);
  const api = new URLSearchParams();
  for (const key of ["kind", "unit", "project", "split"] as const) {
    const text = search.get(key);
    if (text) api.set(key, text);
  }
  api.set("from", String(Math.floor(range.fromMs / 60_000) * 60_000));
  if (range.toMs !== null) api.set("to", String(range.toMs));
  fit(api, search);
  const answer = useResource<MetricView>(`/api/ui/metrics/${encodeURIComponent(name)}?${api}`);
  const again = useCoalesced(answer.reload, AGAIN_MS);
  useLive({ metric: again, resync: answer.reload });
  const held = useRef<MetricView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const metric = answer.data ?? (answer.error ? undefined : held.current);
  if (!metric && isNotHere(answer.error))
    return (
      <div class="page">
        <NotHere title={`There is no metric ${name}`} href="/metrics" back="All metrics" />
      </div>
    );
  return (
    <div class="page metric-page" aria-busy={answer.isLoading}>
      <header class="issue-head">
        <p class="crumbs">
          <a href="/metrics">Metrics</a> <span aria-hidden="true">/</span>
          {metric && <span>{[metric.kind, unitWord(metric.unit), metric.project_slug].filter(Boolean).join(" · ")}</span>}
        </p>
        <PageTitle title={name} class="metric-title" />
        {metric?.description && <p class="quiet metric-about">{metric.description}</p>}
      </header>
      {answer.error && <LoadError error={answer.error} what="The metric" hasData={metric !== undefined} onRetry={answer.reload} />}
      {metric ? <Metric metric={metric} isSplit={search.get("split") !== null} /> : !answer.error && <SkeletonRows rows={8} height={36} />}
    </div>
  );
}

const PERCENTILES: readonly Stat[] = ["p50", "p95", "p99"];

function Metric({ metric, isSplit }: { metric: MetricView; isSplit: boolean }) {
  const stats = STATS[metric.kind] ?? (["avg"] as const);
  const wanted = query.value.get("stat") as Stat | null;
  const stat: Stat = wanted && stats.includes(wanted) ? wanted : (stats[0] ?? "avg");
  const split = query.value.get("split") ?? "";
  const change = (changes: Record<string, string | null>) => navigate(`${place.value.path}${withQuery(place.value.search, changes)}`, { replace: true });
  const isCount = stat === "count" || (stat === "rate" && metric.kind !== "counter");
  const print = (n: number) => (isCount ? number(n) : value(n, metric.unit)) + (stat === "rate" ? "/s" : "");
  const parts = isSplit ? metric.split : [];
  const drawn: (Line & { total: number | null })[] =
    parts.length > 0
      ? parts.map((part, i) => ({ name: part.value === null ? "all others" : part.value || "(none)", colour: `p${(i % 8) + 1}`, values: column(part.series, stat, metric.step_ms), total: overall(part.series, stat, metric.step_ms) }))
      : (stat === "p95" ? PERCENTILES : [stat]).map((name, i) => ({ name: stat === "p95" ? name : metric.name, colour: stat === "p95" ? `p${i + 1}` : "accent", values: column(metric.series, name, metric.step_ms), total: overall(metric.series, name, metric.step_ms) }));
  const words = (name: Stat) => (name === "p95" && parts.length === 0 ? "Percentiles" : STAT_WORDS[name]);
  const facts: [string, number | null, boolean][] = [
    [metric.kind === "distribution" ? "Measurements" : "Points", metric.series.count.reduce((a, b) => a + b, 0), true],
    ...(metric.kind === "counter" ? ([["Sum", overall(metric.series, "sum", metric.step_ms), false]] as [string, number | null, boolean][]) : []),
    ...(metric.kind !== "counter" ? ([["Average", overall(metric.series, "avg", metric.step_ms), false], ["Minimum", overall(metric.series, "min", metric.step_ms), false], ["Maximum", overall(metric.series, "max", metric.step_ms), false]] as [string, number | null, boolean][]) : []),
    ...(metric.kind === "gauge" ? ([["Last", overall(metric.series, "last", metric.step_ms), false]] as [string, number | null, boolean][]) : []),
    ...(metric.p50 !== null ? ([["p50", metric.p50, false], ["p95", metric.p95, false], ["p99", metric.p99, false]] as [string, number | null, boolean][]) : []),
  ];
  const begin = fittedTo(query.value, metric.from_ms, now.value);
  const others = metric.variants.filter(({ kind, unit, project_slug }) => kind !== metric.kind || unit !== metric.unit || project_slug !== metric.project_slug);
  return (
    <>
      <dl class="facts">
        {facts.map(([name, n, isCount]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="big">{n === null ? "–" : isCount ? count(n) : value(n, metric.unit)}</dd>
          </div>
        ))}
      </dl>
      <div class="toolbar metric-tools">
        <nav class="tabs" aria-label="What is drawn">
          {stats.map((name, i) => (
            <a key={name} href={`${place.value.path}${withQuery(place.value.search, { stat: i === 0 ? null : name })}`} aria-current={stat === name ? "true" : undefined}>
              {words(name)}
            </a>
          ))}
        </nav>
        <span class="head-tools">
          {(metric.attributes.length > 0 || split !== "") && (
            <Select label="Split by" value={split} onChange={(name) => change({ split: name || null })}>
              <option value="">nothing</option>
              {[...new Set([...metric.attributes, ...(split ? [split] : [])])].map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Select>
          )}
          <TimePill params={query.value} ranges={RANGES} initial={RANGE_DEFAULT} onChange={change} />
        </span>
      </div>
      <LineChart
        lines={drawn}
        fromMs={metric.from_ms}
        stepMs={metric.step_ms}
        print={print}
        mark={metric.unit.startsWith("{") ? (n) => number(n) + (stat === "rate" ? "/s" : "") : print}
        asBars={(stat === "sum" || stat === "count" || stat === "rate") && drawn.length === 1}
        label={`${words(stat)}${stat === "rate" ? " over" : " per"} ${stretch(metric.step_ms)}${split === "" ? "" : `, by ${split}`}${begin === null ? "" : `, since ${begin}: no point is older`}`}
      />
      {drawn.length > 1 && (
        <ul class="legend metric-legend">
          {drawn.map(({ name, colour, total }) => (
            <li key={name}>
              <span class="swatch" style={{ background: `var(--${colour})` }} /> {name} <b>{total === null ? "–" : print(total)}</b>
            </li>
          ))}
        </ul>
      )}
      {isSplit && metric.searched_to_ms !== null && <Partial>{`Split over the latest ${count(metric.points_seen)} points, back to ${dateTime(metric.searched_to_ms).slice(0, 16)}; the chart without a split holds all.`}</Partial>}
      <section class="event-section" aria-labelledby="h-examples">
        <h2 id="h-examples">
          Traces <small>{metric.kind === "distribution" ? "highest values" : "latest values"}</small>
        </h2>
        {metric.examples.length === 0 ? (
          <p class="quiet">No point in this time names a trace.</p>
        ) : (
          <table class="examples">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col" class="num">Value</th>
                <th scope="col">Trace</th>
              </tr>
            </thead>
            <tbody>
              {metric.examples.map((example) => (
                <tr key={example.trace_id}>
                  <td>{dateTime(example.time_ms)}</td>
                  <td class="num">{value(example.value, metric.unit)}</td>
                  <td class="mono">{example.has_spans ? <a href={tracePath(example.trace_id, example.span_id)}>{example.trace_id}</a> : <span class="quiet">{`${example.trace_id} (no spans received)`}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {others.length > 0 && (
        <p class="quiet">
          {`${plural(others.length, "other metric")} of this name: `}
          {others.map((other) => (
            <a key={`${other.kind}${other.unit}${other.project_slug}`} href={metricPath({ ...other, name: metric.name })}>
              {[other.kind, unitWord(other.unit), other.project_slug].filter(Boolean).join(" · ")}
            </a>
          ))}
        </p>
      )}
    </>
  );
}

function stretch(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes === 1) return "minute";
  return minutes % 60 === 0 ? (minutes === 60 ? "hour" : `${minutes / 60} hours`) : `${minutes} minutes`;
}
