"""Themes as chance would have them, good and bad, the same ones every time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from deployments import widget_texts
from deployments.theme import TRANSLATED

SEED = 20_261_127
Make = Callable[[random.Random], Any]

_WORDS = ("Chat", "Ahoy", "Wir helfen gern", "你好", "مرحبا", "שלום", "W" * 30, "a b", "🙂", "<b>not bold</b>", "", " ")
_ADDRESSES = ("https://example.com/a.png", "http://127.0.0.1:8000/a.svg", "")
_BAD_ADDRESSES = ("javascript:alert(1)", "/a.png", "http://example.com/a.png")


def themes(count: int) -> Iterator[dict[str, Any]]:
    """So many themes."""
    dice = random.Random(SEED)
    for _ in range(count):
        yield _theme(dice)


def _theme(dice: random.Random) -> dict[str, Any]:
    primary = _colour(dice)
    parts: dict[str, Make] = {
        "primaryColor": lambda _: primary,
        "mode": _one_of("light", "dark", "auto"),
        "position": _one_of("bottom-right", "bottom-left"),
        "offset": lambda dice: _some(dice, {"x": _whole(0, 200), "y": _whole(0, 200)}),
        "launcher": lambda dice: _some(dice, {"color": _colour, "icon": _address("chat", "help"), "label": _text(40)}),
        "header": lambda dice: _some(dice, {"title": _text(60), "subtitle": _text(120), "avatarUrl": _address()}),
        "greeting": _text(300),
        "avatarUrl": _address(),
        "radius": _whole(0, 32),
        "zIndex": _whole(0, 2**31 - 1),
        "customTexts": _custom_texts,
    }
    made = _some(dice, parts)
    if dice.random() < 0.4:
        made["textColor"] = _near(dice, primary) if dice.random() < 0.3 else _colour(dice)
    if dice.random() < 0.06:
        made[dice.choice(["primaryColor", "radius", "mode", "launcher", "zIndex", "unknown"])] = dice.choice(
            ["red", "#12", -1, 1.5, None, [], {"x": 1}, True]
        )
    return made


def _some(dice: random.Random, parts: dict[str, Make]) -> dict[str, Any]:
    return {key: make(dice) for key, make in parts.items() if dice.random() < 0.6}


def _one_of(*values: Any) -> Make:
    return lambda dice: dice.choice(values)


def _address(*others: str) -> Make:
    return lambda dice: dice.choice(_BAD_ADDRESSES if dice.random() < 0.05 else (*_ADDRESSES, *others))


def _whole(least: int, most: int) -> Make:
    return lambda dice: dice.choice([least, most, dice.randint(least, most)])


def _text(longest: int) -> Make:
    return lambda dice: " ".join(dice.choices(_WORDS, k=dice.randint(1, 4)))[:longest]


def _colour(dice: random.Random) -> str:
    """Any colour; often one from the edges, where contrast is decided."""
    kind = dice.random()
    if kind < 0.15:
        level = dice.randrange(256)
        return f"#{level:02x}{level:02x}{level:02x}"
    if kind < 0.3:
        return "#" + "".join(dice.choice(["00", "ff", "80", "76"]) for _ in range(3))
    if kind < 0.4:
        return f"#{dice.randrange(0x1000):03X}"
    return f"#{dice.randrange(0x1000000):06x}"


def _near(dice: random.Random, colour: str) -> str:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = (int(digits[place : place + 2], 16) + dice.randint(-40, 40) for place in (0, 2, 4))
    return "#" + "".join(f"{min(255, max(0, part)):02x}" for part in parts)


def _custom_texts(dice: random.Random) -> dict[str, Any]:
    keys = dice.sample([*widget_texts.wording("en")], k=dice.randint(1, 12))
    made: dict[str, Any] = {key: _by_language(dice) if dice.random() < 0.4 else _text(60)(dice) for key in keys}
    if dice.random() < 0.4:
        made[dice.choice(list(TRANSLATED))] = {"en": _text(40)(dice), "de": _text(40)(dice)}
    return made


def _by_language(dice: random.Random) -> dict[str, str]:
    return {tag: _text(60)(dice) for tag in dice.sample(["en", "de", "pt-BR", "*"], k=dice.randint(1, 3))}
