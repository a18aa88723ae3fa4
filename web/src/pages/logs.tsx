// The logs of all services, newest first, as they come in: filtered by level, text, place and time.

import { useEffect, useRef, useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { LogFacetsView, LogVolumeView } from "../api/types";
import { useLogs } from "../api/use-logs";
import { useValues } from "../api/use-values";
import { Teach } from "../components/code-box";
import { Chip, SearchedTo } from "../components/filters";
import { Icon } from "../components/icons";
import { KeyHint } from "../components/key-hint";
import { LogDetail } from "../components/log-detail";
import { LogFacets } from "../components/log-facets";
import { LogList } from "../components/log-list";
import { LogVolume } from "../components/log-volume";
import { QueryBar } from "../components/query-bar";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Notes, SkeletonRows } from "../components/states";
import { useKeys } from "../keys";
import { useCoalesced } from "../lib/coalesce";
import { fit, fittedTo } from "../lib/fit";
import { count, countShort, dateTime, plural } from "../lib/format";
import { withAttribute } from "../lib/log-attribute";
import { levelCounts } from "../lib/log-facets";
import { RANGE_DEFAULT, RANGES, timeRange } from "../lib/logs";
import { logSnippets } from "../lib/signal-snippets";
import { withQuery } from "../lib/urls";
import { isPaused as isHeld, togglePause } from "../paused";
import { navigate, place, query } from "../router";
import { now, ownDsn, sayLive, serverNow } from "../state";
import "../styles/logs.css";

const LEVELS = [
  ["", "All"],
  ["info", "Info +"],
  ["warn", "Warn +"],
  ["error", "Error +"],
] as const;
/** Live logs are read at most this often, and the histogram. */
const TAIL_MS = 1000;
const VOLUME_MS = 5000;
/** What took all the time there was is counted less often. */
const SLOW_COUNT_MS = 30_000;
/** This near to the top counts as being there. */
const TOP_PX = 30;

const FILTERS = ["project", "level", "query", "service", "environment", "release", "attribute", "trace"] as const;

