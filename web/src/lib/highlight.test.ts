import { describe, expect, it } from "vitest";
import { lines, prettySql, python, sql } from "./highlight";

const roles = (tokens: { role: string | null; text: string }[]) =>
  tokens.filter((t) => t.role).map((t) => `${t.role}:${t.text}`);
const text = (tokens: { text: string }[]) => tokens.map((t) => t.text).join("");

describe("python", () => {
  it("marks the five roles", () => {
    expect(roles(python('def pay(x):  # go\n    raise ValueError(f"no {x}", 0x1F)'))).toEqual([
      "keyword:def", "name:pay", "comment:# go", "keyword:raise", "name:ValueError", 'string:f"no {x}"', "number:0x1F",
    ]);
  });
  it("loses no character", () => {
    for (const source of ['x = """open', "a='it\\'s'", "@app.task\ndef f(): ...", "naïve = 'x", "1_000.5e3 if a else b", "\t<script>"])
      expect(text(python(source))).toBe(source);
  });
  it("keeps strings over several lines", () => {
    const source = 'a = """one\ntwo"""\nb';
    expect(lines(python(source)).map((l) => text(l))).toEqual(['a = """one', 'two"""', "b"]);
    expect(lines(python(source))[1]?.[0]?.role).toBe("string");
  });
});

describe("sql", () => {
  it("marks keywords and values", () => {
    expect(roles(sql("SELECT COUNT(*) FROM t WHERE a = %s AND b = 'x' LIMIT 21"))).toEqual([
      "keyword:SELECT", "name:COUNT", "keyword:FROM", "keyword:WHERE", "number:%s", "keyword:AND", "string:'x'", "keyword:LIMIT", "number:21",
    ]);
  });
  it("puts clauses on lines", () => {
    expect(prettySql("SELECT a FROM t LEFT OUTER JOIN u ON t.id = u.id WHERE a = 'x FROM y' AND b = 1 LIMIT 1")).toBe(
      "SELECT a\nFROM t\nLEFT OUTER JOIN u ON t.id = u.id\nWHERE a = 'x FROM y'\n  AND b = 1\nLIMIT 1",
    );
  });
});
