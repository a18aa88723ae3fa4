// The text of a search cut into its parts: to colour it, to find the tab it stands for, to add and take away a term. The
// server decides what it means; anything that is no term is words here. Pure; all positions are UTF-16 offsets.

export type TokenKind = "space" | "paren" | "join" | "not" | "key" | "operator" | "value" | "word";
export type Token = { kind: TokenKind; from: number; to: number };
/** A key with its value, or words, as the reader sees it. */
export type Term = { from: number; to: number; isNegated: boolean; key: string | null; value: string };

const SPACE = /\s/u;
/** `user.email`, `"odd key"`, `tags[my key]`; the colon follows. */
const KEY = /^(?:"[^"]*"|[\p{L}\p{N}_.@/-]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]]*)\])?):/u;
const OPERATOR = /^(?:>=|<=|!=|>|<|=)/u;
const JOINS = new Set(["AND", "OR", "NOT"]);

/** Where a quoted text that begins at `from` ends: after its quote, or at the end. */
function quoteEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** Where a bare word ends: at a blank, or at a parenthesis that it did not open. */
function wordEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at] ?? "";
    if (SPACE.test(char)) return at;
    if (char === "(") depth += 1;
    else if (char === ")" && --depth < 0) return at;
  }
  return text.length;
}

function valueEnd(text: string, from: number): number {
  if (text[from] === '"') return quoteEnd(text, from);
  if (text[from] !== "[") return wordEnd(text, from);
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '"') at = quoteEnd(text, at) - 1;
    else if (text[at] === "]") return at + 1;
  }
  return text.length;
}

/** Every character is in one token, in order. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const take = (kind: TokenKind, to: number) => {
    if (to > at) found.push({ kind, from: at, to });
    at = Math.max(at, to);
  };
  while (at < text.length) {
    const char = text[at] ?? "";
    if (SPACE.test(char)) {
      let to = at;
      while (to < text.length && SPACE.test(text[to] ?? "")) to += 1;
      take("space", to);
      continue;
    }
    if (char === "(" || char === ")") {
      take("paren", at + 1);
      continue;
    }
    // `!=` and a lone `!` are words.
    if (char === "!" && /^[^\s=!)]/u.test(text.slice(at + 1))) {
      take("not", at + 1);
      if (text[at] === "(") continue;
    }
    const key = KEY.exec(text.slice(at));
    // Addresses are words, though they have a colon.
    if (key && !text.startsWith("//", at + key[0].length)) {
      take("key", at + key[0].length);
      const operator = OPERATOR.exec(text.slice(at));
      if (operator) take("operator", at + operator[0].length);
      take("value", valueEnd(text, at));
      continue;
    }
    const to = text[at] === '"' ? quoteEnd(text, at) : wordEnd(text, at);
    take(JOINS.has(text.slice(at, to)) ? "join" : "word", Math.max(at + 1, to));
  }
  return withSmallJoins(text, found);
}

/** In small letters "and", "or" and "not" join only filters: they stand in every other message. */
function withSmallJoins(text: string, all: Token[]): Token[] {
  const solid = all.filter(({ kind }) => kind !== "space");
  for (const [place, token] of solid.entries()) {
    const before = solid[place - 1];
    const behind = solid[place + 1];
    if (token.kind !== "word" || before?.kind === "not" || !/^(?:and|or|not)$/iu.test(text.slice(token.from, token.to))) continue;
    const first = behind?.kind === "not" ? solid[place + 2] : behind;
    const beginsFilter = first !== undefined && (first.kind === "key" || text[first.from] === "(");
    const endsFilter = before !== undefined && (before.kind === "value" || before.kind === "key" || text[before.from] === ")");
    const isNot = token.to - token.from === 3 && text[token.from]?.toLowerCase() === "n";
    if (beginsFilter && (isNot ? before?.kind !== "word" : endsFilter)) token.kind = "join";
  }
  return all;
}

