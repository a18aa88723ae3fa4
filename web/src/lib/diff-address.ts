// How the address names the two events of a diff. Pure; apart from the diff itself, whose code is fetched when one is asked for.

/** `<id>..<id>`, as addresses have it: the older one first. */
export function diffOf(text: string | null): { a: string; b: string } | null {
  const match = /^([\w-]{1,64})\.\.([\w-]{1,64})$/.exec(text ?? "");
  return match?.[1] && match[2] ? { a: match[1], b: match[2] } : null;
}
