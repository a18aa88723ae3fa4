"""Settings of the shop: the smallest Django project that is still like a real one, reporting by the Sentry SDK.

SENTRY_DSN says where to; without it nothing is sent. SENTRY_OPTIONS is a JSON object of further options of
`sentry_sdk.init`, for captures that need another set-up than this one.
"""

import json
import os
from pathlib import Path

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "not-a-secret-this-project-only-runs-in-tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["orders"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "orders.middleware.CustomerMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        # Keeps the place in the template; without it the SDK has no template frame to add.
        "OPTIONS": {"debug": True},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", BASE_DIR / "shop.sqlite3"),
    }
}
# Nothing is printed: the events are the output of this project.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "root": {"level": "INFO", "handlers": ["nowhere"]},
    "loggers": {"django": {"handlers": [], "level": "INFO"}},
}

BILLING_URL = os.environ.get("BILLING_URL", "http://127.0.0.1:8001")


def drop_health_checks(event, hint):
    if event.get("transaction") == "/health/":
        return None
    return event


sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    integrations=[DjangoIntegration()],
    environment="production",
    release="shop@2026.11.3",
    server_name="web-1",
    send_default_pii=True,
    traces_sample_rate=1.0,
    enable_logs=True,
    # Where every query came from, not only where the slow ones did.
    db_query_source_threshold_ms=0,
    before_send_transaction=drop_health_checks,
    **json.loads(os.environ.get("SENTRY_OPTIONS", "{}")),
)
