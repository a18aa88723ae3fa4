"""The shop's client of the billing service, and the one place where the two tracing systems meet.

sentry-sdk sends its own `sentry-trace` header and no W3C `traceparent`, so billing, which speaks OpenTelemetry,
would begin a trace of its own. The connection below writes the second header from the first: billing's spans
then hang below the `http.client` span which the SDK opened for this very request.
"""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

from django.conf import settings


class BillingError(Exception):
    pass


class TracedConnection(HTTPConnection):
    def putheader(self, header, *values):
        super().putheader(header, *values)
        if header.lower() == "sentry-trace":
            super().putheader("traceparent", w3c_traceparent(values[0]))


def w3c_traceparent(sentry_trace):
    """`<trace>-<span>-1` becomes `00-<trace>-<span>-01`; a missing decision counts as not sampled."""
    trace_id, span_id, *sampled = sentry_trace.split("-")
    flags = "01" if sampled == ["1"] else "00"
    return f"00-{trace_id}-{span_id}-{flags}"


def billing_request(method, path):
    connection = TracedConnection(urlsplit(settings.BILLING_URL).netloc, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        if response.status >= 400:
            raise BillingError(f"billing answered {response.status} to {method} {path}")
        return json.loads(body)
    finally:
        connection.close()
