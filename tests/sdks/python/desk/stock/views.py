"""One view for each case that guides to error tracking in Django walk through."""

import logging

import sentry_sdk
from django.dispatch import Signal
from django.http import HttpResponse
from django.shortcuts import render

from .models import Shelf
from .tasks import charge as charge_task

logger = logging.getLogger("stock.views")
order_placed = Signal()

# The newer SDKs call it new_scope; the older ones only know push_scope.
own_scope = getattr(sentry_sdk, "new_scope", None) or sentry_sdk.push_scope


def take_from_shelf(order_id):
    shelves = {"oak": 3}
    return shelves[f"shelf of order {order_id}"]


def fine(request):
    return HttpResponse("fine")


def unhandled(request, order_id):
    try:
        take_from_shelf(order_id)
    except KeyError as error:
        raise RuntimeError("order cannot be packed") from error


def order(request):
    """Reads a form that somebody sent, and fails."""
    raise ValueError(f"no such order: {len(request.body)} bytes")


def on_order_placed(sender, **kwargs):
    raise LookupError("nobody packs orders today")


order_placed.connect(on_order_placed)


def signal(request):
    order_placed.send(sender=None)
    return HttpResponse("placed")


def template(request):
    return render(request, "stock/shelves.html", {"shelves": [{"name": "oak"}]})


def missing(request):
    Shelf.objects.get(name="birch")


def duplicate(request):
    Shelf.objects.create(name="oak")
    Shelf.objects.create(name="oak")


def caught(request):
    try:
        1 / 0
    except ZeroDivisionError as error:
        sentry_sdk.capture_exception(error)
    return HttpResponse("caught")


def message(request):
    with own_scope() as scope:
        scope.set_extra("shelf", {"name": "oak", "left": 3})
        scope.level = "warning"
        sentry_sdk.capture_message("the shelf is nearly empty", level="warning")
    return HttpResponse("said")


def scoped(request):
    with own_scope() as scope:
        scope.set_tag("shelf", "oak")
        scope.set_extra("left", 3)
        scope.set_user({"id": "17", "email": "ada@example.com"})
        sentry_sdk.capture_message("inside the scope")
    sentry_sdk.capture_message("outside the scope")
    return HttpResponse("said")


def unscoped(request):
    sentry_sdk.capture_message("the next request")
    return HttpResponse("said")


def dropped(request):
    raise RuntimeError("this one is nobody's business")


def log(request):
    logger.error("shelf %s is %s", "oak", "broken", extra={"weight": 12})
    try:
        int("twelve")
    except ValueError:
        logger.exception("weight of shelf %s cannot be read", "oak")
    return HttpResponse("logged")


def charge(request):
    charge_task.delay(41)
    charge_task.delay(42)
    return HttpResponse("queued")
