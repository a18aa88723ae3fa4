import { expect, it } from "vitest";
import { tagKey } from "./tag-key";

const KEYS = new Set(["url", "http.url", "title", "level", "is", "has", "method", "browser", "transaction", "firstseen"]);

it("names a tag so that it is no key of the language", () => {
  for (const name of ["url", "title", "level", "is", "has", "method"]) expect(tagKey(name, KEYS)).toBe(`tags[${name}]`);
  for (const name of ["tenant", "shard_id", "cell-2", "at"]) expect(tagKey(name, KEYS)).toBe(name);
});

it("names a tag so that it is no word", () => {
  for (const name of ["2fa", "LastError", "foo.py", "a", "größe", "localhost", "http.route", "URL"]) expect(tagKey(name, KEYS)).toBe(`tags[${name}]`);
  expect(tagKey("my key", KEYS)).toBe('tags["my key"]');
});

it("names a tag so that it is no slip", () => {
  for (const name of ["titel", "tittle", "titles", "browse", "brawser", "transactoin"]) expect(tagKey(name, KEYS)).toBe(`tags[${name}]`);
  for (const name of ["tile", "table", "transact"]) expect(tagKey(name, KEYS)).toBe(name);
});
