import { expect, it } from "vitest";
import type { RequestDetail } from "../../api/types";
import { request } from "./made-up";
import { BODY_MAX, prepare, pythonString, pythonValue, quote, replay } from "./request";

const curl = (over: Partial<RequestDetail>) => replay("curl", request(over)).text;

/** The words of a command as a POSIX shell takes them apart: quotes, backslashes, and nothing else that means anything. */
function words(command: string): string[] {
  const out: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < command.length; i++) {
    const c = command.charAt(i);
    if (c === "'") {
      const end = command.indexOf("'", i + 1);
      if (end < 0) throw new Error("a quote is open");
      word = (word ?? "") + command.slice(i + 1, end);
      i = end;
    } else if (c === "\\") {
      i += 1;
      if (command.charAt(i) !== "\n") word = (word ?? "") + command.charAt(i);
    } else if (c === " " || c === "\t") {
      if (word !== null) out.push(word);
      word = null;
    } else if (/["`$&|;<>()*?[\]{}~!#\n]/.test(c)) throw new Error(`${c} stands bare`);
    else word = (word ?? "") + c;
  }
  if (word !== null) out.push(word);
  return out;
}

/** The last line is the command; comments before it hold nothing a shell could take amiss. */
function commandOf(text: string): string[] {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => !line.startsWith("# "));
  for (const note of lines.slice(0, first)) expect(note).toMatch(/^# [\w ,.:-]*$/);
  return words(lines.slice(first).join("\n"));
}

let seed = 1;
const random = (n: number) => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * n);
};
const PIECES = ["a", "Z", "0", "'", '"', "\\", "$", "`", "!", "&", ";", "|", "<", ">", "(", ")", "*", "?", "[", "]", "{", "}", "~", "#", "%", "@", "=", ":", "\n", "\t", " ", "-", "--", "é", "日本", "😀", "\u202e", "\u0000", "\u001b[201~", "\ud800", "\r", "$(id)", "'\\''", "\\'", "@/etc/passwd", "[Filtered]"];
const text = (max = 12) => Array.from({ length: random(max) }, () => PIECES[random(PIECES.length)]).join("");

const anyRequest = (): RequestDetail =>
  request({
    method: ["GET", "POST", "PUT", "DELETE", "HEAD", "get", "", text(3)][random(8)] ?? "GET",
    url: [`http://x/${text()}`, text(), `file:///${text(4)}`, "-o/tmp/x", "javascript:alert(1)", "https://x:1/a?b=c"][random(6)] ?? "/",
    query: Array.from({ length: random(3) }, () => ({ key: text(4), value: text(6) })),
    headers: Array.from({ length: random(4) }, () => ({ key: ["X-A", "Accept", "Content-Type", text(3), "-o", "@file"][random(6)] ?? "X", value: text() })),
    cookies: Array.from({ length: random(3) }, () => ({ key: text(3), value: text(5) })),
    data: [null, text(30), { a: text(), b: [1, true, null, text()] }, [text()], 5, ""][random(6)] ?? null,
    inferred_content_type: [null, "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"][random(4)] ?? null,
  });

const FLAGS = new Set(["--globoff", "--head", "--multipart"]);
const WITH_VALUE = new Set(["-X", "-H", "-b", "--data-raw", "--form-string"]);

it("curl gets exactly the request, whatever was sent, and nothing else", () => {
  for (let i = 0; i < 3000; i++) {
    const made = anyRequest();
    const prepared = prepare(made);
    const [name, ...args] = commandOf(replay("curl", made).text);
    expect(name).toBe("curl");
    const got: Record<string, string[]> = {};
    const bare: string[] = [];
    for (let at = 0; at < args.length; at++) {
      const arg = args[at] ?? "";
      if (WITH_VALUE.has(arg)) (got[arg] ??= []).push(args[(at += 1)] ?? "");
      else if (!FLAGS.has(arg)) bare.push(arg);
    }
    // One address, and it is none of an option, a file or another protocol.
    expect(bare).toEqual([prepared.url]);
    expect(prepared.url).toMatch(/^https?:\/\/[^\s]+$/);
    for (const header of got["-H"] ?? []) expect(header).toMatch(/^[^@\s:;]+(?:: .*|;)$/u);
    const { body } = prepared;
    if (body && body.kind !== "multipart") expect(got["--data-raw"]).toEqual([body.text]);
    else expect(got["--data-raw"]).toBeUndefined();
    // Nothing that a terminal acts on while it is pasted.
    expect(replay("curl", made).text).not.toMatch(/[^\P{Cc}\n\t]/u);
  }
});