const unquoted = (text: string) => (text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/gu, "$1") : text);

export function terms(text: string): Term[] {
  const found: Term[] = [];
  let from = -1;
  let open: Term | null = null;
  for (const token of tokens(text)) {
    const words = text.slice(token.from, token.to);
    if (token.kind === "not") from = token.from;
    else if (token.kind === "key") {
      open = { from: from < 0 ? token.from : from, to: token.to, isNegated: from >= 0, key: unquoted(words.slice(0, -1)), value: "" };
      from = -1;
      found.push(open);
    } else if ((token.kind === "operator" || token.kind === "value") && open) {
      open.to = token.to;
      open.value += token.kind === "value" ? unquoted(words) : words;
    } else {
      open = null;
      if (token.kind === "word") found.push({ from: from < 0 ? token.from : from, to: token.to, isNegated: from >= 0, key: null, value: unquoted(words) });
      from = -1;
    }
  }
  return found;
}

/** One of the things that a query demands: a term, a group in parentheses, or either with NOT in front. */
type Part = { text: string; terms: Term[]; isTerm: boolean };

/** What must all be met; a query with OR is one such thing as a whole. `null` when its parentheses do not fit. */
function parts(text: string): Part[] | null {
  const found: Part[] = [];
  const all = tokens(text);
  let from = -1;
  let depth = 0;
  let isTerm = true;
  let isEither = false;
  const end = (to: number) => {
    const own = text.slice(from, to);
    found.push({ text: own, terms: terms(own), isTerm });
    from = -1;
    isTerm = true;
  };
  for (const [place, { kind, from: start, to }] of all.entries()) {
    const char = text[start];
    if (kind === "space") continue;
    if (kind === "join" && depth === 0 && !/^not$/iu.test(text.slice(start, to))) {
      isEither ||= /^or$/iu.test(text.slice(start, to));
      continue;
    }
    if (from < 0) from = start;
    if (kind === "paren") depth += char === "(" ? 1 : -1;
    if (depth < 0) return null;
    if (kind === "paren" || kind === "join") isTerm = false;
    const next = all[place + 1]?.kind;
    const isOpen = kind === "not" || kind === "join" || next === "operator" || next === "value";
    if (depth === 0 && !isOpen) end(to);
  }
  if (depth > 0) return null;
  if (from >= 0) end(text.trimEnd().length);
  return isEither ? [{ text: `(${text.trim()})`, terms: terms(text), isTerm: false }] : found;
}

const isState = ({ key }: Term) => key === "is";

/** The words after `is:` that all rows must be, in order. */
export function statesOf(text: string): string[] {
  return (parts(text) ?? []).flatMap(({ isTerm, terms: [only] }) => (isTerm && only && isState(only) && !only.isNegated ? [only.value] : []));
}

/** The tab whose `is:` the query has, whatever else it asks for; `""` stands for all; `null` when it is no tab's. */
export function tabOf(text: string, tabs: readonly string[]): string | null {
  const all = parts(text);
  if (!all) return null;
  const states = all.filter((part) => part.terms.some(isState));
  if (states.length === 0) return tabs.includes("") ? "" : null;
  const [part] = states;
  const only = part?.terms[0];
  if (states.length !== 1 || !part?.isTerm || !only || only.isNegated) return null;
  // The tab is called Open, and so people write it.
  const state = only.value === "open" ? "unresolved" : only.value;
  return tabs.includes(state) ? state : null;
}

/** The query on another tab: its `is:` in front, the rest as it was. A group of nothing but states is a state, too. */
export function onTab(text: string, tab: string): string {
  const rest = (parts(text) ?? []).filter((part) => part.terms.length === 0 || !part.terms.every(isState));
  return [...(tab === "" ? [] : [`is:${tab}`]), ...rest.map((part) => part.text)].join(" ");
}

