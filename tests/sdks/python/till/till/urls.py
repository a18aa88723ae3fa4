from django.urls import path
from sales import views

urlpatterns = [
    path("sell/<int:apples>/", views.sell),
    path("fail/<int:apples>/", views.fail),
]
