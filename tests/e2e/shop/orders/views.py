"""One view for each thing an application does to its error tracker: fail in every way Python knows, warn, succeed."""

import json
import logging

import sentry_sdk
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from orders.billing import billing_request
from orders.models import Customer, Line, Order
from orders.pricing import discounted_total

logger = logging.getLogger("shop.payments")

STOCK = {"lamp-3": 14, "chair-7": 2}


def health(request):
    return HttpResponse("ok")


def order_list(request):
    """Succeeds, with one query for the orders and one more for each of them (the template asks for the customer)."""
    return render(request, "orders/list.html", {"orders": Order.objects.order_by("-created_at")})


def order_detail(request, order_id):
    """Order.DoesNotExist for a number that is not there."""
    order = Order.objects.select_related("customer").get(pk=order_id)
    return JsonResponse({"id": order.pk, "customer": order.customer.name, "total_cents": order.total_cents})


def checkout(request, order_id):
    """A chained error (`raise … from …`) after database work and a call to billing; fine with `voucher=SPRING10`."""
    order = Order.objects.select_related("customer").get(pk=order_id)
    lines = list(order.lines.all())
    sentry_sdk.add_breadcrumb(
        category="cart", message=f"checkout with {len(lines)} lines", level="info", data={"order_id": order.pk}
    )
    price = billing_request("GET", f"/prices/{order.pk}/")
    logger.info("Billing priced order %s at %s cents", order.pk, price["total_cents"])
    total_cents = discounted_total(order, request.GET.get("voucher", "BF26"))
    return JsonResponse({"id": order.pk, "total_cents": total_cents, "tax_cents": price["tax_cents"]})


def refund(request, order_id):
    """Billing fails, and then so does the shop: an error on both sides of one trace."""
    order = Order.objects.get(pk=order_id)
    return JsonResponse(billing_request("POST", f"/invoices/{order.pk}/refund/"))


def stock(request, sku):
    """KeyError for an unknown article."""
    return JsonResponse({"sku": sku, "left": STOCK[sku]})


def import_prices(request):
    """An error while another one is handled, without `from`."""
    rows = [{"sku": "lamp-3", "price": "19.90"}, {"sku": "chair-7", "price": "n/a"}]
    return JsonResponse({"cents": [price_in_cents(row) for row in rows]})


def price_in_cents(row):
    try:
        return int(float(row["price"]) * 100)
    except ValueError:
        currency = row["currency"]
        return int(float(row["price"].removesuffix(currency)) * 100)


def sync_warehouses(request):
    """An exception group, one of its members a group again."""
    failures = []
    for warehouse in ("berlin", "porto"):
        try:
            reach_warehouse(warehouse)
        except OSError as error:
            failures.append(error)
    late = ExceptionGroup("late answers", [TimeoutError("oslo needed 31 s"), TimeoutError("riga needed 44 s")])
    raise ExceptionGroup("4 warehouses not synchronised", [*failures, late])


def reach_warehouse(warehouse):
    raise ConnectionRefusedError(111, f"{warehouse} refused the connection")


def invoice(request, order_id):
    """A template that does not compile."""
    return render(request, "orders/invoice.html", {"order": Order.objects.get(pk=order_id)})


def cancel(request, order_id):
    """A template that compiles and then fails inside a method it calls."""

    class Cancellation:
        def fee(self):
            raise RuntimeError(f"No cancellation fee is set for order {order_id}")

    return render(request, "orders/cancel.html", {"cancellation": Cancellation()})


@require_POST
def signup(request):
    """Django's IntegrityError from sqlite3's, on a request whose body holds secrets at two depths."""
    account = json.loads(request.body)
    customer = Customer.objects.create(name=account["name"], email=account["email"])
    return JsonResponse({"id": customer.pk})


@require_POST
def upload(request):
    """A handled error, captured by hand, with an attachment; the visitor still gets an answer."""
    rows = request.POST["rows"]
    with sentry_sdk.new_scope() as scope:
        scope.add_attachment(bytes=rows.encode(), filename="rows.csv", content_type="text/csv")
        scope.set_context("upload", {"rows": rows.count("\n"), "source": "spreadsheet"})
        try:
            Line.objects.get(sku=rows.partition(",")[0])
        except Line.MultipleObjectsReturned as error:
            sentry_sdk.capture_exception(error)
    return HttpResponse("accepted", status=202)


def payment_refused(request):
    """`logging.error` with parameters and with fields of its own, no exception."""
    logger.error("Card %s refused for order %s", "declined_by_bank", 4, extra={"attempt": 3, "provider": "acme-pay"})
    return HttpResponse("refused", status=402)


def payment_retried(request):
    """`logging.exception`: an error that was handled."""
    try:
        raise ConnectionResetError(104, "acme-pay closed the connection")
    except ConnectionResetError:
        logger.exception("Payment of order %s will be retried", 5)
    return HttpResponse("later", status=202)


def notice(request):
    """`capture_message`, with a fingerprint and a warning's level."""
    with sentry_sdk.new_scope() as scope:
        scope.fingerprint = ["stock", "low"]
        scope.set_extra("left", STOCK["chair-7"])
        sentry_sdk.capture_message("Stock of chair-7 is low", level="warning")
    return HttpResponse("noted")
