import { render } from "preact";
import { expect, it, vi } from "vitest";
import type { EventDetail, EventView, ExceptionDetail } from "../api/types";

vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
const { Exceptions, Request } = await import("./event-sections");
const { Timeline } = await import("./timeline");
const { Words } = await import("./activity");
const { Entry, KeyValues } = await import("./values");

const BAD = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
const exception: ExceptionDetail = {
  ty: BAD, value: BAD, module: BAD, mechanism: { ty: BAD, handled: false, source: null, description: BAD, help_link: "javascript:alert(1)", data: [{ name: BAD, value: BAD }] }, is_raised: true, relation: "context", group_depth: 0, frames_omitted: 0,
  frames: [{ filename: BAD, abs_path: BAD, module: BAD, function: BAD, line: 1, column: null, in_app: true, is_crash: true, pre_context: [BAD], context_line: BAD, post_context: [BAD], vars: [{ name: BAD, value: { [BAD]: [BAD] } }] }],
};
const event = { timestamp_ms: 0, level: BAD, title: BAD, detail: { exceptions: [exception], breadcrumbs: [{ timestamp_ms: 0, ty: BAD, category: "query", level: BAD, message: BAD, data: { [BAD]: BAD } }] } as unknown as EventDetail } as EventView;

function shown(node: preact.ComponentChild): HTMLElement {
  const root = document.createElement("div");
  render(node, root);
  return root;
}

it("data of an event stays text", () => {
  const root = shown(
    <>
      <Exceptions exceptions={[exception]} options={{ showLibrary: true, showVars: true, newestFirst: false }} />
      <Timeline event={event} />
      <Entry name={BAD} value={BAD} />
    </>,
  );
  expect(root.querySelector("script, img, iframe")).toBeNull();
  expect(root.textContent).toContain("<script>alert(1)</script>");
});

it("only http and https become links, and they give nothing away", () => {
  const root = shown(
    <>
      <KeyValues pairs={[{ key: "a", value: "javascript:alert(1)" }, { key: "b", value: "https://example.com/" }]} />
      <Request request={{ method: "GET", url: "javascript:alert(1)", query: [], headers: [], cookies: [], env: [], data: null, inferred_content_type: null }} />
    </>,
  );
  const links = [...root.querySelectorAll("a")];
  expect(links.map((link) => link.getAttribute("href"))).toEqual(["https://example.com/"]);
  expect(links[0]?.rel).toBe("noopener noreferrer");
});

it("reprs get no more quotes", () => {
  expect(shown(<Entry name="code" value="'BF26'" />).textContent).toBe("code = 'BF26'");
});

it("a comment is text, and only addresses of the web in it are links", () => {
  const root = shown(<Words text={`${BAD} see https://example.com/a?b=c, javascript:alert(1) http://x/).`} />);
  expect(root.querySelector("script, img")).toBeNull();
  expect([...root.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual(["https://example.com/a?b=c", "http://x/"]);
  expect(root.textContent).toBe(`${BAD} see https://example.com/a?b=c, javascript:alert(1) http://x/).`);
});
