// @sentry/browser with its default options and tracing, in a page.

import * as Sentry from "@sentry/browser";

const parameters = new URLSearchParams(location.search);
Sentry.init({
  dsn: parameters.get("dsn"),
  tunnel: parameters.get("tunnel") ?? undefined,
  release: "desk-browser@1.0",
  environment: "matrix",
  integrations: [Sentry.browserTracingIntegration()],
  tracesSampleRate: 1,
  enableLogs: true,
});
Sentry.logger.info("the page is open");
window.ask = () => Sentry.showReportDialog();
window.finish = () => Sentry.flush(20_000);

document.getElementById("pack").addEventListener("click", () => {
  throw new TypeError("order cannot be packed by a browser");
});
