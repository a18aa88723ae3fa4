"""The tables, and the same few rows in every run."""

import django.db.models.deletion
from django.db import migrations, models


def add_example_rows(apps, schema_editor):
    TaxRate, Invoice, Payment = (apps.get_model("invoices", name) for name in ("TaxRate", "Invoice", "Payment"))
    for country, percent in (("DE", 19), ("PT", 23), ("NO", 25)):
        TaxRate.objects.create(country=country, percent=percent)
    for order_id in range(1, 11):
        country = ("DE", "PT", "NO")[order_id % 3]
        invoice = Invoice.objects.create(order_id=order_id, country=country, total_cents=1990 + 350 * order_id)
        Payment.objects.create(invoice=invoice, provider="acme-pay", cents=invoice.total_cents)


def key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "TaxRate",
            [
                ("id", key()),
                ("country", models.CharField(max_length=2, unique=True)),
                ("percent", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            "Invoice",
            [
                ("id", key()),
                ("order_id", models.IntegerField(unique=True)),
                ("country", models.CharField(max_length=2)),
                ("total_cents", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            "Payment",
            [
                ("id", key()),
                ("provider", models.CharField(max_length=20)),
                ("cents", models.IntegerField()),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="payments", to="invoices.invoice"
                    ),
                ),
            ],
        ),
        migrations.RunPython(add_example_rows, migrations.RunPython.noop),
    ]
