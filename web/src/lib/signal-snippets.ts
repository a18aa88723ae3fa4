// What to paste to make an SDK send logs, metrics and the name of a release, as sentry-sdk 2.75 and OpenTelemetry for
// Python 1.45 take it. Pure.

import type { Snippet } from "./snippets";

function otel(origin: string, more: string): Snippet {
  return {
    title: "or OpenTelemetry's environment",
    language: "shell",
    text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
${more}`,
  };
}

export function logSnippets(dsn: string, origin: string): Snippet[] {
  return [
    {
      title: "settings.py, or the start of your program",
      language: "python",
      text: `import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    enable_logs=True,        # logging, INFO and above
    traces_sample_rate=1.0,  # so that logs stand in their trace
)`,
    },
    {
      title: "anywhere after it",
      language: "python",
      text: `import logging
logging.getLogger("shop").warning("cart %s is stale", 42)

from sentry_sdk import logger
logger.info("cart {id} priced", id=42)`,
    },
    otel(origin, `export OTEL_LOGS_EXPORTER=otlp
export OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true`),
  ];
}

export function metricSnippets(dsn: string, origin: string): Snippet[] {
  return [
    {
      title: "settings.py, or the start of your program",
      language: "python",
      text: `import sentry_sdk

sentry_sdk.init(dsn="${dsn}")`,
    },
    {
      title: "anywhere after it",
      language: "python",
      text: `from sentry_sdk import metrics

metrics.count("orders.placed", 1, attributes={"country": "DE"})
metrics.gauge("queue.depth", 42)
metrics.distribution("checkout.duration", 187.5, unit="millisecond")`,
    },
    otel(origin, "export OTEL_METRICS_EXPORTER=otlp"),
  ];
}

export function releaseSnippet(dsn: string): Snippet {
  return {
    title: "settings.py, or the start of your program",
    language: "python",
    text: `import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    release="my-app@1.0.0",    # a version, or the commit
    environment="production",
)`,
  };
}

export function performanceSnippets(dsn: string, origin: string): Snippet[] {
  return [
    {
      title: "Sentry: settings.py, or the start of your program",
      language: "python",
      text: `import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    traces_sample_rate=1.0,
    db_query_source_threshold_ms=0,  # the line behind each query
)`,
    },
    {
      title: "OpenTelemetry: nothing to change in the code",
      language: "shell",
      text: `pip install opentelemetry-distro opentelemetry-exporter-otlp
opentelemetry-bootstrap -a install
OTEL_SERVICE_NAME=shop OTEL_EXPORTER_OTLP_ENDPOINT=${origin} \\
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \\
opentelemetry-instrument python manage.py runserver --noreload`,
    },
  ];
}
