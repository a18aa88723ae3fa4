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
  culprit: "c", level: "error", platform: "python", timestamp_ms: 0, received_ms: 0, trace: null, body_bytes: 1,
  detail: {
    message: null, message_template: null, logger: null, transaction: null, release: null, dist: null, environment: null, server_name: null,
    sdk: null, exceptions, threads: [], request: null, user: [], breadcrumbs: [], tags: [], contexts: [], extra: [], modules: [], field_errors: [],
    ...over,
  },
});
const request = (over: Partial<RequestDetail>): RequestDetail => ({
  method: "GET", url: "http://x/", query: [], headers: [], cookies: [], env: [], data: null, ...over,
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

it("markdown survives hostile text", () => {
  const text = markdown(event([exception({ value: "```\n<script>" })], { tags: [{ key: "a", value: "<b>|`" }] }), "http://x/e/1");
  expect(text).toContain("````");
  expect(text).toContain("- a: \\<b\\>\\|\\`");
});
