"""`manage.py test`: every test. With arguments they go to one run of pytest.

The browser tests are a run of their own: Playwright's synchronous interface and pytest-asyncio cannot share one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from convoship.machine import node, packages
from convoship.machine.console import bold, complain, say
from convoship.machine.state import ROOT, MachineError

# Most tests wait for a database half of their time, and some for processes of their own, so there may be half as many
# again as there are cores; many more would only want memory.
CORES = os.cpu_count() or 1
WORKERS = min(CORES + CORES // 2, 8)
# The browser tests wait more than they compute as well. Each has a product and a Chromium of its own: 1.5 GB.
MEMORY_EACH = 2_000_000_000
BROWSERS = max(1, min(CORES + CORES // 2, 4, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_EACH))


def main(arguments: list[str]) -> int:
    """Run the tests; answers 0 where all of them passed."""
    if arguments:
        return _pytest(arguments)
    try:
        packages.ensure(packages.FOR_TESTS, say)
    except MachineError as error:
        complain(str(error))
        return 1
    results = {
        "pytest": _pytest(["tests", "--ignore=tests/e2e", "-m", "not machine", "-n", str(WORKERS)]),
    }
    if "test" in node.scripts():
        results["widget"] = node.main(["test"])
    if any((ROOT / "tests" / "e2e").glob("test_*.py")):
        # What a file's tests prepare they prepare once, so files stay together.
        results["browser"] = _pytest(["tests/e2e", "-n", str(BROWSERS), "--dist", "loadfile"])
    failed = [name for name, code in results.items() if code]
    if failed:
        complain(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def _pytest(arguments: list[str]) -> int:
    started = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        # A database given for one's own use is given on purpose; half of a running `make run`'s environment is not.
        env={**os.environ, "CONVOSHIP_TESTING": "1"},
        check=False,
    ).returncode
    say(bold(f"pytest {' '.join(arguments)}: {time.monotonic() - started:.0f} s, exit code {code}"))
    return code
