// @sentry/node with its default options: errors with causes, spans, logs, metrics, an attachment, a check-in, a session,
// and a request that is answered with a failure.

import * as Sentry from "@sentry/node";

Sentry.init({
  dsn: process.env.DSN,
  release: "desk-node@1.0",
  environment: "matrix",
  tracesSampleRate: 1,
  enableLogs: true,
});

Sentry.startSpan({ name: "pack order", op: "task" }, (root) => {
  Sentry.startSpan({ name: "SELECT shelf", op: "db", attributes: { "db.system": "sqlite" } }, () => {});
  try {
    try {
      null.shelf;
    } catch (cause) {
      throw new RangeError("order cannot be packed by node", { cause });
    }
  } catch (error) {
    Sentry.captureException(error);
  }
  console.log(root.spanContext().traceId);
});
Sentry.withScope((scope) => {
  scope.setTag("shelf", "oak");
  scope.setUser({ id: "17" });
  scope.addAttachment({ filename: "shelves.csv", data: "oak,3\n", contentType: "text/csv" });
  Sentry.captureMessage("said by node", "warning");
});
Sentry.logger.warn(Sentry.logger.fmt`only ${2} pears left in ${"oak"}`, { weight: 31.5 });
Sentry.metrics?.count("apples.sold", 2, { attributes: { colour: "red" } });
Sentry.withMonitor("node job", () => 7, { schedule: { type: "interval", value: 2, unit: "hour" } });


// The SDK instruments what is loaded after it.
const { createServer } = await import("node:http");
const server = createServer((request, response) => {
  try {
    throw new URIError("no such shelf");
  } catch (error) {
    Sentry.captureException(error);
  }
  response.statusCode = 500;
  response.end();
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
await Sentry.startNewTrace(() =>
  Sentry.startSpan({ name: "visit", op: "task" }, async () => {
    await (await fetch(`http://127.0.0.1:${server.address().port}/shelves/7?order=41`)).text();
  }),
);
server.close();

await Sentry.close(20_000);
