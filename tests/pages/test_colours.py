"""Every pair of text and ground in tokens.css meets WCAG AA, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR, "static/app/tokens.css").read_text()
COLOURS = {
    name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
} | {"on-accent": ("#ffffff", "#ffffff")}

TEXT = {
    "ink": ["canvas", "surface", "raised", "sunken", "hover", "accent-wash", "good-wash", "warn-wash", "bad-wash"],
    "ink-soft": ["canvas", "surface", "raised", "sunken", "hover"],
    "ink-faint": ["canvas", "surface", "raised", "sunken", "hover"],
    "accent-ink": ["canvas", "surface", "raised", "accent-wash", "hover"],
    "on-accent": ["accent", "accent-hover", "bad", "bad-hover"],
    "good-ink": ["good-wash", "surface"],
    "warn-ink": ["warn-wash", "surface"],
    "bad-ink": ["bad-wash", "surface", "canvas"],
    "canvas": ["ink"],
}
EDGES = {"line-strong": ["surface", "canvas", "sunken"], "focus": ["surface", "canvas", "sunken"]}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(two)))
    return (lighter + 0.05) / (darker + 0.05)


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(front, ground) for front, grounds in table.items() for ground in grounds]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), pairs(TEXT))
def test_text_is_readable(front: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[front][scheme], COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), pairs(EDGES))
def test_edges_of_fields_and_focus_are_visible(front: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[front][scheme], COLOURS[ground][scheme]) >= 3
