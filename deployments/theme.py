"""Theme JSON (CONTRACT 5): how a deployment's widget looks.

    {primaryColor, textColor, mode, position, offset: {x, y}, launcher: {color, icon, label},
     header: {title, subtitle, avatarUrl}, greeting, avatarUrl, radius, zIndex, customTexts: {key: text or by language}}

Every key may be left out, and an empty text stands for *not set*. `textColor` is what is written on `primaryColor`; it
has to reach WCAG AA (4.5:1) there. Without it the widget takes black or white, whichever reads better, as it always
does for the launcher's icon: one of them reaches 4.58 on any colour. `launcher.color` not set: as `primaryColor`.

`customTexts` replaces the widget's own words by key (deployments/widget_texts.py lists them). A value is a text for
everybody, or texts by language: `{"de": "Senden", "*": "Go"}`, where `*` is for whoever speaks none of them. Four keys
stand for texts that have their place elsewhere in the theme and here take a text per language alone: TRANSLATED.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, cast

from convoship.lib.plain_errors import PlainValidator, failures
from deployments import contrast
from deployments.deployment_settings import language_for

ICONS = ("chat", "help")  # those that the launcher draws itself; anything else is the address of an image

EVERYBODY = "*"  # in a text by language: for whoever speaks none of the others
MOST_LANGUAGES = 40
LONGEST_CUSTOM = 300

# Key of `customTexts` -> path of the text for everybody, and how long it may be.
TRANSLATED: Mapping[str, tuple[str, int]] = {
    "launcherLabel": ("launcher.label", 40),
    "headerTitle": ("header.title", 60),
    "headerSubtitle": ("header.subtitle", 120),
    "greeting": ("greeting", 300),
}

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


_TAG = r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?"


def _by_language(longest: int, tags: str, words: str) -> dict[str, Any]:
    """A text, or an object of texts by language."""
    return {
        "type": ["string", "object"],
        "maxLength": LONGEST_CUSTOM,
        "maxProperties": MOST_LANGUAGES,
        "patternProperties": {f"^({tags}){_END}": _text(longest)},
        "additionalProperties": False,
        "x-words": {
            "type": 'This must be text, or texts by language such as {"de": "Hallo"}.',
            "additionalProperties": words,
        },
    }


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
            "properties": {
                key: _by_language(longest, _TAG, "Use a language tag such as en, de or pt-BR.")
                for key, (_, longest) in TRANSLATED.items()
            },
            "patternProperties": {
                rf"^(?!({'|'.join(TRANSLATED)})$)[a-zA-Z][a-zA-Z0-9_]{{0,63}}{_END}": _by_language(
                    LONGEST_CUSTOM,
                    rf"\*|{_TAG}",
                    "Use a language tag such as en, de or pt-BR, or * for everybody else.",
                )
            },
            "additionalProperties": False,
            "x-words": {"additionalProperties": "A key has up to 64 letters, digits and underscores."},
        },
    ),
}
_validator = PlainValidator(THEME_SCHEMA)


class ThemeRefused(ValueError):
    """The theme can't be used. `errors`: path (`launcher.color`) -> messages in plain words; the whole is "".

    `better`: path -> the nearest value that passes, where there is one.
    """

    def __init__(self, errors: dict[str, list[str]], better: dict[str, str] | None = None) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(words)}" for path, words in errors.items()))
        self.errors = errors
        self.better = better or {}


def validate(theme: object) -> dict[str, Any]:
    """The theme in normal form (only what is set, colours as #rrggbb, texts trimmed); ThemeRefused with every fault."""
    errors = failures(_validator, theme)
    better: dict[str, str] = {}
    if isinstance(theme, dict):
        # Beside what else is wrong, so that nobody mends one thing only to be told the next.
        text, primary = theme.get("textColor"), theme.get("primaryColor", DEFAULT_THEME["primaryColor"])
        if _is_colour(text) and _is_colour(primary) and (found := _too_faint(_colour_of(text), _colour_of(primary))):
            words, better["textColor"] = found
            errors = {**errors, "textColor": [words]}
    if errors:
        raise ThemeRefused(errors, better)
    return _tidy(cast("dict[str, Any]", theme))


def resolved(theme: Mapping[str, Any], locale: str = "", languages: Sequence[str] = ()) -> dict[str, Any]:
    """The theme with the defaults where nothing is set: what a widget is given. `textColor` may still be absent.

    For a visitor whose browser asks for `locale`, at a deployment that speaks `languages`, the launcher's label is in
    their language: the launcher is drawn before the script that chooses the other texts is there.
    """
    whole = copy.deepcopy(DEFAULT_THEME)
    for key, value in theme.items():
        if isinstance(value, dict):
            whole[key] = {**whole.get(key, {}), **value}
        else:
            whole[key] = value
    label = text_for(whole["customTexts"].get("launcherLabel"), language_for(languages, locale)) if locale else None
    if label is not None:
        whole["launcher"]["label"] = label
    return whole


def text_for(texts: object, locale: str) -> str | None:
    """The text by language that is nearest to `locale`; None where there is none, or the texts aren't by language."""
    if not isinstance(texts, dict):
        return None
    tags = [tag for tag in texts if tag != EVERYBODY]
    near = language_for(tags, locale) if tags else ""
    same = near.split("-")[0] == locale.replace("_", "-").split("-")[0].lower()
    return texts.get(near if same else EVERYBODY)


def _too_faint(text: str, primary: str) -> tuple[str, str] | None:
    """What is wrong with a text of this colour on that one, and the nearest colour that passes; None where it reads."""
    found = contrast.ratio(text, primary)
    if found >= contrast.AA_TEXT:
        return None
    better = contrast.nearest(text, [primary]) or contrast.black_or_white(primary)
    shown = int(found * 10) / 10  # cut, not rounded: 4.46 must not read as enough
    words = (
        f"{text} on {primary} can't be read by everyone: its contrast is {shown}:1, needed is {contrast.AA_TEXT}:1. "
        f"The nearest colour that passes is {better}. Left out, the widget takes black or white by itself."
    )
    return words, better


def _tidy(value: dict[str, Any]) -> dict[str, Any]:
    """Only what is set. Inside of `customTexts` an empty text is kept: there it takes a text away."""
    tidy: dict[str, Any] = {}
    for key, item in value.items():
        if key == "customTexts":
            made: Any = {name: text for name, value in item.items() if (text := _tidy_text(value)) != {}}
        elif isinstance(item, dict):
            made = _tidy(item)
        elif isinstance(item, str):
            made = _colour_of(item) if key.lower().endswith("color") and _is_colour(item) else _trimmed(key, item)
        else:
            made = int(item)  # 16.0 is a whole number to JSON Schema
        if made not in ("", {}):
            tidy[key] = made
    return tidy


def _tidy_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    texts = {tag: text.strip() for tag, text in value.items()}
    return texts[EVERYBODY] if list(texts) == [EVERYBODY] else texts


def _trimmed(key: str, text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    return text if key == "greeting" else " ".join(text.split())


def _is_colour(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(_HEX, value) is not None


def _colour_of(text: str) -> str:
    digits = text[1:].lower()
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)
