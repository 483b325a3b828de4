"""The clock sends tasks by their names, and loads none of the apps for it."""

from __future__ import annotations

import json
import subprocess
import sys

from convoship.celery import app
from convoship.machine.state import ROOT

# What `celery beat` does before its first tick.
_BEGINS = """
import json, sys
from convoship.clock import app
app.loader.init_worker()
app.finalize()
from django.apps import apps
print(json.dumps([apps.ready, [one["task"] for one in app.conf.beat_schedule.values()]]))
"""


def test_it_loads_no_app_and_sends_what_the_worker_does() -> None:
    done = subprocess.run([sys.executable, "-c", _BEGINS], cwd=ROOT, capture_output=True, text=True, check=True)
    is_loaded, tasks = json.loads(done.stdout)
    assert not is_loaded
    app.loader.import_default_modules()
    assert tasks
    assert set(tasks) <= set(app.tasks)


def test_no_task_has_an_option_that_the_clock_would_not_know() -> None:
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    for task in ours:
        assert (task.expires, task.priority, getattr(task, "queue", None)) == (None, None, None), task.name
