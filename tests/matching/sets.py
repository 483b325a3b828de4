"""The committed scripts and what people write to them.

`scripts/NAME.txt` holds intents and their phrases, `utterances/NAME.PART.txt` what is written to that script, in one
form: a line `== Intent` and below it one text a line; `== out of scope` heads what no intent of the script means.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from deployments.responders import content
from deployments.responders.templates import TEMPLATES

FOLDER = Path(__file__).parent
OUT = "out of scope"
SCRIPTS = ("faq", "booking", "lead", "helpdesk", "stadtwerke")
GERMAN = frozenset({"stadtwerke"})  # typed on a German keyboard

Part = Literal["tune", "held_out", "fresh"]


class Utterance(NamedTuple):
    text: str
    intent: str | None  # None: out of scope


def read(file: str) -> list[tuple[str, list[str]]]:
    """(heading, texts) of a file in this folder, in its order."""
    found: list[tuple[str, list[str]]] = []
    for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found.append((line[3:], []))
        elif line and not line.startswith("# "):
            found[-1][1].append(line)
    return found


@cache
def script(name: str) -> Mapping[str, Any]:
    """The script as the product keeps it."""
    if name in TEMPLATES:
        return content.validate(TEMPLATES[name].content())
    intents = [
        {"name": intent, "phrases": phrases, "answers": [{"text": intent}]}
        for intent, phrases in read(f"scripts/{name}.txt")
    ]
    return content.validate({"intents": intents})


@cache
def utterances(name: str, part: Part) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(text, None if intent == OUT else intent)
        for intent, texts in read(f"utterances/{name}.{part}.txt")
        for text in texts
    )
