"""The Celery application: `celery -A convoship worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
app = Celery("convoship")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
