"""The committed OpenAPI document: write it, or see whether it is what the code says.

python -m convoship.machine.openapi write
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from convoship.machine.state import ROOT

DOCUMENT = ROOT / "docs" / "openapi.json"


def generate(target: Path, environment: dict[str, str]) -> int:
    """Let the code describe itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--validate", "--file", str(target)],
        cwd=ROOT,
        env=environment,
        check=False,
    ).returncode


def is_fresh(environment: dict[str, str]) -> bool:
    """Whether the committed document is what the code says now."""
    with tempfile.TemporaryDirectory() as folder:
        now = Path(folder) / "openapi.json"
        return generate(now, environment) == 0 and now.read_bytes() == DOCUMENT.read_bytes()


def main(arguments: list[str]) -> int:
    """`write`."""
    if arguments != ["write"]:
        sys.stderr.write("Say: write\n")
        return 2
    from convoship.machine.lint import settings_environment

    return generate(DOCUMENT, {**os.environ, **settings_environment()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