/** An item of HTTPie as its parser splits it: a backslash takes the meaning from the separator after it. */
function httpieItem(item: string): [string, string, string] {
  let name = "";
  for (let i = 0; i < item.length; i++) {
    const c = item.charAt(i);
    if (c === "\\" && /[:;=@]/.test(item.charAt(i + 1))) name += item.charAt((i += 1));
    else if (/[:;=@]/.test(c)) {
      const separator = /^(?::=@|:=|==|:@|=@|[:=@;])/.exec(item.slice(i))?.[0] ?? c;
      return [name, separator, item.slice(i + separator.length).replace(/\\([:;=@])/g, "$1")];
    } else name += c;
  }
  return [name, "", ""];
}

it("HTTPie gets headers and fields, never a file", () => {
  for (let i = 0; i < 3000; i++) {
    const made = anyRequest();
    const prepared = prepare(made);
    const [name, ...args] = commandOf(replay("httpie", made).text);
    expect(name).toBe("http");
    const rest = args[0] === "--multipart" ? args.slice(1) : args;
    expect(rest[0]).toBe(prepared.method);
    expect(rest[1]).toBe(prepared.url);
    for (const arg of rest.slice(2)) {
      if (arg.startsWith("--raw=")) {
        expect(prepared.body && prepared.body.kind !== "multipart" ? prepared.body.text : null).toBe(arg.slice(6));
        continue;
      }
      const [key, separator, value] = httpieItem(arg);
      expect([":", "=", ";"]).toContain(separator);
      if (separator === ":" && !["Cookie", "Content-Type"].includes(key)) expect(prepared.headers).toContainEqual([key, value]);
    }
  }
});

/** A Python literal without its escapes. */
function readPython(literal: string): string {
  const mark = literal.charAt(0);
  expect(literal.endsWith(mark)).toBe(true);
  const inner = literal.slice(1, -1);
  expect(inner.replace(/\\[\s\S]/g, "")).not.toContain(mark);
  expect(inner).not.toContain("\n");
  return inner.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\s\S]))/g, (_, x?: string, u?: string, U?: string, c?: string) =>
    c === undefined ? String.fromCodePoint(Number.parseInt(x ?? u ?? U ?? "0", 16)) : ({ n: "\n", r: "\r", t: "\t" }[c] ?? c),
  );
}

it("Python reads every text back as it was", () => {
  for (let i = 0; i < 3000; i++) {
    const made = text(20);
    expect(readPython(pythonString(made))).toBe(made);
  }
  expect(pythonValue({ a: [1, true, null, "x"], "b'": 1e21 })).toBe("{\"a\": [1, True, None, \"x\"], \"b'\": 1e+21}");
});

it("quotes for the shell and leaves out what was filtered", () => {
  const made = replay("curl", request({
    method: "POST", url: "http://x/it's", query: [{ key: "a b", value: "1&2" }, { key: "token", value: "[Filtered]" }], data: { a: "'", password: "[Filtered]" },
    headers: [{ key: "Host", value: "x" }, { key: "Authorization", value: "[Filtered]" }], cookies: [{ key: "sid", value: "[Filtered]" }],
  }));
  expect(made.notes).toEqual(["Fill in, they were filtered: Authorization, sid, password, token"]);
  expect(made.text).toBe(`# Fill in, they were filtered: Authorization, sid, password, token
curl \\
  'http://x/it'\\''s?a%20b=1%262&token=<token>' \\
  -H 'Authorization: <Authorization>' \\
  -H 'Content-Type: application/json' \\
  -b 'sid=<sid>' \\
  --data-raw '{"a":"'\\''","password":"<password>"}'`);
  expect(curl({ method: "DELETE" })).toContain("-X DELETE");
  expect(curl({ method: "HEAD" })).toContain("--head");
  expect(curl({ method: "GET", data: "x" })).toContain("-X GET");
  expect(words(quote("it's"))).toEqual(["it's"]);
});

