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

# Most tests wait for a database half of their time, so a second process pays off; many more would only want memory.
WORKERS = str(min(os.cpu_count() or 1, 8))


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
        "pytest": _pytest(["tests", "--ignore=tests/e2e", "-m", "not machine", "-n", WORKERS]),
    }
    if "test" in node.scripts():
        results["widget"] = node.main(["test"])
    if any((ROOT / "tests" / "e2e").glob("test_*.py")):
        # Each process starts a product of its own, so files stay together; more than two would outgrow small machines.
        results["browser"] = _pytest(["tests/e2e", "-n", str(min(int(WORKERS), 2)), "--dist", "loadfile"])
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
