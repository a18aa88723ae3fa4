// How numbers, durations, sizes and times read. Pure: the clock is an argument.

/** Narrow no-break space: groups digits and ties a number to its unit. */
const THIN = "\u202f";
const MINUS = "\u2212";

/** `1204` as `1 204`. */
export function count(n: number): string {
  return String(Math.trunc(n)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** `1204` as `1.2k`: for columns too narrow for the whole number. */
export function countShort(n: number): string {
  if (n < 10_000) return count(n);
  if (n < 999_500) return `${threeDigits(n / 1000)}k`;
  if (n < 999_500_000) return `${threeDigits(n / 1_000_000)}M`;
  return `${threeDigits(n / 1_000_000_000)}G`;
}

/** Three significant digits, never an exponent, never more than one needs: 8.21, 41.6, 412. */
function threeDigits(x: number): string {
  const digits = x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2;
  return x.toFixed(digits);
}

/** A duration in nanoseconds. Only an exact zero prints as zero. */
export function duration(ns: number): string {
  if (ns < 0) return MINUS + duration(-ns);
  if (ns === 0) return `0${THIN}ms`;
  if (ns < 999.5) return `${Math.max(1, Math.round(ns))}${THIN}ns`;
  if (ns < 999.5e3) return `${threeDigits(ns / 1e3)}${THIN}µs`;
  if (ns < 999.5e6) return `${threeDigits(ns / 1e6)}${THIN}ms`;
  if (ns < 59.95e9) return `${threeDigits(ns / 1e9)}${THIN}s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${THIN}min ${seconds % 60}${THIN}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}${THIN}h ${minutes % 60}${THIN}min`;
}

/** With a sign, for a time relative to something: `−1.24 s`, `+12.1 ms`, `0`. */
export function offset(ns: number): string {
  if (ns === 0) return "0";
  return ns > 0 ? `+${duration(ns)}` : duration(ns);
}

export function bytes(n: number): string {
  if (n < 1000) return `${n}${THIN}B`;
  if (n < 999_500) return `${threeDigits(n / 1e3)}${THIN}kB`;
  if (n < 999_500_000) return `${threeDigits(n / 1e6)}${THIN}MB`;
  return `${threeDigits(n / 1e9)}${THIN}GB`;
}

/** `12 s`, `5 min`, `3 h`, `6 d`, `4 mo`, `2 y`: how long ago, without the "ago". */
export function age(thenMs: number, nowMs: number): string {
  const s = Math.max(0, Math.floor((nowMs - thenMs) / 1000));
  if (s < 5) return "now";
  if (s < 60) return `${s}${THIN}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${THIN}min`;
  if (s < 86_400) return `${Math.floor(s / 3600)}${THIN}h`;
  const days = Math.floor(s / 86_400);
  if (days < 60) return `${days}${THIN}d`;
  if (days < 730) return `${Math.floor(days / 30.44)}${THIN}mo`;
  return `${Math.floor(days / 365.25)}${THIN}y`;
}

/** `3 h old`, `seconds old` */
export function ageWords(thenMs: number, nowMs: number): string {
  const a = age(thenMs, nowMs);
  return a === "now" ? "seconds old" : `${a} old`;
}

/** How long something still lasts, as people say it: what was just set to one hour is one hour, not 59 minutes. */
export function left(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  if (minutes < 60) return `${minutes}${THIN}min`;
  const hours = Math.round(minutes / 60);
  return hours < 24 ? `${hours}${THIN}h` : `${Math.round(minutes / 1440)}${THIN}d`;
}

export function ago(thenMs: number, nowMs: number): string {
  const a = age(thenMs, nowMs);
  return a === "now" ? "just now" : `${a} ago`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** `06:41:12`, local time. */
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** `06:41` */
export function clockShort(ms: number): string {
  return clock(ms).slice(0, 5);
}

/** `2026-11-21 06:41:12.034`, local time: sortable and unambiguous. */
export function dateTime(ms: number): string {
  const d = new Date(ms);
  const millis = String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, "0");
  return `${dayOf(d)} ${clock(ms)}.${millis}`;
}

/** The clock today, the date and the clock on other days. */
export function whenShort(ms: number, nowMs: number): string {
  const d = new Date(ms);
  return dayOf(d) === dayOf(new Date(nowMs)) ? clock(ms) : `${dayOf(d).slice(5)} ${clockShort(ms)}`;
}

function dayOf(d: Date): string {
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** A share as a percentage, rounded. 100 % means all of them, 0 % none: what is nearly so is said with its digits. */
export function percent(share: number): string {
  if (share >= 1) return `100${THIN}%`;
  if (share <= 0) return `0${THIN}%`;
  const digits = share >= 0.99 || share < 0.01 ? 2 : share >= 0.9 ? 1 : 0;
  const scale = 10 ** digits;
  // The sum of many small parts may be a hair below the half it stands for.
  const rounded = Math.round(share * 100 * scale + 1e-9) / scale;
  return `${Math.min(99.99, Math.max(0.01, rounded)).toFixed(digits)}${THIN}%`;
}

/** The word alone, for a number that is written some other way. */
export function noun(n: number, one: string, many = `${one}s`): string {
  return n === 1 ? one : many;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${noun(n, one, many)}`;
}

/** The beginning of an id, enough to recognise it. */
export function shortId(id: string): string {
  return id.length > 10 ? `${id.slice(0, 8)}…` : id;
}

/** One line of at most `max` characters, cut honestly. */
export function oneLine(text: string, max = 300): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** A message as the beginning of a sentence. */
export const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
