// What stands where an issue was asked for that is not here: one that is discarded says so, and leads to where that is lifted.

import { type ApiError, useResource } from "../api/client";
import type { DiscardListView } from "../api/types";
import { DISCARDED_ID, discardOf, droppedWords, sinceWords } from "../lib/discarded";
import { oneLine } from "../lib/format";
import { now } from "../state";
import { NotHere } from "./not-here";

const TITLE_CHARACTERS = 200;

export function NoIssue({ name, error }: { name: string; error: ApiError | null }) {
  const { data, isLoading } = useResource<DiscardListView>("/api/ui/discarded");
  const discard = discardOf(data, name);
  // For as long as one cannot tell, nothing is claimed.
  if (isLoading) return null;
  if (!discard) return <NotHere title={`There is no issue ${name}`} href="/issues" back="All issues" error={error} />;
  return (
    <NotHere
      title={`${discard.short_id} is discarded`}
      href="/issues"
      back="All issues"
      about={
        <>
          <bdi>{oneLine(discard.title, TITLE_CHARACTERS)}</bdi>
          <br />
          {`It was deleted ${sinceWords(discard, now.value)}, and what comes of it is dropped: ${droppedWords(discard, now.value)}.`}
        </>
      }
    >
      <a class="button" href={`/settings/projects/${encodeURIComponent(discard.project_slug)}#${DISCARDED_ID}`}>
        Lift it in Settings
      </a>
    </NotHere>
  );
}
