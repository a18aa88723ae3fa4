import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")

app = Celery("desk", broker="memory://")
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=False,
    # A second by default, for every message.
    broker_transport_options={"polling_interval": 0.02},
    beat_schedule={"Nightly stock count!": {"task": "stock.tasks.count", "schedule": 60.0}},
)
app.autodiscover_tasks(["stock"])
