// The request of an event once more: as curl, HTTPie, Python requests, or Django's test client. Everything in it comes
// from strangers and is pasted into shells, so every argument is quoted, begins with nothing an option begins with, and
// holds no control characters (they could end a terminal's paste). What was filtered becomes a placeholder. Pure.

import type { RequestDetail } from "../../api/types";

export type ReplayKind = "curl" | "httpie" | "requests" | "django";
export type Replay = { text: string; notes: string[] };

export const REPLAYS: readonly { kind: ReplayKind; name: string; note: string }[] = [
  { kind: "curl", name: "curl", note: "shell" },
  { kind: "httpie", name: "HTTPie", note: "shell" },
  { kind: "django", name: "Django test client", note: "manage.py shell" },
  { kind: "requests", name: "Python requests", note: "script" },
];

/** Linux takes 128 KiB in one argument, quotes and all; longer bodies are cut, and said to be. */
export const BODY_MAX = 60_000;
const HEADERS_MAX = 60;
/** Where a path without a host is tried: Django's own server. */
const DEV_SERVER = "http://127.0.0.1:8000";

const HIDDEN = /^\[?(filtered|redacted|scrubbed)\]?$/i;
/** Set by every client itself, or meaningless on another connection. */
const HEADERS_LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding", "cookie", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer", "expect", "http2-settings"]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z-]*$/;

export type Body = { kind: "json"; value: unknown; text: string } | { kind: "form"; fields: [string, string][]; text: string } | { kind: "multipart"; fields: [string, string][] } | { kind: "text"; text: string };
/** A request that every tool below can make: checked, cut, with placeholders. */
export type Prepared = { method: string; url: string; headers: [string, string][]; cookies: [string, string][]; body: Body | null; contentType: string | null; notes: string[] };

export function replay(kind: ReplayKind, request: RequestDetail): Replay {
  const prepared = prepare(request);
  const write = { curl, httpie, requests, django }[kind];
  const text = write(prepared);
  // Letters, digits and a few signs only: a shell that takes "#" for a command (zsh does) must not see more in a note.
  const notes = prepared.notes.map((note) => note.replace(/[^\w ,.:-]+/g, " ").replace(/\s+/g, " ").trim());
  return { text: [...notes.map((note) => `# ${note}`), text].join("\n"), notes };
}

export function prepare(request: RequestDetail): Prepared {
  const notes: string[] = [];
  const filled = new Set<string>();
  const hide = (name: string, value: string): string => {
    if (!HIDDEN.test(value)) return value;
    filled.add(name);
    return `<${name}>`;
  };
  let hasControls = false;
  const clean = (text: string, isLine = true): string => {
    const whole = text.toWellFormed();
    const out = isLine ? whole.replace(/[\p{Cc}\u2028\u2029]+/gu, " ") : whole.replace(/\r\n/g, "\n").replace(/[^\P{Cc}\n\t]+/gu, "");
    if (out.length !== whole.length && /[^\P{Cc}\r\n\t]/u.test(whole)) hasControls = true;
    return out;
  };

  const method = (request.method ?? "GET").toUpperCase();
  const isMethod = /^[A-Z][A-Z-]{0,30}$/.test(method);
  if (!isMethod) notes.push("The method of the event cannot be sent: GET stands for it");

  const headers: [string, string][] = [];
  let badHeaders = 0;
  for (const { key, value } of request.headers) {
    if (HEADERS_LEFT_OUT.has(key.toLowerCase()) || key.startsWith(":")) continue;
    if (!HEADER_NAME.test(key) || headers.length >= HEADERS_MAX) badHeaders += 1;
    else headers.push([key, clean(hide(key, value)).trim()]);
  }
  if (badHeaders > 0) notes.push(`${badHeaders} headers that cannot be sent were left out`);
  const cookies = request.cookies.filter(({ key }) => /^[^\s=;,]+$/.test(key)).map(({ key, value }): [string, string] => [clean(key), clean(hide(key, value)).replaceAll(";", "%3B")]);

  const declared = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? null;
  const inferred = request.inferred_content_type;
  const body = bodyOf(request.data, declared ?? inferred ?? "", hide, (text) => clean(text, false), notes);
  const url = addressOf(request, clean(request.url ?? "/"), hide, notes);

  if (filled.size > 0) notes.unshift(`Fill in, they were filtered: ${[...filled].join(", ")}`);
  if (hasControls) notes.push("Control characters were left out");
  return { method: isMethod ? method : "GET", url, headers, cookies, body, contentType: declared ?? (body ? (inferred ?? typeOf(body)) : null), notes };
}

