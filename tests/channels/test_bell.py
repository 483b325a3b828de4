"""The bell: a process that is no worker rings at our own broker, so that nothing waits for the drain's next look."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import redis
from django.conf import settings

RING = """
import django
django.setup()
from channels_app import bell
bell._ringing.acquire()
bell._ring()
"""


def test_a_process_that_is_no_worker_rings_at_the_broker_of_the_settings() -> None:
    broker = redis.Redis.from_url(settings.REDIS_URL)
    before = broker.llen("celery")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "convoship.settings"}
    subprocess.run([sys.executable, "-c", RING], env=environment, cwd=settings.BASE_DIR, check=True, timeout=60)
    assert broker.llen("celery") == before + 1
    message = json.loads(str(broker.lpop("celery"), "utf-8"))  # type: ignore[arg-type]
    assert message["headers"]["task"] == "channels_app.tasks.drain"
