// Which of the eight colours a span is drawn in.

import type { TraceView } from "../api/types";
import { type Kind, kindOf } from "./waterfall";

const BY_KIND: Record<Kind, string> = { http: "p1", app: "p8", db: "p2", template: "p3", cache: "p5", queue: "p4" };
const BY_SERVICE = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];

/** One service: by kind of work. Several: by service. */
export function colourNames(trace: TraceView): (span: number) => string {
  const { spans, services } = trace;
  if (services.length > 1) return (i) => BY_SERVICE[(spans.service[i] ?? 0) % BY_SERVICE.length] ?? "p8";
  return (i) => BY_KIND[kindOf(spans.op[i] ?? "", spans.kind[i] ?? "")];
}

export const kindColour = (kind: Kind) => BY_KIND[kind];
export const serviceColour = (index: number) => BY_SERVICE[index % BY_SERVICE.length] ?? "p8";
