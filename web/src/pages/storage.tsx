// Where the room goes: what takes how much of it, how long it is kept, and when the oldest goes.

import { useEffect } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { KindStoredView, StorageView } from "../api/types";
import { Sparkline } from "../components/marks";
import { PageTitle } from "../components/shell";
import { Empty, ErrorNote, LoadError, Partial, SkeletonRows } from "../components/states";
import { useCoalesced } from "../lib/coalesce";
import { count, dateTime, percent } from "../lib/format";
import { droppedLines, isEmpty, isStoring, keptFor, kindColour, listedKinds, nextDrop, segments, shares, size, writerTrouble } from "../lib/storage";
import { serverNow } from "../state";
import "../styles/storage.css";

/** Sizes change with everything that comes in; a look every few seconds is new enough. */
const RELOAD_MS = 5000;
/** Dropping and giving pages back are told by nothing. */
const LOOK_MS = 30_000;

export function StoragePage() {
  const { data, error, reload } = useResource<StorageView>("/api/ui/storage");
  const again = useCoalesced(reload, RELOAD_MS);
  useLive({ ingest: again, resync: reload });
  const trouble = data === undefined ? null : writerTrouble(data);
  useEffect(() => {
    const timer = setInterval(again, trouble ? RELOAD_MS : LOOK_MS);
    return () => clearInterval(timer);
  }, [again, trouble === null]);
  return (
    <div class="page storage-page">
      <header class="page-head">
        <PageTitle title="Storage" />
      </header>
      {error && <LoadError error={error} what="The storage" hasData={data !== undefined} onRetry={reload} />}
      {data === undefined && !error && <SkeletonRows rows={8} height={40} />}
      {trouble && <ErrorNote title={trouble.title} detail={trouble.detail} />}
      {data && (
        <>
          <Room storage={data} />
          {isEmpty(data) ? <NothingYet storage={data} /> : <KindTable storage={data} />}
          <Dropped storage={data} />
        </>
      )}
    </div>
  );
}

function Room({ storage }: { storage: StorageView }) {
  const parts = segments(storage);
  return (
    <section class="room" aria-labelledby="room-title">
      <h2 id="room-title">
        <b>{size(storage.used_bytes)}</b> of {size(storage.max_bytes)} in use <span class="quiet">{percent(storage.used_bytes / Math.max(storage.max_bytes, 1))}</span>
      </h2>
      <div class="room-bar" role="img" aria-label={parts.map((part) => `${part.name} ${size(part.bytes)}`).join(", ")}>
        {parts.map((part) => (
          <i key={part.kind} style={{ width: `${part.percent}%`, background: `var(--${part.colour})` }} title={`${part.name}: ${size(part.bytes)}`} />
        ))}
        {storage.full_bytes > 0 && <span class="room-full" style={{ insetInlineStart: `${Math.min(100, (storage.full_bytes / Math.max(storage.max_bytes, storage.used_bytes, 1)) * 100)}%` }} title={`From ${size(storage.full_bytes)} on the oldest goes`} />}
      </div>
      <p class="quiet">
        {storage.full_bytes > 0 && `When ${size(storage.full_bytes)} are in use, the oldest of what takes more than its share goes${isStoring(storage) ? "; what is new is always taken" : ""}. `}
        {"The most that is kept is set by "}
        <code>max_size</code>
        {storage.is_max_default ? ", here as chosen at the first start." : "."}
      </p>
      {storage.is_disk_short && !storage.writer.startsWith("disk_full") && <Partial>The disk has no more room than this: less is kept than max_size allows.</Partial>}
      {storage.clock_ahead_since_ms !== null && (
        <Partial>{`The machine's clock is far ahead of what came in last (${dateTime(storage.clock_ahead_since_ms)}): nothing is dropped for its age until it has stayed there for a day.`}</Partial>
      )}
      {!storage.can_shrink && (
        <Partial>
          The file was made by an earlier version and does not get smaller: stop the server and run <code>trapline storage --compact</code> once.
        </Partial>
      )}
      <dl class="room-facts">
        <div>
          <dt>File</dt>
          <dd>{size(storage.file_bytes)}</dd>
        </div>
        <div>
          <dt>Free pages in it</dt>
          <dd>
            {size(storage.free_page_bytes)} <small>filled again or given back</small>
          </dd>
        </div>
        <div>
          <dt>Write-ahead log</dt>
          <dd>
            {size(storage.wal_bytes)} <small>beside it; grows while much comes in</small>
          </dd>
        </div>
        <div>
          <dt>Disk free</dt>
          <dd>
            {size(storage.disk_free_bytes)} <small>{`of ${size(storage.disk_bytes)}`}</small>
          </dd>
        </div>
        <div>
          <dt>Always left free</dt>
          <dd>{size(storage.reserve_bytes)}</dd>
        </div>
      </dl>
      <p class="quiet path">
        <code>{storage.path}</code>
      </p>
    </section>
  );
}

