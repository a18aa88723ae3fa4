// Events as small as the types allow, for the tests of what is copied.

import type { EventView, ExceptionDetail, FrameDetail, RequestDetail } from "../../api/types";

export const frame = (over: Partial<FrameDetail>): FrameDetail => ({
  filename: "shop/cart.py", abs_path: "/app/shop/cart.py", module: "shop.cart", function: "apply", line: 33, column: null, in_app: true,
  is_crash: false, pre_context: [], context_line: "    return a / b", post_context: [], vars: [], ...over,
});
export const exception = (over: Partial<ExceptionDetail>): ExceptionDetail => ({
  ty: "ValueError", value: "bad", module: null, mechanism: null, is_raised: true, relation: null, group_depth: 0, frames: [frame({})],
  frames_omitted: 0, ...over,
});
export const event = (exceptions: ExceptionDetail[], over = {}): EventView => ({
  event_id: "e", issue_id: "1", short_id: "SHOP-1", nav: { first: "e", previous: null, next: null, latest: "e", recommended: "e", total: 1, position: 1 }, title: "ValueError: bad",
  culprit: "c", level: "error", platform: "python", timestamp_ms: 0, received_ms: 0, trace: null, reports: [], body_bytes: 1, attachments: [], replays: [], feedback: [],
  detail: {
    message: null, message_template: null, logger: null, transaction: null, release: null, dist: null, environment: null, server_name: null,
    sdk: null, exceptions, threads: [], request: null, user: [], breadcrumbs: [], tags: [], contexts: [], extra: [], csp: null, report: [], modules: [], field_errors: [],
    ...over,
  },
});
export const request = (over: Partial<RequestDetail>): RequestDetail => ({
  method: "GET", url: "http://x/", query: [], headers: [], cookies: [], env: [], data: null, inferred_content_type: null, ...over,
});
