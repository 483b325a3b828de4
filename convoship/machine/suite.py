"""`manage.py test`: every test. With arguments they go to one run of pytest.

The browser tests are a run of their own: Playwright's synchronous interface and pytest-asyncio cannot share one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from convoship.machine import node, packages
from convoship.machine.console import bold, complain, say
from convoship.machine.state import ROOT, MachineError

# Most tests wait for a database half of their time, and some for processes of their own, so there may be half as many
# again as there are cores; many more would only want memory.
CORES = os.cpu_count() or 1
WORKERS = min(CORES + CORES // 2, 8)
# Each of the browser tests has a product and a Chromium of its own, 1.5 GB, which between them keep a core busy.
MEMORY_EACH = 2_000_000_000
BROWSERS = max(1, min(CORES, 4, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_EACH))
# On a busy machine a process or a clock is late now and then for a test in thousands, a browser for a few in hundreds.
# More that fail are no accident. What passes only then is told by name, so that it is mended.
MOST_TRIED_AGAIN = 3
MOST_IN_BROWSERS = 10

# A test by pytest's name for it, and the first line of what went wrong.
Failures = dict[str, str]


def main(arguments: list[str]) -> int:
    """Run the tests; answers 0 where all of them passed."""
    if arguments:
        return _pytest(arguments)[0]
    try:
        packages.ensure(packages.FOR_TESTS, say)
    except MachineError as error:
        complain(str(error))
        return 1
    # Each worker has a stretch of the tests, as what a module prepares it prepares once; who is done takes from others.
    spread = ["-n", str(WORKERS), "--dist", "worksteal"]
    code, failures, late = _tried(
        ["tests", "--ignore=tests/e2e", "-m", "not machine and not model and not sip", *spread], MOST_TRIED_AGAIN
    )
    results = {"pytest": code}
    if "test" in node.scripts():
        results["widget"] = node.main(["test"])
    if any((ROOT / "tests" / "e2e").glob("test_*.py")):
        # What a file's tests prepare they prepare once, so files stay together.
        spread = ["-n", str(BROWSERS), "--dist", "loadfile"]
        results["browser"], failed, slow = _tried(["tests/e2e", *spread], MOST_IN_BROWSERS)
        failures |= failed
        late |= slow
    sys.stdout.write(summary(failures, late))
    sys.stdout.flush()
    failed_runs = [name for name, code in results.items() if code]
    if failed_runs:
        complain(f"Failed: {', '.join(failed_runs)}")
    return 1 if failed_runs else 0


def _tried(arguments: list[str], most: int) -> tuple[int, Failures, Failures]:
    """The exit code, what failed, and what passed only when it was tried once more, alone (and in a new browser)."""
    code, failed = _pytest(arguments)
    if code != 1 or not 0 < len(failed) <= most:
        return code, failed, {}
    say(bold(f"Once more: {', '.join(failed)}"))
    code, again = _pytest(list(failed))
    if code not in (0, 1):
        return code, failed, {}
    return code, again, {name: words for name, words in failed.items() if name not in again}


def summary(failed: Failures, late: Failures) -> str:
    """What a reader of the output's end has to know of single tests; empty where there is nothing."""
    parts = []
    for title, tests in (("Passed only at the second try", late), ("Failed tests", failed)):
        if tests:
            lines = [f"  {name}\n      {words}" for name, words in tests.items()]
            parts.append("\n".join([f"\n{title} ({len(tests)}):", *lines, ""]))
    return "".join(parts)


def _pytest(arguments: list[str]) -> tuple[int, Failures]:
    started = time.monotonic()
    # A database given for one's own use is given on purpose; half of a running `make run`'s environment is not.
    environment = {**os.environ, "CONVOSHIP_TESTING": "1"}
    # Images for containers set it. Then each of a hundred processes of a run would compile the product for itself.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="convoship-tests-") as folder:
        told = Path(folder) / "failures.json"
        environment["CONVOSHIP_FAILURES"] = str(told)
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment, check=False
        ).returncode
        failures: Failures = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    say(bold(f"pytest {' '.join(arguments)}: {time.monotonic() - started:.0f} s, exit code {code}"))
    return code, failures
