"""Lucide's icons as the pages draw them.

The package opens its archive, of 1,700 files, for every icon it has not drawn yet, and draws each anew wherever it
stands: a quarter of what a first page took, and a tenth of a later one.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from xml.etree import ElementTree
from zipfile import ZipFile

_SPACE = "{http://www.w3.org/2000/svg}"
_HOW = {"stroke-width": "1.75", "aria-hidden": "true", "focusable": "false"}


@cache
def _archive() -> ZipFile:
    return ZipFile((resources.files("lucide") / "lucide.zip").open("rb"))


# Names and sizes come from templates and from the code, so they are few.
@lru_cache(maxsize=1024)
def drawn(name: str, size: int) -> str:
    """The icon's `<svg>`, hidden from screen readers; `size`: pixels. KeyError where Lucide has none of this name."""
    svg = ElementTree.fromstring(_archive().read(f"{name}.svg"))  # noqa: S314 (of a package of ours)
    for node in svg.iter():
        node.tag = node.tag.removeprefix(_SPACE)  # no prefix in what is written
    svg.attrib.update(_HOW, width=str(size), height=str(size))
    return ElementTree.tostring(svg, encoding="unicode")
