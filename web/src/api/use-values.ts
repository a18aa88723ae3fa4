// The values a key of the search has, the usual ones first: what a pill of a list offers. The same that the query bar completes.

import type { CompletionView } from "./issues-types";
import { useResource } from "./client";

export function useValues(dataset: "issues" | "spans" | "logs", key: string, project: string | null, isWanted = true): string[] {
  const params = new URLSearchParams({ dataset, query: `${key}:`, at: String(key.length + 1), ...(project ? { project } : {}) });
  const { data } = useResource<CompletionView>(isWanted ? `/api/ui/search/complete?${params}` : null);
  // What has no count is a word of the language (`latest`), no value.
  return data?.context === "value" ? data.items.filter(({ count }) => count !== null).map(({ label }) => label) : [];
}
