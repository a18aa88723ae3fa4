// What logs can be narrowed by: which values stand in the panel, whether one is chosen already, and what the address says once
// it was pressed. Service, environment and release are the pills' own; all else is a condition of the search. Pure.

import type { LogFacetsView, LogFacetValueView } from "../api/types";
import { attributeKey } from "./log-attribute";
import { LEVELS } from "./logs";
import { type Term, terms, termText, tokens, withTerm } from "./query-text";

/** Facets that the address has a parameter for, which a pill shows. */
const PARAMETERS: Record<string, string> = { "service.name": "service", environment: "environment", release: "release" };
const NAMES: Record<string, string> = { level: "Level", "service.name": "Service", environment: "Environment", logger: "Logger", release: "Release" };
/** What an SDK says of itself: nobody looks for logs by it. */
const OWN = /^sentry\.(?:origin|is_localhost)$/u;
/** Tabs narrow to a level and what is worse. */
const LEAST = ["info", "warn", "error"] as const;

export type LogFacet = { key: string; name: string; values: (LogFacetValueView & { isChosen: boolean })[] };
export type LevelCounts = { all: number; isPartial: boolean } & Record<(typeof LEAST)[number], number>;

/** `tags[user.email]` is called `user.email`. */
export const nameOf = (key: string): string => NAMES[key] ?? (/^tags\[(.+)\]$/u.exec(key)?.[1]?.replaceAll(/^"|"$/gu, "") || key);

/** What tells long paths apart is their end. */
const PATH_CHARACTERS = 30;
export const shortWords = (value: string): string => (value.length <= PATH_CHARACTERS || !/^\S*[/\\]\S*$/u.test(value) ? value : `…${value.slice(-PATH_CHARACTERS).replace(/^[^/\\]*(?=[/\\])/u, "")}`);

/** What is left to choose by, and what is chosen: a value that every log has narrows nothing. */
export function logFacets(view: LogFacetsView, params: URLSearchParams): LogFacet[] {
  return view.facets.flatMap(({ key, values }) => {
    // An attribute may be called as a key of ours is: what it holds is no level.
    const own = key === "level" ? values.filter(({ value }) => (LEVELS as readonly string[]).includes(value)) : values;
    const shown = own.map((value) => ({ ...value, isChosen: isChosen(params, key, value) }));
    const isTelling = shown.some(({ count, isChosen: is }) => is || count < view.of);
    return shown.length === 0 || OWN.test(nameOf(key)) || (!(key in NAMES) && !isTelling) ? [] : [{ key, name: nameOf(key), values: shown }];
  });
}

/** How many logs each tab holds, of an answer that no tab narrows. */
export function levelCounts(view: LogFacetsView): LevelCounts {
  const found = view.facets.find(({ key }) => key === "level")?.values ?? [];
  const from = (least: string) => {
    const levels = LEVELS.slice(LEVELS.indexOf(least as (typeof LEVELS)[number])) as readonly string[];
    return found.reduce((n, { value, count }) => n + (levels.includes(value) ? count : 0), 0);
  };
  return { all: view.of, isPartial: view.searched_to_ms !== null, info: from("info"), warn: from("warn"), error: from("error") };
}

type Value = { value: string; insert: string };

export function isChosen(params: URLSearchParams, key: string, { value, insert }: Value): boolean {
  const parameter = PARAMETERS[key];
  if (parameter && params.get(parameter) === value) return true;
  return conditionOf(params.get("query") ?? "", key, { value, insert }) !== null;
}

/** What changes in the address when a value is pressed: it is asked for, or no longer. */
export function pressed(params: URLSearchParams, key: string, value: Value): Record<string, string | null> {
  const text = params.get("query") ?? "";
  const parameter = PARAMETERS[key];
  const condition = conditionOf(text, key, value);
  if (condition) return { query: lifted(text, condition) };
  if (parameter) return { [parameter]: params.get(parameter) === value.value ? null : value.value };
  // As the server writes it: it knows best what needs quotes.
  const joined = withTerm(text, key, value.value);
  return { query: `${joined.slice(0, joined.length - termText(key, value.value).length)}${key}:${value.insert}` };
}

/** The condition as it stands in the search, where all that is found must meet it. */
function conditionOf(text: string, key: string, { value, insert }: Value): Term | null {
  // An attribute may stand there under its longer name as well; a key of ours has no other.
  const keys = key in NAMES ? [key] : [key, attributeKey(nameOf(key))];
  const isThis = (term: Term) => keys.some((name) => (term.key === name && term.value === value) || text.slice(term.from, term.to) === `${name}:${insert}`);
  return demanded(text).find((term) => !term.isNegated && isThis(term)) ?? null;
}

/** The terms outside of parentheses, unless one of several is enough. */
function demanded(text: string): Term[] {
  const outside: [number, number][] = [];
  let depth = 0;
  let isNot = false;
  for (const token of tokens(text)) {
    const words = text.slice(token.from, token.to);
    if (token.kind === "paren") depth += words === "(" ? 1 : -1;
    else if (depth > 0 || token.kind === "space") continue;
    else if (token.kind === "join") {
      if (words === "OR") return [];
      isNot = words === "NOT";
    } else {
      if (!isNot) outside.push([token.from, token.to]);
      if (token.kind === "value" || token.kind === "word") isNot = false;
    }
  }
  return terms(text).filter((term) => outside.some(([from]) => from === term.from));
}

/** The search without a condition, and without the parentheses that were needed beside it. */
function lifted(text: string, { from, to }: Term): string {
  const before = text.slice(0, from).trimEnd();
  const after = text.slice(to).trimStart();
  const isJoined = /(?:^|\s|\))AND$/u.test(before);
  const rest = isJoined ? [before.slice(0, -3).trimEnd(), after] : [before, after.replace(/^AND(?=\s|\()/u, "").trimStart()];
  return unwrapped(rest.filter((part) => part !== "").join(" "));
}

/** `(a OR b)` → `a OR b`, where the parentheses are one pair. */
function unwrapped(text: string): string {
  let depth = 0;
  for (const token of tokens(text)) {
    if (token.kind !== "paren") continue;
    depth += text[token.from] === "(" ? 1 : -1;
    if (depth === 0) return token.to === text.length && text.startsWith("(") ? text.slice(1, -1).trim() : text;
  }
  return text;
}
