import { expect, it } from "vitest";
import type { TraceView } from "../../api/types";
import { brief, sectionsOf, tokensOf } from "./brief";
import { event, exception, frame, request } from "./made-up";
import { markdown, sourceText } from "./markdown";

it("survives hostile text", () => {
  const text = markdown(event([exception({ value: "```\n<script>" })], { tags: [{ key: "a", value: "<b>|`" }] }), "http://x/e/1");
  expect(text).toContain("````");
  expect(text).toContain("- a: \\<b\\>\\|\\`");
});

it("numbers the lines and marks the one", () => {
  expect(sourceText(frame({ line: 10, pre_context: ["a", "b"], context_line: "c", post_context: ["d"] }))).toBe("   8 a\n   9 b\n> 10 c\n  11 d");
  expect(sourceText(frame({ line: 10, pre_context: ["a", "b"], context_line: "c", post_context: ["d", "e"] }), 1)).toBe("   9 b\n> 10 c\n  11 d");
  expect(sourceText(frame({ context_line: null }))).toBeNull();
});

const spans = (over: object): TraceView =>
  ({ trace_id: "t", name: "GET /books/", op: "http.server", service: "shop", start_ns: "0", start_ms: 0, duration_ns: 8e6, services: ["shop"], has_sentry: true, has_otel: false, errors: [], findings: [], log_count: 0, spans_omitted: 0, profiles: [], replays: [], ...over }) as unknown as TraceView;

it("makes a brief of what was chosen, with what there is only", () => {
  const one = event([exception({ frames: [frame({ is_crash: true, vars: [{ name: "n", value: 0 }] })] })], {
    request: request({ method: "POST", url: "http://x/", data: { a: 1 } }),
    modules: [{ key: "Django", value: "5.2.19" }],
    breadcrumbs: [{ timestamp_ms: -1240, ty: "default", category: "shop", level: "warning", message: "stale price", data: null }],
  });
  const trace = spans({ spans: { span_id: ["1", "2", "3"], op: ["http.server", "db", "db"], kind: ["", "", ""], name: ["GET /books/", "SELECT 1", "SELECT 1"], duration_ns: [8e6, 1e6, 2e6], start_ns: [0, 1, 2], status: ["error", "ok", "ok"] } });
  const all = sectionsOf(one, trace, "http://x/e/1");
  expect(all.map(({ id }) => id)).toEqual(["error", "source", "locals", "request", "sql", "trace", "crumbs", "versions"]);
  const text = brief(one, all);
  expect(text).toContain("An error in a Django application");
  expect(text).toContain("-- 2 times, 3.00\u202fms\nSELECT 1");
  expect(text).toContain("−1.24\u202fs shop warning stale price");
  expect(text).toContain("n = 0");
  expect(text).toContain("- failed at 0: http.server GET /books/");
  expect(sectionsOf(event([]), null, "").map(({ id }) => id)).toEqual(["error"]);
  expect(brief(one, all.slice(0, 1))).not.toContain("SELECT");
  expect(tokensOf(text)).toBeGreaterThan(100);
});
