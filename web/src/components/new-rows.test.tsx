import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { forget } from "../api/client";
import { useNewRows } from "./new-rows";
import { type Paged, usePaged } from "./paged";

type Row = { id: string; n: number };
type View = { rows: Row[]; next: string | null; total: number };
const PATH = "/api/ui/rows?sort=new";
const list = (ids: string, next: string | null = null, total = 99): View => ({ rows: [...ids].map((id) => ({ id, n: total })), next, total });

let answers: Record<string, View>;
let root: HTMLElement;
const seen: { list?: Paged<Row>; news?: ReturnType<typeof useNewRows> } = {};
const keep = (list: Paged<Row>, news: ReturnType<typeof useNewRows>) => {
  seen.list = list;
  seen.news = news;
};
const read = (view: View) => view;
const keyOf = (row: Row) => row.id;
const OPTIONS = { isKept: true, keyOf };

function Shows({ path }: { path: string }) {
  const rows = usePaged<View, Row>(path, read, OPTIONS);
  keep(rows, useNewRows(rows, path, keyOf, "row"));
  // Somebody is at the list: what is new has to wait.
  return (
    <div class="page">
      <table>
        <tbody>
          <tr class="current">
            <td />
          </tr>
        </tbody>
      </table>
    </div>
  );
}

beforeEach(() => {
  answers = {};
  forget("");
  root = document.createElement("div");
  document.body.append(root);
  vi.stubGlobal("fetch", (path: string) => Promise.resolve(answers[path] ? new Response(JSON.stringify(answers[path])) : new Response('{"detail":"no","causes":[]}', { status: 400 })));
});
afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

const settle = async () => {
  for (let i = 0; i < 6; i++) await act(() => new Promise<void>((done) => setTimeout(done, 0)));
};
const shown = () => seen.list?.rows?.map(({ id }) => id).join("");
async function start(first: View) {
  answers[PATH] = first;
  render(<Shows path={PATH} />, root);
  await settle();
}
async function news(view: View) {
  answers[PATH] = view;
  seen.news?.check();
  await settle();
}

it("counts what is new, and changes nothing but numbers until it is wanted", async () => {
  await start(list("abc"));
  await news(list("xabc", null, 100));
  expect(shown()).toBe("abc");
  expect(seen.news?.unseen).toBe(1);
  expect(seen.list?.rows?.[0]?.n).toBe(100);
  seen.news?.apply?.();
  await settle();
  expect(shown()).toBe("xabc");
  expect(seen.news?.unseen).toBe(0);
});

it("does not take for new what moved up because rows above it have left", async () => {
  await start(list("abcde", "5", 9));
  seen.list?.amend((page) => ({ ...page, rows: page.rows.filter(({ id }) => id !== "b") }));
  await settle();
  await news(list("acdef", "6", 8));
  expect(seen.news?.unseen).toBe(0);
  expect(shown()).toBe("acdef");
  expect(seen.list?.next).toBe("6");
  await news(list("xacde", "5", 9));
  expect(seen.news?.unseen).toBe(1);
  expect(shown()).toBe("acdef");
  expect(seen.list?.next).toBe("6");
});

it("drops what has left a list that is whole, when nobody is at it", async () => {
  await start(list("abcd"));
  await news(list("acd"));
  expect(shown()).toBe("abcd");
  root.querySelector("tr")?.removeAttribute("class");
  await news(list("acd"));
  expect(shown()).toBe("acd");
});

it("shows a row once that has moved into the next page", async () => {
  await start(list("abc", "3"));
  answers[`${PATH}&cursor=3`] = list("cde");
  seen.list?.more();
  await settle();
  expect(shown()).toBe("abcde");
});

it("keeps the rows of the question before until the next is answered, or refused", async () => {
  await start(list("abc"));
  const other = "/api/ui/rows?sort=old";
  render(<Shows path={other} />, root);
  expect(shown()).toBe("abc");
  expect(seen.list?.isStale).toBe(true);
  await settle();
  expect(seen.list?.error?.status).toBe(400);
  expect(shown()).toBe("abc");
  expect(seen.list?.isStale).toBe(true);
  answers[other] = list("cba");
  await seen.list?.reload();
  await settle();
  expect(shown()).toBe("cba");
  expect(seen.list?.isStale).toBe(false);
});
