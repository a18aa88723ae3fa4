// OpenTelemetry's SDK for Node: spans, a log and metrics by its API. Where to and in which protocol is said by OTEL_….

import { metrics, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { NodeSDK } from "@opentelemetry/sdk-node";

const sdk = new NodeSDK();
sdk.start();

const tracer = trace.getTracer("till");
tracer.startActiveSpan("GET /sales/:id", { kind: SpanKind.SERVER, attributes: { "http.request.method": "GET", "http.route": "/sales/:id" } }, (span) => {
  const attributes = { "db.system.name": "sqlite", "db.query.text": "SELECT * FROM sale WHERE apples = 3" };
  tracer.startActiveSpan("SELECT sale", { kind: SpanKind.CLIENT, attributes }, (query) => query.end());
  logs.getLogger("till").emit({ severityNumber: SeverityNumber.WARN, severityText: "WARN", body: "only 2 pears left" });
  span.recordException(new RangeError("no such sale"));
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute("http.response.status_code", 500);
  span.end();
});
const meter = metrics.getMeter("till");
meter.createCounter("apples.sold").add(3, { colour: "red" });
meter.createHistogram("weight", { unit: "kg" }).record(31.5);

await sdk.shutdown();
