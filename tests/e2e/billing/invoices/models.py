"""Invoices, their payments and the tax rates."""

from django.db import models


class TaxRate(models.Model):
    country = models.CharField(max_length=2, unique=True)
    percent = models.IntegerField()


class Invoice(models.Model):
    order_id = models.IntegerField(unique=True)
    country = models.CharField(max_length=2)
    total_cents = models.IntegerField()


class Payment(models.Model):
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="payments")
    provider = models.CharField(max_length=20)
    cents = models.IntegerField()
