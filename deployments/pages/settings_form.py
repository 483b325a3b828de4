"""The form of a deployment's settings, checked by `deployment_settings`, whose words stand beside the fields."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings

from deployments import deployment_settings, file_kinds, file_settings
from deployments.deployment_settings import LIMITS, LONGEST_HOURS, LONGEST_LABEL, Limit
from deployments.file_settings import LARGEST_FILE, MEGABYTE, FileSettings
from deployments.models import Deployment
from deployments.pages import queries
from deployments.safe_text import LONGEST_TEXT

_ROOT = re.compile(r"[^.\[]+")
_POSITION = re.compile(r"languages\[([0-9]+)\]")


class SettingsForm(forms.Form):
    """Name, environment, limits, languages, hours, files and end. `ends_at`, `max_bytes`: its end and size so far."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give it a name, such as the site it is for."})
    label = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"list": "labels", "maxlength": str(LONGEST_LABEL), "autocomplete": "off"}),
    )
    expires_at = forms.CharField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    languages = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"})
    )
    files_on = forms.BooleanField(required=False)
    files_size = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    hours_text = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2, "maxlength": LONGEST_HOURS}))

    def __init__(
        self, *args: Any, ends_at: dt.datetime | None = None, max_bytes: int = LARGEST_FILE, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.ends_at, self.max_bytes = ends_at, max_bytes
        for kind, words in file_kinds.WORDS.items():
            self.fields[f"files_{kind}"] = forms.BooleanField(required=False, label=words)
        for limit in LIMITS:
            # No number field: a browser sends nothing at all for what is no number, and nothing means no limit.
            attrs = {"inputmode": "numeric", "autocomplete": "off"}
            self.fields[limit.name] = forms.CharField(
                required=False, label=limit.words, help_text=_of_server(limit), widget=forms.TextInput(attrs=attrs)
            )

    @classmethod
    def of(cls, deployment: Deployment) -> SettingsForm:
        """The form as the deployment is now."""
        files = file_settings.of(deployment.files)
        initial: dict[str, Any] = {
            "name": deployment.name,
            "label": deployment.label,
            "languages": ", ".join(deployment.languages),
            "hours_text": deployment.hours_text,
            "expires_at": as_typed(deployment.expires_at),
            **_files_initial(files),
            **deployment.limits,
        }
        return cls(initial=initial, **cls.so_far(deployment))

    @staticmethod
    def so_far(deployment: Deployment) -> dict[str, Any]:
        """What the fields show in fewer digits than is stored: it stays as it is where the field stays as it is."""
        return {"ends_at": deployment.expires_at, "max_bytes": file_settings.of(deployment.files).max_bytes}

    @property
    def labels(self) -> list[str]:
        """The environments that the workspace has named so far."""
        return queries.labels()

    @property
    def kind_fields(self) -> list[forms.BoundField]:
        """The kinds of files, in their order."""
        return [self[f"files_{kind}"] for kind in file_kinds.KINDS]

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """The limits, in their order."""
        return [self[limit.name] for limit in LIMITS]

    def clean(self) -> dict[str, Any]:
        """The settings as the act takes them."""
        data = self.cleaned_data
        typed = {
            "label": data.get("label", ""),
            "hours_text": data.get("hours_text", ""),
            "languages": [tag for tag in re.split(r"[\s,;]+", data.get("languages", "")) if tag],
            "limits": {limit.name: _number(data.get(limit.name, "")) for limit in LIMITS},
            "expires_at": self._end(data.get("expires_at", "")),
            "files": {
                "on": data.get("files_on", False),
                "kinds": [kind for kind in file_kinds.KINDS if data.get(f"files_{kind}")],
                "max_bytes": self._size(data.get("files_size", "")),
            },
        }
        try:
            parsed = deployment_settings.settings_of(typed, self.ends_at)
        except deployment_settings.Refused as refused:
            self._put(refused.errors, typed["languages"])
            return data
        self.values: dict[str, Any] = {"name": data.get("name", ""), **parsed}
        return data

    def _size(self, typed: str) -> object:
        """Bytes: a program may have set a size that is no round number of megabytes."""
        return self.max_bytes if typed == _megabytes(self.max_bytes) else _bytes(typed)

    def _end(self, typed: str) -> object:
        """The moment: what a browser's field for date and time sends, in UTC."""
        if self.ends_at is not None and typed == as_typed(self.ends_at):
            return self.ends_at  # the field has no seconds
        return f"{typed}Z" if typed else None

    def _put(self, errors: Mapping[str, list[str]], languages: list[str]) -> None:
        for path, said in errors.items():
            found = _ROOT.match(path)
            if path in _FILE_FIELDS:
                if not self.has_error(_FILE_FIELDS[path]):
                    self.add_error(_FILE_FIELDS[path], _file_words(path))
                continue
            name = path.removeprefix("limits.") if path.startswith("limits.") else found[0] if found else path
            which = _POSITION.fullmatch(path)
            for words in said:
                self.add_error(name, f"“{languages[int(which[1])]}”: {words}" if which else _plain(words))


_FILE_FIELDS = {"files.on": "files_on", "files.kinds": f"files_{file_kinds.KINDS[0]}", "files.max_bytes": "files_size"}


def _files_initial(found: FileSettings) -> dict[str, Any]:
    size = _megabytes(found.max_bytes)
    kinds = {f"files_{kind}": kind in found.kinds for kind in file_kinds.KINDS}
    return {"files_on": found.on, "files_size": size, **kinds}


def _megabytes(size: int) -> str:
    """As the field takes it: with four digits after the point, and never nothing."""
    return f"{max(size / MEGABYTE, 0.0001):.4f}".rstrip("0").rstrip(".")


def _bytes(typed: str) -> object:
    """Megabytes as bytes; what is no number goes on as it is, and is refused."""
    text = typed.strip().replace(",", ".")
    if not text:
        return LARGEST_FILE
    return int(float(text) * MEGABYTE) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", text, re.ASCII) else text


def _file_words(path: str) -> str:
    if path == "files.kinds":
        return "Choose at least one kind, or turn files off."
    return f"A number of megabytes, more than 0 and at most {LARGEST_FILE // MEGABYTE}."


def as_typed(moment: dt.datetime | None) -> str:
    """As a browser's field for date and time has it, in UTC."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _number(typed: str) -> object:
    """A number where digits were typed; anything else is refused in the setting's own words."""
    text = typed.strip()
    if not text:
        return None
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else text


def _plain(words: str) -> str:
    """What is said to programs, as it is said on a page."""
    if words.startswith("A moment such as"):
        return "Choose a day and a time, or leave it empty for no end."
    return words


# Where the server's own limit is set, and over how many seconds the deployment's counts.
_SERVERS = {"sessions_per_hour": ("sessions_per_ip", 3600), "messages_per_minute": ("visitor_messages", 60)}
_SPANS = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}


def _of_server(limit: Limit) -> str:
    """The server's own limit in words, which holds where the field is empty: over the same time as the field counts."""
    if limit.name not in _SERVERS:
        return f"Empty: {LONGEST_TEXT:,}, as everywhere on this server."
    name, counted = _SERVERS[limit.name]
    amount, seconds = (int(part) for part in str(settings.LIMITS[name]).split("/"))
    span = _SPANS.get(seconds, f"{seconds:,} seconds")
    if seconds >= counted:
        return f"Empty: this server's own, {amount:,} in {span}."
    most = amount * counted // seconds
    return f"Empty: this server's own, {most:,} in {_SPANS[counted]}, at most {amount:,} of them in {span}."
