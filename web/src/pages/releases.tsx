// The list of releases: how many sessions each has, how many of them crash, and what came new with it.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { ReleaseListView, ReleaseRowView } from "../api/types";
import { Teach } from "../components/code-box";
import { SearchBox } from "../components/controls";
import { Ago, Sparkline } from "../components/marks";
import { ChoiceChip, ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { count, countShort, duration, noun, percent, plural } from "../lib/format";
import { RANGES } from "../lib/logs";
import { releaseSnippet } from "../lib/signal-snippets";
import { withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { boot, ownDsn } from "../state";
import "../styles/releases.css";

const PERIODS = RANGES.filter(({ ms }) => ms >= 86_400_000);
const PERIOD_DEFAULT = "7d";
/** Sessions come by the minute; the numbers need not be newer than this. */
const RELOAD_MS = 3000;
/** Below these shares a release is worth a second look, or a first one. */
const WORRYING = 0.99;
const BAD = 0.95;

export function ReleasesPage() {
  const params = query.value;
  const period = PERIODS.find(({ key }) => key === params.get("period"))?.key ?? PERIOD_DEFAULT;
  const api = new URLSearchParams({ period });
  for (const key of ["project", "environment", "query"] as const) {
    const value = params.get(key);
    if (value) api.set(key, value);
  }
  const { data, error, reload } = useResource<ReleaseListView>(`/api/ui/releases?${api}`);
  const again = useCoalesced(reload, RELOAD_MS);
  useLive({ ingest: again, resync: reload });
  const change = (changes: Record<string, string | null>) => navigate(`/releases${withQuery(place.value.search, changes)}`, { replace: true });
  const text = params.get("query") ?? "";
  const environment = params.get("environment") ?? "";
  const project = params.get("project") ?? "";
  const projects = boot.value?.projects ?? [];
  const rows = data?.releases;
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Releases" />
        {data && data.total > 0 && <p class="head-count">{plural(data.version_count, "release")}</p>}
        <ScopeBar params={params} environments={data?.environments ?? []} isTimed={false} onChange={change}>
          <ChoiceChip name="Time" value={period} options={PERIODS.map(({ key, words }) => ({ value: key, words: `Last ${words}` }))} initial={PERIOD_DEFAULT} onChange={(key) => change({ period: key })} />
        </ScopeBar>
      </header>
      <div class="toolbar">
        <SearchBox value={text} label="Search releases" placeholder="Version" onChange={(value) => change({ query: value })} />
      </div>
      {error && <LoadError error={error} what="The releases" hasData={data !== undefined} onRetry={reload} />}
      {data === undefined && !error && <SkeletonRows rows={6} height={49} />}
      {rows?.length === 0 && <NoReleases isFiltered={text !== "" || environment !== "" || project !== ""} period={period} onClear={() => change({ query: null, environment: null, project: null })} onMore={() => change({ period: "30d" })} />}
      {data && rows && rows.length > 0 && (
        <>
          <ReleaseTable rows={rows} bucketMs={data.bucket_ms} showProject={projects.length > 1} />
          {data.total > rows.length && <p class="list-end">{`${count(rows.length)} of ${count(data.total)} shown, the most recently seen: search for the others`}</p>}
          {!data.has_sessions && (
            <Partial>
              No sessions in this period, so nobody knows how many requests went well. The Python SDK counts them by itself as soon as <code>release</code> is set; browsers send one per visit.
            </Partial>
          )}
        </>
      )}
    </div>
  );
}

function ReleaseTable({ rows, bucketMs, showProject }: { rows: readonly ReleaseRowView[]; bucketMs: number; showProject: boolean }) {
  return (
    <table class="releases">
      <thead>
        <tr>
          <th scope="col" class="c-release">Release</th>
          <th scope="col" class="c-trend" title="Of a release without sessions its events">{trendWords(rows)}</th>
          <th scope="col" class="num c-sessions" title="Sessions counted, and this release's part of all sessions of its environment">Adoption</th>
          <th scope="col" class="num c-crash" title="Sessions that did not crash">Crash-free sessions</th>
          <th scope="col" class="num c-crash" title="Users that saw no crash">Crash-free users</th>
          <th scope="col" class="num c-events">Events</th>
          <th scope="col" class="num c-new">New issues</th>
          <th scope="col" class="num c-seen">First seen</th>
          <th scope="col" class="num c-seen">Last seen</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <ReleaseRow key={`${row.project_slug} ${row.environment ?? ""} ${row.version}`} row={row} bucketMs={bucketMs} showProject={showProject} />
        ))}
      </tbody>
    </table>
  );
}

