"""What CPython prints for exceptions, beside what reached the server when sentry-sdk sent the same ones.

`python tracebacks.py http://key@127.0.0.1:4318/1 > src/lib/copy/tracebacks.fixture.json` with Python 3.11 or newer,
sentry-sdk and a running server: the fixture of traceback.test.ts. `-X no_debug_ranges`, because the carets below a part
of a line are in no payload.
"""

import json
import sys
import time
import traceback
import urllib.request
from urllib.parse import urlsplit

import sentry_sdk

DSN = sys.argv[1]
SERVER = "{0.scheme}://{0.hostname}:{0.port}".format(urlsplit(DSN))


class VoucherError(Exception):
    class Expired(Exception):
        pass


def plain():
    {}["EUR"]


def cause():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise ValueError("Invalid voucher") from error


def context():
    try:
        plain()
    except KeyError:
        raise LookupError("no rate\nfor EUR\n\nor any other")


def from_none():
    try:
        1 / 0
    except ZeroDivisionError:
        raise VoucherError.Expired() from None


def notes():
    error = ValueError("bad cart")
    error.add_note("cart 42")
    error.add_note("two\nlines")
    raise error


def recursion(n=0):
    if n > 6:
        raise RecursionError("too deep")
    recursion(n + 1)


def caught(fn):
    try:
        fn()
    except Exception as error:
        return error


def group():
    raise ExceptionGroup("rates", [caught(plain), caught(context), ValueError("never raised")])


def nested_group():
    try:
        cause()
    except ValueError as error:
        raise ExceptionGroup("outer", [caught(group), caught(cause), caught(notes)]) from error


def wide_group():
    raise ExceptionGroup("many", [ValueError(str(n)) for n in range(18)])


def custom_str():
    class Told(Exception):
        def __str__(self):
            return "what it says"

    raise Told("ignored")


def empty():
    raise ValueError("")


CASES = [plain, cause, context, from_none, notes, recursion, group, nested_group, wide_group, custom_str, empty]


def main():
    sentry_sdk.init(dsn=DSN, default_integrations=False, max_value_length=100_000)
    out = []
    for case in CASES:
        error = caught(case)
        python = "".join(traceback.format_exception(error)).rstrip("\n")
        event_id = sentry_sdk.capture_exception(error)
        sentry_sdk.flush(5)
        for _ in range(50):
            try:
                event = json.load(urllib.request.urlopen(f"{SERVER}/api/ui/events/{event_id}"))
                break
            except urllib.error.HTTPError:
                time.sleep(0.1)
        exceptions = event["detail"]["exceptions"]
        for exception in exceptions:
            exception["mechanism"] = exception["mechanism"] and {"source": exception["mechanism"]["source"], "ty": None, "handled": None, "description": None, "help_link": None, "data": []}
            for frame in exception["frames"]:
                frame.update(vars=[], pre_context=[], post_context=[], abs_path=frame["abs_path"].replace(__file__, "/srv/tracebacks.py"))
        out.append({"name": case.__name__, "python": python.replace(__file__, "/srv/tracebacks.py"), "exceptions": exceptions})
    json.dump(out, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
