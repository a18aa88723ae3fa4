"""Starts the billing project: `python serve.py [HOST:]PORT`, port 0 for any free one.

Owns the process: a fresh SQLite file in a temporary folder, the migrations with their example rows, a threaded
wsgiref server and an orderly end on SIGTERM, so that the SDK can send what it still holds. Prints its address on
one line once it answers.
"""

import os
import signal
import sys
import tempfile
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class ThreadedServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self):
        # HTTPServer would ask the resolver for the machine's name, which then stands in every event.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]
        self.setup_environ()


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main():
    host, _, port = sys.argv[1].rpartition(":")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="billing-") as folder:
        os.environ["BILLING_DATABASE"] = os.path.join(folder, "billing.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "billing.settings"
        serve(host or "127.0.0.1", int(port))


def serve(host, port):
    import django
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    # After the migrations: their SQL would be some hundred traces of one span each.
    from billing.telemetry import configure

    configure()

    server = ThreadedServer((host, port), QuietHandler)
    # Not get_wsgi_application(): it sets logging up once more and takes away handlers added since.
    server.set_app(WSGIHandler())
    print(f"billing listens on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
