"""Runs the desk (the Django project beside this file) or a small script with whatever sentry-sdk is installed.

    drive.py wsgi /path/ ...     each path visited once, on a real socket; post:/path/ sends JSON
                                 HEADERS are sent with each, as a JSON object
    drive.py asgi /path/ ...     the same through uvicorn; ws:/path/ is a websocket that sends one message
    drive.py celery N            /charge/ visited, and a worker until N tasks have ended for good
    drive.py beat                a worker and beat, until the first task of the schedule has run
    drive.py manage COMMAND      a management command
    drive.py script NAME         a function of scripts.py

Answers of the project do not matter here: what counts is what the SDK sends, and that it has sent it at the end.
"""

import json
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "desk"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
DEADLINE_S = 60


def main():
    what, *rest = sys.argv[1:]
    {"wsgi": wsgi, "asgi": asgi, "celery": celery, "beat": beat, "manage": manage, "script": script}[what](rest)


def prepare():
    """A database that nobody else has, with its tables."""
    import django

    os.environ["DATABASE"] = os.path.join(tempfile.mkdtemp(), "desk.sqlite3")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def finish():
    import sentry_sdk

    sentry_sdk.flush(timeout=DEADLINE_S)
    otel = sys.modules.get("desk.otel")
    if otel:
        otel.finish()


def visit(port, path):
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
    body = None
    if "HEADERS" in os.environ:
        return visit_untraced(port, path, headers | json.loads(os.environ["HEADERS"]))
    if path.startswith("post:"):
        path = path.removeprefix("post:")
        headers |= {"Content-Type": "application/json", "Cookie": "sessionid=hush-hush-cookie; shelf=oak"}
        body = b'{"order": 41, "password": "hush-hush-body"}'
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            answer.read()
    except urllib.error.HTTPError:
        pass


def visit_untraced(port, path, headers):
    """As another process would: an SDK in this one adds nothing to what goes through a bare socket."""
    lines = [f"GET {path} HTTP/1.0", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        while connection.recv(65536):
            pass


def wsgi(paths):
    prepare()
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for path in paths:
        visit(server.server_port, path)
    finish()


def asgi(paths):
    prepare()
    import uvicorn
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    config = uvicorn.Config("desk.asgi:application", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    for path in paths:
        if path.startswith("ws:"):
            try:
                with connect(f"ws://127.0.0.1:{port}{path[3:]}") as socket:
                    socket.send("apples")
                    socket.recv(timeout=DEADLINE_S)
            except WebSocketException:
                pass
        else:
            visit(port, path)
    finish()
    server.should_exit = True


def celery(rest):
    prepare()
    import sentry_sdk
    from celery import signals
    from celery.contrib.testing.worker import start_worker
    from django.test import RequestFactory

    from desk import celery_app
    from stock import views

    ended = []
    signals.task_failure.connect(lambda **kwargs: ended.append(kwargs), weak=False)
    with sentry_sdk.start_transaction(op="task", name="place orders"):
        views.charge(RequestFactory().get("/charge/"))
    with start_worker(celery_app, pool="solo", perform_ping_check=False):
        wait_until(lambda: len(ended) >= int(rest[0]))
    finish()


def beat(_):
    prepare()
    from celery import signals
    from celery.beat import EmbeddedService
    from celery.contrib.testing.worker import start_worker

    from desk import celery_app

    ended = []
    # Connected after the SDK's own, so that what it has to say of the task has been said.
    signals.task_success.connect(lambda sender, **_: ended.append(sender.name), weak=False)
    service = EmbeddedService(
        celery_app,
        thread=True,
        scheduler_cls="desk.beat:DueAtOnce",
        schedule_filename=os.path.join(tempfile.mkdtemp(), "beat"),
    )
    with start_worker(celery_app, pool="solo", perform_ping_check=False):
        service.start()
        wait_until(lambda: "stock.tasks.count" in ended)
        service.stop()
    finish()


def manage(arguments):
    prepare()
    from django.core.management import execute_from_command_line

    # What it raises ends this process; the SDK's own hook sends it.
    execute_from_command_line(["manage.py", *arguments])


def script(arguments):
    import scripts

    getattr(scripts, arguments[0])()
    finish()


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
