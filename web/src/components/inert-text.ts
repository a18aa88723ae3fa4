// Every text that is drawn passes here: characters that would turn the text around them are shown by name. In one place,
// because texts of strangers stand in all of them. Fields keep what was typed: their value is no text of the page.

import { Fragment, options, type VNode } from "preact";
import { visibleText } from "../lib/plain-text";

const WORDS = ["title", "aria-label", "aria-valuetext", "placeholder", "alt"] as const;

type Props = Record<string, unknown> & { children?: unknown };

function inert(child: unknown): unknown {
  if (typeof child === "string") return visibleText(child);
  if (!Array.isArray(child)) return child;
  // Most lists are of elements alone: those stay the list they were.
  const at = child.findIndex((one) => inert(one) !== one);
  return at < 0 ? child : child.map(inert);
}

let isOn = false;

/** What lies in front of a field letter by letter says so (`data-as-typed`), or the two would not be as wide. */
export function keepTextInert(): void {
  if (isOn) return;
  isOn = true;
  const before = options.vnode;
  options.vnode = (vnode: VNode) => {
    if (typeof vnode.type === "string" || vnode.type === Fragment) {
      const props = vnode.props as Props;
      if (props.children !== undefined && props["data-as-typed"] === undefined) {
        const children = inert(props.children);
        if (children !== props.children) props.children = children;
      }
      for (const name of WORDS) {
        const words = props[name];
        if (typeof words === "string") {
          const shown = visibleText(words);
          if (shown !== words) props[name] = shown;
        }
      }
    }
    before?.(vnode);
  };
}
