import { expect, it } from "vitest";
import { alike } from "./compare";

const item = (key: string, share_in: number, share_out: number, lift: number | null = null) => ({ key, value: "x", share_in, share_out, lift });

it("facts with the same numbers are one row, the application's own in front", () => {
  const rows = alike([item("telemetry.sdk.name", 1, 0.1, 10), item("db.system", 0.5, 0.1, 5), item("service.name", 1, 0.1, 10), item("otel.scope.name", 1, 0.1, 10), item("http.route", 1, 0.1)]);
  expect(rows.map(({ items }) => items.map(({ key }) => key))).toEqual([["service.name", "telemetry.sdk.name", "otel.scope.name"], ["db.system"], ["http.route"]]);
});

it("nothing is nothing", () => expect(alike([])).toEqual([]));
