// The metrics that were ever measured, by name: what kind, how much lately, the last value.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { MetricListView, MetricRowView } from "../api/types";
import { Teach } from "../components/code-box";
import { SearchBox } from "../components/controls";
import { useListKeys } from "../components/list-keys";
import { Ago } from "../components/marks";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { fit, fittedTo } from "../lib/fit";
import { countShort, plural } from "../lib/format";
import { RANGE_DEFAULT, RANGES, timeRange } from "../lib/logs";
import { extent, metricPath, path, unitWord, value } from "../lib/metrics";
import { metricSnippets } from "../lib/signal-snippets";
import { withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { boot, now, ownDsn } from "../state";
import "../styles/logs.css";

const AGAIN_MS = 5000;

export function MetricsPage() {
  const params = query.value;
  const range = timeRange(params, now.value);
  const api = new URLSearchParams();
  for (const key of ["query", "project"] as const) {
    const text = params.get(key);
    if (text) api.set(key, text);
  }
  api.set("from", String(Math.floor(range.fromMs / 60_000) * 60_000));
  if (range.toMs !== null) api.set("to", String(range.toMs));
  fit(api, params);
  const { data, error, reload } = useResource<MetricListView>(`/api/ui/metrics?${api}`);
  const again = useCoalesced(reload, AGAIN_MS);
  useLive({ metric: again, resync: reload });
  const rows = data?.metrics;
  const begin = data ? fittedTo(params, data.from_ms, now.value) : null;
  const time = new URLSearchParams();
  for (const key of ["range", "from", "to"] as const) {
    const value = params.get(key);
    if (value) time.set(key, value);
  }
  const change = (changes: Record<string, string | null>) => navigate(`/metrics${withQuery(place.value.search, changes)}`, { replace: true });
  const { current } = useListKeys("metrics", rows?.map(metricPath) ?? [], (to) => to, undefined);
  const text = params.get("query") ?? "";
  const projects = boot.value?.projects.length ?? 1;
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Metrics" />
        {rows && rows.length > 0 && <p class="head-count">{plural(rows.length, "metric")}</p>}
        <ScopeBar params={params} ranges={RANGES} initial={RANGE_DEFAULT} onChange={change} />
      </header>
      <div class="toolbar">
        <SearchBox value={text} label="Search metrics" placeholder="Name of a metric" onChange={(words) => change({ query: words })} />
      </div>
      {error && <LoadError error={error} what="The metrics" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={10} height={41} />}
      {data?.is_cut && <Partial>{`Only the first ${data.metrics.length} are listed: search by name for others.`}</Partial>}
      {rows?.length === 0 && (data?.has_any ? (
        <Empty title="No metric matches">
          <p class="buttons">
            <button type="button" class="button primary" onClick={() => change({ query: null, project: null })}>
              Clear search
            </button>
          </p>
        </Empty>
      ) : (
        <NoMetrics />
      ))}
      {rows && rows.length > 0 && (
        <table class="metrics">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="c-kind">Kind</th>
              {projects > 1 && <th scope="col" class="c-project">Project</th>}
              <th scope="col" class="c-chart">{begin === null ? (RANGES.find(({ key }) => key === range.key)?.words ?? "Chosen time") : `Since ${begin}`}</th>
              <th scope="col" class="num c-points">Points</th>
              <th scope="col" class="num c-last">Last value</th>
              <th scope="col" class="num c-seen">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const to = metricPath(row);
              return (
                <tr key={to} data-row={to} class={current === to ? "current" : undefined}>
                  <td class="c-name">
                    <a class="row-link" title={row.description || undefined} href={time.size > 0 ? `${to}&${time}` : to}>
                      {row.name}
                    </a>
                    {unitWord(row.unit) !== "" && <span class="metric-unit">{unitWord(row.unit)}</span>}
                  </td>
                  <td class="c-kind">{row.kind}</td>
                  {projects > 1 && <td class="c-project">{row.project_slug}</td>}
                  <td class="c-chart">
                    <Spark row={row} />
                  </td>
                  <td class="num c-points">{row.count === 0 ? <span class="none">–</span> : countShort(row.count)}</td>
                  <td class="num c-last">{value(row.last, row.unit)}</td>
                  <td class="num c-seen">
                    <Ago ms={row.last_ms} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** Bars for what is summed up, a line for what is measured. */
function Spark({ row }: { row: MetricRowView }) {
  const { low, high } = extent([row.spark]);
  const width = 150;
  const height = 26;
  const label = row.count === 0 ? "nothing in this time" : `${row.kind === "counter" ? "sums" : "averages"} up to ${value(Math.max(...row.spark.map((n) => n ?? low)), row.unit)}`;
  const step = width / row.spark.length;
  const bars = row.spark.map((n, i) => (n === null || n <= 0 ? "" : `M${(i * step + 0.5).toFixed(1)} ${height}v${(-Math.max(1.5, (n / high) * (height - 2))).toFixed(1)}h${(step - 1).toFixed(1)}V${height}z`)).join("");
  return (
    <svg class="metric-spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <title>{label}</title>
      <path class="base" d={`M0 ${height - 0.5}h${width}`} />
      {row.kind === "counter" ? <path class="bars" d={bars} /> : <path class="line" d={path(row.spark, low, high, width, height - 3)} />}
    </svg>
  );
}

function NoMetrics() {
  return (
    <>
      <Empty title="No metric has arrived yet">
        <p>A Sentry SDK sends what your code counts and measures; nothing needs to be switched on. OpenTelemetry sends what it measures of requests by itself.</p>
      </Empty>
      <Teach snippets={metricSnippets(ownDsn(), window.location.origin)} />
    </>
  );
}
