// A line of code as an address that an editor on the reader's machine opens: which editor, and where the file of the
// server lies there. Only ever a URL scheme of an editor, never a request; everything about the file is hostile. Pure.

export type Editor = { id: string; name: string; template: string; note?: string };

/** `{path}` begins with a slash (`/C:/…` on Windows); `{line}` and `{column}` are numbers. */
export const EDITORS: readonly Editor[] = [
  { id: "vscode", name: "VS Code", template: "vscode://file{path}:{line}:{column}" },
  { id: "vscode-wsl", name: "VS Code, files in WSL", template: "vscode://vscode-remote/wsl+{host}{path}:{line}:{column}", note: "the distribution, e.g. Ubuntu" },
  { id: "vscode-ssh", name: "VS Code, files over SSH", template: "vscode://vscode-remote/ssh-remote+{host}{path}:{line}:{column}", note: "the host as ssh knows it" },
  { id: "vscode-insiders", name: "VS Code Insiders", template: "vscode-insiders://file{path}:{line}:{column}" },
  { id: "vscodium", name: "VSCodium", template: "vscodium://file{path}:{line}:{column}" },
  { id: "cursor", name: "Cursor", template: "cursor://file{path}:{line}:{column}" },
  { id: "windsurf", name: "Windsurf", template: "windsurf://file{path}:{line}:{column}" },
  { id: "zed", name: "Zed", template: "zed://file{path}:{line}:{column}" },
  { id: "pycharm", name: "PyCharm", template: "pycharm://open?file={path}&line={line}" },
  { id: "idea", name: "IntelliJ IDEA", template: "idea://open?file={path}&line={line}" },
  { id: "sublime", name: "Sublime Text", template: "subl://open?url=file://{path}&line={line}&column={column}", note: "with the handler subl-url-handler" },
  { id: "textmate", name: "TextMate", template: "txmt://open?url=file://{path}&line={line}&column={column}" },
  { id: "macvim", name: "MacVim", template: "mvim://open?url=file://{path}&line={line}&column={column}" },
  { id: "nvim", name: "Vim or Neovim", template: "nvim://open?file={path}&line={line}&column={column}", note: "with a handler you registered for nvim://" },
  { id: "emacs", name: "Emacs", template: "emacs://open?url=file://{path}&line={line}&column={column}", note: "with a handler you registered for emacs://" },
];

/** For a handler of one's own. */
export const CUSTOM = "custom";

export type PathRule = {
  /** A project's slug or a service; empty for all. */
  only: string;
  /** `/app/`, `C:\\build\\`, `shop/`; empty for every relative path. */
  from: string;
  to: string;
};
export type EditorSettings = { editor: string; host: string; template: string; rules: PathRule[] };
export const NO_EDITOR: EditorSettings = { editor: "", host: "", template: "", rules: [] };

export const RULES_MAX = 50;
const TEXT_MAX = 1000;

export type CodePlace = {
  path: string;
  line: number | null;
  column?: number | null;
  /** Of the project and service it ran in, as far as they are known. */
  places?: readonly string[];
};
/** `reason` says why there is no link, and what would make one. */
export type EditorLink = { href: string; path: string } | { href: null; reason: "no editor" | "no file" | "relative" | "bad template" };

/** What a browser does with these is not opening an editor, whoever wrote the template. */
const NEVER = new Set(["javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "http", "https", "ws", "wss", "ftp", "view-source", "chrome", "edge", "resource", "jar", "mailto", "tel", "sms", "intent", "ms-msdt", "search-ms"]);
const TEMPLATE = /^([a-z][a-z0-9+.-]{1,40}):[^\s\p{Cc}]+$/iu;

/** Why a template of one's own cannot be used; null when it can. The scheme is the template's own, so no path changes it. */
export function templateProblem(template: string): string | null {
  const scheme = TEMPLATE.exec(template)?.[1]?.toLowerCase();
  if (!scheme || /[{}]/.test(scheme)) return "Write an address such as myeditor://open?file={path}&line={line}";
  if (NEVER.has(scheme)) return `${scheme}: is not an editor's address`;
  if (!template.includes("{path}")) return "{path} is missing";
  const unknown = /\{(?!path\}|line\}|column\})[^}]*\}?/.exec(template);
  return unknown ? `${unknown[0]} is not known: {path}, {line} and {column} are` : null;
}

export function templateOf(settings: EditorSettings): string | null {
  if (settings.editor === CUSTOM) return templateProblem(settings.template) === null ? settings.template : null;
  const known = EDITORS.find(({ id }) => id === settings.editor)?.template;
  if (!known?.includes("{host}")) return known ?? null;
  // The host stands in the authority of the address: letters of names only.
  return /^[\w.@-]{1,100}$/.test(settings.host) ? known.replace("{host}", encodeURIComponent(settings.host)) : null;
}

export function editorLink(place: CodePlace, settings: EditorSettings): EditorLink {
  if (settings.editor === "") return { href: null, reason: "no editor" };
  const template = templateOf(settings);
  if (template === null) return { href: null, reason: "bad template" };
  const path = mapped(place, settings.rules);
  if (path === null) return { href: null, reason: "no file" };
  if (!isAbsolute(path)) return { href: null, reason: "relative" };
  const line = whole(place.line) ?? 1;
  const href = template
    .replaceAll("{line}", String(line))
    .replaceAll("{column}", String(whole(place.column) ?? 1))
    .replaceAll("{path}", () => encoded(path.startsWith("/") ? path : `/${path}`));
  // What the template says and nothing else: looked at once more in the end, as the browser will read it.
  try {
    const scheme = new URL(href).protocol.slice(0, -1);
    if (scheme !== TEMPLATE.exec(template)?.[1]?.toLowerCase() || NEVER.has(scheme)) return { href: null, reason: "bad template" };
  } catch {
    return { href: null, reason: "bad template" };
  }
  return { href, path: `${path}${place.line === null ? "" : `:${line}`}` };
}

