import { expect, test } from "vitest";
import { fit, fittedTo } from "./fit";

const NOW = new Date(2026, 10, 21, 14, 0).getTime();
const HOUR_MS = 3_600_000;

test("only who chose no time gets a chart that begins with the first there is", () => {
  const asked = (search: string) => fit(new URLSearchParams("project=shop"), new URLSearchParams(search)).toString();
  expect(asked("project=shop&query=x")).toBe("project=shop&fit=true");
  for (const search of ["range=24h", "from=1", "to=2"]) expect(asked(search)).toBe("project=shop");
});

test("a fitted chart says when it begins, another nothing", () => {
  const none = new URLSearchParams();
  expect(fittedTo(none, NOW - HOUR_MS, NOW)).toBe("13:00");
  expect(fittedTo(none, NOW - 15 * HOUR_MS, NOW)).toBe("11-20 23:00");
  expect(fittedTo(none, NOW - 24 * HOUR_MS, NOW)).toBeNull();
  expect(fittedTo(new URLSearchParams("range=1h"), NOW - HOUR_MS, NOW)).toBeNull();
});
