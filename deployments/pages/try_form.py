"""The fields of *Try it*: what is said, by whom, where, and what answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from deployments import trying
from deployments.models import Assistant, AssistantVersion
from deployments.responders.schema import CHANNELS, MOST_LANGUAGES
from deployments.safe_text import LONGEST_TEXT
from deployments.trying import LONGEST_LOCALE, Setting

DRAFT = "draft"
MOST_VERSIONS = 20
CHANNEL_LABELS = {"web": "Web", "whatsapp": "WhatsApp", "sms": "SMS", "voice": "Voice", "webhook": "Webhook"}

_LOCALE = r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}"
_NUMBER = re.compile("[0-9]{1,9}")


class TryForm(forms.Form):
    """What is said, and as whom. What isn't there is as on a new page."""

    text = forms.CharField(
        max_length=LONGEST_TEXT,
        required=False,
        error_messages={"max_length": f"This is too long: at most {LONGEST_TEXT} characters are possible."},
    )
    channel = forms.ChoiceField(choices=[(key, CHANNEL_LABELS[key]) for key in CHANNELS], required=False)
    language = forms.RegexField(
        rf"^{_LOCALE}\Z",
        max_length=LONGEST_LOCALE,
        required=False,
        error_messages={"invalid": "Use a language tag such as en, de or pt-BR."},
    )
    name = forms.CharField(max_length=100, required=False)
    email = forms.CharField(max_length=254, required=False)
    source = forms.RegexField(rf"^({DRAFT}|[0-9]{{1,9}})\Z", required=False)


def languages_of(script: Mapping[str, Any]) -> list[str]:
    """The languages that an author writes in: those named, and those that texts have other words for."""
    found = dict.fromkeys(script.get("languages", ()))

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            for entry in value.get("also", ()):
                if entry.get("language"):
                    found.setdefault(entry["language"])
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look([part for name, part in script.items() if name not in {"languages", "variables"}])
    return list(found)[:MOST_LANGUAGES]


def default_values(assistant: Assistant) -> dict[str, str]:
    """What a new panel's fields hold."""
    languages = assistant.draft["scripted"].get("languages", ())
    return {
        "text": "",
        "channel": trying.WEB,
        "language": languages[0] if languages else "en",
        "name": "",
        "email": "",
        "source": DRAFT,
    }


def versions_of(assistant: Assistant) -> list[AssistantVersion]:
    """The latest versions, without what is in them."""
    return list(assistant.versions.defer("content", "test_report").order_by("-number")[:MOST_VERSIONS])


def setting(assistant: Assistant, values: Mapping[str, str]) -> tuple[Setting, str]:
    """What these fields ask for, and a word for it that changes when it does. Inside `tenant()`."""
    visitor = {name: values[name] for name in ("name", "email") if values[name]}
    who = {"channel": values["channel"], "locale": values["language"] or None, "visitor": visitor}
    if _NUMBER.fullmatch(values["source"]):
        version = assistant.versions.filter(number=int(values["source"])).first()
        if version is not None:
            return trying.of_version(version, **who), f"version {version.number}"
    return trying.of_draft(assistant, **who), assistant.draft_changed_at.isoformat()
