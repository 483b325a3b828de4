"""The Appearance tab's form: the panel's fields and Theme JSON as two views of one theme."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib import parsers
from deployments import theme as themes
from deployments import widget_texts
from deployments.deployment_settings import Refused, parse_languages
from deployments.models import Deployment
from deployments.pages.appearance_panel import (
    GROUPS,
    NOT_OFFERED,
    OWN_IMAGE,
    SETTINGS,
    Setting,
    at,
    put,
    put_text,
    text_keys,
)
from deployments.theme import DEFAULT_THEME, EVERYBODY, TRANSLATED, ThemeRefused

_UNSHOWABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    """What is wrong at one path; `better` is a value that passes."""

    path: str
    words: str
    better: str = ""


@dataclass
class Appearance:
    """A theme as it is edited: good, bad, or not even readable as JSON."""

    theme: Any
    json_text: str
    language: str = EVERYBODY
    side: str = "panel"
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, theme: Mapping[str, Any], language: str = EVERYBODY) -> Appearance:
        """A theme as it is kept."""
        return cls(copy.deepcopy(dict(theme)), as_text(theme), language)

    def check(self) -> dict[str, Any] | None:
        """The theme in normal form; None with `faults` where it can't be used."""
        if self.faults:
            return None
        try:
            return themes.validate(self.theme)
        except ThemeRefused as refused:
            self.faults = [
                Fault(path, said, refused.better.get(path, ""))
                for path, all_ in refused.errors.items()
                for said in all_
            ]
            return None


def language_of(typed: str) -> str | None:
    """A language tag in its usual spelling, or EVERYBODY; None where it is neither."""
    if typed == EVERYBODY:
        return typed
    try:
        return parse_languages([typed])[0]
    except Refused:
        return None


def seen(theme: Mapping[str, Any]) -> str:
    """A mark of the theme that a form began with, by which another's change in between is noticed."""
    return hashlib.sha256(json.dumps(theme, sort_keys=True).encode()).hexdigest()[:16]


