"""Spans, a log and metrics by OpenTelemetry's API; `opentelemetry-instrument` has set everything up and sends it."""

import logging

from opentelemetry import metrics, trace

tracer = trace.get_tracer("till")
meter = metrics.get_meter("till")

with tracer.start_as_current_span("count the till", kind=trace.SpanKind.SERVER, attributes={"till.id": 7}):
    with tracer.start_as_current_span("SELECT sale", kind=trace.SpanKind.CLIENT) as span:
        span.set_attributes({"db.system": "sqlite", "db.statement": "SELECT * FROM sale WHERE apples = 3"})
    logging.getLogger("till").warning("only %s pears left", 2)
meter.create_counter("apples.sold").add(3, {"colour": "red"})
meter.create_histogram("weight", unit="kg").record(31.5)
