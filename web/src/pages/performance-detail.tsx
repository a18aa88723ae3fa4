// One endpoint, task or query over time: how fast, how often, in which release, with which queries, and its slowest traces.

import { useRef } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { PerformanceBucket, PerformanceDetailView, PerformanceOther } from "../api/types";
import type { PageProps } from "../app";
import { AskedAt } from "../components/asked-at";
import { CallSites } from "../components/call-sites";
import { Sql } from "../components/code";
import { LineChart } from "../components/line-chart";
import { isNotHere, NotHere } from "../components/not-here";
import { Quantile } from "../components/quantile";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { LoadError, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { fit, fittedTo } from "../lib/fit";
import { count, oneLine, percent } from "../lib/format";
import { RANGE_DEFAULT, RANGES, timeRange } from "../lib/logs";
import { number } from "../lib/metrics";
import { apdex, askedWords, change as changeOf, KINDS, type Kind, kindOf, ms, performancePath, perRequest, quantile, quantileAbout, rate, shortSql } from "../lib/performance";
import { tracePath, withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { now } from "../state";
import { SCOPE, Share } from "./performance";
import "../styles/logs.css";
import "../styles/performance.css";

const AGAIN_MS = 5000;
/** What is counted of each kind. */
const COUNTED = { endpoint: "Requests", task: "Runs", query: "Queries" } as const;

export function PerformanceDetailPage({ params }: PageProps) {
  const key = params.key ?? "";
  const search = query.value;
  const range = timeRange(search, now.value);
  const api = new URLSearchParams();
  for (const name of SCOPE) {
    const value = search.get(name);
    if (value) api.set(name, value);
  }
  api.set("from", String(Math.floor(range.fromMs / 60_000) * 60_000));
  if (range.toMs !== null) api.set("to", String(range.toMs));
  fit(api, search);
  const answer = useResource<PerformanceDetailView>(`/api/ui/performance/${encodeURIComponent(key)}?${api}`);
  const again = useCoalesced(answer.reload, AGAIN_MS);
  useLive({ trace: again, resync: answer.reload });
  const held = useRef<PerformanceDetailView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const data = answer.data ?? (answer.error ? undefined : held.current);
  if (!data && isNotHere(answer.error))
    return (
      <div class="page">
        <NotHere title="Nothing of that name has been measured" href="/performance" back="Performance" />
      </div>
    );
  const change = (changes: Record<string, string | null>) => navigate(`${place.value.path}${withQuery(place.value.search, changes)}`, { replace: true });
  const kind = kindOf(data?.kind ?? null);
  const isQuery = kind === "query";
  const back = `/performance${withQuery(place.value.search, { kind: kind === "endpoint" ? null : kind })}`;
  return (
    <div class="page metric-page perf-page" aria-busy={answer.isLoading}>
      <header class="issue-head">
        <p class="crumbs">
          <a href={back}>Performance</a>
          {data && (
            <>
              {" "}
              <span aria-hidden="true">/</span> <span>{KINDS.find((one) => one.key === kind)?.words}</span>
            </>
          )}
        </p>
        <PageTitle title={data ? oneLine(isQuery ? shortSql(data.name) : data.name, 120) : "Performance"} class="metric-title" />
      </header>
      <div class="toolbar">
        <ScopeBar params={search} services={data?.services ?? []} environments={data?.environments ?? []} releases={data?.releases ?? []} ranges={RANGES} initial={RANGE_DEFAULT} onChange={change} />
      </div>
      {answer.error && <LoadError error={answer.error} what="The performance data" hasData={data !== undefined} onRetry={answer.reload} />}
      {data ? (
        <>
          {isQuery && <Sql text={data.name} />}
          {isQuery && <CallSites queryKey={key} params={new URLSearchParams([...api].filter(([name]) => name === "from" || name === "to")).toString()} />}
          <Detail data={data} isQuery={isQuery} />
        </>
      ) : (
        !answer.error && <SkeletonRows rows={8} height={36} />
      )}
    </div>
  );
}

function Detail({ data, isQuery }: { data: PerformanceDetailView; isQuery: boolean }) {
  const { numbers, series } = data;
  const about = quantileAbout(numbers.percentile_error);
  const facts: [string, string, string?][] = [
    [isQuery ? "Queries" : "Rate", rate(numbers.per_minute), `${count(numbers.count)} in this time`],
    ["p50", quantile(numbers.p50_ms, numbers.percentile_error), about],
    ["p95", quantile(numbers.p95_ms, numbers.percentile_error), about],
    ["p99", quantile(numbers.p99_ms, numbers.percentile_error), about],
    ["Failed", numbers.failed === 0 ? "none" : percent(numbers.error_share), numbers.failed === 0 ? undefined : `${count(numbers.failed)} in this time`],
    ...(isQuery ? [] : ([["Apdex", apdex(numbers.apdex), `up to ${data.apdex_ms} ms satisfies`], [`SQL per ${data.kind === "task" ? "run" : "request"}`, perRequest(numbers.sql_per_request), numbers.sql_share === null ? undefined : `${percent(numbers.sql_share)} of the time`]] as [string, string, string?][])),
  ];
  if (numbers.count === 0) return <p class="quiet">Nothing of this was measured in this time. Choose a longer one, or fewer filters.</p>;
  const begin = fittedTo(query.value, data.from_ms, now.value);
  const per = `${stretch(data.step_ms)}${begin === null ? "" : `, since ${begin}: nothing measured is older`}`;
  const chart = { fromMs: data.from_ms, stepMs: data.step_ms };
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value, note]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="big">{value}</dd>
            {note && <dd class="note">{note}</dd>}
          </div>
        ))}
      </dl>
      <section aria-labelledby="h-duration" class="event-section">
        <h2 id="h-duration">Duration</h2>
        <LineChart
          {...chart}
          lines={[
            { name: "p50", colour: "p1", values: series.p50_ms },
            { name: "p95", colour: "p3", values: series.p95_ms },
            { name: "p99", colour: "p5", values: series.p99_ms },
          ]}
          print={(n, at) => quantile(n, at === undefined ? 0 : (series.percentile_error[at] ?? 0))}
          asBars={false}
          label={`p50, p95 and p99 per ${per}`}
        />
        <ul class="legend metric-legend">
          {["p1", "p3", "p5"].map((colour, i) => (
            <li key={colour}>
              <span class="swatch" style={{ background: `var(--${colour})` }} /> {["p50", "p95", "p99"][i]}
            </li>
          ))}
        </ul>
      </section>
      <div class="perf-pair">
        <section aria-labelledby="h-rate" class="event-section">
          <h2 id="h-rate">{COUNTED[kindOf(data.kind)]}</h2>
          <LineChart {...chart} lines={[{ name: "count", colour: "accent", values: series.count.map((n) => n || null) }]} print={number} asBars label={`per ${per}`} />
        </section>
        {isQuery || numbers.failed > 0 ? (
          <section aria-labelledby="h-failed" class="event-section">
            <h2 id="h-failed">Failed</h2>
            <LineChart {...chart} lines={[{ name: "failed", colour: "error", values: series.failed.map((n) => n || null) }]} print={number} asBars label={`per ${per}`} />
          </section>
        ) : (
          <section aria-labelledby="h-sql" class="event-section">
            <h2 id="h-sql">SQL per {data.kind === "task" ? "run" : "request"}</h2>
            <LineChart {...chart} lines={[{ name: "queries", colour: "p2", values: series.sql_per_request }]} print={number} asBars={false} label={`on average, per ${per}`} />
          </section>
        )}
      </div>
      <section aria-labelledby="h-spread" class="event-section">
        <h2 id="h-spread">
          How durations are spread <small>all of this time</small>
        </h2>
        <Spread buckets={data.histogram} apdexMs={isQuery ? null : data.apdex_ms} />
      </section>
      {data.others.length > 0 && (
        <section aria-labelledby="h-others" class="event-section">
          <h2 id="h-others">{isQuery ? "Made by" : "Queries"}</h2>
          <Others rows={data.others} kind={kindOf(data.kind)} services={data.services} />
        </section>
      )}
      {data.by_release.length > 1 && <Releases data={data} isQuery={isQuery} />}
      <section aria-labelledby="h-slow" class="event-section">
        <h2 id="h-slow">
          Slow traces <small>the slowest of each minute, or hour, that is counted as one</small>
        </h2>
        <table class="examples">
          <thead>
            <tr>
              <th scope="col" class="num">Duration</th>
              <th scope="col">Trace</th>
            </tr>
          </thead>
          <tbody>
            {data.slowest.map((slow) => (
              <tr key={slow.trace_id}>
                <td class="num">{ms(slow.duration_ms)}</td>
                <td class="mono">{slow.has_spans ? <a href={tracePath(slow.trace_id)}>{slow.trace_id}</a> : <span class="quiet">{`${slow.trace_id} (spans no longer kept)`}</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function Others({ rows, kind, services }: { rows: readonly PerformanceOther[]; kind: Kind; services: readonly string[] }) {
  const isQuery = kind === "query";
  return (
    <table class={isQuery ? "metrics performance" : "metrics performance queries"}>
      <thead>
        <tr>
          <th scope="col">{isQuery ? "Endpoint or task" : "Query"}</th>
          <th scope="col" class="num">{isQuery ? "Rate" : kind === "task" ? "Per run" : "Per request"}</th>
          <th scope="col" class="num c-wide">p50</th>
          <th scope="col" class="num">p95</th>
          <th scope="col" class="num c-share">Time</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td class="c-name">
              <a class="row-link" href={performancePath(row.key, place.value.search)} title={askedWords(row)}>
                {oneLine(isQuery ? row.name : shortSql(row.name), 160)}
              </a>
              <AskedAt sites={row.call_sites} mayHaveMore={row.may_have_more_call_sites} services={services} />
            </td>
            <td class={row.per_request !== null && row.per_request >= 5 ? "num bad" : "num"}>{isQuery ? rate(row.numbers.per_minute) : perRequest(row.per_request)}</td>
            <Quantile class="num c-wide" of={row.numbers} share="p50" />
            <Quantile class="num" of={row.numbers} share="p95" />
            <td class="num c-share">
              <Share share={row.time_share} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Releases({ data, isQuery }: { data: PerformanceDetailView; isQuery: boolean }) {
  const chosen = data.by_release.find(({ release }) => release === query.value.get("release")) ?? data.by_release[0];
  return (
    <section aria-labelledby="h-releases" class="event-section">
      <h2 id="h-releases">
        Releases <small>{`beside ${chosen?.release || "none named"}`}</small>
      </h2>
      <table class="metrics performance">
        <thead>
          <tr>
            <th scope="col">Release</th>
            <th scope="col" class="num">{COUNTED[kindOf(data.kind)]}</th>
            <th scope="col" class="num">Failed</th>
            <th scope="col" class="num c-wide">p50</th>
            <th scope="col" class="num">p95</th>
            <th scope="col" class="num">Change</th>
            {!isQuery && <th scope="col" class="num c-wide">SQL</th>}
          </tr>
        </thead>
        <tbody>
          {data.by_release.map(({ release, numbers }) => {
            const change = release === chosen?.release ? null : changeOf(numbers.p95_ms, chosen?.numbers.p95_ms ?? null);
            return (
              <tr key={release}>
                <td class="c-name">{release || <span class="quiet">none named</span>}</td>
                <td class="num">{count(numbers.count)}</td>
                <td class="num">{numbers.failed === 0 ? <span class="none">–</span> : percent(numbers.error_share)}</td>
                <Quantile class="num c-wide" of={numbers} share="p50" />
                <Quantile class="num" of={numbers} share="p95" />
                <td class={change?.startsWith("+") ? "num bad" : "num"}>{change ?? <span class="none">–</span>}</td>
                {!isQuery && <td class="num c-wide">{perRequest(numbers.sql_per_request)}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Bars of equal width for buckets of equal ratio, so that both ends can be read. */
function Spread({ buckets, apdexMs }: { buckets: readonly PerformanceBucket[]; apdexMs: number | null }) {
  const first = buckets[0];
  const last = buckets[buckets.length - 1];
  if (!first || !last) return null;
  const low = Math.log2(Math.max(0.001, first.from_ms));
  const high = Math.max(low + 1, Math.log2(Math.max(0.002, last.to_ms)));
  const x = (n: number) => ((Math.log2(Math.max(0.001, n)) - low) / (high - low)) * 1000;
  const most = Math.max(...buckets.map(({ count }) => count));
  const label = `${count(buckets.reduce((sum, bucket) => sum + bucket.count, 0))} durations from ${ms(first.from_ms)} to ${ms(last.to_ms)}`;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => 2 ** (low + (high - low) * share));
  return (
    <figure class="chart spread">
      <svg viewBox="0 0 1000 120" preserveAspectRatio="none" role="img" aria-label={label}>
        {buckets.map((bucket) => (
          <rect key={bucket.from_ms} x={x(bucket.from_ms) + 0.5} width={Math.max(1, x(bucket.to_ms) - x(bucket.from_ms) - 1)} y={120 - Math.max(2, (bucket.count / most) * 116)} height={Math.max(2, (bucket.count / most) * 116)} fill={apdexMs !== null && bucket.from_ms > apdexMs * 4 ? "var(--error)" : apdexMs !== null && bucket.from_ms > apdexMs ? "var(--warning)" : "var(--accent)"}>
            <title>{`${ms(bucket.from_ms)} to ${ms(bucket.to_ms)}: ${count(bucket.count)}`}</title>
          </rect>
        ))}
      </svg>
      <div class="spread-x" aria-hidden="true">
        {marks.map((n) => (
          <span key={n}>{ms(n)}</span>
        ))}
      </div>
      {apdexMs !== null && last.to_ms > apdexMs && (
        <ul class="legend">
          <li>
            <span class="swatch" style={{ background: "var(--warning)" }} /> longer than {ms(apdexMs)}
          </li>
          {last.to_ms > apdexMs * 4 && (
            <li>
              <span class="swatch" style={{ background: "var(--error)" }} /> longer than {ms(apdexMs * 4)}
            </li>
          )}
        </ul>
      )}
    </figure>
  );
}

function stretch(stepMs: number): string {
  const minutes = stepMs / 60_000;
  if (minutes === 1) return "minute";
  return minutes % 60 === 0 ? (minutes === 60 ? "hour" : `${minutes / 60} hours`) : `${minutes} minutes`;
}
