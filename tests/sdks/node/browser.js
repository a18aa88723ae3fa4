// @sentry/browser with its default options and tracing, in a page.

import * as Sentry from "@sentry/browser";

const dsn = new URLSearchParams(location.search).get("dsn");
Sentry.init({
  dsn,
  release: "desk-browser@1.0",
  environment: "matrix",
  integrations: [Sentry.browserTracingIntegration()],
  tracesSampleRate: 1,
  enableLogs: true,
});
Sentry.logger.info("the page is open");
window.showReportDialog = (eventId) => Sentry.showReportDialog({ dsn, eventId });
window.finish = () => Sentry.flush(20_000);

document.getElementById("pack").addEventListener("click", () => {
  throw new TypeError("order cannot be packed by a browser");
});
