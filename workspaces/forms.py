"""Forms of accounts and workspaces."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from convoship.lib.problems import Problem
from workspaces import refusals
from workspaces.models import User, Workspace
from workspaces.permissions import SCOPES
from workspaces.secret_store import KEY_WORDS

EXPIRIES = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}


class NameForm(forms.ModelForm):
    """What others see of a person."""

    class Meta:
        model = User
        fields = ("name",)
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class WorkspaceForm(forms.ModelForm):
    """A workspace's name."""

    class Meta:
        model = Workspace
        fields = ("name",)
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "organization"})}
        error_messages = {"name": {"required": "Give the workspace a name."}}


class ApiKeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(max_length=100, error_messages={"required": "Name the key after what will use it."})
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one scope."},
    )
    expires = forms.ChoiceField(choices=list(EXPIRIES.items()), required=False)

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the key ends, or None for never."""
        days = self.cleaned_data["expires"]
        return timezone.now() + dt.timedelta(days=int(days)) if days else None


class _ValueInput(forms.Textarea):
    """Several lines that are typed or pasted unseen (`secrets.css`), and that never come back in a page."""

    def __init__(self) -> None:
        # A browser's spelling help may send what is typed to its maker.
        unread = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "autocorrect": "off"}
        super().__init__({"class": "unseen", "rows": 3, "translate": "no", "data-1p-ignore": True, **unread})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Without the value."""
        return super().get_context(name, None, attrs)


class SecretValueForm(forms.Form):
    """A secret's value. What it may be the store says; here it is only taken, and forgotten."""

    value = forms.CharField(
        required=False,
        strip=False,
        widget=_ValueInput(),
        help_text="Paste it; several lines are fine. It is hidden here, and never shown again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.validators.clear()  # the store has words for each thing that a value may not be

    @property
    def value_sent(self) -> str:
        """The value as it was typed: browsers send line ends as CR LF."""
        return str(self.cleaned_data.get("value", "")).replace("\r\n", "\n")

    def refuse(self, problem: Problem) -> None:
        """Say why it was not written, and that the value has to be pasted once more."""
        refusals.put_on(self, problem)
        if self.value_sent and "value" not in self.errors:
            self.add_error("value", "Paste the value again: a page never carries it back.")


class NewSecretForm(SecretValueForm):
    """A secret under a new key."""

    key = forms.CharField(
        required=False,
        help_text=KEY_WORDS,
        widget=forms.TextInput(
            {"class": "mono", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    field_order = ("key", "value")

    @property
    def key_sent(self) -> str:
        """The key as it was typed."""
        return str(self.cleaned_data.get("key", ""))
