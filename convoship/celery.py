"""The Celery application: `celery -A convoship worker`."""

import os

from celery import Celery
from celery.signals import worker_init

from convoship.machine.roles import refuse_unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
app = Celery("convoship")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_unsafe_role(**kwargs: object) -> None:
    """A worker started by hand must not run without row-level security either."""
    refuse_unsafe(os.environ["DATABASE_URL"])
