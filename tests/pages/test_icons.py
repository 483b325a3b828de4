"""Icons are drawn once for all pages, and as Lucide's own tag draws them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from lucide.templatetags.lucide import lucide

from convoship.pages import icons
from convoship.templatetags.console import icon

NAMES = sorted(
    {
        name
        for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("size", [16, 18, 24])
def test_every_icon_of_a_template_is_what_lucides_own_tag_draws(size: int) -> None:
    assert len(NAMES) > 30
    for name in NAMES:
        theirs = lucide(name, size=size, stroke_width="1.75", aria_hidden="true", focusable="false")
        assert attributes(icon(name, size)) == attributes(theirs), name


def attributes(svg: str) -> tuple[list[str], str]:
    """Those of the `<svg>` in whatever order, and what is in it."""
    head, _, rest = svg.partition(">")
    return sorted(re.findall(r'[\w-]+="[^"]*"', head)), rest


def test_an_icon_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        icons.drawn("no-such-icon", 18)
