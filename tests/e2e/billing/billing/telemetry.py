"""OpenTelemetry for billing: traces, logs and metrics by OTLP over HTTP, set up by hand as the SDK's manual shows.

OTEL_EXPORTER_OTLP_ENDPOINT says where to, OTEL_EXPORTER_OTLP_PROTOCOL chooses `http/protobuf` (default) or
`http/json`, which needs opentelemetry-exporter-otlp-json-http.
"""

import logging
import os

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# Short, so that a test need not wait for the default five seconds.
DELAY_MS = 200


def configure():
    span_exporter, log_exporter, metric_exporter = exporters()
    resource = Resource.create(
        {
            "service.name": "billing",
            "service.version": "1.9.2",
            "service.namespace": "shop",
            "deployment.environment.name": "production",
            "host.name": "web-2",
        }
    )

    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(span_exporter, schedule_delay_millis=DELAY_MS))
    trace.set_tracer_provider(tracer_provider)

    logger_provider = LoggerProvider(resource=resource)
    logger_provider.add_log_record_processor(BatchLogRecordProcessor(log_exporter, schedule_delay_millis=DELAY_MS))
    set_logger_provider(logger_provider)
    logging.getLogger().addHandler(LoggingHandler(logging.INFO, logger_provider, log_code_attributes=True))

    # Metrics leave every minute and once more at the end of the process.
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(metric_exporter)], resource=resource))

    DjangoInstrumentor().instrument()
    SQLite3Instrumentor().instrument()


def exporters():
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "http/json":
        from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    return OTLPSpanExporter(), OTLPLogExporter(), OTLPMetricExporter()
