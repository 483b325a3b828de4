"""How a comparison is drawn: groups of lines, with what went and what came marked in words, signs and colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from deployments.differences import Change, Kind, LineChange, Marker, Piece
from deployments.outline import INTENT, PHRASE, Line, Part

MOST_LINES = 1000  # on one page

_BADGES = {Kind.ADDED: "good", Kind.REMOVED: "bad", Kind.CHANGED: "plain", Kind.RENAMED: "accent", Kind.MOVED: "plain"}
_WORDS = {
    Kind.ADDED: "Added",
    Kind.REMOVED: "Removed",
    Kind.CHANGED: "Changed",
    Kind.RENAMED: "Renamed",
    Kind.MOVED: "Moved",
}
_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "−", Kind.CHANGED: "±", Kind.RENAMED: "±", Kind.MOVED: "↕"}  # fmt: skip


@dataclass(frozen=True)
class DrawnLine:
    """A line: its sign, what that means, and its words."""

    kind: str
    sign: str
    meaning: str
    words: SafeString


@dataclass(frozen=True)
class Group:
    """Lines under one label."""

    label: str
    lines: list[DrawnLine]


@dataclass(frozen=True)
class DrawnChange:
    """A part that changed."""

    title: str
    old_title: str
    is_intent: bool
    is_removed: bool
    badge: str
    words: str
    groups: list[Group]


def draw(changes: Sequence[Change]) -> tuple[list[DrawnChange], int]:
    """The changes as the page shows them, and how many lines were left out because there are too many."""
    marker, left, drawn = Marker(), MOST_LINES, []
    for change in changes:
        lines, left = change.lines[:left], max(0, left - len(change.lines))
        if lines:
            drawn.append(_change(change, lines, marker))
    return drawn, max(0, sum(len(change.lines) for change in changes) - MOST_LINES)


def _change(change: Change, lines: Sequence[LineChange], marker: Marker) -> DrawnChange:
    groups = [Group(label, [_line(line, marker) for line in each]) for label, each in groupby(lines, _label)]
    return DrawnChange(
        change.title,
        change.old_title,
        change.part == INTENT,
        change.kind == Kind.REMOVED,
        _BADGES[change.kind],
        _WORDS[change.kind],
        groups,
    )


def _label(line: LineChange) -> str:
    return f"{line.label}, in another order" if line.kind == Kind.MOVED else line.label


def _line(line: LineChange, marker: Marker) -> DrawnLine:
    return DrawnLine(line.kind.value, _SIGNS[line.kind], _WORDS[line.kind], marked(marker.pieces(line)))


_MARKS = {
    None: "{}",
    Kind.ADDED: '<ins><span class="sr-only"> added: </span>{}</ins>',
    Kind.REMOVED: '<del><span class="sr-only"> removed: </span>{}</del>',
}


def marked(pieces: Sequence[Piece]) -> SafeString:
    """The pieces as HTML: authors' texts are escaped, and what each mark means is said too."""
    return format_html_join("", "{}", ((format_html(_MARKS[piece.kind], piece.text),) for piece in pieces))


@dataclass(frozen=True)
class ReadPart:
    """A part of a version, to be read."""

    title: str
    is_intent: bool
    about: str
    groups: list[tuple[str, list[str]]]


def read(parts: Sequence[Part]) -> list[ReadPart]:
    """A content's parts, with the lines of each under their labels."""
    return [ReadPart(part.title, part.kind == INTENT, _about(part), _grouped(part.lines)) for part in parts]


def _about(part: Part) -> str:
    if part.kind != INTENT:
        return " ".join(part.lines[0].text.split())[:200] if part.lines else ""
    phrases = sum(line.slot == PHRASE for line in part.lines)
    return f"{phrases} phrase{'' if phrases == 1 else 's'}"


def _grouped(lines: Sequence[Line]) -> list[tuple[str, list[str]]]:
    grouped: Any = groupby(lines, lambda line: line.label)
    return [(label, [line.text for line in each]) for label, each in grouped]
