"""The Celery clock: `celery -A convoship.clock beat`.

It sends tasks by their names, so it knows the settings and none of the apps: those would take it four seconds of a core
at each start and a hundred megabytes.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
# Celery's fixup for Django loads every app before the first tick.
app = Celery("convoship", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
