// Where in the code a query is asked, of its last runs.

import { useResource } from "../api/client";
import type { CallSitesView } from "../api/types";
import { count, dateTime, percent, plural } from "../lib/format";
import { ms } from "../lib/performance";
import { tracePath } from "../lib/urls";
import { CallSite } from "./editor-link";
import { LoadError, SkeletonRows } from "./states";

export function CallSites({ queryKey, params }: { queryKey: string; params: string }) {
  const { data, error, reload } = useResource<CallSitesView>(`/api/ui/performance/${encodeURIComponent(queryKey)}/call-sites?${params}`);
  if (error?.status === 404) return null;
  const total = Math.max(1e-9, data?.sites.reduce((sum, site) => sum + site.total_ms, 0) ?? 0);
  return (
    <section aria-labelledby="h-sites" class="event-section">
      <h2 id="h-sites">
        Asked at {data && <small>{`the last ${plural(data.runs, "run")}${data.searched_to_ms === null ? "" : `, back to ${dateTime(data.searched_to_ms).slice(0, 16)}`}`}</small>}
      </h2>
      {error && <LoadError error={error} what="The places" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={3} height={34} />}
      {data?.runs === 0 && <p class="quiet">No span of it is kept of this time.</p>}
      {data && data.runs > 0 && (
        <table class="performance">
          <thead>
            <tr>
              <th scope="col" class="c-name">Place in the code</th>
              <th scope="col" class="num">Times</th>
              <th scope="col" class="num">Average</th>
              <th scope="col" class="num c-wide">Slowest</th>
              <th scope="col" class="num">Of its time</th>
              <th scope="col" class="c-wide">Example</th>
            </tr>
          </thead>
          <tbody>
            {data.sites.map((site) => (
              <tr key={site.call_site ?? ""}>
                <td class="c-name">{site.call_site === null ? <span class="quiet">the SDK did not say</span> : <CallSite text={site.call_site} />}</td>
                <td class="num">{count(site.runs)}</td>
                <td class="num">{ms(site.average_ms)}</td>
                <td class="num c-wide">{ms(site.slowest_ms)}</td>
                <td class="num">{percent(site.total_ms / total)}</td>
                <td class="c-wide">{site.trace_id !== null && <a href={tracePath(site.trace_id, site.span_id)}>slowest</a>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {data && data.sites.length === 1 && data.sites[0]?.call_site === null && (
        <p class="hint">
          With <code>db_query_source_threshold_ms=0</code> in <code>sentry_sdk.init</code> sentry-sdk names the line of every query that succeeds; of one that fails it never does.
        </p>
      )}
    </section>
  );
}
