"""What sentry-sdk can do beside a Django project, a function for each; DSN and OPTIONS as for the desk."""

import json
import logging
import os
import threading
import time

import sentry_sdk


def init(**options):
    defaults = {"dsn": os.environ["DSN"], "release": "scripts@1.0", "environment": "matrix"}
    sentry_sdk.init(**{**defaults, **options, **json.loads(os.environ.get("OPTIONS", "{}"))})


def logs():
    init(enable_logs=True)
    logger = logging.getLogger("warehouse")
    logger.setLevel(logging.INFO)
    with sentry_sdk.start_transaction(op="task", name="count fruit"):
        logger.info("counted %d apples", 12)
        logger.warning("only %d pears left", 2)
        sentry_sdk.logger.error("shelf {name} broke", name="oak", attributes={"weight": 31.5, "repaired": False})


def metrics():
    init()
    for _ in range(3):
        sentry_sdk.metrics.count("apples.sold", 2, attributes={"colour": "red"})
    sentry_sdk.metrics.gauge("queue.depth", 7)
    sentry_sdk.metrics.distribution("packing.time", 187.5, unit="millisecond")


def flags():
    from sentry_sdk.feature_flags import add_feature_flag

    init()
    add_feature_flag("new-checkout", True)
    add_feature_flag("old-checkout", False)
    sentry_sdk.capture_message("with flags")


def attachments():
    init()
    with sentry_sdk.new_scope() as scope:
        scope.add_attachment(bytes=b"name,left\noak,3\n", filename="shelves.csv", content_type="text/csv")
        scope.add_attachment(bytes=bytes(range(256)) * 40, filename="photo.bin")
        sentry_sdk.capture_message("with attachments")


def work(seconds=0.3):
    until = time.monotonic() + seconds
    total = 0
    while time.monotonic() < until:
        total += sum(range(1000))
    return total


def profile():
    init(traces_sample_rate=1.0, profiles_sample_rate=1.0)
    with sentry_sdk.start_transaction(op="task", name="profiled"):
        work()


def continuous_profile():
    init(traces_sample_rate=1.0, profile_session_sample_rate=1.0, profile_lifecycle="manual")
    sentry_sdk.profiler.start_profiler()
    with sentry_sdk.start_transaction(op="task", name="profiled for longer"):
        work()
    sentry_sdk.profiler.stop_profiler()
    # The last chunk leaves when the profiler's own thread ends.
    for thread in threading.enumerate():
        if thread.name.startswith("sentry.profiler"):
            thread.join(20)


def stream():
    init(traces_sample_rate=1.0, trace_lifecycle="stream")
    with sentry_sdk.traces.start_span(name="pack order", attributes={"sentry.op": "task", "order.id": 41}):
        with sentry_sdk.traces.start_span(name="SELECT shelf", attributes={"sentry.op": "db", "db.system": "sqlite"}):
            work(0.01)


def cron():
    from sentry_sdk.crons import monitor

    init()

    @monitor(
        monitor_slug="My Nightly Job!",
        monitor_config={"schedule": {"type": "crontab", "value": "15 3 * * *"}, "timezone": "Europe/Vienna"},
    )
    def nightly():
        work(0.01)

    nightly()


def limited():
    """Goes on sending after the server has asked it not to."""
    init()
    for number in range(20):
        sentry_sdk.capture_message(f"message {number}")
        sentry_sdk.flush(timeout=10)


def statsd():
    """Metrics as 1.45 has them."""
    init(_experiments={"enable_metrics": True})
    sentry_sdk.metrics.incr("apples.sold", 2)
    sentry_sdk.flush(timeout=10)
    sentry_sdk.capture_message("after the metrics")


def discarded():
    """Makes what the SDK keeps to itself, and the report of it."""

    def before_send(event, hint):
        return None if event.get("message") == "nobody's business" else event

    init(before_send=before_send, traces_sample_rate=0.0)
    for _ in range(3):
        sentry_sdk.capture_message("nobody's business")
    for _ in range(2):
        with sentry_sdk.start_transaction(op="task", name="not sampled"):
            with sentry_sdk.start_span(op="db", name="SELECT shelf"):
                pass
    sentry_sdk.flush(timeout=10)
    # A report travels with whatever is sent next, and once a minute anyway.
    sentry_sdk.capture_message("everybody's business")


def group():
    init()
    try:
        try:
            raise KeyError("oak")
        except KeyError as cause:
            errors = ExceptionGroup("two shelves", [ValueError("too heavy"), TypeError("not wood")])
            raise ExceptionGroup("shelves cannot be packed", [errors, OSError("wet")]) from cause
    except ExceptionGroup as error:
        sentry_sdk.capture_exception(error)


def hush(what):
    """A secret that stands in no line of source, which an event quotes."""
    return "hush" + "-" + "hush" + "-" + what


def paying():
    """What the SDK's own scrubber would have removed, were it not off."""
    from sentry_sdk.scrubber import EventScrubber

    init(event_scrubber=EventScrubber(denylist=[], pii_denylist=[]), send_default_pii=True)

    def pay(password, card, order):
        headers = {"Authorization": f"Bearer {hush('header')}", "X-Shelf": "oak"}
        api_token = hush("token")
        raise PermissionError(f"order {order} is not paid: {len(headers)} headers, {len(api_token)}")

    with sentry_sdk.new_scope() as scope:
        scope.set_extra("login", {"db_password": hush("extra"), "shelf": "oak"})
        scope.set_context("gateway", {"api_key": hush("context"), "country": "AT"})
        sentry_sdk.add_breadcrumb(category="auth", message="logged in", data={"secret": hush("crumb"), "way": "form"})
        try:
            pay(hush("local"), "-".join(["4111", "1111", "1111", "1111"]), 41)
        except PermissionError:
            sentry_sdk.capture_exception()
