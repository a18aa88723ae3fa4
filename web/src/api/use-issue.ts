// A region of the issue page: read by itself, and again when something happens to the issue, but not for each of a flood.

import { useCoalesced } from "../lib/coalesce";
import { filterSearch, type Filters } from "../lib/issue-place";
import { type Resource, useResource } from "./client";
import { useLive } from "./live";

export const apiIssue = (name: string) => `/api/ui/issues/${encodeURIComponent(name)}`;
export const apiEvent = (name: string, eventId: string, filters: Filters) => `${apiIssue(name)}/events/${encodeURIComponent(eventId)}${filterSearch(filters)}`;

const AGAIN_MS = 5000;

/** What every region of the page is given. */
export type OfIssue = { name: string; issueId: string; filters: Filters };

/** `part` with its own question, as in `tags` or `history?unit=day`; `null` as long as it is not wanted. */
export function useIssuePart<T>({ name, issueId }: Pick<OfIssue, "name" | "issueId">, part: string | null): Resource<T> {
  const answer = useResource<T>(part === null ? null : `${apiIssue(name)}/${part}`);
  const again = useCoalesced(answer.reload, AGAIN_MS);
  useLive({ issue: (ids) => part !== null && ids.includes(issueId) && again(), resync: () => part !== null && answer.reload() });
  return answer;
}