function typeOf(body: Body): string | null {
  return body.kind === "json" ? "application/json" : body.kind === "form" ? "application/x-www-form-urlencoded" : body.kind === "text" ? "text/plain" : null;
}

/** Always http or https and a host: an option, a file or another protocol must not come of it. */
function addressOf(request: RequestDetail, whole: string, hide: (name: string, value: string) => string, notes: string[]): string {
  const sent = whole.trim();
  let url = sent;
  if (!/^https?:\/\/[^\s/?#]/i.test(sent)) {
    url = `${DEV_SERVER}/${sent.replace(/^[a-z][a-z0-9+.-]*:/i, "").replace(/^[^/]*\/\/[^/]*/, "").replace(/^\/+/, "")}`;
    notes.push(`The event does not say the host: ${DEV_SERVER.slice(7)} stands for it`);
  }
  url = url.replace(/\s/g, (space) => encodeURIComponent(space));
  if (!url.includes("?") && request.query.length > 0) {
    const query = request.query.map(({ key, value }) => `${encodeURIComponent(key.toWellFormed())}=${HIDDEN.test(value) ? hide(encodeURIComponent(key.toWellFormed()), value) : encodeURIComponent(value.toWellFormed())}`);
    url = `${url.split("#")[0]}?${query.join("&")}`;
  } else url = url.replace(/([?&])([^=&#]+)=(?:\[Filtered\]|%5BFiltered%5D)/gi, (_, before: string, name: string) => `${before}${name}=${hide(name, "[Filtered]")}`);
  return url;
}

function bodyOf(data: unknown, type: string, hide: (name: string, value: string) => string, clean: (text: string) => string, notes: string[]): Body | null {
  if (data === null || data === undefined || data === "") return null;
  if (typeof data === "string") {
    const text = cut(clean(data), notes);
    if (HIDDEN.test(text)) {
      notes.push("The body was filtered");
      return null;
    }
    return { kind: "text", text };
  }
  const isForm = /^application\/x-www-form-urlencoded/i.test(type);
  const isMultipart = /^multipart\/form-data/i.test(type);
  if ((isForm || isMultipart) && typeof data === "object" && !Array.isArray(data)) {
    const fields: [string, string][] = [];
    let isCut = false;
    let size = 0;
    for (const [name, value] of Object.entries(data))
      for (const one of Array.isArray(value) ? value : [value]) {
        const text = clean(hide(name, plain(one)));
        size += name.length + text.length;
        if (size > BODY_MAX) isCut = true;
        else fields.push([clean(name), text]);
      }
    if (isCut) notes.push("The body was cut: fields are missing");
    if (isMultipart) {
      notes.push("Files that were uploaded are not kept");
      return { kind: "multipart", fields };
    }
    const form = new URLSearchParams(fields);
    return { kind: "form", fields, text: form.toString() };
  }
  const value = withPlaceholders(data, "body", hide);
  const text = JSON.stringify(value);
  return text.length > BODY_MAX ? { kind: "text", text: cut(text, notes) } : { kind: "json", value, text };
}

function cut(text: string, notes: string[]): string {
  if (text.length <= BODY_MAX) return text;
  notes.push(`The body was cut: ${BODY_MAX} of ${text.length} characters`);
  return text.slice(0, BODY_MAX).toWellFormed();
}

const plain = (value: unknown): string => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

function withPlaceholders(value: unknown, name: string, hide: (name: string, value: string) => string): unknown {
  if (typeof value === "string") return hide(name, value).toWellFormed();
  if (Array.isArray(value)) return value.map((item) => withPlaceholders(item, name, hide));
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), withPlaceholders(item, key, hide)]));
  return value;
}

// Shells ------------------------------------------------------------------------------------------------------------

