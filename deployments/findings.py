"""What a check found: a sentence, what to do about it, and the line to copy where there is one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Level = Literal["bad", "warn", "good", "info"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `code` never changes its meaning.

    `line` is to be copied, `where` says where to; `origin` could be allowed; `deployment_id` is one to open;
    `is_unsure`: the page's source doesn't show enough.
    """

    level: Level
    code: str
    words: str
    remedy: str = ""
    line: str = ""
    where: str = ""
    origin: str = ""
    deployment_id: UUID | None = None
    at: dt.datetime | None = None
    is_unsure: bool = False


def bad(
    code: str,
    words: str,
    *,
    remedy: str = "",
    line: str = "",
    where: str = "",
    origin: str = "",
    deployment_id: UUID | None = None,
) -> Finding:
    """The chat doesn't work like this."""
    return Finding("bad", code, words, remedy, line, where, origin, deployment_id)


def warn(
    code: str,
    words: str,
    *,
    remedy: str = "",
    line: str = "",
    where: str = "",
    deployment_id: UUID | None = None,
    at: dt.datetime | None = None,
    is_unsure: bool = False,
) -> Finding:
    """It works, and not as it should, or not for long; or whether it works can't be seen from here."""
    return Finding("warn", code, words, remedy, line, where, deployment_id=deployment_id, at=at, is_unsure=is_unsure)


def good(code: str, words: str) -> Finding:
    """As it should be."""
    return Finding("good", code, words)


def note(code: str, words: str, *, remedy: str = "", at: dt.datetime | None = None, is_unsure: bool = False) -> Finding:
    """Worth knowing."""
    return Finding("info", code, words, remedy, at=at, is_unsure=is_unsure)
