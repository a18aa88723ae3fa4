// How a part of the test says what it found: lines to read, a count of failures, tables of figures.

export class Report {
  failures = 0;

  say(text) {
    console.log(text);
  }

  check(what, isTrue, detail = "") {
    if (!isTrue) this.failures += 1;
    console.log(`${isTrue ? "  ok  " : "  FAIL"} ${what}${detail === "" ? "" : `  (${detail})`}`);
    return isTrue;
  }

  /** A figure beside its budget; `hard` is what fails. */
  figure(what, value, unit, target, hard) {
    const round = (number) => (Math.abs(number) >= 100 ? Math.round(number) : Math.round(number * 10) / 10);
    const verdict = value <= target ? "ok" : value <= hard ? "within the limit" : "TOO MUCH";
    if (value > hard) this.failures += 1;
    console.log(`  ${what.padEnd(58)} ${String(round(value)).padStart(8)} ${unit.padEnd(5)} target ${String(target).padStart(6)}  limit ${String(hard).padStart(6)}  ${verdict}`);
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
