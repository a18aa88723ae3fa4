// How often and how fast endpoints, tasks and queries are: one table each, the ones that take most time first.

import { useRef } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { PerformanceRowView, PerformanceView } from "../api/types";
import { AskedAt } from "../components/asked-at";
import { Teach } from "../components/code-box";
import { SearchBox } from "../components/controls";
import { useListKeys } from "../components/list-keys";
import { Quantile } from "../components/quantile";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { fit, fittedTo } from "../lib/fit";
import { count, oneLine, percent, plural } from "../lib/format";
import { RANGE_DEFAULT, RANGES, timeRange } from "../lib/logs";
import { apdex, apdexWords, askedWords, KINDS, kindOf, performancePath, perRequest, rateIn, rateUnit, shortSql, type Sort, sorted, sortOf, worst } from "../lib/performance";
import { performanceSnippets } from "../lib/signal-snippets";
import { withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { now, ownDsn } from "../state";
import "../styles/logs.css";
import "../styles/performance.css";

const AGAIN_MS = 5000;
/** What an address may say beside the time. */
export const SCOPE = ["project", "service", "environment", "release"] as const;

export function PerformancePage() {
  const params = query.value;
  const range = timeRange(params, now.value);
  const kind = kindOf(params.get("kind"));
  const sort = sortOf(params.get("sort"));
  const text = params.get("query") ?? "";
  const api = new URLSearchParams({ kind });
  for (const key of SCOPE) {
    const value = params.get(key);
    if (value) api.set(key, value);
  }
  api.set("from", String(Math.floor(range.fromMs / 60_000) * 60_000));
  if (range.toMs !== null) api.set("to", String(range.toMs));
  fit(api, params);
  const answer = useResource<PerformanceView>(`/api/ui/performance?${api}`);
  const again = useCoalesced(answer.reload, AGAIN_MS);
  useLive({ trace: again, resync: answer.reload });
  // Another minute is another question: what was shown stays until its answer is there.
  const held = useRef<PerformanceView | undefined>(undefined);
  if (answer.data) held.current = answer.data;
  const data = answer.data ?? (answer.error || held.current?.kind !== kind ? undefined : held.current);
  const { error, reload } = answer;
  const change = (changes: Record<string, string | null>) => navigate(`/performance${withQuery(place.value.search, changes)}`, { replace: true });
  const begin = data ? fittedTo(params, data.from_ms, now.value) : null;
  const rows = data ? sorted(data.rows, sort, text) : undefined;
  const hrefOf = (key: string) => performancePath(key, withQuery(place.value.search, { kind: null, sort: null, query: null }));
  const { current } = useListKeys("performance", rows?.map(({ key }) => key) ?? [], hrefOf);
  const unit = rateUnit(rows?.map(({ numbers }) => numbers.per_minute) ?? []);
  const isQuery = kind === "query";
  const words = KINDS.find(({ key }) => key === kind) ?? KINDS[0];
  const isFiltered = text !== "" || SCOPE.some((key) => params.get(key));
  return (
    <div class="page" aria-busy={answer.isLoading}>
      <header class="page-head">
        <PageTitle title="Performance" />
        {rows && rows.length > 0 && <p class="head-count">{plural(rows.length, words.one, words.words.toLowerCase())}</p>}
        <ScopeBar params={params} services={data?.services ?? []} environments={data?.environments ?? []} releases={data?.releases ?? []} ranges={RANGES} initial={RANGE_DEFAULT} onChange={change} />
      </header>
      <nav class="tabs perf-kinds" aria-label="What is measured">
        {KINDS.map(({ key, words }) => (
          <a key={key} href={`/performance${withQuery(place.value.search, { kind: key === "endpoint" ? null : key, sort: null })}`} aria-current={key === kind ? "true" : undefined}>
            {words}
          </a>
        ))}
      </nav>
      <div class="toolbar">
        <SearchBox value={text} label={isQuery ? "Search by name or file" : "Search by name"} placeholder={isQuery ? "Table, word of the query or file" : "Route or name"} onChange={(value) => change({ query: value || null })} />
      </div>
      {error && <LoadError error={error} what="The performance data" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={10} height={41} />}
      {data?.is_cut && <Partial>{`Only the ${data.rows.length} that take most time are listed.`}</Partial>}
      {rows?.length === 0 &&
        (data?.has_any ? (
          <Empty title={isFiltered ? `None of the ${words.words.toLowerCase()} matches` : `No ${words.one} was measured in this time`}>
            <p class="buttons">
              <button type="button" class="button primary" onClick={() => (isFiltered ? change({ query: null, project: null, service: null, environment: null, release: null }) : change({ range: "30d", from: null, to: null }))}>
                {isFiltered ? "Clear filters" : "Look at 30 days"}
              </button>
            </p>
            {kind === "task" && !isFiltered && <p>A run of a Celery task, a cron job or any other transaction that is no request is counted here.</p>}
          </Empty>
        ) : (
          <NoPerformance />
        ))}
      {rows && rows.length > 0 && (
        <table class={isQuery ? "metrics performance queries" : "metrics performance"}>
          <thead>
            <tr>
              <th scope="col">{isQuery ? "Query" : words.words.slice(0, -1)}</th>
              <th scope="col" class="c-chart" title={begin === null ? undefined : "Nothing that was measured is older"}>{begin === null ? "Over time" : `Since ${begin}`}</th>
              <SortHead sort="rate" chosen={sort} name="Rate" />
              {!isQuery && <SortHead sort="errors" chosen={sort} name="Failed" />}
              <SortHead sort="p50" chosen={sort} name="p50" isWide />
              <SortHead sort="p95" chosen={sort} name="p95" />
              <SortHead sort="p99" chosen={sort} name="p99" isWide />
              {!isQuery && <SortHead sort="apdex" chosen={sort} name="Apdex" isWide title={`Up to ${data?.apdex_ms ?? 500} ms satisfies, up to four times that is put up with`} />}
              {!isQuery && <SortHead sort="sql" chosen={sort} name="SQL" isWide title="Queries of one request" />}
              <SortHead sort="time" chosen={sort} name="Time" title="Share of the time of all that are listed" />
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key} data-row={row.key} class={current === row.key ? "current" : undefined}>
                <td class="c-name">
                  <a class="row-link" href={hrefOf(row.key)} title={row.name === OTHERS ? "More names came than are told apart: of these, all together" : isQuery ? askedWords(row) : undefined}>
                    {isQuery ? oneLine(shortSql(row.name), 180) : row.name}
                  </a>
                  <AskedAt sites={row.call_sites} mayHaveMore={row.may_have_more_call_sites} services={row.services} />
                  {data && data.services.length > 1 && (
                    <span class="metric-unit" title={row.services.join(", ")}>
                      {row.services.join(", ")}
                    </span>
                  )}
                </td>
                <td class="c-chart">
                  <Bars row={row} />
                </td>
                <td class="num">{rateIn(row.numbers.per_minute, unit)}</td>
                {!isQuery && <td class={worst(row.numbers) ? "num bad" : "num"}>{row.numbers.failed === 0 ? <span class="none">–</span> : percent(row.numbers.error_share)}</td>}
                <Quantile class="num c-wide" of={row.numbers} share="p50" />
                <Quantile class="num" of={row.numbers} share="p95" />
                <Quantile class="num c-wide" of={row.numbers} share="p99" />
                {!isQuery && <td class="num c-wide">{row.numbers.apdex === null ? "–" : <span class={`apdex ${apdexWords(row.numbers.apdex)}`}>{apdex(row.numbers.apdex)}</span>}</td>}
                {!isQuery && <td class="num c-wide">{perRequest(row.numbers.sql_per_request)}</td>}
                <td class="num c-share">
                  <Share share={row.time_share} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** What the server counts names beyond its limits under. */
const OTHERS = "(others)";

function SortHead({ sort, chosen, name, title, isWide = false }: { sort: Sort; chosen: Sort; name: string; title?: string; isWide?: boolean }) {
  const isChosen = sort === chosen;
  return (
    <th scope="col" class={`num${isWide ? " c-wide" : ""}${sort === "time" ? " c-share" : ""}`} aria-sort={isChosen ? (sort === "apdex" ? "ascending" : "descending") : undefined}>
      <a class="sort" href={`/performance${withQuery(place.value.search, { sort: sort === "time" ? null : sort })}`} title={title}>
        {name}
        {isChosen && <span aria-hidden="true"> ↓</span>}
      </a>
    </th>
  );
}

export function Share({ share }: { share: number }) {
  return (
    <span class="share">
      <span class="share-bar" aria-hidden="true">
        <span style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
      <span class="share-text">{percent(share)}</span>
    </span>
  );
}

function Bars({ row }: { row: PerformanceRowView }) {
  const width = 150;
  const height = 26;
  const most = Math.max(1, ...row.counts);
  const step = width / Math.max(1, row.counts.length);
  const label = `${count(row.numbers.count)} in this time, up to ${count(most)} at once`;
  const bars = row.counts.map((n, i) => (n === 0 ? "" : `M${(i * step + 0.5).toFixed(1)} ${height}v${(-Math.max(1.5, (n / most) * (height - 2))).toFixed(1)}h${Math.max(1, step - 1).toFixed(1)}V${height}z`)).join("");
  return (
    <svg class="metric-spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <title>{label}</title>
      <path class="base" d={`M0 ${height - 0.5}h${width}`} />
      <path class="bars" d={bars} />
    </svg>
  );
}

function NoPerformance() {
  return (
    <>
      <Empty title="Nothing has been measured yet">
        <p>Every request, task and query that a Sentry SDK or OpenTelemetry traces is counted here, a few seconds after it ends. Nothing needs to be set up beyond tracing itself.</p>
      </Empty>
      <Teach snippets={performanceSnippets(ownDsn(), location.origin)} />
    </>
  );
}
