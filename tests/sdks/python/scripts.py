"""What sentry-sdk 2.x can do beside a Django project, a function for each; DSN and OPTIONS as for the desk."""

import json
import logging
import os
import time

import sentry_sdk


def init(**options):
    sentry_sdk.init(
        dsn=os.environ["DSN"],
        release="scripts@1.0",
        environment="matrix",
        **{**options, **json.loads(os.environ.get("OPTIONS", "{}"))},
    )


def logs():
    init(enable_logs=True)
    logger = logging.getLogger("warehouse")
    logger.setLevel(logging.INFO)
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
    # The chunk leaves with the profiler's own thread.
    time.sleep(0.5)


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
