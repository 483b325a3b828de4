"""Ask the package index whether wheels for the whole locks exist wherever we say so. Installs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import product

from convoship.machine.console import complain, say
from convoship.machine.state import ROOT

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# autobahn, which daphne stands on, has no wheels for older ones.
OLDEST_MACOS = "15.0"
MACHINES = {
    "Linux x86_64 (glibc 2.28)": "x86_64-manylinux_2_28",
    "Linux aarch64 (glibc 2.28)": "aarch64-manylinux_2_28",
    "macOS 15 arm64": "aarch64-apple-darwin",
}


def refusal(python: str, platform: str) -> str:
    """Why the lock cannot be installed there; empty where it can."""
    with tempfile.TemporaryDirectory() as target:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--quiet", "--no-deps"),
                *("--only-binary", ":all:", "--target", target),
                *("--python-version", python, "--python-platform", platform),
                *("--require-hashes", "-r", "requirements.txt"),
                *("-r", "requirements-s3.txt", "-r", "requirements-model.txt"),
                *("-r", "requirements-voice.txt", "-r", "requirements-voice-offline.txt"),
            ],
            cwd=ROOT,
            env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": OLDEST_MACOS},
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stderr.strip() or "it failed and gave no reason" if done.returncode else ""


def main() -> int:
    """All of them."""
    failed = 0
    for (name, platform), python in product(MACHINES.items(), PYTHONS):
        why = refusal(python, platform)
        failed += bool(why)
        say(f"{'FAILED' if why else 'ok    '} Python {python}, {name}")
        if why:
            complain(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
