"""The panel of the Appearance tab: its fields, and how each is read from a theme and put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments import widget_texts
from deployments.theme import EVERYBODY, TRANSLATED

OWN_IMAGE = "own"


@dataclass(frozen=True)
class Setting:
    """One field of the panel. `kind`: colour, text, lines, address, whole, choice or icon."""

    path: str
    label: str
    kind: str = "text"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    most: int = 0


@dataclass(frozen=True)
class Group:
    """Fields that belong together; `more` are set rarely."""

    title: str
    settings: tuple[Setting, ...]
    more: tuple[Setting, ...] = ()


GROUPS = (
    Group(
        "Colours",
        (
            Setting("primaryColor", "Main colour", "colour", "Header, buttons and the visitor's own messages."),
            Setting("textColor", "Text on it", "colour", "Left empty: black or white, whichever reads better."),
            Setting("launcher.color", "Launcher's colour", "colour", "Left empty: the main colour."),
            Setting(
                "mode",
                "Light or dark",
                "choice",
                choices=(("auto", "As the device"), ("light", "Always light"), ("dark", "Always dark")),
            ),
        ),
    ),
    Group(
        "Launcher",
        (
            Setting(
                "launcher.icon",
                "Icon",
                "icon",
                choices=(("chat", "Speech bubble"), ("help", "Question mark"), (OWN_IMAGE, "My own image")),
            ),
            Setting("launcher.label", "Label", hint="Read out by screen readers. Left empty: Chat.", most=40),
        ),
    ),
    Group(
        "Position",
        (
            Setting(
                "position",
                "Corner",
                "choice",
                choices=(("bottom-right", "Bottom right"), ("bottom-left", "Bottom left")),
            ),
            Setting("offset.x", "From the side", "whole", "Pixels more than usual.", most=200),
            Setting("offset.y", "From the bottom", "whole", "Pixels more than usual.", most=200),
        ),
        (
            Setting(
                "zIndex",
                "z-index",
                "whole",
                "Lower it where something of the page has to lie above the chat.",
                most=2147483647,
            ),
        ),
    ),
    Group(
        "Header",
        (
            Setting("header.title", "Title", hint="Left empty: the assistant's name.", most=60),
            Setting("header.subtitle", "Subtitle", most=120),
            Setting("header.avatarUrl", "Picture", "address", "Begins with https://. Square, 80 pixels or more."),
        ),
    ),
    Group(
        "Conversation",
        (
            Setting("greeting", "Greeting", "lines", "Stands above the first message.", most=300),
            Setting("avatarUrl", "Assistant's picture", "address", "Beside its messages. Begins with https://."),
            Setting("radius", "Roundness of the window", "whole", "0 to 32 pixels.", most=32),
        ),
    ),
)
SETTINGS = tuple(setting for group in GROUPS for setting in (*group.settings, *group.more))


def at(theme: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for key in path.split("."):
        theme = theme.get(key) if isinstance(theme, dict) else None
    return theme


def put(theme: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path; an empty one is taken out, with the group that it leaves empty."""
    *groups, key = path.split(".")
    inside: Any = theme
    for group in groups:
        if not isinstance(inside.get(group), dict):
            inside[group] = {}
        inside = inside[group]
    if value == "":
        inside.pop(key, None)
    else:
        inside[key] = value
    if groups and not theme[groups[0]]:
        del theme[groups[0]]


def put_text(theme: dict[str, Any], key: str, language: str, text: str) -> None:
    """Set one of the widget's texts for a language, or for everybody; an empty one is the widget's own again.

    One that was taken away on purpose (an empty text, which only Theme JSON can say) stays away.
    """
    texts = theme.get("customTexts")
    texts = theme["customTexts"] = dict(texts) if isinstance(texts, dict) else {}
    entry = texts.pop(key, None)
    was: Any = dict(entry) if isinstance(entry, dict) else {} if entry is None else {EVERYBODY: entry}
    if key in TRANSLATED:
        was.pop(EVERYBODY, None)
    if text:
        was[language] = text
    elif was.get(language) != "":
        was.pop(language, None)
    if was:
        texts[key] = was[EVERYBODY] if list(was) == [EVERYBODY] else was
    if not texts:
        del theme["customTexts"]


# Said only where an assistant has no name, and each has one. Theme JSON takes it.
NOT_OFFERED = frozenset({"title"})


def text_keys(language: str) -> list[str]:
    """The texts that the panel sets: for everybody, those of TRANSLATED have their own fields."""
    own = [key for key in widget_texts.wording(language) if key not in NOT_OFFERED]
    return own if language == EVERYBODY else [*TRANSLATED, *own]
