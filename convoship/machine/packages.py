"""The one table of system packages that Python's wheels cannot bring: only the tests and speech need any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convoship.machine.preflight import apt_line
from convoship.machine.state import MachineError

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class SystemPackage:
    """A Debian package, what it is for, and how to see that it (or its like) is there."""

    name: str
    purpose: str
    is_there: Callable[[], bool]


def chromium() -> str:
    """The path of a Chromium that runs, or nothing."""
    named = os.environ.get("CONVOSHIP_CHROMIUM", "")
    for name in (named, *CHROMIUM_NAMES):
        path = shutil.which(name) if name else None
        # Ubuntu's package is a stub that asks for snap; it exists and does not run.
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    return ""


def _has_fonts() -> bool:
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts", Path("/Library/Fonts"))
    return any(next(folder.rglob("*.[to]tf"), None) for folder in folders if folder.is_dir())


FOR_VOICE = (SystemPackage("flite", "speaks on calls without a key", lambda: bool(shutil.which("flite"))),)

FOR_SIP = (
    SystemPackage("baresip-core", "a softphone that calls the SIP edge", lambda: bool(shutil.which("baresip"))),
    SystemPackage("sip-tester", "calls the SIP edge many times at once", lambda: bool(shutil.which("sipp"))),
    SystemPackage("iproute2", "gives them a network of their own", lambda: bool(shutil.which("ip"))),
    *FOR_VOICE,
)

FOR_TESTS = (
    SystemPackage("chromium", "the browser tests drive it", lambda: bool(chromium())),
    SystemPackage("fonts-liberation", "without a font a browser draws no letters", _has_fonts),
    SystemPackage("php-cli", "runs the samples of docs/samples", lambda: bool(shutil.which("php"))),
    SystemPackage("ruby", "runs the samples of docs/samples", lambda: bool(shutil.which("ruby"))),
    *FOR_VOICE,
)


def ensure(packages: tuple[SystemPackage, ...], tell: Callable[[str], None]) -> None:
    """See that they are there: root gets them installed and is told, others get the line that does it."""
    missing = [package for package in packages if not package.is_there()]
    if not missing:
        return
    names = [package.name for package in missing]
    needs = "; ".join(f"{package.name} ({package.purpose})" for package in missing)
    can_install = os.geteuid() == 0 and sys.platform == "linux" and shutil.which("apt-get")
    if not can_install:
        raise MachineError(f"Missing on this machine: {needs}.\n\n    {apt_line(names)}\n")
    tell(f"Installing with apt: {needs}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", *names])
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise MachineError(f"{' '.join(command)} failed:\n{tail}")
    still = [package.name for package in missing if not package.is_there()]
    if still:
        raise MachineError(
            f"apt installed {', '.join(still)}, and it still does not work here (Ubuntu's chromium needs snap). "
            "Install a "
            "Chromium or Chrome another way and set CONVOSHIP_CHROMIUM to its path."
        )