/** In single quotes nothing means anything; the quote itself stands outside them. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const joined = (parts: readonly string[]) => parts.join(" \\\n  ");
const cookieText = (cookies: readonly [string, string][]) => cookies.map(([name, value]) => `${name}=${value}`).join("; ");

export function curl({ method, url, headers, cookies, body, contentType }: Prepared): string {
  const parts = ["curl"];
  // Brackets and braces of an address are patterns to curl.
  if (/[[\]{}]/.test(url)) parts[0] += " --globoff";
  const isMultipart = body?.kind === "multipart";
  if (method === "HEAD") parts.push("--head");
  else if (method !== (body ? "POST" : "GET")) parts.push(`-X ${method}`);
  parts.push(quote(url));
  for (const [name, value] of headers) {
    if (isMultipart && name.toLowerCase() === "content-type") continue;
    parts.push(`-H ${quote(value === "" ? `${name};` : `${name}: ${value}`)}`);
  }
  if (contentType && body && !isMultipart && !headers.some(([name]) => name.toLowerCase() === "content-type")) parts.push(`-H ${quote(`Content-Type: ${contentType}`)}`);
  if (cookies.length > 0) parts.push(`-b ${quote(cookieText(cookies))}`);
  if (body?.kind === "multipart") for (const [name, value] of body.fields) parts.push(`--form-string ${quote(`${name.replaceAll("=", "%3D")}=${value}`)}`);
  else if (body) parts.push(`--data-raw ${quote(body.text)}`);
  return joined(parts);
}

/** In an item of HTTPie a backslash takes the meaning from a separator; one of the value's own cannot stand before one. */
const itemValue = (value: string): string | null => (/\\[:;=@]/.test(value) ? null : value.replace(/[:;=@]/g, "\\$&"));

export function httpie({ method, url, headers, cookies, body, contentType, notes }: Prepared): string {
  const isMultipart = body?.kind === "multipart";
  const parts = [`http ${isMultipart ? "--multipart " : ""}${method}`, quote(url)];
  const addItem = (name: string, separator: ":" | "=", value: string) => {
    const text = itemValue(value);
    if (text === null || /^-|[:;=@\\]/.test(name)) notes.push(`${name} cannot be written for HTTPie`);
    else parts.push(quote(value === "" && separator === ":" ? `${name};` : `${name}${separator}${text}`));
  };
  for (const [name, value] of headers) {
    if (isMultipart && name.toLowerCase() === "content-type") continue;
    addItem(name, ":", value);
  }
  if (contentType && body && !isMultipart && !headers.some(([name]) => name.toLowerCase() === "content-type")) addItem("Content-Type", ":", contentType);
  if (cookies.length > 0) addItem("Cookie", ":", cookieText(cookies));
  if (body?.kind === "multipart") for (const [name, value] of body.fields) addItem(name, "=", value);
  else if (body) parts.push(`--raw=${quote(body.text)}`);
  return joined(parts);
}

// Python ------------------------------------------------------------------------------------------------------------

/** A literal that Python reads back as this very text. */
export function pythonString(text: string): string {
  const mark = text.includes('"') && !text.includes("'") ? "'" : '"';
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    if (c === "\\" || c === mark) out += `\\${c}`;
    else if (c === "\n") out += "\\n";
    else if (c === "\r") out += "\\r";
    else if (c === "\t") out += "\\t";
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) out += `\\x${code.toString(16).padStart(2, "0")}`;
    // Lone halves, and what turns the direction of a line or breaks it.
    else if ((code >= 0xd800 && code < 0xe000) || /[\p{Cf}\p{Zl}\p{Zp}]/u.test(c)) out += code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
    else out += c;
  }
  return `${mark}${out}${mark}`;
}

