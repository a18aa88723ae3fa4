// The ledger in full, and what became of everything that was ever sent.

import { useState } from "preact/hooks";
import { LedgerTable, useLedger } from "../components/ledger";
import { PageTitle } from "../components/shell";
import { Empty } from "../components/states";
import { discardLines } from "../lib/discards";
import { count } from "../lib/format";
import { outcomeLines } from "../lib/outcomes";
import { boot } from "../state";

/** Of one reason; whoever sends may make up as many names as they like. */
const PARTS_SHOWN = 12;
/** A page of the ledger: its rows are some ten elements each, and a screen has at most 2,500. */
const PAGE_ROWS = 100;

export function IngestPage() {
  const ledger = useLedger({ withTotals: true });
  const lines = outcomeLines(ledger.outcomes);
  const hasKept = lines.some(({ reason }) => reason === "accepted");
  const discards = discardLines(ledger.discards);
  /** The newest row of an older page, which stays where it is while others come; `null` on the first. */
  const [top, setTop] = useState<number | null>(null);
  const { rows } = ledger;
  const from = top === null ? 0 : Math.max(0, rows.findIndex((row) => row.id <= top));
  const turn = (to: number) => setTop(to <= 0 ? null : (rows[to]?.id ?? null));
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Ingest" />
        <div class="head-tools">
          {ledger.rows.length > 0 && (
            <button type="button" class="button" aria-pressed={ledger.isPaused} onClick={ledger.togglePause}>
              {ledger.isPaused ? `Resume${ledger.waiting > 0 ? ` · ${count(ledger.waiting)} waiting` : ""}` : "Pause"}
            </button>
          )}
        </div>
      </header>
      {lines.length > 0 && (
        <section class="outcomes" aria-labelledby="outcomes-title">
          <h2 id="outcomes-title">Since the database was made</h2>
          <dl>
            {lines.map((line) => (
              <div key={line.reason} class={`reason-${line.reason}`}>
                <dt>{line.title}</dt>
                <dd>{line.parts.slice(0, PARTS_SHOWN).join(", ")}{line.parts.length > PARTS_SHOWN && ` and ${count(line.parts.length - PARTS_SHOWN)} more kinds`}</dd>
              </div>
            ))}
          </dl>
          {boot.value && (
            <p class="quiet">
              Kept in <code>{boot.value.database_path}</code>
            </p>
          )}
        </section>
      )}
      {discards.length > 0 && (
        <section class="discards" aria-labelledby="discards-title">
          <h2 id="discards-title">Dropped by your SDK, before anything was sent</h2>
          <dl>
            {discards.map((line) => (
              <div key={line.key}>
                <dt>{line.amount}</dt>
                <dd>
                  <code>{line.reason}</code> {line.meaning} <span class="advice">{line.advice}</span>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <h2 class="list-title">Requests since the server started, newest first</h2>
      <LedgerTable ledger={ledger} from={from} limit={PAGE_ROWS}>
        <Empty title="No request since the server started">
          <p>Every request to an ingest route is listed here, refused ones with the reason.</p>
          {hasKept ? (
            <p>This list begins anew whenever the server starts; the counts above go on.</p>
          ) : (
            <p class="buttons">
              <a class="button primary" href="/welcome">
                Connect an application
              </a>
            </p>
          )}
        </Empty>
      </LedgerTable>
      {rows.length > PAGE_ROWS && (
        <p class="list-end">
          <button type="button" class="button" disabled={from === 0} onClick={() => turn(from - PAGE_ROWS)}>
            Newer
          </button>
          <button type="button" class="button" disabled={from + PAGE_ROWS >= rows.length} onClick={() => turn(from + PAGE_ROWS)}>
            Older
          </button>
          <span>{`${count(from + 1)} – ${count(Math.min(rows.length, from + PAGE_ROWS))} of the last ${count(rows.length)}`}</span>
        </p>
      )}
    </div>
  );
}
