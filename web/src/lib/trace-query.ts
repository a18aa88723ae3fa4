// What a search for traces becomes when a value is pressed. Pure.
//
// A search is met by a single span. What facets tell is of the root, so that their values can be asked for together, exactly.

import type { FacetsView } from "../api/types";
import { type Term, terms, withMore, withTerm } from "./query-text";

/** What a fact of a trace's row is called on its spans. */
const ON_SPANS: Record<string, string> = { name: "span.name", op: "span.op", status: "span.status", "http.status_code": "http.response.status_code" };
/** Said of the process, and so of each of its spans. */
const OF_PROCESS = new Set(["environment", "release", "service.name", "service", "project", "trace"]);

type Facets = Pick<FacetsView, "facets"> | undefined;

/** Words are looked for in the root's name, too. */
function isOfRoot(term: Term, facets: Facets): boolean {
  if (term.key === null || OF_PROCESS.has(term.key)) return true;
  return facets?.facets.some(({ key, values }) => (term.key === key || term.key === ON_SPANS[key]) && values.some(({ value }) => value === term.value)) ?? false;
}

/** `facets`: those of the traces that `text` has found. */
export function narrowed(text: string, key: string, value: string, facets: Facets): string {
  // Beside what only another span can meet, the root's name is a text to look for.
  if (key === "name" && !terms(text).every((term) => isOfRoot(term, facets))) return withMore(text, `"${value.replaceAll(/[\\*"]/gu, "\\$&")}"`);
  return withTerm(text, ON_SPANS[key] ?? key, value);
}
