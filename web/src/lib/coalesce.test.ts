import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { coalesce } from "./coalesce";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("runs at once, and once more for all that came meanwhile", () => {
  const run = vi.fn();
  const { call } = coalesce(run, 2000);
  call();
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(500);
  call();
  call();
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1500);
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1999);
  call();
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(60_000);
  expect(run).toHaveBeenCalledTimes(3);
});

it("does nothing after it was cancelled", () => {
  const run = vi.fn();
  const { call, cancel } = coalesce(run, 2000);
  call();
  call();
  cancel();
  vi.advanceTimersByTime(60_000);
  expect(run).toHaveBeenCalledTimes(1);
});
