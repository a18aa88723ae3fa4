// Every request that reached the ingest routes, refused ones with the reason and the fix. Wide or narrow by its own width.

import { useEffect, useState } from "preact/hooks";
import { useLive } from "../api/live";
import { useResource } from "../api/client";
import type { IngestRowView, IngestView } from "../api/types";
import { useCoalesced } from "../lib/coalesce";
import { bytes, clock, dateTime, plural } from "../lib/format";
import { issuePath, tracePath } from "../lib/urls";
import { isPaused, togglePause } from "../paused";
import { sayLive } from "../state";
import { LoadError, SkeletonRows } from "./states";

/** Rows in the page; the server keeps a few hundred. */
const ROWS_MAX = 300;
/** The totals are read again at most this often. */
const TOTALS_MS = 2000;

export type Ledger = ReturnType<typeof useLedger>;

export function useLedger({ withTotals = false, onRows }: { withTotals?: boolean; onRows?: (rows: IngestRowView[]) => void }) {
  const { data, error, reload } = useResource<IngestView>("/api/ui/ingest");
  const [live, setLive] = useState<IngestRowView[]>([]);
  const isHeld = isPaused.value;
  const [held, setHeld] = useState<IngestView | null>(null);
  const readTotals = useCoalesced(reload, TOTALS_MS);
  useLive({
    ingest: (rows) => {
      setLive((old) => [...rows.toReversed(), ...old].slice(0, ROWS_MAX));
      const refused = rows.filter((row) => row.problem !== null).length;
      sayLive(`${plural(rows.length, "request")}${refused > 0 ? `, ${refused} with a problem` : ""}`);
      onRows?.(rows);
      if (withTotals) readTotals();
    },
    resync: () => {
      setLive([]);
      reload();
    },
  }, { evenPaused: true });
  const seen = new Set<number>();
  const all = [...live, ...(data?.rows ?? [])].filter((row) => !seen.has(row.id) && seen.add(row.id)).toSorted((a, b) => b.id - a.id).slice(0, ROWS_MAX);
  const outcomes = data?.outcomes ?? [];
  const discards = data?.client_discards ?? [];
  // Paused from the first moment, when it was left so: what was read then stays.
  const isLoaded = data !== undefined;
  useEffect(() => setHeld(isHeld && isLoaded ? { rows: all, outcomes, client_discards: discards } : null), [isHeld, isLoaded]);
  const paused = isHeld ? held : null;
  return {
    rows: paused?.rows ?? all,
    outcomes: paused?.outcomes ?? outcomes,
    discards: paused?.client_discards ?? discards,
    isLoaded,
    error,
    reload,
    isPaused: isHeld,
    waiting: paused ? all.filter((row) => row.id > (paused.rows[0]?.id ?? 0)).length : 0,
    togglePause,
  };
}

export function LedgerTable({ ledger, from = 0, limit, children }: { ledger: Ledger; from?: number; limit?: number; children?: preact.ComponentChildren }) {
  const { rows, error, isLoaded, reload } = ledger;
  const shown = limit ? rows.slice(from, from + limit) : rows;
  return (
    <div class="ledger">
      {error && <LoadError error={error} what="The ledger" hasData={isLoaded} onRetry={reload} />}
      {!isLoaded && !error && <SkeletonRows rows={4} height={33} />}
      {isLoaded && rows.length === 0 && children}
      {rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Request</th>
              <th scope="col">Status</th>
              <th scope="col">What it was</th>
              <th scope="col" class="num">Size</th>
              <th scope="col">Client</th>
            </tr>
          </thead>
          {shown.map((row) => (
            <LedgerRow key={row.id} row={row} />
          ))}
        </table>
      )}
    </div>
  );
}

function LedgerRow({ row }: { row: IngestRowView }) {
  const href = row.short_id ? issuePath(row.short_id) : row.trace_id ? tracePath(row.trace_id) : null;
  const tone = row.status >= 500 ? "bad" : row.status >= 400 ? "bad" : row.problem ? "odd" : "fine";
  const text = row.summary || (row.problem ? "nothing kept" : row.filtered ? "filtered" : "nothing to keep");
  return (
    <tbody class={`tone-${tone}`}>
      <tr>
        <td class="l-time">
          <time dateTime={new Date(row.time_ms).toISOString()} title={dateTime(row.time_ms)}>
            {clock(row.time_ms)}
          </time>
        </td>
        <td class="l-request mono">
          {requestMethod(row)} <span title={row.path}>{shortPath(row.path)}</span>
        </td>
        <td class="l-status">
          <span class={`http-status ${tone}`}>{row.status}</span>
        </td>
        <td class="l-summary">{href ? <a class="row-link" href={href}>{text}</a> : <span class={row.summary ? undefined : "none"}>{text}</span>}</td>
        <td class="l-size num">{bytes(row.body_bytes)}</td>
        <td class="l-client">{row.client || <span class="none">unknown client</span>}</td>
      </tr>
      {(row.problem || row.fix || row.filtered) && (
        <tr class="l-why">
          <td colSpan={6}>
            {row.filtered && (
              <span class="filtered">
                <b>Filtered</b> by {row.filtered}
              </span>
            )}
            {row.problem !== null && <span class="problem">{row.problem}</span>}
            {row.fix !== null && <span class="fix">{row.fix}</span>}
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** `/opentelemetry.proto.collector.trace.v1.TraceService/Export` */
const GRPC_SERVICE = /^\/opentelemetry\.proto\.collector\.[a-z0-9.]+\.(\w+)\/Export$/;

function requestMethod(row: IngestRowView): string {
  return GRPC_SERVICE.test(row.path) ? "gRPC" : row.method;
}

/** A key within a path says nothing that its beginning does not, and of a gRPC method its service is enough. */
function shortPath(path: string): string {
  const service = GRPC_SERVICE.exec(path)?.[1];
  if (service) return service;
  return path.replace(/\b([0-9a-f]{4})[0-9a-f]{28}\b/g, "$1…");
}
