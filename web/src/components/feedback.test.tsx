import { render } from "preact";
import { expect, it, vi } from "vitest";
import type { CspDetail, FeedbackView } from "../api/types";

vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
const { Csp, policyLines } = await import("./csp");
const { mailto, Voice, Voices } = await import("./feedback");

const BAD = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
const row: FeedbackView = {
  feedback_id: "aa", project_slug: "default", source: "feedback", message: BAD, name: BAD, email: BAD, url: "javascript:alert(1)", timestamp_ms: 0, release: BAD,
  environment: BAD, event_id: "bb", issue: { short_id: "SHOP-1", title: BAD }, trace_id: "cc", span_id: null, has_trace: true, replay_id: null,
};
const csp: CspDetail = {
  effective_directive: BAD, violated_directive: BAD, blocked_uri: "javascript:alert(1)", document_uri: "https://shop.example/", referrer: BAD, source_file: BAD,
  line: 7, column: 3, sample: BAD, original_policy: BAD, disposition: "report", status_code: 200,
};

function shown(node: preact.ComponentChild): HTMLElement {
  const root = document.createElement("div");
  render(node, root);
  return root;
}

it("words of strangers stay text, and only addresses become links", () => {
  const root = shown(
    <>
      <Voice row={row} isCurrent={false} />
      <Voices rows={[row]} />
      <Csp csp={csp} />
    </>,
  );
  expect(root.querySelector("script, img, iframe")).toBeNull();
  expect(root.textContent).toContain("<script>alert(1)</script>");
  const links = [...root.querySelectorAll("a")].map((link) => link.getAttribute("href"));
  expect(new Set(links)).toEqual(new Set(["/feedback/aa", "/issues/SHOP-1/events/bb", "/traces/cc", "https://shop.example/"]));
});

it("mail goes to one address and says nothing more", () => {
  expect(mailto("ada@shop.example")).toBe("mailto:ada@shop.example");
  for (const bad of [null, "ada", "a@b?bcc=c@d", "a@b,c@d", "a b@c", "a@b&body=x", "a%40b@c"]) expect(mailto(bad)).toBeNull();
});

it("a policy is read one directive a line", () => expect(policyLines("script-src 'self'; img-src *;")).toBe("script-src 'self';\nimg-src *"));
