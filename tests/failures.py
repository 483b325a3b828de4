"""A pytest plugin (`-p tests.failures`, set in pyproject.toml): leaves word of what failed for `manage.py test`.

Into the file that CONVOSHIP_FAILURES names: JSON, the first line of what went wrong by the test's name.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

LONGEST = 300


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Workers of pytest-xdist have no terminal, so this is asked once for a run."""
    told = os.environ.get("CONVOSHIP_FAILURES")
    if not told:
        return
    found: dict[str, str] = {}
    for outcome in ("failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            found.setdefault(report.nodeid, first_line(report))
    Path(told).write_text(json.dumps(found), encoding="utf-8")


def first_line(report: Any) -> str:
    """Of the error's own words; the last line of what is there where pytest knows no better."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = [line.strip() for line in (crash.message if crash else str(report.longrepr)).splitlines() if line.strip()]
    line = (lines[0 if crash else -1] if lines else "no words")[:LONGEST]
    return (
        line if getattr(report, "when", "call") == "call" else f"at its {getattr(report, 'when', 'collection')}: {line}"
    )
