"""Routes of the shop; orders/views.py says what each of them is for."""

from django.urls import path

from orders import views

urlpatterns = [
    path("", views.order_list),
    path("health/", views.health),
    path("orders/<int:order_id>/", views.order_detail),
    path("orders/<int:order_id>/invoice/", views.invoice),
    path("orders/<int:order_id>/refund/", views.refund),
    path("orders/<int:order_id>/cancel/", views.cancel),
    path("checkout/<int:order_id>/", views.checkout),
    path("stock/<slug:sku>/", views.stock),
    path("import/", views.import_prices),
    path("sync/", views.sync_warehouses),
    path("signup/", views.signup),
    path("upload/", views.upload),
    path("payments/refused/", views.payment_refused),
    path("payments/retried/", views.payment_retried),
    path("notice/", views.notice),
]
