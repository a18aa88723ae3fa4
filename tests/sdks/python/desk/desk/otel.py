"""OpenTelemetry beside the Sentry SDK, in one process: OTEL says how the two know of each other.

    integration  Sentry's OTLPIntegration: errors by Sentry, spans by OTLP under the same ids
    bridge       Sentry's span processor: the same spans by both protocols
    beside       two SDKs that know nothing of each other

The rest of OpenTelemetry is set up as its own documentation says: an exporter for OTEL_EXPORTER_OTLP_ENDPOINT, and the
instrumentations of Django and sqlite3.
"""

import os

MODE = os.environ.get("OTEL")


def integrations():
    """What `sentry_sdk.init` is given besides."""
    if MODE != "integration":
        return []
    from sentry_sdk.integrations.otlp import OTLPIntegration

    return [OTLPIntegration()]


def options():
    return {"instrumenter": "otel", "traces_sample_rate": 1.0} if MODE == "bridge" else {}


def start():
    """After `sentry_sdk.init`, before the application is made."""
    if MODE is None:
        return
    from opentelemetry import propagate, trace
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    if MODE != "integration":
        provider = TracerProvider(resource=Resource.create({"service.name": "desk"}))
        provider.add_span_processor(exporting())
        trace.set_tracer_provider(provider)
    if MODE == "bridge":
        from sentry_sdk.integrations.opentelemetry import SentryPropagator, SentrySpanProcessor

        provider.add_span_processor(SentrySpanProcessor())
        propagate.set_global_textmap(SentryPropagator())
    DjangoInstrumentor().instrument()
    SQLite3Instrumentor().instrument()


def exporting():
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter())


def finish():
    if MODE is not None:
        from opentelemetry import trace

        trace.get_tracer_provider().shutdown()
