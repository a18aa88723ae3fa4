"""Runs the till, or a script, under `opentelemetry-instrument`: whoever starts this says with OTEL_… where to send.

    drive.py runserver /path/ ...    `manage.py runserver --noreload`, each path visited once, ended with Ctrl+C
    drive.py script                  spans, logs and metrics made by hand

What a path answers does not matter here; that everything has been sent at the end does.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTRUMENT = Path(sys.executable).parent / "opentelemetry-instrument"
DEADLINE_S = 60


def main():
    what, *rest = sys.argv[1:]
    {"runserver": runserver, "script": script}[what](rest)


def runserver(paths):
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"DATABASE": os.path.join(folder, "till.sqlite3"), "PYTHONDONTWRITEBYTECODE": "1"}
        # Instrumented before manage.py runs, so Django has to be told earlier where its settings are.
        env["DJANGO_SETTINGS_MODULE"] = "till.settings"
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=HERE, env=env, check=True)
        port = free_port()
        command = [INSTRUMENT, sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, cwd=HERE, env=env)
        try:
            wait_for(server, port)
            for path in paths:
                visit(f"http://127.0.0.1:{port}{path}")
            server.send_signal(signal.SIGINT)
            server.wait(DEADLINE_S)
        finally:
            server.kill()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(server, port):
    deadline = time.monotonic() + DEADLINE_S
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"the till does not answer: {server.poll()}")


def visit(url):
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


def script(_):
    subprocess.run([INSTRUMENT, sys.executable, "-B", HERE / "by_hand.py"], check=True, timeout=DEADLINE_S)


if __name__ == "__main__":
    main()