/** The words of a query that stand outside of its keys, to mark them where they are found. */
export function wordsOf(text: string): string {
  return terms(text)
    .filter(({ key, isNegated }) => key === null && !isNegated)
    .map(({ value }) => value.replaceAll("*", " ").trim())
    .filter((value) => value !== "")
    .join(" ");
}

/** A value as it must be written to be taken literally: what begins like an address or a path of C++ makes the key a word. */
export function quoted(value: string): string {
  const literal = value.replaceAll("\\", "\\\\").replaceAll("*", "\\*");
  return value === "" || /[\s"()[\],]/u.test(value) || /^(?:[<>=!:\\]|\/\/)/u.test(value) ? `"${literal.replaceAll('"', '\\"')}"` : literal;
}

const PLAIN_KEY = /^[a-z_][\w.-]*$/iu;
const WRITTEN_KEY = /^(?:tags|flags|attributes)\[.+\]$/u;

/** A tag of that very name, and never a key of the language. */
export const bracketedKey = (name: string): string => `tags[${/^[\p{L}\p{N}_./-]+$/u.test(name) ? name : `"${name.replaceAll(/[\\*"]/gu, "\\$&")}"`}]`;

export function termText(key: string, value: string, isNegated = false): string {
  return `${isNegated ? "!" : ""}${PLAIN_KEY.test(key) || WRITTEN_KEY.test(key) ? key : bracketedKey(key)}:${quoted(value)}`;
}

/** The query narrowed by what `more` says; the same said before, and terms that are gone, make room for it. */
export function withMore(text: string, more: string, isGone: (term: Term) => boolean = () => false): string {
  const all = parts(text);
  // What cannot be read is the server's to complain of.
  if (!all) return `${text.trim()} ${more}`;
  const kept = all.filter((part) => part.text !== more && !(part.isTerm && part.terms[0] && isGone(part.terms[0])));
  return [...kept.map((part) => part.text), more].join(" ");
}

/** The query with one more term; the same or its opposite is replaced. */
export function withTerm(text: string, key: string, value: string, isNegated = false): string {
  return withMore(text, termText(key, value, isNegated), (term) => term.key === key && term.value === value);
}

/** Not yet a question: ends in a key without a value, an operator, an open quote or list, or a join. */
export function isUnfinished(text: string): boolean {
  const all = tokens(text);
  const last = all.at(-1);
  if (!last) return false;
  const words = text.slice(last.from, last.to);
  if (last.kind === "key" || last.kind === "operator" || last.kind === "not" || last.kind === "join") return true;
  if (last.kind === "space") return all.at(-2)?.kind === "join";
  if (words.startsWith('"')) return words.length === 1 || !/(?:^|[^\\])(?:\\\\)*"$/u.test(words.slice(1));
  if (words.startsWith("[")) return !words.endsWith("]");
  const depth = all.filter(({ kind }) => kind === "paren").reduce((n, { from }) => n + (text[from] === "(" ? 1 : -1), 0);
  return depth > 0;
}

/** The text with `insert` where a completion belongs, and where the caret goes. */
export function completed(text: string, from: number, to: number, insert: string): { text: string; caret: number } {
  const start = Math.max(0, Math.min(from, text.length));
  const rest = text.slice(Math.max(start, Math.min(to, text.length)));
  const inside = tokens(text).find((token) => token.kind === "value" && token.from < start && start <= token.to);
  const isInList = inside !== undefined && text[inside.from] === "[";
  // A key waits for its value, a list for the next one; after a value the next term begins.
  const isOpen = isInList || insert.endsWith(":") || /[<>=([]$/u.test(insert);
  const gap = isOpen || rest.startsWith(" ") || rest.startsWith(")") ? "" : " ";
  const caret = start + insert.length + (isOpen ? 0 : 1);
  return { text: text.slice(0, start) + insert + gap + rest, caret: Math.min(caret, start + insert.length + gap.length + rest.length) };
}
