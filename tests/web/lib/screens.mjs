// The addresses of every screen, found from what the server holds. One list for all parts of the test.

const read = async (server, path) => {
  const answer = await fetch(server.base + path);
  return answer.ok ? answer.json() : {};
};

/** `[name, path]` of every screen, with one of each kind of thing; `rows` is how many of each list. */
export async function findPaths(server, rows = 2) {
  const paths = [["welcome", "/welcome"], ["issues", "/issues"], ["traces", "/traces?kind=all"], ["logs", "/logs"], ["metrics", "/metrics"], ["performance", "/performance"], ["monitors", "/monitors"], ["releases", "/releases"], ["feedback", "/feedback"], ["ingest", "/ingest"], ["storage", "/storage"], ["settings", "/settings"]];
  const add = (name, path) => paths.push([name, path]);
  const { issues = [] } = await read(server, "/api/ui/issues?query=&status=all&limit=50");
  const deep = issues.find(({ title }) => title.includes("__instancecheck__"));
  if (deep) add("issue-deep", `/issues/${deep.short_id}`);
  issues.slice(0, rows).forEach((issue, at) => add(`issue-${at}`, `/issues/${issue.short_id}`));
  const { traces = [] } = await read(server, "/api/ui/traces?kind=all");
  for (const [at, { trace_id: id }] of traces.slice(0, rows).entries()) {
    add(`trace-${at}`, `/traces/${id}`);
    const { spans } = await read(server, `/api/ui/traces/${id}`);
    if (spans?.span_id.length > 1) add(`trace-${at}-span`, `/traces/${id}?span=${spans.span_id[1]}`);
    for (const view of ["flame", "sql", "logs", "table", "json"]) if (at === 0) add(`trace-${view}`, `/traces/${id}?view=${view}`);
  }
  const { logs = [] } = await read(server, "/api/ui/logs");
  if (logs[0]) add("log-open", `/logs?open=${logs[0].id}`);
  const { metrics = [] } = await read(server, "/api/ui/metrics");
  metrics.slice(0, rows).forEach(({ name, kind, unit, project_slug: project }, at) => add(`metric-${at}`, `/metrics/${encodeURIComponent(name)}?${new URLSearchParams({ kind, ...(unit ? { unit } : {}), project })}`));
  const { monitors = [] } = await read(server, "/api/ui/monitors");
  monitors.slice(0, rows).forEach(({ slug }, at) => add(`monitor-${at}`, `/monitors/${encodeURIComponent(slug)}`));
  const { feedback = [] } = await read(server, "/api/ui/feedback");
  feedback.slice(0, rows).forEach(({ feedback_id: id }, at) => add(`feedback-${at}`, `/feedback/${id}`));
  return paths;
}

/** What is not there, cannot be read, or matches nothing. */
export const STRANGE = [
  ["no-page", "/nowhere"], ["no-issue", "/issues/SHOP-99999"], ["no-event", `/issues/DEFAULT-1/events/${"f".repeat(32)}`], ["no-trace", `/traces/${"f".repeat(32)}`], ["bad-trace", "/traces/xyz"], ["no-log", "/logs?open=1.1"],
  ["issues-none", "/issues?query=zzzzzz"], ["issues-bad", "/issues?query=is%3Awrong%20(("], ["traces-none", "/traces?query=zzzzzz"], ["traces-bad", "/traces?query=duration%3A%3Exyz"], ["logs-none", "/logs?query=zzzzzz"], ["bad-cursor", "/issues?cursor=nonsense"],
  ["long-pills", `/feedback?environment=${"production-eu-".repeat(12)}&release=${"shop@".padEnd(200, "f")}&from=1763700000000&to=1763786400000`],
];

/** Waits until the page has something to say and is not still loading. */
export const settled = (page, timeout = 15_000) =>
  page.waitForFunction(() => document.querySelector("h1") && !document.querySelector(".skeleton, [aria-busy=true]"), null, { timeout });
