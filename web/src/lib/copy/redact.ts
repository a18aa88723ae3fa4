// What is nobody's business taken out of a text before it leaves: addresses of people and machines, tokens, passwords,
// cards. Equal values get equal names, so that the text can still be followed. Pure; a safety net, not a proof.

export type SecretKind = "email" | "ip" | "token" | "password" | "card";
export type Replaced = { kind: SecretKind; original: string; name: string; count: number };
export type Redacted = { text: string; replaced: Replaced[] };

export const KIND_WORDS: Record<SecretKind, readonly [string, string]> = {
  email: ["e-mail address", "e-mail addresses"],
  ip: ["IP address", "IP addresses"],
  token: ["token", "tokens"],
  password: ["password or key", "passwords and keys"],
  card: ["card number", "card numbers"],
};

const OCTET = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
/** Names whose values are secrets, in assignments, JSON, headers and query strings. */
const SECRET_NAME = "(?:[\\w.-]*(?:passw(?:or)?d|passwd|passphrase|secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|csrf(?:middleware)?[_-]?token|session[_-]?(?:id|key)?|credentials?)|token|sid|signature|authorization)";

/** Tried in this order at every place of the text: what is found by one is not looked at by the next. */
const RULES: readonly { kind: SecretKind; pattern: RegExp; group?: number; isOne?: (value: string, whole: string) => boolean }[] = [
  { kind: "password", pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g },
  // postgres://shop:secret@db/shop
  { kind: "password", pattern: /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/'"]*:([^\s@/'"]+)@/gi, group: 1 },
  { kind: "token", pattern: /\b[a-z][a-z0-9+.-]{0,30}:\/\/([0-9a-f]{32})@/gi, group: 1 },
  { kind: "token", pattern: /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g },
  { kind: "token", pattern: /\b(?:Bearer|Basic|Token|Digest|ApiKey)\s+([\w.~+/=-]{6,})/gi, group: 1, isOne: (value) => /\d|[=+/]/.test(value) || value.length > 20 },
  {
    kind: "token",
    pattern: /\b(?:sk|pk|rk)_(?:live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bnpm_\w{30,}|\bpypi-[\w-]{30,}|\bsk-[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}/g,
  },
  { kind: "password", pattern: new RegExp(`(?<![\\w.-])['"]?${SECRET_NAME}['"]?\\s*(?:=>|[:=])\\s*(?:[rbu]?"((?:[^"\\\\\\n]|\\\\.)+)"|[rbu]?'((?:[^'\\\\\\n]|\\\\.)+)'|([^\\s'"<>,;&|)\\]}]+))`, "gi"), group: 1, isOne: isSecretValue },
  { kind: "email", pattern: /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}{2,}/gu },
  // Chrome/120.0.0.0 is a version, as is whatever follows a capitalised name and a slash.
  { kind: "ip", pattern: new RegExp(`(?<![\\w.]|\\b[A-Z]\\w*\\/)${OCTET}(?:\\.${OCTET}){3}(?![\\w.]*\\d)`, "g"), isOne: (value) => !/^(?:127\.|0\.0\.0\.0$|255\.255\.255\.255$)/.test(value) },
  { kind: "ip", pattern: /(?<![\w:.])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])|(?<![\w:.])(?=[0-9a-f:]*::)(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?(?![\w:])/gi, isOne: isIpv6 },
  { kind: "card", pattern: /(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-]*\d)/g, isOne: isCard },
  // Long and of all sorts of characters: what no word of a program is.
  { kind: "token", pattern: /(?<![\w/.-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=(?:[\w-]*\d){3})[A-Za-z0-9_-]{28,}(?![\w/.-])/g },
  { kind: "token", pattern: /(?<![\w/.-])[0-9a-f]{40,}(?![\w/.-])/gi },
];

/** `session=None`, `token: str`, `password=password` and what was replaced before are no secrets, nor is code that fetches one. */
function isSecretValue(value: string, whole: string): boolean {
  if (value.length < 3 || /^[[<({*]/.test(value)) return false;
  if (/^(?:none|null|true|false|undefined|str|int|bytes|bool|self|request|\.\.\.|optional\w*|any|bearer|basic|token|digest)$/i.test(value)) return false;
  if (/^[A-Za-z_][\w.]*[([]/.test(value) || /^[A-Za-z_]+(?:\.[A-Za-z_]+)+$/.test(value)) return false;
  return !new RegExp(`(?:^|[\\W_.])${value.replace(/\W/g, "\\$&")}['"]?\\s*(?:=>|[:=])`, "i").test(whole);
}

function isIpv6(value: string): boolean {
  // `::`, `::1` and `a::b` of a type are not worth a name; an address has three parts at the least.
  return value.split(":").filter(Boolean).length >= 3 && /\d/.test(value);
}

/** Luhn's sum, and not one digit over and over. */
function isCard(value: string): boolean {
  const digits = [...value].filter((c) => c >= "0" && c <= "9").map(Number);
  if (new Set(digits).size < 2) return false;
  const sum = digits.toReversed().reduce((total, digit, i) => total + (i % 2 === 0 ? digit : digit * 2 > 9 ? digit * 2 - 9 : digit * 2), 0);
  return sum % 10 === 0;
}

/** Finds more than this are replaced by one word: a text full of addresses is a list of customers. */
const NAMED_MAX = 200;

export function redact(text: string): Redacted {
  const found = new Map<string, Replaced>();
  const counts = new Map<SecretKind, number>();
  const nameOf = (kind: SecretKind, original: string): string => {
    const key = `${kind} ${original}`;
    const known = found.get(key);
    if (known) {
      known.count += 1;
      return known.name;
    }
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    const name = number > NAMED_MAX ? `<${kind}>` : `<${kind} ${number}>`;
    found.set(key, { kind, original, name, count: 1 });
    return name;
  };
  let pieces: { text: string; isDone: boolean }[] = [{ text, isDone: false }];
  for (const rule of RULES) pieces = pieces.flatMap((piece) => (piece.isDone ? [piece] : apply(rule, piece.text, nameOf)));
  return { text: pieces.map((piece) => piece.text).join(""), replaced: [...found.values()] };
}

function apply({ kind, pattern, group, isOne }: (typeof RULES)[number], text: string, nameOf: (kind: SecretKind, original: string) => string): { text: string; isDone: boolean }[] {
  const out: { text: string; isDone: boolean }[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    const value = group === undefined ? match[0] : (match.slice(group).find((part) => part !== undefined) ?? "");
    if (value === "" || (isOne && !isOne(value, match[0]))) continue;
    const from = match.index + (group === undefined ? 0 : match[0].lastIndexOf(value));
    if (from < at) continue;
    out.push({ text: text.slice(at, from), isDone: false }, { text: nameOf(kind, value), isDone: true });
    at = from + value.length;
  }
  out.push({ text: text.slice(at), isDone: false });
  return out;
}
