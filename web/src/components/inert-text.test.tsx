import { render } from "preact";
import { expect, it, vi } from "vitest";
import type { IssueRow as Row } from "../api/issues-types";

vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
const { keepTextInert } = await import("./inert-text");
keepTextInert();
const { IssueHeadline } = await import("./marks");
const { PageTitle } = await import("./shell");
const { KeyValues } = await import("./values");

const SPOOF = "exe.\u202egnp.exe\u2066";
const shown = (node: preact.ComponentChild) => {
  const root = document.createElement("div");
  render(node, root);
  return root;
};

it("no text of a stranger turns the page round, wherever it stands", async () => {
  const root = shown(
    <>
      {SPOOF}
      <p title={SPOOF} aria-label={SPOOF}>
        {SPOOF}
        {[SPOOF, <b key="b">{SPOOF}</b>]}
      </p>
      <IssueHeadline row={{ ty: SPOOF, value: SPOOF, title: SPOOF } as Row} />
      <KeyValues pairs={[{ key: SPOOF, value: SPOOF }]} />
      <PageTitle title={SPOOF} />
    </>,
  );
  expect(root.outerHTML).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/u);
  expect(root.textContent).toContain("exe.⟨U+202E⟩gnp.exe⟨U+2066⟩");
  await vi.waitFor(() => expect(document.title).toBe("exe.⟨U+202E⟩gnp.exe⟨U+2066⟩ · trapline"));
});

it("what was typed, and what lies in front of it, stay as they are", () => {
  const root = shown(
    <>
      <input value={SPOOF} />
      <span data-as-typed>{SPOOF}</span>
      <a href={`/issues?query=${SPOOF}`}>x</a>
    </>,
  );
  expect(root.querySelector("input")?.value).toBe(SPOOF);
  expect(root.querySelector("span")?.textContent).toBe(SPOOF);
  expect(root.querySelector("a")?.getAttribute("href")).toContain("\u202e");
});

it("Arabic and Hebrew read in their own direction, apart from what stands beside them", () => {
  const root = shown(<IssueHeadline row={{ ty: "ValueError", value: "مرحبا", title: "" } as Row} />);
  expect(root.querySelector("bdi.headline-value")?.textContent).toBe("مرحبا");
});
