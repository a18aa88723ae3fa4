import { expect, it } from "vitest";
import { matches } from "./matches";

const marked = (text: string, search: string) =>
  matches(text, search)
    .map((part) => (part.isMatch ? `[${part.text}]` : part.text))
    .join("");

it("every word is marked wherever it stands, in any case", () => {
  expect(marked("KeyError: 'sku' in cart", "CART keyerr")).toBe("[KeyErr]or: 'sku' in [cart]");
  expect(marked("Überlauf", "über")).toBe("[Über]lauf");
  expect(marked("carts and cart", "cart carts")).toBe("[carts] and [cart]");
});

it("what is typed is no pattern", () => {
  expect(marked("a.b axb (c) [d] a|b a-b c\\d $1 ^ {2} /x/", ". ( ) [ ] | - \\ $ ^ { } /")).toBe(
    "a[.]b axb [(]c[)] [[]d[]] a[|]b a[-]b c[\\]d [$]1 [^] [{]2[}] [/]x[/]",
  );
});

it("without a search, or with a page of words, nothing is marked", () => {
  expect(matches("text", "  ")).toEqual([{ text: "text", isMatch: false }]);
  expect(marked("a b", "a ".repeat(30))).toBe("a b");
  expect(matches("", "a")).toEqual([]);
});
