"""A view that works and one that fails, each with a query and a log."""

import logging

from django.http import HttpResponse

from .models import Sale

logger = logging.getLogger("sales.views")


def sell(request, apples):
    Sale.objects.create(apples=apples)
    logger.warning("sold %s apples", apples)
    return HttpResponse(f"{Sale.objects.count()} sales")


def fail(request, apples):
    try:
        Sale.objects.get(apples=apples)
    except Sale.DoesNotExist as error:
        raise RuntimeError("nobody bought that many") from error
    return HttpResponse("bought")
