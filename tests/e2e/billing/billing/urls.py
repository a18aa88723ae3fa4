"""Routes of billing."""

from django.urls import path

from invoices import views

urlpatterns = [
    path("prices/<int:order_id>/", views.price),
    path("invoices/", views.invoice_list),
    path("invoices/<int:invoice_id>/", views.invoice_detail),
    path("invoices/<int:invoice_id>/refund/", views.refund),
]
