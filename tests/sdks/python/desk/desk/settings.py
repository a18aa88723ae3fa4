"""Settings of the desk: one Django project that every pinned sentry-sdk is tried with.

DSN says where to send; OPTIONS is a JSON object of further options of `sentry_sdk.init`, CELERY_OPTIONS of its integration
with Celery. Works from Django 4.2 and sentry-sdk 0.20 on, so nothing here may be newer than that.
"""

import json
import os
import tempfile
from pathlib import Path

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration

from desk import otel

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "not-a-secret-this-project-only-runs-in-tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "desk.urls"
ASGI_APPLICATION = "desk.asgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["stock"]
MIDDLEWARE = ["stock.middleware.OpeningHours"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        # Keeps the place in the template, without which the SDK has no template frame to add.
        "OPTIONS": {"debug": True},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", os.path.join(tempfile.gettempdir(), "desk.sqlite3")),
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "root": {"level": "INFO", "handlers": ["nowhere"]},
}


def before_send(event, hint):
    """What a project does to keep an error to itself: the event is dropped by the SDK."""
    for value in event.get("exception", {}).get("values", []):
        if value.get("value") == "this one is nobody's business":
            return None
    return event


def integrations():
    found = [DjangoIntegration(), *otel.integrations()]
    if otel.MODE is not None:
        return found
    options = json.loads(os.environ.get("CELERY_OPTIONS", "{}"))
    from sentry_sdk.integrations.celery import CeleryIntegration

    found.append(CeleryIntegration(**options))
    return found


sentry_sdk.init(
    dsn=os.environ["DSN"],
    integrations=integrations(),
    before_send=before_send,
    **{**otel.options(), **json.loads(os.environ.get("OPTIONS", "{}"))},
)
otel.start()
