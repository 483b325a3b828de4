"""The forms of the Knowledge page. What may be taken `knowledge.sources` says; here it is only read."""

from __future__ import annotations

from typing import Any

from django import forms

from deployments.knowledge import parsing
from deployments.knowledge.languages import SIMPLE, choices
from deployments.knowledge.sources import INTERVALS
from workspaces.models import Secret

_LANGUAGES = [("", "Told from the text"), *choices(), (SIMPLE, "Another one (word by word)")]
_INTERVALS = [("", "Only when I press Fetch now"), *((str(hours), words) for hours, words in INTERVALS.items())]


class _Form(forms.Form):
    """Fields without rules of their own: the act has words for each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Several of them stand on one page.
        kwargs.setdefault("auto_id", f"{type(self).__name__.removesuffix('Form').lower()}_%s")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False
            field.validators.clear()

    @property
    def sent(self) -> dict[str, Any]:
        """The fields as they were typed."""
        self.full_clean()
        return {name: self.cleaned_data.get(name) or "" for name in self.fields}


def _language() -> forms.ChoiceField:
    return forms.ChoiceField(choices=_LANGUAGES)


class TextForm(_Form):
    """A pasted text."""

    title = forms.CharField(widget=forms.TextInput({"autocomplete": "off"}))
    text = forms.CharField(strip=False, widget=forms.Textarea({"rows": 8}))
    language = _language()


class FileForm(_Form):
    """One file."""

    file = forms.FileField(allow_empty_file=True, widget=forms.FileInput({"accept": parsing.ACCEPTED}))
    language = _language()


class WebForm(_Form):
    """A page, or a sitemap."""

    url = forms.CharField(
        widget=forms.TextInput(
            {"inputmode": "url", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        )
    )
    kind = forms.ChoiceField(
        choices=[("page", "This page alone"), ("sitemap", "All pages that the site's sitemap lists")]
    )
    refetch_hours = forms.ChoiceField(choices=_INTERVALS)
    language = _language()


class ChangeForm(_Form):
    """A source's title, how often it is fetched, and what a pasted text says."""

    title = forms.CharField(widget=forms.TextInput({"autocomplete": "off"}))
    text = forms.CharField(strip=False, widget=forms.Textarea({"rows": 14}))
    refetch_hours = forms.ChoiceField(choices=_INTERVALS)


class AskForm(_Form):
    """A question to try."""

    ask = forms.CharField(widget=forms.TextInput({"autocomplete": "off"}))


class EmbeddingsForm(_Form):
    """The endpoint of embeddings. Made inside `tenant()`: it lists the workspace's secrets."""

    base_url = forms.CharField(
        widget=forms.TextInput(
            {"inputmode": "url", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        )
    )
    model = forms.CharField(widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))
    secret = forms.ChoiceField()
    # Asked for where the secret has not been sent to this host before; it is never given back.
    secret_value = forms.CharField(strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = list(Secret.objects.order_by("key").values_list("key", flat=True))
        now = self.initial.get("secret", "")
        # One that was deleted since stays to be seen.
        listed = keys if not now or now in keys else [now, *keys]
        self.fields["secret"].choices = [("", "None"), *((key, key) for key in listed)]  # type: ignore[attr-defined]

    @property
    def wants_value(self) -> bool:
        """Whether the chosen secret was refused, and is there: then its value is asked for."""
        chosen = str(self.data.get("secret", ""))[:200] if self.is_bound else ""
        return bool(self.errors.get("secret")) and Secret.objects.filter(key=chosen.replace("\x00", "")).exists()


def hours_of(value: str) -> int | None:
    """What an interval's choice stands for; the act refuses what is none."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else None
