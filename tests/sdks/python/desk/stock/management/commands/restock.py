from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def handle(self, *args, **options):
        raise NotADirectoryError("the warehouse is a car park")
