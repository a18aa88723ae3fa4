// How a tag is named in a search: by its name alone where that can mean nothing else, else as `tags[name]`. Pure; what the
// keys of the language are called is for the caller to know.

import { bracketedKey } from "./query-text";

/** What the server would take for a slip: shorter names are never near another. */
const NEAR_MIN = 5;

/** One letter more, less or different, or two that have changed places. */
function isNear(name: string, key: string): boolean {
  const most = Math.max(name.length, key.length);
  if (Math.min(name.length, key.length) < NEAR_MIN || Math.abs(name.length - key.length) > 1) return false;
  let start = 0;
  while (start < most && name[start] === key[start]) start += 1;
  let end = 0;
  while (end < most - start && name.at(-1 - end) === key.at(-1 - end)) end += 1;
  const isSwapped = name.length === key.length && name[start] === key[start + 1] && name[start + 1] === key[start];
  return start + end >= (isSwapped ? most - 2 : most - 1);
}

/** `keys`: all names of all keys, in small letters. With a dot it may be a file, with a number behind it a line of that. */
export function tagKey(name: string, keys: ReadonlySet<string>): string {
  const isPlain = /^[a-z_][a-z0-9_-]+$/u.test(name) && name !== "localhost" && !keys.has(name) && ![...keys].some((key) => isNear(name, key));
  return isPlain ? name : bracketedKey(name);
}
