// @sentry/node with its default options: an error with a cause, a message, a transaction, logs, a check-in.

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

await Sentry.close(20_000);
