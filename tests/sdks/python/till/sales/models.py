from django.db import models


class Sale(models.Model):
    apples = models.IntegerField()
