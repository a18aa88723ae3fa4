// Made-up data in the shapes of src/api/types.ts, the same on every run: what the screens must survive, and what they mostly show.

export const NOW = Date.parse("2026-11-21T06:41:30Z");
const MIN = 60_000;
const HOUR = 60 * MIN;
const MS = 1e6;

let seed = 7;
const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
const between = (a, b) => a + random() * (b - a);
const pick = (list) => list[Math.floor(random() * list.length)];
const hex = (n) => Array.from({ length: n }, () => Math.floor(random() * 16).toString(16)).join("");

export const boot = {
  version: "0.1.0",
  projects: [{ id: "1", slug: "shop", name: "Shop", public_key: "5c1f0e7ab2d94c3f8e6a1b0d9c7f42e2" }],
  database_path: "/srv/trapline/trapline-data/trapline.db",
  has_events: true, has_traces: true, now_ms: NOW,
};

const frame = (over) => ({
  filename: "shop/cart.py", abs_path: "/app/shop/cart.py", module: "shop.cart", function: "apply_discount", line: 35, column: null, in_app: true,
  is_crash: false, pre_context: [], context_line: null, post_context: [], vars: [], ...over,
});
const library = (module, fn, line, code) =>
  frame({
    filename: `${module.replaceAll(".", "/")}.py`, abs_path: `/venv/lib/python3.13/site-packages/${module.replaceAll(".", "/")}.py`, module, function: fn, line,
    in_app: false, pre_context: ["            response = None", "        if response is None:"], context_line: code, post_context: ["        return response", ""],
    vars: [{ name: "self", value: `<${module}.Handler object at 0x7f21aa0>` }, { name: "request", value: "<WSGIRequest: POST '/checkout/42/'>" }],
  });
const exception = (over) => ({
  ty: "ValueError", value: "", module: null, mechanism: { ty: "django", handled: false, source: null, description: null, help_link: null, data: [] }, is_raised: true, relation: null, group_depth: 0,
  frames: [], frames_omitted: 0, ...over,
});
const emptyDetail = {
  message: null, message_template: null, csp: null, report: [], logger: null, transaction: null, release: "shop@1.4.2", dist: null, environment: "production", server_name: "web-2",
  sdk: "sentry.python.django/2.75.0", exceptions: [], threads: [], request: null, user: [], breadcrumbs: [], tags: [], contexts: [], extra: [], modules: [],
  field_errors: [],
};

const cartVars = [
  { name: "cart", value: "<Cart: 42>" },
  { name: "items", value: [{ sku: "'B-001'", price: "Decimal('19.95')", qty: 2 }, { sku: "'B-007'", price: "Decimal('10.05')", qty: 1 }] },
  { name: "total", value: 49.95 },
  { name: "buyer", value: "'ada@example.com at 203.0.113.7'" },
  { name: "voucher", value: { code: "'BF26'", percent: 0, valid_until: "datetime.date(2026, 11, 30)", tags: ["'black'", "'friday'"], owner: null } },
  { name: "token", value: "[Filtered]" },
];
const checkoutCode = {
  pre_context: ["def apply_discount(cart, voucher):", '    """Price after the voucher, in cents."""', "    total = sum(i.price * i.qty for i in cart.items)", "    try:", '        return str(total / voucher["percent"])  # per cent', "    except ZeroDivisionError as e:"],
  context_line: "        raise ValueError(f\"Invalid voucher {voucher['code']}\") from e",
  post_context: ["", "", "@shared_task(retry=3)", "def expire(voucher_id: int) -> None:"],
};
const request = {
  method: "POST", url: "https://shop.example.com/checkout/42/", query: [{ key: "ref", value: "mail" }, { key: "next", value: "/orders/" }],
  headers: [
    { key: "Host", value: "shop.example.com" }, { key: "User-Agent", value: "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0" },
    { key: "Content-Type", value: "application/json" }, { key: "Authorization", value: "[Filtered]" }, { key: "Referer", value: "https://shop.example.com/cart/" },
  ],
  cookies: [{ key: "sessionid", value: "[Filtered]" }, { key: "theme", value: "dark" }],
  env: [{ name: "REMOTE_ADDR", value: "203.0.113.7" }, { name: "SERVER_PORT", value: "8000" }],
  data: { voucher: "BF26", address: { city: "Gävle", zip: "80320" }, gift: false },
};
const crumbs = (at) => [
  { timestamp_ms: at - 1240, ty: "default", category: "shop.cart", level: "warning", message: "cart 42 has a stale price", data: { sku: "B-007" } },
  { timestamp_ms: at - 1100.4, ty: "default", category: "query", level: "info", message: 'SELECT "shop_cart"."id", "shop_cart"."user_id" FROM "shop_cart" WHERE "shop_cart"."id" = %s LIMIT 21', data: null },
  { timestamp_ms: at - 1099.1, ty: "default", category: "query", level: "info", message: 'SELECT "shop_voucher"."code" FROM "shop_voucher" WHERE "shop_voucher"."code" = %s', data: null },
  { timestamp_ms: at - 412, ty: "http", category: "httplib", level: "info", message: null, data: { url: "https://rates.example.com/api/rates", method: "GET", status_code: 200, "http.response.size": 1822 } },
  { timestamp_ms: at - 3, ty: "default", category: "shop.cart", level: "error", message: "percent is zero", data: null },
];
const tags = [
  { key: "browser", value: "Firefox 153" }, { key: "environment", value: "production" }, { key: "level", value: "error" }, { key: "release", value: "shop@1.4.2" },
  { key: "runtime", value: "CPython 3.13.2" }, { key: "server_name", value: "web-2" }, { key: "transaction", value: "/checkout/{cart_id}/" },
];
const contexts = [
  { name: "runtime", entries: [{ name: "name", value: "CPython" }, { name: "version", value: "3.13.2" }, { name: "build", value: "3.13.2 (main, Feb 4 2026) [GCC 14.2]" }] },
  { name: "os", entries: [{ name: "name", value: "Linux" }, { name: "version", value: "6.12.9" }] },
  { name: "flags", entries: [{ name: "values", value: [{ flag: "new_cart", result: true }] }] },
];
const modules = ["asgiref 3.9.1", "celery 5.6.0", "certifi 2026.8.3", "django 5.2.19", "gunicorn 23.0.0", "psycopg 3.3.1", "redis 6.4.0", "requests 2.33.0", "sentry-sdk 2.75.0", "sqlparse 0.5.4", "urllib3 2.6.1"].map((m) => ({ key: m.split(" ")[0], value: m.split(" ")[1] }));