def as_text(theme: Any) -> str:
    """Theme JSON as people edit it: indented, keys in the order of the documentation."""
    text = json.dumps(_ordered(theme, themes.THEME_SCHEMA), indent=2, ensure_ascii=False)
    return _UNSHOWABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _ordered(value: Any, schema: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    parts = schema.get("properties", {})
    keys = sorted(value, key=lambda key: list(parts).index(key) if key in parts else len(parts))
    return {key: _ordered(value[key], parts.get(key, {})) for key in keys}


def differing(one: Any, other: Any, path: str = "") -> list[str]:
    """Paths at which two themes are not the same."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [] if one == other else [path]
    keys = sorted(set(one) | set(other))
    return [
        found
        for key in keys
        for found in differing(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    ]


# --- What was sent ------------------------------------------------------------------------------------------------


def sent(data: QueryDict, kept: Mapping[str, Any]) -> Appearance:
    """What a form sent: the side that was saved. The panel shows one language's texts; the others are in its base."""
    language = language_of(data.get("shown_language", "")) or EVERYBODY
    side = data.get("op", "")
    side = side if side in {"panel", "json"} else data.get("side", "panel")
    text = data.get("json", "")
    panel = from_panel(data, _base(data, kept), language)
    if side != "json":
        return Appearance(panel, as_text(panel), language)
    found = Appearance(panel, text, language, "json")
    try:
        found.theme = parsed(text)
    except ValueError as error:
        found.faults = [Fault("", str(error))]
    return found


def _base(data: QueryDict, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """The theme as the form was made from it, changes that are not saved yet included."""
    try:
        base = parsed(data.get("base", ""))
    except ValueError:
        return kept
    return base if isinstance(base, dict) and "base" in data else kept


def parsed(text: str) -> Any:
    """JSON as it is, {} where there is nothing; ValueError in plain words where it is none."""
    try:
        return parsers.loads(text or "{}", called="This")
    except parsers.BadJSON as error:
        raise ValueError(str(error)) from None


def from_panel(data: Mapping[str, Any], base: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The theme that the panel's fields say; what it shows no field for stays as it is in `base`."""
    made = copy.deepcopy(dict(base))
    for setting in SETTINGS:
        if setting.path not in data:
            continue
        typed: Any = str(data[setting.path]).replace("\r\n", "\n").strip()
        if setting.kind == "icon" and typed == OWN_IMAGE:
            # Without an address it stays what it is, so that it is refused and not silently the default.
            typed = str(data.get(f"{setting.path}.address", "")).strip() or OWN_IMAGE
        if setting.kind == "whole" and re.fullmatch(r"-?[0-9]{1,15}", typed):
            typed = int(typed)
        is_default = setting.choices and typed == at(DEFAULT_THEME, setting.path)
        put(made, setting.path, "" if is_default and at(base, setting.path) is None else typed)
    for key in text_keys(language):
        if f"text.{key}" in data:
            put_text(made, key, language, str(data[f"text.{key}"]).replace("\r\n", "\n").strip())
    return made


@dataclass(frozen=True)
class Told:
    """A fault as the notice above the form tells it: at the field that it is about, where one is shown."""

    words: str
    path: str
    anchor: str = ""
    label: str = ""


def told(edited: Appearance) -> list[Told]:
    """All that is wrong."""
    fields = {f"customTexts.{item['key']}": item for item in texts(edited) if not item["is_elsewhere"]}
    fields |= {path + "." + edited.language: item for path, item in fields.items()}
    places = {path: (item["id"], item["label"]) for path, item in fields.items()}
    places |= {setting.path: (_id_of(setting), setting.label) for setting in SETTINGS}
    return [Told(fault.words, fault.path, *places.get(fault.path, ())) for fault in edited.faults]


# --- What is shown ------------------------------------------------------------------------------------------------


def languages(row: Deployment, theme: Any, chosen: str) -> list[str]:
    """Languages to choose from: the deployment's, the theme's, the widget's own."""
    texts = at(theme, "customTexts")
    written = [
        tag
        for entry in (texts.values() if isinstance(texts, dict) else ())
        if isinstance(entry, dict)
        for tag in entry
        if language_of(tag) == tag
    ]
    found = [*row.languages, *sorted(set(written)), *widget_texts.by_language(), chosen]
    return [tag for tag in dict.fromkeys(found) if tag != EVERYBODY]


def groups(edited: Appearance) -> list[dict[str, Any]]:
    """The panel's fields with their values and faults, for the template."""
    return [
        {
            "title": group.title,
            "fields": [_shown(setting, edited) for setting in group.settings],
            "more": [_shown(setting, edited) for setting in group.more],
        }
        for group in GROUPS
    ]


def _shown(setting: Setting, edited: Appearance) -> dict[str, Any]:
    value, default = at(edited.theme, setting.path), at(DEFAULT_THEME, setting.path)
    typed = showable(value)
    address = ""
    if setting.kind == "icon" and typed not in {"", "chat", "help"}:
        typed, address = OWN_IMAGE, "" if typed == OWN_IMAGE else typed
    return {
        "setting": setting,
        "id": _id_of(setting),
        "value": typed or (str(default) if setting.choices else ""),
        "is_own": typed == OWN_IMAGE,
        "address": address,
        "default": "" if default in ("", None) else str(default),
        "faults": [fault for fault in edited.faults if fault.path == setting.path],
    }


def _id_of(setting: Setting) -> str:
    return "f-" + setting.path.replace(".", "-")


def showable(value: Any) -> str:
    """A value as it may stand in a field, whatever was sent."""
    if value is None or isinstance(value, dict | list):
        return ""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


def texts(edited: Appearance) -> list[dict[str, Any]]:
    """The widget's texts in the language that is shown, each with what stands there by itself."""
    own, english = widget_texts.wording(edited.language), widget_texts.wording(widget_texts.STANDARD)
    return [_shown_text(key, edited, own, english) for key in (*TRANSLATED, *own) if key not in NOT_OFFERED]


_NAMES = {
    "launcherLabel": "Launcher's label",
    "headerTitle": "Header: title",
    "headerSubtitle": "Header: subtitle",
    "greeting": "Greeting",
}


def _shown_text(key: str, edited: Appearance, own: Mapping[str, str], english: Mapping[str, str]) -> dict[str, Any]:
    entry = at(edited.theme, "customTexts")
    entry = entry.get(key) if isinstance(entry, dict) else None
    by_language = entry if isinstance(entry, dict) else {EVERYBODY: entry}
    for_all = at(edited.theme, TRANSLATED[key][0]) if key in TRANSLATED else by_language.get(EVERYBODY)
    path = f"customTexts.{key}"
    here = {path, f"{path}.{edited.language}"}
    return {
        "key": key,
        "id": f"f-text-{key}",
        "is_elsewhere": key in TRANSLATED and edited.language == EVERYBODY,
        "label": _NAMES.get(key) or english[key],
        "value": showable(by_language.get(edited.language)),
        "placeholder": showable(for_all if edited.language != EVERYBODY else "") or own.get(key, ""),
        "faults": [fault for fault in edited.faults if fault.path in here],
    }
