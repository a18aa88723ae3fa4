import { expect, it } from "vitest";
import { readsFor, readsOf } from "./prefetch";

const here = "http://trapline.example/issues?query=x";

it("knows what the page behind a link reads first", () => {
  expect(readsFor("/issues/SHOP-1", here)).toEqual(["/api/ui/issues/SHOP-1", "/api/ui/issues/SHOP-1/events/latest"]);
  expect(readsFor("http://trapline.example/issues/SHOP-1/events/AB-12", here)).toEqual(["/api/ui/issues/SHOP-1", "/api/ui/issues/SHOP-1/events/ab12"]);
  expect(readsFor("/traces/0AF7?span=1", here)).toEqual(["/api/ui/traces/0af7?packed=1"]);
  for (const href of ["http://elsewhere.example/issues/SHOP-1", "vscode://file/x", "/issues", "/settings", "http://["]) expect(readsFor(href, here)).toEqual([]);
});

it("lets a page say otherwise", () => {
  readsOf("/releases/:version", ({ version = "" }, search) => [`/api/ui/releases/${version}?environment=${search.get("environment")}`]);
  expect(readsFor("/releases/1.0?environment=prod", here)).toEqual(["/api/ui/releases/1.0?environment=prod"]);
});
