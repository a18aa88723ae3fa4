// The ledger in full, and what became of everything that was ever sent.

import { LedgerTable, useLedger } from "../components/ledger";
import { PageTitle } from "../components/shell";
import { Empty } from "../components/states";
import { discardLines } from "../lib/discards";
import { count } from "../lib/format";
import { outcomeLines } from "../lib/outcomes";
import { boot } from "../state";

/** Of one reason; whoever sends may make up as many names as they like. */
const PARTS_SHOWN = 12;

export function IngestPage() {
  const ledger = useLedger({ withTotals: true });
  const lines = outcomeLines(ledger.outcomes);
  const discards = discardLines(ledger.discards);
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
      <LedgerTable ledger={ledger}>
        <Empty title="No request since the server started">
          <p>Every request to an ingest route is listed here, refused ones with the reason.</p>
          <p class="buttons">
            <a class="button primary" href="/welcome">
              Connect an application
            </a>
          </p>
        </Empty>
      </LedgerTable>
    </div>
  );
}
