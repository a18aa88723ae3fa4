import { expect, it } from "vitest";
import type { ExceptionDetail } from "../../api/types";
import { event, exception, frame } from "./made-up";
import { traceback } from "./traceback";

it("prints the traceback as Python does", () => {
  const text = traceback(event([
    exception({ ty: "ZeroDivisionError", value: "division by zero", relation: "cause", is_raised: false }),
    exception({ frames: [frame({ line: 35, context_line: "    raise ValueError('bad') from e" })] }),
  ]));
  expect(text).toBe(`Traceback (most recent call last):
  File "/app/shop/cart.py", line 33, in apply
    return a / b
ZeroDivisionError: division by zero

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/cart.py", line 35, in apply
    raise ValueError('bad') from e
ValueError: bad`);
});

it("draws exception groups as Python does", () => {
  // What Python 3.11 prints for these, with its own trace of file names and lines.
  const at = (line: number, code: string) => [frame({ abs_path: "/eg.py", function: "f", line, context_line: code })];
  const member = (n: number, over: Partial<ExceptionDetail>) =>
    exception({ is_raised: false, relation: "group_member", mechanism: { ty: "chained", handled: false, source: `exceptions[${n}]`, description: null, help_link: null, data: [] }, ...over });
  const text = traceback(event([
    exception({ ty: "KeyError", value: "'EUR'", is_raised: false, relation: "cause", group_depth: 2, frames: at(6, '{}["EUR"]') }),
    member(1, { ty: "LookupError", value: "no rate\nfor EUR", group_depth: 2, frames: at(8, "raise LookupError() from e") }),
    member(0, { value: "one", group_depth: 2, frames: at(3, 'raise ValueError("one")') }),
    member(1, { ty: "ExceptionGroup", value: "inner", group_depth: 1, frames: at(14, 'raise ExceptionGroup("inner", errs)') }),
    member(0, { value: "one", group_depth: 1, frames: [] }),
    exception({ ty: "ZeroDivisionError", value: "division by zero", is_raised: false, relation: "cause", frames: at(21, "1/0") }),
    exception({ ty: "ExceptionGroup", value: "outer", frames: at(23, "raise ExceptionGroup() from z") }),
  ]));
  expect(text).toBe(`Traceback (most recent call last):
  File "/eg.py", line 21, in f
    1/0
ZeroDivisionError: division by zero

The above exception was the direct cause of the following exception:

  + Exception Group Traceback (most recent call last):
  |   File "/eg.py", line 23, in f
  |     raise ExceptionGroup() from z
  | ExceptionGroup: outer (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +---------------- 2 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/eg.py", line 14, in f
    |     raise ExceptionGroup("inner", errs)
    | ExceptionGroup: inner (2 sub-exceptions)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/eg.py", line 3, in f
      |     raise ValueError("one")
      | ValueError: one
      +---------------- 2 ----------------
      | Traceback (most recent call last):
      |   File "/eg.py", line 6, in f
      |     {}["EUR"]
      | KeyError: 'EUR'
      | 
      | The above exception was the direct cause of the following exception:
      | 
      | Traceback (most recent call last):
      |   File "/eg.py", line 8, in f
      |     raise LookupError() from e
      | LookupError: no rate
      | for EUR
      +------------------------------------`);
});

it("sums up what repeats, and groups that are wide, as Python does", () => {
  const same = Array.from({ length: 6 }, () => frame({ function: "walk", line: 4, context_line: "walk()" }));
  const text = traceback(event([exception({ ty: "RecursionError", value: "too deep", frames: [frame({ function: "<module>", line: 9, context_line: "walk()" }), ...same] })]));
  expect(text.split("\n").slice(1, -1).join("\n")).toBe(`  File "/app/shop/cart.py", line 9, in <module>
    walk()
  File "/app/shop/cart.py", line 4, in walk
    walk()
  File "/app/shop/cart.py", line 4, in walk
    walk()
  File "/app/shop/cart.py", line 4, in walk
    walk()
  [Previous line repeated 3 more times]`);
  const members = Array.from({ length: 17 }, (_, i) =>
    exception({ value: `no ${i}`, frames: [], is_raised: false, relation: "group_member", group_depth: 1, mechanism: { ty: "chained", handled: false, source: `exceptions[${i}]`, description: null, help_link: null, data: [] } }),
  );
  const wide = traceback(event([...members.toReversed(), exception({ ty: "ExceptionGroup", value: "many" })]));
  expect(wide).toContain("    +---------------- ... ----------------\n    | and 2 more exceptions\n    +------------------------------------");
  expect(wide).not.toContain("no 15");
});

it("names exceptions with their module, as Python does", () => {
  const named = (ty: string, module: string | null) => traceback(event([exception({ ty, module, value: "", frames: [] })]));
  expect(named("Book.DoesNotExist", "shop.models")).toBe("shop.models.Book.DoesNotExist");
  expect(named("shop.models.Book.DoesNotExist", "shop.models")).toBe("shop.models.Book.DoesNotExist");
  expect(named("ValueError", "builtins")).toBe("ValueError");
  expect(named("Mine", "__main__")).toBe("Mine");
});
