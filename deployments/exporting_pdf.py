"""A conversation as a PDF (fpdf2), in DejaVu Sans: Latin, Greek, Cyrillic, Hebrew, Arabic and more, but no CJK.

Text goes right to left where its characters do (Unicode UAX 9), and Arabic letters are joined (HarfBuzz). Characters
that the font lacks are drawn as a box, and the file says so, and where they are to be had.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from deployments.exporting import Entry, Talk
from deployments.exporting_cost import goes_left, is_complex

# It tells every step of cutting a font down.
logging.getLogger("fontTools").setLevel(logging.WARNING)

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
INK, SOFT, NOTE = (23, 26, 33), (95, 102, 117), (253, 242, 223)
MARGIN, LINE = 18, 5.2  # millimetres
# Stands for how many pages there are until that is known. Nobody else writes it: the font has no such letter (`_fit`).
PAGES = "\U0010fffd\U0010fffd\U0010fffd"

_WORD = re.compile(r" *[^ ]+|^ +")


class _Page(FPDF):
    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.footer_words = title
        self.widths: dict[tuple[str, float, str], float] = {}
        self.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN + 4)
        self.set_title(title)
        self.set_creator("Convoship")
        self.alias_nb_pages(PAGES)

    def footer(self) -> None:
        """What it is and which page, on each."""
        self.set_y(-MARGIN)
        self.set_font(FAMILY, size=7.5)
        self.set_text_color(*SOFT)
        self.cell(0, 6, f"{self.footer_words[:90]}   {self.page_no()} / {PAGES}", align="C")

    def say(self, text: str, *, size: float = 9.5, bold: bool = False, soft: bool = False, fill: bool = False) -> None:
        """Words in lines over the whole width."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*(SOFT if soft else INK))
        height = LINE * size / 9.5
        for paragraph in text.split("\n"):
            align, lines = "L", list(self._lines(paragraph))
            if is_complex(paragraph):
                # Every line goes as its paragraph does, with whatever it begins.
                align, direction = ("R", "rtl") if goes_left(paragraph) else ("L", "ltr")
                self.set_text_shaping(use_shaping_engine=True, direction=direction)
            for line in lines:
                self.cell(0, height, line, align=align, fill=fill, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.set_text_shaping(use_shaping_engine=False)

    def _lines(self, text: str) -> Iterator[str]:
        """A paragraph broken at spaces, and within words that are too long.

        In one go: the library measures a line anew for each of its characters. Letters are measured alone; joined
        ones are narrower.
        """
        room = self.epw - 2 * self.c_margin
        line, used = "", 0.0
        for word in _WORD.findall(text):
            width = sum(map(self._width, word))
            if used + width > room and line:
                yield line.rstrip()
                line, used, word = "", 0.0, word.lstrip()
                width = sum(map(self._width, word))
            if width > room:
                *full, word = self._cut(word, room)
                yield from full
                width = sum(map(self._width, word))
            line, used = line + word, used + width
        yield line.rstrip()

    def _cut(self, word: str, room: float) -> list[str]:
        """A word in pieces that fit into a line, the last of them with room left."""
        pieces, begin, used = [], 0, 0.0
        for place, character in enumerate(word):
            width = self._width(character)
            if used + width > room and place > begin:
                pieces.append(word[begin:place])
                begin, used = place, 0.0
            used += width
        return [*pieces, word[begin:]]

    def _width(self, character: str) -> float:
        key = (self.font_style, self.font_size_pt, character)
        if key not in self.widths:
            self.widths[key] = float(self.get_string_width(character))
        return self.widths[key]


def drawn(talk: Talk) -> bytes:
    """The file."""
    page = _Page(_fit(talk.title, one_line=True))
    page.add_page()
    page.say(_fit(talk.title, one_line=True), size=15, bold=True)
    page.ln(2)
    for name, value in talk.facts:
        page.say(f"{name}: {_fit(value, one_line=True)}", size=8.5, soft=True)
    entries = list(talk.entries())
    if any(_lacks(part) for entry in entries for part in (entry.who, entry.text, *entry.extras)):
        page.ln(1)
        page.say(
            "Some characters can't be drawn here and are shown as ▯. The exports as text and JSON have them.", size=8.5
        )
    for entry in entries:
        _draw(page, talk, entry)
    if talk.is_cut:
        page.ln(4)
        page.say(talk.cut_words, size=8.5)
    return bytes(page.output())


def _draw(page: _Page, talk: Talk, entry: Entry) -> None:
    page.ln(3.2)
    page.set_fill_color(*NOTE)
    about = f"{talk.spoken(entry.at)}   {_fit(entry.who, one_line=True)}"
    if entry.is_note:
        about += "   note, not shown to the visitor"
    page.say(about, size=8, bold=not entry.is_system, soft=True, fill=entry.is_note)
    if entry.text:
        page.say(_fit(entry.text), soft=entry.is_system, fill=entry.is_note)
    for extra in entry.extras:
        page.say(_fit(extra, one_line=True), size=8.5, soft=True)


@cache
def _known() -> frozenset[int]:
    with TTFont(FONTS / "DejaVuSans.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


def _is_drawn(character: str) -> bool:
    return ord(character) in _known() or character in "\n\t"


def _lacks(text: str) -> bool:
    return any(not _is_drawn(character) and unicodedata.category(character) not in {"Cf", "Mn"} for character in text)


def _fit(text: str, *, one_line: bool = False) -> str:
    """The text as the font can draw it: a box for what it lacks, nothing for what has no shape of its own."""
    found = []
    for character in " ".join(text.split()) if one_line else text.expandtabs(4):
        if _is_drawn(character):
            found.append(character)
        elif unicodedata.category(character) not in {"Cf", "Mn", "Cc"}:
            found.append("▯")
    return "".join(found)
