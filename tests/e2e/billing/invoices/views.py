"""What the shop asks of billing, and the ways in which billing fails."""

import logging

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from invoices.models import Invoice, TaxRate

logger = logging.getLogger("billing.invoices")

# acme-pay is missing on purpose: that is the bug.
REFUND_FEES_CENTS = {"bank-transfer": 0, "paymate": 35}


class RefundError(Exception):
    pass


def price(request, order_id):
    """Succeeds with two queries."""
    invoice = Invoice.objects.get(order_id=order_id)
    rate = TaxRate.objects.get(country=invoice.country)
    tax_cents = invoice.total_cents * rate.percent // 100
    logger.info("Priced order %s", order_id, extra={"order_id": order_id, "country": invoice.country})
    return JsonResponse({"order_id": order_id, "total_cents": invoice.total_cents, "tax_cents": tax_cents})


def invoice_list(request):
    """Succeeds with one query for the invoices and one more for each of them."""
    rows = [
        {"order_id": invoice.order_id, "paid_cents": sum(payment.cents for payment in invoice.payments.all())}
        for invoice in Invoice.objects.order_by("order_id")
    ]
    return JsonResponse({"invoices": rows})


def invoice_detail(request, invoice_id):
    """Invoice.DoesNotExist for a number that is not there."""
    invoice = Invoice.objects.get(pk=invoice_id)
    return JsonResponse({"order_id": invoice.order_id, "total_cents": invoice.total_cents})


@csrf_exempt
@require_POST
def refund(request, invoice_id):
    """A chained error after a query and a warning."""
    payment = Invoice.objects.get(pk=invoice_id).payments.get()
    logger.warning("Refund of invoice %s asked for", invoice_id, extra={"provider": payment.provider})
    return JsonResponse({"refunded_cents": payment.cents - refund_fee_cents(payment)})


def refund_fee_cents(payment):
    try:
        return REFUND_FEES_CENTS[payment.provider]
    except KeyError as missing:
        raise RefundError(f"No refund fee for provider {payment.provider}") from missing
