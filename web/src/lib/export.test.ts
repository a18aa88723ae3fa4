import { expect, it } from "vitest";
import type { EventView, ExceptionDetail, FrameDetail, RequestDetail } from "../api/types";
import { curl, markdown, traceback } from "./export";

const frame = (over: Partial<FrameDetail>): FrameDetail => ({
  filename: "shop/cart.py", abs_path: "/app/shop/cart.py", module: "shop.cart", function: "apply", line: 33, column: null, in_app: true,
  is_crash: false, pre_context: [], context_line: "    return a / b", post_context: [], vars: [], ...over,
});
const exception = (over: Partial<ExceptionDetail>): ExceptionDetail => ({
  ty: "ValueError", value: "bad", module: null, mechanism: null, is_raised: true, relation: null, group_depth: 0, frames: [frame({})],
  frames_omitted: 0, ...over,
});
const event = (exceptions: ExceptionDetail[], over = {}): EventView => ({
  event_id: "e", issue_id: "1", short_id: "SHOP-1", nav: { first: "e", previous: null, next: null, latest: "e" }, title: "ValueError: bad",
  culprit: "c", level: "error", platform: "python", timestamp_ms: 0, received_ms: 0, trace: null, reports: [], body_bytes: 1, attachments: [], replays: [], feedback: [],
  detail: {
    message: null, message_template: null, logger: null, transaction: null, release: null, dist: null, environment: null, server_name: null,
    sdk: null, exceptions, threads: [], request: null, user: [], breadcrumbs: [], tags: [], contexts: [], extra: [], csp: null, report: [], modules: [], field_errors: [],
    ...over,
  },
});
const request = (over: Partial<RequestDetail>): RequestDetail => ({
  method: "GET", url: "http://x/", query: [], headers: [], cookies: [], env: [], data: null, inferred_content_type: null, ...over,
});

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

it("quotes for the shell and leaves out what was filtered", () => {
  const text = curl(request({
    method: "POST", url: "http://x/it's", query: [{ key: "a b", value: "1&2" }], data: { a: "'" },
    headers: [{ key: "Host", value: "x" }, { key: "Authorization", value: "[Filtered]" }], cookies: [{ key: "sid", value: "[Filtered]" }],
  }));
  expect(text).toBe(`curl 'http://x/it'\\''s?a%20b=1%262' \\
  -H 'Authorization: <Authorization>' \\
  -b 'sid=<sid>' \\
  --data-raw '{"a":"'\\''"}'`);
  expect(curl(request({ method: "DELETE" }))).toContain("-X DELETE");
});

it("sends a form as a form again", () => {
  const form = { a: ["1", "x y"], b: "é" };
  const sent = "--data-raw 'a=1&a=x+y&b=%C3%A9'";
  expect(curl(request({ method: "POST", data: form, inferred_content_type: "application/x-www-form-urlencoded" }))).toContain(sent);
  const headers = [{ key: "Content-Type", value: "application/x-www-form-urlencoded; charset=utf-8" }];
  expect(curl(request({ method: "POST", data: form, headers }))).toContain(sent);
  expect(curl(request({ method: "POST", data: form, inferred_content_type: "application/json" }))).toContain('{"a":["1","x y"],"b":"é"}');
});

it("markdown survives hostile text", () => {
  const text = markdown(event([exception({ value: "```\n<script>" })], { tags: [{ key: "a", value: "<b>|`" }] }), "http://x/e/1");
  expect(text).toContain("````");
  expect(text).toContain("- a: \\<b\\>\\|\\`");
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
