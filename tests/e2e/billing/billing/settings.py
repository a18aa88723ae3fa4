"""Settings of billing: a small Django project that reports by OpenTelemetry; billing/telemetry.py sets that up."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "not-a-secret-this-project-only-runs-in-tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "billing.urls"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["invoices"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("BILLING_DATABASE", BASE_DIR / "billing.sqlite3"),
    }
}
# Records travel to the root logger, where OpenTelemetry listens; nothing is printed.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "root": {"level": "INFO", "handlers": ["nowhere"]},
    "loggers": {"django": {"handlers": [], "level": "INFO"}},
}
