import { describe, expect, it } from "vitest";
import { age, ago, bytes, count, countShort, duration, offset, oneLine, percent as share } from "./format";

const plain = (s: string) => s.replaceAll("\u202f", " ");

describe("duration", () => {
  it.each([
    [0, "0 ms"],
    [0.4, "1 ns"],
    [400, "400 ns"],
    [999.6, "1.00 µs"],
    [8_210, "8.21 µs"],
    [412_000, "412 µs"],
    [999_600, "1.00 ms"],
    [8_214_000, "8.21 ms"],
    [41_600_000, "41.6 ms"],
    [412_000_000, "412 ms"],
    [1_240_000_000, "1.24 s"],
    [59_999_500_000, "1 min 0 s"],
    [65_000_000_000, "1 min 5 s"],
    [3_720_000_000_000, "1 h 2 min"],
    [-1_240_000_000, "−1.24 s"],
  ])("%d ns reads %s", (ns, text) => expect(plain(duration(ns))).toBe(text));

  it("never rounds something to nothing", () => {
    for (let ns = 0.001; ns < 1e12; ns *= 1.37) expect(/[1-9]/.test(duration(ns))).toBe(true);
  });
});

it("offsets carry a sign", () => {
  expect(plain(offset(12_100_000))).toBe("+12.1 ms");
  expect(plain(offset(-1_240_000_000))).toBe("−1.24 s");
  expect(offset(0)).toBe("0");
});

it("groups digits", () => {
  expect(plain(count(1204))).toBe("1 204");
  expect(plain(count(1_234_567))).toBe("1 234 567");
  expect(countShort(12_345)).toBe("12.3k");
  expect(countShort(999_600)).toBe("1.00M");
});

it("sizes are decimal", () => {
  expect(plain(bytes(999))).toBe("999 B");
  expect(plain(bytes(21_400))).toBe("21.4 kB");
  expect(plain(bytes(999_600))).toBe("1.00 MB");
});

it("ages", () => {
  const now = 1_800_000_000_000;
  expect(age(now + 5000, now)).toBe("now");
  expect(plain(ago(now - 12_000, now))).toBe("12 s ago");
  expect(plain(ago(now - 300_000, now))).toBe("5 min ago");
  expect(plain(ago(now - 86_400_000 * 3, now))).toBe("3 d ago");
});

it("one line", () => expect(oneLine("a\n  b", 10)).toBe("a b"));

it("rounds shares half away from zero", () => {
  expect([2 / 3, 1 / 3, 1 / 6, 0.125, 0.005, 0.9876].map((n) => share(n).replace("\u202f", " "))).toEqual(["67 %", "33 %", "17 %", "13 %", "0.50 %", "98.8 %"]);
});
it("rounds no crash away", () => {
  expect([1, 0.99999, 0.9987, 0.951, 0.5, 0.004, 0.00001, 0].map((n) => share(n).replace("\u202f", " "))).toEqual(["100 %", "99.99 %", "99.87 %", "95.1 %", "50 %", "0.40 %", "0.01 %", "0 %"]);
});