it("sends a form as a form again", () => {
  const form = { a: ["1", "x y"], b: "é" };
  const sent = "--data-raw 'a=1&a=x+y&b=%C3%A9'";
  expect(curl({ method: "POST", data: form, inferred_content_type: "application/x-www-form-urlencoded" })).toContain(sent);
  const headers = [{ key: "Content-Type", value: "application/x-www-form-urlencoded; charset=utf-8" }];
  expect(curl({ method: "POST", data: form, headers })).toContain(sent);
  expect(curl({ method: "POST", data: form, inferred_content_type: "application/json" })).toContain('{"a":["1","x y"],"b":"é"}');
  const upload = replay("curl", request({ method: "POST", data: { a: "@x", b: "1" }, headers: [{ key: "content-type", value: "multipart/form-data; boundary=q" }] }));
  expect(upload.text).toContain("--form-string 'a=@x'");
  expect(upload.text).not.toContain("boundary");
  expect(upload.notes).toContain("Files that were uploaded are not kept");
});

it("cuts a huge body and says so, and sends none that was not sent", () => {
  const { text: long, notes } = replay("curl", request({ method: "POST", data: "x".repeat(BODY_MAX + 1) }));
  expect(long.length).toBeLessThan(BODY_MAX + 400);
  expect(notes.join()).toContain(`The body was cut: ${BODY_MAX} of ${BODY_MAX + 1} characters`);
  expect(curl({ method: "POST", data: null })).not.toContain("--data");
  expect(curl({ method: "POST", data: "[Filtered]" })).not.toContain("--data");
});

it("calls Django's client as its methods take it", () => {
  const django = (over: Partial<RequestDetail>) => replay("django", request(over)).text;
  expect(django({ url: "http://127.0.0.1:8000/books/?page=2" })).toBe(`from django.test import Client

client = Client(SERVER_NAME="127.0.0.1", SERVER_PORT="8000")
response = client.get("/books/?page=2")
print(response.status_code)
print(response.content.decode(errors="replace"))`);
  const posted = django({
    method: "POST", url: "https://shop.example.com/checkout/42/", data: { voucher: "BF26", ok: true }, cookies: [{ key: "sessionid", value: "[Filtered]" }],
    headers: [{ key: "Content-Type", value: "application/json" }, { key: "X-Requested-With", value: "fetch" }],
  });
  expect(posted).toContain('client.cookies["sessionid"] = "<sessionid>"');
  expect(posted).toContain('response = client.post(\n    "/checkout/42/",\n    data={"voucher": "BF26", "ok": True},\n    content_type="application/json",\n    headers={"X-Requested-With": "fetch"},  # Django 4.2 and newer\n    secure=True,\n)');
  expect(django({ method: "PURGE", url: "http://x/" })).toContain('client.generic(\n    "PURGE",\n    "/",\n)');
  expect(django({ method: "POST", url: "http://x/", data: "a=1", inferred_content_type: "application/x-www-form-urlencoded" })).toContain('data="a=1",\n    content_type="application/x-www-form-urlencoded",');
});

it("writes a script with requests", () => {
  const made = replay("requests", request({ method: "PUT", url: "http://x/", data: { a: [1] }, headers: [{ key: "Accept", value: "*/*" }], cookies: [{ key: "a", value: "b" }] })).text;
  expect(made).toContain('requests.request(\n    "PUT",\n    "http://x/",\n    headers={"Accept": "*/*"},\n    cookies={"a": "b"},\n    json={"a": [1]},\n    allow_redirects=False,\n)');
});
