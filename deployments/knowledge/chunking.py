"""A document cut into passages: as long as an answer needs to be, and each beneath the headings it stands under.

A passage never crosses a heading: a question and its answer stay together, however short. A paragraph is only cut where
it alone is too long, and then between its sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

WANTED, LONGEST = 700, 1100  # characters
LONGEST_HEADING = 300

_SENTENCE = re.compile(r"(?<=[.!?\u2026\u3002\uff01\uff1f])[\"')\u201d\u2019\u00bb]?\s+|\n")


@dataclass
class Chunk:
    """A passage: its text, and the headings above it, joined by `›`."""

    heading: str
    text: str


@dataclass
class _Section:
    path: tuple[str, ...]
    parts: list[str] = field(default_factory=list)


def chunks(title: str, blocks: Sequence[tuple[int, str]]) -> list[Chunk]:
    """The passages of a document; `blocks` as `parsing.Document` has them. The title is no part of a heading."""
    found: list[Chunk] = []
    for section in _sections(title, blocks):
        heading = " › ".join(section.path)[:LONGEST_HEADING]
        found += [Chunk(heading, text) for text in _texts(section.parts)]
    return found


def _sections(title: str, blocks: Sequence[tuple[int, str]]) -> Iterator[_Section]:
    path: list[tuple[int, str]] = []
    section = _Section(())
    for level, text in blocks:
        if level == 0:
            section.parts.append(text)
            continue
        yield section
        path = [(above, heading) for above, heading in path if above < level]
        path.append((level, " ".join(text.split())))
        section = _Section(tuple(heading for _, heading in path if heading != title))
    yield section


def _texts(parts: Sequence[str]) -> Iterator[str]:
    """Paragraphs gathered up to the wanted length."""
    gathered: list[str] = []
    size = 0
    for part in (piece for whole in parts for piece in _pieces(whole)):
        if gathered and (size + len(part) > LONGEST or size >= WANTED):
            yield "\n\n".join(gathered)
            gathered, size = [], 0
        gathered.append(part)
        size += len(part)
    if gathered:
        yield "\n\n".join(gathered)


def _pieces(text: str) -> Iterator[str]:
    """A paragraph, or parts of one that is too long: at the ends of sentences, else at spaces, else anywhere."""
    if len(text) <= LONGEST:
        yield text
        return
    said = ""
    begin = 0
    for end in [*(match.end() for match in _SENTENCE.finditer(text)), len(text)]:
        sentence = text[begin:end]
        begin = end
        if said and len(said) + len(sentence) > WANTED:
            yield said.strip()
            said = ""
        while len(sentence) > LONGEST:
            at = sentence.rfind(" ", 0, LONGEST)
            at = at if at > LONGEST // 2 else LONGEST
            yield sentence[:at].strip()
            sentence = sentence[at:]
        said += sentence
    if said.strip():
        yield said.strip()
