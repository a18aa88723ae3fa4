// The text of a search cut into its parts: to colour it, to find the tab it stands for, to add and take away a term. The
// server decides what it means; anything that is no term is words here. Pure; all positions are UTF-16 offsets.

export type TokenKind = "space" | "paren" | "join" | "not" | "key" | "operator" | "value" | "word";
export type Token = { kind: TokenKind; from: number; to: number };
/** A key with its value, or words, as the reader sees it. */
export type Term = { from: number; to: number; isNegated: boolean; key: string | null; value: string };

const SPACE = /\s/u;
/** `user.email`, `"odd key"`, `tags[my key]`; the colon follows. */
const KEY = /^(?:"[^"]*"|[\p{L}\p{N}_.@/-]+(?:\[[^\]]*\])?):/u;
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
  return found;
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

const tidy = (text: string) => text.replace(/\s+/gu, " ").trim();

/** `level:error is:unresolved` and `is:unresolved  level:error` ask the same. Not for queries with joins or parentheses. */
const isPlain = (text: string) => !tokens(text).some(({ kind }) => kind === "join" || kind === "paren");

/** The words after `is:` that all rows must be, in order; none of a query where that cannot be told. */
export function statesOf(text: string): string[] {
  if (!isPlain(text)) return [];
  return terms(text).flatMap(({ key, value, isNegated }) => (key === "is" && !isNegated ? [value] : []));
}

/** The tab whose `is:` the query has, whatever else it asks for; `""` stands for all; `null` when it is no tab's. */
export function tabOf(text: string, tabs: readonly string[]): string | null {
  if (!isPlain(text)) return null;
  const states = terms(text).filter(({ key }) => key === "is");
  if (states.length === 0) return tabs.includes("") ? "" : null;
  const [only] = states;
  if (states.length !== 1 || !only || only.isNegated) return null;
  // The tab is called Open, and so people write it.
  const state = only.value === "open" ? "unresolved" : only.value;
  return tabs.includes(state) ? state : null;
}

/** The query on another tab: its `is:` in front, the rest as it was. */
export function onTab(text: string, tab: string): string {
  const rest = isPlain(text) ? without(text, ({ key }) => key === "is") : "";
  return tidy(`${tab === "" ? "" : `is:${tab}`} ${rest}`);
}

/** The words of a query that stand outside of its keys, to mark them where they are found. */
export function wordsOf(text: string): string {
  return terms(text)
    .filter(({ key, isNegated }) => key === null && !isNegated)
    .map(({ value }) => value.replaceAll("*", " ").trim())
    .filter((value) => value !== "")
    .join(" ");
}

function without(text: string, isGone: (term: Term) => boolean): string {
  let kept = "";
  let at = 0;
  for (const term of terms(text)) {
    if (!isGone(term)) continue;
    kept += text.slice(at, term.from);
    at = term.to;
  }
  return tidy(kept + text.slice(at));
}

/** A value as it must be written to be taken literally. */
export function quoted(value: string): string {
  const literal = value.replaceAll("\\", "\\\\").replaceAll("*", "\\*");
  return value === "" || /[\s"()[\],]/u.test(value) || /^[<>=!]/u.test(value) ? `"${literal.replaceAll('"', '\\"')}"` : literal;
}

const KNOWN_SHAPE = /^[\p{L}\p{N}_.@/-]+(?:\[[^\]]*\])?$/u;

export function termText(key: string, value: string, isNegated = false): string {
  return `${isNegated ? "!" : ""}${KNOWN_SHAPE.test(key) ? key : `"${key.replaceAll('"', "")}"`}:${quoted(value)}`;
}

/** The query with one more term; the same or its opposite is replaced. */
export function withTerm(text: string, key: string, value: string, isNegated = false): string {
  const rest = isPlain(text) ? without(text, (term) => term.key === key && term.value === value) : text;
  const isJoined = !isPlain(rest) && tidy(rest) !== "";
  return tidy(`${isJoined ? `(${tidy(rest)})` : rest} ${termText(key, value, isNegated)}`);
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
