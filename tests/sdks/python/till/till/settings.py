"""Settings of the till: a Django project that knows nothing of telemetry. DATABASE is the path of its SQLite file."""

import os

SECRET_KEY = "not-a-secret-this-project-only-runs-in-tests"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "till.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["sales"]
MIDDLEWARE = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
