import { expect, it } from "vitest";
import { WHOLE_MAX, windowAt } from "./window";

it("draws a short list whole", () => {
  expect(windowAt(WHOLE_MAX, 44, 5000, 100)).toEqual({ from: 0, to: WHOLE_MAX });
  expect(windowAt(0, 44, 0, 800)).toEqual({ from: 0, to: 0 });
});

it("always has the rows in sight, and few more", () => {
  for (const size of [41, 100, 10_000])
    for (const height of [200, 800, 1400])
      for (let above = -500; above < size * 44 + 2000; above += size > 1000 ? 4099 : 37) {
        const { from, to } = windowAt(size, 44, above, height);
        const firstSeen = Math.max(0, Math.floor(above / 44));
        const lastSeen = Math.min(size - 1, Math.floor((above + height) / 44));
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(size);
        expect(to).toBeGreaterThan(from);
        if (firstSeen < size && lastSeen >= firstSeen) {
          expect(from).toBeLessThanOrEqual(firstSeen);
          expect(to).toBeGreaterThan(lastSeen);
        }
        expect(to - from).toBeLessThanOrEqual(Math.ceil(height / 44) + 30);
      }
});