/** What the bars are of: sessions, and events where a release has none. */
function trendWords(rows: readonly ReleaseRowView[]): string {
  const withSessions = rows.filter(({ session_count: n }) => n > 0).length;
  return withSessions === 0 ? "Events" : withSessions === rows.length ? "Sessions" : "Sessions or events";
}

function ReleaseRow({ row, bucketMs, showProject }: { row: ReleaseRowView; bucketMs: number; showProject: boolean }) {
  const at = row.version.lastIndexOf("@");
  const name = at > 0 ? row.version.slice(0, at) : null;
  const hours = bucketMs / 3_600_000;
  const per = hours === 1 ? "hour" : hours === 24 ? "day" : `${hours} h`;
  return (
    <tr>
      <td class="c-release">
        <div class="release-cell">
          <span class="release-version" title={row.version}>
            {name !== null && <span class="package">{name}@</span>}
            <b>{row.version.slice(at > 0 ? at + 1 : 0)}</b>
          </span>
          <span class="release-meta">
            {row.environment === null ? <span class="none">no environment</span> : <span>{row.environment}</span>}
            {showProject && <span>{row.project_slug}</span>}
            {row.duration_ms_mean !== null && <span>{`${duration(row.duration_ms_mean * 1e6)} on average`}</span>}
          </span>
        </div>
      </td>
      <td class="c-trend">
        <Sparkline values={row.buckets} label={`${row.session_count > 0 ? "Sessions" : "Events"} per ${per}`} />
      </td>
      <td class="num c-sessions" title={row.session_count > 0 ? `${plural(row.session_count, "session")}, ${plural(row.errored_count, "session")} with errors` : undefined}>
        {row.session_count === 0 ? (
          <span class="none">–</span>
        ) : (
          <>
            <b>{row.adoption === null ? "" : percent(row.adoption)}</b>
            <span class="unit"> adoption</span>
            <small>{`${countShort(row.session_count)} ${noun(row.session_count, "session")}`}</small>
          </>
        )}
      </td>
      <Rate rate={row.crash_free_sessions} what="sessions" note={row.crashed_count > 0 ? `${countShort(row.crashed_count)} crashed` : null} />
      <Rate rate={row.crash_free_users} what="users" note={row.user_count > 0 ? plural(row.user_count, "user") : null} />
      <td class="num c-events" title={count(row.event_count)}>
        {row.event_count === 0 ? <span class="none">–</span> : countShort(row.event_count)}
        <span class="unit">{` ${noun(row.event_count, "event")}`}</span>
      </td>
      <td class="num c-new">
        {row.new_issue_count === 0 ? <span class="none">–</span> : <b class="fresh">{countShort(row.new_issue_count)}</b>}
        <span class="unit">{` new ${noun(row.new_issue_count, "issue")}`}</span>
      </td>
      <td class="num c-seen c-first">
        <Ago ms={row.first_seen_ms} />
      </td>
      <td class="num c-seen">
        <Ago ms={row.last_seen_ms} />
      </td>
    </tr>
  );
}

function Rate({ rate, what, note }: { rate: number | null; what: string; note: string | null }) {
  if (rate === null)
    return (
      <td class="num c-crash">
        <span class="none">–</span>
      </td>
    );
  const tone = rate < BAD ? "bad" : rate < WORRYING ? "odd" : "fine";
  return (
    <td class="num c-crash">
      <b class={`rate ${tone}`}>{percent(rate)}</b>
      <span class="unit">{` crash-free ${what}`}</span>
      {note !== null && <small>{note}</small>}
    </td>
  );
}

function NoReleases({ isFiltered, period, onClear, onMore }: { isFiltered: boolean; period: string; onClear: () => void; onMore: () => void }) {
  if (isFiltered || (period !== "30d" && boot.value?.has_events))
    return (
      <Empty title="No release matches">
        <p>{isFiltered ? "None with this version and environment was seen in the period." : "None was seen in the period: either it is short, or the application names no release."}</p>
        <p class="buttons">
          {isFiltered && (
            <button type="button" class="button primary" onClick={onClear}>
              Clear filters
            </button>
          )}
          {period !== "30d" && (
            <button type="button" class="button" onClick={onMore}>
              Look at 30 days
            </button>
          )}
        </p>
      </Empty>
    );
  return (
    <>
      <Empty title="No release has been seen yet">
        <p>Tell the SDK which version runs. Errors then say since when they exist, and sessions how many requests went well.</p>
      </Empty>
      <Teach snippets={[releaseSnippet(ownDsn())]} />
    </>
  );
}
