import { expect, it } from "vitest";
import { EDITORS, type EditorSettings, editorLink, mapped, NO_EDITOR, parsePlace, readSettings, shortFolder, sitePieces, templateProblem } from "./editor";

const settings = (over: Partial<EditorSettings>): EditorSettings => ({ ...NO_EDITOR, editor: "vscode", ...over });
const rule = (from: string, to: string, only = "") => ({ from, to, only });
const href = (path: string, over: Partial<EditorSettings> = {}, line: number | null = 35) => editorLink({ path, line }, settings(over)).href;

it("maps paths by the first rule that fits, at the borders of folders", () => {
  const rules = [rule("/app/lib", "/home/me/lib/"), rule("/app/", "/home/me/shop"), rule("shop/", "/home/me/shop/src/shop"), rule("", "/home/me/any/"), rule("C:\\Build\\", "/mnt/c/build")];
  const to = (path: string) => mapped({ path, line: null }, rules);
  expect(to("/app/shop/cart.py")).toBe("/home/me/shop/shop/cart.py");
  expect(to("/app/lib/x.py")).toBe("/home/me/lib/x.py");
  expect(to("/app/library/x.py")).toBe("/home/me/shop/library/x.py");
  expect(to("/application/x.py")).toBe("/application/x.py");
  expect(to("shop/views.py")).toBe("/home/me/shop/src/shop/views.py");
  expect(to("./app.py")).toBe("/home/me/any/app.py");
  expect(to("c:\\build\\a\\b.py")).toBe("/mnt/c/build/a/b.py");
  expect(mapped({ path: "/srv/x.py", line: null }, [rule("/", "D:\\code\\")])).toBe("D:/code/srv/x.py");
});

it("keeps rules to their project, where it is known", () => {
  const rules = [rule("/app/", "/home/a/", "shop"), rule("/app/", "/home/b/")];
  expect(mapped({ path: "/app/x.py", line: null, places: ["shop"] }, rules)).toBe("/home/a/x.py");
  expect(mapped({ path: "/app/x.py", line: null, places: ["blog"] }, rules)).toBe("/home/b/x.py");
  expect(mapped({ path: "/app/x.py", line: null }, rules)).toBe("/home/a/x.py");
});

it("does not leave a rule's folder, and opens no network path and no address", () => {
  expect(mapped({ path: "/app/../etc/passwd", line: null }, [rule("/app/", "/home/me/")])).toBe("/etc/passwd");
  expect(mapped({ path: "/app/a/../../../etc/passwd", line: null }, [rule("/app/", "/home/me/")])).toBe("/etc/passwd");
  for (const path of ["", "<string>", "<frozen importlib._bootstrap>", "//evil/share/x.py", "\\\\evil\\share\\x.py", "https://evil/x.js", "javascript:alert(1)", "data:text/html,x", "../../etc/passwd", "a\u0000b", "a\nb", "x".repeat(2000)])
    expect(mapped({ path, line: 1 }, [rule("", "/home/me/")]), path).toBeNull();
});

it("writes the address of each editor, whatever the path holds", () => {
  expect(href("/home/me/shop/cart.py")).toBe("vscode://file/home/me/shop/cart.py:35:1");
  expect(href("C:\\work\\cart.py")).toBe("vscode://file/C:/work/cart.py:35:1");
  expect(href("/a b/ü&#?%.py", { editor: "pycharm" })).toBe("pycharm://open?file=/a%20b/%C3%BC%26%23%3F%25.py&line=35");
  expect(href("/home/me/x.py", { editor: "vscode-wsl", host: "Ubuntu" })).toBe("vscode://vscode-remote/wsl+Ubuntu/home/me/x.py:35:1");
  expect(href("/home/me/x.py", { editor: "vscode-wsl", host: "a/b" })).toBeNull();
  expect(href("/x/{line}/{path}.py")).toBe("vscode://file/x/%7Bline%7D/%7Bpath%7D.py:35:1");
  for (const { id, template } of EDITORS) {
    expect(templateProblem(template.replace("{host}", "h"))).toBeNull();
    const made = href("/x/'\"<>javascript:alert(1)//../\ud800.py", { editor: id, host: "h" });
    expect(new URL(made ?? "").protocol).toBe(`${template.split(":")[0]}:`);
  }
  expect(editorLink({ path: "shop/x.py", line: 1 }, settings({}))).toEqual({ href: null, reason: "relative" });
  expect(editorLink({ path: "/x.py", line: 1 }, NO_EDITOR)).toEqual({ href: null, reason: "no editor" });
  expect(href("/x.py", {}, null)).toBe("vscode://file/x.py:1:1");
});

it("takes a template of one's own, but none that a page or a server would run", () => {
  const own = (template: string) => href("/x.py", { editor: "custom", template });
  expect(own("mine://go?f={path}&l={line}")).toBe("mine://go?f=/x.py&l=35");
  for (const template of ["javascript:alert({path})", "JavaScript:alert({path})", "java\tscript:{path}", " javascript:{path}", "data:text/html,{path}", "http://127.0.0.1:63342/api/file{path}", "https://x{path}", "file://{path}", "{path}", "{path}:{line}", "x:{path}", "mine://", "mine://{file}{path}", "blob:{path}", "view-source:{path}", "mine:{path} x"])
    expect(own(template), template).toBeNull();
});

it("reads a place as people write it, and settings as they may be stored", () => {
  expect(parsePlace("shop/views.py:23")).toEqual({ path: "shop/views.py", line: 23, column: null });
  expect(parsePlace("C:\\x.py:2:5")).toEqual({ path: "C:\\x.py", line: 2, column: 5 });
  expect(parsePlace("x.py")).toEqual({ path: "x.py", line: null, column: null });
  for (const stored of [null, "", "{", "5", "[]", '{"editor":"evil","rules":7}']) expect(readSettings(stored)).toEqual(NO_EDITOR);
  expect(readSettings('{"editor":"zed","rules":[{"from":"/a","to":"/b"},null,{"from":5}]}')).toEqual({ editor: "zed", host: "", template: "", rules: [{ only: "", from: "/a", to: "/b" }, { only: "", from: "", to: "" }] });
});

it("a line that asks comes in pieces, whatever of it is known", () => {
  expect(sitePieces("/srv/app/shop/views.py:17 in books")).toEqual({ folder: "/srv/app/shop/", file: "views.py", path: "/srv/app/shop/views.py", line: 17, within: "books" });
  expect(sitePieces("manage.py")).toEqual({ folder: "", file: "manage.py", path: "manage.py", line: null, within: null });
  expect(sitePieces("C:\\work in hand\\views.py:3")).toEqual({ folder: "C:\\work in hand\\", file: "views.py", path: "C:\\work in hand\\views.py", line: 3, within: null });
  expect(sitePieces("a.py:3 in Books.<lambda at b.py:7>")).toEqual({ folder: "", file: "a.py", path: "a.py", line: 3, within: "Books.<lambda at b.py:7>" });
  expect(sitePieces("shop/a.py in books")).toMatchObject({ file: "a.py", line: null, within: "books" });
});

it("of a long folder the end is shown, whole names of it", () => {
  expect(["shop/", "", "/srv/apps/production/shop/", "/srv/apps/only-of-this-one/production/", `/srv/${"x".repeat(40)}/`].map(shortFolder)).toEqual(["shop/", "", "…/apps/production/shop/", "…/production/", "…/"]);
});
