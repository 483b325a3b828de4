"""What this machine must have, asked before anything is installed. Standard library alone, for old Pythons too."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
OLDEST_GLIBC = (2, 28)
OLDEST_MACOS = 15
NEEDED_BYTES = 1_000_000_000
MACHINES = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}


class Finding:
    """One thing that is missing, in plain words, and the apt packages that mend it, if any do."""

    def __init__(self, words: str, packages: tuple[str, ...] = ()) -> None:
        self.words = words
        self.packages = packages


def findings(root: Path, *, is_installed: bool) -> list[Finding]:
    """Everything that stands in the way, all at once."""
    found = [_python(), _machine(), _macos(), _glibc(), _writable(root)]
    if not is_installed:
        found += [_venv(), _disk(root)]
    return [finding for finding in found if finding]


def report(found: list[Finding]) -> str:
    """The findings as a person reads them, ending with the one line that mends what apt can mend."""
    lines = ["Convoship cannot start here yet:", *(f"  - {finding.words}" for finding in found)]
    packages = sorted({package for finding in found for package in finding.packages})
    if packages:
        lines += ["", "On Debian or Ubuntu this line mends it:", "", f"    {apt_line(packages)}", ""]
    return "\n".join(lines)


def apt_line(packages: list[str]) -> str:
    """The one command that installs these packages, for this user."""
    install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    return install if os.geteuid() == 0 else "sudo sh -c '{}'".format(install)


def _python() -> Finding | None:
    version = sys.version_info[:2]
    if version >= OLDEST_PYTHON:
        return None
    return Finding(
        f"This is Python {version[0]}.{version[1]}; it takes {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer. If a "
        "newer one "
        "is installed, say so: make run PYTHON=python3.12",
        ("python3", "python3-venv"),
    )


def _machine() -> Finding | None:
    here = (sys.platform, platform.machine())
    if here in MACHINES:
        return None
    return Finding(
        f"This machine is {here[0]} on {here[1]}. The embedded servers and the packages are made for Linux on x86_64 "
        "and "
        "aarch64 and for macOS on arm64."
    )


def _macos() -> Finding | None:
    version = platform.mac_ver()[0]
    if sys.platform != "darwin" or int(version.split(".")[0] or 0) >= OLDEST_MACOS:
        return None
    return Finding(f"This is macOS {version}; the packages are made for macOS {OLDEST_MACOS} or newer.")


def _glibc() -> Finding | None:
    if sys.platform != "linux":
        return None
    name, version = platform.libc_ver()
    if name != "glibc":
        return Finding(
            "This system has no glibc (Alpine and its relatives have musl). The packages are made for glibc 2.28 or "
            "newer; "
            "an image based on Debian has it."
        )
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= OLDEST_GLIBC:
        return None
    return Finding(f"This system has glibc {version}; it takes 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8).")


def _venv() -> Finding | None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return Finding(f"Python has no module {' and no module '.join(missing)}, which makes .venv.", ("python3-venv",))


def _disk(root: Path) -> Finding | None:
    free = shutil.disk_usage(root).free
    if free >= NEEDED_BYTES:
        return None
    return Finding(
        f"The disk of {root} has {free // 1_000_000} MB free; the first start takes {NEEDED_BYTES // 1_000_000} MB."
    )


def _writable(root: Path) -> Finding | None:
    local = Path(os.environ.get("CONVOSHIP_LOCAL_DIR") or root / ".convoship")
    for folder in (root, local if local.exists() else root):
        if not os.access(folder, os.W_OK | os.X_OK):
            return Finding(f"You may not write into {folder}. Clone into a folder of your own, or change its owner.")
    return None
