"""What was typed in the forms of the tab *Answers*, as the content that it means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.http import QueryDict


def text_of(data: QueryDict, name: str) -> str:
    """A field's text, with the line ends of files."""
    return data.get(name, "").replace("\r\n", "\n").strip()


def number(typed: str) -> object:
    """A number where one was typed; anything else is refused in the field's own words."""
    if re.fullmatch(r"[0-9]{1,9}", typed, re.ASCII):
        return int(typed)
    return float(typed.replace(",", ".")) if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{1,6}", typed, re.ASCII) else typed


def place_of(place: str, rows: Sequence[object]) -> int | None:
    """The place of a row as a button names it; None where there is none."""
    found = int(place) if re.fullmatch(r"[0-9]{1,3}", place, re.ASCII) else -1
    return found if 0 <= found < len(rows) else None
