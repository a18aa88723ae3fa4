// Issues whose events are dropped as they come: as a section of a project's settings, which lifts it, and as what stands where
// such an issue was.

import { useEffect, useState } from "preact/hooks";
import { type ApiError, change, useResource } from "../api/client";
import type { DiscardListView, DiscardView } from "../api/types";
import { DISCARDED_ID, droppedWords, sinceWords } from "../lib/discarded";
import { count, dateTime, oneLine } from "../lib/format";
import { now, say } from "../state";
import { Section } from "./settings-parts";
import { LoadError, SkeletonRows } from "./states";

/** What is dropped is counted again this often. */
const REFRESH_MS = 15_000;
const ROWS = 50;
const TITLE_CHARACTERS = 200;

export function DiscardedSection({ slug }: { slug: string }) {
  const { data, error, reload } = useResource<DiscardListView>(`/api/ui/discarded?project=${encodeURIComponent(slug)}`);
  const [isWhole, setWhole] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const lift = (discard: DiscardView) => {
    setFailure(null);
    change<DiscardListView>("POST", `/api/ui/discarded/${encodeURIComponent(discard.id)}/lift`).then(
      () => say(`What comes of ${discard.short_id} is kept again, as a new issue`),
      // Somebody else may have been faster: the list says so.
      (problem: ApiError) => setFailure(problem.status === 404 ? null : problem.message),
    ).finally(reload);
  };
  const list = data?.discarded ?? [];
  return (
    <Section id={DISCARDED_ID} title="Discarded issues" note="Issues that were deleted with “Delete and discard what comes”: their events are dropped as they arrive. Lifted, what comes from then on is a new issue; what was dropped is gone.">
      {failure !== null && (
        <p class="set-problems" role="alert">
          {failure}
        </p>
      )}
      {error && <LoadError error={error} what="What is discarded" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={2} height={52} />}
      {data && list.length === 0 && <p class="set-empty">Nothing of this project is discarded.</p>}
      {list.length > 0 && (
        <ul class="discarded">
          {(isWhole ? list : list.slice(0, ROWS)).map((discard) => (
            <li key={discard.id}>
              <div class="discarded-words">
                <p>
                  <span class="mono quiet">{discard.short_id}</span> <b><bdi>{oneLine(discard.title, TITLE_CHARACTERS)}</bdi></b>
                </p>
                {discard.culprit !== "" && (
                  <p class="quiet">
                    <bdi>{oneLine(discard.culprit, TITLE_CHARACTERS)}</bdi>
                  </p>
                )}
                <p title={dateTime(discard.at_ms)}>{`Discarded ${sinceWords(discard, now.value)}; ${droppedWords(discard, now.value)}`}</p>
              </div>
              <button type="button" class="button" aria-label={`Lift the discard of ${discard.short_id}`} onClick={() => lift(discard)}>
                Lift
              </button>
            </li>
          ))}
        </ul>
      )}
      {!isWhole && list.length > ROWS && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          {`Show ${count(list.length - ROWS)} more`}
        </button>
      )}
    </Section>
  );
}
