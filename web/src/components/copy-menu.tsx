// "Copy" of an event: what can be copied, with a letter each. The texts are built by code that is fetched when the menu
// is opened, so that the page itself stays small.

import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import type { EventView } from "../api/types";
import { copyText } from "../clipboard";
import { letterOf, useKeys } from "../keys";
import { bytes } from "../lib/format";
import { say } from "../state";
import { Menu, type MenuItem } from "./controls";
import { lazy } from "./lazy";

export const builders = () => import("../lib/copy");
const BriefDialog = lazy("BriefDialog", () => import("./brief-dialog").then((module) => module.BriefDialog), "offscreen");

export function copied(what: string, text: string): void {
  void copyText(text, what).then((isCopied) => say(isCopied ? `${what} copied` : `${what} could not be copied: it is shown instead`));
}

export function CopyMenu({ event, link, buttonRef }: { event: EventView; link: string; buttonRef?: RefObject<HTMLButtonElement | null> }) {
  const [isBriefing, setBriefing] = useState(false);
  const { detail } = event;
  const { request } = detail;
  const hasStack = detail.exceptions.length > 0 || detail.threads.length > 0;
  const run = {
    copyMarkdown: () => void builders().then(({ markdown }) => copied("Markdown", markdown(event, link))),
    copyBrief: () => setBriefing(true),
    ...(hasStack ? { copyTraceback: () => void builders().then(({ traceback }) => copied("Traceback", traceback(event))) } : {}),
    ...(request ? { copyCurl: () => void builders().then(({ replay }) => copied("cURL", replay("curl", request).text)) } : {}),
    copyJson: () => copied("JSON", JSON.stringify(event, null, 2)),
    copyLink: () => copied("Link", link),
  };
  // The menu answers its letters itself; the palette offers the same.
  useKeys("copy", run);
  const item = (id: keyof typeof run, label: string, note?: string): MenuItem[] => {
    const action = run[id];
    return action ? [{ label, key: letterOf(id), run: action, ...(note ? { note } : {}) }] : [];
  };
  const items = [
    ...item("copyMarkdown", "Markdown", "traceback, variables, request"),
    ...item("copyBrief", "For AI…", "choose, look, redact"),
    ...item("copyTraceback", "Traceback", "as the terminal shows it"),
    ...item("copyCurl", "cURL", "the request again"),
    ...item("copyJson", "JSON", `${bytes(event.body_bytes)}`),
    ...item("copyLink", "Link"),
    { label: "Open JSON", note: "in a new tab", href: `/api/ui/events/${encodeURIComponent(event.event_id)}` },
  ];
  return (
    <>
      <Menu label="Copy" items={items} buttonRef={buttonRef} onOpen={() => void builders()} />
      {isBriefing && <BriefDialog event={event} link={link} onClose={() => setBriefing(false)} />}
    </>
  );
}