export function LogsPage() {
  const params = query.value;
  const range = timeRange(params, now.value);
  const isPaused = isHeld.value;
  const api = new URLSearchParams();
  for (const name of FILTERS) {
    const value = params.get(name);
    if (value) api.set(name, value);
  }
  const filters = api.toString();
  const isTrace = api.has("trace");
  const times = () => {
    const { fromMs, toMs } = timeRange(params, serverNow());
    return `from=${fromMs}${toMs === null ? "" : `&to=${toMs}`}`;
  };
  const key = `${filters}&${range.key || times()}`;
  const logs = useLogs(key, () => `/api/ui/logs?${times()}&${filters}`);
  const volumeFilters = new URLSearchParams(filters);
  for (const name of ["query", "attribute", "trace", "level"]) volumeFilters.delete(name);
  const level = params.get("level") ?? "";
  if (level) volumeFilters.set("level", level);
  fit(volumeFilters, params);
  // The times that are counted in move on with the tail, not with every drawing.
  const counted = useRef({ key: "", times: "" });
  if (counted.current.key !== key) counted.current = { key, times: times() };
  const countedAt = counted.current.times;
  const volume = useResource<LogVolumeView>(isTrace ? null : `/api/ui/logs/volume?${countedAt}&${volumeFilters}`);
  const shownVolume = useLast(volume.data);
  const facets = useResource<LogFacetsView>(isTrace ? null : `/api/ui/logs/facets?${countedAt}&${filters}`);
  const shownFacets = useLast(facets.data);
  // The tabs say what each of them would hold, also those that are not chosen.
  const ofAllLevels = new URLSearchParams(filters);
  ofAllLevels.delete("level");
  const allLevels = useResource<LogFacetsView>(isTrace || level === "" ? null : `/api/ui/logs/facets?${countedAt}&${ofAllLevels}`);
  const shownLevels = useLast(level === "" ? facets.data : allLevels.data);
  const levels = shownLevels && !isTrace ? levelCounts(shownLevels) : null;

  const scroller = useRef<HTMLDivElement>(null);
  const open = params.get("open");
  const [current, setCurrent] = useState<string | null>(open);
  const isFixed = range.toMs !== null;
  const isAtTop = () => (scroller.current?.scrollTop ?? 0) < TOP_PX && open === null && current === null && !scroller.current?.matches(":hover");
  const tail = useCoalesced(() => logs.check(!isPaused && isAtTop()), TAIL_MS);
  // For ten seconds the times are the same words, and so is the address: it is asked again all the same.
  const drawVolume = useCoalesced(() => {
    counted.current.times = times();
    volume.reload();
  }, VOLUME_MS);
  const countValues = () => {
    counted.current.times = times();
    facets.reload();
    if (level !== "") allLevels.reload();
  };
  const countSoon = useCoalesced(countValues, VOLUME_MS);
  const countLater = useCoalesced(countValues, SLOW_COUNT_MS);
  const arrived = () => {
    if (isFixed) return;
    tail();
    if (isPaused) return;
    drawVolume();
    if (shownFacets && shownFacets.searched_to_ms !== null) countLater();
    else countSoon();
  };
  useLive({ log: arrived, resync: arrived }, { evenPaused: true });
  const { unseen } = logs;
  useEffect(() => {
    if (unseen > 0) sayLive(plural(unseen, "new log"));
  }, [unseen]);

  const change = (changes: Record<string, string | null>) => navigate(`/logs${withQuery(place.value.search, { open: null, ...changes })}`, { replace: true });
  const toggle = (id: string) => {
    setCurrent(id);
    navigate(`/logs${withQuery(place.value.search, { open: open === id ? null : id })}`, { replace: true });
  };
  const apply = () => {
    logs.apply();
    scroller.current?.scrollTo({ top: 0 });
    setCurrent(null);
    if (isPaused) togglePause();
  };
  const rows = logs.rows;
  const step = (by: number) => {
    if (!rows || rows.length === 0) return;
    const at = rows.findIndex((row) => row.id === current);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    if (!next) return;
    setCurrent(next.id);
    requestAnimationFrame(() => {
      const element = scroller.current?.querySelector<HTMLElement>(`[data-log="${next.id}"]`);
      element?.scrollIntoView({ block: "nearest" });
      element?.focus({ preventScroll: true });
    });
  };
  const pause = () => {
    if (isPaused) apply();
    else togglePause();
  };
  useKeys("logs", {
    next: () => step(1),
    previous: () => step(-1),
    open: () => current !== null && toggle(current),
    close: () => open !== null && change({}),
    ...(unseen > 0 ? { apply } : {}),
    pause,
  });

  const text = params.get("query") ?? "";
  const isUnreadable = logs.error?.status === 400 && text !== "";
  const attribute = params.get("attribute") ?? "";
  const filterBy = (name: string, value: string) => change({ query: withAttribute(text, name, value) });
  const services = shownVolume?.services ?? [];
  const environments = shownVolume?.environments ?? [];
  const releases = useValues("logs", "release", params.get("project"));
  const isFiltered = FILTERS.some((name) => api.has(name));
  const isEmpty = rows?.length === 0 && !logs.isLoading;
  return (
    <div class="page logs-page">
      <header class="page-head">
        <PageTitle title="Logs" />
        <ScopeBar params={params} services={services} environments={environments} releases={releases} ranges={RANGES} initial={RANGE_DEFAULT} onChange={change}>
          {!isFixed && (
            <button type="button" class="toggle" aria-pressed={!isPaused} onClick={pause}>
              <span class={`tail-dot${isPaused ? "" : " on"}`} aria-hidden="true" /> {isPaused ? "Paused" : "Live"} <KeyHint scope="logs" id="pause" />
            </button>
          )}
        </ScopeBar>
      </header>
      <div class="toolbar">
        <QueryBar dataset="logs" value={text} label="Search logs" placeholder="Words of the message, or key:value" scope={withQuery("", { project: params.get("project"), environment: params.get("environment") }).slice(1)} error={isUnreadable ? logs.error : null} onChange={(value) => change({ query: value })} />
      </div>
      <div class="filter-line">
        <nav class="tabs" aria-label="Level">
          {LEVELS.map(([name, words]) => (
            <a key={name} href={`/logs${withQuery(place.value.search, { level: name || null, open: null })}`} aria-current={level === name ? "true" : undefined}>
              {words}
              {levels && (
                <small class="tab-count" title={`${count(levels[name === "" ? "all" : name])}${levels.isPartial ? " and more" : ""}`}>
                  {countShort(levels[name === "" ? "all" : name])}
                  {levels.isPartial && "+"}
                </small>
              )}
            </a>
          ))}
        </nav>
        <span class="log-chips">
          {attribute !== "" && <Chip text={attribute} onRemove={() => change({ attribute: null })} />}
          {isTrace && <Chip text={`trace:${(params.get("trace") ?? "").slice(0, 8)}…`} onRemove={() => change({ trace: null })} />}
          {unseen > 0 && (
            <button type="button" class="new-bar" onClick={apply}>
              <span aria-hidden="true">↑</span> {unseen >= 200 ? "200+ new logs" : plural(unseen, "new log")} <KeyHint scope="logs" id="apply" />
            </button>
          )}
        </span>
      </div>
      {shownVolume && !isTrace && <LogVolume volume={shownVolume} isFitted={fittedTo(params, shownVolume.from_ms, now.value) !== null} isFiltered={text !== "" || attribute !== ""} onChoose={(from, to) => change({ from: String(from), to: String(to) })} />}
      {logs.error && !isUnreadable && <LoadError error={logs.error} what="The logs" hasData={rows !== undefined} onRetry={logs.reload} />}
      <div class="log-board">
        {logs.hasAny && !isTrace && <LogFacets view={shownFacets} resource={facets} params={params} onChange={change} />}
        <div class="log-side">
          {rows === undefined && !logs.error && <SkeletonRows rows={20} height={24} />}
          {open !== null && rows !== undefined && !logs.isLoading && !rows.some((row) => row.id === open) && (
            <section class="log-named" aria-label="The log of this address">
              <p class="quiet">
                The log of this address is not in the list.
                <button type="button" class="icon-button small" aria-label="Close the log" onClick={() => change({})}>
                  <Icon name="close" size={14} />
                </button>
              </p>
              <LogDetail id={open} onFilter={filterBy} />
            </section>
          )}
          {isEmpty && (logs.hasAny ? <NoMatch notes={logs.notes} isFiltered={isFiltered} searchedToMs={logs.searchedToMs} onMore={logs.more} onClear={() => navigate("/logs", { replace: true })} onLonger={range.key === "30d" ? null : () => change({ range: "30d", from: null, to: null })} /> : <NoLogs />)}
          {rows && rows.length > 0 && (
            <LogList
              rows={rows}
              open={open}
              current={current}
              scroller={scroller}
              showService={services.length > 1}
              showDate={isOtherDay((rows[rows.length - 1] ?? rows[0])?.time_ms ?? now.value, now.value)}
              onToggle={toggle}
              onMore={() => logs.searchedToMs === null && logs.more()}
              onFilter={filterBy}
              foot={
                <p class="list-end">
                  {logs.isLoading ? "Loading…" : logs.next === null ? `${plural(rows.length, "log")}, the oldest of this time` : null}
                  {!logs.isLoading && logs.searchedToMs !== null && logs.next !== null && <SearchedTo ms={logs.searchedToMs} onMore={logs.more} />}
                  {!logs.isLoading && logs.searchedToMs === null && logs.next !== null && (
                    <button type="button" class="button" onClick={logs.more}>
                      {`Load more than ${count(rows.length)}`}
                    </button>
                  )}
                </p>
              }
            />
          )}
        </div>
      </div>
    </div>
  );
}

