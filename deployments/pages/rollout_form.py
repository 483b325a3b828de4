"""The forms of the Rollout tab: what to try, and on how many."""

from __future__ import annotations

from typing import Any

from django import forms

from convoship.lib import parsers
from convoship.lib.problems import Problem
from deployments.models import AssistantVersion, Deployment
from deployments.rollouts import LEAST_SHARE, MOST_SHARE, Tried

MOST_VERSIONS = 50
LONGEST_THEME = 50_000
DRAFT = "draft"
USUAL_SHARE = 20
_A_SHARE = f"A whole number from {LEAST_SHARE} to {MOST_SHARE}."


class ShareForm(forms.Form):
    """Percent of the visitors."""

    share = forms.IntegerField(
        min_value=LEAST_SHARE,
        max_value=MOST_SHARE,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _A_SHARE),
        widget=forms.NumberInput(attrs={"min": LEAST_SHARE, "max": MOST_SHARE, "inputmode": "numeric"}),
    )


class RolloutForm(ShareForm):
    """What to try, and on how many."""

    theme = forms.CharField(
        required=False,
        max_length=LONGEST_THEME,
        widget=forms.Textarea(
            attrs={"rows": 6, "class": "mono", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
        ),
    )

    def __init__(self, deployment: Deployment, data: Any = None) -> None:
        super().__init__(data, initial={"share": USUAL_SHARE})
        choices = forms.ChoiceField(
            required=False,
            choices=version_choices(deployment),
            error_messages={"invalid_choice": "There is no such version."},
        )
        self.fields["version"] = choices

    def clean_theme(self) -> object:
        """The theme that was typed, None for none. What isn't JSON is said with its place."""
        typed = self.cleaned_data["theme"]
        if not typed:
            return None
        try:
            return parsers.loads(typed, called="This")
        except parsers.BadJSON as refused:
            raise forms.ValidationError(str(refused)) from None

    @property
    def tried(self) -> Tried:
        """What the act takes."""
        chosen = self.cleaned_data["version"]
        return Tried(
            version=int(chosen) if chosen.isdigit() else None,
            draft=chosen == DRAFT,
            theme=self.cleaned_data["theme"],
        )


def version_choices(deployment: Deployment) -> list[tuple[str, str]]:
    """What can be tried: nothing else than the theme, the draft where it differs, any version but the live one."""
    assistant = deployment.assistant
    live = assistant.published
    if live is None:
        return []
    choices = [("", f"Version {live.number} as now, another theme")]
    if assistant.has_unpublished_changes:
        choices.append((DRAFT, "The draft as it is now"))
    others = AssistantVersion.objects.filter(assistant=assistant).exclude(id=live.id).order_by("-number")
    rows = others.values_list("number", "note")[:MOST_VERSIONS]
    return choices + [(str(number), f"Version {number}{f': {note}' if note else ''}") for number, note in rows]


def put_on(form: RolloutForm, problem: Problem) -> None:
    """As `refusals.put_on`, with the paths of a theme's faults, which are many keys in one field."""
    for path, said in problem.errors.items():
        field, _, inside = path.partition(".")
        for words in said:
            form.add_error(field if field in form.fields else None, f"{inside}: {words}" if inside else words)
