from django.urls import path

from stock import views

urlpatterns = [
    path("fine/", views.fine),
    path("unhandled/<int:order_id>/", views.unhandled),
    path("order/", views.order),
    path("middleware/", views.fine),
    path("signal/", views.signal),
    path("template/", views.template),
    path("missing/", views.missing),
    path("duplicate/", views.duplicate),
    path("caught/", views.caught),
    path("message/", views.message),
    path("scoped/", views.scoped),
    path("unscoped/", views.unscoped),
    path("dropped/", views.dropped),
    path("log/", views.log),
    path("charge/", views.charge),
]