const whole = (n: number | null | undefined): number | null => (typeof n === "number" && Number.isInteger(n) && n > 0 && n < 1e9 ? n : null);

const isAbsolute = (path: string): boolean => /^(?:\/|[A-Za-z]:\/)/.test(path);

function encoded(path: string): string {
  return path.toWellFormed().split("/").map((part) => (/^[A-Za-z]:$/.test(part) ? part : encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`))).join("/");
}

/** The file as the reader's machine calls it, by the first rule that fits; null for what is no file. */
export function mapped({ path: raw, places = [] }: CodePlace, rules: readonly PathRule[]): string | null {
  const path = tidy(raw);
  if (path === null) return null;
  for (const { only, from, to } of rules) {
    if (only !== "" && places.length > 0 && !places.includes(only)) continue;
    const rest = restAfter(path, slashed(from));
    if (rest === null || to.trim() === "") continue;
    const base = slashed(to.trim()).replace(/\/+$/, "");
    return rest === "" ? base : `${base}/${rest}`;
  }
  return path;
}

const slashed = (path: string): string => path.trim().replaceAll("\\", "/");

/** `null` when the path does not begin so; at the border of a folder only. An empty beginning is that of relative paths. */
function restAfter(path: string, from: string): string | null {
  const start = from.replace(/^\.\//, "").replace(/\/+$/, "");
  if (start === "" && !from.startsWith("/")) return isAbsolute(path) ? null : path;
  const isDrive = /^[A-Za-z]:/.test(start);
  const begins = isDrive ? path.toLowerCase().startsWith(start.toLowerCase()) : path.startsWith(start);
  if (!begins) return null;
  const rest = path.slice(start.length);
  return rest === "" ? "" : rest.startsWith("/") ? rest.slice(1) : null;
}

/**
 * Slashes only, no `.` and `..` (a rule's folder must not be left by them), or null for what is no file on a disk:
 * `<string>`, addresses, and network paths, which would make Windows greet a stranger's server.
 */
function tidy(raw: string): string | null {
  const path = slashed(raw).replace(/^file:\/\/(?=\/)/, "");
  if (path === "" || path.length > TEXT_MAX || /[\p{Cc}\u2028\u2029]/u.test(path)) return null;
  if (/^[<(]/.test(path) || /^[a-z][a-z0-9+.-]+:/i.test(path) || path.startsWith("//")) return null;
  const lead = /^(?:\/|[A-Za-z]:\/)/.exec(path)?.[0] ?? "";
  const out: string[] = [];
  for (const part of path.slice(lead.length).split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.length > 0) out.pop();
    else if (lead === "") return null;
  }
  return out.length === 0 ? null : lead + out.join("/");
}

/** `shop/views.py:23`, `/app/shop/views.py:23:5`, as people write a place. */
export function parsePlace(text: string): CodePlace {
  const match = /^(.*?)(?::(\d+))?(?::(\d+))?$/.exec(text.trim());
  return { path: match?.[1] ?? "", line: match?.[2] ? Number(match[2]) : null, column: match?.[3] ? Number(match[3]) : null };
}

/** A place as the server words it, `shop/views.py:12 in books_list`, in pieces that can be made shorter one by one. */
export function sitePieces(text: string): { folder: string; file: string; path: string; line: number | null; within: string | null } {
  const named = /^(.*?:\d+)(?: in (.+))?$/.exec(text) ?? /^(.*) in (\S+)$/.exec(text);
  const { path, line } = parsePlace(named?.[1] ?? text);
  const folder = /^.*[/\\]/.exec(path)?.[0] ?? "";
  return { folder, file: path.slice(folder.length), path, line, within: named?.[2] ?? null };
}

/** The end of a folder, where those of one application differ. */
const FOLDER_SHOWN = 24;
export function shortFolder(folder: string): string {
  if (folder.length <= FOLDER_SHOWN) return folder;
  const end = /[/\\](.*)$/.exec(folder.slice(-FOLDER_SHOWN))?.[1] ?? "";
  return `…/${end}`;
}

/** What was stored, whatever became of it meanwhile. */
export function readSettings(text: string | null): EditorSettings {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "null");
  } catch {
    return NO_EDITOR;
  }
  if (typeof stored !== "object" || stored === null) return NO_EDITOR;
  const { editor, host, template, rules } = stored as Record<string, unknown>;
  const word = (value: unknown) => (typeof value === "string" ? value.slice(0, TEXT_MAX) : "");
  const known = word(editor);
  return {
    editor: known === CUSTOM || EDITORS.some(({ id }) => id === known) ? known : "",
    host: word(host),
    template: word(template),
    rules: (Array.isArray(rules) ? rules : []).slice(0, RULES_MAX).flatMap((rule: unknown) => {
      if (typeof rule !== "object" || rule === null) return [];
      const { only, from, to } = rule as Record<string, unknown>;
      return [{ only: word(only), from: word(from), to: word(to) }];
    }),
  };
}
