"""What installing leaves out of compiling is what no start loads."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convoship.machine import bootstrap
from convoship.machine.bootstrap import ROOT, UNUSED

# What the web server and the worker load, by file.
LOAD = """
import sys
import django
django.setup()
import convoship.asgi, convoship.celery, convoship.demo, convoship.urls
convoship.celery.app.loader.import_default_modules()
print(*filter(None, (getattr(module, "__file__", None) for module in list(sys.modules.values()))), sep="\\n")
"""


def test_no_module_that_a_start_loads_is_left_uncompiled() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = [file for file in done.stdout.splitlines() if "/site-packages/" in file]
    assert len(loaded) > 1_000
    left = [file for file in loaded if re.search(UNUSED, file)]
    assert left == [], "\n".join(left)


def test_the_large_folders_of_which_nothing_is_loaded_are_left_out() -> None:
    for file in (
        "twilio/rest/flex_api/v1/plugin.py",
        "phonenumbers/data/region_AC.py",
        "django/contrib/gis/geos/io.py",
    ):
        assert re.search(UNUSED, f"/.venv/lib/python3.11/site-packages/{file}"), file
    for file in ("twilio/rest/__init__.py", "twilio/rest/api/v2010/account/call.py", "openai/_client.py"):
        assert not re.search(UNUSED, f"/.venv/lib/python3.11/site-packages/{file}"), file


def test_a_start_brings_nothing_for_speech_and_tests_bring_what_they_hear_and_speak_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "installed.json")
    assert not any("voice" in lock for lock in bootstrap._wanted("product"))
    assert "requirements-voice.txt" in bootstrap._wanted("tests")
    assert "requirements-voice-offline.txt" not in bootstrap._wanted("tests")
    assert "requirements-voice-offline.txt" in bootstrap._wanted("voice-offline")


def test_speech_that_was_brought_stays_and_follows_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "installed.json")
    bootstrap.STAMP.write_text(json.dumps(bootstrap._wanted("voice")))
    assert bootstrap._wanted("product") == bootstrap._wanted("voice")
    bootstrap.STAMP.write_text(json.dumps({**bootstrap._wanted("voice"), "requirements-voice.txt": "an older one"}))
    assert not bootstrap._installed(bootstrap._wanted("product"))
