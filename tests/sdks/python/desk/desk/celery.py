import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")

app = Celery("desk", broker=os.environ.get("CELERY_BROKER", "memory://"))
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=False,
    beat_schedule={"Nightly stock count!": {"task": "stock.tasks.count", "schedule": 60.0}},
    beat_scheduler="desk.beat:DueAtOnce",
    beat_schedule_filename=os.environ.get("BEAT_FILE", "beat"),
)
if "BROKER_FOLDER" in os.environ:
    folder = os.environ["BROKER_FOLDER"]
    app.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": os.path.join(folder, "control"),
    }
app.autodiscover_tasks(["stock"])
