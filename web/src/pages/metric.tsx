// One metric over time, split by an attribute if one likes, with the traces its values were measured in.

import { useRef } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { MetricView } from "../api/types";
import type { PageProps } from "../app";
import { RangeChoice, Select } from "../components/filters";
import { type Line, LineChart } from "../components/line-chart";
import { isNotHere, NotHere } from "../components/not-here";
import { PageTitle } from "../components/shell";
import { LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { count, dateTime, plural } from "../lib/format";
import { timeRange } from "../lib/logs";
import { column, metricPath, number, overall, STAT_WORDS, type Stat, STATS, value } from "../lib/metrics";
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
          {metric && <span>{[metric.kind, metric.unit, metric.project_slug].filter(Boolean).join(" · ")}</span>}
        </p>
        <PageTitle title={name} class="metric-title" />
      </header>
      {answer.error && <LoadError error={answer.error} what="The metric" hasData={metric !== undefined} onRetry={answer.reload} />}
      {metric ? <Metric metric={metric} rangeKey={range.key} isSplit={search.get("split") !== null} /> : !answer.error && <SkeletonRows rows={8} height={36} />}
    </div>
  );
}

function Metric({ metric, rangeKey, isSplit }: { metric: MetricView; rangeKey: string; isSplit: boolean }) {
  const stats = STATS[metric.kind] ?? (["avg"] as const);
  const wanted = query.value.get("stat") as Stat | null;
  const stat: Stat = wanted && stats.includes(wanted) ? wanted : (stats[0] ?? "avg");
  const split = query.value.get("split") ?? "";
  const change = (changes: Record<string, string | null>) => navigate(`${place.value.path}${withQuery(place.value.search, changes)}`, { replace: true });
  const print = (n: number) => (stat === "count" ? number(n) : value(n, metric.unit));
  const lines: Line[] =
    isSplit && metric.split.length > 0
      ? metric.split.map((part, i) => ({ name: part.value === null ? "all others" : part.value || "(none)", colour: `p${(i % 8) + 1}`, values: column(part.series, stat) }))
      : [{ name: metric.name, colour: "accent", values: column(metric.series, stat) }];
  const facts: [string, number | null, boolean][] = [
    ["Points", metric.series.count.reduce((a, b) => a + b, 0), true],
    ...(metric.kind === "counter" ? ([["Sum", overall(metric.series, "sum"), false]] as [string, number | null, boolean][]) : []),
    ...(metric.kind !== "counter" ? ([["Average", overall(metric.series, "avg"), false], ["Minimum", overall(metric.series, "min"), false], ["Maximum", overall(metric.series, "max"), false]] as [string, number | null, boolean][]) : []),
    ...(metric.kind === "gauge" ? ([["Last", overall(metric.series, "last"), false]] as [string, number | null, boolean][]) : []),
    ...(metric.p50 !== null ? ([["p50", metric.p50, false], ["p95", metric.p95, false], ["p99", metric.p99, false]] as [string, number | null, boolean][]) : []),
  ];
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
              {STAT_WORDS[name]}
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
          <RangeChoice value={rangeKey} onChange={(key) => change({ range: key, from: null, to: null })} />
        </span>
      </div>
      <LineChart
        lines={lines}
        fromMs={metric.from_ms}
        stepMs={metric.step_ms}
        print={print}
        asBars={(stat === "sum" || stat === "count") && lines.length === 1}
        label={`${STAT_WORDS[stat]} per ${stretch(metric.step_ms)}${split === "" ? "" : `, by ${split}`}`}
      />
      {lines.length > 1 && (
        <ul class="legend metric-legend">
          {metric.split.map((part, i) => (
            <li key={part.value ?? "\u0000"}>
              <span class="swatch" style={{ background: `var(--p${(i % 8) + 1})` }} /> {part.value === null ? "all others" : part.value || "(none)"} <b>{print(overall(part.series, stat) ?? 0)}</b>
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
              {[other.kind, other.unit, other.project_slug].filter(Boolean).join(" · ")}
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
