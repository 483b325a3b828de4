"""What installing leaves out of compiling is what no start loads."""

import re
import subprocess
import sys

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
