// Made-up settings of the mock's first project: every section has something to show. Changes are kept until the mock ends.

const key = (n, label, used, is_active = true) => ({ public_key: String(n).repeat(32).slice(0, 32), label, is_active, created_ms: 1_790_000_000_000, used });

const view = {
  id: "1",
  slug: "shop",
  name: "Shop",
  platform: "python",
  created_ms: 1_790_000_000_000,
  keys: [key("5c1f", "Production", [{ group: "error", quantity: 1204 }, { group: "span", quantity: 3_140_000 }]), key("9e20", "Old server", [], false)],
  version: 3,
  updated_ms: 1_795_000_000_000,
  settings: {
    scrub: { enabled: true, defaults: true, sensitive_keys: ["customer_number"], safe_keys: ["author"], scrub_ip: false },
    filters: {
      disallowed_hosts: true,
      crawlers: true,
      health_checks: { enabled: true, patterns: ["/healthz", "/ht/*"] },
      localhost: false,
      browser_extensions: false,
      releases: { enabled: false, patterns: [] },
      error_messages: { enabled: true, patterns: ["BrokenPipeError*"] },
    },
    limits: { rules: [{ key: null, group: "error", max: 1000, per: "seconds", seconds: 60 }, { key: null, group: "span", max: 5_000_000, per: "month", seconds: 0 }] },
    grouping: { fingerprint_rules: "# one issue for all of them\nerror.type:DatabaseUnavailable -> system-down", stack_trace_rules: "" },
  },
  is_scrub_off: false,
  server_limits: [{ key: null, group: "attachment", max: 104_857_600, per: "day", seconds: 0 }],
  drops: [
    { reason: "filtered", detail: "disallowed_hosts", category: "event", last_day: 412, last_month: 18_211 },
    { reason: "filtered", detail: "crawlers", category: "event", last_day: 0, last_month: 31 },
    { reason: "filtered", detail: "health_checks", category: "transaction", last_day: 2880, last_month: 86_400 },
    { reason: "filtered", detail: "health_checks", category: "span", last_day: 8640, last_month: 259_200 },
    { reason: "rate_limited", detail: "project/error/60s", category: "event", last_day: 17, last_month: 940 },
  ],
  limit_states: [
    { name: "project/error/60s", used: 1000, max: 1000 },
    { name: "project/span/month", used: 3_140_000, max: 5_000_000 },
    { name: "project/attachment/day", used: 52_428_800, max: 104_857_600 },
  ],
};

/** `body` is the JSON that was sent with PUT or POST. */
export function settings(path, method, body) {
  if (path[2] === "scrub-preview") return { text: body.text.replaceAll("hunter2", "[Filtered]") };
  if (path[2] === "settings" && method === "PUT") Object.assign(view, { settings: body.settings, version: view.version + 1 });
  return view;
}
