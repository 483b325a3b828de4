"""Words that go into a journal, and those that come out of it.

A journal shows what stands between [code] and [/code] as HTML: what visitors write may not begin such a part, and what
agents write there is turned to plain text.
"""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser

_CODE = re.compile(r"(?is)\[code\](.*?)(?:\[/code\]|\Z)")
_TAG = re.compile(r"(?i)\[(?=/?code\])")
_BREAKS = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"}
)
_SILENT = frozenset({"script", "style", "head", "title", "template"})


def harmless(text: str) -> str:
    """Somebody's words for a journal: a blank that is not seen keeps them from being HTML there."""
    return _TAG.sub("[\N{ZERO WIDTH SPACE}", text)


def plain(text: str) -> str:
    """What stands in a journal, as a visitor may read it."""
    return tidy(_CODE.sub(lambda found: of_html(found[1]), text.replace("\r\n", "\n")))


def tidy(text: str) -> str:
    """Without blanks at the ends of lines, and without more than one empty line at once."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def of_html(html: str) -> str:
    """The words of HTML; a link's address stands behind its words."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    return tidy("".join(reader.parts))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        elif tag == "img" and (named := dict(attrs).get("alt")):
            self.parts.append(f"[{named}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "a" and self._links:
            link = self._links.pop()
            if link.startswith("https://") and link not in "".join(self.parts[-3:]):
                self.parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def digest(element: str, text: str) -> str:
    """By what a row of a journal is known that we wrote: the API does not tell its id."""
    same = re.sub(r"\s+", " ", text).strip()
    return hashlib.sha256(f"{element}\0{same}".encode()).hexdigest()[:24]
