"""Forms of accounts and workspaces."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.utils import timezone

from workspaces.models import User, Workspace
from workspaces.permissions import SCOPES

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
