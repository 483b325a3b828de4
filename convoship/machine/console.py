"""What we say to the person at the terminal: short, and never more than needed."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress


def _colours(stream: object) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)()) and "NO_COLOR" not in os.environ


def _paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if _colours(sys.stdout) else text


def bold(text: str) -> str:
    """Stands out where the terminal can."""
    return _paint(text, "1")


def dim(text: str) -> str:
    """Steps back where the terminal can."""
    return _paint(text, "2")


def loud(text: str) -> str:
    """A warning's colour where the terminal can."""
    return _paint(text, "1;33")


def say(line: str = "") -> None:
    """One line, at once: somebody waits for it, or a program reads it through a pipe."""
    # The terminal may be gone while the product goes on.
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def said(line: str) -> None:
    """One line about something that happened later, with the time it did."""
    say(f"{dim(time.strftime('%H:%M:%S'))} {line}")


def complain(line: str) -> None:
    """One line to where errors go."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
