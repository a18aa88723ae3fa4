// Values of locals as Python people read them. The SDK sends strings as reprs already ("'BF26'"), so they get no more quotes.

const FOLD_AT = 8;

export function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** A leaf, or an empty collection. */
export function leaf(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return "[]";
  if (typeof value === "object") return "{}";
  return String(value);
}

/** One line that shows what is inside, at most about `max` characters. */
export function preview(value: unknown, max = 120): string {
  let room = max;
  const take = (text: string) => {
    room -= text.length;
    return text;
  };
  const walk = (v: unknown, depth: number): string => {
    if (!isTree(v)) {
      const text = leaf(v);
      return take(text.length > room && room > 3 ? `${text.slice(0, room)}…` : room <= 0 ? "…" : text);
    }
    if (depth > 2 || room <= 0) return take(Array.isArray(v) ? "[…]" : "{…}");
    const parts: string[] = [];
    const entries = Array.isArray(v) ? v.map((item, i) => [i, item] as const) : Object.entries(v);
    for (const [index, [key, item]] of entries.entries()) {
      if (room <= 0 || index >= FOLD_AT) {
        parts.push("…");
        break;
      }
      parts.push(Array.isArray(v) ? walk(item, depth + 1) : `${take(`'${key}': `)}${walk(item, depth + 1)}`);
    }
    return Array.isArray(v) ? `[${parts.join(", ")}]` : `{${parts.join(", ")}}`;
  };
  return walk(value, 0);
}

export type LeafKind = "string" | "number" | "keyword" | "redacted" | "plain";

/** What a leaf looks like, for its colour. */
export function leafKind(value: unknown): LeafKind {
  if (value === null || value === undefined || typeof value === "boolean") return "keyword";
  if (typeof value === "number") return "number";
  const text = String(value);
  if (text === "[Filtered]" || text === "[redacted]" || /^'?\[Filtered\]'?$/.test(text)) return "redacted";
  if (/^[rbu]{0,2}(['"])[\s\S]*\1$/i.test(text)) return "string";
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return "number";
  if (text === "None" || text === "True" || text === "False") return "keyword";
  return "plain";
}