/** What `json.loads` would have made of a value. */
export function pythonValue(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "None";
  if (typeof value === "string") return pythonString(value);
  const deeper = `${indent}    `;
  const entries = Array.isArray(value) ? value.map((one) => pythonValue(one, deeper)) : Object.entries(value).map(([key, one]) => `${pythonString(key)}: ${pythonValue(one, deeper)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const line = `${open}${entries.join(", ")}${close}`;
  if (line.length + indent.length <= 88 && !line.includes("\n")) return line;
  return `${open}\n${entries.map((entry) => `${deeper}${entry},`).join("\n")}\n${indent}${close}`;
}

const pairs = (fields: readonly [string, string][], indent: string): string => {
  // A name that comes twice needs a list of pairs, or of values.
  const names = new Map<string, string[]>();
  for (const [name, value] of fields) names.set(name, [...(names.get(name) ?? []), value]);
  return pythonValue(Object.fromEntries([...names].map(([name, values]) => [name, values.length === 1 ? values[0] : values])), indent);
};

export function requests({ method, url, headers, cookies, body, contentType }: Prepared): string {
  const args = [`    ${pythonString(method)},`, `    ${pythonString(url)},`];
  const isOwnType = (name: string) => name.toLowerCase() === "content-type" && (body?.kind === "multipart" || body?.kind === "form");
  const sent = headers.filter(([name]) => !isOwnType(name));
  if (contentType && body?.kind === "text" && !sent.some(([name]) => name.toLowerCase() === "content-type")) sent.push(["Content-Type", contentType]);
  if (sent.length > 0) args.push(`    headers=${pairsOnce(sent, "    ")},`);
  if (cookies.length > 0) args.push(`    cookies=${pairsOnce(cookies, "    ")},`);
  if (body?.kind === "json") args.push(`    json=${pythonValue(body.value, "    ")},`);
  else if (body?.kind === "form") args.push(`    data=${pairs(body.fields, "    ")},`);
  else if (body?.kind === "multipart") args.push(`    files=[${body.fields.map(([name, value]) => `(${pythonString(name)}, (None, ${pythonString(value)}))`).join(", ")}],`);
  else if (body) args.push(`    data=${pythonString(body.text)}.encode(),`);
  return `import requests\n\nresponse = requests.request(\n${args.join("\n")}\n    allow_redirects=False,\n)\nprint(response.status_code, response.reason)\nprint(response.text)`;
}

/** The last of a name wins, as in a dictionary. */
const pairsOnce = (fields: readonly [string, string][], indent: string): string => pythonValue(Object.fromEntries(fields), indent);

/** Inside the application, with its own settings and database: the exception is raised where it is called. */
export function django({ method, url, headers, cookies, body, contentType }: Prepared): string {
  const { protocol, hostname, port, path } = partsOf(url);
  const isSecure = protocol === "https:";
  const client = [`SERVER_NAME=${pythonString(hostname)}`, ...(port !== "" ? [`SERVER_PORT=${pythonString(port)}`] : [])];
  const lines = ["from django.test import Client", "", `client = Client(${client.join(", ")})`];
  for (const [name, value] of cookies) lines.push(`client.cookies[${pythonString(name)}] = ${pythonString(value)}`);
  const args = [`    ${pythonString(path)},`];
  const known = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]);
  const isPost = method === "POST";
  let call = method.toLowerCase();
  if (body?.kind === "multipart" && isPost) args.push(`    data=${pairs(body.fields, "    ")},`);
  else if (body) {
    const text = body.kind === "multipart" ? new URLSearchParams(body.fields).toString() : null;
    const isJson = body.kind === "json" && typeof body.value === "object" && ["POST", "PUT", "PATCH", "DELETE"].includes(method) && /^application\/(?:[\w.+-]+\+)?json$/i.test((contentType ?? "application/json").split(";")[0]?.trim() ?? "");
    if (isJson) args.push(`    data=${pythonValue(body.value, "    ")},`);
    else args.push(`    data=${pythonString(text ?? (body.kind === "multipart" ? "" : body.text))},`);
    args.push(`    content_type=${pythonString(text !== null ? "application/x-www-form-urlencoded" : (contentType ?? "application/octet-stream"))},`);
    // Only some of the client's methods take a body.
    if (["GET", "HEAD", "TRACE"].includes(method) || !known.has(method)) call = "generic";
  } else if (!known.has(method)) call = "generic";
  if (call === "generic") args.unshift(`    ${pythonString(method)},`);
  const sent = headers.filter(([name]) => name.toLowerCase() !== "content-type");
  if (sent.length > 0) args.push(`    headers=${pairsOnce(sent, "    ")},  # Django 4.2 and newer`);
  if (isSecure) args.push("    secure=True,");
  lines.push(args.length === 1 ? `response = client.${call}(${args[0]?.trim().replace(/,$/, "")})` : `response = client.${call}(\n${args.join("\n")}\n)`);
  lines.push("print(response.status_code)", "print(response.content.decode(errors=\"replace\"))");
  return lines.join("\n");
}

function partsOf(url: string): { protocol: string; hostname: string; port: string; path: string } {
  const match = /^(https?:)\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#]+)(?::(\d+))?([^#]*)/i.exec(url);
  const path = match?.[4] ?? "/";
  return { protocol: match?.[1]?.toLowerCase() ?? "http:", hostname: match?.[2] ?? "127.0.0.1", port: match?.[3] ?? "", path: path.startsWith("/") ? path : `/${path}` };
}
