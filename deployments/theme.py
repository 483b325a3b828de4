"""Theme JSON (CONTRACT 5): how a deployment's widget looks.

    {primaryColor, textColor, mode, position, offset: {x, y}, launcher: {color, icon, label},
     header: {title, subtitle, avatarUrl}, greeting, avatarUrl, radius, zIndex, customTexts: {key: text}}

Every key may be left out, and an empty text stands for *not set*. `textColor` is what is written on `primaryColor`; it
has to reach WCAG AA (4.5:1) there. Without it the widget takes black or white, whichever reads better, as it always
does for the launcher's icon: one of them reaches 4.58 on any colour. `launcher.color` not set: as `primaryColor`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, cast

from deployments import contrast
from deployments.plain_errors import PlainValidator, failures

ICONS = ("chat", "help")  # those that the launcher draws itself; anything else is the address of an image

DEFAULT_THEME: dict[str, Any] = {
    "primaryColor": "#2f54d6",
    "mode": "auto",
    "position": "bottom-right",
    "offset": {"x": 0, "y": 0},
    "launcher": {"color": "", "icon": "chat", "label": ""},
    "header": {"title": "", "subtitle": "", "avatarUrl": ""},
    "greeting": "",
    "avatarUrl": "",
    "radius": 16,
    "zIndex": 2147483000,
    "customTexts": {},
}

_HEX = r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"
# https anywhere, http on this machine only; no user name, and nothing that could end a CSS url().
_PATH = r"([/?#][^\s\x00-\x20\x7f\x22'()<>\\^`{|}]*)?"
_ADDRESS = rf"(https://[a-zA-Z0-9.\u0080-\uffff_-]+(:[0-9]+)?|http://(localhost|127\.0\.0\.1)(:[0-9]+)?){_PATH}"
_END = r"$(?!\n)"  # Python's $ would let a line end pass


def _colour(empty: str = "") -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": f"^({_HEX}{empty}){_END}",
        "x-words": {"pattern": "Use a colour such as #2f54d6."},
    }


def _url(others: tuple[str, ...], words: str) -> dict[str, Any]:
    pattern = f"^({'|'.join((*others, _ADDRESS))}){_END}"
    return {"type": "string", "maxLength": 2000, "pattern": pattern, "x-words": {"pattern": words}}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


_image = _url(("",), "Use the address of an image that begins with https://.")

THEME_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Theme",
    **_object(
        primaryColor=_colour(),
        textColor=_colour("|"),
        mode={"enum": ["light", "dark", "auto"]},
        position={"enum": ["bottom-right", "bottom-left"]},
        offset=_object(x=_whole(0, 200), y=_whole(0, 200)),
        launcher=_object(
            color=_colour("|"),
            icon=_url(("", *ICONS), f"Use {' or '.join(ICONS)}, or the address of an image that begins with https://."),
            label=_text(40),
        ),
        header=_object(title=_text(60), subtitle=_text(120), avatarUrl=_image),
        greeting=_text(300),
        avatarUrl=_image,
        radius=_whole(0, 32),
        zIndex=_whole(0, 2147483647),
        customTexts={
            "type": "object",
            "maxProperties": 200,
            "patternProperties": {rf"^[a-zA-Z][a-zA-Z0-9_]{{0,63}}{_END}": _text(300)},
            "additionalProperties": False,
            "x-words": {"additionalProperties": "A key has up to 64 letters, digits and underscores."},
        },
    ),
}
_validator = PlainValidator(THEME_SCHEMA)


class ThemeRefused(ValueError):
    """The theme can't be used. `errors`: path (`launcher.color`) -> messages in plain words; the whole is ""."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(words)}" for path, words in errors.items()))
        self.errors = errors


def validate(theme: object) -> dict[str, Any]:
    """The theme in normal form (only what is set, colours as #rrggbb, texts trimmed); ThemeRefused with every fault."""
    errors = failures(_validator, theme)
    if errors:
        raise ThemeRefused(errors)
    tidy = _tidy(cast("dict[str, Any]", theme))
    if "textColor" in tidy:
        _check_contrast(tidy["textColor"], tidy.get("primaryColor", DEFAULT_THEME["primaryColor"]))
    return tidy


def resolved(theme: Mapping[str, Any]) -> dict[str, Any]:
    """The theme with the defaults where nothing is set: what a widget is given. `textColor` may still be absent."""
    whole = copy.deepcopy(DEFAULT_THEME)
    for key, value in theme.items():
        if isinstance(value, dict):
            whole[key] = {**whole.get(key, {}), **value}
        else:
            whole[key] = value
    return whole


def _check_contrast(text: str, primary: str) -> None:
    found = contrast.ratio(text, primary)
    if found >= contrast.AA_TEXT:
        return
    better = contrast.nearest(text, [primary]) or contrast.black_or_white(primary)
    shown = int(found * 10) / 10  # cut, not rounded: 4.46 must not read as enough
    words = (
        f"{text} on {primary} can't be read by everyone: its contrast is {shown}:1, needed is {contrast.AA_TEXT}:1. "
        f"The nearest colour that passes is {better}. Left out, the widget takes black or white by itself."
    )
    raise ThemeRefused({"textColor": [words]})


def _tidy(value: dict[str, Any]) -> dict[str, Any]:
    """Only what is set. Inside of `customTexts` an empty text is kept: there it takes a text away."""
    tidy: dict[str, Any] = {}
    for key, item in value.items():
        if key == "customTexts":
            made: Any = {name: text.strip() for name, text in item.items()}
        elif isinstance(item, dict):
            made = _tidy(item)
        elif isinstance(item, str):
            made = (
                _colour_of(item) if re.fullmatch(_HEX, item) and key.lower().endswith("color") else _trimmed(key, item)
            )
        else:
            made = int(item)  # 16.0 is a whole number to JSON Schema
        if made not in ("", {}):
            tidy[key] = made
    return tidy


def _trimmed(key: str, text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    return text if key == "greeting" else " ".join(text.split())


def _colour_of(text: str) -> str:
    digits = text[1:].lower()
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)
