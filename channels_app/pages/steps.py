"""A step of a delivery's story."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One thing that happened. `facts` are short: a status, a duration, a code."""

    at: dt.datetime
    title: str
    tone: str = ""
    icon: str = "circle"
    words: str = ""
    remedy: str = ""
    facts: list[str] = field(default_factory=list)
    answer: str = ""
    rank: int = 0
