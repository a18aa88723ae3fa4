"""The tables, and the same few rows in every run."""

from datetime import datetime, timedelta, timezone

import django.db.models.deletion
from django.db import migrations, models

CUSTOMERS = ["Ada Lovelace", "Grace Hopper", "Mary Kenneth Keller", "Radia Perlman", "Katherine Johnson"]
SKUS = ["lamp-3", "chair-7", "desk-1"]


def add_example_rows(apps, schema_editor):
    Customer, Voucher, Order, Line = (
        apps.get_model("orders", name) for name in ("Customer", "Voucher", "Order", "Line")
    )
    Voucher.objects.create(code="BF26", percent=0)
    Voucher.objects.create(code="SPRING10", percent=10)
    start = datetime(2026, 11, 2, 9, 30, tzinfo=timezone.utc)
    for number, name in enumerate(CUSTOMERS):
        email = f"{name.split()[0].lower()}@example.com"
        customer = Customer.objects.create(name=name, email=email)
        for again in range(2):
            order = Order.objects.create(
                customer=customer,
                total_cents=1990 + 700 * number + 300 * again,
                created_at=start + timedelta(hours=5 * number + again),
            )
            Line.objects.create(order=order, sku=SKUS[(number + again) % 3], quantity=1 + again)


def key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False)


def belongs_to(model, **options):
    return models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=model, **options)


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Customer",
            [
                ("id", key()),
                ("name", models.CharField(max_length=80)),
                ("email", models.EmailField(max_length=254, unique=True)),
            ],
        ),
        migrations.CreateModel(
            "Voucher",
            [
                ("id", key()),
                ("code", models.CharField(max_length=20, unique=True)),
                ("percent", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            "Order",
            [
                ("id", key()),
                ("total_cents", models.IntegerField()),
                ("created_at", models.DateTimeField()),
                ("customer", belongs_to("orders.customer")),
            ],
        ),
        migrations.CreateModel(
            "Line",
            [
                ("id", key()),
                ("sku", models.CharField(max_length=20)),
                ("quantity", models.IntegerField()),
                ("order", belongs_to("orders.order", related_name="lines")),
            ],
        ),
        migrations.RunPython(add_example_rows, migrations.RunPython.noop),
    ]