const handlers = (line) => [
  library("django.core.handlers.exception", "inner", 55, "            response = get_response(request)"),
  library("django.core.handlers.base", "_get_response", 197, "                response = wrapped_callback(request, *callback_args, **callback_kwargs)"),
  library("django.views.generic.base", "view", 105, "            return self.dispatch(request, *args, **kwargs)"),
  frame({ filename: "shop/views.py", abs_path: "/app/shop/views.py", module: "shop.views", function: "checkout", line, pre_context: ["@require_POST", "def checkout(request, cart_id: int):", "    cart = get_object_or_404(Cart, pk=cart_id)"], context_line: "    price = apply_discount(cart, request.voucher)", post_context: ["    return JsonResponse({\"price\": price})", ""], vars: [{ name: "cart", value: "<Cart: 42>" }, { name: "cart_id", value: 42 }, { name: "request", value: "<WSGIRequest: POST '/checkout/42/?ref=mail'>" }] }),
];
const chained = {
  ...emptyDetail, transaction: "/checkout/{cart_id}/", request, tags, contexts, modules,
  user: [{ name: "id", value: "88" }, { name: "email", value: "u2@example.com" }, { name: "ip_address", value: "203.0.113.7" }],
  extra: [{ name: "cart_snapshot", value: { lines: 2, weight: 1.2, notes: "''" } }],
  exceptions: [
    exception({ ty: "ZeroDivisionError", value: "float division by zero", is_raised: false, relation: "cause", mechanism: { ty: "chained", handled: null, source: "__cause__", description: null, help_link: null, data: [] }, frames: [frame({ line: 33, ...checkoutCode, pre_context: checkoutCode.pre_context.slice(0, 4), context_line: checkoutCode.pre_context[4], post_context: [checkoutCode.pre_context[5], checkoutCode.context_line], vars: cartVars })] }),
    exception({ value: "Invalid voucher BF26", frames: [...handlers(29), frame({ ...checkoutCode, vars: cartVars, is_crash: true })] }),
  ],
};
const group = {
  ...emptyDetail, transaction: "shop.tasks.sync_all", tags: tags.slice(0, 4),
  exceptions: [
    exception({ ty: "TimeoutError", value: "rates.example.com took longer than 5 s", is_raised: false, relation: "group_member", group_depth: 1, frames: [frame({ filename: "shop/tasks.py", module: "shop.tasks", function: "fetch_rates", line: 18, pre_context: ["async def fetch_rates(client):", "    async with asyncio.timeout(5):"], context_line: "        return await client.get(RATES_URL)", post_context: [""], vars: [{ name: "client", value: "<httpx.AsyncClient object at 0x7f>" }] })] }),
    exception({ ty: "KeyError", value: "'EUR'", is_raised: false, relation: "context", group_depth: 2, frames: [] }),
    exception({ ty: "ConversionError", module: "shop.money", value: "no rate for EUR", is_raised: false, relation: "group_member", group_depth: 1, frames: [frame({ filename: "shop/money.py", module: "shop.money", function: "convert", line: 61, pre_context: ["    try:", "        rate = RATES[currency]", "    except KeyError:"], context_line: "        raise ConversionError(f\"no rate for {currency}\")", post_context: ["    return amount * rate"], vars: [{ name: "currency", value: "'EUR'" }, { name: "amount", value: "Decimal('12.50')" }] })] }),
    exception({ ty: "ExceptionGroup", value: "unhandled errors in a TaskGroup (2 sub-exceptions)", frames: [library("asyncio.runners", "run", 195, "        return runner.run(main)"), frame({ filename: "shop/tasks.py", module: "shop.tasks", function: "sync_all", line: 40, is_crash: true, pre_context: ["async def sync_all():"], context_line: "    async with asyncio.TaskGroup() as tg:", post_context: ["        tg.create_task(fetch_rates(client))", "        tg.create_task(convert_all())"], vars: [] })] }),
  ],
};
const message = { ...emptyDetail, message: "payment 88142 is slow: 4.2 s", message_template: "payment %s is slow: %.1f s", logger: "shop.payments", tags: tags.slice(0, 3), extra: [{ name: "seconds", value: 4.2 }] };
const deep = {
  ...emptyDetail, transaction: "/categories/",
  exceptions: [exception({ ty: "RecursionError", value: "maximum recursion depth exceeded while calling a Python object", frames_omitted: 700, frames: Array.from({ length: 300 }, (_, i) => frame({ filename: i % 7 === 3 ? "shop/tree.py" : "django/db/models/query.py", module: i % 7 === 3 ? "shop.tree" : "django.db.models.query", in_app: i % 7 === 3, function: i % 7 === 3 ? "walk" : pick(["__iter__", "_fetch_all", "iterator"]), line: 100 + i, is_crash: i === 297, context_line: i % 7 === 3 ? "    return walk(node.parent)" : null, pre_context: i % 7 === 3 ? ["def walk(node):"] : [], vars: i % 7 === 3 ? [{ name: "node", value: `<Node: ${i}>` }] : [] })) })],
};
const hostile = {
  ...emptyDetail, transaction: "/<script>alert(1)</script>/", message: null,
  request: { ...request, method: "GET", url: "javascript:alert(document.cookie)", data: "<script>fetch('//evil')</script>\n".repeat(3), headers: [{ key: "X-<b>", value: "<img src=x onerror=alert(1)>" }, { key: "Referer", value: "javascript:alert(1)" }] },
  tags: [{ key: "<script>", value: "\"><script>alert(1)</script>" }, { key: "bidi", value: "abc\u202Egnp.exe" }],
  field_errors: [{ path: "exception.values.0.stacktrace.frames.3.lineno", problem: "expected a number, got \"<script>\"" }],
  exceptions: [exception({ ty: "<script>alert('type')</script>", value: "<img src=x onerror=alert(1)> \u001b[31mred\u001b[0m ${7*7} {{7*7}}", frames: [frame({ filename: "</code><script>.py", function: "<lambda>", context_line: "x = \"<script>alert(1)</script>\"", is_crash: true, vars: [{ name: "html", value: "'<script>alert(2)</script>'" }, { name: "<b>name</b>", value: { "<i>": ["</dd>"] } }] })] })],
};
const unicode = {
  ...emptyDetail, transaction: "/بحث/",
  exceptions: [exception({ ty: "UnicodeDecodeError", value: "'utf-8' codec can't decode byte 0xff: «مرحبا بالعالم» 日本語テキスト 👩‍👩‍👧‍👦 Ünïcödé", frames: [frame({ filename: "магазин/вид.py", function: "поиск", context_line: "    ответ = запрос.тело.decode('utf-8')  # декодируем", pre_context: ["def поиск(запрос):"], is_crash: true, vars: [{ name: "запрос", value: "'שלום עולם'" }, { name: "emoji", value: "'👩‍🚀🏳️‍🌈'" }] })] })],
};
const huge = {
  ...emptyDetail, transaction: "/export/",
  breadcrumbs: Array.from({ length: 100 }, (_, i) => ({ timestamp_ms: NOW - 9000 + i * 80, ty: "default", category: pick(["query", "shop", "redis"]), level: "info", message: i % 3 ? `step ${i}` : "SELECT 1", data: null })),
  exceptions: [exception({ ty: "MemoryError", value: `cannot allocate ${"very ".repeat(400)}much`, frames: [frame({ function: "export", is_crash: true, context_line: `    data = "${"x".repeat(600)}"`, vars: [{ name: "blob", value: `'${"A".repeat(120_000)}'` }, { name: "rows", value: Array.from({ length: 900 }, (_, i) => ({ id: i, name: `'row ${i}'`, nested: { a: [1, 2, 3], b: { c: "'deep'" } } })) }, { name: "mapping", value: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key_${i}`, i])) }] })] })],
};
const missing = {
  ...emptyDetail, transaction: "/missing/", request: { ...request, method: "GET", url: "https://shop.example.com/missing/7/", data: null, query: [] }, tags, user: [{ name: "id", value: "12" }],
  exceptions: [
    exception({ ty: "DoesNotExist", module: "shop.models.Book", value: "Book matching query does not exist.", is_raised: false, relation: "context", frames: [library("django.db.models.query", "get", 633, "            raise self.model.DoesNotExist(")] }),
    exception({ ty: "Http404", module: "django.http", value: "No Book with id 7", frames: [handlers(37)[0], handlers(37)[1], frame({ filename: "shop/views.py", module: "shop.views", function: "detail", line: 37, is_crash: true, pre_context: ["    try:", "        book = Book.objects.get(pk=pk)", "    except Book.DoesNotExist:"], context_line: "        raise Http404(f\"No Book with id {pk}\")", post_context: ["    return render(request, \"book.html\", {\"book\": book})"], vars: [{ name: "pk", value: 7 }, { name: "request", value: "<WSGIRequest: GET '/missing/7/'>" }] })] }),
  ],
};

const T = { plus: hex(32), two: hex(32), one: hex(32), big: hex(32), orphan: hex(32), errors: hex(32), otel: hex(32) };
export const traceIds = T;
const specs = [
  [chained, "error", "apply_discount", "shop/cart.py", 35, "/checkout/{cart_id}/", 12, 3 * HOUR * 20, 1204, 88, T.two, true],
  [missing, "error", "detail", "shop/views.py", 37, "/missing/{pk}/", 110, 30 * HOUR * 20, 310, 41, T.plus, true],
  [group, "error", "sync_all", "shop/tasks.py", 40, "shop.tasks.sync_all", 300, 3 * HOUR, 17, 0, T.errors, true],
  [message, "warning", null, null, null, "shop.payments", 900, 50 * HOUR * 20, 96, 0, null, false],
  [deep, "fatal", "walk", "shop/tree.py", 397, "/categories/", 2700, 9 * HOUR, 4, 2, null, true],
  [unicode, "error", "поиск", "магазин/вид.py", 35, "/بحث/", 5200, 4 * HOUR, 2, 1, null, false],
  [hostile, "error", "<lambda>", "</code><script>.py", 35, "/<script>alert(1)</script>/", 9100, 5 * HOUR, 3, 3, null, true],
  [huge, "error", "export", "shop/cart.py", 35, "/export/", 20_000, 22 * HOUR * 20, 12_345, 999, T.big, false],
];
const details = new Map();
export const issueRows = [];
for (const [i, [detail, level, fn, filename, line, culprit, ago, age, events, users, trace, unhandled]] of specs.entries()) add(i + 1, detail, { level, fn, filename, line, culprit, ago, age, events, users, trace, unhandled });
const more = [["OperationalError", "deadlock detected", "shop/orders.py", "place"], ["IntegrityError", "duplicate key value violates unique constraint \"shop_order_number_key\"", "shop/orders.py", "place"], ["PermissionDenied", "", "shop/admin.py", "report"], ["AttributeError", "'NoneType' object has no attribute 'price'", "shop/cart.py", "total"], ["ReadTimeout", "HTTPSConnectionPool(host='rates.example.com', port=443): Read timed out. (read timeout=5)", "shop/rates.py", "fetch"], ["TemplateDoesNotExist", "shop/invoice.txt", "shop/mail.py", "send_invoice"], ["JSONDecodeError", "Expecting value: line 1 column 1 (char 0)", "shop/hooks.py", "stripe"]];
for (let i = 9; i <= 60; i++) {
  const [ty, value, filename, fn] = more[i % more.length];
  add(i, { ...emptyDetail, exceptions: [exception({ ty, value, frames: [...handlers(12), frame({ filename, function: fn, line: 20 + i, is_crash: true, context_line: `    raise ${ty}()`, vars: [] })] })] }, { level: pick(["error", "error", "warning", "info", "debug"]), fn, filename, line: 20 + i, culprit: pick(["/orders/", "/api/cart/", "/hooks/stripe/", "shop.tasks.nightly"]), ago: 20_000 + i * 4000, age: i * HOUR * 20, events: Math.ceil(between(1, 900)), users: Math.floor(between(0, 60)), trace: null, unhandled: random() < 0.4, status: i % 11 === 0 ? "resolved" : "unresolved" });
}
function add(n, detail, s) {
  const last = detail.exceptions.at(-1);
  const row = {
    id: String(9_000_000 + n), short_id: `SHOP-${n}`, project_slug: "shop", kind: last ? "error" : "default", title: last ? `${last.ty}${last.value ? `: ${last.value}` : ""}`.slice(0, 300) : detail.message, ty: last?.ty ?? null, value: last?.value?.slice(0, 300) ?? null,
    culprit: s.culprit, filename: s.filename, function: s.fn, line: s.line, level: s.level, platform: "python", status: s.status ?? "unresolved", is_unhandled: s.unhandled,
    first_seen_ms: NOW - s.age - 1000, last_seen_ms: NOW - s.ago * 1000, event_count: s.events, user_count: s.users, users_in_all: false, first_release: "shop@1.4.1", last_release: "shop@1.4.2",
    hours: Array.from({ length: 24 }, (_, h) => (n === 1 ? [0, 0, 2, 1, 0, 0, 3, 2, 4, 2, 1, 0, 0, 2, 3, 6, 4, 3, 8, 12, 18, 26, 44, 31][h] : s.events < 5 ? (h === 20 ? s.events : 0) : Math.floor(random() ** 3 * 12))),
  };
  issueRows.push(row);
  details.set(row.short_id, { row, detail, trace: s.trace, ids: Array.from({ length: Math.min(5, s.events) }, () => hex(32)) });
}

const found = (name) => details.get(name.toUpperCase()) ?? [...details.values()].find((d) => d.row.id === name);
export function issue(name) {
  const d = found(name);
  return d && { issue: d.row, days: Array.from({ length: 30 }, (_, i) => (d.row.event_count < 10 && i < 28 ? 0 : Math.floor(((i * 37) % 11) + (i > 24 ? d.row.event_count / 20 : 0)))) };
}
export function event(name, wanted) {
  const d = found(name);
  if (!d) return undefined;
  const at = wanted === "latest" ? d.ids.length - 1 : wanted === "first" ? 0 : d.ids.indexOf(wanted);
  if (at < 0) return undefined;
  const timestamp_ms = d.row.last_seen_ms - (d.ids.length - 1 - at) * 37 * MIN;
  const detail = d.detail === chained ? { ...d.detail, breadcrumbs: crumbs(timestamp_ms) } : d.detail;
  return {
    event_id: d.ids[at], issue_id: d.row.id, short_id: d.row.short_id, nav: { first: d.ids[0], previous: d.ids[at - 1] ?? null, next: d.ids[at + 1] ?? null, latest: d.ids.at(-1) },
    title: d.row.title, culprit: d.row.culprit, level: d.row.level, platform: "python", timestamp_ms, received_ms: timestamp_ms + 40,
    trace: d.trace ? { trace_id: d.trace, span_id: null, has_spans: d.trace !== T.errors, span_count: d.trace !== T.errors ? 20 : 0, log_count: 0 } : null, reports: [], body_bytes: JSON.stringify(detail).length, attachments: [], replays: [], feedback: [], detail,
  };
}
export const eventById = (id) => {
  for (const d of details.values()) if (d.ids.includes(id)) return event(d.row.short_id, id);
  return undefined;
};

// Traces ------------------------------------------------------------------------------------------------------------
function tree(services, build) {
  const c = { span_id: [], parent: [], depth: [], start_ns: [], duration_ns: [], name: [], op: [], service: [], kind: [], status: [], source: [], is_orphan: [], clock_shift_ns: [] };
  const span = (parent, op, name, start, duration, over = {}) => {
    const i = c.span_id.length;
    const row = { span_id: hex(16), parent, depth: parent < 0 ? 0 : c.depth[parent] + 1, start_ns: Math.round(start * MS), duration_ns: Math.round(duration * MS), name, op, service: 0, kind: "internal", status: "ok", source: "sentry", is_orphan: false, clock_shift_ns: 0, ...over };
    for (const key of Object.keys(c)) c[key].push(row[key]);
    return i;
  };
  build(span);
  return { services, spans: c };
}
const SELECT_AUTHOR = 'SELECT "shop_author"."id", "shop_author"."name" FROM "shop_author" WHERE "shop_author"."id" = %s LIMIT 21';
const plus = tree(["shop"], (span) => {
  const root = span(-1, "http.server", "GET /books/", 0, 8.214, { kind: "server" });
  span(root, "middleware.django", "SecurityMiddleware", 0.05, 0.021);
  const view = span(root, "view.render", "nplus1", 0.4, 7.6);
  span(view, "db", 'SELECT "shop_book"."id", "shop_book"."title", "shop_book"."author_id" FROM "shop_book" ORDER BY "shop_book"."title" ASC', 0.5, 0.412);
  for (let i = 0; i < 24; i++) span(view, "db", SELECT_AUTHOR, 1.1 + i * 0.24, 0.09 + ((i * 7) % 10) / 100);
  span(view, "template.render", "shop/books.html", 7.0, 0.94);
});
const two = tree(["rates-api", "shop"], (span) => {
  const S = { service: 1 };
  const O = { service: 0, source: "otel" };
  const root = span(-1, "http.server", "POST /checkout/{cart_id}/", 0, 412, { ...S, kind: "server", status: "error" });
  for (let i = 0; i < 9; i++) span(root, "middleware.django", pick(["SessionMiddleware", "AuthenticationMiddleware", "CsrfViewMiddleware"]), 0.3 + i * 0.4, 0.3, S);
  const view = span(root, "function", "shop.views.checkout", 8, 398, { ...S, status: "error" });
  span(view, "db", 'SELECT "shop_cart"."id" FROM "shop_cart" WHERE "shop_cart"."id" = %s LIMIT 21', 9, 1.2, S);
  span(view, "cache.get", "voucher:BF26", 11, 0.31, S);
  const client = span(view, "http.client", "GET https://rates.example.com/api/rates", 20, 280, { ...S, kind: "client" });
  const server = span(client, "http", "GET /api/rates", 31, 255, { ...O, kind: "server" });
  for (let i = 0; i < 40; i++) span(server, "db", "SELECT rate FROM rates WHERE currency = $1", 35 + i * 5.6, between(1, 5), { ...O, kind: "client" });
  span(server, "", "serialize", 270, 12.5, O);
  span(view, "queue.publish", "shop.tasks.mail", 330, 4.1, { ...S, kind: "producer" });
  const discount = span(view, "function", "apply_discount", 340, 44, { ...S, status: "error" });
  span(discount, "db", "UPDATE shop_cart SET price = %s WHERE id = %s", 344, 9.8, S);
  span(root, "template.render", "500.html", 407, 3.2, S);
});
const one = tree(["shop"], (span) => span(-1, "http.server", "GET /health/", 0, 0.000412, { kind: "server" }));
const big = tree(["shop"], (span) => {
  const root = span(-1, "queue.task.celery", "shop.tasks.nightly_export", 0, 9800, { kind: "consumer" });
  let n = 1;
  for (let b = 0; n < 10_000; b++) {
    const batch = span(root, "function", `export batch ${b}`, b * 19, 18.4);
    n++;
    for (let i = 0; i < 18 && n < 10_000; i++, n++) span(batch, pick(["db", "db", "cache.set", "template.render", "http.client"]), pick(["SELECT a FROM t WHERE id = %s", "render row", "row:%s", "PUT /objects/{id}"]), b * 19 + i, between(0.004, 0.9), { status: random() < 0.002 ? "error" : "ok" });
  }
});
const orphan = tree(["worker"], (span) => {
  const a = span(-1, "", "process order", 0, 40, { source: "otel", kind: "consumer", is_orphan: true });
  span(a, "db", "INSERT INTO orders VALUES ($1, $2)", 4, 11, { source: "otel", kind: "client" });
  span(-1, "", "send receipt", 52, 18, { source: "otel", is_orphan: true });
});
const errorView = (short, time, span, placed = false) => {
  const d = details.get(short);
  return { event_id: d.ids.at(-1), issue_id: d.row.id, short_id: short, title: d.row.title, level: d.row.level, time_ns: Math.round(time * MS), span, is_placed_by_time: placed };
};
const none = tree([], () => {});
const built = [
  [T.two, two, "POST /checkout/{cart_id}/", "http.server", "shop", 412, 12, [errorView("SHOP-1", 384, two.spans.name.indexOf("apply_discount")), errorView("SHOP-4", 300, 10, true)], 500],
  [T.plus, plus, "GET /books/", "http.server", "shop", 8.214, 74, [], 200],
  [T.one, one, "GET /health/", "http.server", "shop", 0.000412, 95, [], 200],
  [T.big, big, "shop.tasks.nightly_export", "queue.task.celery", "shop", 9990, 1400, [errorView("SHOP-8", 5000, 4000)], null],
  [T.orphan, orphan, "process order", "", "worker", 70, 2000, [], null],
  [T.errors, none, "", "", "", 0, 300, [errorView("SHOP-3", 0, -1)], null],
];
/** The many queries for one author. */
function findingsOf(spans) {
  const of = spans.name.flatMap((name, i) => (name === SELECT_AUTHOR ? [i] : []));
  if (of.length < 5) return [];
  const total = of.reduce((sum, i) => sum + spans.duration_ns[i], 0);
  return [{ kind: "n_plus_one", count: of.length, total_ms: total / MS, sql: SELECT_AUTHOR.replace("%s", "?"), operation: "SELECT", table: "shop_author", call_site: "shop/views.py:23 in nplus1", spans: of, event_id: hex(32), short_id: "SHOP-4" }];
}
const views = new Map();
const traceRows = [];
for (const [trace_id, t, name, op, service, ms, ago, errors, http_status] of built) {
  const s = t.spans;
  const start_ms = NOW - ago * 1000;
  const has_otel = s.source.includes("otel");
  views.set(trace_id, { trace_id, name, op, service, start_ns: `${start_ms}000000`, start_ms, duration_ns: Math.round(ms * MS), services: t.services, has_sentry: s.source.includes("sentry"), has_otel, spans: s, packed: null, rest_later: false, errors, findings: findingsOf(s), spans_omitted: trace_id === T.big ? 20_000 : 0, profiles: [], replays: [], log_count: trace_id === T.two ? 4 : 0 });
  if (s.span_id.length > 0)
    traceRows.push({ trace_id, start_ms, duration_ns: Math.round(ms * MS), name, op, service, services: t.services, span_count: s.span_id.length, db_span_count: s.op.filter((o) => o === "db").length, failed_span_count: s.status.filter((x) => x === "error").length, error_count: errors.length, status: "ok", http_status, has_sentry: s.source.includes("sentry"), has_otel, is_partial: trace_id === T.orphan });
}
for (let i = 0; i < 40; i++) {
  const n = Math.ceil(between(2, 50));
  traceRows.push({ ...traceRows[1], trace_id: hex(32), start_ms: NOW - (100 + i * 47) * 1000, duration_ns: Math.round(between(0.3, 30) ** 2 * MS), name: pick(["GET /books/", "GET /", "POST /api/cart/", "GET /orders/{id}/", "GET /search/"]), span_count: n, db_span_count: Math.floor(n / 2), failed_span_count: 0, error_count: i % 9 === 4 ? 1 : 0, http_status: i % 9 === 4 ? 500 : i % 13 === 2 ? 404 : 200 });
}
export function traces(params) {
  let rows = traceRows.filter((row) => params.get("kind") === "all" || row.op.startsWith("http"));
  const text = (params.get("query") ?? "").toLowerCase();
  if (text) rows = rows.filter((row) => `${row.name} ${row.service} ${row.trace_id}`.toLowerCase().includes(text));
  if (params.get("service")) rows = rows.filter((row) => row.services.includes(params.get("service")));
  rows = rows.toSorted((a, b) => b.start_ms - a.start_ms);
  const from = Number(params.get("cursor") ?? 0);
  return { traces: rows.slice(from, from + 25), next_cursor: from + 25 < rows.length ? String(from + 25) : null };
}
export const trace = (id) => views.get(id) ?? (traceRows.some((row) => row.trace_id === id) ? { ...views.get(T.plus), trace_id: id } : undefined);
export function spanPlace(spanId) {
  for (const id of Object.values(T)) {
    const t = trace(id);
    const i = t?.spans.span_id.indexOf(spanId) ?? -1;
    if (i >= 0) return { trace_id: id, span_id: spanId, name: t.spans.name[i] };
  }
  return undefined;
}
export function span(id, spanId) {
  const t = trace(id);
  const i = t?.spans.span_id.indexOf(spanId) ?? -1;
  if (i < 0) return undefined;
  const s = t.spans;
  const isDb = s.op[i] === "db";
  return {
    trace_id: id, span_id: spanId, parent_span_id: s.span_id[s.parent[i]] ?? null, name: s.name[i], op: s.op[i], kind: s.kind[i], service: t.services[s.service[i]] ?? "", source: s.source[i], status: s.status[i], status_message: s.status[i] === "error" ? "internal_error" : "",
    start_ms: t.start_ms + s.start_ns[i] / MS, duration_ns: s.duration_ns[i], http_status: s.op[i] === "http.server" ? 500 : null, release: "shop@1.4.2", environment: "production", sdk: "sentry.python.django/2.75.0",
    attributes: [...(isDb ? [{ name: "db.system", value: "postgresql" }, { name: "code.filepath", value: "shop/views.py" }, { name: "code.lineno", value: 23 }, { name: "code.function", value: "nplus1" }] : [{ name: "http.request.method", value: "POST" }, { name: "url.full", value: "https://shop.example.com/checkout/42/" }]), { name: "thread.name", value: "MainThread" }],
    resource: [{ name: "service.name", value: t.services[s.service[i]] ?? "" }, { name: "telemetry.sdk.language", value: "python" }],
    events: s.source[i] === "otel" ? [{ name: "exception", time_ns: 4 * MS, attributes: [{ name: "exception.type", value: "TimeoutError" }] }] : [], links: [], dropped: s.source[i] === "otel" ? 3 : 0,
    transaction: s.parent[i] < 0 && s.source[i] === "sentry" ? { tags: { browser: "Firefox" }, contexts: { trace: { op: s.op[i] } } } : null,
  };
}

// Ledger ------------------------------------------------------------------------------------------------------------
let nextId = 1;
export const ledgerRow = (over) => ({ id: nextId++, time_ms: NOW, method: "POST", path: "/api/1/envelope/", status: 200, protocol: "sentry", summary: "", body_bytes: 21_412, client: "sentry.python.django/2.75.0", problem: null, fix: null, short_id: null, trace_id: null, ...over });
const ledgerRows = [
  ledgerRow({ time_ms: NOW - 190_000, path: "/api/1/envelope/", status: 401, body_bytes: 18_211, problem: "The key 5c1e… is not one of project 1: the DSN is from another instance.", fix: "Use the DSN of this server: http://5c1f…e2@127.0.0.1:4318/1" }),
  ledgerRow({ time_ms: NOW - 170_000, path: "/api/7/envelope/", status: 404, body_bytes: 18_204, problem: "There is no project 7.", fix: "The DSN should end in /1" }),
  ledgerRow({ time_ms: NOW - 120_000, path: "/v1/traces", status: 415, protocol: "otlp", client: "OTel-OTLP-Exporter-Python/1.40.0", body_bytes: 4096, problem: "The content type text/plain is neither protobuf nor JSON.", fix: "Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" }),
  ledgerRow({ time_ms: NOW - 74_000, summary: "transaction GET /books/ · 29 spans", body_bytes: 72_001, trace_id: T.plus }),
  ledgerRow({ time_ms: NOW - 60_000, summary: "session", body_bytes: 310, problem: "Only a session arrived: the SDK works, but there was no error yet.", fix: null }),
  ledgerRow({ time_ms: NOW - 30_000, path: "/v1/traces", protocol: "otlp", summary: "42 spans from rates-api", client: "OTel-OTLP-Exporter-Python/1.40.0", body_bytes: 9_812, trace_id: T.two }),
  ledgerRow({ time_ms: NOW - 14_000, method: "POST", path: "/api/1/envelope/", status: 413, body_bytes: 240_000_000, problem: "The body is over the limit of 200 MB.", fix: "Send attachments of this size elsewhere" }),
  ledgerRow({ time_ms: NOW - 12_400, summary: "transaction POST /checkout/{cart_id}/ · 19 spans", body_bytes: 44_120, trace_id: T.two }),
  ledgerRow({ time_ms: NOW - 12_000, summary: "event ValueError", short_id: "SHOP-1" }),
];
export const ingest = () => ({
  rows: ledgerRows.toReversed(),
  outcomes: [{ category: "event", reason: "accepted", quantity: 1204 }, { category: "transaction", reason: "accepted", quantity: 8122 }, { category: "span", reason: "accepted", quantity: 214_008 }, { category: "session", reason: "not_kept", quantity: 12 }, { category: "log", reason: "not_kept", quantity: 3 }, { category: "event", reason: "duplicate", quantity: 2 }, { category: "event", reason: "invalid", quantity: 1 }],
  client_discards: [{ kind: "discarded", reason: "before_send", category: "error", quantity: 12 }, { kind: "discarded", reason: "sample_rate", category: "transaction", quantity: 1204 }],
});
const release = (version, environment, sessions, crashed, events, fresh) => ({
  project_slug: "shop", version, environment, first_seen_ms: NOW - 6 * 86_400_000, last_seen_ms: NOW - 60_000, event_count: events, new_issue_count: fresh, session_count: sessions, errored_count: Math.round(crashed / 2),
  crashed_count: crashed, crash_free_sessions: sessions ? 1 - crashed / sessions : null, user_count: Math.round(sessions / 9), crash_free_users: sessions ? 1 - crashed / sessions / 2 : null, adoption: sessions ? sessions / 20_000 : null,
  duration_ms_mean: null, buckets: Array.from({ length: 28 }, (_, i) => Math.round((sessions / 28) * (1 + Math.sin(i / 3)))),
});
export const releases = () => ({
  releases: [release("shop@2026.11.3", "production", 18_204, 21, 1204, 3), release("shop@2026.11.2", "production", 1_796, 120, 83, 0), release("shop@2026.11.4-rc1", "staging", 0, 0, 4, 1)],
  total: 3, version_count: 2, environments: ["production", "staging"], has_sessions: true, start_ms: NOW - 7 * 86_400_000, bucket_ms: 21_600_000,
});
export const addLedgerRow = (row) => ledgerRows.push(row);
/** For the live stream: issue 1 once more. */
export function happenAgain() {
  const { row } = details.get("SHOP-1");
  row.event_count += 1;
  row.last_seen_ms += 1000;
  row.hours[23] += 1;
  return row.id;
}
