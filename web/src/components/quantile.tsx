// A percentile in a table, which says whether it is one or only about right.

import type { PerformanceNumbers } from "../api/types";
import { quantile, quantileNote } from "../lib/performance";

export function Quantile({ of, share, class: name }: { of: PerformanceNumbers; share: "p50" | "p95" | "p99"; class: string }) {
  return (
    <td class={name} title={quantileNote(of.percentile_error)}>
      {quantile(of[`${share}_ms`], of.percentile_error)}
    </td>
  );
}
