"""Vouchers: the part of the shop with the bug that everybody looks at."""

from orders.models import Voucher


def discounted_total(order, code):
    row = Voucher.objects.get(code=code)
    voucher = {"code": row.code, "percent": row.percent}
    return apply_voucher(order.total_cents, voucher)


def apply_voucher(total_cents, voucher):
    try:
        steps = 100 // voucher["percent"]
    except ZeroDivisionError as exc:
        raise ValueError(f"Invalid voucher {voucher['code']}") from exc
    return total_cents - total_cents // steps
