import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware  # noqa: E402

from stock.consumers import Counter  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": SentryAsgiMiddleware(URLRouter([path("ws/counter/<int:shelf>/", Counter.as_asgi())])),
    }
)
