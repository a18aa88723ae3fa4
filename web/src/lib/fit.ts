// Charts of a store that is younger than their time begin with the first that it holds, unless somebody chose the time:
// who asks for that, and what is said of it. Pure.

import { clockShort, dateTime } from "./format";

/** What charts show unless a time is chosen. */
const USUAL_MS = 86_400_000;
/** The server leaves a chart as it is when more than half of it holds something, and a little room before the first. */
const FITTED_MAX_MS = 0.75 * USUAL_MS;

const isChosen = (params: URLSearchParams) => ["range", "from", "to"].some((key) => params.has(key));

/** `api` asks for it when the address, `params`, says no time. */
export function fit(api: URLSearchParams, params: URLSearchParams): URLSearchParams {
  if (!isChosen(params)) api.set("fit", "true");
  return api;
}

/** When a chart begins that was fitted, as `06:41` or `11-20 23:41`; `null` for all others. */
export function fittedTo(params: URLSearchParams, fromMs: number, nowMs: number): string | null {
  if (isChosen(params) || nowMs - fromMs > FITTED_MAX_MS) return null;
  const begin = dateTime(fromMs);
  return begin.slice(0, 10) === dateTime(nowMs).slice(0, 10) ? clockShort(fromMs) : begin.slice(5, 16);
}