/** What is asked again is drawn over what was there. */
function useLast<T>(data: T | undefined): T | undefined {
  const last = useRef<T | undefined>(undefined);
  if (data !== undefined) last.current = data;
  return last.current;
}

function isOtherDay(ms: number, nowMs: number): boolean {
  return new Date(ms).toDateString() !== new Date(nowMs).toDateString();
}

function NoMatch({ notes, isFiltered, searchedToMs, onMore, onClear, onLonger }: { notes: readonly string[]; isFiltered: boolean; searchedToMs: number | null; onMore: () => void; onClear: () => void; onLonger: (() => void) | null }) {
  return (
    <Empty title={searchedToMs === null ? (isFiltered ? "No log matches" : "No logs in this time") : "No log matches so far"}>
      <Notes notes={notes} />
      {searchedToMs !== null && <p>{`Searched back to ${dateTime(searchedToMs).slice(0, 19)}.`}</p>}
      <p class="buttons">
        {searchedToMs !== null && (
          <button type="button" class="button primary" onClick={onMore}>
            Search further back
          </button>
        )}
        {onLonger && searchedToMs === null && (
          <button type="button" class="button primary" onClick={onLonger}>
            Look at 30 days
          </button>
        )}
        {isFiltered && (
          <button type="button" class="button" onClick={onClear}>
            Clear filters
          </button>
        )}
      </p>
    </Empty>
  );
}

function NoLogs() {
  return (
    <>
      <Empty title="No log has arrived yet">
        <p>
          A Sentry SDK sends what goes through Python's <code>logging</code> when <code>enable_logs</code> is on; OpenTelemetry does when its logging handler is.
        </p>
      </Empty>
      <Teach snippets={logSnippets(ownDsn(), window.location.origin)} />
    </>
  );
}