function NothingYet({ storage }: { storage: StorageView }) {
  return (
    <Empty title="Nothing has been sent yet">
      <p>{`What your applications send is kept here until it is too old or ${size(storage.max_bytes)} are full; issues keep their numbers for ever.`}</p>
      <p class="buttons">
        <a class="button primary" href="/welcome">
          Connect an application
        </a>
      </p>
    </Empty>
  );
}

function KindTable({ storage }: { storage: StorageView }) {
  const kinds = listedKinds(storage);
  const percents = shares(kinds);
  return (
    <table class="kinds">
      <thead>
        <tr>
          <th scope="col" class="c-kind">Kind</th>
          <th scope="col" class="num c-rows">Rows</th>
          <th scope="col" class="c-size">Room</th>
          <th scope="col" class="num c-growth" title="What came in a day of late">A day</th>
          <th scope="col" class="num c-oldest">Oldest</th>
          <th scope="col" class="num c-kept">Kept for</th>
          <th scope="col" class="num c-next">The oldest goes</th>
        </tr>
      </thead>
      <tbody>
        {kinds.map((kind, place) => (
          <KindRow key={kind.kind} kind={kind} share={percents[place] ?? ""} used={storage.used_bytes} />
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" class="c-kind">
            Together
          </th>
          <td class="c-rows" />
          <td class="c-size">
            <div class="kind-size">
              <span class="kind-note">without free pages and the log</span>
              <span class="kind-bytes">{size(storage.used_bytes)}</span>
              <small>100 %</small>
            </div>
          </td>
          <td class="c-growth" />
          <td class="c-oldest" />
          <td class="c-kept" />
          <td class="c-next" />
        </tr>
      </tfoot>
    </table>
  );
}

function KindRow({ kind, share, used }: { kind: KindStoredView; share: string; used: number }) {
  const next = nextDrop(kind, serverNow());
  return (
    <tr>
      <th scope="row" class="c-kind">
        <i style={{ background: `var(--${kindColour(kind.kind)})` }} aria-hidden="true" />
        {kind.name}
      </th>
      <td class="num c-rows">{kind.rows === null ? <span class="none">–</span> : count(kind.rows)}</td>
      <td class="c-size">
        <div class="kind-size">
        <span class="kind-bar" aria-hidden="true">
          <i style={{ width: `${(kind.bytes / Math.max(used, 1)) * 100}%`, background: `var(--${kindColour(kind.kind)})` }} />
        </span>
        <span class="kind-bytes">{size(kind.bytes)}</span>
        <small>{share}</small>
        </div>
      </td>
      <td class="num c-growth">{kind.bytes_per_day > 0 ? <><span class="unit">a day </span>{size(kind.bytes_per_day)}</> : <span class="none">–</span>}</td>
      <td class="num c-oldest">{kind.oldest_ms === null ? <span class="none">–</span> : <><span class="unit">since </span>{dateTime(kind.oldest_ms).slice(0, 10)}</>}</td>
      <td class="num c-kept"><span class="unit">kept </span>{keptFor(kind)}</td>
      <td class="num c-next">
        {next === null ? <span class="none">–</span> : (
          <>
            <span class="unit">the oldest goes </span>
            {next.when}
            {next.why && <small class="why">{next.why}</small>}
          </>
        )}
      </td>
    </tr>
  );
}

function Dropped({ storage }: { storage: StorageView }) {
  const lines = droppedLines(storage.dropped, serverNow());
  if (lines.length === 0) return null;
  return (
    <section class="dropped" aria-labelledby="dropped-title">
      <h2 id="dropped-title">Dropped in the last 30 days</h2>
      <dl>
        {lines.map((line) => (
          <div key={line.key}>
            <dt>
              {line.name} <span class={line.cause === "too old" ? "quiet" : "short"}>{line.cause}</span>
            </dt>
            <dd>
              <Sparkline values={line.days} label={`${line.name} dropped a day`} width={150} height={20} />
            </dd>
            <dd class="num">{count(line.rows)}</dd>
            <dd class="num">{size(line.bytes)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
